"""Accumulation and clipping, tied and frozen tensors, modes: equal to PyTorch's training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional
from training_reference import STEPS, Net, assert_same, batch, compiled, torch_step

pytest.importorskip("pockmlir._core")


# Accumulation and clipping ------------------------------------------------------------------


def clip_norm(limit: float) -> Callable[[Any], Any]:
    return lambda parameters: nn.utils.clip_grad_norm_(parameters, limit)


def clip_value(limit: float) -> Callable[[Any], Any]:
    return lambda parameters: nn.utils.clip_grad_value_(parameters, limit)


FEATURES: dict[str, tuple[dict[str, Any], Any]] = {
    "accumulate": ({"accumulate": 3}, None),
    "norm": ({"clip_grad_norm": 0.3}, clip_norm(0.3)),
    "value": ({"clip_grad_value": 0.02}, clip_value(0.02)),
    "all": (
        {"accumulate": 2, "clip_grad_norm": 0.1, "clip_grad_value": 0.03},
        lambda parameters: (clip_value(0.03)(parameters), clip_norm(0.1)(parameters)),
    ),
}


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
@pytest.mark.parametrize("name", FEATURES)
def test_accumulation_and_clipping_equal_pytorch(name: str, optimizer: str) -> None:
    options, clip = FEATURES[name]
    settings: dict[str, Any] = {"lr": 0.1, "momentum": 0.9} if optimizer == "SGD" else {"lr": 0.01, "eps": 1e-6}
    model, count = Net(), options.get("accumulate", 1)
    step = compiled(Net(), getattr(pock, optimizer)(**settings), **options)
    reference = getattr(torch.optim, optimizer)(model.parameters(), **settings)
    for index in range(STEPS // count):
        batches = [batch(index * count + micro) for micro in range(count)]
        expected = torch_step(model, reference, *batches, clip=clip)
        assert [step(*b) for b in batches] == pytest.approx(expected, rel=2e-4)
        assert step.micro_step == 0
    assert_same(step, model)


def test_norm_is_pytorchs_over_what_is_trained() -> None:
    model = Net()
    model.conv.requires_grad_(False)
    step = compiled(Net(), pock.SGD(lr=0.1), clip_grad_norm=1e9, scheme={"*": 1.0, "conv.*": 0.0})
    x, y = batch(0)
    functional.cross_entropy(model(x), y).backward()
    expected = nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], 1e9)
    assert step.grad_norm is None
    step(x, y)
    assert step.grad_norm == pytest.approx(expected.item(), rel=1e-5)


def test_accumulation_keeps_gradients_in_a_checkpoint(tmp_path: Any) -> None:
    step = compiled(Net(), pock.Adam(lr=0.01), accumulate=3)
    for index in range(4):
        step(*batch(index))
    assert step.micro_step == 1
    state = step.optimizer_state_dict()
    assert state["fc.weight.grad"].any()
    step.save(tmp_path / "ckpt")
    expected = [step(*batch(index)) for index in range(4, 9)]
    after = step.state_dict()
    step.reset_optimizer()
    step.load(tmp_path / "ckpt")
    assert step.micro_step == 1
    assert [step(*batch(index)) for index in range(4, 9)] == expected
    assert all(np.array_equal(value, step.state_dict()[name]) for name, value in after.items())
    step(*batch(0))
    step.reset_optimizer()
    assert not step.optimizer_state_dict()["fc.weight.grad"].any()


def test_accumulation_in_slices() -> None:
    """Only the trained part of a weight is accumulated."""
    step = compiled(Net(), pock.SGD(lr=0.1), accumulate=2, scheme={"fc.weight": 0.5})
    assert step.optimizer_state_dict()["fc.weight.grad"].shape == (4, 3)
    model = Net()
    before = model.fc.weight.detach().clone()
    reference = torch.optim.SGD([model.fc.weight], lr=0.1)
    torch_step(model, reference, batch(0), batch(1))
    for index in range(2):
        step(*batch(index))
    expected = torch.cat([model.fc.weight[:, :3], before[:, 3:]], 1).detach().numpy()
    np.testing.assert_allclose(step.state_dict()["fc.weight"], expected, rtol=1e-4, atol=1e-6)


# Tied, repeated, frozen, mutated ------------------------------------------------------------


class Tied(nn.Module):
    """One weight under two names, one layer called twice, a buffer that counts, one that stays."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encode = nn.Linear(4, 4)
        self.decode = nn.Linear(4, 4)
        self.decode.weight = self.encode.weight
        self.twice = nn.Linear(4, 4)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("scale", torch.full((4,), 0.5))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.twice(torch.tanh(self.twice(torch.tanh(self.encode(x)))))
        if self.training:
            with torch.no_grad():
                self.mean.mul_(0.9).add_(0.1 * x.mean(0))
                self.calls.add_(1)
        return self.decode(y * self.scale - self.mean)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_tied_repeated_and_mutated(mode: str) -> None:
    model, source = (getattr(Tied(), mode)() for _ in range(2))
    # The tied weight is held under its second name.
    optimizers = [torch.optim.SGD([*m.twice.parameters(), m.decode.weight], lr=0.2) for m in (model, source)]
    step = compiled(source, optimizers[1], (4,), scheme={"twice.*": 1.0, "decode.weight": 1.0})
    for m in (model.encode.bias, model.decode.bias):
        m.requires_grad_(False)
    for index in range(STEPS):
        data = batch(index, 4)
        assert [step(*data)] == pytest.approx(torch_step(model, optimizers[0], data), rel=2e-4)
    assert_same(step, model)
    assert np.array_equal(step.state_dict()["encode.weight"], step.state_dict()["decode.weight"])
    assert step.state_dict()["calls"] == (STEPS if mode == "train" else 0)
    other = Tied()
    step.write_back(other)
    assert other.decode.weight is other.encode.weight


def test_frozen_weight_used_by_a_trained_branch() -> None:
    """Gradients pass through what is frozen, and leave it alone."""
    model = Tied()
    step = compiled(Tied(), pock.SGD(lr=0.1), (4,), scheme={"encode.bias": 1.0})
    reference = torch.optim.SGD([model.encode.bias], lr=0.1)
    for index in range(3):
        data = batch(index, 4)
        assert [step(*data)] == pytest.approx(torch_step(model, reference, data), rel=2e-4)
    assert_same(step, model)


# Modes --------------------------------------------------------------------------------------


class Modes(nn.Module):
    """Two batch norms, of which one is in eval mode; and code that asks for the mode."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
        self.fc = nn.Linear(4, 4)
        self.second.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.fc(self.second(self.first(x)))
        return y * 2 if self.training else y


def test_every_module_has_its_own_mode() -> None:
    model = Modes()
    step = compiled(Modes(), pock.SGD(lr=0.1), (4,))
    assert step.report().norm_modes == {"first": "training", "second": "inference"}
    reference = torch.optim.SGD(model.parameters(), lr=0.1)
    for index in range(3):
        data = batch(index, 4)
        assert [step(*data)] == pytest.approx(torch_step(model, reference, data), rel=2e-4)
    assert_same(step, model)
    x = batch(9, 4)[0]
    np.testing.assert_allclose(step.predict(x), model.eval()(x).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_an_eval_model_trains_in_eval_mode() -> None:
    model = Modes().eval()
    step = compiled(Modes().eval(), pock.SGD(lr=0.1), (4,))
    data = batch(0, 4)
    assert [step(*data)] == pytest.approx(
        torch_step(model, torch.optim.SGD(model.parameters(), lr=0.1), data), rel=1e-5
    )
    assert_same(step, model)
    assert step.state_dict()["first.num_batches_tracked"] == 0
