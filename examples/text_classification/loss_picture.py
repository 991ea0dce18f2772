"""The example's picture: training losses, compiled and of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

__all__ = ["draw"]

_LINES = ("#8c8c8c", "#e69f00", "#d1495b", "#0072b2")
_WINDOW = 10


def draw(losses: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path) -> None:
    """Write the picture; the suffix chooses the format.

    Args:
        losses: scheme → losses of the compiled steps, and PyTorch's or none.
        path: of the file.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for (title, (compiled, eager)), colour in zip(losses.items(), _LINES, strict=True):
        axes.plot(*_smooth(compiled), color=colour, linewidth=2, alpha=0.6, label=title)
        if eager:
            axes.plot(*_smooth(eager), color="black", linewidth=1, linestyle=":", label=f"{title}, PyTorch")
    axes.set(title="Fine-tuning", xlabel="training step", ylabel=f"loss, mean of {_WINDOW} steps")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def _smooth(values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and the mean of the last ones."""
    mean = np.convolve(values, np.full(_WINDOW, 1 / _WINDOW), mode="valid")
    return np.arange(_WINDOW, len(values) + 1), mean
