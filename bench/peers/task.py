"""`Task`, which a worker trains, and `Training`, which every peer returns."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from .rows import find

__all__ = ["Task", "Training"]


@dataclass(frozen=True)
class Task:
    """A row, a scheme and a number of threads.

    Attributes:
        row: the name of the row.
        scheme: ``full`` or ``sparse``.
        threads: the threads of the runtime; the process has as many cores.
        directory: the folder with the output of `graph_export`.
    """

    row: str
    scheme: str
    threads: int
    directory: Path

    @property
    def lr(self) -> float:
        """The learning rate of plain SGD."""
        return find(self.row).lr

    @property
    def trained(self) -> list[str]:
        """The names of the parameters that train."""
        return json.loads((self.directory / "task.json").read_text())["trained"][self.scheme]


class Training(ABC):
    """A model that trains; the data stays the same in every step.

    Attributes:
        checked: the number of first steps whose losses are meaningful.
        whole: whether a step updates the parameters, too.
    """

    checked = 3
    whole = True

    @abstractmethod
    def step(self) -> float:
        """Run one step and return its loss; when this returns, the parameters have changed."""

    def prepare(self) -> None:  # noqa: B027 (most have nothing to do here)
        """Compile the function for `forward`, unless it exists already."""

    @abstractmethod
    def forward(self) -> None:
        """Compute the model's output, as for inference."""
