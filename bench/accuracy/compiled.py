"""A compiled step that starts again and again from the same parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pockmlir as pock
import torch

from .task import Array, Examples, Task

__all__ = ["Compiled"]


class Compiled:
    """The step of a model.

    Args:
        task: data and scheme.
        model: the float32 or the quantised network of the task.
        optimizer: Adam if None.
        options: of `pockmlir.compile`.
    """

    def __init__(self, task: Task, model: Any, optimizer: Any = None, **options: Any) -> None:
        inputs = tuple(map(torch.from_numpy, task.training.at(slice(task.batch)).inputs))
        self.step_of = pock.compile(
            model,
            inputs,
            loss="cross_entropy",
            optimizer=optimizer or pock.Adam(lr=1e-3),
            scheme=task.scheme,
            **options,
        )
        self._pretrained = self.step_of.state_dict()
        self._optimizer = self.step_of.optimizer_state_dict()
        self._seed = 0

    def start(self, changes: Mapping[str, Array], seed: int) -> None:
        """Go back to the pretrained parameters, except for those that are given; forget the optimizer's state."""
        self.step_of.load_state_dict(self._pretrained | dict(changes))
        self.forget()
        self._seed = seed

    def forget(self) -> None:
        """Go back to the optimizer's first state."""
        self.step_of.load_optimizer_state_dict(self._optimizer)

    def step(self, examples: Examples, lr: float) -> None:
        """Train on one batch."""
        self.step_of(*examples.inputs, examples.labels, lr=lr, seed=self._seed)

    def logits(self, examples: Examples) -> Array:
        """Return the outputs of one batch."""
        result: Array = self.step_of.predict(*examples.inputs)
        return result
