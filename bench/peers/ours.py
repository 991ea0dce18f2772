"""pock: the compiled step, called from Python with NumPy arrays."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import pockmlir as pock
import torch

from .rows import ROWS, TINY
from .task import Task, Training


class Ours(Training):
    def __init__(self, task: Task) -> None:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        torch.set_num_threads(task.threads)
        case = (ROWS | TINY)[task.row].case()
        inputs, target = case.batch(0)
        self.run = pock.compile(
            case.model(),
            inputs,
            loss=case.loss,
            optimizer=pock.SGD(lr=task.lr),
            scheme=case.scheme(task.scheme),
            example_target=target if callable(case.loss) else None,
            name="row",
        )
        self.inputs = [value.numpy() for value in inputs]
        self.target = target.numpy()

    def step(self) -> float:
        return self.run(*self.inputs, self.target)

    def forward(self) -> None:
        self.run.predict(*self.inputs)


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    return {"": lambda: Ours(task)}
