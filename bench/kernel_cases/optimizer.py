"""Updates of one parameter in place."""

from __future__ import annotations

from functools import partial

import torch

from .case import LR, Case, Work, normal
from .program import Program

__all__ = ["CASES"]

#: Numbers of a parameter: 4 KB, 0.5 MB, 2.4 MB, 16 MB.
SIZES = [1024, 131072, 589824, 4194304]
TINY = 50

MOMENTUM = 0.9
BETAS = 0.9, 0.999
#: Of Adam, whose corrections depend on it.
STEP = 10


def sgd(size: int) -> Work:
    p = Program()
    g, lr, w = p.input(size), p.input(), p.param(size)
    p.sgd(w, g, lr)
    tg, tw = normal(size), normal(size)
    return Work(p, [tg, torch.tensor(LR)], lambda: tw.add_(tg, alpha=-LR), [tw.clone()])


def momentum(size: int) -> Work:
    p = Program()
    g, lr, scale, w, buffer = p.input(size), p.input(), p.input(), p.param(size), p.param(size)
    attrs = f"optimizer = #pock.sgd<momentum = {MOMENTUM:e}>, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>"
    operands = w, g, lr, buffer, scale
    for param, new in zip(
        (w, buffer), p.ops("sgd_update", *operands, types=[((size,), "f32")] * 2, attrs=attrs), strict=True
    ):
        p.store(param, new)
    tg, tw, tb = normal(size), normal(size), normal(size)
    settings = {"weight_decay": 0.0, "momentum": MOMENTUM, "lr": LR, "dampening": 0.0}
    flags = {"nesterov": False, "maximize": False, "is_first_step": False}

    def run() -> list[torch.Tensor]:
        torch._fused_sgd_([tw], [tg], [tb], **settings, **flags)
        return [tw, tb]

    return Work(p, [tg, torch.tensor(LR), torch.tensor(1.0)], run, [tw.clone(), tb.clone()], list)


def adam(size: int) -> Work:
    p = Program()
    g, lr, first, second = p.input(size), p.input(), p.input(), p.input()
    w, mean, square = (p.param(size) for _ in range(3))
    operands = w, g, lr, first, second, mean, square
    new = p.ops("adam_update", *operands, types=[((size,), "f32")] * 3, attrs="optimizer = #pock.adam")
    for param, value in zip((w, mean, square), new, strict=True):
        p.store(param, value)
    tg, tw, tm, ts = normal(size), normal(size), normal(size), normal(size) ** 2
    settings = {"lr": LR, "beta1": BETAS[0], "beta2": BETAS[1], "weight_decay": 0.0, "eps": 1e-8}
    step = torch.tensor(float(STEP))

    def run() -> list[torch.Tensor]:
        torch._fused_adam_([tw], [tg], [tm], [ts], [], [step], **settings, amsgrad=False, maximize=False)
        return [tw, tm, ts]

    corrections = [torch.tensor(1 - beta**STEP) for beta in BETAS]
    return Work(p, [tg, torch.tensor(LR), *corrections], run, [tw.clone(), tm.clone(), ts.clone()], list)


CASES = [
    Case(f"update/{name}", f"{size}", partial(build, size), tiny=size == TINY)
    for name, build in [("sgd", sgd), ("sgd-momentum", momentum), ("adam", adam)]
    for size in [*SIZES, TINY]
]
