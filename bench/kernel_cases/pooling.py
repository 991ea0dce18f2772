"""Max and average pooling, channels-last: forward and gradient."""

from __future__ import annotations

from functools import partial

import torch

from .case import Case, Work, nchw, nhwc
from .program import Program, Value, window

__all__ = ["CASES"]

#: (batch, size, channels, kernel, stride, padding).
Shape = tuple[int, int, int, int, int, int]
OVERLAPPING: list[Shape] = [(1, 112, 64, 3, 2, 1), (8, 112, 64, 3, 2, 1), (8, 14, 256, 3, 1, 1)]
TILING: list[Shape] = [(1, 56, 64, 2, 2, 0), (8, 56, 64, 2, 2, 0), (8, 14, 512, 2, 2, 0), (16, 16, 16, 2, 2, 0)]
#: (batch, size, channels) of averages over whole images.
WHOLE = [(1, 7, 1280), (8, 7, 1280), (8, 14, 96), (8, 56, 144)]
TINY: Shape = (2, 6, 16, 2, 2, 0)


def _out(shape: Shape) -> int:
    _, size, _, kernel, stride, padding = shape
    return (size + 2 * padding - kernel) // stride + 1


def _places(indices: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Convert PyTorch's positions in an image to positions in a window."""
    _, size, _, kernel, stride, padding = shape
    begin = torch.arange(_out(shape)) * stride - padding
    row = indices // size - begin[:, None]
    return (row * kernel + indices % size - begin).to(torch.int8)


def max_forward(shape: Shape) -> Work:
    """The maxima and their positions."""
    n, size, c, kernel, stride, padding = shape
    p = Program()
    x, attrs, out = p.input(n, size, size, c), window(stride, padding, kernel=kernel), (n, _out(shape), _out(shape), c)
    index = p.op("max_pool_index", x, shape=out, dtype="i8", attrs=attrs)
    p.output(p.op("max_pool", x, shape=out, attrs=attrs), index)
    tx = nchw(n, c, size, size)
    run = lambda: torch.ops.aten.max_pool2d_with_indices(tx, kernel, stride, padding)  # noqa: E731
    return Work(p, [nhwc(tx)], run, results=lambda both: [nhwc(both[0]), nhwc(_places(both[1], shape))])


def max_gradient(shape: Shape) -> Work:
    n, size, c, kernel, stride, padding = shape
    p, out = Program(), _out(shape)
    g, index = p.input(n, out, out, c), p.input(n, out, out, c, dtype="i8")
    p.output(p.op("max_pool_grad", g, index, shape=(n, size, size, c), attrs=window(stride, padding, kernel=kernel)))
    tx, tg = nchw(n, c, size, size), nchw(n, c, out, out)
    _, indices = torch.ops.aten.max_pool2d_with_indices(tx, kernel, stride, padding)
    both = [kernel] * 2, [stride] * 2, [padding] * 2, [1, 1], False, indices
    run = lambda: torch.ops.aten.max_pool2d_with_indices_backward(tg, tx, *both)  # noqa: E731
    return Work(p, [nhwc(tg), nhwc(_places(indices, shape))], run, results=lambda dx: [nhwc(dx)])


def avg_forward(shape: Shape) -> Work:
    n, size, c, kernel, stride, padding = shape
    p, out = Program(), _out(shape)
    attrs = window(stride, padding, kernel=kernel)
    total = p.op("sum_pool", p.input(n, size, size, c), shape=(n, out, out, c), attrs=attrs)
    p.output(p.op("div", total, p.constant(kernel**2)))
    tx = nchw(n, c, size, size)
    run = lambda: torch.nn.functional.avg_pool2d(tx, kernel, stride, padding)  # noqa: E731
    return Work(p, [nhwc(tx)], run, results=lambda y: [nhwc(y)])


def avg_gradient(shape: Shape) -> Work:
    n, size, c, kernel, stride, padding = shape
    p, out = Program(), _out(shape)
    each = p.op("div", p.input(n, out, out, c), p.constant(kernel**2))
    if kernel == stride:  # windows tile the image
        thin = p.reshape(each, n, out, 1, out, 1, c)
        # Its readers see it as an image; a reshape as the last op would be a copy.
        p.output(p.op("expand", thin, shape=(n, out, kernel, out, kernel, c)))
    else:
        attrs = window(stride, padding, kernel=kernel)
        p.output(p.op("sum_pool_grad", each, shape=(n, size, size, c), attrs=attrs))
    tx, tg = nchw(n, c, size, size), nchw(n, c, out, out)
    both = [kernel] * 2, [stride] * 2, [padding] * 2, False, True, None
    run = lambda: torch.ops.aten.avg_pool2d_backward(tg, tx, *both)  # noqa: E731
    return Work(p, [nhwc(tg)], run, results=lambda dx: [nhwc(dx).reshape(p.outputs[0].shape)])


def mean_forward(n: int, size: int, c: int) -> Work:
    p = Program()
    p.output(p.reduce("mean", p.input(n, size, size, c), 1, 2))
    tx = nchw(n, c, size, size)
    return Work(
        p, [nhwc(tx)], lambda: torch.nn.functional.adaptive_avg_pool2d(tx, 1), results=lambda y: [y[:, :, 0, 0]]
    )


def mean_gradient(n: int, size: int, c: int) -> Work:
    p = Program()
    each: Value = p.op("div", p.input(n, c), p.constant(size**2))
    p.output(p.op("expand", p.reshape(each, n, 1, 1, c), shape=(n, size, size, c)))
    tx, tg = nchw(n, c, size, size), nchw(n, c, 1, 1)
    run = lambda: torch.ops.aten._adaptive_avg_pool2d_backward(tg, tx)  # noqa: E731
    return Work(p, [tg[:, :, 0, 0]], run, results=lambda dx: [nhwc(dx)])


def _name(shape: Shape) -> str:
    n, size, c, kernel, stride, _ = shape
    return f"{size}^2x{c} n={n}, {kernel}x{kernel} s{stride}"


WINDOWS = [
    ("max/forward", max_forward),
    ("max/dx", max_gradient),
    ("avg/forward", avg_forward),
    ("avg/dx", avg_gradient),
]

CASES = [
    *(
        Case(f"pool-{name}", _name(shape), partial(build, shape), tiny=shape == TINY)
        for name, build in WINDOWS
        for shape in [*OVERLAPPING, *TILING, TINY]
    ),
    *(
        Case(f"pool-mean/{name}", f"{size}^2x{c} n={n}", partial(build, n, size, c), tiny=size == 3)
        for name, build in [("forward", mean_forward), ("dx", mean_gradient)]
        for n, size, c in [*WHOLE, (2, 3, 16)]
    ),
]
