"""What the demo and other examples share: recipes, costs, and progress bars."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..api.scheme import Scheme
from ..step import Step

__all__ = ["Bar", "Bars", "Recipe", "costs"]


@dataclass(frozen=True)
class Recipe:
    """One way to fine-tune.

    Attributes:
        title: its name in the table.
        meaning: what trains, for people.
        scheme: what trains, for the compiler.
        lr: highest learning rate; the fewer parameters train, the higher it may be.
    """

    title: str
    meaning: str
    scheme: Scheme
    lr: float


def costs(step: Step) -> dict[str, Any]:
    """Return what a step trains, and the bytes that it needs, as plain data."""
    memory = step.memory
    return {
        "trained_parameters": step.report().trained_elements,
        "parameter_bytes": memory.parameters,
        "optimizer_bytes": memory.optimizer_state,
        "saved_bytes": memory.saved,
        "arena_bytes": memory.arena,
    }


class Bars:
    """Progress on standard error; silent if nobody watches."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(12),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self.progress = Progress(*columns, console=Console(stderr=True))

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Bar]:
        """Show one bar; it stays when it is done."""
        bar = Bar(self.progress, self.progress.add_task(title, total=total, note=""))
        yield bar
        self.progress.update(bar.task, completed=total)


@dataclass
class Bar:
    """One line of progress."""

    progress: Progress
    task: TaskID

    def advance(self, note: str = "") -> None:
        """Count one more; the note replaces the last one unless it is empty."""
        self.progress.advance(self.task)
        if note:
            self.progress.update(self.task, note=note)
