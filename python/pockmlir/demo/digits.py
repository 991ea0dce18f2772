"""Handwritten digits: those for pretraining, and those of a user who writes differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..loop.batches import batch_indices

__all__ = ["Digits", "Split", "enlarge", "load", "scans"]

#: See digits.md for source and licence.
_FILE = Path(__file__).with_name("digits.npz")


@dataclass(frozen=True)
class Split:
    """Pictures (N, 1, size, size), float32 in [-1, 1], and their classes, int64."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def batches(self, size: int, count: int, seed: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Yield whole batches, each epoch in another order."""
        for chosen in islice(batch_indices(len(self.x), size, seed), count):
            yield self.x[chosen], self.y[chosen]


@dataclass(frozen=True)
class Digits:
    """Three disjoint sets of pictures.

    Attributes:
        factory: what the model is pretrained on.
        user: what the device sees: turned by 90 degrees, and white on black instead of black on white.
        held_out: more of the user's, never trained on.
    """

    factory: Split
    user: Split
    held_out: Split


def scans() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return 1797 scanned digits of 8 x 8 pixels, brightness 0 to 16, and their classes."""
    with np.load(_FILE) as file:
        return file["pictures"], file["labels"].astype(np.int64)


def load(size: int = 32, seed: int = 0) -> Digits:
    """Split the scanned digits, and scale them up."""
    pictures, labels = scans()
    order = np.random.default_rng(seed).permutation(len(labels))
    x, y = enlarge(pictures[order], size), labels[order]
    shifted = np.ascontiguousarray(-np.rot90(x, axes=(2, 3)))
    return Digits(Split(x[:997], y[:997]), Split(shifted[997:1397], y[997:1397]), Split(shifted[1397:], y[1397:]))


def enlarge(pictures: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Scale square pictures to [-1, 1] and up, linearly between the centres of pixels; give them a channel."""
    given = pictures.shape[-1]
    places = np.clip((np.arange(size) + 0.5) * given / size - 0.5, 0, given - 1)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(given)), 0)
    return np.ascontiguousarray((weights @ (pictures / 8 - 1) @ weights.T)[:, None].astype(np.float32))
