"""Embeddings: reading rows, and adding to rows."""

from __future__ import annotations

from functools import partial

import torch

from .case import LR, Case, Work, normal
from .program import Program

__all__ = ["CASES"]

#: (rows of the table, width, indices): BERT's, GPT-2's, a small one's.
SHAPES = [(30522, 768, 512), (50257, 768, 1024), (1000, 64, 256), (128, 32, 64)]
TINY = (10, 24, 7)

DIM = "dim = 0 : i64"


def gather(rows: int, width: int, count: int) -> Work:
    p = Program()
    table, index = p.input(rows, width), p.input(count, dtype="i64")
    p.output(p.op("take", table, index, shape=(count, width), attrs=DIM))
    tt, ti, out = normal(rows, width), torch.randint(rows, (count,)), torch.empty(count, width)
    moved = 4 * count * width
    return Work(p, [tt, ti], lambda: torch.index_select(tt, 0, ti, out=out), bytes=2 * moved + 8 * count)


def gradient(rows: int, width: int, count: int) -> Work:
    """The dense gradient, which optimizers with momentum need."""
    p = Program()
    index, g = p.input(count, dtype="i64"), p.input(count, width)
    p.output(p.op("scatter_add", p.constant(0, rows, width), index, g, attrs=DIM))
    ti, tg = torch.randint(rows, (count,)), normal(count, width)
    return Work(p, [ti, tg], lambda: torch.ops.aten.embedding_dense_backward(tg, ti, rows, -1, False))


def update(rows: int, width: int, count: int) -> Work:
    """Plain SGD, which only changes the used rows."""
    p = Program()
    index, g, lr, table = p.input(count, dtype="i64"), p.input(count, width), p.input(), p.param(rows, width)
    step = p.op("mul", g, p.op("neg", lr))
    p.store(table, p.op("scatter_add", table, index, step, attrs=DIM))
    ti, tg, tt = torch.randint(rows, (count,)), normal(count, width), normal(rows, width)
    moved = 4 * count * width
    run = lambda: tt.index_add_(0, ti, tg, alpha=-LR)  # noqa: E731
    return Work(p, [ti, tg, torch.tensor(LR)], run, [tt.clone()], bytes=3 * moved + 8 * count)


CASES = [
    Case(f"embedding/{name}", f"{count} of {rows}x{width}", partial(build, rows, width, count), tiny=rows == TINY[0])
    for name, build in [("gather", gather), ("gradient", gradient), ("sgd", update)]
    for rows, width, count in [*SHAPES, TINY]
]
