"""Writes digits as batches for ``train``: ``python batches.py batches.bin``."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from device_digits import shuffled

BATCH = 16

if __name__ == "__main__":
    pictures, labels = shuffled()
    with Path(sys.argv[1]).open("wb") as file:
        for begin in range(0, len(labels) - BATCH + 1, BATCH):
            batch = slice(begin, begin + BATCH)
            file.write((pictures[batch] / 8 - 1).astype("<f4").tobytes() + np.asarray(labels[batch], "<i8").tobytes())
