"""The photos of rubbish of TrashNet (G. Thung and M. Yang, 2017), of six classes."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

__all__ = ["TEST", "TRAINING", "VALIDATION", "Photos"]

Array = np.ndarray[Any, Any]
#: The splits of the authors.
TRAINING, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True)
class Photos:
    """Photos as bytes less 128, int8 ``[photos, rows, columns, 3]``, with classes and splits."""

    images: Array
    labels: Array
    split: Array

    @classmethod
    def load(cls, folder: Path, size: int) -> Photos:
        """Read ``trashnet128.npz``, and resize to ``size`` rows and columns."""
        with np.load(folder / "trashnet128.npz", allow_pickle=False) as file:
            ends, data = file["offset"], file["jpeg"].tobytes()
            labels, split = file["label"].astype(np.int64), file["split"]
        images = [
            np.asarray(Image.open(io.BytesIO(data[begin:end])).convert("RGB").resize((size, size)), np.int16) - 128
            for begin, end in itertools.pairwise(ends)
        ]
        return cls(np.stack(images).astype(np.int8), labels, split)

    def of(self, split: int) -> tuple[Array, Array]:
        """Return photos and classes of a split."""
        return self.images[self.split == split], self.labels[self.split == split]
