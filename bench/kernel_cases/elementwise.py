"""Chains of elementwise ops that kernels fuse, their gradients, and sums over rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch

from .case import Case, Work, normal
from .convolution import masked, relu6
from .program import Program, Value

__all__ = ["CASES"]

aten = torch.ops.aten

#: (rows, channels): 0.8 MB, 3.6 MB and 14.5 MB per tensor; a layer of a transformer; two small ones.
SHAPES = [(3136, 64), (1568, 576), (25088, 144), (512, 3072), (128, 512), (16, 64)]
TINY = (6, 24)


def bias_relu6(rows: int, width: int) -> Work:
    p = Program()
    x, b = p.input(rows, width), p.input(width)
    p.output(relu6(p, p.op("add", x, b)))
    tx, tb, out = 3 * normal(rows, width), normal(width), torch.empty(rows, width)
    return Work(p, [tx, tb], lambda: torch.nn.functional.hardtanh_(torch.add(tx, tb, out=out), 0.0, 6.0))


def relu6_gradient(rows: int, width: int) -> Work:
    p = Program()
    g, y = p.input(rows, width), p.input(rows, width)
    p.output(masked(p, g, y))
    tg, ty = normal(rows, width), (3 * normal(rows, width)).clamp(0, 6)
    out = torch.empty(rows, width)
    return Work(p, [tg, ty], lambda: aten.hardtanh_backward.grad_input(tg, ty, 0.0, 6.0, grad_input=out))


def add_relu(rows: int, width: int) -> Work:
    """The end of a residual block."""
    p = Program()
    p.output(p.op("relu", p.op("add", p.input(rows, width), p.input(rows, width))))
    x, y, out = normal(rows, width), normal(rows, width), torch.empty(rows, width)
    return Work(p, [x, y], lambda: torch.add(x, y, out=out).relu_())


def relu_gradient(rows: int, width: int) -> Work:
    p = Program()
    g, y = p.input(rows, width), p.input(rows, width)
    zero = p.constant(0)
    dead = p.op("cmp", y, zero, dtype="i1", attrs="predicate = #pock.cmp<le>")
    p.output(p.op("select", dead, zero, g, shape=g.shape))
    tg, ty, out = normal(rows, width), normal(rows, width).relu(), torch.empty(rows, width)
    return Work(p, [tg, ty], lambda: aten.threshold_backward.grad_input(tg, ty, 0.0, grad_input=out))


def activation(operator: str, attrs: str, torchs: Callable[..., torch.Tensor], rows: int, width: int) -> Work:
    """An activation alone."""
    p = Program()
    x = p.input(rows, width)
    p.output(p.op(operator, x, attrs=attrs))
    tx, out = 2 * normal(rows, width), torch.empty(rows, width)
    return Work(p, [tx], lambda: torchs(tx, out=out))


def _gelu_slope(p: Program, x: Value) -> Value:
    """Phi(x) + x phi(x)."""
    erf = p.op("erf", p.op("mul", x, p.constant(math.sqrt(0.5))))
    cdf = p.op("mul", p.op("add", erf, p.constant(1)), p.constant(0.5))
    bell = p.op("exp", p.op("mul", p.op("mul", x, x), p.constant(-0.5)))
    return p.op("add", cdf, p.op("mul", x, p.op("mul", bell, p.constant(1 / math.sqrt(2 * math.pi)))))


def _gelu_tanh_slope(p: Program, x: Value) -> Value:
    """The derivative of x (1 + tanh(c (x + 0.044715 x^3))) / 2."""
    c, one, half = p.constant(math.sqrt(2 / math.pi)), p.constant(1), p.constant(0.5)
    square = p.op("mul", x, x)
    inner = p.op("mul", p.op("add", x, p.op("mul", p.op("mul", square, x), p.constant(0.044715))), c)
    tanh = p.op("tanh", inner)
    slope = p.op("mul", p.op("add", p.op("mul", square, p.constant(3 * 0.044715)), one), c)
    squeezed = p.op("sub", one, p.op("mul", tanh, tanh), shape=x.shape)
    through = p.op("mul", p.op("mul", p.op("mul", x, half), squeezed), slope)
    return p.op("add", p.op("mul", p.op("add", tanh, one), half), through)


def _silu_slope(p: Program, x: Value) -> Value:
    """s (1 + x (1 - s))."""
    s, one = p.op("sigmoid", x), p.constant(1)
    rest = p.op("sub", one, s, shape=x.shape)
    return p.op("mul", s, p.op("add", p.op("mul", x, rest), one))


def gradient(
    slope: Callable[[Program, Value], Value], torchs: Callable[..., torch.Tensor], rows: int, width: int
) -> Work:
    """An upstream gradient times an activation's derivative."""
    p = Program()
    g, x = p.input(rows, width), p.input(rows, width)
    p.output(p.op("mul", g, slope(p, x)))
    tg, tx, out = normal(rows, width), 2 * normal(rows, width), torch.empty(rows, width)
    return Work(p, [tg, tx], lambda: torchs(tg, tx, grad_input=out))


def row_sum(rows: int, width: int) -> Work:
    """The gradient of a bias."""
    p = Program()
    p.output(p.reduce("sum", p.input(rows, width), 0))
    g, out = normal(rows, width), torch.empty(width)
    return Work(p, [g], lambda: torch.sum(g, 0, out=out))


KERNELS: list[tuple[str, Callable[[int, int], Work]]] = [
    ("bias+relu6", bias_relu6),
    ("relu6/dx", relu6_gradient),
    ("add+relu", add_relu),
    ("relu/dx", relu_gradient),
    ("gelu", partial(activation, "gelu", "", aten.gelu.out)),
    ("gelu/dx", partial(gradient, _gelu_slope, aten.gelu_backward.grad_input)),
    (
        "gelu-tanh",
        partial(activation, "gelu", "approximate = #pock.gelu<tanh>", partial(aten.gelu.out, approximate="tanh")),
    ),
    ("gelu-tanh/dx", partial(gradient, _gelu_tanh_slope, partial(aten.gelu_backward.grad_input, approximate="tanh"))),
    ("silu", partial(activation, "silu", "", aten.silu.out)),
    ("silu/dx", partial(gradient, _silu_slope, aten.silu_backward.grad_input)),
    ("bias/dx", row_sum),
]

CASES = [
    Case(name, f"{rows}x{width}", partial(build, rows, width), tiny=(rows, width) == TINY)
    for name, build in KERNELS
    for rows, width in [*SHAPES, TINY]
]
