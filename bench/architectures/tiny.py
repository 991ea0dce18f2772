"""The four models of MLPerf Tiny."""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional

from .case import Case, Indices, Normal, architecture


class ResNet8(nn.Module):
    """Three stacks of one basic block each, as MLPerf Tiny has it for CIFAR-10."""

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = functional.relu(self.bn1(self.conv1(x)))
            return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(self.Block(16, 16, 1), self.Block(16, 32, 2), self.Block(32, 64, 2))
        self.fc = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.blocks(functional.relu(self.bn(self.conv(x))))
        return self.fc(functional.adaptive_avg_pool2d(x, 1).flatten(1))


@architecture(small={"batch": 4, "pixels": 8}, real={"batch": 16, "pixels": 32})
def resnet8(batch: int, pixels: int) -> Case:
    """Image classification."""
    sparse = {"blocks.[12].*bias": 1.0, "blocks.[12].conv1.weight": 1.0, "fc.*": 1.0}
    return Case(ResNet8, (Normal((batch, 3, pixels, pixels)),), Indices((batch,), 10), sparse)


class DsCnn(nn.Module):
    """Keyword spotting: 49 frames of 10 coefficients, padding "same" of TensorFlow."""

    def __init__(self, width: int = 64, classes: int = 12) -> None:
        super().__init__()
        # 49 x 10 to 25 x 5: nine rows are missing, four above and five below.
        self.pad = nn.ZeroPad2d((1, 1, 4, 5))
        self.stem = nn.Sequential(nn.Conv2d(1, width, (10, 4), 2), nn.BatchNorm2d(width), nn.ReLU())
        self.blocks = nn.Sequential(*[self.block(width) for _ in range(4)])
        self.head = nn.Sequential(nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(width, classes))

    @staticmethod
    def block(width: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(self.pad(x))))


@architecture(small={"width": 16, "batch": 2}, real={"width": 64, "batch": 16})
def ds_cnn(width: int, batch: int) -> Case:
    """Keyword spotting."""
    sparse = {"blocks.[23].*bias": 1.0, "blocks.[23].3.weight": 1.0, "head.*": 1.0}
    return Case(lambda: DsCnn(width), (Normal((batch, 1, 49, 10)),), Indices((batch,), 12), sparse)


#: Channels at width 1.0 and stride of MobileNetV1's thirteen blocks.
MOBILENET_V1 = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1),
    (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


class MobileNetV1(nn.Module):
    """Depthwise and 1x1 convolutions in turns."""

    def __init__(self, width: float, classes: int) -> None:
        super().__init__()
        inputs = int(32 * width)
        self.stem = self.unit(3, inputs, 3, 2)
        self.blocks = nn.Sequential()
        for channels, stride in MOBILENET_V1:
            outputs = int(channels * width)
            dw, pw = self.unit(inputs, inputs, 3, stride, inputs), self.unit(inputs, outputs)
            self.blocks.append(nn.Sequential(dw, pw))
            inputs = outputs
        self.fc = nn.Linear(inputs, classes)

    @staticmethod
    def unit(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Module:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(functional.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))


@architecture(small={"batch": 4, "pixels": 32}, real={"batch": 8, "pixels": 96})
def mobilenetv1(batch: int, pixels: int) -> Case:
    """Visual wake words: width 0.25, 96 pixels, person or none."""
    sparse = {f"blocks.{block}.*bias": 1.0 for block in range(7, 13)}
    sparse |= {f"blocks.{block}.1.0.weight": 1.0 for block in range(7, 13)} | {"fc.*": 1.0}
    build = lambda: MobileNetV1(0.25, 2)  # noqa: E731
    return Case(build, (Normal((batch, 3, pixels, pixels)),), Indices((batch,), 2), sparse, frozen_norm=True)


class Autoencoder(nn.Sequential):
    """Anomaly detection in sound: nine fully connected layers with batch norm, eight numbers in the middle."""

    def __init__(self, features: int, width: int) -> None:
        sizes = (features, *[width] * 4, 8, *[width] * 4)
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU()]
        super().__init__(*layers, nn.Linear(width, features))


@architecture(small={"features": 40, "width": 16, "batch": 8}, real={"features": 640, "width": 128, "batch": 32})
def autoencoder(features: int, width: int, batch: int) -> Case:
    """Anomaly detection."""
    sparse = {f"{layer}.bias": 1.0 for layer in (18, 19, 21, 22, 24, 25, 27)} | {"21.weight": 1.0, "27.weight": 1.0}
    data = Normal((batch, features))
    return Case(lambda: Autoencoder(features, width), (data,), data, sparse, "mse", lr=0.1)
