"""Dimensions of size one and zero: numbers against PyTorch, many operators per compiled module."""

from __future__ import annotations

import pockmlir as pock
import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, failures
from torch import nn

NONE, FIRST = torch.zeros(0, dtype=torch.long), torch.tensor([0])
HEADS, EMPTY = (1, 4, 5, 8), (2, 0)
sdpa = F.scaled_dot_product_attention


def _attends(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return layer(x, x, x, need_weights=False)[0]


#: Loops of the compiler that run once, and tensors of which a part is all.
ONES = [
    Case("attention_batch", lambda q, k, v: sdpa(q, k, v, is_causal=True), (HEADS, HEADS, HEADS)),
    Case("attention_head", sdpa, ((1, 1, 5, 3), (1, 1, 5, 3), (1, 1, 5, 3))),
    Case("attention_key", sdpa, (HEADS, (1, 4, 1, 8), (1, 4, 1, 2))),
    Case("attention_query", sdpa, ((1, 4, 1, 8), HEADS, HEADS)),
    Case("attention_entry", sdpa, ((1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1))),
    Case("attention_mask", lambda q, m: sdpa(q, q, q, attn_mask=m), (HEADS, (1, 1, 1, 5))),
    Case("multihead", _attends, (nn.MultiheadAttention(6, 2, batch_first=True), (1, 3, 6))),
    Case("embedding_scalar", lambda w: F.embedding(torch.tensor(2), w), ((4, 3),)),
    Case("embedding_one", lambda w, i: F.embedding(i, w), ((4, 3), FIRST)),
    Case("embedding_table_of_one", lambda w, i: F.embedding(i, w), ((1, 3), torch.tensor([0, 0]))),
    Case("embedding_padding", lambda w, i: F.embedding(i, w, padding_idx=1), ((4, 3), FIRST)),
    Case("gather", lambda x, i: x.gather(1, i), ((1, 3), torch.tensor([[2]]))),
    Case("gather_argmax", lambda x: torch.take_along_dim(x, x.argmax(-2, keepdim=True), -2), ((1, 3, 3),)),
    Case("scatter_add", lambda x, y: x.scatter_add(1, FIRST[None], y), ((1, 4), (1, 1))),
    Case("index_add", lambda x, y: x.index_add(0, FIRST, y), ((1, 3), (1, 3))),
    Case("cumsum", lambda x: (x.cumsum(1), x.cumsum(0)), ((1, 1, 3),)),
    Case("max", lambda x: (*x.max(1), x.min(1)[0]), ((5, 1, 2, 1),)),
    Case("unfold", lambda x: x.unfold(1, 1, 1), ((2, 1),)),
    Case("softmax", lambda x: (x.softmax(1), x.logsumexp(1), x.prod(1)), ((2, 1),)),
    Case("scaled_by_its_entry", lambda x: x * x.flatten()[0], ((1,),)),
    Case("scaled_by_its_row", lambda x: x * x[0], ((1, 4),)),
    Case("winograd", lambda x, w: F.conv2d(x, w, padding=1), ((1, 8, 1, 1), (8, 8, 3, 3))),
    Case("depthwise", lambda x, w: F.conv2d(x, w, groups=4, padding=1), ((1, 4, 1, 1), (4, 1, 3, 3))),
    Case("conv_transpose", lambda x, w: F.conv_transpose1d(x, w), ((1, 1, 1), (1, 1, 3))),
    Case("pool", lambda x: (F.max_pool2d(x, 3, 2, 1), F.adaptive_max_pool2d(x, 2)), ((1, 2, 1, 1),)),
    Case("norm", lambda x, w: F.group_norm(x, 2, w) + F.layer_norm(x, (1,)), ((1, 4, 1), (4,))),
    Case("lstm", lambda m, x: m(x)[0], (nn.LSTM(1, 1, batch_first=True), (1, 1, 1))),
    Case("gru", lambda m, x: m(x)[0], (nn.GRU(2, 3, bidirectional=True, batch_first=True), (1, 1, 2))),
]

#: Parts without entries, whole tensors without, and what is computed from them.
ZEROS = [
    Case("concat", lambda x: torch.cat([x, x[:, :0], x], 1), ((2, 3),)),
    Case("concat_constant", lambda x: torch.cat([x.new_zeros(2, 0), x], 1), ((2, 3),)),
    Case("split", lambda x: x.split([3, 0, 2], 1), ((2, 5),)),
    Case("sums", lambda x: (x.sum(1), x.sum(), x.prod(1), x.logsumexp(1), x.norm()), (EMPTY,)),
    Case("no_result", lambda x: (x.relu() * 2, x.softmax(1), x.cumsum(1), x.t(), x.sum(0)), (EMPTY,)),
    Case("linear", lambda x, w, v, b: F.linear(F.linear(x, w), v, b), ((2, 5), (0, 5), (3, 0), (3,))),
    Case("linear_batch", lambda x, w, b: F.linear(x, w, b), ((0, 5), (3, 5), (3,))),
    Case("matmul", torch.matmul, ((4, 2, 0), (4, 0, 3))),
    Case("conv_batch", lambda x, w, b: F.conv2d(x, w, b), ((0, 2, 4, 4), (3, 2, 3, 3), (3,))),
    Case("pool_batch", lambda x: (F.max_pool2d(x, 2), F.avg_pool2d(x, 2)), ((0, 2, 4, 4),)),
    Case("attention_keys", sdpa, ((1, 2, 3, 4), (1, 2, 0, 4), (1, 2, 0, 4))),
    Case("attention_queries", sdpa, ((1, 2, 0, 4), (1, 2, 3, 4), (1, 2, 3, 4))),
    Case("attention_cache", lambda q, c: sdpa(q, torch.cat([c, q], 2), q), ((1, 2, 3, 4), (1, 2, 0, 4))),
    Case("embedding", lambda w, i: F.embedding(i, w).sum(0) + w[0], ((4, 3), NONE)),
    Case("index_add", lambda x, y: x.index_add(0, NONE, y), ((2, 3), (0, 3))),
    Case("index_fill", lambda x: x.index_fill(1, NONE, 0.0), ((2, 3),)),
    Case("pad", lambda x: F.pad(x, (1, 2), value=3.0), (EMPTY,)),
    Case("moved", lambda x: (x.flip(1), x.roll(1, 1), x.prod(0)), (EMPTY,)),
    Case("differences", lambda x: (x.diff(dim=1), x[:, :0].sum(1), x[2:]), ((2, 1),)),
    Case("pad_of_everything", lambda x: (F.pad(x, (-3, 2), value=1.0), F.pad(x, (0, 0, 2, -2))), ((2, 3),)),
    Case("pad_of_one", lambda x: F.pad(x * 2.0, (2, -1), value=1.0), ((2, 1),)),
    Case("assign_nothing", lambda x: x.slice_scatter(x[:, :0], 1, 1, 1), ((2, 3),)),
    Case("losses", lambda x: F.mse_loss(x, x * 2, reduction="sum"), (EMPTY,)),
    Case("cross_entropy", lambda x: F.cross_entropy(x, NONE, reduction="sum"), ((0, 3),)),
    Case("parameter", lambda x, p: x + p.sum(), ((2, 3), (0, 4))),
]


@pytest.mark.parametrize("cases", [ONES, ZEROS], ids=["ones", "zeros"])
def test_sizes(cases: list[Case]) -> None:
    assert failures(cases) == {}


class Buffers(nn.Module):
    """Assigns buffers to each other and to themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)
        for i, name in enumerate(("same", "left", "right", "last", "before")):
            self.register_buffer(name, torch.arange(3.0) + 10 * i)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Exchange two buffers and remember the last two means."""
        result = self.layer(x * self.same) + self.left
        self.same.copy_(self.same)
        left = self.left.clone()
        self.left.copy_(self.right)
        self.right.copy_(left)
        self.before.copy_(self.last)
        self.last.copy_(x.mean(0))
        return result


def test_buffers_that_are_assigned_to_each_other() -> None:
    model = Buffers()
    x, target = torch.randn(2, 3), torch.zeros(2, 3)
    step = pock.compile(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for i in range(3):
        loss = F.mse_loss(model(x * i), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert step(x * i, target) == pytest.approx(loss.item(), rel=1e-5)
    state = step.state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(torch.as_tensor(state[name]), value, rtol=1e-5, atol=1e-5)


def test_a_parameter_of_which_no_entry_is_used_decays() -> None:
    """Its gradient is zero, not absent."""

    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.cut = nn.Linear(2, 2), nn.Parameter(torch.ones(2, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x) + F.pad(self.cut, (2, -1), value=1.0)

    optimizer = pock.SGD(lr=0.5, weight_decay=0.5)
    step = pock.compile(Cut(), (torch.ones(2, 2),), loss="mse", optimizer=optimizer, scheme=pock.Scheme.full())
    step(torch.ones(2, 2), torch.zeros(2, 2))
    assert torch.as_tensor(step.state_dict()["cut"]).tolist() == [[0.75], [0.75]]
