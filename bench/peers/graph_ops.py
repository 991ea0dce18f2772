"""The ATen operators that exported graphs consist of, in terms of `Backend`.

Arguments have the names of the operator's schema; arguments that do not matter in these graphs go to `_`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .backend import Backend, Image, Tensor, shape_of

__all__ = ["OPS"]

Operator = Callable[..., Any]

#: Name → the function that computes the operator, and whether it handles `Image`.
OPS: dict[str, tuple[Operator, bool]] = {}


def operator(*names: str, images: bool = False) -> Callable[[Operator], Operator]:
    """Register an operator under its names in ATen."""

    def register(function: Operator) -> Operator:
        OPS.update(dict.fromkeys(names, (function, images)))
        return function

    return register


def _image(b: Backend, x: Any) -> Tensor:
    """An image in the backend's layout."""
    if isinstance(x, Image):
        return x.value
    return b.transpose(x, (0, 2, 3, 1)) if b.channels_last else x


def _wrap(b: Backend, x: Tensor) -> Any:
    return Image(x) if b.channels_last else x


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    values = [value] if isinstance(value, int) else list(value)
    return values[0], values[-1]


@operator("conv2d", images=True)
def conv2d(
    b: Backend,
    input: Any,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Any:
    y = b.conv(_image(b, input), weight, _pair(stride), _pair(padding), _pair(dilation), groups)
    return _wrap(b, y if bias is None else y + b.per_channel(bias))


@operator("batch_norm", images=True)
def batch_norm(
    b: Backend,
    input: Any,
    weight: Tensor,
    bias: Tensor,
    running_mean: np.ndarray,
    running_var: np.ndarray,
    training: bool,
    eps: float,
    **_: Any,
) -> Any:
    assert not training, "batch norm is in inference mode in every row"
    return _wrap(b, b.batch_norm(_image(b, input), weight, bias, running_mean, running_var, eps))


@operator("max_pool2d", images=True)
def max_pool2d(
    b: Backend,
    input: Any,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil_mode: bool,
) -> Any:
    assert not ceil_mode
    assert _pair(dilation) == (1, 1)
    return _wrap(b, b.max_pool(_image(b, input), _pair(kernel_size), _pair(stride or kernel_size), _pair(padding)))


@operator("adaptive_avg_pool2d", images=True)
def adaptive_avg_pool2d(b: Backend, input: Any, output_size: Sequence[int]) -> Any:
    assert list(output_size) == [1, 1]
    return _wrap(b, b.mean(_image(b, input), (1, 2) if b.channels_last else (2, 3), True))


@operator("avg_pool2d", images=True)
def avg_pool2d(b: Backend, input: Any, kernel_size: Sequence[int], **_: Any) -> Any:
    x = _image(b, input)
    rows = 1 if b.channels_last else 2
    assert shape_of(x)[rows : rows + 2] == _pair(kernel_size), "the pool takes the whole image"
    return adaptive_avg_pool2d(b, input, [1, 1])


@operator("pad", images=True)
def pad(b: Backend, input: Any, pad: Sequence[int], mode: str, value: float | None) -> Any:
    assert mode == "constant"
    assert not value
    x = _image(b, input) if len(input.shape) == 4 else input
    pads = [(0, 0)] * (len(x.shape) - len(pad) // 2)
    pads += [(pad[index], pad[index + 1]) for index in range(len(pad) - 2, -1, -2)]
    if len(x.shape) != 4:
        return b.pad(x, pads)
    return _wrap(b, b.pad(x, [pads[axis] for axis in (0, 2, 3, 1)] if b.channels_last else pads))


@operator("mean", images=True)
def mean(b: Backend, input: Any, dim: Sequence[int], keepdim: bool, **_: Any) -> Any:
    if not isinstance(input, Image):
        return b.mean(input, tuple(dim), keepdim)
    axes = tuple((0, 3, 1, 2)[axis] for axis in dim)
    assert keepdim or 3 not in axes, "the channels stay where they are"
    reduced = b.mean(input.value, axes, keepdim)
    return Image(reduced) if keepdim else reduced


def _unary(function: Callable[..., Tensor]) -> Operator:
    """Return an elementwise operator of one tensor; its other arguments are passed by name."""

    def run(b: Backend, input: Any, **more: Any) -> Any:
        if isinstance(input, Image):
            return Image(function(b, input.value, **more))
        return function(b, input, **more)

    return run


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """Return an elementwise operator of two operands; an image is combined with images and numbers."""

    def run(b: Backend, input: Any, other: Any, alpha: float = 1, **_: Any) -> Any:
        assert alpha == 1
        input, other = (b.constant(x) if isinstance(x, np.ndarray) else x for x in (input, other))
        if not isinstance(input, Image) and not isinstance(other, Image):
            return function(input, other)
        values = [x if isinstance(x, (int, float)) else _image(b, x) for x in (input, other)]
        return Image(function(*values))

    return run


def _gelu(b: Backend, x: Tensor, approximate: str) -> Tensor:
    assert approximate == "none"
    return b.gelu(x)


def _same(b: Backend, x: Tensor, p: float = 0.0, **_: Any) -> Tensor:
    assert p == 0, "dropout is off in every row"
    return x


for _name, _function in {
    "relu": lambda b, x: b.relu(x),
    "silu": lambda b, x: b.silu(x),
    "gelu": _gelu,
    "hardtanh": lambda b, x, min_val, max_val: b.clip(x, min_val, max_val),
    "rsqrt": lambda b, x: b.rsqrt(x),
    "neg": lambda b, x: -x,
    "pow": lambda b, x, exponent: x * x if exponent == 2 else x**exponent,
    # All that is computed is float32 already.
    "to": _same,
    "alias": _same,
    "dropout": _same,
    "contiguous": _same,
}.items():
    operator(_name, images=True)(_unary(_function))

for _name, _function in {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
}.items():
    operator(_name, images=True)(_binary(_function))


@operator("linear")
def linear(b: Backend, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return b.linear(input, weight, bias)


@operator("matmul")
def matmul(b: Backend, input: Tensor, other: Tensor) -> Tensor:
    return b.matmul(input, other)


@operator("embedding")
def embedding(b: Backend, weight: Tensor, indices: Tensor, **_: Any) -> Tensor:
    if isinstance(indices, np.ndarray) and (indices.ravel() == np.arange(indices.size)).all():
        # Positions: a slice of the table.
        return b.reshape(weight[: indices.size], (*indices.shape, shape_of(weight)[1]))
    return b.take(weight, indices)


@operator("layer_norm")
def layer_norm(
    b: Backend, input: Tensor, normalized_shape: Sequence[int], weight: Tensor, bias: Tensor, eps: float, **_: Any
) -> Tensor:
    assert len(normalized_shape) == 1
    return b.layer_norm(input, weight, bias, eps)


@operator("scaled_dot_product_attention")
def scaled_dot_product_attention(
    b: Backend,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: np.ndarray | None,
    dropout_p: float,
    is_causal: bool,
    scale: float | None,
    **_: Any,
) -> Tensor:
    assert dropout_p == 0
    length = shape_of(query)[2]
    bias = np.triu(np.full((length, length), -1e9, np.float32), 1) if is_causal else None
    if attn_mask is not None:
        bias = np.where(attn_mask, 0, -1e9).astype(np.float32) if attn_mask.dtype == bool else attn_mask
    bias = bias if bias is None else b.constant(bias)
    return b.attention(query, key, value, bias, scale or 1 / math.sqrt(shape_of(query)[-1]))


@operator("view", "reshape", "_unsafe_view")
def reshape(b: Backend, input: Tensor, size: Sequence[int] = (), shape: Sequence[int] = ()) -> Tensor:
    return b.reshape(input, tuple(size or shape))


@operator("flatten")
def flatten(b: Backend, input: Tensor, start_dim: int, end_dim: int) -> Tensor:
    shape = shape_of(input)
    end = end_dim % len(shape) + 1
    return b.reshape(input, (*shape[:start_dim], math.prod(shape[start_dim:end]), *shape[end:]))


@operator("transpose")
def transpose(b: Backend, input: Tensor, dim0: int, dim1: int) -> Tensor:
    order = list(range(len(input.shape)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return b.transpose(input, order)


@operator("permute")
def permute(b: Backend, input: Tensor, dims: Sequence[int]) -> Tensor:
    return b.transpose(input, dims)


@operator("slice")
def slice_(b: Backend, input: Tensor, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    size = shape_of(input)[dim]
    begin, stop, _ = slice(start, end).indices(size)
    index = [slice(None)] * len(input.shape)
    index[dim] = slice(begin, stop, step)
    return input[tuple(index)]


@operator("select")
def select(b: Backend, input: Tensor, dim: int, index: int) -> Tensor:
    return input[(*[slice(None)] * dim, index)]


@operator("cat")
def cat(b: Backend, tensors: Sequence[Tensor], dim: int) -> Tensor:
    return b.concatenate(tensors, dim % len(tensors[0].shape))


@operator("cross_entropy_loss")
def cross_entropy_loss(
    b: Backend,
    input: Tensor,
    target: Tensor,
    weight: None,
    reduction: int,
    ignore_index: int,
    label_smoothing: float,
) -> Tensor:
    assert weight is None
    assert reduction == 1
    assert not label_smoothing
    return b.cross_entropy(input, target)
