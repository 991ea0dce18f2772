"""Compiles a case, trains it and PyTorch for some steps, and reports their difference."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pockmlir as pock
import torch
from torch import nn
from torch.nn import functional

from .case import Case, Loss

__all__ = ["STEPS", "Figures", "compare", "compile_case", "kernels", "operations"]

STEPS = 5
MOMENTUM = 0.9
#: Of a loss, relative to it.
LOSS_TOLERANCE = 1e-4
#: Of a parameter, relative to its largest entry.
PARAMETER_TOLERANCE = 2e-4
#: Distance of PyTorch's float32 from float64 above which neither tells anything.
ILL_CONDITIONED = 1e-2

Array = np.ndarray[Any, Any]


@dataclass
class Figures:
    """Cost and accuracy of a compiled step.

    Attributes:
        operations: pock ops of the step at stage ``training``.
        launches: number of kernel launches.
        kernels: number of different kernels.
        seconds: stage → its seconds.
        arena: bytes of the arena, which has all transient values.
        saved: bytes of activations kept for the backward pass.
        lower_bound: lower bound of the arena in the order that was found.
        least_peak: lower bound of live bytes in any order.
        loss_error: largest error of a loss, relative to the loss.
        parameter_error: largest error of a parameter after the last step, relative to its largest entry.
        update_error: the same relative to the parameter's largest change (or a thousandth of the largest entry, if
            that is larger): it shows a wrong gradient even if the rate is low.
        worst: the parameter with `update_error`.
        double: errors against PyTorch in float64, of losses and parameters: first PyTorch's in float32, then ours.
    """

    operations: int
    launches: int
    kernels: int
    seconds: dict[str, float]
    arena: int
    saved: int
    lower_bound: int
    least_peak: int
    loss_error: float = 0.0
    parameter_error: float = 0.0
    update_error: float = 0.0
    worst: str = ""
    double: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """``equal``, ``different``, or ``ill-conditioned`` if float32 is meaningless for the model.

        Equal means within the tolerance of PyTorch, or within twice PyTorch's own distance of exact arithmetic.
        """
        if self.loss_error <= LOSS_TOLERANCE and self.parameter_error <= PARAMETER_TOLERANCE:
            return "equal"
        if not self.double:
            return "different"
        if self.double["torch_parameter"] > ILL_CONDITIONED:
            return "ill-conditioned"
        near = all(self.double[f"our_{what}"] <= 2 * self.double[f"torch_{what}"] for what in ("loss", "parameter"))
        return "equal" if near else "different"


def compare(case: Case, scheme: str, double: bool | None = None, steps: int = STEPS, target: str = "host") -> Figures:
    """Compile a case and train it beside PyTorch: SGD with momentum, a new batch every step.

    Args:
        case: the model, its data, its loss.
        scheme: ``full`` or ``sparse``.
        double: whether to train in float64 too; by default if float32 is not near enough.
        steps: the number of steps.
        target: a target whose code this machine runs.

    Raises:
        pockmlir.PockError: the case does not compile.
    """
    model = case.model()
    step = compile_case(case, model, scheme, target)
    figures = _costs(step)
    before = {name: value.detach().numpy().copy() for name, value in model.named_parameters()}
    losses = [step(*inputs, target) for inputs, target in _batches(case, steps)]
    expected_losses, expected = _train(case, step, torch.float32, steps)
    found = step.state_dict()
    figures.loss_error = _relative(losses, expected_losses)
    for name, value in expected.items():
        error = float(np.abs(found[name] - value).max())
        largest = float(np.abs(value).max()) or 1.0
        change = float(np.abs(value - before[name]).max())
        figures.parameter_error = max(figures.parameter_error, _finite(error / largest))
        update_error = _finite(error / max(change, 1e-3 * largest))
        if update_error > figures.update_error:
            figures.update_error, figures.worst = update_error, name
    if double or (double is None and figures.verdict != "equal"):
        figures.double = _double(case, step, (losses, found), (expected_losses, expected), steps)
    return figures


def compile_case(case: Case, model: nn.Module, scheme: str, target: str = "host") -> pock.Step:
    """Compile the model of a case, with SGD with momentum."""
    inputs, expected = case.batch(0)
    return pock.compile(
        model,
        inputs,
        loss=case.loss,
        optimizer=pock.SGD(lr=case.lr, momentum=MOMENTUM),
        scheme=case.scheme(scheme),
        example_target=expected if callable(case.loss) else None,
        name="zoo",
        cache=False,
        target=target,
    )


def _costs(step: pock.Step) -> Figures:
    launches, distinct = kernels(step)
    memory = step.memory
    return Figures(
        operations(step),
        launches,
        distinct,
        step.timings,
        memory.arena,
        memory.saved,
        memory.lower_bound,
        memory.least_peak,
    )


def operations(step: pock.Step) -> int:
    """Count the pock ops of ``@step`` at stage ``training``."""
    body = re.search(r"func\.func @step\(.*?\n  }\n", step.ir("training"), re.DOTALL)
    assert body, "stage training has a function @step"
    return len(re.findall(r"^\s*(?:%\S+ = )?\"?pock\.(?!yield|launch)\w+", body[0], re.MULTILINE))


def kernels(step: pock.Step) -> tuple[int, int]:
    """Count the launches in all functions, and the kernels that they share."""
    ir = step.ir("kernels")
    return len(re.findall(r"pock\.launch @", ir)), len(re.findall(r"func\.func private @.*pock\.kernel", ir))


def _batches(case: Case, steps: int) -> Iterator[tuple[tuple[torch.Tensor, ...], torch.Tensor]]:
    return (case.batch(seed) for seed in range(steps))


def _relative(found: list[float], expected: list[float]) -> float:
    return max(_finite(abs(a - b) / max(abs(b), 1e-30)) for a, b in zip(found, expected, strict=True))


def _finite(error: float) -> float:
    """Return an error that can be compared: NaN becomes infinity."""
    return error if error == error else float("inf")


def _loss_function(loss: Loss) -> Callable[[Any, torch.Tensor], torch.Tensor]:
    known: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {
        "cross_entropy": functional.cross_entropy,
        "mse": functional.mse_loss,
    }
    return known[loss] if isinstance(loss, str) else loss


def _train(case: Case, step: pock.Step, dtype: torch.dtype, steps: int) -> tuple[list[float], dict[str, Array]]:
    """Train with PyTorch like the compiled step; return losses and parameters."""
    model = case.model().to(dtype)
    parts = _trained(model, step)
    optimizer = torch.optim.SGD(
        [model.get_parameter(name) for name in parts], lr=case.lr, momentum=MOMENTUM, foreach=False
    )
    losses = []
    for inputs, target in _batches(case, steps):
        values = [value.to(dtype) if value.is_floating_point() else value for value in inputs]
        optimizer.zero_grad()
        loss = _loss_function(case.loss)(model(*values), target.to(dtype) if target.is_floating_point() else target)
        loss.backward()
        for name, part in parts.items():
            gradient = model.get_parameter(name).grad
            kept = torch.zeros_like(gradient)
            kept[part] = gradient[part]
            gradient.copy_(kept)
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: value.detach().numpy() for name, value in model.named_parameters()}


def _trained(model: nn.Module, step: pock.Step) -> dict[str, tuple[Any, ...]]:
    """Freeze the parameters that the step freezes; return the trained part of every other parameter."""
    parts: dict[str, tuple[Any, ...]] = {}
    for name, value in model.named_parameters():
        slot = step.artifact.manifest.tensors.get(name)
        update = slot.update if slot else "none"
        value.requires_grad_(update != "none")
        if update == "full":
            parts[name] = (...,)
        elif update != "none":
            axis, size = update
            parts[name] = (*[slice(None)] * int(axis), slice(0, int(size)))
    return parts


def _double(
    case: Case,
    step: pock.Step,
    ours: tuple[list[float], Mapping[str, Array]],
    torchs: tuple[list[float], Mapping[str, Array]],
    steps: int,
) -> dict[str, float]:
    """Return the differences of PyTorch's float32 and ours from float64."""
    losses, parameters = _train(case, step, torch.float64, steps)
    result = {}
    for whose, (found_losses, found) in (("torch", torchs), ("our", ours)):
        result[f"{whose}_loss"] = _relative(found_losses, losses)
        result[f"{whose}_parameter"] = max(
            _finite(float(np.abs(found[name] - value).max() / (np.abs(value).max() or 1.0)))
            for name, value in parameters.items()
        )
    return result
