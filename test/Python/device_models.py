"""Models that train on emulated devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pockmlir as pock
import torch
from models import MobileNetV2
from spotter import network as ds_cnn
from torch import nn


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 3),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 3 * 3, 60),
        nn.Tanh(),
        nn.Linear(60, 10),
    )


class SmallMobileNetV2(MobileNetV2):
    """MobileNetV2 with the fewest blocks that include one with a residual."""

    STAGES = ((1, 8, 1, 1), (6, 8, 2, 1), (6, 16, 2, 2), (6, 24, 1, 2))

    def __init__(self) -> None:
        super().__init__(last=64)


@dataclass(frozen=True)
class Case:
    """A model, and the parameters of its training.

    Attributes:
        make: returns the model with random weights.
        size: the size of the pictures in pixels.
        batch: the number of pictures per step.
        channels: the channels of the pictures, which are all equal.
        training: whether batch norm is in training mode; otherwise statistics are frozen.
    """

    make: Callable[[], nn.Module]
    size: int
    batch: int
    channels: int = 1
    optimizer: pock.Optimizer = field(default_factory=lambda: pock.SGD(lr=0.05))
    scheme: pock.Scheme = field(default_factory=pock.Scheme.full)
    training: bool = True

    def model(self) -> nn.Module:
        torch.manual_seed(0)
        return self.make().train(self.training)

    @property
    def example(self) -> torch.Tensor:
        return torch.zeros(self.batch, self.channels, self.size, self.size)


CASES = {
    "mlp": Case(mlp, 8, 16, optimizer=pock.SGD(lr=0.1, momentum=0.9)),
    "lenet": Case(lenet, 16, 4, optimizer=pock.SGD(lr=0.05, momentum=0.9, weight_decay=1e-4)),
    "ds_cnn": Case(lambda: ds_cnn(16, 2), 16, 4, optimizer=pock.Adam(lr=0.002, eps=1e-6)),
    "mobilenet_v2": Case(
        SmallMobileNetV2, 16, 2, channels=3, training=False, scheme=pock.Scheme.last(3) | pock.Scheme.bias_only()
    ),
}
