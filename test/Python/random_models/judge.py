"""Trains a random model three times: as a compiled step, by PyTorch in float32, and in float64 as the reference.

A loss, a prediction or a parameter is wrong if its largest error against float64 is more than `FACTOR` times that of
float32, plus a floor of `FLOOR` float32 roundings of the tensor's largest number, or if only one side has an Inf or a
NaN. If float64 itself changes as much when data and results of operators change by roundings (a maximum of equal
numbers, a number at a step), the model is unstable, not wrong.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pockmlir as pock
import torch
from pockmlir.frontends.torch import convert

from .guard_pages import guarded_memory
from .reference import ROUNDING, Tensors, train_torch

__all__ = ["FACTOR", "FLOOR", "Verdict", "judge"]

FACTOR = 8.0
FLOOR = 64
#: How often float64 is computed with numbers that are off by roundings.
_SHAKES = 6


@dataclass
class Verdict:
    """The verdict on a model.

    Attributes:
        kind: ``right``, ``wrong``, ``unstable``, ``refused``, ``not exported`` or ``failed``.
        detail: a description of the error.
        drawn: the converters that ran.
        trained: the converters through which a gradient passes.
        single: the converters with an operand or a result that has a size of one.
    """

    kind: str
    detail: str = ""
    drawn: set[str] = field(default_factory=set)
    trained: set[str] = field(default_factory=set)
    single: set[str] = field(default_factory=set)


def judge(scope: Mapping[str, Any]) -> Verdict:
    """Judge a program, given by the names that its source defines."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    verdict = Verdict("right")
    model = scope["Model"]()
    batches = [scope["data"](step) for step in range(scope["STEPS"])]
    try:
        with _recorded(verdict), guarded_memory():
            step = pock.compile(
                model,
                batches[0][0],
                loss=scope["LOSS"],
                example_target=batches[0][1] if callable(scope["LOSS"]) else None,
                optimizer=scope["ours"](),
                scheme=scope["SCHEME"],
                name="random",
                **scope["OPTIONS"],
            )
    except pock.CompileError as error:
        # A model that PyTorch cannot export is not an error of ours.
        verdict.kind = "not exported" if "PyTorch cannot export" in str(error) else "failed"
        verdict.detail = f"{type(error).__name__}: {error}"
        return verdict
    except pock.PockError as error:
        verdict.kind, verdict.detail = "refused", f"{type(error).__name__}: {error}"
        return verdict
    with guarded_memory():
        ours = _train_ours(step, batches, scope)
    try:
        single = train_torch(model, step.artifact, batches, scope, torch.float32)
        double = train_torch(model, step.artifact, batches, scope, torch.float64)
    except RuntimeError as error:
        # Some gradients PyTorch itself cannot compute.
        verdict.kind, verdict.detail = "refused", f"PyTorch: {error}"
        return verdict
    tolerance = {name: _tolerance(double[name], single[name]) for name in double}
    worst = _worst(ours, single, double, tolerance)
    if worst:
        for shake in range(_SHAKES):
            shaken = train_torch(model, step.artifact, batches, scope, torch.float64, shake + 1)
            for name in double:
                tolerance[name] += FACTOR * _distance(double[name], shaken[name])
        still = _worst(ours, single, double, tolerance)
        verdict.kind, verdict.detail = ("wrong", still) if still else ("unstable", worst)
    return verdict


def _train_ours(step: Any, batches: list[Any], scope: Mapping[str, Any]) -> Tensors:
    """Predict, run the steps; return predictions, losses and parameters."""
    found: Tensors = {}
    if scope["LOSS"] is not None:
        found["prediction"] = np.asarray(step.predict(*batches[0][0]))
    for i, (inputs, target) in enumerate(batches):
        found[f"loss {i}"] = np.asarray(step(*inputs, *([] if target is None else [target])))
    return found | {f"parameter {name}": value for name, value in step.state_dict().items()}


# Comparison ---------------------------------------------------------------------------


def _distance(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> float:
    """Return the largest difference of finite entries."""
    if left.size == 0 or left.dtype.kind not in "f":
        return 0.0
    with np.errstate(all="ignore"):
        gap = np.abs(left.astype(np.float64) - right.astype(np.float64))
    return float(np.max(gap, initial=0.0, where=np.isfinite(gap)))


def _tolerance(double: np.ndarray[Any, Any], single: np.ndarray[Any, Any]) -> float:
    finite = np.abs(double[np.isfinite(double)]) if double.dtype.kind == "f" else np.zeros(0)
    return FACTOR * _distance(double, single) + FLOOR * ROUNDING * max(1.0, float(finite.max(initial=0.0)))


def _worst(ours: Tensors, single: Tensors, double: Tensors, tolerance: Mapping[str, float]) -> str:
    """Return a description of the largest error, or nothing if there is none."""
    for name, value in ours.items():
        if value.shape != double[name].shape:
            return f"{name}: shape {value.shape}, not {double[name].shape}"
        if value.dtype.kind != "f":
            if not np.array_equal(value, single[name]):
                return f"{name}: {value.tolist()}, not {single[name].tolist()}"
            continue
        odd = ~np.isfinite(value), ~np.isfinite(single[name]), ~np.isfinite(double[name])
        if not (np.array_equal(odd[0], odd[1]) or np.array_equal(odd[0], odd[2])):
            return f"{name}: {int(odd[0].sum())} entries are no numbers, {int(odd[1].sum())} of PyTorch's"
        error = _distance(value, double[name])
        if error > tolerance[name]:
            return f"{name}: off by {error:.3e}; {tolerance[name]:.3e} is allowed"
    return ""


# Coverage -----------------------------------------------------------------------------


class _recorded:
    """Record the converters that run in the context."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def __enter__(self) -> None:
        self.kept = dict(convert.CONVERTERS)
        for name, function in self.kept.items():
            convert.CONVERTERS[name] = self._wrapped(name, function)

    def __exit__(self, *error: object) -> None:
        convert.CONVERTERS.update(self.kept)

    def _wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def convert_and_note(builder: Any, *operands: Any) -> Any:
            result = function(builder, *operands)
            self.verdict.drawn.add(name)
            if builder.active:
                self.verdict.trained.add(name)
            if any(1 in _shape(value) for value in (*_flat(operands), *_flat(result))):
                self.verdict.single.add(name)
            return result

        return convert_and_note


def _flat(value: Any) -> list[Any]:
    return [v for item in value for v in _flat(item)] if isinstance(value, list | tuple) else [value]


def _shape(value: Any) -> tuple[int, ...]:
    kind = getattr(value, "type", None)
    return tuple(kind.shape) if hasattr(kind, "shape") else ()
