"""The memory timeline of a step, as text and as a picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from ._memory import Memory
from .report import format_bytes

__all__ = ["draw_timeline", "largest_moments", "sparkline"]

_BARS = " ▁▂▃▄▅▆▇█"


def sparkline(memory: Memory, width: int = 80) -> str:
    """Return the live bytes over time as a line of bars; each bar is the largest of its moments."""
    values = [live for _, live in memory.timeline]
    top = max([memory.arena, *values, 1])
    columns = min(width, len(values))
    edges = [len(values) * column // columns for column in range(columns + 1)] if columns else []
    peaks = [max(values[begin:end]) for begin, end in pairwise(edges)]
    return "".join(_BARS[-(-peak * (len(_BARS) - 1) // top)] for peak in peaks)


def largest_moments(memory: Memory, count: int = 10) -> list[tuple[int, str, int]]:
    """Return (position, operation, live bytes) of the moments with the most live bytes."""
    moments = [(index, label, live) for index, (label, live) in enumerate(memory.timeline)]
    return sorted(moments, key=lambda moment: (-moment[2], moment[0]))[:count]


def draw_timeline(memory: Memory, title: str, path: Path) -> None:
    """Write the memory timeline as a picture; the suffix chooses the format."""
    from matplotlib.figure import Figure

    values = [live / 1024 for _, live in memory.timeline]
    figure = Figure(figsize=(10, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.fill_between(range(len(values)), values, step="mid", alpha=0.5, label="live")
    axes.axhline(memory.arena / 1024, color="tab:red", label=f"arena, {format_bytes(memory.arena)}")
    axes.axhline(
        memory.lower_bound / 1024,
        color="tab:gray",
        linestyle="--",
        label=f"lower bound, {format_bytes(memory.lower_bound)}",
    )
    if values:
        peak = max(range(len(values)), key=values.__getitem__)
        axes.annotate(memory.timeline[peak][0], (peak, values[peak]), xytext=(0, 6), textcoords="offset points")
    axes.set(title=title, xlabel="operation", ylabel="arena, KiB", xlim=(0, max(len(values) - 1, 1)))
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=120)
