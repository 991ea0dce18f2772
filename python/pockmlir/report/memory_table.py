"""The table of a step's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..artifact.memory import Memory
from ..support.sizes import format_bytes
from ..support.tables import make_table

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["memory_table"]


def memory_table(memory: Memory) -> Table:
    """Return a table of the bytes of a step, and of the cost of a memory limit."""
    rows = [
        ("parameters", memory.parameters),
        ("optimizer state", memory.optimizer_state),
        ("arena", memory.arena),
        ("  its lower bound", memory.lower_bound),
        *([("  least in any order", memory.least_peak)] if memory.least_peak else []),
        ("  saved activations", memory.saved),
        ("  gradients", memory.gradients),
        ("  workspace", memory.workspace),
        ("constants + state + arena", memory.total),
    ]
    title = "memory"
    if memory.recomputed:
        share = 100 * memory.recomputed_flops / max(memory.flops - memory.recomputed_flops, 1)
        title += f" ({memory.recomputed} launches run again: {share:.1f} % more operations)"
    return make_table(title, ("what", "bytes", ""), [(what, f"{count:,}", format_bytes(count)) for what, count in rows])
