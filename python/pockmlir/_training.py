"""The training loop of ``pock train``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ._manifest import Array
from .errors import ArgumentError
from .step import Step

__all__ = ["evaluate", "train_epochs"]


def train_epochs(
    step: Step,
    data: Mapping[str, Array],
    *,
    epochs: int,
    seed: int,
    on_step: Callable[[int, int, float], None],
) -> Iterator[dict[str, Any]]:
    """Train on shuffled whole batches; yield the figures of each epoch.

    The batch size is compiled in, so the samples of an incomplete last batch wait for
    the next epoch's order.
    """
    samples, batch = len(data["x"]), step.inputs[0].shape[0]
    batches = samples // batch
    if not batches:
        raise ArgumentError(f"data: expected at least {batch} samples, one batch, but got {samples}")
    names = ("x", "y")[: len(step.inputs)]
    generator = np.random.default_rng(seed)
    for epoch in range(epochs):
        order = generator.permutation(samples)
        losses = []
        begin = time.perf_counter()
        for index in range(batches):
            chosen = order[index * batch : (index + 1) * batch]
            losses.append(step(*(data[name][chosen] for name in names)))
            on_step(epoch * batches + index + 1, epochs * batches, losses[-1])
        seconds = time.perf_counter() - begin
        yield {"epoch": epoch + 1, "loss": float(np.mean(losses)), "ms_per_step": 1e3 * seconds / batches}


def evaluate(step: Step, data: Mapping[str, Array]) -> dict[str, float]:
    """Return the accuracy on each split, where the target is one class per sample."""
    splits = {"train": ("x", "y"), "test": ("x_test", "y_test")}
    result = {}
    for split, (x_name, y_name) in splits.items():
        if x_name in data and y_name in data and data[y_name].dtype.kind == "i" and data[y_name].ndim == 1:
            result[split] = _accuracy(step, data[x_name], data[y_name])
    return result


def _accuracy(step: Step, x: Array, y: Array) -> float:
    """Predict in whole batches; the last one is filled up with its first sample."""
    batch, correct = step.inputs[0].shape[0], 0
    for begin in range(0, len(x), batch):
        part = x[begin : begin + batch]
        filled = np.concatenate([part, np.repeat(part[:1], batch - len(part), axis=0)])
        guesses = step.predict(filled).argmax(axis=1)[: len(part)]
        correct += int((guesses == y[begin : begin + batch]).sum())
    return correct / max(len(x), 1)
