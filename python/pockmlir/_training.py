"""The training loop of ``pock train``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ._manifest import Array
from .errors import ArgumentError
from .step import Step

__all__ = ["batch_indices", "evaluate", "step_arrays", "train_epochs"]


def step_arrays(step: Step, data: Mapping[str, Array], suffix: str = "") -> list[str]:
    """Return the names of the arrays that a step takes: those of its inputs, or ``x`` and ``y``.

    Raises:
        ArgumentError: there are neither, or their numbers of samples differ.
    """
    inputs = [spec.name + suffix for spec in step.inputs]
    names = inputs if all(name in data for name in inputs) else [f"x{suffix}", f"y{suffix}"][: len(inputs)]
    if len(names) < len(inputs) or not all(name in data for name in names):
        raise ArgumentError(f"data: expected the arrays {', '.join(inputs)}, but it has {', '.join(data)}")
    counts = {name: len(data[name]) for name in names}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ArgumentError(f"data: expected equal numbers of samples, but {listed}")
    return names


def batch_indices(samples: int, batch: int, seed: int) -> Iterator[Array]:
    """Return which samples make up one batch after the other, each epoch in another order, without end.

    Raises:
        ArgumentError: there are not enough samples for one.
    """
    if samples < batch:
        raise ArgumentError(f"data: expected at least {batch} samples, one batch, but got {samples}")

    def batches() -> Iterator[Array]:
        generator = np.random.default_rng(seed)
        while True:
            order = generator.permutation(samples)
            yield from (order[begin : begin + batch] for begin in range(0, samples - batch + 1, batch))

    return batches()


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
    """Return the accuracy on each split, where target and output are one class per sample."""
    result: dict[str, float] = {}
    for split, suffix in (("train", ""), ("test", "_test")):
        try:
            *inputs, target = step_arrays(step, data, suffix)
        except ArgumentError:
            continue
        if step.inputs[-1].name in {spec.name for spec in step.artifact.manifest.functions["predict"].inputs}:
            # The model computes its loss, and nothing else: there is no target beside what it takes.
            continue
        if inputs and data[target].dtype.kind == "i" and data[target].ndim == 1:
            accuracy = _accuracy(step, [data[name] for name in inputs], data[target])
            result |= {} if accuracy is None else {split: accuracy}
    return result


def _accuracy(step: Step, inputs: Sequence[Array], target: Array) -> float | None:
    """Predict in whole batches; the last one is filled up with its first sample."""
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
