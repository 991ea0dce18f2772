"""Networks of inverted residuals, written here: MCUNet, ProxylessNAS, MobileNetV2, MobileNetV3, EfficientNet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from .case import Case, Indices, architecture
from .convolutional import CLASSES, pictures

Activation = Callable[[], nn.Module]


@dataclass(frozen=True)
class Block:
    """Channels after expansion and at the end, kernel and stride of the depthwise convolution."""

    hidden: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    squeeze: int = 0
    active: Activation = nn.ReLU6


class Unit(nn.Sequential):
    """A convolution of padding "same", batch norm, and an activation."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        active: Activation | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        if active is not None:
            self.act = active()


class SqueezeExcite(nn.Module):
    """Scales each channel by a function of the means of all channels."""

    def __init__(self, channels: int, squeezed: int, active: Activation, gate: Activation) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.pool, self.act, self.gate = nn.AdaptiveAvgPool2d(1), active(), gate()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gate(self.expand(self.act(self.reduce(self.pool(x)))))


class InvertedResidual(nn.Module):
    """Expand, convolve each channel by itself, squeeze and excite, project; the input is added if it fits."""

    def __init__(self, inputs: int, block: Block, inner: Activation, gate: Activation) -> None:
        super().__init__()
        hidden = block.hidden
        self.pw1 = Unit(inputs, hidden, active=block.active) if hidden != inputs else nn.Identity()
        self.dw = Unit(hidden, hidden, block.kernel, block.stride, hidden, block.active)
        self.se = SqueezeExcite(hidden, block.squeeze, inner, gate) if block.squeeze else nn.Identity()
        self.pw2 = Unit(hidden, block.outputs)
        self.residual = block.stride == 1 and inputs == block.outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pw2(self.se(self.dw(self.pw1(x))))
        return x + y if self.residual else y


class MobileNet(nn.Module):
    """A stem, blocks, the mean, and a classifier.

    Args:
        stem: channels of the first convolution.
        blocks: in order.
        last: channels of a last 1x1 convolution; 0 leaves it out.
        active: the activation of stem and last convolution.
        inner: the activation inside squeeze and excite.
        gate: the activation that makes its scales.
    """

    def __init__(
        self,
        stem: int,
        blocks: Sequence[Block],
        last: int = 0,
        active: Activation = nn.ReLU6,
        inner: Activation = nn.ReLU,
        gate: Activation = nn.Hardsigmoid,
    ) -> None:
        super().__init__()
        self.stem = Unit(3, stem, 3, 2, active=active)
        self.blocks = nn.Sequential()
        width = stem
        for block in blocks:
            self.blocks.append(InvertedResidual(width, block, inner, gate))
            width = block.outputs
        self.last = Unit(width, last, active=active) if last else nn.Identity()
        self.classifier = nn.Linear(last or width, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.last(self.blocks(self.stem(x))).mean((2, 3)))


def _scheme(blocks: int, biases: int, fractions: dict[int, float]) -> dict[str, float]:
    """Biases of the last blocks, first convolutions of some blocks in part, and the classifier."""
    sparse = {f"blocks.{block}.*bias": 1.0 for block in range(blocks - biases, blocks)}
    return (
        sparse | {f"blocks.{block}.pw1.conv.weight": part for block, part in fractions.items()} | {"classifier.*": 1.0}
    )


#: MCUNet-5fps: v1 to v14.
MCUNET = (
    Block(16, 8),
    Block(32, 16, 3, 2),
    Block(48, 16),
    Block(48, 24, 7, 2),
    Block(120, 24),
    Block(120, 40, 3, 2),
    Block(160, 40, 7),
    Block(160, 48, 5),
    Block(144, 48),
    Block(192, 48),
    Block(240, 96, 7, 2),
    Block(384, 96, 5),
    Block(384, 96, 5),
    Block(576, 160),
)


#: ProxylessNAS at width 0.3, without its last convolution: v1 to v20.
PROXYLESS = (
    Block(16, 8),
    Block(24, 16, 5, 2),
    Block(48, 16),
    Block(48, 16, 7, 2),
    Block(48, 16),
    *[Block(48, 16, 5)] * 2,
    Block(96, 24, 7, 2),
    *[Block(72, 24, 5)] * 3,
    Block(144, 32, 5),
    *[Block(96, 32, 5)] * 3,
    Block(192, 64, 7, 2),
    Block(384, 64, 7),
    *[Block(192, 64, 7)] * 2,
    Block(384, 96, 7),
)


@architecture(small={"batch": 4, "pixels": 48}, real={"batch": 8, "pixels": 128})
def mcunet(batch: int, pixels: int) -> Case:
    """MCUNet-5fps; biases of the last seven blocks, four first convolutions at 100, 100, 50 and 100 %."""
    sparse = _scheme(len(MCUNET), 7, {8: 1.0, 9: 1.0, 10: 0.5, 11: 1.0})
    build = lambda: MobileNet(16, MCUNET)  # noqa: E731
    return Case(build, pictures(batch, pixels), Indices((batch,), CLASSES), sparse, frozen_norm=True)


#: Expansion, channels at width 1.0, blocks, stride of MobileNetV2.
MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _divisible(channels: float, divisor: int = 8) -> int:
    """The nearest multiple that is not smaller by more than a tenth."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def mobilenet_v2(width: float) -> tuple[int, list[Block]]:
    """Return the stem's channels and the blocks."""
    stem = _divisible(32 * width)
    blocks: list[Block] = []
    inputs = stem
    for expansion, channels, count, stride in MOBILENET_V2:
        for index in range(count):
            outputs = _divisible(channels * width)
            blocks.append(Block(inputs * expansion, outputs, stride=1 if index else stride))
            inputs = outputs
    return stem, blocks


@architecture(small={"width": 0.35, "batch": 2, "pixels": 32}, real={"width": 1.0, "batch": 4, "pixels": 96})
def mobilenetv2_same(width: float, batch: int, pixels: int) -> Case:
    """MobileNetV2 with torchvision's symmetric padding; biases and first convolutions of the last seven blocks."""
    stem, blocks = mobilenet_v2(width)
    sparse = _scheme(len(blocks), 7, dict.fromkeys(range(len(blocks) - 7, len(blocks)), 1.0))
    build = lambda: MobileNet(stem, blocks, 1280)  # noqa: E731
    return Case(build, pictures(batch, pixels), Indices((batch,), CLASSES), sparse, frozen_norm=True)


def _v3(hidden: int, outputs: int, kernel: int, stride: int, squeeze: bool, hard: bool) -> Block:
    active = nn.Hardswish if hard else nn.ReLU
    return Block(hidden, outputs, kernel, stride, max(8, hidden // 32 * 8) if squeeze else 0, active)


#: MobileNetV3-small.
MOBILENET_V3 = (
    _v3(16, 16, 3, 2, True, False),
    _v3(72, 24, 3, 2, False, False),
    _v3(88, 24, 3, 1, False, False),
    _v3(96, 40, 5, 2, True, True),
    _v3(240, 40, 5, 1, True, True),
    _v3(240, 40, 5, 1, True, True),
    _v3(120, 48, 5, 1, True, True),
    _v3(144, 48, 5, 1, True, True),
    _v3(288, 96, 5, 2, True, True),
    _v3(576, 96, 5, 1, True, True),
    _v3(576, 96, 5, 1, True, True),
)


@architecture(small={"blocks": 5, "batch": 4, "pixels": 32}, real={"blocks": 11, "batch": 8, "pixels": 96})
def mobilenetv3(blocks: int, batch: int, pixels: int) -> Case:
    """MobileNetV3-small: squeeze and excite, hard swish."""
    first = range(blocks - blocks // 2, blocks)
    build = lambda: MobileNet(16, MOBILENET_V3[:blocks], 576 if blocks == 11 else 64, nn.Hardswish)  # noqa: E731
    sparse = _scheme(blocks, blocks // 2, dict.fromkeys(first, 1.0))
    return Case(build, pictures(batch, pixels), Indices((batch,), CLASSES), sparse)


#: Expansion, channels, blocks, kernel, stride of EfficientNet-B0.
EFFICIENTNET = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)


@architecture(small={"stages": 3, "batch": 4, "pixels": 32}, real={"stages": 7, "batch": 4, "pixels": 96})
def efficientnet(stages: int, batch: int, pixels: int) -> Case:
    """EfficientNet-B0 without its stochastic depth."""
    blocks: list[Block] = []
    width = 32
    for expansion, outputs, count, kernel, stride in EFFICIENTNET[:stages]:
        for index in range(count):
            hidden = width * expansion
            blocks.append(Block(hidden, outputs, kernel, 1 if index else stride, max(1, width // 4), nn.SiLU))
            width = outputs
    half = len(blocks) // 2
    sparse = _scheme(len(blocks), half, dict.fromkeys(range(len(blocks) - half, len(blocks)), 1.0))
    last = 1280 if stages == len(EFFICIENTNET) else 64
    build = lambda: MobileNet(32, blocks, last, nn.SiLU, nn.SiLU, nn.Sigmoid)  # noqa: E731
    return Case(build, pictures(batch, pixels), Indices((batch,), CLASSES), sparse)
