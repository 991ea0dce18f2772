"""Arithmetic of integers is exact in all their bits: against PyTorch, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pockmlir as pock
import pytest
import torch
from operator_cases import Case, Fixed, failures
from torch import nn
from torch.nn import functional as F

BIG = torch.tensor([2**60 + 1, 2**60 + 2, 2**60 + 3, 2**53 + 1, -(2**60) - 1, -(2**53) - 1, 0, -1, 7, 2**63 - 1])
EDGES = torch.tensor([-(2**63), 2**63 - 1, 2**62, -(2**62) - 1, -1, 0, 1, 2**53 + 1])
DIVISORS = torch.tensor([7, -7, 3, 2**31 + 1, 13, -1, 5, 1, -2, 2**53 + 1])
SMALL = torch.tensor([-128, 127, 5, -5, 0, 1, -1, 64])
FLOATS = torch.tensor(
    [float("inf"), -float("inf"), float("nan"), 1e30, -1e30, 300.7, -300.7, -0.0, 2.0**31, 2.0**62, -(2.0**63)]
)


def exact(name: str, function: Callable[..., Any], *operands: torch.Tensor | Fixed) -> Case:
    return Case(name, function, operands, tolerance=0.0)


def of_widths(name: str, function: Callable[..., Any], *operands: torch.Tensor) -> list[Case]:
    """Return a case with 8, 32 and 64 bits."""
    widths = {"i8": torch.int8, "i32": torch.int32, "i64": torch.int64}
    return [exact(f"{name}_{key}", function, *(x.to(dtype) for x in operands)) for key, dtype in widths.items()]


aten = torch.ops.aten


def bit_operators(i: torch.Tensor, n: torch.Tensor) -> list[torch.Tensor]:
    """Return what every overload gives: Python's operators use some of them only."""
    logic = (aten.bitwise_and, aten.bitwise_or, aten.bitwise_xor)
    shifts = (aten.bitwise_left_shift, aten.bitwise_right_shift)
    results = [
        f(*xs) for op in logic for f, xs in ((op.Tensor, (i, n)), (op.Scalar, (i, 6)), (op.Scalar_Tensor, (6, i)))
    ]
    for op in shifts:
        results += [op.Tensor(i, n), op.Tensor_Scalar(i, 2), op.Scalar_Tensor(6, n)]
    for op in (aten.__and__, aten.__or__, aten.__xor__, aten.__lshift__, aten.__rshift__):
        results += [op.Tensor(i, n), op.Scalar(i, 2)]
    return results


CASES = [
    Case("trains", torch.sin, ([1.0],)),
    exact("bucket", lambda i: i * 2654435761 % 13, BIG),
    exact("floor_div", lambda i: (i // 7 % 5, i // -7, i // 2**40, i // -1), BIG),
    exact("floor_div_tensor", lambda i, j: (i // j, torch.div(i, j, rounding_mode="floor")), BIG, DIVISORS),
    exact("floor_div_negative", lambda i, j: (-i // j, i // -j, j // i.clamp(1)), BIG, DIVISORS),
    exact("trunc_div", lambda i, j: (torch.div(i, j, rounding_mode="trunc"), torch.div(-i, 7, rounding_mode="trunc")), BIG, DIVISORS),
    exact("remainder", lambda i, j: (i % j, -i % j, torch.remainder(i, 10), torch.remainder(10, j)), BIG, DIVISORS),
    exact("fmod", lambda i, j: (torch.fmod(i, j), torch.fmod(-i, 10)), BIG, DIVISORS),
    *of_widths("divisions", lambda i, j: (i // j, i % j, torch.fmod(i, j), torch.div(i, j, rounding_mode="trunc")), SMALL, torch.tensor([3, -3, 7, 7, 5, 1, 2, 127])),
    *of_widths("shifts", lambda i: (i >> 1, i >> 3, i >> 100, i << 1, i << 7, i << 100), SMALL),
    *of_widths("shift_counts", lambda i, n: (i >> n, i << n), SMALL, torch.tensor([0, 1, 2, 7, -1, 100, 63, 6])),
    *of_widths("bits", lambda i, j: (i & j, i | j, i ^ j, ~i, i & 7, i | 8, i ^ -1, i & -16), SMALL, SMALL.flip(0)),
    exact("bit_operators", bit_operators, EDGES, torch.arange(8)),
    *of_widths("activations", lambda i: (F.relu(i), F.relu6(i), F.hardtanh(i, -3, 5), F.threshold(i, 1, 2)), SMALL),
    exact("l1_loss", lambda i, j: (F.l1_loss(i, j, reduction="none"), F.l1_loss(i, j, reduction="sum")), BIG, DIVISORS),
    exact("bits_big", lambda i: (i & 7, i & ~7, i | 2**62, i ^ (i >> 33), ~i), EDGES),
    exact("shifts_big", lambda i: (i >> 3, i >> 62, i >> 63, i >> 64, i << 62, i << 63, i << 64), EDGES),
    exact("extrema", lambda i: (i.max(), i.min(), i.amax(), i.amin(), i.argmax(), i.argmin()), EDGES),
    exact("extrema_dim", lambda i: (*i.reshape(2, 4).max(1), *i.reshape(2, 4).min(0), i.reshape(2, 4).amax(0), i.reshape(2, 4).amin(1, keepdim=True)), EDGES),
    exact("arg_dim", lambda i: (i.reshape(2, 5).argmax(1), i.reshape(2, 5).argmin(0, keepdim=True)), BIG),
    *of_widths("extrema_of", lambda i: (i.amax(), i.amin(), i.max(0).indices, i.min(0).indices), SMALL),
    exact("pairs", lambda i, j: (torch.maximum(i, j), torch.minimum(i, j), i.clamp(-(2**60), 2**60 + 1), i.clamp(min=j)), BIG, DIVISORS),
    exact("edges", lambda i: (i.abs(), -i, i.sign(), i * i, i + i, i - 1, i.sum(), i.cumsum(0), i.prod(), i**3), EDGES),
    exact("compare", lambda i, j: (i == j, i < j, i > 2**60 + 1, i == 2**53 + 1, i != 2**53, i <= j), BIG, DIVISORS),
    exact("mixed_width", lambda i, j: (i + j, i * j, i // (j.abs() + 1), i > j, torch.maximum(i, j)), EDGES, SMALL.to(torch.int32)),
    exact("mixed_float", lambda i: (i * 0.5, i + 1.5, i / 3, i.float(), i.double(), i.mean(dtype=torch.float64)), BIG),
    exact("sums", lambda i: (i.to(torch.int32).sum(), i.to(torch.int8).sum(), (i > 0).sum(), i.sum(0, dtype=torch.float64)), SMALL),
    exact("truth", lambda i: (i.any(), i.all(), i.bool(), i.bool() & True, i.bool() ^ True, ~i.bool(), i.bool() | False, i.bool().sign(), i.bool().sgn()), EDGES),
    exact("casts", lambda x: (x.long(), x.int(), x.to(torch.int8), x.bool()), Fixed(FLOATS)),
    exact("cast_floats", lambda x: (x.float().long(), x.float().int(), x.float().to(torch.int8)), Fixed(FLOATS)),
    exact("narrow", lambda i: (i.int(), i.to(torch.int8), i.int().long()), EDGES),
    exact("pad", lambda i: torch.nn.functional.pad(i, (1, 2), value=2**60 + 1), BIG),
    exact("pad_values", lambda i: (F.pad(i > 0, (1, -1), value=2), F.pad(i > 0, (0, 1), value=0.5), F.pad(i, (1, 1), value=2.7)), SMALL),
    exact("wide_scalars", lambda i: (i == 300, i + 300, i * (2**53 + 1), i & 259, i > 511, i % 259, i.to(torch.uint8) == 300, (i.to(torch.uint8) + 300).int()), SMALL.to(torch.int8)),
    exact("where", lambda i: (torch.where(i > 0, i, -(2**60) - 1), i.masked_fill(i < 0, 2**53 + 1), torch.full_like(i, 2**60 + 1)), BIG),
    exact("same_twice", lambda i: i.index_put((torch.tensor([1, 1, 3]),), torch.tensor([2**53 + 1] * 3)), BIG),
    exact("same_twice_source", lambda i, s: i.scatter(0, torch.tensor([1, 1, 3]), s[:1].expand(3)), SMALL, SMALL),
    exact("scatter_mean", lambda i, s: i.scatter_reduce(0, torch.tensor([1, 1, 3]), s[:3], "mean"), SMALL, SMALL),
    exact("move", lambda i: (i.flip(0), i.roll(1), i[2:5], i.reshape(2, 5).t(), i.index_select(0, torch.tensor([3, 1]))), BIG),
]  # fmt: skip


def test_integers() -> None:
    """Results are PyTorch's."""
    assert failures(CASES) == {}


@pytest.mark.parametrize("divide", [lambda i: i // 0, lambda i: i % 0, lambda i: torch.fmod(i, 0)])
def test_division_by_zero(divide: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """A divisor that is known to be zero is an error when compiling."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(4))

        def forward(self, i: torch.Tensor) -> torch.Tensor:
            return self.w * divide(i)

    with pytest.raises(pock.PockError, match="ZeroDivisionError"):
        pock.compile(Net(), (torch.arange(4),), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
