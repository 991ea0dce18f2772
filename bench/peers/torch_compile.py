"""torch.compile, two ways: eager's loop with a compiled loss, and the whole step as one compiled function."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.func import functional_call, grad_and_value

from .eager import Eager, images
from .task import Task, Training
from .torch_model import load


class Loop(Eager):
    """Forward and backward are compiled; SGD is PyTorch's fused kernel."""

    def __init__(self, task: Task, channels_last: bool) -> None:
        super().__init__(task, channels_last, fused=True)
        self.loss = torch.compile(self.loaded.whole)

    def prepare(self) -> None:
        self.model = torch.compile(self.model)


class Whole(Training):
    """Loss, gradients and update are one graph: neither autograd nor the optimizer runs in Python."""

    def __init__(self, task: Task, channels_last: bool) -> None:
        loaded = load(task, channels_last)
        self.arguments, self.model = loaded.arguments, loaded.whole.model
        named = {name: value.detach() for name, value in loaded.whole.named_parameters()}
        self.trained = {name: named[name] for name, value in loaded.whole.named_parameters() if value.requires_grad}

        def step(trained: dict[str, torch.Tensor], *arguments: torch.Tensor) -> torch.Tensor:
            def loss_of(values: dict[str, torch.Tensor]) -> torch.Tensor:
                return functional_call(loaded.whole, named | values, arguments)

            gradients, loss = grad_and_value(loss_of)(trained)
            for name, value in trained.items():
                value.sub_(gradients[name], alpha=task.lr)
            return loss

        self._step = torch.compile(step)

    def step(self) -> float:
        with torch.no_grad():
            return self._step(self.trained, *self.arguments).item()

    def prepare(self) -> None:
        self.model = torch.compile(self.model)

    def forward(self) -> None:
        with torch.inference_mode():
            self.model(*self.arguments[:-1])


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    last = images(task)
    return {
        "loss compiled": lambda: Loop(task, last),
        "step compiled": lambda: Whole(task, last),
    }
