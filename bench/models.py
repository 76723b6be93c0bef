"""What each engine is given: the same network and the same picture, in the form that it reads.

Everything is made below one folder by the tools that come with the engines. The picture and the pictures that int8 is
calibrated on are rendered street scenes; the network is the default model, or a checkpoint named on the command line."""
import filecmp
import glob
import importlib.util
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
CALIBRATION_PICTURES = 4


class Unavailable(Exception):
    """Why an engine cannot have its model, in one line."""


def call(*command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if result.returncode != 0:
        lines = result.stdout.strip().splitlines() or [f"exit code {result.returncode}"]
        line = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise Unavailable(f"{os.path.basename(command[0])}: {line.strip()}")


class Models:
    """Files below `folder`, for `height` x `width`; what a peer needs is made when it is asked for."""

    def __init__(self, build, folder, height, width, checkpoint):
        os.environ["FASTSCNN_BUILD"] = build
        sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))
        from fastscnn_library import Library
        self.library = Library()
        self.build, self.folder, self.height, self.width = build, folder, height, width
        self.program = os.path.join(build, "fastscnn")
        self.name = os.path.join(folder, f"fast_scnn_{height}x{width}")
        self.onnx = self.name + ".onnx"
        self.scene = self.draw("scene", 1, 1)
        self.calibration = self.draw("calibration", CALIBRATION_PICTURES, 7)
        self.input_f32, self.input_u8 = self.name + ".f32", self.name + ".u8"
        rgb = self.library.read_picture(self.scene_pictures(self.scene)[0])
        rgb.tofile(self.input_u8)
        self.library.normalize(rgb).tofile(self.input_f32)
        self.export(checkpoint)

    def export(self, checkpoint):
        """The same network again leaves the file, and what was made from it, alone."""
        new = self.name + ".new.onnx"
        call(self.program, "export", "--opset", "13",  # int8 for each channel needs 13 in ONNX Runtime
             "--pth_path", checkpoint, "--onnx_name", new, "--input_shape",
             f"1,3,{self.height},{self.width}")
        if os.path.exists(self.onnx) and filecmp.cmp(new, self.onnx, shallow=False):
            os.remove(new)
        else:
            os.replace(new, self.onnx)

    def is_fresh(self, output):
        """Made from this ONNX file by these versions: converting takes the peers up to a minute."""
        return os.path.exists(output) and os.path.getmtime(output) > max(os.path.getmtime(self.onnx),
                                                                         os.path.getmtime(REQUIREMENTS))

    def draw(self, name, count, seed):
        folder = os.path.join(self.folder, name)
        call(os.path.join(self.build, "tools", "street_scenes"), "--output", folder, "--count", str(count), "--seed",
             str(seed), "--size", f"{self.height}x{self.width}")
        return folder

    @staticmethod
    def scene_pictures(folder):
        return sorted(glob.glob(os.path.join(folder, "leftImg8bit", "val", "demo", "*.png")))

    def calibration_inputs(self):
        """f32 [1, 3, height, width] of each calibration picture, one after the other."""
        for picture in self.scene_pictures(self.calibration):
            yield self.library.normalize(self.library.read_picture(picture))[None]

    # ---- one method an engine: precision -> file ----

    def fastscnn(self, precision, batches=None):
        """`batches` (None: 1 alone) are batch sizes that the model is to take."""
        output = f"{self.name}_{precision}" + ("_batches" if batches else "")
        more = {"int8": [f"--calibrate={self.calibration}/leftImg8bit/val/demo"], "exact": ["--exact"]}.get(precision, [])
        precision = "fp32" if precision == "exact" else precision
        if batches:
            more += [f"--input_shape=image:-1,3,{self.height},{self.width}", f"--dynamic_batch_size={batches}"]
        call(self.program, "compile", f"--model={self.onnx}", f"--output={output}", f"--precision={precision}", *more)
        return output + ".fscnn"

    def onnxruntime(self, precision):
        """int8: its own static quantisation, QDQ, uint8 activations, int8 weights for each channel."""
        if precision == "fp32":
            return self.onnx
        prepared, output = self.name + "_prepared.onnx", self.name + "_qdq.onnx"
        if self.is_fresh(output):
            return output
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
        inputs = self.calibration_inputs()

        class Reader(quantization.CalibrationDataReader):
            def get_next(self):
                image = next(inputs, None)
                return None if image is None else {"image": image}

        quant_pre_process(self.onnx, prepared, skip_symbolic_shape=True)  # every shape is a number
        quantization.quantize_static(
            prepared, output, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8)
        return output

    def openvino(self, precision):
        """int8: NNCF's post-training quantisation with its defaults."""
        if precision != "int8":
            return self.onnx
        output = self.name + "_nncf.xml"
        if self.is_fresh(output):
            return output
        import nncf
        import openvino
        model = openvino.Core().read_model(self.onnx)
        quantised = nncf.quantize(model, nncf.Dataset(list(self.calibration_inputs())),
                                  subset_size=CALIBRATION_PICTURES)
        openvino.save_model(quantised, output)
        return output

    def ncnn(self, _precision):
        """pnnx writes ncnn's two files beside its input; weights stay in float32."""
        if not self.is_fresh(self.name + ".ncnn.param"):
            # The program alone: importing the package would import PyTorch.
            folder = importlib.util.find_spec("pnnx").submodule_search_locations[0]
            call(os.path.join(folder, "pnnx"), os.path.basename(self.onnx),
                 f"inputshape=[1,3,{self.height},{self.width}]f32", "fp16=0", cwd=self.folder)
        return self.name + ".ncnn"

    def mnn(self, _precision):
        output = self.name + ".mnn"
        if not self.is_fresh(output):
            call(os.path.join(os.path.dirname(sys.executable), "mnnconvert"), "-f", "ONNX", "--modelFile", self.onnx,
                 "--MNNModel", output, "--bizCode", "fastscnn")
        return output
