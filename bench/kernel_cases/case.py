"""`Case`: one kernel at one shape, ours and PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from .program import Program

__all__ = ["LR", "Case", "Work", "nchw", "nhwc", "normal"]

#: Learning rate of the updates: large enough that a missing one shows, and repeated ones do not overflow.
LR = 1e-2

Tensors = Sequence[torch.Tensor]


def normal(*shape: int) -> torch.Tensor:
    """Return normally distributed numbers."""
    return torch.randn(shape)


def nchw(n: int, c: int, h: int, w: int) -> torch.Tensor:
    """Return random activations of this shape, stored channels-last."""
    return torch.randn(n, c, h, w).to(memory_format=torch.channels_last)


def nhwc(tensor: torch.Tensor) -> torch.Tensor:
    """Return activations in the layout of our kernels: [N, C, H, W] as [N, H, W, C]."""
    return tensor.permute(0, 2, 3, 1)


@dataclass
class Work:
    """The program, inputs and PyTorch call of a case.

    Attributes:
        program: our kernel.
        inputs: the arguments of the program.
        torch: runs PyTorch's kernel, and returns its result.
        params: initial values of the program's parameters.
        results: turns the result of ``torch`` into our outputs, followed by our parameters' new values.
        flops: multiplications and additions, 0 if they do not determine the time.
        bytes: least bytes read and written; by default those of all arguments, results and parameters.
        winograd: the option of ``pock-plan-pipeline``: ``auto``, ``always`` or ``never``.
    """

    program: Program
    inputs: Tensors
    torch: Callable[[], Any]
    params: Tensors = ()
    results: Callable[[Any], Tensors] = field(default=lambda result: [result])
    flops: float = 0
    bytes: int = 0
    winograd: str = "auto"

    def __post_init__(self) -> None:
        self.bytes = self.bytes or self.program.bytes


@dataclass(frozen=True)
class Case:
    """One kernel at one shape.

    Attributes:
        name: the class, ``family/kernel``, for example ``conv3x3/forward``.
        shape: sizes, in readable form.
        build: makes the work; values depend on the global seed.
        tiny: whether it is small enough for tests.
    """

    name: str
    shape: str
    build: Callable[[], Work]
    tiny: bool = False
