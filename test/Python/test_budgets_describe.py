"""`pockmlir.budgets.describe` reads models, and refuses those that the memory model does not know."""

from __future__ import annotations

from typing import Any

import pockmlir as pock
import pytest
import torch
from pockmlir.budgets import Backbone, Conv, Linear, describe
from torch import nn
from torch.nn import functional


class Mixed(nn.Module):
    """A functional convolution, a grouped one whose own bias is folded, a strided one without any; two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Parameter(torch.randn(6, 3, 3, 1))
        self.grouped = nn.Conv2d(6, 4, 3, padding="same", groups=2)
        self.norm = nn.BatchNorm2d(4)
        self.wide = nn.Conv1d(4, 8, 5, stride=2, dilation=2, bias=False)
        self.own = nn.Conv1d(8, 8, 3, groups=8)
        self.hidden, self.head = nn.Linear(16, 5), nn.Linear(5, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.norm(self.grouped(functional.conv2d(x, self.stem))))
        z = functional.avg_pool1d(self.own(self.wide(y.flatten(2))), 15)
        return self.head(functional.relu(self.hidden(z.flatten(1))))


def test_description_of_a_model() -> None:
    model = Mixed()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    backbone = describe(model, torch.randn(5, 3, 10, 9))
    assert backbone == Backbone(
        (
            Conv("", 3, 6, (3, 1), (10, 9), (8, 9), weight="stem"),
            Conv("grouped", 6, 4, (3, 3), (8, 9), (8, 9), 2, "grouped.weight", "norm.bias"),
            Conv("wide", 4, 8, (5,), (72,), (32,), weight="wide.weight"),
            Conv("own", 8, 8, (3,), (32,), (30,), 8, "own.weight", "own.bias"),
        ),
        (Linear("hidden", 16, "hidden.weight", "hidden.bias"), Linear("head", 5, "head.weight")),
    )
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_description_does_not_depend_on_the_form_of_model_and_inputs() -> None:
    model, x = Mixed(), torch.randn(5, 3, 10, 9)
    expected = describe(model, (x,))
    assert describe(model, {"x": x[:2]}) == expected
    assert describe(model, (), {"x": x}) == expected
    assert describe(torch.export.export(model, (x,)), x) == expected
    assert describe(nn.Sequential(model.grouped), torch.zeros(6, 8, 9)).convs[0].input_size == (8, 9)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(self.conv(x))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.ReLU()), "model: expected a convolution, but there is none"),
        (Shared(), "model: 'conv.weight' is the weight of 2 convolutions; the memory model counts each once"),
        (
            nn.Sequential(nn.Linear(9, 9), nn.Conv2d(3, 4, 1), nn.ConvTranspose2d(4, 4, 2)),
            "but not what reads '0.weight', '2.weight'",
        ),
        (nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(2), nn.Linear(81, 2)), "but not what reads '2.weight'"),
        (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 1))), "but not what reads '0.param"),
        (nn.Conv2d, "model: expected a torch.nn.Module or a torch.export.ExportedProgram, but got type"),
    ],
    ids=["no convolution", "shared", "linear and transposed", "linear on matrices", "weight norm", "no model"],
)
def test_models_that_are_refused(model: Any, message: str) -> None:
    with pytest.raises(pock.ArgumentError, match=message):
        describe(model, torch.randn(1, 3, 9, 9))


def test_model_that_does_not_run() -> None:
    with pytest.raises(pock.ArgumentError, match="does not run with the example inputs"):
        describe(nn.Conv2d(3, 4, 1), torch.randn(1, 2, 9, 9))
