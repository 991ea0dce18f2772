"""Batches of a data set: the arrays of a step, and the samples of each batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..artifact.manifest import Array, TensorSpec, dtype_of
from ..errors import ArgumentError
from ..step import Step

__all__ = ["batch_indices", "random_batch", "require_equal_counts", "step_arrays"]


def step_arrays(step: Step, data: Mapping[str, Array], suffix: str = "") -> list[str]:
    """Return the names of the arrays for a step: the names of its inputs, or ``x`` and ``y``.

    Raises:
        ArgumentError: arrays are missing, or their numbers of samples differ.
    """
    inputs = [spec.name + suffix for spec in step.inputs]
    names = inputs if all(name in data for name in inputs) else [f"x{suffix}", f"y{suffix}"][: len(inputs)]
    if len(names) < len(inputs) or not all(name in data for name in names):
        raise ArgumentError(f"data: expected the arrays {', '.join(inputs)}, but it has {', '.join(data)}")
    require_equal_counts({name: len(data[name]) for name in names})
    return names


def require_equal_counts(counts: Mapping[str, int]) -> None:
    """Check the numbers of samples of arrays.

    Raises:
        ArgumentError: they differ.
    """
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise ArgumentError(f"data: expected equal numbers of samples, but {listed}")


def batch_indices(samples: int, batch: int, seed: int) -> Iterator[Array]:
    """Yield the indices of the samples of each batch, endlessly; every epoch has another order.

    Raises:
        ArgumentError: there are not enough samples for one batch.
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
    """Return random inputs: normally distributed floats, integers 0 or 1."""
    generator = np.random.default_rng(seed)
    batch: list[Array] = []
    for spec in inputs:
        dtype = dtype_of(spec.dtype)
        floating = dtype.kind == "f"
        values = generator.standard_normal(spec.shape) if floating else generator.integers(0, 2, spec.shape)
        batch.append(np.asarray(values).astype(dtype))
    return batch
