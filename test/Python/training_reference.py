"""A small network, and its training in PyTorch, for tests of features of a step other than a single update."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import torch
from torch import nn
from torch.nn import functional

BATCH = 8
STEPS = 12


class Net(nn.Module):
    """A convolution, batch norm, and a head: it has weights, biases, scales, and buffers that change."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 6, 3, padding=1, bias=False)  # its gradient would be rounding noise
        self.bn = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.relu(self.bn(self.conv(x))).mean((2, 3)))


def batch(index: int, *shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(index)
    x = torch.randn(BATCH, *(shape or (2, 6, 6)), generator=generator)
    return x, torch.randint(0, 4, (BATCH,), generator=generator)


def compiled(model: nn.Module, optimizer: Any, shape: tuple[int, ...] = (), **options: Any) -> pock.Step:
    options = {"loss": "cross_entropy", "scheme": pock.Scheme.full()} | options
    return pock.compile(model, batch(0, *shape)[:1], optimizer=optimizer, **options)


def torch_step(model: nn.Module, optimizer: torch.optim.Optimizer, *batches: Any, clip: Any = None) -> list[float]:
    """Run one update of PyTorch with the mean gradient of some batches; return their losses."""
    optimizer.zero_grad()
    losses = []
    for x, y in batches:
        loss = functional.cross_entropy(model(x), y)
        (loss / len(batches)).backward()
        losses.append(loss.item())
    if clip:
        clip([parameter for parameter in model.parameters() if parameter.grad is not None])
    optimizer.step()
    return losses


def assert_same(step: pock.Step, model: nn.Module, rtol: float = 2e-4) -> None:
    found = step.state_dict()
    assert list(found) == list(model.state_dict())
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=rtol, atol=2e-6, err_msg=name)
