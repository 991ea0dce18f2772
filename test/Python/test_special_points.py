"""Values and gradients at zeros, infinities, NaN, ties and the ends of the number range are PyTorch's.

A group of the table is one compiled module. An operand of an entry is ``values + parameter`` with a parameter of
negative zeros: the sum is the value to the last bit, and one step of SGD with learning rate one leaves the negative
gradient in the parameter. Right means: not further from PyTorch in float64, computed on the same float32 numbers, than
eight times the error of PyTorch in float32, and the floor of the entry; infinite, NaN, or a zero of the same sign
(values only) where both of PyTorch's agree about that, and what either says where they do not.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable
from typing import Any

import pockmlir as pock
import pytest
import torch
from pockmlir.frontends.torch.decompositions import DECOMPOSED
from pockmlir.frontends.torch.registry import CONVERTERS, operator_name
from special_points import EXCUSED, EXCUSED_FAMILIES, TABLE, Special
from torch import nn

#: A few denormal numbers.
SMALLEST = 6e-45


class Entry(nn.Module):
    """Holds the operands of an entry and applies its function."""

    def __init__(self, entry: Special) -> None:
        super().__init__()
        self.function, self.flat, self.count = entry.function, entry.flat, len(entry.operands)
        for i, operand in enumerate(entry.operands):
            self.register_buffer(f"x{i}", torch.as_tensor(operand))
            if i not in entry.fixed:
                self.register_parameter(f"p{i}", nn.Parameter(torch.full_like(getattr(self, f"x{i}"), -0.0)))

    def forward(self) -> list[torch.Tensor]:
        """Return the results; of a flat entry the parameters, too, so that something reads them."""
        operands = [getattr(self, f"x{i}") for i in range(self.count)]
        operands = [x + getattr(self, f"p{i}") if hasattr(self, f"p{i}") else x for i, x in enumerate(operands)]
        result = self.function(*operands)
        results = list(result) if isinstance(result, tuple | list) else [result]
        return results + list(self.parameters()) if self.flat else results


class Batch(nn.Module):
    """Returns the results of all entries, one after the other."""

    def __init__(self, entries: Iterable[Special]) -> None:
        super().__init__()
        self.entries = nn.ModuleDict({entry.name: Entry(entry) for entry in entries})

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return all results; the input is there because a model has one."""
        return [result for entry in self.entries.values() for result in entry()]


def weighted(results: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """Return a loss whose cotangents are all different, of both signs, and none zero."""
    total = target
    for result in results:
        if result.is_floating_point():
            weights = torch.arange(result.numel(), dtype=torch.float32) % 7 - 2.5
            total = total + (result * weights.to(result.dtype).reshape(result.shape)).sum()
    return total


def eager(model: nn.Module, dtype: torch.dtype) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    """Return PyTorch's results and gradients."""
    model = copy.deepcopy(model).to(dtype)
    results = model(torch.zeros(1))
    weighted(results, torch.zeros((), dtype=dtype)).backward()
    return [result.detach() for result in results], {name: p.grad for name, p in model.named_parameters()}


def difference(entry: Special, got: torch.Tensor, plain: torch.Tensor, exact: torch.Tensor, signs: bool) -> str | None:
    """Return where and how `got` is wrong, None if it is right."""
    got, plain = torch.as_tensor(got), plain.detach()
    if not plain.is_floating_point():
        right = got == plain
    else:
        right = _is_right(entry, got.to(plain.dtype), plain, exact, signs)
    if bool(right.all()):
        return None
    wrong = torch.nonzero(~right).tolist()
    shown = ", ".join(f"{i}: {got[tuple(i)]:.9g} for {plain[tuple(i)]:.9g} ({exact[tuple(i)]:.9g})" for i in wrong[:6])
    return f"{len(wrong)} of {right.numel()} entries: {shown}"


def _is_right(entry: Special, got: torch.Tensor, plain: torch.Tensor, exact: torch.Tensor, signs: bool) -> torch.Tensor:
    rounded = exact.to(plain.dtype)
    error = torch.nan_to_num(torch.abs(plain.double() - exact), 0.0, 0.0, 0.0)
    size = torch.nan_to_num(torch.abs(exact), 0.0, 0.0, 0.0)
    agree = torch.isfinite(plain) & torch.isfinite(exact) & torch.isfinite(rounded)
    if entry.together and size.numel():
        size, error = (torch.where(agree, v, 0.0).reshape(v.shape[0] if v.ndim else 1, -1) for v in (size, error))
        size, error = (v.amax(1).reshape((-1,) + (1,) * max(exact.ndim - 1, 0)).expand_as(exact) if exact.ndim else v.amax() for v in (size, error))  # fmt: skip
    smallest = 100 * torch.finfo(plain.dtype).tiny if entry.underflow else SMALLEST
    # What PyTorch in float64 is off by is not known: the floor allows for sums of some hundred roundings.
    unit = 1.0 if plain.dtype == torch.float32 else 1e-5
    relative = entry.floor * unit + (entry.rounded if plain.dtype == torch.float64 else 0.0)
    floor = relative * size + max(entry.near * unit, smallest)
    close = torch.abs(got.double() - exact) <= 8 * error + floor
    same = functools.reduce(
        torch.logical_or, [(got == other) | (got.isnan() & other.isnan()) for other in (plain, rounded)]
    )
    zeros = (plain == 0) & (exact == 0) & (plain.signbit() == exact.signbit())
    if signs:
        close &= ~zeros | ((got == 0) & (got.signbit() == plain.signbit()))
    # Where float32 overflows on the way, anything goes.
    overflows = torch.isfinite(rounded) & ~torch.isfinite(plain)
    return torch.where(agree, close, same | close | overflows)


def failures(entries: list[Special], dtype: torch.dtype) -> dict[str, str]:
    """Return what is wrong, by the name of the entry; empty if all is right."""
    try:
        return _compare(entries, dtype)
    except Exception as error:
        if len(entries) == 1:
            return {entries[0].name: f"{type(error).__name__}: {error}"}
        # Rare: find out which ones it is.
        half = len(entries) // 2
        return failures(entries[:half], dtype) | failures(entries[half:], dtype)


def _compare(entries: list[Special], dtype: torch.dtype) -> dict[str, str]:
    model = Batch(entries).to(dtype)
    plain, gradients = eager(model, dtype)
    exact, exact_gradients = eager(model, torch.float64)
    x, target = torch.zeros(1), torch.zeros((), dtype=dtype)
    step = pock.compile(
        model, (x,), loss=weighted, example_target=target, optimizer=pock.SGD(lr=1.0), scheme=pock.Scheme.full()
    )
    outputs = step.predict(x)
    found = (
        list(outputs.values())
        if isinstance(outputs, dict)
        else list(outputs)
        if isinstance(outputs, tuple | list)
        else [outputs]
    )
    step(x, target)
    moved = step.state_dict()
    wrong: dict[str, str] = {}
    at = 0
    for entry in entries:
        pairs = []
        for i in range(len(model.entries[entry.name]())):
            pairs.append((f"result {i}", found[at], plain[at], exact[at], entry.signs))
            at += 1
        for name, _ in model.entries[entry.name].named_parameters():
            key = f"entries.{entry.name}.{name}"
            pairs.append(
                (f"gradient of {name}", -torch.as_tensor(moved[key]), gradients[key], exact_gradients[key], False)
            )
        for what, *values, signs in pairs:
            message = difference(entry, *values, signs)  # type: ignore[arg-type]
            if message:
                wrong[entry.name] = wrong.get(entry.name, "") + f"{what}: {message}; "
    return wrong


def recorded(used: set[str], name: str, convert: Callable[..., Any]) -> Callable[..., Any]:
    """Return a converter that notes its use."""

    def record(*args: Any) -> Any:
        used.add(name)
        return convert(*args)

    return record


@pytest.mark.parametrize("group", TABLE)
def test_equals_pytorch(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[str] = set()
    for name, convert in list(CONVERTERS.items()):
        monkeypatch.setitem(CONVERTERS, name, recorded(used, name, convert))
    assert failures(TABLE[group], torch.float32) == {}
    assert {name for entry in TABLE[group] for name in entry.operators if name in CONVERTERS} <= used


@pytest.mark.slow
@pytest.mark.parametrize("group", TABLE)
def test_equals_pytorch_in_float64(group: str) -> None:
    assert failures(TABLE[group], torch.float64) == {}


def test_every_operator_has_an_entry() -> None:
    entries = {name for group in TABLE.values() for entry in group for name in entry.operators}
    own = {name for name in CONVERTERS if name.startswith("pockmlir.")}
    known = (CONVERTERS.keys() - own) | {operator_name(op) for op in DECOMPOSED}
    # Names of one converter are one operator.
    tested = {CONVERTERS[name] for name in (entries | EXCUSED.keys()) & CONVERTERS.keys()}
    missing = {name for name in known - entries - EXCUSED.keys() if CONVERTERS.get(name) not in tested}
    assert {n for n in missing if n not in CONVERTERS or family(CONVERTERS[n]) not in EXCUSED_FAMILIES} == set()
    assert EXCUSED.keys() <= known - entries


def family(convert: Callable[..., Any]) -> str:
    """Return the module of a converter."""
    return convert.__module__.split(".")[-1]
