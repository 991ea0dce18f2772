"""Compares results of operators with PyTorch in float64, with many cases per compiled module.

A batch of cases becomes one model that returns every result. The compiled `predict` must
return PyTorch's results. One step of SGD with learning rate one, on a loss that weighs
every entry differently, must change the operands by PyTorch's gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pockmlir as pock
import torch
from torch import nn

__all__ = ["Case", "Fixed", "failures"]


@dataclass(frozen=True)
class Fixed:
    """An operand that is a buffer: a run-time value without gradient."""

    value: Any


@dataclass(frozen=True)
class Case:
    """One use of an operator.

    Attributes:
        name: the name of the case.
        function: called with the operands; returns a tensor or several.
        operands: a tuple of ints is a shape (filled with random numbers), a list or tensor
            is a value, a module is called with the operands after it and also trains.
            Operands that are not floating-point are buffers.
        tolerance: the relative tolerance for results and gradients.
    """

    name: str
    function: Callable[..., Any]
    operands: tuple[Any, ...]
    tolerance: float = 1e-9


class CaseModule(nn.Module):
    """Holds the operands of a case and applies its function."""

    def __init__(self, case: Case, generator: torch.Generator) -> None:
        super().__init__()
        self.function, self.count = case.function, len(case.operands)
        for i, operand in enumerate(case.operands):
            if isinstance(operand, nn.Module):
                self.add_module(f"x{i}", operand.double())
                continue
            is_fixed = isinstance(operand, Fixed)
            value = _tensor(operand.value if is_fixed else operand, generator)
            if is_fixed or not value.is_floating_point():
                self.register_buffer(f"x{i}", value)
            else:
                self.register_parameter(f"x{i}", nn.Parameter(value))

    def forward(self) -> list[torch.Tensor]:
        """Return the results as a list."""
        result = self.function(*(getattr(self, f"x{i}") for i in range(self.count)))
        return list(result) if isinstance(result, tuple | list) else [result]


def _tensor(operand: Any, generator: torch.Generator) -> torch.Tensor:
    if isinstance(operand, tuple):
        return torch.randn(operand, generator=generator, dtype=torch.float64)
    value = torch.as_tensor(operand)
    return value.double() if value.is_floating_point() else value.clone()


class Batch(nn.Module):
    """Returns the results of all cases, in order."""

    def __init__(self, cases: Iterable[Case]) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.cases = nn.ModuleDict({case.name: CaseModule(case, generator) for case in cases})

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return all results; the input is unused, but a model must have one."""
        return [result for case in self.cases.values() for result in case()]


def weighted(results: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """Return a loss whose cotangents are all different, and of order one."""
    total = target
    for result in results:
        if result.is_floating_point():
            weights = torch.cos(torch.arange(result.numel(), dtype=result.dtype) + 1.0).reshape(result.shape)
            total = total + (result * weights).sum()
    return total


def failures(cases: list[Case]) -> dict[str, str]:
    """Return the errors by the name of the case; empty if there are none."""
    try:
        return _compare(cases)
    except Exception as error:
        if len(cases) == 1:
            return {cases[0].name: f"{type(error).__name__}: {error}"}
        # Rare: find out which ones it is.
        half = len(cases) // 2
        return failures(cases[:half]) | failures(cases[half:]) or {"all together": str(error)}


def _compare(cases: list[Case]) -> dict[str, str]:
    model = Batch(cases).double()
    x, target = torch.zeros(1), torch.zeros((), dtype=torch.float64)
    trains = any(True for _ in model.parameters())
    assert trains, "a batch needs a case with a gradient"
    step = pock.compile(
        model, (x,), loss=weighted, example_target=target, optimizer=pock.SGD(lr=1.0), scheme=pock.Scheme.full()
    )
    outputs = step.predict(x)
    found = list(outputs.values()) if isinstance(outputs, dict) else list(_as_tuple(outputs))
    step(x, target)
    moved = step.state_dict()
    weighted(model(x), target).backward()
    wrong: dict[str, str] = {}
    for case in cases:
        module = model.cases[case.name]
        with torch.no_grad():
            expected = module()
        pairs = [(f"result {i}", found.pop(0), value) for i, value in enumerate(expected)]
        for name, parameter in module.named_parameters():
            gradient = parameter.detach() - torch.as_tensor(moved[f"cases.{case.name}.{name}"])
            pairs.append((f"gradient of {name}", gradient, parameter.grad))
        for what, got, want in pairs:
            if message := _difference(got, want, case.tolerance):
                wrong[case.name] = f"{what}: {message}"
                break
    return wrong


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def _difference(got: Any, want: torch.Tensor, tolerance: float) -> str | None:
    try:
        torch.testing.assert_close(
            torch.as_tensor(got), want.detach(), rtol=tolerance, atol=tolerance * 1e-1, equal_nan=True
        )
    except AssertionError as error:
        return str(error)
    return None
