"""ExecuTorch training: the joint graph of loss and gradients on its portable kernels, and its own SGD."""

from __future__ import annotations

from collections.abc import Callable

import torch
from executorch.exir import to_edge
from executorch.extension.pybindings.portable_lib import _load_for_executorch_from_buffer
from executorch.extension.training import _load_for_executorch_for_training_from_buffer, get_sgd_optimizer
from torch.export.experimental import _export_forward_backward

from .task import Task, Training
from .torch_model import load


class Trained(Training):
    def __init__(self, task: Task) -> None:
        loaded = load(task)
        self.arguments = loaded.arguments
        self.model = loaded.whole.model
        program = _export_forward_backward(torch.export.export(loaded.whole, loaded.arguments), joint_loss_index=0)
        edge = to_edge(program).to_executorch()
        self.buffer = edge.buffer
        self.module = _load_for_executorch_for_training_from_buffer(self.buffer)
        self.lr = task.lr
        self.optimizer: object = None

    def step(self) -> float:
        loss = self.module.forward_backward("forward", self.arguments)[0]
        if self.optimizer is None:
            # The parameters have names once the method has run.
            self.optimizer = get_sgd_optimizer(self.module.named_parameters(), self.lr, 0, 0, 0, False)
        self.optimizer.step(self.module.named_gradients())
        return float(loss)

    def prepare(self) -> None:
        with torch.no_grad():
            program = to_edge(torch.export.export(self.model.eval(), self.arguments[:-1])).to_executorch()
        self.inference_buffer = program.buffer
        self.inference = _load_for_executorch_from_buffer(self.inference_buffer)

    def forward(self) -> None:
        self.inference.forward(list(self.arguments[:-1]))


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    return {"": lambda: Trained(task)}
