"""The network: a convolutional encoder-decoder that maps a small RGB picture to relative disparity.

After folding of batch normalization its operators are Conv (dense and depthwise), Relu, Add,
Concat, Resize (x2, nearest and bilinear) and Sigmoid, which every ONNX runtime has.

Attribute names are part of the format of the weights file: renaming one makes
`chiaro-small.pt` unreadable.
"""

import torch
from torch import nn
from torch.nn import functional as F

#: The shipped configuration: encoder widths, residual blocks per stage, decoder widths.
SMALL = {
    "c": (16, 24, 40, 64, 96, 128),
    "n": (0, 1, 2, 2, 3, 2),
    "d": (16, 20, 32, 48, 64),
}


def cbr(inputs, outputs, kernel=3, stride=1, groups=1, act=True):
    """Convolution, batch normalization and (with `act`) ReLU."""
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if act:
        layers.append(nn.ReLU(True))
    return nn.Sequential(*layers)


class Res(nn.Module):
    """Basic residual block of two dense 3x3 convolutions (He et al. 2016); fast on CPUs."""

    def __init__(self, channels):
        super().__init__()
        self.a = cbr(channels, channels)
        self.b = cbr(channels, channels, act=False)

    def forward(self, x):
        return F.relu(x + self.b(self.a(x)))


class IR(nn.Module):
    """Inverted residual block with a depthwise convolution (Sandler et al. 2018)."""

    def __init__(self, channels, expansion=3, kernel=5):
        super().__init__()
        hidden = channels * expansion
        self.f = nn.Sequential(
            cbr(channels, hidden, 1),
            cbr(hidden, hidden, kernel, groups=hidden),
            cbr(hidden, channels, 1, act=False),
        )

    def forward(self, x):
        return F.relu(x + self.f(x))


class Net(nn.Module):
    """Encoder of six halvings, decoder of five doublings with lateral connections, bilinear x2.

    `c`: channels of the stem and the five stages; `n`: blocks per stage (entry 0 unused); `d`:
    channels of the decoder from fine to coarse. The defaults are a larger network than the
    shipped one (`SMALL`).
    """

    def __init__(self, c=(16, 24, 48, 80, 128, 160), n=(0, 1, 2, 3, 3, 2), d=(16, 24, 40, 64, 96)):
        super().__init__()
        self.stem = cbr(3, c[0], 3, 2)
        self.st = nn.ModuleList()
        for i in range(1, 6):
            blocks = [cbr(c[i - 1], c[i], 3, 2)]
            for _ in range(n[i]):
                blocks.append(Res(c[i]) if i <= 2 else IR(c[i]))
            self.st.append(nn.Sequential(*blocks))
        self.up = nn.ModuleList()
        self.lat = nn.ModuleList()
        below = c[5]
        for i in range(4, -1, -1):
            self.lat.append(cbr(c[i], d[i], 1))
            if i < 4:
                joined = cbr(below + d[i], d[i], 3)
            else:
                joined = nn.Sequential(cbr(below + d[i], d[i], 1), cbr(d[i], d[i], 3))
            self.up.append(nn.Sequential(joined))
            below = d[i]
        self.head = nn.Sequential(cbr(d[0], 16, 3), nn.Conv2d(16, 1, 3, 1, 1))
        self._initialize()

    def _initialize(self):
        for module in self.modules():
            if not isinstance(module, nn.Conv2d):
                continue
            if module.groups == 1:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            else:
                deviation = (2 / (module.kernel_size[0] ** 2)) ** 0.5
                nn.init.normal_(module.weight, 0, deviation)

    def forward(self, x):
        """`x` f32 [b, 3, h, w], sRGB-encoded RGB in [0, 1], sides multiples of 64.

        Returns relative disparity f32 [b, 1, h, w] in (0, 1), larger = nearer.
        """
        x = (x - 0.45) * 4.0
        features = [self.stem(x)]
        for stage in self.st:
            features.append(stage(features[-1]))
        y = features[5]
        for k, i in enumerate(range(4, -1, -1)):
            y = F.interpolate(y, scale_factor=2.0, mode="nearest")
            y = self.up[k](torch.cat([y, self.lat[k](features[i])], 1))
        y = self.head(y)
        y = F.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.sigmoid(y)


class Mirrored(nn.Module):
    """The mean of what a network says of a picture and of its mirror image, for one picture.

    Costs twice as much; errors that the network makes on one side only are halved.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        """As `Net.forward`, with b = 1."""
        there, back = self.network(torch.cat([x, x.flip(3)])).split(1)
        return (there + back.flip(3)) / 2
