"""The exported graph in plain PyTorch, without its modules, for exporters that fail on these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from .backend import Backend, Pair, Tensor
from .graph import Graph

__all__ = ["Logits", "Torch"]


class Torch(Backend):
    """PyTorch's functions; composite ones are inherited from `Backend`."""

    def constant(self, value: np.ndarray) -> Tensor:
        return torch.from_numpy(value)

    def conv(self, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Tensor:
        return functional.conv2d(x, weight, None, stride, padding, dilation, groups)

    def batch_norm(
        self, x: Tensor, weight: Tensor, bias: Tensor, mean: np.ndarray, variance: np.ndarray, eps: float
    ) -> Tensor:
        scale = weight * torch.from_numpy(1 / np.sqrt(variance + np.float32(eps)))
        return x * self.per_channel(scale) + self.per_channel(bias - scale * torch.from_numpy(mean))

    def max_pool(self, x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        return functional.max_pool2d(x, kernel, stride, padding)

    def pad(self, x: Tensor, pads: Sequence[Pair]) -> Tensor:
        return functional.pad(x, [size for pair in reversed(pads) for size in pair])

    def mean(self, x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
        return x.mean(tuple(axes), keep)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        return x.permute(tuple(order))

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return x.reshape(tuple(shape))

    def concatenate(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        return torch.cat(list(parts), axis)

    def matmul(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        return x @ (y.transpose(-1, -2) if transposed else y)

    def take(self, table: Tensor, indices: Tensor) -> Tensor:
        return functional.embedding(indices, table)

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        return x.clamp(low, high)

    def relu(self, x: Tensor) -> Tensor:
        return x.relu()

    def silu(self, x: Tensor) -> Tensor:
        return x * x.sigmoid()

    def gelu(self, x: Tensor) -> Tensor:
        return functional.gelu(x)

    def rsqrt(self, x: Tensor) -> Tensor:
        return 1 / x.sqrt()

    def softmax(self, x: Tensor) -> Tensor:
        return x.softmax(-1)

    def cross_entropy(self, logits: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(logits, target)


class Logits(torch.nn.Module):
    """A graph as a module.

    Attributes:
        names: name of a parameter of the model → its name in this module.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.names = {name: name.replace(".", "__") for name in graph.parameters}
        for name, value in graph.stored(Torch()).items():
            self.register_parameter(self.names[name], torch.nn.Parameter(torch.from_numpy(value)))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        parameters = {name: getattr(self, own) for name, own in self.names.items()}
        return self.graph.run(Torch(), "logits", parameters, inputs)
