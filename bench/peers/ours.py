"""pock: the compiled step, called from Python with NumPy arrays."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pockmlir as pock
import torch
from architectures import Case

from .rows import find
from .task import Task, Training


def compiled(task: Task, **options: Any) -> pock.Step:
    """Compile the step of a task; `options` are further keyword arguments of `pock.compile`."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(task.threads)
    case = find(task.row).case()
    return compiled_case(case, case.model(), task.scheme, **options)


def compiled_case(case: Case, model: torch.nn.Module, scheme: str, **options: Any) -> pock.Step:
    """Compile the step of a case with plain SGD, for its model."""
    inputs, target = case.batch(0)
    return pock.compile(
        model,
        inputs,
        loss=case.loss,
        optimizer=pock.SGD(lr=case.lr),
        scheme=case.scheme(scheme),
        example_target=target if callable(case.loss) else None,
        name="row",
        cache=False,
        **options,
    )


def batch(task: Task) -> list[np.ndarray]:
    """Return the inputs of a step, the target last."""
    inputs, target = find(task.row).case().batch(0)
    return [value.numpy() for value in (*inputs, target)]


class Ours(Training):
    def __init__(self, task: Task) -> None:
        self.run = compiled(task)
        self.batch = batch(task)

    def step(self) -> float:
        return self.run(*self.batch)

    def forward(self) -> None:
        self.run.predict(*self.batch[:-1])


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    return {"": lambda: Ours(task)}
