"""The training loop of ``pock train``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..artifact.manifest import Array
from ..errors import ArgumentError
from ..step import Step
from .batches import batch_indices, step_arrays

__all__ = ["evaluate", "train_epochs"]


def train_epochs(
    step: Step,
    data: Mapping[str, Array],
    *,
    epochs: int,
    seed: int,
    on_step: Callable[[int, int, float], None],
) -> Iterator[dict[str, Any]]:
    """Train on shuffled complete batches; yield the figures of each epoch.

    The batch size is compiled in, so the samples of an incomplete last batch are left out of
    the epoch.
    """
    names = step_arrays(step, data)
    samples, batch = len(data[names[0]]), step.inputs[0].shape[0]
    batches = samples // batch
    indices = batch_indices(samples, batch, seed)
    for epoch in range(epochs):
        losses = []
        begin = time.perf_counter()
        for index in range(batches):
            chosen = next(indices)
            losses.append(step(*(data[name][chosen] for name in names)))
            on_step(epoch * batches + index + 1, epochs * batches, losses[-1])
        seconds = time.perf_counter() - begin
        yield {"epoch": epoch + 1, "loss": float(np.mean(losses)), "ms_per_step": 1e3 * seconds / batches}


def evaluate(step: Step, data: Mapping[str, Array]) -> dict[str, float]:
    """Return the accuracy on each split, if target and output are one class per sample."""
    result: dict[str, float] = {}
    for split, suffix in (("train", ""), ("test", "_test")):
        try:
            *inputs, target = step_arrays(step, data, suffix)
        except ArgumentError:
            continue
        if step.inputs[-1].name in {spec.name for spec in step.artifact.manifest.functions["predict"].inputs}:
            # The model returns only its loss: there is no separate target.
            continue
        if inputs and data[target].dtype.kind == "i" and data[target].ndim == 1:
            accuracy = _accuracy(step, [data[name] for name in inputs], data[target])
            result |= {} if accuracy is None else {split: accuracy}
    return result


def _accuracy(step: Step, inputs: Sequence[Array], target: Array) -> float | None:
    """Predict in complete batches; the last one is padded with its first sample."""
    batch, correct = step.inputs[0].shape[0], 0
    names = [spec.name for spec in step.inputs]
    for begin in range(0, len(target), batch):
        parts = [array[begin : begin + batch] for array in inputs]
        count = len(parts[0])
        filled = [np.concatenate([part, np.repeat(part[:1], batch - count, axis=0)]) for part in parts]
        output = step.predict(**dict(zip(names, filled, strict=False)))
        scores = output.get("logits") if isinstance(output, dict) else output
        if not isinstance(scores, np.ndarray) or scores.ndim != 2:
            return None
        correct += int((scores.argmax(axis=1)[:count] == target[begin : begin + batch]).sum())
    return correct / max(len(target), 1)
