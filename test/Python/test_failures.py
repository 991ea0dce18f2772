"""Calls that fail where PyTorch raises, and change nothing; losses that are not finite."""

from __future__ import annotations

import copy
import math

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional

ROWS, FEATURES = 4, 2
GOOD = torch.tensor([0, 3, 1])
#: At both ends, behind them, and where integers end.
VALUES = (-(2**63), -(10**12), -5, -4, -1, 0, 3, 4, 6, 10**12, 2**63 - 1)


def rows(i: torch.Tensor) -> torch.Tensor:
    return i[:, None].expand(-1, FEATURES)


def zeros() -> torch.Tensor:
    return torch.zeros(ROWS, FEATURES)


OPERATORS = {
    "embedding": lambda w, i: functional.embedding(i, w),
    "shifted": lambda w, i: functional.embedding(i + 1 - 1, w),
    "bag": lambda w, i: functional.embedding_bag(i[None], w),
    "index": lambda w, i: w[i],
    "index_two": lambda w, i: w[i, i % 2],
    "index_last": lambda w, i: w.T[:, i],
    "select": lambda w, i: w.index_select(0, i),
    "gather": lambda w, i: w.gather(0, rows(i)),
    "take": lambda w, i: w[:2].take(i),
    "scatter": lambda w, i: zeros().scatter(0, rows(i), w[:3]),
    "scatter_value": lambda w, i: w.scatter(0, rows(i), 1.5),
    "scatter_add": lambda w, i: zeros().scatter_add(0, rows(i), w[:3]),
    "scatter_reduce": lambda w, i: zeros().scatter_reduce(0, rows(i), w[:3], "mean"),
    "add": lambda w, i: zeros().index_add(0, i, w[:3]),
    "copy": lambda w, i: zeros().index_copy(0, i, w[:3]),
    "fill": lambda w, i: w.index_fill(0, i, 2.0),
    "put": lambda w, i: torch.zeros(2, 2).put(i, w[0, 0].expand(3)),
    "index_put": lambda w, i: zeros().index_put((i,), w[:3], accumulate=True),
    "one_hot": lambda w, i: functional.one_hot(i, ROWS).float() @ w,
    "cross_entropy": lambda w, i: functional.cross_entropy(w.T[[0, 1, 0]], i, ignore_index=-5),
    "nll": lambda w, i: functional.nll_loss(w.T[[0, 1, 0]], i, reduction="none"),
    "unpool": lambda w, i: functional.max_unpool2d(w[:3, 0].reshape(1, 1, 3, 1), i.reshape(1, 1, 3, 1), (1, 2)),
    "margin": lambda w, i: functional.multi_margin_loss(w.T[[0, 1, 0]], i),
}


class Everything(nn.Module):
    """All operators that read at an index, each with an input of its own; statistics that the forward pass changes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.w = nn.Parameter(torch.randn(ROWS, FEATURES))
        self.norm = nn.BatchNorm1d(FEATURES)

    def forward(self, **indices: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.w)
        for name, i in indices.items():
            y = y + OPERATORS[name](self.w, i).sum()
        return y


def raises(name: str, indices: torch.Tensor) -> bool:
    try:
        OPERATORS[name](torch.ones(ROWS, FEATURES), indices)
    except (IndexError, RuntimeError):
        return True
    return False


def everything_of(step: pock.Step) -> tuple[bytes, bytes, dict[str, bytes], object]:
    state = step.state_dict() | step.optimizer_state_dict()
    return (
        step._instance.state.tobytes(),
        step._instance.constants.tobytes(),
        {name: value.tobytes() for name, value in state.items()},
        copy.copy(step._counters),
    )


@pytest.fixture(scope="module")
def step() -> pock.Step:
    good = dict.fromkeys(OPERATORS, GOOD)
    step = pock.compile(
        Everything(), good, loss="cross_entropy", optimizer=pock.Adam(lr=0.1), scheme=pock.Scheme.full(), accumulate=2
    )
    step(**good, target=torch.tensor([0, 1, 0, 1]))
    return step


@pytest.mark.parametrize("name", OPERATORS)
def test_what_pytorch_refuses_fails_and_changes_nothing(step, name):
    target = torch.tensor([0, 1, 0, 1])
    assert step.micro_step == 1
    for value in VALUES:
        indices = torch.tensor([0, 1, value])
        given = dict.fromkeys(OPERATORS, GOOD) | {name: indices}
        if not raises(name, indices):
            step.predict(**given)
            continue
        before = everything_of(step)
        refused(step.predict, name, value, **given)
        refused(step, name, value, **given, target=target)
        assert everything_of(step) == before


def refused(call, name, value, **given):
    with pytest.raises(pock.IndexRangeError, match=r"aten\.\w+.* in \(model\) at test_failures\.py:\d+") as error:
        call(**given)
    assert isinstance(error.value, IndexError)
    if name != "shifted":
        assert str(error.value).startswith(f"{name}: expected indices in [")
        assert f"but got {value} at [2]" in str(error.value)


def test_accumulation_goes_on_as_if_nothing_had_failed():
    model, good = Everything(), {"index": GOOD}
    target, wrong = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 1, 0, 2])
    make = lambda: pock.compile(  # noqa: E731
        model, good, loss="cross_entropy", optimizer=pock.Adam(lr=0.1), scheme=pock.Scheme.full(), accumulate=2
    )
    disturbed, calm = make(), make()
    for _ in range(4):
        with pytest.raises(
            pock.IndexRangeError, match=r"target: expected indices in \[0, 2\) or ignore_index -100, but got 2"
        ):
            disturbed(index=GOOD, target=wrong)
        assert disturbed(index=GOOD, target=target) == calm(index=GOOD, target=target)
    assert everything_of(disturbed)[:3] == everything_of(calm)[:3]


class Late(nn.Module):
    """An index that depends on activations, behind statistics that are stored."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.table = nn.BatchNorm1d(3), nn.Embedding(5, 2)
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        y = self.norm(x)
        self.seen += x.sum(0)
        return self.table((y.abs().sum(1) * scale).long()) + y.mean() * self.seen.sum()


@pytest.mark.parametrize("options", [{}, {"memory": pock.MemoryOptions(reorder=False)}, {"precision": "bf16"}], ids=str)
def test_an_index_behind_what_is_stored(options):
    model = Late()
    x, one, huge = torch.randn(4, 3), torch.tensor(0.5), torch.tensor(100.0)
    step = pock.compile(
        model, (x, one), loss="mse", optimizer=pock.SGD(lr=0.1, momentum=0.9), scheme=pock.Scheme.full(), **options
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    target = torch.zeros(4, 2)
    for _ in range(3):
        before = everything_of(step)
        with pytest.raises(
            pock.IndexRangeError, match=r"aten\.embedding in table at .*: expected indices in \[0, 5\)$"
        ):
            step(x, huge, target)
        assert everything_of(step) == before
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x, one), target)
        loss.backward()
        optimizer.step()
        assert step(x, one, target) == pytest.approx(loss.item(), rel=1e-5)
    for name, value in step.state_dict().items():
        np.testing.assert_allclose(value, model.state_dict()[name].numpy(), rtol=1e-4, atol=1e-5)


def test_integers_divided_by_zero():
    class Divided(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(3))

        def forward(self, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
            whole = (
                i // j + i % j + torch.fmod(i, j) + torch.div(i, j, rounding_mode="trunc") + i // 2 + j // (i.abs() + 1)
            )
            return self.w * whole.float()

    model, i, target = Divided(), torch.tensor([7, -9, 2]), torch.zeros(3)
    step = pock.compile(model, (i, i), loss="mse", optimizer=pock.Adam(lr=0.1), scheme=pock.Scheme.full())
    for j in (torch.tensor([2, 3, -4]), torch.tensor([2**62, -1, 1])):
        np.testing.assert_array_equal(step.predict(i, j), model(i, j).detach().numpy())
    before = everything_of(step)
    for call in (lambda: step.predict(i, i - 2), lambda: step(i, i - 2, target)):
        with pytest.raises(pock.IntegerDivisionError, match=r"aten\.floor_divide in \(model\)") as error:
            call()
        assert isinstance(error.value, ZeroDivisionError)
    assert everything_of(step) == before


def failures_of(ir: str) -> int:
    return ir.count("pock.fail_if")


def test_what_is_in_range_is_not_checked():
    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(4, 2))

        def forward(self, x: torch.Tensor, i: torch.Tensor) -> torch.Tensor:
            y = self.w[i.clamp(0, 3)] + self.w[i.clamp(max=2).clamp(min=-4)] + self.w[torch.arange(3)]
            y = y + self.w.gather(0, rows(x.argmax(1))) + self.w[torch.where(i > 2, 1, 0) + 2]
            y = y + self.w[i % 4] + self.w[(i * 7919).remainder(3)]
            y = y + self.w[x.sort(1).indices[:, 0]] + self.w[x.topk(2, 1).indices[:, 1]]
            return (
                y
                + functional.embedding(torch.minimum(i.clamp(min=0), torch.tensor(3)), self.w)
                + self.w[(i > 1).long()]
            )

    x, i = torch.randn(3, 4), torch.tensor([7, -9, 2])
    model = Bounded()
    step = pock.compile(model, (x, i), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    assert failures_of(step.ir("import")) == 0
    np.testing.assert_allclose(step.predict(x, i), model(x, i).detach().numpy(), rtol=1e-6)


def test_constant_indices_are_checked_when_compiling():
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Embedding(4, 2)
            self.register_buffer("i", torch.tensor([0, 4]), persistent=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.layer(self.i)

    with pytest.raises(
        pock.IndexRangeError, match=r"aten\.embedding in layer: expected indices in \[0, 4\), but got 4"
    ):
        pock.compile(Constant(), (torch.ones(2, 2),), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())


def test_indices_in_a_frozen_buffer_are_checked_when_it_is_loaded():
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(4, 2)
            self.register_buffer("positions", torch.tensor([0, 3]))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.table(self.positions)

    x = torch.ones(2, 2)
    step = pock.compile(Positions(), (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    step(x, torch.zeros(2, 2))
    before = everything_of(step)
    with pytest.raises(pock.IndexRangeError, match=r"aten\.embedding in table"):
        step.load_state_dict(step.state_dict() | {"positions": np.array([0, 4])})
    assert everything_of(step) == before


# Losses that are not finite -----------------------------------------------------------


class Noisy(nn.Module):
    """Statistics, dropout, and a loss that a large input makes infinite."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))

    def forward(self, x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        # Not a scalar in memory until the last view.
        return ((self.layers(x) * gain).square().sum((0, 1), keepdim=True)).reshape(())


def noisy(**options: object) -> pock.Step:
    x, gain = torch.ones(4, 3), torch.tensor(1.0)
    return pock.compile(
        Noisy(), (x, gain), loss=None, optimizer=pock.AdamW(lr=0.1), scheme=pock.Scheme.full(), **options
    )  # fmt: skip


X = torch.linspace(-1, 1, 12).reshape(4, 3)
ONE, INFINITE, NAN = torch.tensor(1.0), torch.tensor(math.inf), torch.tensor(math.nan)


def test_by_default_a_loss_that_is_not_finite_is_a_flag():
    step = noisy()
    assert step.loss_is_finite is None
    step(X, ONE)
    assert step.loss_is_finite
    assert math.isnan(step(X, NAN))
    assert step.loss_is_finite is False
    assert step.skipped == 0
    # The update is done, as PyTorch does it.
    assert np.isnan(step.state_dict()["layers.3.weight"]).all()


@pytest.mark.parametrize("on_nan", ["error", "skip"])
def test_steps_whose_loss_is_not_finite_change_nothing(on_nan):
    step, calm = noisy(on_nan=on_nan, accumulate=2, clip_grad_norm=1.0), noisy(accumulate=2, clip_grad_norm=1.0)
    for number in range(4):
        for gain in (INFINITE, NAN):
            before = everything_of(step)
            if on_nan == "skip":
                assert not math.isfinite(step(X, gain))
            else:
                with pytest.raises(pock.LossNotFiniteError, match=r"loss in \(loss\): expected a finite number"):
                    step(X, gain)
            assert step.loss_is_finite is False
            assert everything_of(step) == before
        assert step(X, ONE) == calm(X, ONE)
        assert step.loss_is_finite
        assert step.skipped == (2 * (number + 1) if on_nan == "skip" else 0)
    assert everything_of(step)[2:] == everything_of(calm)[2:]


def test_on_nan_is_checked():
    with pytest.raises(pock.ArgumentError, match=r"on_nan: expected one of ignore, error, skip, but got 'raise'"):
        noisy(on_nan="raise")
