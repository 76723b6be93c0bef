"""The network in PyTorch as a reference for tests: one plain function of a state_dict, layer by layer in the order of the
published network, with none of the rewrites that make inference fast.

Importing it without PyTorch tries Debian's Python, which has Debian's PyTorch even where another python3 comes first in
the PATH, and otherwise prints a TAP plan that says so and ends the program."""
import os
import sys

# Large blocks stay in the heap: page faults would cost as much as the arithmetic. Read when the program starts.
SETTINGS = {"GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=8589934592",
            "OMP_NUM_THREADS": "2"}
DEBIAN = "/usr/bin/python3"


def restart(python, **environment):
    os.execve(python, [python] + sys.argv, {**os.environ, **environment})


try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    if os.path.exists(DEBIAN) and os.path.realpath(sys.executable) != os.path.realpath(DEBIAN):
        restart(DEBIAN)
    print("1..0 # SKIP no PyTorch")
    sys.exit(0)
if "GLIBC_TUNABLES" not in os.environ:
    restart(sys.executable, **SETTINGS)
torch.set_num_threads(2)


def load_state(path):
    """A checkpoint's state_dict in float32: out of the dict that wraps it, without `module.`."""
    state = torch.load(path, map_location="cpu")
    for key in ("state_dict", "model"):
        state = state.get(key, state)
    return {name[7:] if name.startswith("module.") else name: value.float() for name, value in state.items()}


def resize(x, size):
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def pool(x, bins, kind):
    """Averages to bins x bins; `fixed` has one window and one stride, as a model exported to ONNX has."""
    if kind == "adaptive":
        return F.adaptive_avg_pool2d(x, bins)
    stride = [size // bins for size in x.shape[2:]]
    window = [size - (bins - 1) * step for size, step in zip(x.shape[2:], stride)]
    return F.avg_pool2d(x, window, stride)


def logits(state, image, kind):
    """f32 [n, classes, h, w] from image f32 [n, 3, h, w]; kind is the pooling, `fixed` or `adaptive`."""
    def conv(x, name, stride=1, padding=0):
        weight = state[name + ".weight"]
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(x, weight, state.get(name + ".bias"), stride, padding, 1, groups)

    def norm(x, name):
        return F.batch_norm(x, state[name + ".running_mean"], state[name + ".running_var"], state[name + ".weight"],
                            state[name + ".bias"], False, 0.0, 1e-5)

    def conv_norm(x, name, stride=1, padding=0):
        return norm(conv(x, name + ".conv", stride, padding), name + ".bn")

    def separable(x, name, stride):
        x = F.relu(norm(conv(x, name + ".block.depthwise", stride, 1), name + ".block.bn_depth"))
        return F.relu(norm(conv(x, name + ".block.pointwise"), name + ".block.bn_point"))

    def residual(x, name, stride):
        y = F.relu6(conv_norm(x, name + ".conv.0"))
        y = F.relu6(conv_norm(y, name + ".conv.1", stride, 1))
        y = norm(conv(y, name + ".conv.2"), name + ".conv.3")
        return x + y if stride == 1 and x.shape[1] == y.shape[1] else y

    with torch.no_grad():
        high = F.relu(conv_norm(image, "learning_to_downsample.conv", 2))
        high = separable(high, "learning_to_downsample.dsconv1", 2)
        high = separable(high, "learning_to_downsample.dsconv2", 2)
        low = high
        for stage, stride in (("bottleneck1", 2), ("bottleneck2", 2), ("bottleneck3", 1)):
            for block in range(3):
                low = residual(low, f"global_feature_extractor.{stage}.{block}", stride if block == 0 else 1)
        parts = [low]
        for i, bins in enumerate((1, 2, 3, 6)):
            part = F.relu(conv_norm(pool(low, bins, kind), f"global_feature_extractor.ppm.convs.{i}"))
            parts.append(resize(part, low.shape[2:]))
        low = F.relu(conv_norm(torch.cat(parts, 1), "global_feature_extractor.out"))
        low = F.relu(conv_norm(resize(low, high.shape[2:]), "feature_fusion.dwconv"))
        low = norm(conv(low, "feature_fusion.conv_lower_res.0"), "feature_fusion.conv_lower_res.1")
        high = norm(conv(high, "feature_fusion.conv_higher_res.0"), "feature_fusion.conv_higher_res.1")
        y = F.relu(high + low)
        y = separable(separable(y, "classifier.dsconv1", 1), "classifier.dsconv2", 1)
        return resize(conv(y, "classifier.conv.1"), image.shape[2:]).numpy()


def normalize(rgb):
    """f32 [3, h, w] from u8 [h, w, 3], every step rounded to float32, as torchvision does it."""
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    std = np.array([0.229, 0.224, 0.225], np.float32)
    return np.ascontiguousarray(((rgb.astype(np.float32) / np.float32(255) - mean) / std).transpose(2, 0, 1))
