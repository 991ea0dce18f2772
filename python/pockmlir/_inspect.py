"""Tables of operators, kernels and memory over time, for ``pock inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._ir_text import launch_counts, op_counts
from ._picture import largest_moments, sparkline
from .report import format_bytes, make_table
from .step import Step

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["describe", "tables"]


def describe(step: Step) -> dict[str, Any]:
    """Return the report with operators and kernels, as plain data."""
    return step.report().to_dict() | {
        "operators": dict(op_counts(step.ir("schedule")).most_common()),
        "kernel_launches": dict(launch_counts(step.ir("kernels")).most_common()),
    }


def tables(step: Step) -> list[RenderableType]:
    """Return what to print after the report."""
    from rich.text import Text

    memory = step.memory
    moments = [(index, label, f"{live:,}", format_bytes(live)) for index, label, live in largest_moments(memory)]
    return [
        make_table("operators", ("operator", "uses"), op_counts(step.ir("schedule")).most_common()),
        make_table("kernels", ("kernel", "launches"), launch_counts(step.ir("kernels")).most_common()),
        Text(f"arena over {len(memory.timeline)} operations, up to {format_bytes(memory.arena)}:"),
        Text(sparkline(memory)),
        make_table("largest moments", ("#", "operation", "bytes", ""), moments),
        make_table("compile time", ("stage", "seconds"), [(s, f"{t:.3f}") for s, t in step.timings.items()]),
    ]
