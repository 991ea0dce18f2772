"""Softmax and attention: forward and gradients."""

from __future__ import annotations

from functools import partial

import torch

from .case import Case, Work, normal
from .program import Program

__all__ = ["CASES"]

aten = torch.ops.aten


def softmax(rows: int, width: int, log: bool = False) -> Work:
    name = "log_softmax" if log else "softmax"
    p = Program()
    p.output(p.op(name, p.input(rows, width), attrs="dim = 1 : i64"))
    x, out = normal(rows, width), torch.empty(rows, width)
    operator = aten._log_softmax.out if log else aten._softmax.out
    return Work(p, [x], lambda: operator(x, 1, False, out=out))


def softmax_gradient(rows: int, width: int) -> Work:
    p = Program()
    g, y = p.input(rows, width), p.input(rows, width)
    total = p.reduce("sum", p.op("mul", g, y), 1, keepdim=True)
    p.output(p.op("mul", p.op("sub", g, total), y))
    tg, ty, out = normal(rows, width), normal(rows, width).softmax(1), torch.empty(rows, width)
    run = lambda: aten._softmax_backward_data.out(tg, ty, 1, torch.float32, grad_input=out)  # noqa: E731
    return Work(p, [tg, ty], run)


#: (batch, heads, queries and keys, width of a head).
Heads = tuple[int, int, int, int]


def _attrs(heads: Heads, causal: bool) -> str:
    return f"scale = {heads[3] ** -0.5:.17e} : f64, causal = {str(causal).lower()}"


def _flops(heads: Heads, causal: bool, products: int) -> float:
    """Operations of a number of products per head; a causal mask leaves half of them."""
    batch, count, length, width = heads
    return 2 * products * batch * count * length**2 * width / (2 if causal else 1)


def attention(heads: Heads, causal: bool) -> Work:
    p = Program()
    q, k, v = (p.input(*heads) for _ in range(3))
    types = [(heads, "f32"), ((*heads[:3], 1), "f32")]
    p.output(*p.ops("attention", q, k, v, types=types, attrs=_attrs(heads, causal)))
    tq, tk, tv = normal(*heads), normal(*heads), normal(*heads)
    run = lambda: aten._scaled_dot_product_flash_attention_for_cpu(tq, tk, tv, 0.0, causal)  # noqa: E731
    results = lambda r: [r[0], r[1][..., None]]  # noqa: E731
    return Work(p, [tq, tk, tv], run, results=results, flops=_flops(heads, causal, 2))


def attention_gradient(heads: Heads, causal: bool) -> Work:
    p = Program()
    q, k, v, o, lse, g = (p.input(*((*heads[:3], 1) if i == 4 else heads)) for i in range(6))
    p.output(*p.ops("attention_grad", q, k, v, o, lse, g, types=[(heads, "f32")] * 3, attrs=_attrs(heads, causal)))
    tq, tk, tv, tg = (normal(*heads) for _ in range(4))
    to, tlse = aten._scaled_dot_product_flash_attention_for_cpu(tq, tk, tv, 0.0, causal)
    backward = aten._scaled_dot_product_flash_attention_for_cpu_backward
    run = lambda: backward(tg, tq, tk, tv, to, tlse, 0.0, causal)  # noqa: E731
    inputs = [tq, tk, tv, to.contiguous(), tlse[..., None].contiguous(), tg]
    return Work(p, inputs, run, results=list, flops=_flops(heads, causal, 5))


ROWS = [(512, 512), (4096, 128), (512, 1024), (128, 1000), (8, 1000), (16, 10)]
HEADS: list[Heads] = [(8, 12, 128, 64), (1, 12, 512, 64), (4, 8, 256, 32), (1, 12, 1024, 64), (16, 4, 32, 16)]
TINY: Heads = (2, 2, 8, 16)

CASES = [
    *(
        Case(name, f"{rows}x{width}", partial(build, rows, width), tiny=rows == 3)
        for name, build in [
            ("softmax/forward", softmax),
            ("log-softmax/forward", partial(softmax, log=True)),
            ("softmax/dx", softmax_gradient),
        ]
        for rows, width in [*ROWS, (3, 20)]
    ),
    *(
        Case(
            f"{name}{'-causal' if causal else ''}/{kernel}",
            "x".join(map(str, heads)),
            partial(build, heads, causal),
            heads == TINY,
        )
        for name, causal in [("attention", False), ("attention", True)]
        for kernel, build in [("forward", attention), ("backward", attention_gradient)]
        for heads in [*HEADS, TINY]
    ),
]
