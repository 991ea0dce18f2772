"""The model that all device examples train, and its data: 1797 scanned digits, 8 x 8 pixels.

As a program: ``device_digits.py FILE`` writes the digits in random order, each as its class (one byte)
and 64 brightnesses from 0 to 16 (a byte each), and behind them the byte 255.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from pockmlir.demo.digits import scans
from torch import nn

END = 255


def network() -> nn.Sequential:
    """Return a small convolutional network for 1 x 8 x 8 pictures, with random weights, the same every time."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10),
    )


def one_by_one() -> tuple[nn.Module, tuple[torch.Tensor]]:
    """For `pock`: the network, and an input of one picture."""
    return network(), (torch.zeros(1, 1, 8, 8),)


def in_batches() -> tuple[nn.Module, tuple[torch.Tensor]]:
    """For `pock`: the network, and an input of sixteen pictures."""
    return network(), (torch.zeros(16, 1, 8, 8),)


def shuffled() -> tuple[np.ndarray, np.ndarray]:
    """Return all pictures [n, 8, 8] and labels [n] in random order, the same every time."""
    pictures, labels = scans()
    order = np.random.default_rng(0).permutation(len(labels))
    return pictures[order], labels[order]


def write_samples(path: Path) -> None:
    """Write all digits."""
    with path.open("wb") as file:
        for picture, label in zip(*shuffled(), strict=True):
            file.write(bytes([label, *picture.ravel()]))
        file.write(bytes([END]))


if __name__ == "__main__":
    write_samples(Path(sys.argv[1]))
