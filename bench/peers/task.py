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
        row: its name.
        scheme: ``full`` or ``sparse``.
        threads: of the runtime; the process has as many cores.
        directory: with what `graph_export` wrote.
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
        checked: of how many first steps the losses mean something.
        whole: whether a step updates the parameters, too.
    """

    checked = 3
    whole = True

    @abstractmethod
    def step(self) -> float:
        """Run one step and return its loss; when this returns, the parameters have changed."""

    def prepare(self) -> None:  # noqa: B027 (most have nothing to do here)
        """Compile what `forward` takes, if that is not there anyway."""

    @abstractmethod
    def forward(self) -> None:
        """Compute the model's output, as for inference."""
