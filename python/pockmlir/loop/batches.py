"""Batches of a data set: which arrays a step takes, and which samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..artifact.manifest import Array, TensorSpec, dtype_of
from ..errors import ArgumentError
from ..step import Step

__all__ = ["batch_indices", "random_batch", "step_arrays"]


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


def random_batch(inputs: Sequence[TensorSpec], seed: int = 0) -> list[Array]:
    """Return numbers of the right kind for inputs: normal for floats, zero or one for integers."""
    generator = np.random.default_rng(seed)
    batch: list[Array] = []
    for spec in inputs:
        dtype = dtype_of(spec.dtype)
        floating = dtype.kind == "f"
        values = generator.standard_normal(spec.shape) if floating else generator.integers(0, 2, spec.shape)
        batch.append(np.asarray(values).astype(dtype))
    return batch
