"""Reads the state of a torch optimizer that has trained, so that a compiled step can continue from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..api.optim import STEP_COUNTER, Optimizer
from ..artifact.manifest import Array, Manifest, dtype_of
from ..errors import ArgumentError

__all__ = ["TorchState"]


@dataclass(frozen=True)
class TorchState:
    """Moments and step count of the trained parameters, in PyTorch's shapes.

    Attributes:
        tensors: name of the step's optimizer state → value.
        steps: number of updates so far.
    """

    tensors: Mapping[str, Array]
    steps: int

    @classmethod
    def of(
        cls, optimizer: Any, trained: Mapping[str, Optimizer], parameters: Iterable[tuple[str, Any]]
    ) -> TorchState | None:
        """Read the state of the trained parameters; None if the optimizer has not trained.

        Args:
            optimizer: a ``torch.optim`` instance.
            trained: name of each trained parameter → its group's settings.
            parameters: name and object of the model's parameters, tied ones under several names.

        Raises:
            ArgumentError: parameters have different step counts, a tensor is missing, or a tensor
                has another shape than its parameter.
        """
        objects: dict[str, Any] = {}
        for name, parameter in parameters:
            objects.setdefault(name, parameter)
        states = {name: optimizer.state.get(objects[name], {}) for name in trained}
        if not any(states.values()):
            return None
        tensors: dict[str, Array] = {}
        for name, settings in trained.items():
            for full in settings.state_names(name):
                key = full.removeprefix(f"{name}.")
                if (value := states[name].get(key)) is not None:
                    tensors[full] = _tensor(full, value, tuple(objects[name].shape))
                elif key != "momentum_buffer" and states[name]:
                    raise ArgumentError(
                        f"optimizer: its state of '{name}' has no '{key}'; expected what it has after a step"
                    )
        counted = {name: _steps(name, states[name], settings) for name, settings in trained.items()}
        return cls(tensors, _common(counted))

    def arrays(self, manifest: Manifest, initial: Mapping[str, Array]) -> dict[str, Array]:
        """Return a step's optimizer state; for parameters that train in part, only the part.

        Args:
            manifest: the manifest of the step.
            initial: the optimizer state before the first update.
        """
        result = dict(initial)
        for name, value in self.tensors.items():
            slot = manifest.tensors[name]
            update = manifest.tensors[str(slot.of)].update
            if isinstance(update, tuple):
                axis, size = update
                value = np.take(value, range(size), axis=axis)
            result[name] = np.asarray(value, dtype_of(slot.dtype))
        if STEP_COUNTER in result:
            result[STEP_COUNTER] = np.array(self.steps, np.int64)
        return result


def _tensor(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    array: Array = value.detach().cpu().numpy()
    if array.shape != shape:
        raise ArgumentError(
            f"optimizer: its state '{name}' has the shape {list(array.shape)}, but expected {list(shape)}"
        )
    return array.copy()


def _steps(name: str, state: Mapping[str, Any], settings: Optimizer) -> int | None:
    """Number of updates of a parameter; None if the update does not depend on it."""
    if settings.kind != "sgd":
        number = float(state["step"]) if "step" in state else 0.0
        if number < 0 or not number.is_integer():
            raise ArgumentError(f"optimizer: the step of '{name}' is {number}, but expected a number of steps")
        return int(number)
    # SGD has no step count. It matters only with momentum and dampening: dampening does not apply to the
    # first step. A missing momentum buffer begins as zeros.
    if not getattr(settings, "momentum", 0.0) or not getattr(settings, "dampening", 0.0):
        return None
    return 1 if state.get("momentum_buffer") is not None else 0


def _common(counted: Mapping[str, int | None]) -> int:
    """The number of updates that all parameters have in common."""
    by_count: dict[int, list[str]] = {}
    for name, count in counted.items():
        if count is not None:
            by_count.setdefault(count, []).append(name)
    if len(by_count) > 1:
        listed = "; ".join(f"{count} of {_some(names)}" for count, names in sorted(by_count.items()))
        raise ArgumentError(
            f"optimizer: its parameters have had different numbers of updates, but a compiled step has one count for "
            f"all: {listed}; freeze some of them, or start with a new optimizer"
        )
    return max(by_count, default=0)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
