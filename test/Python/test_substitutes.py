"""Modules that PyTorch cannot export as they are written train as in PyTorch: running statistics, names, ties."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")

OPTIONS: dict[str, Any] = {"loss": "mse", "optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()}


class Keywords(nn.Module):
    """Names that are no identifiers of Python, of all kinds of tensors and modules."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.register_parameter("lambda", nn.Parameter(torch.ones(4)))
        self.register_buffer("global", torch.zeros(4))
        self.add_module("class", nn.Conv1d(3, 4, 1))
        self.parts = nn.ModuleDict({name: nn.Linear(4, 4) for name in ("in", "None", "2x", "a-b", 'a"b')})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self._modules["class"](x).mean(2)
        self._buffers["global"].add_(y.detach().mean(0))
        for part in self.parts.values():
            y = part(y).tanh()
        return y * self._parameters["lambda"] + self._buffers["global"]


class Statistics(nn.Module):
    """Running statistics: cumulative ones, and those of instances, in both modes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cumulative = nn.BatchNorm1d(3, momentum=None)
        self.instance = nn.InstanceNorm1d(3, track_running_stats=True, affine=True)
        self.momentum = nn.InstanceNorm1d(3, track_running_stats=True, momentum=0.7)
        self.by_function = nn.InstanceNorm1d(3, track_running_stats=True)
        self.fixed = nn.InstanceNorm1d(3, track_running_stats=True, affine=True).eval()
        self.fixed_batch = nn.BatchNorm1d(3, momentum=None).eval()
        self.plain = nn.BatchNorm1d(3, momentum=None, track_running_stats=False)
        with torch.no_grad():
            self.fixed.running_mean.fill_(0.5)
            self.fixed_batch.running_var.fill_(2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.momentum(self.instance(self.cumulative(x)).sin() * x)
        f = self.by_function
        y = y + functional.instance_norm(x.exp(), f.running_mean, f.running_var, momentum=0.3)
        return self.fixed_batch(self.fixed(y)) + self.plain(x)


class Tied(nn.Module):
    """One weight under two names, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(7, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("scale", torch.full((4,), 2.0))
        self.register_buffer("again", self.scale)

    def forward(self, i: torch.Tensor) -> torch.Tensor:
        return self.head(self.embedding(i) * self.scale + self.again)


def assert_trains(step: pock.Step, model: nn.Module, inputs: list[torch.Tensor], output: tuple[int, ...]) -> None:
    """Train as PyTorch; compare losses, all tensors, and the prediction in eval mode."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    target = torch.linspace(-1, 1, int(np.prod(output)), dtype=torch.float64).reshape(output)
    for x in inputs:
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        assert step(x, target) == pytest.approx(loss.item(), rel=1e-9)
    found = step.state_dict()
    assert list(found) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-8, atol=1e-10, err_msg=name)
    with torch.no_grad():
        expected = copy.deepcopy(model).eval()(inputs[0])
    np.testing.assert_allclose(step.predict(inputs[0]), expected.numpy(), rtol=1e-8, atol=1e-10)


def batches(count: int, *shape: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(count)]


@pytest.mark.parametrize(("kind", "output"), [(Keywords, (4, 4)), (Statistics, (4, 3, 5))])
@pytest.mark.parametrize("exported", [False, True])
def test_trains_as_pytorch(kind: type[nn.Module], output: tuple[int, ...], exported: bool) -> None:
    model, inputs = kind().double(), batches(3, 4, 3, 5)
    if not exported:
        assert_trains(pock.compile(copy.deepcopy(model), (inputs[0],), **OPTIONS), model, inputs, output)
        return
    if kind is Statistics:
        model.cumulative = nn.BatchNorm1d(3)  # torch.export itself refuses momentum=None
        model.double()
    step = pock.compile(torch.export.export(model, (inputs[0],)), (inputs[0],), **OPTIONS)
    losses = [step(x, torch.zeros(output, dtype=torch.float64)) for x in inputs]
    again = pock.compile(model, (inputs[0],), **OPTIONS)
    assert losses == [again(x, torch.zeros(output, dtype=torch.float64)) for x in inputs]


def test_one_sample() -> None:
    """Of a batch of one, instances have statistics all the same."""
    model = nn.Sequential(nn.Conv1d(3, 3, 1), nn.InstanceNorm1d(3, track_running_stats=True)).double()
    inputs = batches(2, 1, 3, 5)
    assert_trains(pock.compile(copy.deepcopy(model), (inputs[0],), **OPTIONS), model, inputs, (1, 3, 5))


def test_tied_weights_stay_tied_when_a_program_is_loaded() -> None:
    i, target = torch.tensor([[1, 2, 1]]), torch.zeros(1, 3, 7)
    file = io.BytesIO()
    torch.export.save(torch.export.export(Tied(), (i,)), file)
    file.seek(0)
    loaded = pock.compile(torch.export.load(file), (i,), **OPTIONS)
    step = pock.compile(Tied(), (i,), **OPTIONS)
    assert [loaded(i, target) for _ in range(3)] == [step(i, target) for _ in range(3)]
    assert [entry.detail for entry in loaded.report().parameters] == ["also head.weight"]
    found = loaded.state_dict()
    assert sorted(found) == sorted(Tied().state_dict())
    for name, value in step.state_dict().items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
