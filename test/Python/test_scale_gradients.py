"""Gradients behind frozen statistics: what they keep, and how accurate they are.

Batch norm in inference mode is a scale and a shift per channel. The step computes the scale's
gradient from the weight's, and applies the scale to weights instead of gradients of activations.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")

# Large enough that rounding the updated parameter does not hide the gradient's error.
LR = 1e5


class Layers(nn.Module):
    """A layer of each kind between the image and the features: pointwise, depthwise, with stride and bias."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False),
                nn.Conv2d(16, 24, 1, bias=False),
                nn.Conv2d(24, 24, 3, padding=1, groups=24, bias=False),
                nn.Conv2d(24, 24, 3, stride=2, padding=1, groups=4),
                nn.Conv2d(24, 16, 3, padding=1, dilation=2, bias=False),
            ]
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(conv.out_channels) for conv in self.convolutions)  # type: ignore[arg-type]
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.relu6(norm(conv(x)))
        return self.head(x.mean((2, 3)))


class Rows(nn.Module):
    """The same for products of matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(6, 8), nn.Linear(8, 12, bias=False), nn.Linear(12, 4)
        self.norms = nn.ModuleList([nn.BatchNorm1d(8), nn.BatchNorm1d(12)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.norms[0](self.first(x)))
        return self.head(functional.relu(self.norms[1](self.second(x))))


def trained(make: Callable[[], nn.Module], x: torch.Tensor, offset: float = 0.0) -> nn.Module:
    """A model in inference mode whose statistics are those of ``x``, and whose scales differ."""
    torch.manual_seed(0)
    model = make().train().to(x.dtype)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norms" in name:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            elif parameter.ndim > 1:
                parameter.add_(offset / parameter[0].numel())
        model(x)
    return model.eval()


def gradients(model: nn.Module, x: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
    """PyTorch's, in the precision of ``x``."""
    model = copy.deepcopy(model).to(x.dtype)
    functional.cross_entropy(model(x), target).backward()
    return {name: parameter.grad.double() for name, parameter in model.named_parameters() if parameter.grad is not None}


def step_of(model: nn.Module, x: torch.Tensor, scheme: dict[str, float] | None = None) -> pock.Step:
    wanted = scheme or pock.Scheme.full()
    return pock.compile(model, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=LR), scheme=wanted)


def step_gradients(model: nn.Module, x: torch.Tensor, target: torch.Tensor) -> dict[str, torch.Tensor]:
    """What one step of gradient descent subtracts, divided by the learning rate."""
    step = step_of(model, x)
    step(x, target)
    after = step.state_dict()
    return {
        name: (parameter.detach().double() - torch.as_tensor(np.asarray(after[name])).double()) / LR
        for name, parameter in model.named_parameters()
    }


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("batch", [1, 3])
def test_convolutions_equal_pytorch_in_double_precision(batch: int) -> None:
    x, target = torch.rand(batch, 3, 24, 24, dtype=torch.float64), torch.arange(batch) % 4
    model = trained(Layers, x)
    found, expected = step_gradients(model, x, target), gradients(model, x, target)
    for name, gradient in expected.items():
        assert error(found[name], gradient) < 1e-9, name


def test_products_equal_pytorch_in_double_precision() -> None:
    torch.manual_seed(1)
    x, target = torch.rand(256, 6, dtype=torch.float64), torch.arange(256) % 4
    model = trained(Rows, x)
    found, expected = step_gradients(model, x, target), gradients(model, x, target)
    for name, gradient in expected.items():
        assert error(found[name], gradient) < 1e-9, name


@pytest.mark.parametrize("offset", [0.0, 4.0], ids=["centred", "mean_exceeds_deviation"])
def test_single_precision_is_accurate(offset: float) -> None:
    """Errors are those that PyTorch makes in the weights' gradients, in scales and shifts, too."""
    torch.manual_seed(2)
    x, target = torch.rand(2, 3, 96, 96), torch.tensor([0, 3])
    model = trained(Layers, x, offset)
    found = step_gradients(model, x, target)
    expected, single = gradients(model, x.double(), target), gradients(model, x, target)
    unavoidable = max(error(single[name], gradient) for name, gradient in expected.items())
    for name, gradient in expected.items():
        assert error(found[name], gradient) < max(4 * unavoidable, 1e-5), name


def test_scale_gradients_keep_no_activation() -> None:
    x = torch.rand(1, 3, 32, 32)
    model = trained(Layers, x)
    everything = step_of(model, x)
    # Of each layer the input is kept, which the weight's gradient needs; of the first also the
    # difference from the mean.
    sizes = [16 * 16 * 16, 16 * 16 * 24, 16 * 16 * 24, 8 * 8 * 24, 8 * 8 * 16]
    kept = 4 * (3 * 32 * 32 + sum(sizes) + sizes[0])
    assert everything.memory.saved <= kept * 1.1
    # A weight that does not train has no gradient to take it from.
    only_scales = step_of(model, x, {name: 1.0 for name, _ in model.named_parameters() if "norms" in name})
    assert "conv_weight_grad" not in only_scales.ir("training")
