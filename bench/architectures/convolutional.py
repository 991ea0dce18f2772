"""Networks of convolutions, written here in plain PyTorch: ResNet-50, ShuffleNetV2, DenseNet."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from .case import Case, Indices, Normal, architecture

CLASSES = 10


def pictures(batch: int, pixels: int, channels: int = 3) -> tuple[Normal, ...]:
    return (Normal((batch, channels, pixels, pixels)),)


def _classifier(
    build: Callable[[], nn.Module], sparse: dict[str, float], batch: int, pixels: int, frozen_norm: bool
) -> Case:
    target = Indices((batch,), CLASSES)
    return Case(build, pictures(batch, pixels), target, sparse, frozen_norm=frozen_norm)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around which the input is added; the stride is the second one's."""

    def __init__(self, inputs: int, width: int, stride: int, expansion: int = 4) -> None:
        super().__init__()
        outputs = width * expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        return functional.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet50(nn.Module):
    """ResNet of bottlenecks, with the names of torchvision."""

    def __init__(self, width: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layers = nn.Sequential()
        inputs = width
        for stage, depth in enumerate(depths):
            for block in range(depth):
                self.layers.append(Bottleneck(inputs, width << stage, 2 if stage and not block else 1))
                inputs = 4 * (width << stage)
        self.fc = nn.Linear(inputs, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.fc(functional.adaptive_avg_pool2d(self.layers(x), 1).flatten(1))


@architecture(
    small={"width": 8, "depths": (1, 2), "batch": 4, "pixels": 32, "frozen_norm": False},
    real={"width": 64, "depths": (3, 4, 6, 3), "batch": 4, "pixels": 64, "frozen_norm": True},
)
def resnet50(width: int, depths: tuple[int, ...], batch: int, pixels: int, frozen_norm: bool) -> Case:
    """ResNet-50; PockEngine trains biases and first convolutions of the last half of the blocks."""
    blocks = sum(depths)
    last = range(blocks - blocks // 2, blocks)
    sparse = {f"layers.{block}.*bias": 1.0 for block in last} | {f"layers.{block}.conv1.weight": 1.0 for block in last}
    return _classifier(lambda: ResNet50(width, depths), sparse | {"fc.*": 1.0}, batch, pixels, frozen_norm)


def shuffle(x: torch.Tensor, groups: int) -> torch.Tensor:
    """Interleave the groups of channels."""
    batch, channels, height, width = x.shape
    return x.view(batch, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)


class ShuffleUnit(nn.Module):
    """Half of the channels pass; with a stride, both halves see all and are convolved."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        width = outputs // 2
        self.stride = stride
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1.extend(self.depthwise(inputs, stride))
            self.branch1.extend(self.pointwise(inputs, width))
        self.branch2 = nn.Sequential(
            *self.pointwise(inputs if stride > 1 else width, width),
            *self.depthwise(width, stride),
            *self.pointwise(width, width),
        )

    @staticmethod
    def depthwise(channels: int, stride: int) -> list[nn.Module]:
        conv = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        return [conv, nn.BatchNorm2d(channels)]

    @staticmethod
    def pointwise(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            first, second = self.branch1(x), self.branch2(x)
        else:
            first, second = x.chunk(2, dim=1)
            second = self.branch2(second)
        return shuffle(torch.cat((first, second), dim=1), 2)


class ShuffleNetV2(nn.Module):
    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], last: int) -> None:
        super().__init__()
        stem = nn.Conv2d(3, 24, 3, 2, 1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(24), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        self.units = nn.Sequential()
        inputs = 24
        for width, depth in zip(widths, depths, strict=True):
            for index in range(depth):
                self.units.append(ShuffleUnit(inputs, width, 1 if index else 2))
                inputs = width
        self.head = nn.Sequential(*ShuffleUnit.pointwise(inputs, last))
        self.fc = nn.Linear(last, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.head(self.units(self.stem(x))).mean([2, 3]))


@architecture(
    small={"widths": (16, 32), "depths": (2, 2), "last": 32, "batch": 4, "pixels": 32, "frozen_norm": False},
    real={"widths": (116, 232, 464), "depths": (4, 8, 4), "last": 1024, "batch": 4, "pixels": 96, "frozen_norm": True},
)
def shufflenetv2(
    widths: tuple[int, ...], depths: tuple[int, ...], last: int, batch: int, pixels: int, frozen_norm: bool
) -> Case:
    """ShuffleNetV2; ``real`` has width 1.0."""
    units = range(sum(depths) - sum(depths) // 2, sum(depths))
    sparse = {f"units.{unit}.*bias": 1.0 for unit in units} | {f"units.{unit}.branch2.0.weight": 1.0 for unit in units}
    build = lambda: ShuffleNetV2(widths, depths, last)  # noqa: E731
    return _classifier(build, sparse | {"fc.*": 1.0}, batch, pixels, frozen_norm)


class DenseNet(nn.Module):
    """Every layer sees the outputs of all layers of its block before it."""

    def __init__(self, growth: int, depths: tuple[int, ...]) -> None:
        super().__init__()
        width = 2 * growth
        self.stem = nn.Conv2d(3, width, 3, 2, 1, bias=False)
        self.blocks, self.transitions = nn.ModuleList(), nn.ModuleList()
        for depth in depths:
            self.blocks.append(nn.ModuleList(self.layer(width + index * growth, growth) for index in range(depth)))
            width += depth * growth
            self.transitions.append(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width // 2, 1)))
            width //= 2
        self.fc = nn.Linear(width, CLASSES)

    @staticmethod
    def layer(inputs: int, growth: int) -> nn.Module:
        first = (nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, 4 * growth, 1, bias=False))
        second = (nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False))
        return nn.Sequential(*first, *second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block, transition in zip(self.blocks, self.transitions, strict=True):
            for layer in block:
                x = torch.cat([x, layer(x)], 1)
            x = functional.avg_pool2d(transition(x), 2)
        return self.fc(x.mean((2, 3)))


@architecture(
    small={"growth": 8, "depths": (2, 2), "batch": 4, "pixels": 16, "frozen_norm": False},
    real={"growth": 16, "depths": (6, 12, 8), "batch": 4, "pixels": 64, "frozen_norm": True},
)
def densenet(growth: int, depths: tuple[int, ...], batch: int, pixels: int, frozen_norm: bool) -> Case:
    """DenseNet with bottlenecks."""
    last = len(depths) - 1
    sparse = {f"blocks.{last}.*bias": 1.0, f"blocks.{last}.*.2.weight": 1.0, "fc.*": 1.0}
    return _classifier(lambda: DenseNet(growth, depths), sparse, batch, pixels, frozen_norm)
