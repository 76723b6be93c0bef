#!/usr/bin/env python3
"""ONNX against its makers: prints TAP.

  onnx_peers.py ONNX_TOOL

What fscnn_export_onnx writes must pass onnx.checker and give PyTorch's logits in ONNX Runtime; what torch.onnx writes -
of Fast-SCNN and of small networks in the manner of other code bases - must import and give the same figures in
tests/graph_eval. Needs onnx, onnxruntime, torch and numpy (in the Python named by FASTSCNN_PYTHON, else this one);
skips without.
"""
import os
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as missing:
    python = os.environ.get("FASTSCNN_PYTHON")
    if python and os.path.realpath(python) != os.path.realpath(sys.executable):
        del os.environ["FASTSCNN_PYTHON"]
        os.execv(python, [python] + sys.argv)
    print("1..0 # SKIP", str(missing).splitlines()[0])
    sys.exit(0)

from torch_network import random_network  # noqa: E402

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
TOOL = sys.argv[1]
TOLERANCE = 1e-3
count = failures = 0


def case(name, problem):
    """One line of TAP; problem is None or a text."""
    global count, failures
    count += 1
    print(("not ok" if problem else "ok"), count, "-", name, flush=True)
    if problem:
        failures += 1
        print("#", problem, flush=True)


def run(*arguments):
    """onnx_tool; its message where it fails."""
    done = subprocess.run([TOOL] + [str(a) for a in arguments], capture_output=True, text=True)
    return None if done.returncode == 0 else (done.stderr.strip() or f"exit code {done.returncode}")


def difference(got, expected):
    if got.shape != expected.shape:
        return f"shape {got.shape} instead of {expected.shape}"
    error = float(np.abs(got.astype(np.float64) - expected.astype(np.float64)).max())
    return None if error <= TOLERANCE else f"off by {error}"


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


# ---- export --------------------------------------------------------------------------------------


def check_export(pth, model, opset, size, pool, batch, folder):
    """None, or what is wrong with a file written for opset, size (h, w), pool and batch (0: dynamic)."""
    path = f"{folder}/export.onnx"
    problem = run("export", pth, path, opset, f"{size[0]}x{size[1]}", pool, batch)
    if problem:
        return problem
    loaded = onnx.load(path)
    onnx.checker.check_model(loaded, full_check=True)
    dims = onnx.shape_inference.infer_shapes(loaded, strict_mode=True).graph.output[0].type.tensor_type.shape.dim
    if [d.dim_value for d in dims[1:]] != [19, *size] or (dims[0].dim_param != "batch" if batch == 0 else dims[0].dim_value != batch):
        return f"output dimensions {dims}"
    if loaded.opset_import[0].version != opset or loaded.graph.input[0].name != "image" or loaded.graph.output[0].name != "output1":
        return "opset or names"
    runtime = session(path)
    for n in [batch] if batch else [1, 3]:
        x = torch.randn(n, 3, *size, generator=torch.Generator().manual_seed(n))
        with torch.no_grad():
            expected = model(x).numpy()
        problem = difference(runtime.run(None, {"image": x.numpy()})[0], expected)
        if problem:
            return f"batch {n}: {problem}"
    return None


def test_export(folder):
    for pool in "fixed", "adaptive":
        model = random_network(1, pool=pool)
        pth = f"{folder}/{pool}.pth"
        torch.save(model.state_dict(), pth)
        for opset in range(11, 19):
            for batch in 1, 0, 2:
                if batch == 2 and opset != 13:
                    continue
                # 1080 x 1920 in small: sides that 32 does not divide.
                for size in ((192, 256), (203, 270)) if pool == "fixed" else ((96, 128), (67, 131)):
                    name = f"export opset {opset}, {pool}, batch {batch or 'dynamic'}, {size[0]}x{size[1]}"
                    case(name, check_export(pth, model, opset, size, pool, batch, folder))


# ---- import --------------------------------------------------------------------------------------


def torch_export(model, x, path, opset, **more):
    torch.onnx.export(model, x, path, opset_version=opset, input_names=["image"], output_names=["output1", "output2", "output3"][: more.pop("outputs", 1)], **more)


def check_import(model, x, path, opset, output=0, names=(), shrinks=False):
    """Imports for x's size, runs in graph_eval and compares with what torch gives - or, before opset 11, with what ONNX
    Runtime makes of the file, since these operators have no half-pixel centres and torch's export changes results. (But
    where nearest neighbours shrink the picture: ONNX Runtime rounds up there, and torch and the version converter of
    ONNX down, as we do.)"""
    if opset < 11 and not shrinks:
        expected = session(path).run(None, {"image": x.numpy()})[output]
    else:
        with torch.no_grad():
            expected = model(x)
        expected = (expected[output] if isinstance(expected, tuple) else expected).numpy()
    expected = expected.astype(np.float32)
    folder = os.path.dirname(path)
    x.numpy().tofile(f"{folder}/x.bin")
    problem = run("eval", path, f"{x.shape[2]}x{x.shape[3]}", f"{folder}/x.bin", f"{folder}/y.bin", *names)
    if problem:
        return problem
    got = np.fromfile(f"{folder}/y.bin", np.float32)
    return f"{got.size} values instead of {expected.size}" if got.size != expected.size else difference(got.reshape(expected.shape), expected)


def import_case(name, model, x, opset, folder, exported_from=None, output=0, names=(), **more):
    path = f"{folder}/torch.onnx"
    try:
        torch_export(model, x if exported_from is None else exported_from, path, opset, **more)
    except Exception as reason:  # torch cannot write every network in every opset
        print(f"# {name}: torch does not export it: {str(reason).splitlines()[0][:100]}")
        return
    if opset < 11:
        try:
            session(path)
        except Exception:  # Upsample that shrinks
            print(f"# {name}: ONNX Runtime does not run it")
            return
    case(name, check_import(model, x, path, opset, output, names, shrinks=name.startswith("shrinking, nearest")))


def test_import_fast_scnn(folder):
    batch = {0: "batch"}
    free = {0: "batch", 2: "height", 3: "width"}
    eval_mode = torch.onnx.TrainingMode.EVAL
    preserve = torch.onnx.TrainingMode.PRESERVE
    fixed = random_network(2, pool="fixed")
    adaptive = random_network(2, pool="adaptive")
    aux = random_network(2, pool="fixed", aux=True)
    x = torch.randn(1, 3, 192, 256, generator=torch.Generator().manual_seed(5))
    wide = torch.randn(1, 3, 192, 192, generator=torch.Generator().manual_seed(6))
    odd = torch.randn(1, 3, 203, 241, generator=torch.Generator().manual_seed(7))
    for opset in range(9, 18):
        import_case(f"fast-scnn opset {opset}", fixed, x, opset, folder)
    for opset in 11, 13, 17:
        import_case(f"fast-scnn opset {opset}, dynamic batch", fixed, x, opset, folder, dynamic_axes={"image": batch, "output1": batch})
        import_case(f"fast-scnn opset {opset}, unfolded", fixed, x, opset, folder, do_constant_folding=False, training=eval_mode)
        import_case(f"fast-scnn opset {opset}, batch norm kept", fixed, x, opset, folder, do_constant_folding=False, training=preserve)
    import_case("fast-scnn, initializers as inputs", fixed, x, 11, folder, keep_initializers_as_inputs=True)
    import_case("fast-scnn, initializers as inputs, batch norm kept", fixed, x, 13, folder, keep_initializers_as_inputs=True, training=preserve, do_constant_folding=False)
    import_case("fast-scnn, odd size", fixed, odd, 11, folder)
    import_case("fast-scnn, adaptive where it divides", adaptive, wide, 11, folder)
    import_case("fast-scnn, adaptive, free sizes", adaptive, wide, 13, folder, dynamic_axes={"image": free, "output1": free})
    for output in range(3):
        import_case(f"fast-scnn with auxiliary heads, output {output + 1}", aux, x, 11, folder, outputs=3, output=output, names=[f"output{output + 1}"])


class Small(nn.Module):
    """A network in the manner of Fast-SCNN, to vary."""

    def __init__(self, stem_pad=1, depth_kernel=3, middle=None, head=None, last=None):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, stem_pad, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.depth = nn.Conv2d(8, 8, depth_kernel, 1, depth_kernel // 2, groups=8)
        self.classes = nn.Conv2d(8, 5, 1)
        self.middle, self.last = middle, last
        self.head = head or nn.Identity()
        generator = torch.Generator().manual_seed(3)
        for p in self.parameters():
            p.data.normal_(0, 0.4, generator=generator)
        self.norm.running_mean.normal_(0, 0.1, generator=generator)
        self.norm.running_var.uniform_(0.5, 1.5, generator=generator)
        self.eval()

    def forward(self, x):
        y = F.relu6(self.norm(self.stem(x)))
        y = y + F.relu(self.depth(y))
        if self.middle:
            y = self.middle(y)
        y = self.classes(y)
        y = self.last(y, x) if self.last else F.interpolate(y, x.shape[2:], mode="bilinear", align_corners=True)
        return self.head(y)


class Expression(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *arguments):
        return self.function(*arguments)


def fixed_pool(y, n):
    h, w = int(y.shape[2]), int(y.shape[3])
    s = h // n, w // n
    return F.avg_pool2d(y, (h - (n - 1) * s[0], w - (n - 1) * s[1]), s)


def pyramid(pool, mode="bilinear", align=True):
    def apply(y):
        parts = [y]
        for n in 1, 2, 4:
            corners = None if mode == "nearest" else align
            parts.append(F.interpolate(pool(y, n), y.shape[2:], mode=mode, align_corners=corners))
        return parts[0] + parts[1] * 0.5 + parts[2] + parts[3] / 3

    return apply


def up(mode, align=None, **more):
    return lambda y, x: F.interpolate(y, mode=mode, align_corners=align, **(more or {"size": x.shape[2:]}))


def variants():
    add = Expression
    mean = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5]).reshape(1, 5, 1, 1)
    yield "first convolution without padding", Small(stem_pad=0)
    yield "depthwise 5x5", Small(depth_kernel=5)
    yield "align_corners=False", Small(last=up("bilinear", False))
    yield "nearest", Small(last=up("nearest"))
    yield "by scale_factor, bilinear", Small(last=up("bilinear", False, scale_factor=2))
    yield "by scale_factor, aligned", Small(last=up("bilinear", True, scale_factor=2))
    yield "by scale_factor 1.7", Small(last=up("bilinear", False, scale_factor=1.7))
    yield "by scale_factor, nearest", Small(last=up("nearest", scale_factor=3))
    yield "by scale_factor, recomputed", Small(last=up("bilinear", False, scale_factor=1.7, recompute_scale_factor=True))
    yield "shrinking", Small(last=up("bilinear", False, size=(7, 9)))
    yield "shrinking, nearest", Small(last=up("nearest", size=(7, 9)))
    yield "adaptive pooling that divides", Small(middle=pyramid(lambda y, n: F.adaptive_avg_pool2d(y, n)))
    yield "fixed pooling", Small(middle=pyramid(fixed_pool, "bilinear", False))
    yield "fixed pooling, nearest", Small(middle=pyramid(fixed_pool, "nearest"))
    yield "pad before average pool", Small(middle=lambda y: F.avg_pool2d(F.pad(y, (1, 2, 0, 1)), 3, 2))
    yield "average pool, padding counted", Small(middle=lambda y: F.avg_pool2d(y, 3, 2, 1))
    yield "average pool, padding not counted", Small(middle=lambda y: F.avg_pool2d(y, 3, 2, 1, count_include_pad=False))
    yield "average pool, ceil mode", Small(middle=lambda y: F.avg_pool2d(y, 3, 2, 0, ceil_mode=True))
    yield "mean over height and width", Small(middle=lambda y: F.interpolate(y.mean((2, 3), keepdim=True), y.shape[2:], mode="nearest"))
    yield "dilated convolution", Small(middle=nn.Conv2d(8, 8, 3, padding=2, dilation=2).eval())
    yield "softmax head", Small(head=add(lambda y: F.softmax(y, 1)))
    yield "argmax head", Small(head=add(lambda y: y.argmax(1)))
    yield "argmax head, kept", Small(head=add(lambda y: y.argmax(1, keepdim=True)))
    yield "argmax head, int32", Small(head=add(lambda y: y.argmax(1).to(torch.int32)))
    yield "argmax of softmax, uint8", Small(head=add(lambda y: F.softmax(y, 1).argmax(1).to(torch.uint8)))
    yield "clamp and arithmetic", Small(head=add(lambda y: (y.clamp(-1, 2) * 3 - mean) / 2 + 1))
    yield "one-sided clamp", Small(head=add(lambda y: y.clamp(max=1).clamp(min=-0.5)))
    yield "normalised inside", nn.Sequential(add(lambda x: (x - mean[:, :3]) / (mean[:, 2:] * 2)), Small())
    yield "dropout", Small(head=nn.Dropout2d(0.3).eval())
    yield "sequential upsample", Small(last=lambda y, x: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)(y))


def test_import_variants(folder):
    free = {0: "batch", 2: "height", 3: "width"}
    x = torch.randn(1, 3, 32, 64, generator=torch.Generator().manual_seed(8))
    other = torch.randn(1, 3, 48, 80, generator=torch.Generator().manual_seed(9))
    for name, model in variants():
        model = model.eval()
        for opset in 9, 10, 11, 13, 16:
            import_case(f"{name}, opset {opset}", model, x, opset, folder)
        import_case(f"{name}, batch norm kept", model, x, 12, folder, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
        # Exported at one size, read for another: the model's own arithmetic must give the sizes.
        if "pool" not in name and "counted" not in name:
            import_case(f"{name}, free sizes", model, other, 14, folder, exported_from=x, dynamic_axes={"image": free})


def main():
    print("# onnx", onnx.__version__, "onnxruntime", ort.__version__, "torch", torch.__version__)
    with tempfile.TemporaryDirectory() as folder:
        test_import_variants(folder)
        test_import_fast_scnn(folder)
        test_export(folder)
    print(f"1..{count}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
