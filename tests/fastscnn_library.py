"""libfastscnn through ctypes, for tests and comparisons that hold it against other programs: compile, load, run, export.

Arrays are numpy's.  An error of the library is raised as RuntimeError with its one line of text.  Structures are written
down a second time here, so `load` compares their fields with the header's: a change there is told, not misread."""
import ctypes
import os
import re

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("FASTSCNN_BUILD", os.path.join(HERE, "..", "build"))
HEADER = os.path.join(HERE, "..", "include", "fastscnn", "fastscnn.h")
POOLS = {"fixed": 0, "adaptive": 1}  # enum fscnn_pool
INPUTS = {"f32": 0, "u8": 1}  # enum fscnn_input_type
OUTPUTS = {"f32": (0, np.float32), "f16": (1, np.float16), "labels": (2, np.uint8)}  # enum fscnn_output_type


class Error(ctypes.Structure):
    header_name = "fscnn_error"
    _fields_ = [("text", ctypes.c_char * 512)]


class Log(ctypes.Structure):
    header_name = "fscnn_log"
    _fields_ = [("line", ctypes.c_void_p), ("user", ctypes.c_void_p)]


class Sensitivity(ctypes.Structure):
    header_name = "fscnn_sensitivity"
    _fields_ = [("layer", ctypes.c_void_p), ("user", ctypes.c_void_p)]


class ModelInfo(ctypes.Structure):
    header_name = "fscnn_model_info"
    _fields_ = [("name", ctypes.c_char_p), ("input_name", ctypes.c_char_p), ("output_name", ctypes.c_char_p),
                ("channels", ctypes.c_int), ("height", ctypes.c_int), ("width", ctypes.c_int),
                ("classes", ctypes.c_int), ("output_height", ctypes.c_int), ("output_width", ctypes.c_int),
                ("output_is_labels", ctypes.c_bool), ("precision", ctypes.c_int), ("num_batch_sizes", ctypes.c_int),
                ("batch_sizes", ctypes.c_int * 16), ("parameters", ctypes.c_uint64), ("macs", ctypes.c_uint64),
                ("weight_bytes", ctypes.c_uint64), ("activation_bytes", ctypes.c_uint64),
                ("scratch_bytes", ctypes.c_uint64)]


class CompileOptions(ctypes.Structure):
    header_name = "fscnn_compile_options"
    _fields_ = [("height", ctypes.c_int), ("width", ctypes.c_int), ("num_batch_sizes", ctypes.c_int),
                ("batch_sizes", ctypes.c_int * 16), ("precision", ctypes.c_int),
                ("calibration", ctypes.c_char_p), ("calibration_limit", ctypes.c_int), ("pool", ctypes.c_int),
                ("output_name", ctypes.c_char_p), ("log", Log), ("calibration_method", ctypes.c_int),
                ("accuracy_budget", ctypes.c_double), ("sensitivity", Sensitivity), ("exact", ctypes.c_bool)]


class ExportOptions(ctypes.Structure):
    header_name = "fscnn_export_options"
    _fields_ = [("batch_size", ctypes.c_int), ("height", ctypes.c_int), ("width", ctypes.c_int),
                ("pool", ctypes.c_int), ("opset", ctypes.c_int), ("dynamic_batch", ctypes.c_bool)]


class SessionOptions(ctypes.Structure):
    header_name = "fscnn_session_options"
    _fields_ = [("threads", ctypes.c_int), ("pin", ctypes.c_bool), ("first_processor", ctypes.c_int)]


class Picture(ctypes.Structure):
    header_name = "fscnn_picture"
    _fields_ = [("width", ctypes.c_int), ("height", ctypes.c_int), ("rgb", ctypes.POINTER(ctypes.c_uint8))]


class Labels(ctypes.Structure):
    header_name = "fscnn_labels"
    _fields_ = [("width", ctypes.c_int), ("height", ctypes.c_int), ("labels", ctypes.POINTER(ctypes.c_uint8))]


class Class(ctypes.Structure):
    header_name = "fscnn_class"
    _fields_ = [("name", ctypes.c_char_p), ("label_id", ctypes.c_int), ("train_id", ctypes.c_int),
                ("rgb", ctypes.c_uint8 * 3)]


class Peak(ctypes.Structure):
    header_name = "fscnn_peak"
    _fields_ = [("threads", ctypes.c_int), ("compute", ctypes.c_double * 3), ("read_memory", ctypes.c_double),
                ("write_memory", ctypes.c_double), ("read_cache", ctypes.c_double)]


def header_fields(name):
    """Names of the fields of a struct in the header, in order."""
    with open(HEADER, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    body = re.search(r"struct " + name + r" \{(.*?)\n\};", text, re.S).group(1)
    fields = []
    for declaration in filter(str.strip, body.split(";")):
        function = re.search(r"\(\*(\w+)\)", declaration)
        names = [function.group(1)] if function else [re.search(r"(\w+)\s*(\[.*\])?\s*$", part).group(1)
                                                      for part in declaration.split(",")]
        fields += names
    return fields


class Library:
    """The library of FASTSCNN_BUILD."""

    def __init__(self):
        self.path = os.path.join(BUILD, "src", "libfastscnn.so")
        for structure in (Error, Log, Sensitivity, ModelInfo, CompileOptions, ExportOptions, SessionOptions, Picture, Labels,
                          Class, Peak):
            here = [name for name, _ in structure._fields_]
            there = header_fields(structure.header_name)
            if here != there:
                raise RuntimeError(f"struct {structure.header_name} has the fields {there} in fastscnn.h, {here} here")
        self.functions = ctypes.CDLL(self.path)
        self.functions.fscnn_version.restype = ctypes.c_char_p
        self.functions.fscnn_cpu_isa.restype = ctypes.c_char_p
        self.functions.fscnn_train_id_of_label_id.restype = ctypes.c_uint8
        self.functions.fscnn_class_of_train_id.restype = Class
        self.functions.fscnn_model_output_bytes.restype = ctypes.c_size_t
        self.functions.fscnn_model_input_bytes.restype = ctypes.c_size_t

    def call(self, name, *arguments):
        error = Error()
        if getattr(self.functions, name)(*arguments, ctypes.byref(error)) != 0:
            raise RuntimeError(error.text.decode())

    def compile(self, path, height=0, width=0, pool="fixed", batch_sizes=()):
        options = CompileOptions(height=height, width=width, pool=POOLS[pool], num_batch_sizes=len(batch_sizes))
        options.batch_sizes[:len(batch_sizes)] = batch_sizes
        handle = ctypes.c_void_p()
        self.call("fscnn_compile", os.fsencode(path), ctypes.byref(options), ctypes.byref(handle))
        return Model(self, handle)

    def load(self, path):
        """An offline model (.fscnn)."""
        handle = ctypes.c_void_p()
        self.call("fscnn_model_load", os.fsencode(path), ctypes.byref(handle))
        return Model(self, handle)

    def class_name(self, train_id):
        return self.functions.fscnn_class_of_train_id(int(train_id)).name.decode()

    def peak(self, threads):
        peak = Peak()
        self.call("fscnn_cpu_peak", threads, ctypes.byref(peak))
        return peak

    def read_picture(self, path):
        """u8 [h, w, 3]."""
        picture = Picture()
        self.call("fscnn_picture_read", os.fsencode(path), ctypes.byref(picture))
        try:
            return np.ctypeslib.as_array(picture.rgb, (picture.height, picture.width, 3)).copy()
        finally:
            self.functions.fscnn_picture_free(ctypes.byref(picture))

    def normalize(self, rgb):
        """The network's float input f32 [3, h, w] of u8 [h, w, 3]."""
        rgb = np.ascontiguousarray(rgb, np.uint8)
        picture = Picture(rgb.shape[1], rgb.shape[0], rgb.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)))
        out = np.empty((3,) + rgb.shape[:2], np.float32)
        self.functions.fscnn_normalize(ctypes.byref(picture), out.ctypes.data_as(ctypes.c_void_p))
        return out

    def read_labels(self, path):
        """u8 [h, w]."""
        labels = Labels()
        self.call("fscnn_labels_read", os.fsencode(path), ctypes.byref(labels))
        try:
            return np.ctypeslib.as_array(labels.labels, (labels.height, labels.width)).copy()
        finally:
            self.functions.fscnn_labels_free(ctypes.byref(labels))

    def export_onnx(self, pth, onnx, height, width, pool="fixed", opset=11, batch_size=1, dynamic_batch=False):
        options = ExportOptions(batch_size, height, width, POOLS[pool], opset, dynamic_batch)
        self.call("fscnn_export_onnx", os.fsencode(pth), os.fsencode(onnx), ctypes.byref(options))


class Model:
    """A compiled model; close it, or use it with `with`."""

    def __init__(self, library, handle):
        self.library, self.handle = library, handle
        self.info = ModelInfo()
        library.functions.fscnn_model_get_info(handle, ctypes.byref(self.info))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.functions.fscnn_model_free(ctypes.byref(self.handle))

    def output(self, name, count=1):
        """A zeroed array for `count` images of an output type ("f32", "f16", "labels"); its pages are there."""
        number, dtype = OUTPUTS[name]
        shape = (count, self.info.output_height, self.info.output_width)
        result = np.empty(shape if name == "labels" else (count, self.info.classes) + shape[1:], dtype)
        if self.library.functions.fscnn_model_output_bytes(self.handle, number, count) != result.nbytes:
            raise RuntimeError(f"{result.shape} {result.dtype} is no output of the model")
        result.fill(0)
        return result

    def session(self, threads=2):
        return Session(self, threads)

    def run(self, images, *outputs, threads=2):
        """Runs images, f32 [n, 3, h, w] or u8 [n, h, w, 3]; one array for each of outputs ("f32", "f16", "labels")."""
        images = np.ascontiguousarray(images)
        with self.session(threads) as session:
            results = [session.run(images, name, self.output(name, len(images))) for name in outputs]
        return results[0] if len(results) == 1 else results


class Session:
    """Threads and memory to run a model; close it before the model, or use it with `with`."""

    def __init__(self, model, threads):
        self.model, self.handle = model, ctypes.c_void_p()
        model.library.call("fscnn_session_create", model.handle, ctypes.byref(SessionOptions(threads)),
                           ctypes.byref(self.handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.model.library.functions.fscnn_session_free(ctypes.byref(self.handle))

    def run(self, images, name, result):
        """Contiguous images into `result`, an array that Model.output made for this type and count; returns it."""
        library, kind = self.model.library, INPUTS["u8" if images.dtype == np.uint8 else "f32"]
        if library.functions.fscnn_model_input_bytes(self.model.handle, kind, len(images)) != images.nbytes:
            raise RuntimeError(f"{images.shape} {images.dtype} is no input of the model")
        library.call("fscnn_session_run", self.handle, kind, images.ctypes.data_as(ctypes.c_void_p), OUTPUTS[name][0],
                     result.ctypes.data_as(ctypes.c_void_p), len(images))
        return result
