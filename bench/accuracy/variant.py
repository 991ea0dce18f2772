"""int8 training with updates that the compiler does not offer, in NumPy on its gradients: for comparison only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pockmlir as pock

from .compiled import Compiled
from .task import Array, Examples, Task

__all__ = ["Variant", "gradients_of"]

Rounding = Literal["stochastic", "nearest", "truncate"]


def gradients_of(task: Task) -> Compiled:
    """Compile the int8 network so that a call only adds to its gradients: every second one would update."""
    return Compiled(task, task.quantized, optimizer=pock.SGD(lr=0.0), precision="int8", accumulate=2)


class Variant:
    """Adam with a choice of what gradients are of, and of how changes of integers are rounded.

    Args:
        compiled: from `gradients_of`.
        rounding: of the changes of integers; ``truncate`` is C's conversion of a float, as in Tiny Training Engine:
            of a byte's new value, and of the change of a bias of 32 bits, each towards zero. Here, both saturate.
        scaled: whether gradients are with respect to real numbers. Otherwise they are with respect to the integers,
            that is, without the quantisation-aware scaling of arXiv 2206.15472.
    """

    def __init__(self, compiled: Compiled, rounding: Rounding = "stochastic", scaled: bool = True) -> None:
        self._compiled, self._rounding, self._scaled = compiled, rounding, scaled
        slots = compiled.step_of.artifact.manifest.of_kind("parameter")
        self._slots = {name: slot for name, slot in slots.items() if slot.update != "none"}

    def start(self, changes: Mapping[str, Array], seed: int) -> None:
        self._compiled.start(changes, seed)
        self._random = np.random.default_rng(seed)
        self._values = self._compiled.step_of.quantized_state_dict()
        self._count = 0
        self._mean = {name: np.zeros(self._values[name].shape) for name in self._slots}
        self._square = {name: np.zeros(self._values[name].shape) for name in self._slots}

    def step(self, examples: Examples, lr: float) -> None:
        step = self._compiled.step_of
        self._compiled.step(examples, lr)
        state = step.optimizer_state_dict()
        self._count += 1
        for name in self._slots:
            scale = self._scale(name)
            gradient = state[f"{name}.grad"].astype(np.float64) * (1.0 if self._scaled else scale)
            change = -lr * self._direction(name, gradient)
            self._values[name] = self._changed(name, change / (scale if self._scaled else 1.0))
        step.load_state_dict(self._values)
        self._compiled.forget()

    def logits(self, examples: Examples) -> Array:
        return self._compiled.logits(examples)

    def _direction(self, name: str, gradient: Array) -> Array:
        """Adam's step for a learning rate of one, with PyTorch's defaults."""
        self._mean[name] += 0.1 * (gradient - self._mean[name])
        self._square[name] += 0.001 * (gradient**2 - self._square[name])
        mean = self._mean[name] / (1 - 0.9**self._count)
        square = self._square[name] / (1 - 0.999**self._count)
        direction: Array = mean / (np.sqrt(square) + 1e-8)
        return direction

    def _scale(self, name: str) -> Array:
        """The scale of each entry; one for real numbers."""
        quantization = self._slots[name].quantization
        if quantization is None:
            return np.ones(())
        dims = range(self._values[name].ndim)
        return np.asarray(quantization.scale, np.float64).reshape([-1 if d == quantization.axis else 1 for d in dims])

    def _changed(self, name: str, change: Array) -> Array:
        value, quantization = self._values[name], self._slots[name].quantization
        if quantization is None:
            return (value + change).astype(value.dtype)
        if self._rounding == "stochastic":
            after = value + np.floor(change + self._random.random(change.shape))
        elif self._rounding == "nearest":
            after = value + np.rint(change)
        else:
            after = np.trunc(value + change) if value.dtype == np.int8 else value + np.trunc(change)
        return after.clip(quantization.least, quantization.most).astype(value.dtype)
