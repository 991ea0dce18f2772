"""Products of matrices: plain, and the three of a linear layer (weights stored [in, out])."""

from __future__ import annotations

from functools import partial

import torch

from .case import LR, Case, Work, normal
from .program import Program

__all__ = ["CASES"]

#: (rows, in, out) of linear layers.
LINEAR = [
    (512, 768, 768),
    (512, 768, 3072),
    (512, 3072, 768),
    (500, 770, 750),
    (128, 512, 512),
    (32, 1280, 1000),
    (8, 1280, 1000),
    (1, 768, 768),
    (1, 768, 3072),
    (1, 1280, 1000),
    (16, 256, 10),
    (32, 64, 128),
]

TINY = (4, 24, 40)

#: (batch, m, k, n).
MATMUL = [(1, 512, 512, 512), (1, 1024, 1024, 1024), (1, 256, 256, 256), (1, 64, 64, 64), (12, 128, 64, 128)]


def matmul(batch: int, m: int, k: int, n: int) -> Work:
    lead = (batch,) if batch > 1 else ()
    p = Program()
    a, b = p.input(*lead, m, k), p.input(*lead, k, n)
    p.output(p.op("matmul", a, b, shape=(*lead, m, n)))
    x, y, out = normal(*lead, m, k), normal(*lead, k, n), torch.empty(*lead, m, n)
    return Work(p, [x, y], lambda: torch.matmul(x, y, out=out), flops=2 * batch * m * k * n)


def forward(m: int, k: int, n: int) -> Work:
    p = Program()
    x, w, b = p.input(m, k), p.input(k, n), p.input(n)
    p.output(p.op("add", p.op("matmul", x, w, shape=(m, n)), b))
    tx, tw, tb, out = normal(m, k), normal(n, k), normal(n), torch.empty(m, n)
    return Work(p, [tx, tw.t(), tb], lambda: torch.addmm(tb, tx, tw.t(), out=out), flops=2 * m * k * n)


def input_gradient(m: int, k: int, n: int) -> Work:
    p = Program()
    g, w = p.input(m, n), p.input(k, n)
    p.output(p.op("matmul", g, w, shape=(m, k), attrs="transpose_rhs"))
    tg, tw, out = normal(m, n), normal(n, k), torch.empty(m, k)
    return Work(p, [tg, tw.t()], lambda: torch.mm(tg, tw, out=out), flops=2 * m * k * n)


def weight_gradient(m: int, k: int, n: int) -> Work:
    p = Program()
    x, g = p.input(m, k), p.input(m, n)
    p.output(p.op("matmul", x, g, shape=(k, n), attrs="transpose_lhs"))
    tx, tg, out = normal(m, k), normal(m, n), torch.empty(n, k)
    run = lambda: torch.mm(tg.t(), tx, out=out)  # noqa: E731
    return Work(p, [tx, tg], run, results=lambda dw: [dw.t()], flops=2 * m * k * n)


def weight_update(m: int, k: int, n: int) -> Work:
    """Weight gradient and SGD, in place."""
    p = Program()
    x, g, lr, w = p.input(m, k), p.input(m, n), p.input(), p.param(k, n)
    p.sgd(w, p.op("matmul", x, g, shape=(k, n), attrs="transpose_lhs"), lr)
    tx, tg, tw = normal(m, k), normal(m, n), normal(n, k)
    initial = tw.t().clone()
    run = lambda: tw.addmm_(tg.t(), tx, alpha=-LR)  # noqa: E731
    return Work(p, [tx, tg, torch.tensor(LR)], run, [initial], lambda new: [new.t()], flops=2 * m * k * n)


def _matmul_shape(batch: int, m: int, k: int, n: int) -> str:
    return (f"{batch} of " if batch > 1 else "") + f"{m}x{k}x{n}"


PRODUCTS = [("forward+bias", forward), ("dx", input_gradient), ("dw", weight_gradient), ("dw+sgd", weight_update)]

CASES = [
    *(Case("matmul", _matmul_shape(*shape), partial(matmul, *shape)) for shape in MATMUL),
    Case("matmul", "tiny", partial(matmul, 2, 5, 8, 16), tiny=True),
    *(
        Case(f"linear/{name}", f"{m}x{k}x{n}", partial(build, m, k, n), tiny=(m, k, n) == TINY)
        for name, build in PRODUCTS
        for m, k, n in [*LINEAR, TINY]
    ),
]
