"""Models that train on emulated devices, and their training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pockmlir as pock
import torch
from models import MobileNetV2
from numpy.typing import NDArray
from sklearn.datasets import load_digits
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


def ds_cnn(width: int = 64, blocks: int = 4) -> nn.Module:
    """The keyword spotter of "Hello Edge" (Zhang et al., 2017), on small pictures."""

    def unit(*convolution: nn.Module) -> list[nn.Module]:
        return [*convolution, nn.BatchNorm2d(width), nn.ReLU()]

    layers = unit(nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False))
    for _ in range(blocks):
        layers += unit(nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False))
        layers += unit(nn.Conv2d(width, width, 1, bias=False))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


class SmallMobileNetV2(MobileNetV2):
    """MobileNetV2 with the fewest blocks that include one with a residual."""

    STAGES = ((1, 8, 1, 1), (6, 8, 2, 1), (6, 16, 2, 2), (6, 24, 1, 2))

    def __init__(self) -> None:
        super().__init__(last=64)


def pretrained_ds_cnn(data: dict[str, NDArray], steps: int = 300) -> nn.Module:
    """The whole network in training mode, pretrained by PyTorch on the first half of the digits."""
    torch.manual_seed(0)
    model, half = ds_cnn(), len(data["x"]) // 2
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = np.random.default_rng(0)
    for _ in range(steps):
        chosen = generator.integers(0, half, 32)
        x, y = (torch.from_numpy(data[name][chosen]) for name in ("x", "y"))
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def user_digits(data: dict[str, NDArray]) -> dict[str, NDArray]:
    """The other half in another style: turned by 90 degrees and inverted."""
    half = len(data["x"]) // 2

    def turned(x: NDArray) -> NDArray:
        return np.ascontiguousarray(-np.rot90(x, axes=(2, 3)))

    return {
        "x": turned(data["x"][half:]),
        "y": data["y"][half:],
        "x_test": turned(data["x_test"]),
        "y_test": data["y_test"],
    }


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


def digits(size: int = 8, channels: int = 1, test: int = 360) -> dict[str, NDArray]:
    """Return scikit-learn's scanned digits, scaled up from 8 x 8 pixels, as `pock.run` takes data."""
    source = load_digits()
    order = np.random.default_rng(0).permutation(len(source.target))
    x = torch.from_numpy((source.images[order] / 8 - 1).astype(np.float32))[:, None]
    if size != 8:
        x = nn.functional.interpolate(x, size=(size, size), mode="bilinear", align_corners=False)
    pictures, labels = np.repeat(x.numpy(), channels, axis=1), source.target[order].astype(np.int64)
    return {"x": pictures[test:], "y": labels[test:], "x_test": pictures[:test], "y_test": labels[:test]}
