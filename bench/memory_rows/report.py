"""The table of `bench/memory.py`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peers.contest import TOLERANCE
from peers.report import as_markdown, as_table
from rich.table import Table

from .variants import VARIANTS

__all__ = ["Line", "grid", "markdown", "notes", "table"]


@dataclass
class Line:
    """A variant of a model at a batch size. Sizes are in bytes.

    Attributes:
        ours: figures of `memory_rows.ours` and `memory_rows.resident`; empty if they fail or the variant is missing.
        eager: figures of `memory_rows.eager` for the same scheme; empty if it fails.
        full: the arena of the variant ``full``, if it was measured.
        remarks: the missing figures, and the reasons.
    """

    model: str
    batch: int
    variant: str
    ours: Mapping[str, Any] = field(default_factory=dict)
    eager: Mapping[str, Any] = field(default_factory=dict)
    full: float = math.nan
    remarks: list[str] = field(default_factory=list)

    @property
    def arena(self) -> float:
        return float(self.ours.get("arena", math.nan))

    @property
    def to_bound(self) -> float:
        """The arena divided by the lower bound of its schedule."""
        return self.arena / float(self.ours.get("lower_bound", math.nan))

    @property
    def to_eager(self) -> float:
        """The arena divided by PyTorch's peak of activations and gradients."""
        return self.arena / float(self.eager.get("live", math.nan))

    @property
    def full_to_sparse(self) -> float:
        """The full scheme's arena divided by this one's, if this one is sparse."""
        return self.full / self.arena if VARIANTS[self.variant].scheme == "sparse" else math.nan

    @property
    def agrees(self) -> bool | None:
        """Whether the first losses are equal to PyTorch's; None if either is missing."""
        if not self.ours or not self.eager:
            return None
        pairs = zip(self.ours["losses"][:3], self.eager["losses"][:3], strict=True)
        return all(abs(found - loss) <= TOLERANCE * abs(loss) for found, loss in pairs)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data; unknown figures are None."""
        ratios = {name: getattr(self, name) for name in ("to_bound", "to_eager", "full_to_sparse")}
        return {
            "model": self.model,
            "batch": self.batch,
            "variant": self.variant,
            "ours": dict(self.ours),
            "eager": dict(self.eager),
            **{name: None if math.isnan(value) else value for name, value in ratios.items()},
            "agrees": self.agrees,
            "remarks": self.remarks,
        }


#: Title → whose figure, and which.
SIZES: Mapping[str, tuple[str, str]] = {
    "arena": ("ours", "arena"),
    "bound": ("ours", "lower_bound"),
    "parameters": ("ours", "parameters"),
    "optimizer": ("ours", "optimizer_state"),
    "total": ("ours", "total"),
    "resident": ("ours", "resident"),
    "PyTorch\nlive": ("eager", "live"),
    "PyTorch\nsteps": ("eager", "resident_step"),
    "PyTorch\nresident": ("eager", "resident"),
}

RATIOS: Mapping[str, str] = {
    "arena\n/ bound": "to_bound",
    "arena\n/ PyTorch live": "to_eager",
    "full\n/ sparse": "full_to_sparse",
}


def grid(lines: Sequence[Line]) -> list[list[str]]:
    """Return the table as text, its header first; sizes are in KiB."""
    result = [["model", "batch", "variant", *SIZES, *RATIOS]]
    for line in lines:
        mark = "≠" if line.agrees is False else ""
        sizes = [getattr(line, whose).get(name) for whose, name in SIZES.values()]
        ratios = [(getattr(line, name), 3 if name == "to_bound" else 2) for name in RATIOS.values()]
        result.append(
            [line.model, str(line.batch), line.variant + mark]
            + ["-" if size is None else f"{size / 1024:,.1f}" for size in sizes]
            + ["-" if math.isnan(value) else f"{value:.{digits}f}" for value, digits in ratios]
        )
    return result


def notes(lines: Sequence[Line]) -> list[str]:
    """Return the explanations of marks and dashes, without duplicates."""
    found = [f"≠ its first losses are not PyTorch's: {line.model}" for line in lines if line.agrees is False]
    return list(dict.fromkeys([*found, *(remark for line in lines for remark in line.remarks)]))


def table(lines: Sequence[Line]) -> Table:
    """Return the table for the terminal."""
    return as_table("training steps, KiB", grid(lines), left=("model", "variant"))


def markdown(lines: Sequence[Line]) -> str:
    """Return the table and its notes as Markdown."""
    rows = [[cell.replace("\n", " ") for cell in row] for row in grid(lines)]
    return "\n".join([*as_markdown(rows), "", *(f"* {note}" for note in notes(lines))]) + "\n"
