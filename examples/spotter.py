"""A small network and data for a microcontroller, as docs/board.md uses them: ``python spotter.py``.

Writes `ds_cnn.pt`, weights that PyTorch has trained, and `digits.npz`, samples of a user who writes differently, into
the current folder. ``spotter.py:ds_cnn`` is the model for ``pock``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from pockmlir.demo.digits import enlarge, scans
from torch import nn

__all__ = ["digits", "ds_cnn", "network", "pretrained", "user_digits"]

Arrays = dict[str, np.ndarray[Any, Any]]
WEIGHTS, DATA = Path("ds_cnn.pt"), Path("digits.npz")


def network(width: int = 64, blocks: int = 4) -> nn.Module:
    """Return the keyword spotter of "Hello Edge" (Zhang et al., arXiv 1711.07128), for small pictures."""

    def unit(*convolution: nn.Module) -> list[nn.Module]:
        return [*convolution, nn.BatchNorm2d(width), nn.ReLU()]

    layers = unit(nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False))
    for _ in range(blocks):
        layers += unit(nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False))
        layers += unit(nn.Conv2d(width, width, 1, bias=False))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def digits(size: int = 8, channels: int = 1, test: int = 360) -> Arrays:
    """Return scanned digits, scaled up from 8 x 8 pixels, as `pock.run` takes data."""
    scanned, classes = scans()
    order = np.random.default_rng(0).permutation(len(classes))
    pictures, labels = np.repeat(enlarge(scanned[order], size), channels, axis=1), classes[order]
    return {"x": pictures[test:], "y": labels[test:], "x_test": pictures[:test], "y_test": labels[:test]}


def user_digits(data: Arrays) -> Arrays:
    """Return the half that `pretrained` has not seen, in another style: turned by 90 degrees and inverted."""
    half = len(data["x"]) // 2

    def turned(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.ascontiguousarray(-np.rot90(x, axes=(2, 3)))

    return {
        "x": turned(data["x"][half:]),
        "y": data["y"][half:],
        "x_test": turned(data["x_test"]),
        "y_test": data["y_test"],
    }


def pretrained(data: Arrays, steps: int = 300) -> nn.Module:
    """Return the network in training mode, trained by PyTorch on the first half of the digits."""
    torch.manual_seed(0)
    model, half = network(), len(data["x"]) // 2
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = np.random.default_rng(0)
    for _ in range(steps):
        chosen = generator.integers(0, half, 32)
        x, y = (torch.from_numpy(data[name][chosen]) for name in ("x", "y"))
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def ds_cnn() -> tuple[nn.Module, tuple[torch.Tensor]]:
    """Return the trained network, and an input that fixes its shape: what ``pock`` takes."""
    model = network()
    model.load_state_dict(torch.load(WEIGHTS))
    return model, (torch.zeros(2, 1, 8, 8),)


def main() -> None:
    """Write both files."""
    data = digits()
    torch.save(pretrained(data).state_dict(), WEIGHTS)
    np.savez(DATA, **user_digits(data))
    print(f"{WEIGHTS} {DATA}")


if __name__ == "__main__":
    main()
