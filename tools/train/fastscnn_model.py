"""Fast-SCNN for training: the network of the paper with the parameter names of the
published SegmenTron checkpoint, so that a state_dict saved from here loads wherever that
one does.  Every module exists for its parameters; `FastSCNN.logits` is the data flow."""
import random

import torch
import torch.nn as nn
import torch.nn.functional as F


class SlowBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that normalises with its running statistics in training too.

    The pyramid's pooled maps have 1 to 36 values a picture: statistics of one batch of so
    few are noise that inference never sees.  The running ones follow slowly instead."""

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                if x.numel() // x.shape[1] > 1:
                    var, mean = torch.var_mean(x.float(), (0, 2, 3))
                    self.running_mean.lerp_(mean, 0.02)
                    self.running_var.lerp_(var, 0.02)
                self.num_batches_tracked += 1
        # clones: the buffers change in the next step, before or after this one's backward pass
        return F.batch_norm(x, self.running_mean.clone(), self.running_var.clone(), self.weight, self.bias,
                            False, 0.0, self.eps)


class ReLU6Half(torch.autograd.Function):
    """In-place ReLU6 for bfloat16, whose own backward pass older torch lacks on CPUs."""

    @staticmethod
    def forward(ctx, x):
        y = x.clamp_(0, 6)
        ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        y, = ctx.saved_tensors
        g = torch.ops.aten.threshold_backward(g, y, 0)
        return torch.ops.aten.threshold_backward(g, 6 - y, 0)


def relu6_(x):
    return F.relu6(x, inplace=True) if x.dtype == torch.float32 else ReLU6Half.apply(x)


class EverySecond(torch.autograd.Function):
    """x[:, :, ::2, ::2], channels last forward and backward (autograd's own slice would lose the layout)."""

    @staticmethod
    def forward(ctx, x):
        ctx.size = x.shape
        return x[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx, g):
        out = torch.empty(ctx.size, dtype=g.dtype, memory_format=torch.channels_last).zero_()
        out[:, :, ::2, ::2] = g
        return out


class Depthwise2d(nn.Conv2d):
    """3x3 depthwise convolution.  While training, stride 2 is stride 1 and every second value: PyTorch's backward
    pass of a strided depthwise convolution on CPUs takes several times as long as that of the whole plane."""

    def __init__(self, channels, stride):
        super().__init__(channels, channels, 3, stride, 1, groups=channels, bias=False)

    def forward(self, x):
        if self.stride == (1, 1) or not torch.is_grad_enabled():
            return super().forward(x)
        return EverySecond.apply(F.conv2d(x, self.weight, None, 1, 1, 1, self.groups))


class ConvBNAct(nn.Module):
    def __init__(self, cin, cout, kernel=1, stride=1, padding=0, groups=1, act=F.relu_, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv = Depthwise2d(cin, stride) if groups > 1 else \
            nn.Conv2d(cin, cout, kernel, stride, padding, bias=False)
        self.bn = norm(cout)
        self.act = act

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Separable(nn.Module):
    """3x3 depthwise and 1x1, each with batch norm and ReLU."""

    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.block = nn.ModuleDict({
            "depthwise": Depthwise2d(cin, stride),
            "bn_depth": nn.BatchNorm2d(cin),
            "pointwise": nn.Conv2d(cin, cout, 1, bias=False),
            "bn_point": nn.BatchNorm2d(cout)})

    def forward(self, x):
        b = self.block
        x = F.relu_(b["bn_depth"](b["depthwise"](x)))
        return F.relu_(b["bn_point"](b["pointwise"](x)))


class InvertedResidual(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        wide = 6 * cin
        self.skip = stride == 1 and cin == cout
        self.conv = nn.Sequential(
            ConvBNAct(cin, wide, act=relu6_),
            ConvBNAct(wide, wide, 3, stride, 1, groups=wide, act=relu6_),
            nn.Conv2d(wide, cout, 1, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = self.conv(x)
        return x + y if self.skip else y


def stage(cin, cout, stride):
    return nn.Sequential(InvertedResidual(cin, cout, stride), InvertedResidual(cout, cout, 1),
                         InvertedResidual(cout, cout, 1))


def pool(x, n, kind):
    """Average to n x n: `adaptive` (bins may overlap by one) or `fixed` (one stride and one
    window, what exported models carry).  The two agree where n divides the size."""
    h, w = x.shape[2:]
    if kind == "adaptive" or min(h, w) < n:
        return F.adaptive_avg_pool2d(x, n)
    sh, sw = h // n, w // n
    return F.avg_pool2d(x, (h - (n - 1) * sh, w - (n - 1) * sw), (sh, sw))


def resize(x, size):
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


class Pyramid(nn.Module):
    BINS = (1, 2, 3, 6)

    def __init__(self, width):
        super().__init__()
        self.convs = nn.ModuleList(ConvBNAct(width, width // 4, norm=SlowBatchNorm2d) for _ in self.BINS)

    def forward(self, x, kind):
        return torch.cat([x] + [resize(c(pool(x, n, kind)), x.shape[2:]) for n, c in zip(self.BINS, self.convs)], 1)


class AuxHead(nn.Sequential):
    def __init__(self, cin, classes):
        super().__init__(nn.Conv2d(cin, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
                         nn.Dropout2d(0.1), nn.Conv2d(32, classes, 1))


class FastSCNN(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.learning_to_downsample = nn.ModuleDict({
            "conv": ConvBNAct(3, 32, 3, 2), "dsconv1": Separable(32, 48, 2), "dsconv2": Separable(48, 64, 2)})
        self.global_feature_extractor = nn.ModuleDict({
            "bottleneck1": stage(64, 64, 2), "bottleneck2": stage(64, 96, 2), "bottleneck3": stage(96, 128, 1),
            "ppm": Pyramid(128), "out": ConvBNAct(256, 128)})
        self.feature_fusion = nn.ModuleDict({
            "dwconv": ConvBNAct(128, 128),
            "conv_lower_res": nn.Sequential(nn.Conv2d(128, 128, 1), nn.BatchNorm2d(128)),
            "conv_higher_res": nn.Sequential(nn.Conv2d(64, 128, 1), nn.BatchNorm2d(128))})
        self.classifier = nn.ModuleDict({
            "dsconv1": Separable(128, 128), "dsconv2": Separable(128, 128),
            "conv": nn.Sequential(nn.Dropout2d(0.1), nn.Conv2d(128, classes, 1))})
        self.auxlayer1 = AuxHead(64, classes)
        self.auxlayer2 = AuxHead(128, classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out" if m.groups == 1 else "fan_in")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def logits(self, x, kind="fixed", aux=False):
        """Logits at 1/8 of the picture, and with `aux` those of the two training heads (1/8 and 1/32)."""
        d, g, f, c = (self.learning_to_downsample, self.global_feature_extractor, self.feature_fusion,
                      self.classifier)
        high = d["dsconv2"](d["dsconv1"](d["conv"](x)))
        low = g["bottleneck3"](g["bottleneck2"](g["bottleneck1"](high)))
        low = g["out"](g["ppm"](low, kind))
        # A 1x1 convolution commutes with the resize: run it on the small map, then batch norm and ReLU on the large
        # one, as inference does.
        y = resize(f["dwconv"].conv(low), high.shape[2:])
        y = F.relu_(f["dwconv"].bn(y))
        y = F.relu_(f["conv_higher_res"](high) + f["conv_lower_res"](y))
        y = c["conv"](c["dsconv2"](c["dsconv1"](y)))
        return (y, self.auxlayer1(high), self.auxlayer2(low)) if aux else y

    def forward(self, x, kind="fixed"):
        return resize(self.logits(x, kind), x.shape[2:])


def plain_state(state):
    """A state_dict as it goes into a .pth: contiguous float32 (counters int64)."""
    return {k: (v.detach().float() if v.is_floating_point() else v).contiguous().clone() for k, v in state.items()}


def load_weights(model, path):
    """Load a checkpoint by name; heads of another class count are left as initialised and reported."""
    s = torch.load(path, map_location="cpu")
    for key in ("ema", "state_dict", "model"):
        if isinstance(s, dict) and isinstance(s.get(key), dict):
            s = s[key]
            break
    s = {k[7:] if k.startswith("module.") else k: v for k, v in s.items()}
    own = model.state_dict()
    fit = {k: v for k, v in s.items() if k in own and own[k].shape == v.shape}
    if not any(k.endswith("conv.weight") for k in fit):
        raise SystemExit(f"{path}: no tensor fits; not a Fast-SCNN checkpoint")
    model.load_state_dict(fit, strict=False)
    return sorted(k for k in own if k not in fit)
