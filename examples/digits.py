"""Handwritten digits: those for pretraining, and those of a user who writes differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from common import batches
from numpy.typing import NDArray

__all__ = ["Digits", "Split", "load"]


@dataclass(frozen=True)
class Split:
    """Pictures (N, 1, size, size), float32 in [-1, 1], and their classes, int64."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]

    def batches(self, size: int, count: int, seed: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Yield whole batches, each epoch in another order."""
        for chosen in batches(len(self.x), size, count, seed):
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


def load(size: int = 32, seed: int = 0) -> Digits:
    """Split scikit-learn's 1797 digits, which are 8 x 8, and scale them up."""
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    x = _scale(pictures.reshape(-1, 8, 8)[order] / 8 - 1, size)
    y = labels[order].astype(np.int64)
    shifted = np.ascontiguousarray(-np.rot90(x, axes=(2, 3)))
    return Digits(Split(x[:997], y[:997]), Split(shifted[997:1397], y[997:1397]), Split(shifted[1397:], y[1397:]))


def _scale(x: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Scale up linearly, and give the pictures a channel."""
    import torch

    tensor = torch.from_numpy(x).float()[:, None]
    scaled = torch.nn.functional.interpolate(tensor, (size, size), mode="bilinear", align_corners=False)
    return np.ascontiguousarray(scaled.numpy())
