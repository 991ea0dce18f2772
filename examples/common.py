"""Helpers of the examples: recipes, progress bars, and batches in a reproducible order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pockmlir as pock
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Bar", "Bars", "Recipe", "batches"]


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
    scheme: pock.Scheme
    lr: float


def batches(examples: int, size: int, count: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yield which examples make up each of ``count`` whole batches, each epoch in another order."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(examples)
    for _ in range(count):
        if len(order) < size:
            order = generator.permutation(examples)
        chosen, order = order[:size], order[size:]
        yield chosen


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
        self.progress.update(self.task, advance=1, **({"note": note} if note else {}))
