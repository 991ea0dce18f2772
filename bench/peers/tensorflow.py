"""TensorFlow: one `tf.function` of gradients and updates, images with channels last, oneDNN."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"

import tensorflow as tf

from .backend import Backend, Pair, Tensor, shape_of
from .graph import Graph
from .task import Task, Training


class TensorFlow(Backend):
    """TensorFlow, whose kernels for the CPU need channels-last images.

    Args:
        fused: whether batch norm is a single kernel.
    """

    channels_last = True

    def __init__(self, fused: bool) -> None:
        self.fused = fused

    def filter(self, weight: np.ndarray, groups: int) -> np.ndarray:
        # A depthwise filter is [rows, columns, channels, 1].
        return weight.transpose(2, 3, 0, 1) if self._depthwise(weight.shape[1], groups) else super().filter(weight, 1)

    @staticmethod
    def _depthwise(inputs: int, groups: int) -> bool:
        return groups > 1 and inputs == 1

    def conv(self, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Tensor:
        rows, columns, last, one = shape_of(weight)
        if stride == (1, 1) and (rows, columns) == (2 * padding[0] + 1, 2 * padding[1] + 1):
            same = "SAME"
        else:
            # As Keras does it: a pad of its own, which is no work worth mentioning.
            same = "VALID"
            x = self.pad(x, [(0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)]) if any(padding) else x
        if groups > 1:
            assert (last, one) == (groups, 1), "grouped convolutions are depthwise"
            return tf.nn.depthwise_conv2d(x, weight, [1, *stride, 1], same, dilations=dilation)
        return tf.nn.conv2d(x, weight, stride, same, dilations=dilation)

    def batch_norm(
        self, x: Tensor, weight: Tensor, bias: Tensor, mean: np.ndarray, variance: np.ndarray, eps: float
    ) -> Tensor:
        if not self.fused:
            return super().batch_norm(x, weight, bias, mean, variance, eps)
        statistics = {"mean": mean, "variance": variance}
        return tf.compat.v1.nn.fused_batch_norm(x, weight, bias, **statistics, epsilon=eps, is_training=False)[0]

    def max_pool(self, x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor:
        # It follows a ReLU, so zeros are as good as minus infinity.
        x = self.pad(x, [(0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)])
        return tf.nn.max_pool2d(x, kernel, stride, "VALID")

    def pad(self, x: Tensor, pads: Sequence[Pair]) -> Tensor:
        return tf.pad(x, pads)

    def mean(self, x: Tensor, axes: Sequence[int], keep: bool) -> Tensor:
        return tf.reduce_mean(x, axes, keep)

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        return tf.transpose(x, order)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return tf.reshape(x, shape)

    def concatenate(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        return tf.concat(parts, axis)

    def matmul(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        return tf.matmul(x, y, transpose_b=transposed)

    def take(self, table: Tensor, indices: Tensor) -> Tensor:
        return tf.gather(table, indices)

    def clip(self, x: Tensor, low: float, high: float) -> Tensor:
        return tf.nn.relu6(x) if (low, high) == (0, 6) else tf.clip_by_value(x, low, high)

    def relu(self, x: Tensor) -> Tensor:
        return tf.nn.relu(x)

    def silu(self, x: Tensor) -> Tensor:
        return tf.nn.silu(x)

    def gelu(self, x: Tensor) -> Tensor:
        return tf.nn.gelu(x)

    def rsqrt(self, x: Tensor) -> Tensor:
        return tf.math.rsqrt(x)

    def softmax(self, x: Tensor) -> Tensor:
        return tf.nn.softmax(x)

    def cross_entropy(self, logits: Tensor, target: Tensor) -> Tensor:
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits))


class Trained(Training):
    def __init__(self, task: Task, fused: bool, xla: bool) -> None:
        graph, backend = Graph(task.directory), TensorFlow(fused)
        names = task.trained
        stored = graph.stored(backend)
        variables = [tf.Variable(stored[name]) for name in names]
        frozen = {name: tf.constant(value) for name, value in stored.items() if name not in set(names)}
        values = frozen | dict(zip(names, variables, strict=True))
        self.inputs = [tf.constant(value) for value in graph.data]

        @tf.function(jit_compile=xla, autograph=False)
        def step(*inputs: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = graph.run(backend, "loss", values, inputs)
            for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
                if isinstance(gradient, tf.IndexedSlices):
                    variable.scatter_sub(tf.IndexedSlices(task.lr * gradient.values, gradient.indices))
                else:
                    tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=task.lr, delta=gradient)
            return loss

        @tf.function(jit_compile=xla, autograph=False)
        def forward(*inputs: Any) -> Any:
            return graph.run(backend, "logits", values, inputs)

        self._step, self._forward = step, forward

    def step(self) -> float:
        return float(self._step(*self.inputs))

    def forward(self) -> None:
        self._forward(*self.inputs[:-1]).numpy()


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(task.threads)
    if Graph(task.directory).convolves:
        # XLA's convolutions are no match for oneDNN's.
        return {
            "fused batch norm": lambda: Trained(task, fused=True, xla=False),
            "plain batch norm": lambda: Trained(task, fused=False, xla=False),
        }
    return {
        "oneDNN": lambda: Trained(task, fused=False, xla=False),
        "XLA": lambda: Trained(task, fused=False, xla=True),
    }
