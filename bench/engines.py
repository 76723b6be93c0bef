"""The engines that bench/compare measures: how each loads its model and runs one image.

An engine is made from a job (a dict: model, precision, threads, height, width, input, output) in a process of its own, with the
settings that its documentation names for latency on a processor, and with `threads` threads. It has

    run()       one image, from a buffer that is there to a buffer that is there; may return the milliseconds that count
                where these are not the call's
    result()    the logits f32 [1, classes, h, w], or for output "labels" the label map u8 [1, h, w]
    version     and settings, a line that says what was chosen

Imports of peers are local: a process has only the engine it measures."""
import os
import sys
import time

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLASSES = 19
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def float_image(job):
    return np.fromfile(job["input"], np.float32).reshape(1, 3, job["height"], job["width"])


def byte_image(job):
    return np.fromfile(job["input"], np.uint8).reshape(1, job["height"], job["width"], 3)


def empty_logits(job):
    """Zeroed, so that no run meets pages for the first time."""
    logits = np.empty((1, CLASSES, job["height"], job["width"]), np.float32)
    logits.fill(0)
    return logits


class FastScnn:
    """The public header by ctypes: what any program that links libfastscnn does."""

    def __init__(self, job):
        os.environ["FASTSCNN_BUILD"] = job["build"]
        sys.path.insert(0, os.path.join(ROOT, "tests"))
        from fastscnn_library import Library
        library = Library()
        self.version = library.functions.fscnn_version().decode()
        self.settings = "kernels: " + library.functions.fscnn_cpu_isa().decode()
        self.model = library.load(job["model"])
        self.session = self.model.session(job["threads"])
        self.kind = "labels" if job["output"] == "labels" else "f32"
        self.input = (byte_image if job["input"].endswith(".u8") else float_image)(job)
        self.output = self.model.output(self.kind)

    def run(self):
        self.session.run(self.input, self.kind, self.output)

    def result(self):
        return self.output


class FastScnnStreams(FastScnn):
    """For bench/compare --scaling: `streams` sessions of one model at once, `batch` images a call, for `seconds`. What counts
    is the time for an image at the sum of their rates: no stream waits for a slower one, nor would one of a server."""

    def __init__(self, job):
        from concurrent.futures import ThreadPoolExecutor
        super().__init__(job)
        self.seconds, self.batch = job["seconds"], job["batch"]
        self.input = np.repeat(self.input, job["batch"], axis=0)
        self.streams = [(self.session, self.model.output(self.kind, job["batch"]))]
        while len(self.streams) < job["streams"]:
            self.streams.append((self.model.session(job["threads"]), self.model.output(self.kind, job["batch"])))
        self.pool = ThreadPoolExecutor(len(self.streams))

    def run_stream(self, stream):
        """Images a millisecond."""
        begin, images, elapsed = time.perf_counter(), 0, 0
        while elapsed < self.seconds:
            stream[0].run(self.input, self.kind, stream[1])
            images += self.batch
            elapsed = time.perf_counter() - begin
        return images / (elapsed * 1e3)

    def run(self):
        return 1 / sum(self.pool.map(self.run_stream, self.streams))

    def result(self):
        return np.concatenate([output for _, output in self.streams])


class OnnxRuntime:
    """Every graph optimisation, threads that spin (its default), buffers bound beforehand."""

    def __init__(self, job):
        import onnxruntime as ort
        options = ort.SessionOptions()
        options.intra_op_num_threads = job["threads"]
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.version = ort.__version__
        self.settings = "ORT_ENABLE_ALL, sequential, io binding"
        self.session = ort.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
        self.input, self.output = float_image(job), empty_logits(job)
        self.binding = self.session.io_binding()
        for name, array, bind in ((self.session.get_inputs()[0].name, self.input, self.binding.bind_input),
                                  (self.session.get_outputs()[0].name, self.output, self.binding.bind_output)):
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def result(self):
        return self.output


class OpenVino:
    """Its latency hint, one stream, tensors that share numpy's memory. For labels, what its documentation has for that:
    PrePostProcessor takes the bytes, and TopK is added to the network."""

    def __init__(self, job):
        import openvino
        core = openvino.Core()
        self.version = openvino.__version__.split("-")[0]
        # int8 is in the model; what stays beside it runs in bf16 where that is OpenVINO's own choice.
        precision = {"fp32": {"INFERENCE_PRECISION_HINT": "f32"}, "bf16": {"INFERENCE_PRECISION_HINT": "bf16"},
                     "int8": {}}[job["precision"]]
        if job["precision"] == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeError("OpenVINO has no bf16 for this processor")
        model = core.read_model(job["model"])
        if job["output"] == "labels":
            model = self.with_labels(model)
            self.input = byte_image(job)
            self.output = np.zeros((1, job["height"], job["width"]), np.uint8)
        else:
            self.input, self.output = float_image(job), empty_logits(job)
        compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
                                                     "INFERENCE_NUM_THREADS": job["threads"], **precision})
        self.settings = "LATENCY, 1 stream, precision %s, shared tensors" % (
            compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        self.request = compiled.create_infer_request()
        self.request.set_input_tensor(openvino.Tensor(self.input, shared_memory=True))
        self.request.set_output_tensor(openvino.Tensor(self.output, shared_memory=True))

    @staticmethod
    def with_labels(model):
        import openvino
        from openvino import opset13
        steps = openvino.preprocess.PrePostProcessor(model)
        image = steps.input()
        image.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        image.model().set_layout(openvino.Layout("NCHW"))
        image.preprocess().convert_element_type(openvino.Type.f32)
        image.preprocess().mean([255 * value for value in MEAN]).scale([255 * value for value in DEVIATION])
        model = steps.build()
        logits = model.output(0).get_node().input_value(0)
        best = opset13.topk(logits, np.int64(1), 1, "max", "none", "i32")
        labels = opset13.convert(opset13.squeeze(best.output(1), np.int64([1])), "u8")
        return openvino.Model([labels], model.get_parameters(), "labels")

    def run(self):
        self.request.start_async()
        self.request.wait()

    def result(self):
        return self.output


class Ncnn:
    """Its defaults (packed layouts, Winograd, sgemm) and its pool allocators: the output is ncnn's, but its memory is kept from
    run to run."""

    def __init__(self, job):
        import ncnn
        self.ncnn, self.net = ncnn, ncnn.Net()
        self.version = ncnn.__version__
        option = self.net.opt
        self.blobs, self.workspace = ncnn.UnlockedPoolAllocator(), ncnn.PoolAllocator()
        option.blob_allocator, option.workspace_allocator = self.blobs, self.workspace
        option.num_threads = job["threads"]
        option.use_vulkan_compute = False
        option.use_fp16_packed = option.use_fp16_storage = option.use_fp16_arithmetic = False
        option.use_bf16_storage = job["precision"] == "bf16"
        self.settings = "pool allocators, bf16 storage %s" % ("on" if option.use_bf16_storage else "off")
        if self.net.load_param(job["model"] + ".param") or self.net.load_model(job["model"] + ".bin"):
            raise RuntimeError("ncnn cannot load what pnnx wrote")
        self.input = float_image(job)
        self.mat = ncnn.Mat(self.input[0])
        self.output = None

    def run(self):
        self.output = None  # back to the pool
        extractor = self.net.create_extractor()
        extractor.input("in0", self.mat)
        status, self.output = extractor.extract("out0")
        if status:
            raise RuntimeError("ncnn could not run the network")

    def result(self):
        return np.array(self.output)[None]


class Mnn:
    """An Interpreter session with precision high; copying from and to host tensors is part of a run, since it also takes the
    numbers to and from MNN's own layout."""

    def __init__(self, job):
        import MNN
        self.version = MNN.version()
        self.settings = "session, precision high, host tensors"
        self.interpreter = MNN.Interpreter(job["model"])
        self.session = self.interpreter.createSession({"backend": "CPU", "precision": "high",
                                                       "numThread": job["threads"]})
        self.input, self.output = float_image(job), empty_logits(job)
        self.there = (self.interpreter.getSessionInput(self.session), self.interpreter.getSessionOutput(self.session))
        self.host = [MNN.Tensor(array.shape, MNN.Halide_Type_Float, array, MNN.Tensor_DimensionType_Caffe)
                     for array in (self.input, self.output)]

    def run(self):
        self.there[0].copyFrom(self.host[0])
        self.interpreter.runSession(self.session)
        self.there[1].copyToHostTensor(self.host[1])

    def result(self):
        return np.array(self.host[1].getNumpyData()).reshape(self.output.shape)


ENGINES = {"fastscnn": FastScnn, "fastscnn_streams": FastScnnStreams, "onnxruntime": OnnxRuntime, "openvino": OpenVino,
           "ncnn": Ncnn, "mnn": Mnn}
