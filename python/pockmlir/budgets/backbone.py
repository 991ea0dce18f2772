"""The description of a model for the cost model: convolutions in forward order, and a classifier."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ArgumentError

__all__ = ["Backbone", "Conv", "Linear"]


@dataclass(frozen=True)
class Conv:
    """A convolution; its sizes imply stride, padding and dilation.

    Attributes:
        name: path of its module.
        inputs: number of input channels.
        outputs: number of output channels.
        kernel: size of its window; one number per spatial dimension, as in both sizes.
        input_size: spatial size of the input, such as (height, width).
        output_size: spatial size of the output.
        groups: number of groups, as in PyTorch.
        weight: PyTorch's name of its weight; None if that is not a parameter.
        bias: PyTorch's name of the bias after folding: of the batch norm that follows, else its own;
            None if there is neither.
    """

    name: str
    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    input_size: tuple[int, ...]
    output_size: tuple[int, ...]
    groups: int = 1
    weight: str | None = None
    bias: str | None = None

    def __post_init__(self) -> None:
        where = f"convolution '{self.name}'"
        for field in ("inputs", "outputs", "groups"):
            _require_positive(f"{where}: {field}", getattr(self, field))
        for field in ("kernel", "input_size", "output_size"):
            _require_size(f"{where}: {field}", getattr(self, field), len(self.kernel))
        for field in ("inputs", "outputs"):
            if (channels := getattr(self, field)) % self.groups:
                raise ArgumentError(
                    f"{where}: {field}: expected a multiple of {self.groups} groups, but got {channels}"
                )

    @property
    def is_depthwise(self) -> bool:
        """Whether each input channel makes exactly one output channel."""
        return self.groups == self.inputs == self.outputs

    @property
    def input_pixels(self) -> int:
        """Number of pixels of one input channel."""
        return math.prod(self.input_size)

    @property
    def output_pixels(self) -> int:
        """Number of pixels of one output channel."""
        return math.prod(self.output_size)

    @property
    def weight_elements(self) -> int:
        """Number of elements of its weight."""
        return self.trained_elements(self.inputs)

    def trained_elements(self, channels: int) -> int:
        """Return the number of elements of the weight that belong to the first input channels.

        Args:
            channels: number of channels; all or none for a grouped convolution that is not depthwise.
        """
        per_channel = 1 if self.is_depthwise else self.outputs // self.groups
        return channels * per_channel * math.prod(self.kernel)


@dataclass(frozen=True)
class Linear:
    """A linear layer after the last convolution.

    Attributes:
        name: path of its module.
        inputs: number of input features; it reads them once per example.
        weight: PyTorch's name of its weight; None if it has none.
        bias: PyTorch's name of its bias; None if it has none.
    """

    name: str
    inputs: int
    weight: str | None = None
    bias: str | None = None

    def __post_init__(self) -> None:
        _require_positive(f"linear layer '{self.name}': inputs", self.inputs)


@dataclass(frozen=True)
class Backbone:
    """A chain of convolutions and the classifier after them.

    Layers without weights (activations, pooling, residual additions) cost nothing in the model and are
    not described. A batch norm counts as folded into its convolution.

    Attributes:
        convs: the convolutions in forward order; `SparseUpdate` uses their index.
        classifier: the linear layers after them.
    """

    convs: tuple[Conv, ...]
    classifier: tuple[Linear, ...] = ()

    def __post_init__(self) -> None:
        if not self.convs:
            raise ArgumentError("backbone: expected at least one convolution")


def _require_positive(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(f"{what}: expected a positive integer, but got {value!r}")


def _require_size(what: str, value: object, rank: int) -> None:
    if not isinstance(value, tuple) or len(value) != rank or not rank:
        raise ArgumentError(f"{what}: expected a tuple of {rank or 'some'} integers, but got {value!r}")
    for size in value:
        _require_positive(what, size)
