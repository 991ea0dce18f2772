"""The memory timeline of a step, as text and as a picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact.memory import Memory
from ..artifact.places import ARENA_KINDS, KIND_TITLES
from ..errors import ArgumentError
from ..support.needs import require_matplotlib
from .arena_map import arena_map
from .colours import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_memory", "largest_moments", "sparkline", "sparklines"]

_BARS = " ▁▂▃▄▅▆▇█"

#: Metadata that removes the time of writing from these formats.
_METADATA: Mapping[str, Mapping[str, None]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def sparkline(memory: Memory, width: int = 80) -> str:
    """Return the live bytes over time as a line of bars; each bar is the maximum of its moments."""
    return _bars([live for _, live in memory.timeline], memory.arena, width)


def sparklines(memory: Memory, width: int = 80) -> list[tuple[str, str]]:
    """Return (title, line) for each kind that occurs, all on the scale of `sparkline`."""
    lines = memory.live_by_kind.items()
    return [(KIND_TITLES[kind], _bars(live, memory.arena, width)) for kind, live in lines if any(live)]


def _bars(values: Sequence[int], top: int, width: int) -> str:
    top = max([top, *values, 1])
    columns = min(width, len(values))
    edges = [len(values) * column // columns for column in range(columns + 1)] if columns else []
    peaks = [max(values[begin:end]) for begin, end in pairwise(edges)]
    return "".join(_BARS[-(-peak * (len(_BARS) - 1) // top)] for peak in peaks)


def largest_moments(memory: Memory, count: int = 10) -> list[tuple[int, str, int]]:
    """Return (position, operation, live bytes) of the moments with the most live bytes."""
    moments = [(index, label, live) for index, (label, live) in enumerate(memory.timeline)]
    return sorted(moments, key=lambda moment: (-moment[2], moment[0]))[:count]


def draw_memory(memories: Mapping[str, Memory], path: str | os.PathLike[str]) -> None:
    """Draw the arenas of one or more steps, on one scale; the same steps give the same file.

    Args:
        memories: title → memory of a step, e.g. ``{"full": a.memory, "last layer": b.memory}``.
        path: the file to write. ``.png``, ``.svg`` and ``.pdf`` show live bytes over time by kind, ``.html`` is
            a page with a map of the arena: every value's bytes over its lifetime.

    Raises:
        ArgumentError: there is nothing to draw, or the format is unknown.
    """
    path = Path(path)
    if not memories:
        raise ArgumentError("memories: expected at least one, but got none")
    if path.suffix.lower() == ".html":
        path.write_text(arena_map(memories), encoding="utf-8")
    else:
        _draw_timelines(memories, path)


def _draw_timelines(memories: Mapping[str, Memory], path: Path) -> None:
    """Draw one panel per step; launches are equally wide in all panels."""
    require_matplotlib(f"drawing {path.name}")
    import matplotlib
    from matplotlib.figure import Figure

    width = 10 if len(memories) == 1 else 7 * len(memories)
    figure = Figure(figsize=(width, 4.5), layout="constrained")
    if path.suffix[1:].lower() not in figure.canvas.get_supported_filetypes():
        raise ArgumentError(f"picture: expected a name that ends in .png, .svg, .pdf or .html, but got {path.name!r}")
    largest = max(memory.arena for memory in memories.values())
    unit, name = (1 << 20, "MiB") if largest >= 10 << 20 else (1 << 10, "KiB")
    panels = figure.subplots(1, len(memories), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (title, memory) in zip(panels, memories.items(), strict=True):
        _draw_panel(axes, memory, unit)
        axes.set_title(_title(title, memory, 100 if len(memories) == 1 else 70), fontsize="medium")
        axes.set_xlabel("launch of a kernel")
    panels[0].set(ylabel=f"arena, {name}", xlim=(0, max([1, *(memory.launches for memory in memories.values())])))
    panels[0].set_ylim(bottom=0)
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, frameon=False)
    with matplotlib.rc_context({"svg.hashsalt": "pock"}):
        figure.savefig(path, dpi=120, metadata=_METADATA.get(path.suffix.lower()))


def _draw_panel(axes: Axes, memory: Memory, unit: int) -> None:
    """Draw the live bytes of a step, kinds stacked."""
    edges = range(memory.launches + 1)
    floor = [0.0] * len(edges)
    for kind in ARENA_KINDS:
        live = memory.live_by_kind[kind]
        if any(live):
            top = [low + count / unit for low, count in zip(floor, _closed(live), strict=True)]
            style: dict[str, Any] = {"step": "post", "color": COLOURS[kind], "linewidth": 0}
            axes.fill_between(edges, floor, top, label=KIND_TITLES[kind], **style)
            floor = top
    total = [count / unit for count in _closed([live for _, live in memory.timeline])]
    axes.step(edges, total, where="post", color="black", linewidth=0.4, label="live")
    axes.axhline(memory.arena / unit, color="black", linestyle="--", linewidth=1, label="arena")
    if memory.launches:
        axes.axvline(memory.peak + 0.5, color="black", linestyle=":", linewidth=1, label="peak")


def _closed(values: Sequence[int]) -> list[int]:
    """One value per edge between launches; the last value is repeated at the end."""
    return [*values, values[-1] if values else 0]


def _title(title: str, memory: Memory, width: int) -> str:
    """The title of a panel with the peak; dollar signs are escaped, since they begin a formula."""
    lines = [title, f"arena {memory.arena:,} bytes"]
    if memory.timeline:
        label, live = memory.timeline[memory.peak]
        lines[1] += f", at most {live:,} live"
        lines.append(f"in #{memory.peak} {label}")
    return "\n".join(shorten(line, width).replace("$", r"\$") for line in lines)


def shorten(text: str, width: int) -> str:
    """Shorten a text to a width by cutting out its middle."""
    half = (width - 1) // 2
    return text if len(text) <= width else f"{text[:half]}…{text[-half:]}"
