"""A row's model in PyTorch, for the peers that start from it."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import torch

from .graph_export import WithLoss, trained
from .rows import find
from .task import Task

__all__ = ["Loaded", "load"]


@dataclass
class Loaded:
    """A model with its loss, its batch, and the parameters that train.

    Attributes:
        whole: the model with its loss, a function of `arguments`.
        arguments: the inputs, the target last.
    """

    whole: WithLoss
    arguments: tuple[torch.Tensor, ...]
    trained: list[torch.nn.Parameter]


def load(task: Task, channels_last: bool = False) -> Loaded:
    """Build the model with its first weights; set PyTorch's threads."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(task.threads)
    case = find(task.row).case()
    model = case.model()
    inputs, target = case.batch(0)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = tuple(x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs)
    names = set(trained(case, model, task.scheme))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
    training = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return Loaded(WithLoss(model, case.loss), (*inputs, target), training)
