"""The kernels of training steps as cases, which `kernels.py` compiles, checks and times."""

from __future__ import annotations

from . import attention, contraction, convolution, elementwise, embedding, norm, optimizer, pooling
from .case import Case, Work

__all__ = ["CASES", "Case", "Work"]

#: All cases, in the order of the table.
CASES: tuple[Case, ...] = (
    *contraction.CASES,
    *convolution.CASES,
    *pooling.CASES,
    *norm.CASES,
    *attention.CASES,
    *elementwise.CASES,
    *embedding.CASES,
    *optimizer.CASES,
)
