"""torch.compile: model and loss through Inductor, and the optimizer's step fused; both in one call where it can."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .eager import Eager, images
from .task import Task, Training


class Compiled(Eager):
    """Eager's loop with a compiled loss; SGD stays the fused kernel, which Inductor cannot beat."""

    def __init__(self, task: Task, channels_last: bool) -> None:
        super().__init__(task, channels_last, fused=True)
        self.loss = torch.compile(self.loaded.whole)

    def prepare(self) -> None:
        self.model = torch.compile(self.model)


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    last = images(task)
    return {"channels last" if last else "contiguous": lambda: Compiled(task, last)}
