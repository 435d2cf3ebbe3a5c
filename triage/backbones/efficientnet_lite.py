"""EfficientNet-Lite 0 to 2: EfficientNets without squeeze-and-excitation, and with ReLU6.

Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", in the
Lite variant of its authors: the stem, the head and the depth of the first and last stage are not
scaled, and padding is TensorFlow's SAME, whose odd pixel is at the end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

WIDTH = 1280
"""Length of the embedding of every variant."""
PIXEL_MEAN = (127 / 255,) * 3
PIXEL_STD = (128 / 255,) * 3
"""The networks read (x - 127) / 128 of values from 0 to 255."""
_STEM = 32
_BN_EPS = 1e-3
_BN_MOMENTUM = 0.01  # the share of the new batch, as in PyTorch

# Of each stage: kernel, stride, expansion, channels, blocks.
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


@dataclass(frozen=True)
class LiteVariant:
    """Multipliers of one of the networks.

    Parameters
    ----------
    title : str
        Name for readers.
    width, depth : float
        Multipliers of channels and of blocks.
    size : int
        Side of the input it was trained with, pixels.
    """

    title: str
    width: float
    depth: float
    size: int


LITE_VARIANTS = {
    "0": LiteVariant("EfficientNet-Lite0", 1.0, 1.0, 224),
    "1": LiteVariant("EfficientNet-Lite1", 1.0, 1.1, 240),
    "2": LiteVariant("EfficientNet-Lite2", 1.1, 1.2, 260),
}
"""Every network that `lite:<number>` names."""


class EfficientNetLite(nn.Module):
    """The network without its classifier: float [B, 3, S, S] to the embedding [B, 1280].

    Parameters
    ----------
    variant : LiteVariant
    """

    def __init__(self, variant: LiteVariant) -> None:
        super().__init__()
        self.conv_stem = _conv(3, _STEM, 3, stride=2)
        self.bn0 = _batch_norm(_STEM)
        blocks: list[nn.Module] = []
        self._stage_ends: list[int] = []
        channels = _STEM
        for number, (kernel, stride, expansion, width, depth) in enumerate(_STAGES):
            out = _scaled_channels(width, variant.width)
            scaled = number not in (0, len(_STAGES) - 1)
            for repeat in range(math.ceil(depth * variant.depth) if scaled else depth):
                blocks.append(_Block(channels, out, kernel, 1 if repeat else stride, expansion))
                channels = out
            self._stage_ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)
        self.conv_head = _conv(channels, WIDTH, 1)
        self.bn1 = _batch_norm(WIDTH)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the mean over places of the head's map, [B, 1280]."""
        embedding, _ = self.with_maps(pixels)
        return embedding

    def with_maps(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the embedding, and the last map [B, C, H, W] of each stage."""
        found = _relu6(self.bn0(self.conv_stem(pixels)))
        maps = []
        for number, block in enumerate(self.blocks):
            found = block(found)
            if number in self._stage_ends:
                maps.append(found)
        head = _relu6(self.bn1(self.conv_head(found)))
        return head.mean((2, 3)), maps


class _Block(nn.Module):
    """Inverted residual: expansion, depthwise convolution, projection without activation."""

    def __init__(self, given: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = given * expansion
        self.expands = expansion > 1
        if self.expands:
            self.expand_conv = _conv(given, inner, 1)
            self.bn0 = _batch_norm(inner)
        self.depthwise_conv = _conv(inner, inner, kernel, stride=stride, groups=inner)
        self.bn1 = _batch_norm(inner)
        self.project_conv = _conv(inner, out, 1)
        self.bn2 = _batch_norm(out)
        self.adds_input = stride == 1 and given == out

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Map [B, C, H, W] to [B, out, H', W']."""
        found = _relu6(self.bn0(self.expand_conv(given))) if self.expands else given
        found = _relu6(self.bn1(self.depthwise_conv(found)))
        projected: torch.Tensor = self.bn2(self.project_conv(found))
        return projected + given if self.adds_input else projected


class _StridedConv(nn.Conv2d):
    """Convolution of stride above 1 with SAME padding, which depends on the size of the input."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Pad, the odd pixel at the end, and convolve."""
        height, width = (self._padding_of(side) for side in given.shape[-2:])
        pads = (width // 2, width - width // 2, height // 2, height - height // 2)
        return super().forward(functional.pad(given, pads))

    def _padding_of(self, side: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)


def _conv(given: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    if stride == 1:
        return nn.Conv2d(given, out, kernel, padding=kernel // 2, groups=groups, bias=False)
    return _StridedConv(given, out, kernel, stride=stride, groups=groups, bias=False)


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BN_EPS, momentum=_BN_MOMENTUM)


def _relu6(given: torch.Tensor) -> torch.Tensor:
    clipped: torch.Tensor = functional.relu6(given)
    return clipped


def _scaled_channels(channels: int, multiplier: float) -> int:
    """Channels times the multiplier, to the nearest multiple of 8, at most 10 % fewer."""
    scaled = channels * multiplier
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded
