"""Architectures that tests train; each compiles in a second or two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from architectures.generative import UNet
from architectures.tiny import DsCnn, ResNet8
from frontend_models import InvertedResidual, LeNet
from torch import nn
from torch.nn import functional


class MobileNetV2(nn.Module):
    """Torchvision's network at width 0.35, with a narrower last convolution."""

    #: Expansion, channels, blocks, first stride.
    STAGES = ((1, 8, 1, 1), (6, 8, 2, 2), (6, 16, 3, 2), (6, 24, 4, 2), (6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1))

    def __init__(self, last: int = 320, classes: int = 10) -> None:
        super().__init__()
        width = 16
        layers: list[nn.Module] = [self.unit(3, width, 3, 2)]
        for expand, outputs, count, stride in self.STAGES:
            for index in range(count):
                layers.append(InvertedResidual(width, outputs, stride if index == 0 else 1, expand))
                width = outputs
        self.features = nn.Sequential(*layers, self.unit(width, last, 1, 1))
        self.classifier = nn.Linear(last, classes)

    @staticmethod
    def unit(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


class Cnn1d(nn.Module):
    """Sensor data: strided, dilated and grouped convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(3, 12, 7, stride=2, padding=3),
            nn.Hardswish(),
            nn.MaxPool1d(3, 2, 1),
            nn.Conv1d(12, 18, 5, padding=4, dilation=2, groups=3),
            nn.LeakyReLU(0.1),
            nn.AvgPool1d(2),
            nn.Conv1d(18, 24, 3),
            nn.GELU(),
        )
        self.head = nn.Linear(24, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(functional.adaptive_avg_pool1d(self.features(x), 1).flatten(1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Linear(32, 17), nn.ReLU(), nn.Linear(17, 5))


@dataclass(frozen=True)
class Architecture:
    """A model and the form of its data.

    Attributes:
        build: makes the model; its initial values follow the global seed.
        shape: the shape of the input, batch first.
        classes: the number of classes; None for a regression with ``mse``.
        target: the shape of the target after the batch dimension.
        frozen_norm: whether batch norm is in inference mode.
        middle: a glob of weights that a sparse scheme trains in part.
        lr: a rate that trains the model noticeably in twenty steps, and stably.

    Batches are small, and rates are low for many layers: if an activation is within rounding of
    the kink of ReLU, it may be on the other side, which changes a gradient by far more than
    rounding. PyTorch's own results in two memory formats then differ as much.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    classes: int = 10
    target: tuple[int, ...] = ()
    frozen_norm: bool = False
    middle: str = "*.weight"
    lr: float = 0.05

    def model(self) -> nn.Module:
        """Return the model, the same in every call, with batch norm statistics of data."""
        torch.manual_seed(0)
        model = self.build()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.3)
        # In float64, because sums in float32 depend on the processor and on threads.
        model.double()
        with torch.no_grad():
            for index in range(8 * self.frozen_norm):
                model(self.batch(1000 + index)[0].double())
        return model.float().train(not self.frozen_norm)

    def batch(self, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs and labels; the labels depend on the inputs."""
        generator = torch.Generator().manual_seed(seed)
        y = torch.randint(0, self.classes, (self.shape[0], *self.target), generator=generator)
        x = torch.randn(*self.shape, generator=generator)
        signal = y.to(x.dtype) / self.classes
        if self.target:
            return x + signal.unsqueeze(1), y
        return x + signal.reshape(-1, *[1] * (x.dim() - 1)), y


ARCHITECTURES = {
    "mlp": Architecture(mlp, (7, 13), classes=5, middle="2.weight"),
    "lenet": Architecture(LeNet, (4, 1, 28, 28), middle="features.3.weight"),
    "resnet8": Architecture(ResNet8, (4, 3, 8, 8), middle="blocks.1.conv?.weight", lr=0.01),
    "resnet8-frozen-norm": Architecture(
        ResNet8, (4, 3, 12, 12), frozen_norm=True, middle="blocks.1.conv?.weight", lr=0.01
    ),
    "mobilenetv2": Architecture(
        MobileNetV2, (4, 3, 32, 32), frozen_norm=True, middle="features.1[2-4].conv.[036].weight", lr=0.01
    ),
    "ds-cnn": Architecture(DsCnn, (2, 1, 49, 10), classes=12, frozen_norm=True, middle="blocks.2.[03].weight", lr=0.01),
    "cnn1d": Architecture(Cnn1d, (4, 3, 61), classes=5, middle="features.3.weight"),
    "unet-transposed": Architecture(
        lambda: UNet(True), (2, 2, 16, 20), classes=3, target=(16, 20), middle="up2.weight"
    ),
    "unet-nearest": Architecture(
        lambda: UNet(False), (2, 2, 16, 20), classes=3, target=(16, 20), middle="join2.*.weight"
    ),
}
