"""PyTorch eager: images in either memory format, SGD as one fused kernel or one per operation."""

from __future__ import annotations

from collections.abc import Callable

import torch

from .task import Task, Training
from .torch_model import load


class Eager(Training):
    """The usual training loop."""

    def __init__(self, task: Task, channels_last: bool, fused: bool) -> None:
        self.loaded = load(task, channels_last)
        self.loss = self.loaded.whole
        self.model = self.loaded.whole.model
        self.optimizer = torch.optim.SGD(self.loaded.trained, lr=task.lr, fused=fused)

    def step(self) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(*self.loaded.arguments)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def forward(self) -> None:
        with torch.inference_mode():
            self.model(*self.loaded.arguments[:-1])


def images(task: Task) -> bool:
    """Whether the model's first input is an image."""
    return load(task).arguments[0].ndim == 4


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    formats = (False, True) if images(task) else (False,)
    return {
        f"{'channels last' if last else 'contiguous'}{', fused' if fused else ''}": (
            lambda last=last, fused=fused: Eager(task, last, fused)
        )
        for last in formats
        for fused in (False, True)
    }
