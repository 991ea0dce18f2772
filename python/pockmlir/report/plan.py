"""`Plan`: the cost of a step, before any code is generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..api.scheme import Scheme
from ..artifact.launches import Launch, Work, read_launches, sum_up
from ..artifact.manifest import Manifest
from ..artifact.memory import Memory
from ..support.sizes import format_bytes
from ..support.tables import as_text, make_table
from .memory_table import memory_table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

__all__ = ["Plan"]

#: Maximum number of rows of a printed table.
_ROWS = 25


@dataclass(frozen=True)
class Plan:
    """Memory, operations and launches of a step; the compiled step has exactly these figures.

    >>> plan = imported.plan({"head.*": 1.0})           # doctest: +SKIP
    >>> plan.memory.total, plan.flops                   # doctest: +SKIP

    Attributes:
        name: name of the model.
        scheme: the scheme as the user wrote it.
        fractions: parameter → the fraction of it that trains, 0 if it is frozen.
        without_gradient: parameters that the scheme would train, but that have no gradient.
        memory: bytes of the step.
        launches: launches of the step that updates, in the order of execution.
    """

    name: str
    scheme: Scheme
    fractions: Mapping[str, float]
    without_gradient: Sequence[str]
    memory: Memory
    launches: tuple[Launch, ...]

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        costs: str,
        scheme: Scheme,
        fractions: Mapping[str, float],
        without_gradient: Sequence[str],
    ) -> Plan:
        """Make the plan from a manifest and `Core.kernel_costs` of the module at stage ``plan``."""
        launches = read_launches(costs, "step")
        return cls(manifest.name, scheme, fractions, tuple(without_gradient), manifest.memory, launches)

    @property
    def flops(self) -> int:
        """Floating-point operations of a step."""
        return sum(launch.flops for launch in self.launches)

    def by_layer(self) -> list[Work]:
        """Sum up the launches of each layer, in all phases, the most operations first."""
        return sum_up(self.launches, lambda launch: launch.layer)

    def by_kernel(self) -> list[Work]:
        """Sum up the launches of each kernel, the most operations first."""
        return sum_up(self.launches, lambda launch: launch.kernel)

    def by_phase(self) -> list[Work]:
        """Sum up the launches of each phase, the most operations first."""
        return sum_up(self.launches, lambda launch: launch.phase)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, fit for JSON."""
        return {
            "name": self.name,
            "scheme": self.scheme.to_json(),
            "fractions": dict(self.fractions),
            "without_gradient": list(self.without_gradient),
            "flops": self.flops,
            "memory": self.memory.to_dict(),
            "launches": [asdict(launch) for launch in self.launches],
            "by_layer": [asdict(work) for work in self.by_layer()],
            "by_phase": [asdict(work) for work in self.by_phase()],
        }

    def __str__(self) -> str:
        return as_text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield f"{self.name}: {len(self.launches)} launches, {self.flops:,} operations"
        yield memory_table(self.memory)
        yield _work_table("layer", self.by_layer())
        yield _work_table("phase", self.by_phase())


def _work_table(what: str, works: Sequence[Work]) -> Table:
    rows = [(work.name, str(work.launches), f"{work.flops:,}", format_bytes(work.bytes)) for work in works[:_ROWS]]
    title = f"{len(rows)} of {len(works)} {what}s"
    table = make_table(title, (what, "launches", "operations", "read and written"), rows)
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    return table
