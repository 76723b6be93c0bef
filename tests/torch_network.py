"""The network as a PyTorch module in the order of the published code, so that what torch.onnx makes of it is what users
have. Its parameters are those of tools/train; the data flow there is rearranged for speed."""
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools", "train"))
from fastscnn_model import FastSCNN  # noqa: E402


def fixed_pool(x, bins):
    """One stride and one window, as constants of the exported file."""
    size = int(x.shape[2]), int(x.shape[3])
    stride = size[0] // bins, size[1] // bins
    window = tuple(n - (bins - 1) * step for n, step in zip(size, stride))
    return F.avg_pool2d(x, window, stride)


def resize(x, size):
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


class Network(FastSCNN):
    """aux: three outputs, the last two of the heads that only training needs."""

    def __init__(self, pool="fixed", aux=False, classes=19):
        super().__init__(classes)
        self.pool = fixed_pool if pool == "fixed" else F.adaptive_avg_pool2d
        self.aux = aux

    def pyramid(self, x):
        ppm = self.global_feature_extractor["ppm"]
        parts = [resize(conv(self.pool(x, bins)), x.shape[2:]) for bins, conv in zip(ppm.BINS, ppm.convs)]
        return torch.cat([x] + parts, 1)

    def forward(self, x):
        down, extract = self.learning_to_downsample, self.global_feature_extractor
        fusion, classifier = self.feature_fusion, self.classifier
        high = down["dsconv2"](down["dsconv1"](down["conv"](x)))
        low = extract["bottleneck3"](extract["bottleneck2"](extract["bottleneck1"](high)))
        low = extract["out"](self.pyramid(low))
        y = F.interpolate(low, scale_factor=4, mode="bilinear", align_corners=True)
        if y.shape[2:] != high.shape[2:]:
            y = resize(low, high.shape[2:])
        y = F.relu(fusion["conv_higher_res"](high) + fusion["conv_lower_res"](fusion["dwconv"](y)))
        y = classifier["conv"](classifier["dsconv2"](classifier["dsconv1"](y)))
        size = x.shape[2:]
        if self.aux:
            return resize(y, size), resize(self.auxlayer1(high), size), resize(self.auxlayer2(low), size)
        return resize(y, size)


def random_network(seed, **options):
    """In evaluation mode, with weights and statistics that keep activations about 1."""
    model = Network(**options).eval()
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
        elif isinstance(module, nn.Conv2d):
            module.weight.data.normal_(0, (2.0 / module.weight[0].numel()) ** 0.5, generator=generator)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1, generator=generator)
    return model
