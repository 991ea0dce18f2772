"""The description of a model that its cost is computed from: convolutions in forward order, and a classifier."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ArgumentError

__all__ = ["Backbone", "Conv", "Linear"]


@dataclass(frozen=True)
class Conv:
    """A convolution; its stride, padding and dilation show in its sizes.

    Attributes:
        name: path of its module.
        inputs: channels that it reads.
        outputs: channels that it makes.
        kernel: size of its window; one number per dimension, as in both sizes.
        input_size: pixels that it reads, such as height and width.
        output_size: pixels that it makes.
        groups: as in PyTorch.
        weight: PyTorch's name of its weight; None if that is no parameter.
        bias: PyTorch's name of the bias that folding would leave: of the batch norm that follows,
            or else its own; None if there is neither.
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
        """Whether every channel is convolved by itself, into one."""
        return self.groups == self.inputs == self.outputs

    @property
    def input_pixels(self) -> int:
        """Pixels of one channel of its input."""
        return math.prod(self.input_size)

    @property
    def output_pixels(self) -> int:
        """Pixels of one channel of its output."""
        return math.prod(self.output_size)

    @property
    def weight_elements(self) -> int:
        """Numbers in its weight."""
        return self.trained_elements(self.inputs)

    def trained_elements(self, channels: int) -> int:
        """Return how many numbers of the weight belong to the first input channels.

        Args:
            channels: of a grouped convolution that is not depthwise, all or none.
        """
        per_channel = 1 if self.is_depthwise else self.outputs // self.groups
        return channels * per_channel * math.prod(self.kernel)


@dataclass(frozen=True)
class Linear:
    """A linear layer behind the last convolution.

    Attributes:
        name: path of its module.
        inputs: channels that it reads, once per example.
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
    """A chain of convolutions and the classifier behind them.

    What has no weights (activations, pooling, residual additions) costs nothing in the model and is not
    described; a batch norm counts as folded into its convolution.

    Attributes:
        convs: in forward order; their place is the index that a `SparseUpdate` speaks of.
        classifier: the linear layers behind them.
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
