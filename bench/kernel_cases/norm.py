"""Layer norm and batch norm in training: forward with saved values, and all gradients."""

from __future__ import annotations

from functools import partial

import torch

from .case import Case, Work, nchw, nhwc, normal
from .program import Program, Value, array

__all__ = ["CASES"]

EPS = 1e-5


def layer_forward(rows: int, width: int) -> Work:
    """The result, and the values that the gradient reads."""
    p = Program()
    x, w, b = p.input(rows, width), p.input(width), p.input(width)
    types = [((rows, width), "f32"), ((rows, 1), "f32")]
    normalized, rstd = p.ops("normalize", x, types=types, attrs=f"dims = {array((1,))}")
    p.output(p.op("add", p.op("mul", normalized, w), b), normalized, rstd)
    tx, tw, tb = normal(rows, width), normal(width), normal(width)
    run = lambda: torch.native_layer_norm(tx, [width], tw, tb, EPS)  # noqa: E731
    return Work(p, [tx, tw, tb], run, results=lambda r: [r[0], (tx - r[1]) * r[2], r[2]])


def layer_backward(rows: int, width: int) -> Work:
    """Gradients of input, weight and bias."""
    p = Program()
    g, y, r, w = p.input(rows, width), p.input(rows, width), p.input(rows, 1), p.input(width)
    scaled = p.op("mul", g, w)
    along = p.reduce("mean", p.op("mul", scaled, y), 1, keepdim=True)
    rest = p.op("sub", scaled, p.op("mul", y, along))
    rest = p.op("sub", rest, p.reduce("mean", scaled, 1, keepdim=True))
    p.output(p.op("mul", rest, r), p.reduce("sum", p.op("mul", g, y), 0), p.reduce("sum", g, 0))
    tx, tg, tw, tb = normal(rows, width), normal(rows, width), normal(width), normal(width)
    _, mean, rstd = torch.native_layer_norm(tx, [width], tw, tb, EPS)
    mask = [True] * 3
    run = lambda: torch.ops.aten.native_layer_norm_backward(tg, tx, [width], mean, rstd, tw, tb, mask)  # noqa: E731
    return Work(p, [tg, (tx - mean) * rstd, rstd, tw], run, results=list)


#: (batch, size, channels).
Images = tuple[int, int, int]


def _images(p: Program, shape: Images) -> Value:
    n, size, c = shape
    return p.input(n, size, size, c)


def _draw(shape: Images) -> torch.Tensor:
    n, size, c = shape
    return nchw(n, c, size, size)


def _count(shape: Images) -> int:
    """The number of entries of a channel."""
    return shape[0] * shape[1] ** 2


def batch_frozen(shape: Images) -> Work:
    """Scale and shift with given statistics, as in frozen models."""
    p, c = Program(), shape[2]
    x, mean, rstd, w, b = _images(p, shape), p.input(c), p.input(c), p.input(c), p.input(c)
    centered = p.op("sub", x, p.channels(mean))
    scaled = p.op("mul", centered, p.channels(p.op("mul", rstd, w)))
    p.output(p.op("add", scaled, p.channels(b)))
    tx, tm, tv, tw, tb = _draw(shape), normal(c), normal(c) ** 2 + 1, normal(c), normal(c)
    run = lambda: torch.nn.functional.batch_norm(tx, tm, tv, tw, tb, False, 0.1, EPS)  # noqa: E731
    return Work(p, [nhwc(tx), tm, (tv + EPS) ** -0.5, tw, tb], run, results=lambda y: [nhwc(y)])


def _statistics(p: Program, x: Value) -> tuple[Value, Value, Value]:
    """Mean and variance of each channel, and the centered input."""
    mean = p.reduce("mean", x, 0, 1, 2)
    centered = p.op("sub", x, p.channels(mean))
    return mean, p.reduce("mean", p.op("mul", centered, centered), 0, 1, 2), centered


def batch_statistics(shape: Images) -> Work:
    p = Program()
    p.output(*_statistics(p, _images(p, shape))[:2])
    tx = _draw(shape)
    run = lambda: torch.ops.aten.batch_norm_update_stats(tx, None, None, 0.1)  # noqa: E731
    return Work(p, [nhwc(tx)], run, results=list)


def batch_forward(shape: Images) -> Work:
    """With the statistics of the batch."""
    p, c = Program(), shape[2]
    x, w, b = _images(p, shape), p.input(c), p.input(c)
    mean, variance, centered = _statistics(p, x)
    rstd = p.op("rsqrt", p.op("add", variance, p.constant(EPS)))
    scaled = p.op("mul", centered, p.channels(p.op("mul", rstd, w)))
    p.output(p.op("add", scaled, p.channels(b)), mean, rstd)
    tx, tw, tb = _draw(shape), normal(c), normal(c)
    run = lambda: torch.native_batch_norm(tx, tw, tb, None, None, True, 0.1, EPS)  # noqa: E731
    return Work(p, [nhwc(tx), tw, tb], run, results=lambda r: [nhwc(r[0]), r[1], r[2]])


def batch_backward(shape: Images) -> Work:
    """Gradients of input, weight and bias, through the statistics."""
    n, size, c = shape
    p, count = Program(), _count(shape)
    g, centered, rstd, w = _images(p, shape), _images(p, shape), p.input(c), p.input(c)
    along = p.reduce("sum", p.op("mul", g, centered), 0, 1, 2)
    # d rstd / d variance = -rstd^3 / 2, and the variance is the mean of squares.
    cubed = p.op("mul", p.op("mul", p.op("mul", rstd, p.constant(-0.5)), rstd), rstd)
    slope = p.op("div", p.op("mul", p.op("mul", along, w), cubed), p.constant(count))
    spread = p.op("expand", p.channels(slope), shape=(n, size, size, c))
    half = p.op("mul", spread, centered)
    scaled = p.op("mul", g, p.channels(p.op("mul", rstd, w)))
    through = p.op("add", p.op("add", scaled, half), half)
    shift = p.op("div", p.op("neg", p.reduce("sum", through, 0, 1, 2)), p.constant(count))
    dx = p.op("add", through, p.op("expand", p.channels(shift), shape=(n, size, size, c)))
    p.output(dx, p.op("mul", along, rstd), p.reduce("sum", g, 0, 1, 2))
    tx, tg, tw = _draw(shape), _draw(shape), normal(c)
    _, mean, invstd = torch.native_batch_norm(tx, tw, None, None, None, True, 0.1, EPS)
    rest = tw, None, None, mean, invstd, True, EPS, [True] * 3
    run = lambda: torch.ops.aten.native_batch_norm_backward(tg, tx, *rest)  # noqa: E731
    inputs = [nhwc(tg), nhwc(tx) - mean, invstd, tw]
    return Work(p, inputs, run, results=lambda r: [nhwc(r[0]), r[1], r[2]])


LAYER = [(512, 768), (4096, 128), (128, 512), (1024, 3072), (16, 64)]
IMAGES: list[Images] = [(1, 56, 64), (8, 14, 576), (8, 56, 144), (8, 7, 960), (16, 16, 32)]

CASES = [
    *(
        Case(f"layernorm/{name}", f"{rows}x{width}", partial(build, rows, width), tiny=rows == 5)
        for name, build in [("forward", layer_forward), ("backward", layer_backward)]
        for rows, width in [*LAYER, (5, 40)]
    ),
    *(
        Case(f"batchnorm/{name}", f"{shape[1]}^2x{shape[2]} n={shape[0]}", partial(build, shape), tiny=shape[1] == 3)
        for name, build in [
            ("frozen", batch_frozen),
            ("statistics", batch_statistics),
            ("forward", batch_forward),
            ("backward", batch_backward),
        ]
        for shape in [*IMAGES, (2, 3, 16)]
    ),
]
