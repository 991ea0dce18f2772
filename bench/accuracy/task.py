"""What a benchmark of accuracy consists of: data by split, a float model, and the same model quantised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pockmlir as pock
from torch import nn

__all__ = ["Examples", "Task", "per_group"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Examples:
    """Inputs of a model by position, ``[examples, ...]`` each, and their classes.

    Attributes:
        inputs: arrays of the model's types.
        labels: int64.
    """

    inputs: tuple[Array, ...]
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, chosen: Array | slice) -> Examples:
        """Return some of the examples."""
        return Examples(tuple(x[chosen] for x in self.inputs), self.labels[chosen])


@dataclass(frozen=True)
class Task:
    """A network that is fine-tuned for other classes.

    Attributes:
        title: data, network and resolution.
        model: the pretrained network in float32, with a classifier of the right size.
        quantized: the same after `pockmlir.quantize`, with a float32 classifier.
        scheme: what trains.
        head: the path of the classifier, which every seed starts anew.
        training: the examples of all seeds.
        draw: returns which of them a seed trains on.
        validation: examples on which the learning rate is chosen.
        test: examples of the accuracies.
        batch: examples per step.
        epochs: passes over a seed's examples.
        rates: learning rates to choose from.
        reference: accuracy of the float32 network in PyTorch elsewhere, in percent; None if there is none.
    """

    title: str
    model: nn.Module
    quantized: Any
    scheme: pock.Scheme
    head: str
    training: Examples
    draw: Callable[[np.random.Generator], Array]
    validation: Examples
    test: Examples
    batch: int
    epochs: int
    rates: tuple[float, ...]
    reference: float | None = None


def per_group(groups: Array, count: int, random: np.random.Generator) -> Array:
    """Return up to ``count`` random indices of each group, group by group."""
    chosen = [random.permutation(np.flatnonzero(groups == group))[:count] for group in np.unique(groups)]
    return np.concatenate(chosen)
