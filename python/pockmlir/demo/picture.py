"""The demo's picture: accuracy over steps, and memory, by scheme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..support.sizes import format_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Series", "draw"]

_LINES = ("#8c8c8c", "#e69f00", "#d1495b", "#0072b2")
_MEMORY = ("#30475e", "#7d9d9c", "#f0a04b", "#f6d8ae")


@dataclass(frozen=True)
class Series:
    """What the picture shows of a scheme.

    Attributes:
        history: (step, accuracy in [0, 1]).
        memory: what takes memory → bytes; the same keys in every series.
    """

    history: Sequence[tuple[int, float]]
    memory: Mapping[str, int]


def draw(series: Mapping[str, Series], path: Path) -> None:
    """Write the picture; the suffix chooses the format."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    accuracy, memory = figure.subplots(1, 2)
    _draw_accuracy(accuracy, series)
    _draw_memory(memory, series)
    for axes in (accuracy, memory):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    figure.savefig(path, dpi=120)


def _draw_accuracy(axes: Axes, series: Mapping[str, Series]) -> None:
    for (title, entry), colour in zip(series.items(), _LINES, strict=True):
        steps, values = zip(*entry.history, strict=True)
        label = f"{title}: {100 * values[-1]:.1f} %"
        axes.plot(steps, [100 * value for value in values], color=colour, linewidth=2, label=label)
    axes.set(title="Accuracy on held-out user data", xlabel="training step", ylabel="accuracy, %", ylim=(0, 100))
    axes.set_xlim(0, max(step for entry in series.values() for step, _ in entry.history))
    axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="lower right", title="scheme: after the last step", frameon=False)


def _draw_memory(axes: Axes, series: Mapping[str, Series]) -> None:
    unit = 1024 * 1024
    titles = list(series)
    lefts = [0.0] * len(titles)
    for index, colour in enumerate(_MEMORY):
        kind = list(series[titles[0]].memory)[index]
        sizes = [entry.memory[kind] / unit for entry in series.values()]
        axes.barh(titles, sizes, left=lefts, color=colour, label=kind, height=0.6)
        lefts = [left + size for left, size in zip(lefts, sizes, strict=True)]
    for row, entry in enumerate(series.values()):
        text = format_bytes(sum(entry.memory.values()))
        axes.annotate(text, (lefts[row], row), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set(title="Memory of a training step", xlabel="memory, MiB", xlim=(0, 1.15 * max(lefts)))
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower right", frameon=False)
