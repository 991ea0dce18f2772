"""JAX: one jitted step on XLA's CPU backend by default, the trained parameters donated; images in either layout."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .backend import Backend, Pair, Tensor
from .graph import Graph
from .task import Task, Training

# bench/gpu_run.py sets another one.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp

__all__ = ["Jax", "data_of", "functions"]


class Jax(Backend):
    """`jax.numpy` and `jax.lax`."""

    def __init__(self, channels_last: bool) -> None:
        self.channels_last = channels_last

    def conv(self, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Tensor:
        layout = ("NHWC", "HWIO", "NHWC") if self.channels_last else ("NCHW", "OIHW", "NCHW")
        return jax.lax.conv_general_dilated(
            x,
            weight,
            stride,
            [(size, size) for size in padding],
            rhs_dilation=dilation,
            dimension_numbers=layout,
            feature_group_count=groups,
        )

    def max_pool(self, x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        def spread(pair: tuple[Any, Any], one: Any) -> tuple[Any, ...]:
            return (one, *pair, one) if self.channels_last else (one, one, *pair)

        pads = spread(((padding[0],) * 2, (padding[1],) * 2), (0, 0))
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, spread(kernel, 1), spread(stride, 1), pads)

    def pad(self, x: Tensor, pads: Sequence[Pair]) -> Tensor:
        return jnp.pad(x, pads)

    def mean(self, x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
        return jnp.mean(x, tuple(axes), keepdims=keep)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        return jnp.transpose(x, order)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return jnp.reshape(x, shape)

    def concatenate(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        return jnp.concatenate(parts, axis)

    def matmul(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        return jnp.matmul(x, jnp.swapaxes(y, -1, -2) if transposed else y)

    def take(self, table: Tensor, indices: Tensor) -> Tensor:
        return table[indices]

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        return jnp.clip(x, low, high)

    def relu(self, x: Tensor) -> Tensor:
        return jax.nn.relu(x)

    def silu(self, x: Tensor) -> Tensor:
        return jax.nn.silu(x)

    def gelu(self, x: Tensor) -> Tensor:
        return jax.nn.gelu(x, approximate=False)

    def rsqrt(self, x: Tensor) -> Tensor:
        return jax.lax.rsqrt(x)

    def softmax(self, x: Tensor) -> Tensor:
        return jax.nn.softmax(x)

    def cross_entropy(self, logits: Tensor, target: Tensor) -> Tensor:
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], axis=1)
        return -picked.mean()


def data_of(graph: Graph) -> list[np.ndarray]:
    """The batch with 32-bit integers, as in JAX."""
    return [value.astype(np.int32) if value.dtype == np.int64 else value for value in graph.data]


@dataclass
class Functions:
    """A step ``(trained, frozen, *batch)`` → loss and trained, the same for logits, and the first values."""

    step: Callable[..., Any]
    forward: Callable[..., Any]
    trained: list[np.ndarray]
    frozen: dict[str, np.ndarray]


def functions(task: Task, graph: Graph, backend: Backend) -> Functions:
    """Return pure functions; frozen parameters are arguments without gradient, not constants that could be folded."""
    names = task.trained
    stored = graph.stored(backend)

    def output(which: str, trained: Sequence[Any], frozen: dict[str, Any], *batch: Any) -> Any:
        return graph.run(backend, which, frozen | dict(zip(names, trained, strict=True)), batch)

    def step(trained: Sequence[Any], frozen: dict[str, Any], *batch: Any) -> Any:
        loss, gradients = jax.value_and_grad(lambda values: output("loss", values, frozen, *batch))(trained)
        return loss, [value - task.lr * gradient for value, gradient in zip(trained, gradients, strict=True)]

    def forward(trained: Sequence[Any], frozen: dict[str, Any], *batch: Any) -> Any:
        return output("logits", trained, frozen, *batch)

    frozen = {name: value for name, value in stored.items() if name not in set(names)}
    return Functions(step, forward, [stored[name] for name in names], frozen)


class Trained(Training):
    def __init__(self, task: Task, channels_last: bool) -> None:
        graph = Graph(task.directory)
        found = functions(task, graph, Jax(channels_last))
        self.trained, self.frozen = jax.tree.map(jnp.asarray, (found.trained, found.frozen))
        self.batch = [jnp.asarray(value) for value in data_of(graph)]
        self._step = jax.jit(found.step, donate_argnums=0)
        self._forward = jax.jit(found.forward)

    def step(self) -> float:
        loss, self.trained = self._step(self.trained, self.frozen, *self.batch)
        jax.block_until_ready(self.trained)
        return float(loss)

    def forward(self) -> None:
        jax.block_until_ready(self._forward(self.trained, self.frozen, *self.batch[:-1]))


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    if not Graph(task.directory).convolves:
        return {"": lambda: Trained(task, False)}
    return {"channels last": lambda: Trained(task, True), "channels first": lambda: Trained(task, False)}
