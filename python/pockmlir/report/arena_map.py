"""A page that shows each value of the arena as a rectangle: bytes over lifetime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from itertools import count
from pathlib import Path
from string import Template

from ..artifact.memory import Memory
from ..artifact.places import ARENA_KINDS, KIND_TITLES, Place
from ..support.sizes import format_bytes
from .colours import COLOURS

__all__ = ["arena_map"]

#: With more launches than this, lines between rectangles are left out: they would hide the rectangles.
_DENSE = 300


def arena_map(memories: Mapping[str, Memory]) -> str:
    """Return a self-contained HTML page with a map for each step, all on one scale.

    Args:
        memories: title → memory of a step.
    """
    width = max([1, *(memory.launches for memory in memories.values())])
    height = max([1, *(memory.arena for memory in memories.values())])
    template = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape("Arena of " + " and ".join(memories)),
        colours="\n".join(f".{kind} {{ fill: {COLOURS[kind]}; background: {COLOURS[kind]}; }}" for kind in ARENA_KINDS),
        sections="\n".join(_section(title, memory, width, height) for title, memory in memories.items()),
    )


def _section(title: str, memory: Memory, width: int, height: int) -> str:
    """The map of one step; coordinates of its rectangles are launches and bytes."""
    summary = f"arena {memory.arena:,} bytes ({format_bytes(memory.arena)}), {memory.launches} launches"
    peak = ""
    if memory.timeline:
        label, live = memory.timeline[memory.peak]
        summary += f"; at most {live:,} bytes live, in #{memory.peak} {label}"
        middle = memory.peak + 0.5
        peak = f'<line class="peak" x1="{middle}" x2="{middle}" y1="0" y2="{memory.arena}"/>'
    unit, name = (1 << 20, "MiB") if height >= 10 << 20 else (1 << 10, "KiB")
    round_numbers = (digit * 10**power for power in count() for digit in (1, 2, 5))
    ticks = [f'<span class="x" style="left: {100 * x / width:.2f}%">{x}</span>' for x in _ticks(width, round_numbers)]
    ticks += [
        f'<span class="y" style="bottom: {100 * y / height:.2f}%">{y / unit:g} {name}</span>'
        for y in _ticks(height, (1 << power for power in count()))
    ]
    return f"""<section>
<h2>{escape(title)}</h2>
<p>{escape(summary)}</p>
<div class="chart">
<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none"{' class="dense"' if width > _DENSE else ""}>
<g transform="matrix(1 0 0 -1 0 {height})">
<rect class="arena" x="0" y="0" width="{memory.launches}" height="{memory.arena}"/>
{_lines(map(_rectangle, memory.places))}
{peak}
</g>
</svg>
{_lines(ticks)}
<span class="axis">launch of a kernel</span>
</div>
{_legend(memory)}
</section>"""


def _rectangle(place: Place) -> str:
    return (
        f'<rect class="place {place.kind}" x="{place.begin}" y="{place.offset}" '
        f'width="{place.end - place.begin + 1}" height="{place.bytes}" data-tip="{escape(_tip(place))}"/>'
    )


def _tip(place: Place) -> str:
    """The text that appears on hovering over a value."""
    overwritten = ", which overwrites it" if place.last_use > place.end else ""
    lines = [
        f"{place.tensor or 'workspace'}: {place.bytes:,} bytes ({format_bytes(place.bytes)}) at {place.offset:,}",
        f"{KIND_TITLES[place.kind]}, layer {place.layer}",
        f"made by {place.kernel} in #{place.begin}, last used in #{place.last_use}{overwritten}",
    ]
    return "\n".join(lines)


def _legend(memory: Memory) -> str:
    rows = [
        f'<tr><td><span class="swatch {entry.kind}"></span>{KIND_TITLES[entry.kind]}</td>'
        f"<td>{entry.peak:,}</td><td>{entry.most:,}</td></tr>"
        for entry in memory.by_kind()
        if entry.kind in ARENA_KINDS
    ]
    head = "<tr><th>arena, in bytes</th><th>at the peak</th><th>at most</th></tr>"
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{_lines(rows)}\n</tbody>\n</table>"


def _ticks(top: int, steps: Iterable[int]) -> range:
    """From 0 to `top` in the first of the steps that does not give too many."""
    return range(0, top + 1, next(step for step in steps if top // step <= 10))


def _lines(parts: Iterable[str]) -> str:
    return "\n".join(parts)
