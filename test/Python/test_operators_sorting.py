"""Sorting, pooling with indices and its inverse: numbers against PyTorch's, gradients and ties included."""

from __future__ import annotations

import math

import pockmlir as pock
import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, Fixed, failures
from pockmlir.frontends.torch.ops import sorting
from torch import nn

inf, nan = math.inf, math.nan
M, T, I1, I2 = (3, 4), (2, 3, 4), (2, 3, 9), (2, 3, 6, 7)
#: Ties of all kinds, also of zeros with different signs.
ROWS = Fixed([[1.0, nan, 3.0, -inf, nan, 2.0], [inf, -inf, 0.0, -0.0, 1.0, 1.0], [nan] * 6, [2.0] * 6])
INTEGERS = torch.tensor([[3, 1, 2, 1, -5, 2**40], [7, 7, -(2**62), 0, 0, 7]])

SORTING = [
    Case("sort", lambda x: torch.sort(x), (T,)),
    Case("sort_inner", lambda x: torch.sort(x, 1), (T,)),
    Case("sort_first", lambda x: torch.sort(x, 0, descending=True), (T,)),
    Case("msort", torch.msort, (T,)),
    Case("sort_one", lambda x: torch.sort(x, 0), ((1,),)),
    Case("sort_stable", lambda x: torch.sort(x, stable=True, descending=True), (T,)),
    Case("sort_values", lambda x: torch.sort(x.sin())[0].cumsum(1) * x, (M,)),
    Case("sort_ties", lambda x, y: torch.sort(x, stable=True)[0] * y, (torch.ones(2, 5), (2, 5))),
    Case("sort_nan", lambda x: torch.sort(x, stable=True), (ROWS,)),
    Case("sort_nan_last", lambda x: torch.sort(x, stable=True, descending=True), (ROWS,)),
    Case("sort_integers", lambda x: (*torch.sort(x, stable=True), *torch.sort(x, stable=True, descending=True)), (INTEGERS,)),
    Case("sort_bytes", lambda x: torch.sort(x.to(torch.int8), stable=True), (torch.tensor([3, -128, 127, 127, 0]),)),
    Case("sort_bool", lambda x: torch.sort(x, stable=True)[1], (torch.tensor([True, False, True]),)),
    Case("argsort", lambda x: (torch.argsort(x, stable=True), torch.argsort(x, descending=True)), (Fixed(T),)),
    Case("topk", lambda x: torch.topk(x, 2), (T,)),
    Case("topk_smallest", lambda x: torch.topk(x, 3, largest=False), (M,)),
    Case("topk_first", lambda x: torch.topk(x, 2, 0, largest=False), ((5, 3),)),
    Case("topk_one", lambda x: torch.topk(x, 1, 1), ((3, 1),)),
    Case("topk_all", lambda x: torch.topk(x, 4), (M,)),
    Case("topk_nan", lambda x: torch.topk(x, 3)[0], (ROWS,)),
    Case("topk_scalar", lambda x: torch.topk(x, 1), ((),)),
    Case("kthvalue", lambda x: (*torch.kthvalue(x, 2), *torch.kthvalue(x, 3, keepdim=True)), (T,)),
    Case("kthvalue_one", lambda x: torch.kthvalue(x, 1, 0), ((1, 3),)),
    Case("median", lambda x: torch.median(x), (T,)),
    Case("median_ties", lambda x: torch.median(x), ([1.0, 1.0, 2.0, 2.0, 0.0],)),
    Case("median_one", lambda x: torch.median(x), ((1,),)),
    Case("median_first", lambda x: torch.median(x, 0), (T,)),
    Case("median_rows", lambda x: torch.median(x, -1, keepdim=True), (T,)),
    Case("median_nan", lambda x: torch.median(x[:3], 1), (ROWS,)),
    Case("median_integers", lambda x: torch.median(x, 1)[0], (INTEGERS,)),
    Case("quantile", lambda x: torch.quantile(x, 0.3, -1), (T,)),
    Case("quantile_all", lambda x: torch.quantile(x, 0.5, interpolation="nearest"), (T,)),
]  # fmt: skip

POOLING = [
    Case("indices", lambda x: F.max_pool2d(x, 2, return_indices=True), (I2,)),
    Case("indices_padded", lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True), (I2,)),
    Case("indices_dilated", lambda x: F.max_pool2d(x, (2, 3), (1, 2), 0, (2, 1), True, return_indices=True), (I2,)),
    Case("indices_unbatched", lambda x: F.max_pool2d(x, 2, return_indices=True), (I2[1:],)),
    Case("indices_1d", lambda x: F.max_pool1d(x, 3, 2, 1, return_indices=True), (I1,)),
    Case("indices_one", lambda x: F.max_pool1d(x, 1, return_indices=True), ((1, 1, 1),)),
    Case("indices_adaptive", lambda x: F.adaptive_max_pool2d(x, (3, 7), return_indices=True), (I2,)),
    Case("indices_ties", lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True),
         ([[[[1.0] * 4, [1.0, 2.0, 2.0, 1.0], [1.0, 2.0, 2.0, 1.0], [1.0] * 4]]],)),
    Case("indices_infinite", lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True), (Fixed([[[[-inf] * 4] * 4]]),)),
    Case("unpool", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(6, 7)), (I2,)),
    Case("unpool_one", lambda x: F.max_unpool2d(*F.max_pool2d(x, 1, return_indices=True), 1), ((1, 1, 1, 1),)),
    Case("unpool_overlapping",
         lambda x: F.max_unpool2d(*F.max_pool2d(x, 3, 2, 1, return_indices=True), 3, 2, 1, output_size=(6, 7)), (I2,)),
    Case("unpool_given", lambda x, i: F.max_unpool2d(x, i, 2), ((1, 2, 1, 2), torch.tensor([[[[0, 6]], [[5, 3]]]]))),
    Case("unpool_1d", lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2, output_size=(9,)), (I1,)),
    Case("unpool_unbatched", lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), ((3, 4, 4),)),
    Case("unpool_special",
         lambda x: F.max_unpool2d(*F.max_pool2d(x, 3, 2, 1, return_indices=True), 3, 2, 1, output_size=(4, 4)),
         (Fixed([[[[1.0, 2, 3, 4], [5, inf, nan, 8], [1, 2, 3, 4], [5, 6, 7, 8]]]]),)),
]  # fmt: skip

GROUPS = {"sorting": SORTING, "pooling": POOLING}


@pytest.mark.parametrize("group", GROUPS)
def test_equals_pytorch(group: str) -> None:
    assert failures(GROUPS[group]) == {}


def test_the_network_sorts_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "_COUNTED", 0)
    names = ("sort", "sort_first", "sort_nan", "sort_nan_last", "sort_integers", "sort_bytes", "sort_one", "topk")
    assert failures([case for case in SORTING if case.name in names]) == {}


class Experts(nn.Module):
    """A mixture of experts: every token is computed by the two of its highest scores, weighted by these."""

    def __init__(self, features: int = 6, experts: int = 4, hidden: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.router = nn.Linear(features, experts, bias=False)
        self.up = nn.Parameter(torch.randn(experts, features, hidden))
        self.down = nn.Parameter(torch.randn(experts, hidden, features))
        self.experts = experts

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = x.flatten(0, 1)
        scores = self.router(tokens).softmax(-1)
        weights, chosen = scores.topk(2, -1)
        weights = weights / weights.sum(-1, keepdim=True)
        gates = torch.zeros_like(scores).scatter(1, chosen, weights)
        hidden = F.silu(torch.einsum("tf,efh->eth", tokens, self.up))
        outputs = torch.einsum("eth,ehf,te->tf", hidden, self.down, gates)
        # As many tokens for each expert: the share of tokens times the mean of the scores.
        share = F.one_hot(chosen, self.experts).sum(1).to(scores.dtype).mean(0)
        return outputs.view_as(x), self.experts * (share * scores.mean(0)).sum()


@pytest.mark.parametrize("batch", [3, 1])
def test_mixture_of_experts_trains_as_pytorch(batch: int) -> None:
    def loss(outputs: tuple[torch.Tensor, torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(outputs[0], target) + 0.01 * outputs[1]

    generator = torch.Generator().manual_seed(0)
    x, target = torch.randn(2, batch, 5, 6, generator=generator, dtype=torch.float64)
    model = Experts().double()
    step = pock.compile(
        model, (x,), loss=loss, example_target=target, optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full()
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(4):
        optimizer.zero_grad()
        expected = loss(model(x), target)
        expected.backward()
        optimizer.step()
        assert step(x, target) == pytest.approx(expected.item(), rel=1e-9)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(torch.as_tensor(step.state_dict()[name]), value, rtol=1e-8, atol=1e-10)
