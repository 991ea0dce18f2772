"""What a forward pass changes beside buffers does not become part of a step, and that is said."""

from __future__ import annotations

import warnings
from collections import deque

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.errors import ArgumentError, CompileError
from pockmlir.frontends.torch.importer import import_model
from torch import nn

X = torch.randn(2, 3)


class Counter:
    def __init__(self) -> None:
        self.count = 0


class Stateful(nn.Module):
    """Changes something in every forward pass, in a module inside a model."""

    def __init__(self, change) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.change = change
        self.step, self.history, self.table, self.recent = 0, [], {"known": 1}, deque(maxlen=2)
        self.seen, self.counter, self.last = {1}, Counter(), torch.zeros(2, 3)
        self.register_buffer("average", torch.zeros(2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return y if (z := self.change(self, y)) is None else z


def counted(m: Stateful, y: torch.Tensor) -> torch.Tensor:
    m.step += 1
    return y * m.step


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (counted, r"'0.step' \(0 → 1\)"),
        (lambda m, y: m.history.append(y), r"'0.history' \(list of 0 → list of 1\)"),
        (lambda m, y: m.table.update(new=2), r"'0.table' \(dict of 1 → dict of 2\)"),
        (lambda m, y: m.table.update(known=2), r"'0.table'"),
        (lambda m, y: m.recent.append(1), r"'0.recent'"),
        (lambda m, y: m.seen.add(2), r"'0.seen'"),
        (lambda m, y: setattr(m.counter, "count", m.counter.count + 1), r"'0.counter'"),
        (lambda m, y: setattr(m, "last", y), r"'0.last' \(a tensor \[2, 3\]"),
        (lambda m, y: setattr(m, "fresh", 3), r"'0.fresh' \(new: 3\)"),
    ],
)
def test_changed_attributes_are_named(change, message: str) -> None:
    model = nn.Sequential(Stateful(change), nn.Linear(3, 3))
    with pytest.warns(UserWarning, match=message):
        import_model(model, (X,), "mse")
    inner = model[0]
    assert (inner.step, inner.history, inner.table, list(inner.recent)) == (0, [], {"known": 1}, [])
    assert (inner.seen, inner.counter.count, hasattr(inner, "fresh")) == ({1}, 0, False)
    assert inner.last.tolist() == [[0.0] * 3] * 2


def recurrent(m: Stateful, y: torch.Tensor) -> torch.Tensor:
    m.last = 0.5 * m.last + y.detach()
    return y + m.last


def test_state_that_is_read_is_an_error() -> None:
    with pytest.raises(ArgumentError, match=r"reads and changes '0.last' .*register_buffer"):
        import_model(nn.Sequential(Stateful(recurrent)), (X,), "mse")
    with pytest.raises(CompileError, match=r"no buffer: register it \(register_buffer\)"):
        import_model(Stateful(lambda m, y: y + m.last.add_(y.detach())), (X,), "mse")


def test_buffers_and_what_hooks_of_torch_compute_are_no_news() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        import_model(Stateful(lambda m, y: None), (X,), "mse")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model = nn.utils.weight_norm(nn.Linear(3, 3), dim=None)
        import_model(model, (X,), "mse")


def averaged(m: Stateful, y: torch.Tensor) -> torch.Tensor:
    m.average = 0.5 * m.average + y.detach()
    return y * m.average


def test_a_buffer_that_is_assigned_changes() -> None:
    model = Stateful(averaged)
    step = pock.compile(model, (X,), loss="mse", optimizer=pock.SGD(lr=0.0), scheme=pock.Scheme.full())
    target = torch.randn(2, 3)
    for _ in range(3):
        expected = nn.functional.mse_loss(model(X), target).item()
        assert step(X, target) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(step.state_dict()["average"], model.average.numpy(), rtol=1e-5)


def test_a_buffer_keeps_its_shape() -> None:
    with pytest.raises(ArgumentError, match=r"sets the buffer '0.average' to a tensor \[3\]"):
        import_model(nn.Sequential(Stateful(lambda m, y: setattr(m, "average", y[0]))), (X,), "mse")
