"""Attention to nothing: rows that are masked everywhere, against PyTorch in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, Fixed, failures
from torch import nn

INF, NAN = math.inf, math.nan
SHAPE = (2, 2, 3, 4)
KEEP = torch.tensor([[True, True, False], [False, False, False], [True, False, True]])
FLOAT = torch.zeros(3, 3).masked_fill(~KEEP, -INF)
LOWEST = torch.zeros(3, 3).double().masked_fill(~KEEP, torch.finfo(torch.float64).min)
#: Drops nothing, but PyTorch and the compiler take the way that could.
HARDLY = 1e-15


def sdpa(name: str, mask: torch.Tensor | None, bias: bool = False, **options: Any) -> Case:
    """Return a case of attention with a mask, to which a trained bias may be added."""
    attend = F.scaled_dot_product_attention
    if mask is None:
        return Case(name, lambda q, k, v: attend(q, k, v, **options), (SHAPE,) * 3)
    if bias:
        return Case(
            name, lambda q, k, v, b, m: attend(q, k, v, b + m, **options), (*((SHAPE,) * 3), (3, 3), Fixed(mask))
        )
    return Case(name, lambda q, k, v, m: attend(q, k, v, m, **options), (*((SHAPE,) * 3), Fixed(mask)))


def softmax_product(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
    return torch.softmax(q @ k.transpose(-1, -2) + m, -1) @ v


CASES = [
    sdpa("float_mask", FLOAT),
    sdpa("bool_mask", KEEP),
    sdpa("float_dropout", FLOAT, dropout_p=HARDLY),
    sdpa("bool_dropout", KEEP, dropout_p=HARDLY),
    sdpa("bias", FLOAT, bias=True),
    sdpa("bias_dropout", FLOAT, bias=True, dropout_p=HARDLY),
    sdpa("lowest", LOWEST),
    sdpa("lowest_dropout", LOWEST, dropout_p=HARDLY),
    sdpa("lowest_bias", LOWEST, bias=True),
    sdpa("nan", FLOAT + torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, NAN], [0.0, 0.0, 0.0]]), bias=True),
    sdpa("nan_dropout", FLOAT + torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, NAN], [0.0, 0.0, 0.0]]), dropout_p=HARDLY),
    sdpa("infinite", FLOAT.masked_fill(KEEP, INF), bias=True),
    sdpa("causal_dropout", None, is_causal=True, dropout_p=HARDLY),
    # A softmax of its own is NaN, in PyTorch as well.
    Case("softmax", softmax_product, (SHAPE, SHAPE, SHAPE, Fixed(FLOAT))),
    Case("softmax_lowest", softmax_product, (SHAPE, SHAPE, SHAPE, Fixed(LOWEST))),
]  # fmt: skip


def test_attention_to_nothing() -> None:
    """Results and gradients of a dead row are PyTorch's: zero in attention, NaN in a softmax."""
    assert failures(CASES) == {}


class Masked(nn.Module):
    """Three ways to mask with the smallest float32, by an input and by a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(32, 32) for _ in range(3))
        self.register_buffer("causal", torch.full((64, 64), torch.finfo(torch.float32).min).triu(1))

    def forward(self, x: torch.Tensor, keep: torch.Tensor) -> list[torch.Tensor]:
        low = torch.finfo(torch.float32).min
        q, k, v = self.q(x), self.k(x), self.v(x)
        mask = (1.0 - keep)[:, None, :] * low
        scores = q @ k.transpose(1, 2) / 32**0.5
        weights = [
            scores + mask,
            scores.masked_fill(keep[:, None, :] == 0, low),
            torch.maximum(scores + self.causal, mask),
        ]
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.expand(-1, 64, -1))
        return [attended, *(torch.softmax(w, -1) @ v for w in weights)]


@pytest.mark.parametrize("arithmetic", ["fast", "portable"])
def test_lowest_masks_in_bf16(arithmetic: str) -> None:
    """The smallest float32 does not become minus infinity where bf16 is stored."""
    torch.manual_seed(0)
    model, x, keep = Masked(), torch.randn(4, 64, 32), torch.ones(4, 64)
    keep[1, 40:] = 0
    keep[2] = 0  # all padding
    step = pock.compile(
        model, (x, keep), loss=lambda o, t: sum((v * v).mean() for v in o) + t, example_target=torch.zeros(()),
        optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(), precision="bf16", arithmetic=arithmetic,
    )  # fmt: skip
    want = [v.detach().numpy() for v in model(x, keep)]
    got = step.predict(x, keep)
    for found, expected in zip(got.values() if isinstance(got, dict) else got, want, strict=True):
        np.testing.assert_allclose(found, expected, atol=0.03)
    loss = step(x, keep, torch.zeros(()))
    np.testing.assert_allclose(loss, sum(float((v**2).mean()) for v in want), rtol=0.02)
    assert all(np.isfinite(value).all() for value in step.state_dict().values())
