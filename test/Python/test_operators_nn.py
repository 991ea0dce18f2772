"""Products, normalisation, attention, pooling, losses and recurrent layers: numbers against PyTorch."""

from __future__ import annotations

from typing import Any

import pockmlir as pock
import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, Fixed, failures
from torch import nn
from torch.nn.utils import parametrizations

M, X1, X2 = (3, 4), (2, 4, 9), (2, 4, 6, 6)
QKV = ((2, 2, 5, 4),) * 3
LABELS = torch.tensor([1, 0, 3])

PRODUCTS = [
    Case("matmul_broadcast", torch.matmul, ((2, 1, 3, 4), (5, 4, 2))),
    Case("matmul_vector_left", torch.matmul, ((4,), (2, 4, 5))),
    Case("matmul_vector_right", torch.matmul, ((2, 3, 4), (4,))),
    Case("addmm", lambda a, x, y: torch.addmm(a, x, y, beta=0.5, alpha=2.0), ((5,), (3, 4), (4, 5))),
    Case("addmv", torch.addmv, ((3,), (3, 4), (4,))),
    Case("addr", torch.addr, (M, (3,), (4,))),
    Case("baddbmm", lambda a, x, y: torch.baddbmm(a, x, y, beta=0.5), ((2, 3, 5), (2, 3, 4), (2, 4, 5))),
    Case("addbmm", torch.addbmm, ((3, 5), (2, 3, 4), (2, 4, 5))),
    Case("inner", torch.inner, (M, (5, 4))),
    Case("outer", torch.outer, ((3,), (4,))),
    Case("kron", torch.kron, ((2, 2), (2, 3))),
    Case("tensordot", lambda x, y: torch.tensordot(x, y, ([1, 2], [0, 1])), ((2, 3, 4), (3, 4, 5))),
    Case("chain", lambda x, y, z: torch.linalg.multi_dot([x, y, z]), ((2, 3), (3, 4), (4, 2))),
    Case("matrix_power", lambda x: torch.matrix_power(x, 3), ((3, 3),)),
    Case("einsum_attention", lambda q, k: torch.einsum("bhqd,bhkd->bhqk", q, k), ((2, 2, 3, 4), (2, 2, 5, 4))),
    Case("einsum_trace", lambda x: torch.einsum("bii->bi", x), ((2, 3, 3),)),
    Case("einsum_outer", lambda x, y: torch.einsum("i,j->ij", x, y), ((3,), (4,))),
    Case("einsum_three", lambda x, y, z: torch.einsum("bi,ij,bj->b", x, y, z), ((2, 3), (3, 4), (2, 4))),
    Case("bilinear", F.bilinear, ((2, 3), (2, 4), (5, 3, 4), (5,))),
    Case("cross", torch.linalg.cross, ((2, 3), (2, 3))),
    Case("vecdot", torch.linalg.vecdot, (M, M)),
    Case("linear_no_bias", F.linear, ((2, 3, 4), (5, 4))),
    Case("conv1d", lambda x, w, b: F.conv1d(x, w, b, 2, 1, 1, 2), (X1, (6, 2, 3), (6,))),
    Case("conv_tbc", torch.conv_tbc, ((5, 2, 3), (3, 3, 4), (4,))),
    Case("weight_norm", lambda v, g: torch._weight_norm(v, g, 0), ((4, 3), (4, 1))),
]  # fmt: skip

NORMS = [
    Case("layer_norm", lambda x, w, b: F.layer_norm(x, (6,), w, b), (X2, (6,), (6,))),
    Case("layer_norm_two_dims", lambda x, w, b: F.layer_norm(x, (6, 6), w, b), (X2, (6, 6), (6, 6))),
    Case("layer_norm_plain", lambda x: F.layer_norm(x, (9,), eps=0.1), (X1,)),
    Case("group_norm", lambda x, w, b: F.group_norm(x, 2, w, b), (X2, (4,), (4,))),
    Case("group_norm_1d", lambda x: F.group_norm(x, 4), (X1,)),
    Case("group_norm_flat", lambda x, w: F.group_norm(x, 2, w), ((3, 4), (4,))),
    Case("instance_norm", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), (X2, (4,), (4,))),
    Case("instance_norm_1d", lambda x: F.instance_norm(x), (X1,)),
    Case("rms_norm", lambda x, w: F.rms_norm(x, (9,), w), (X1, (9,))),
    Case("rms_norm_eps", lambda x: F.rms_norm(x, (9,), eps=0.1), (X1,)),
    Case("rms_norm_by_hand", lambda x, w: w * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)), (X1, (9,))),
    Case("layer_norm_channels_first", lambda x, w: _channels_first(x) * w[:, None, None], (X2, (4,))),
    Case("global_response_norm", lambda x: _response_norm(x), (X2,)),
    Case("local_response_norm", lambda x: F.local_response_norm(x, 3), (X2,)),
    Case("batch_norm_plain", lambda x: F.batch_norm(x, None, None, training=True), (X1,), 1e-7),
    Case("weight_standardized", lambda x, w: F.conv2d(x, (w - w.mean((1, 2, 3), True)) / w.std((1, 2, 3), keepdim=True)),
         (X2, (3, 4, 3, 3)), 1e-8),
]  # fmt: skip


def _channels_first(x: torch.Tensor) -> torch.Tensor:
    centered = x - x.mean(1, keepdim=True)
    return centered / torch.sqrt(centered.pow(2).mean(1, keepdim=True) + 1e-6)


def _response_norm(x: torch.Tensor) -> torch.Tensor:
    size = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True)
    return x * (size / (size.mean(1, keepdim=True) + 1e-6))


sdpa = F.scaled_dot_product_attention
ATTENTION = [
    Case("plain", sdpa, QKV),
    Case("causal", lambda q, k, v: sdpa(q, k, v, is_causal=True), QKV),
    Case("scaled", lambda q, k, v: sdpa(q, k, v, scale=0.3), QKV),
    Case("cross", lambda q, k, v: sdpa(q, k, v), ((2, 3, 4), (2, 5, 4), (2, 5, 6))),
    Case("causal_wide", lambda q, k, v: sdpa(q, k, v, is_causal=True), ((2, 3, 4), (2, 5, 4), (2, 5, 4))),
    Case("masked", lambda q, k, v: sdpa(q, k, v, torch.ones(5, 5).tril().bool()), QKV),
    Case("masked_at_run_time", lambda q, k, v, m: sdpa(q, k, v, m), (*QKV, torch.rand(2, 1, 5, 5) > 0.4)),
    Case("bias", lambda q, k, v, m: sdpa(q, k, v, m), (*QKV, (5, 5))),
    Case("bias_fixed", lambda q, k, v, m: sdpa(q, k, v, m), (*QKV, Fixed((2, 2, 5, 5)))),
    Case("mask_of_numbers", lambda q, k, v: sdpa(q, k, v, torch.zeros(5, 5, dtype=q.dtype).masked_fill(
        torch.ones(5, 5).triu(1).bool(), float("-inf"))), QKV),
    Case("grouped", lambda q, k, v: sdpa(q, k, v, enable_gqa=True), ((2, 4, 5, 4), (2, 2, 5, 4), (2, 2, 5, 4))),
    Case("one_head", sdpa, ((5, 4), (6, 4), (6, 3))),
    Case("broadcast_batch", sdpa, ((2, 2, 5, 4), (1, 2, 5, 4), (1, 2, 5, 4))),
    Case("by_hand", lambda q, k, v: torch.softmax(q @ k.mT / 2.0, -1) @ v, QKV),
    Case("multihead", lambda m, x: m(x, x, x)[0], (nn.MultiheadAttention(4, 2, batch_first=True), (2, 5, 4))),
    Case("multihead_weights", lambda m, x: list(m(x, x, x, need_weights=True)),
         (nn.MultiheadAttention(4, 2), (5, 2, 4))),
    Case("multihead_padding", lambda m, x: m(x, x, x, key_padding_mask=torch.tensor([[False] * 5, [False, False, True, True, True]]),
         need_weights=False)[0], (nn.MultiheadAttention(4, 2, batch_first=True), (2, 5, 4))),
    Case("encoder_layer", lambda m, x: m(x), (nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), (2, 5, 4))),
    Case("decoder_layer", lambda m, x, y: m(x, y, tgt_is_causal=True, tgt_mask=nn.Transformer.generate_square_subsequent_mask(5)),
         (nn.TransformerDecoderLayer(4, 2, 8, 0.0, batch_first=True), (2, 5, 4), (2, 3, 4)), 1e-6),
]  # fmt: skip

POOLING = [
    Case("max_pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), (X1,)),
    Case("max_pool_ceil", lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), (X2,)),
    Case("adaptive_max", lambda x: F.adaptive_max_pool2d(x, (2, 3)), (X2,)),
    Case("adaptive_max_uneven", lambda x: F.adaptive_max_pool2d(x, (4, 5)), (X2,)),
    Case("adaptive_max_1d_uneven", lambda x: F.adaptive_max_pool1d(x, 4), (X1,)),
    Case("adaptive_avg", lambda x: F.adaptive_avg_pool2d(x, (4, 5)), (X2,)),
    Case("adaptive_avg_none", lambda x: F.adaptive_avg_pool2d(x, (None, 1)), (X2,)),
    Case("avg_pool1d", lambda x: F.avg_pool1d(x, 3, 2, 1, True, False), (X1,)),
    Case("lp_pool", lambda x: F.lp_pool2d(x.abs() + 0.1, 2, 2), (X2,)),
    Case("lp_pool1d", lambda x: F.lp_pool1d(x.abs() + 0.1, 3, 3), (X1,)),
    Case("global_max", lambda x: x.amax((2, 3)), (X2,)),
    Case("max_pool_indices_unused", lambda x: F.max_pool2d(x, 2, return_indices=True)[0], (X2,)),
]

LOSSES = [
    Case("nll", lambda x, t: F.nll_loss(x, t), (M, LABELS)),
    Case("nll_weights", lambda x, t, w: F.nll_loss(x, t, w, ignore_index=0), (M, LABELS, Fixed([1.0, 2.0, 0.5, 3.0]))),
    Case("nll_sum", lambda x, t: F.nll_loss(x, t, reduction="sum"), ((2, 4, 3), torch.ones(2, 3, dtype=torch.int64))),
    Case("cross_entropy_smoothing", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1, ignore_index=0), (M, LABELS)),
    Case("cross_entropy_probabilities", lambda x, t: F.cross_entropy(x, t.softmax(1)), (M, Fixed(M))),
    Case("cross_entropy_probabilities_all", lambda x, t, w: F.cross_entropy(x, t.softmax(1), w, reduction="sum", label_smoothing=0.2),
         (M, Fixed(M), Fixed([1.0, 2.0, 0.5, 3.0]))),
    Case("cross_entropy_probabilities_image", lambda x, t: F.cross_entropy(x, t.softmax(1), reduction="none"),
         ((2, 3, 4), Fixed((2, 3, 4)))),
    Case("kl_div", lambda x, t: F.kl_div(x.log_softmax(1), t.softmax(1), reduction="batchmean"), (M, M)),
    Case("kl_div_log", lambda x, t: F.kl_div(x.log_softmax(1), t.log_softmax(1), log_target=True), (M, M)),
    Case("smooth_l1", lambda x, t: F.smooth_l1_loss(x, t, beta=0.5), (M, M)),
    Case("huber", lambda x, t: F.huber_loss(x, t, delta=0.5, reduction="none"), (M, M)),
    Case("mse_broadcast", lambda x, t: F.mse_loss(x, t[:, None].expand(3, 4)), (M, (3,))),
    Case("mse_weighted", lambda x, t: F.mse_loss(x, t, weight=torch.arange(12.0).view(3, 4).double()), (M, M)),
    Case("bce", lambda x, t: F.binary_cross_entropy(x.sigmoid(), t), (M, Fixed([[0.0, 1.0, 0.3, 1.0]] * 3))),
    Case("bce_weights", lambda x, t, w: F.binary_cross_entropy(x.sigmoid(), t, w, reduction="sum"),
         (M, Fixed([[0.0, 1.0, 0.3, 1.0]] * 3), Fixed([1.0, 2.0, 0.5, 3.0]))),
    Case("bce_ends", lambda x, t: F.binary_cross_entropy(x, t, reduction="none"), (Fixed([0.0, 1.0, 0.5]), Fixed([0.0, 0.0, 1.0]))),
    Case("bce_with_logits", lambda x, t: F.binary_cross_entropy_with_logits(x, t), (M, Fixed([[0.0, 1.0, 0.3, 1.0]] * 3))),
    Case("gaussian_nll", lambda x, t, v: F.gaussian_nll_loss(x, t, v.exp(), full=True), (M, M, M)),
    Case("gaussian_nll_small_variance", lambda x, t, v: nn.GaussianNLLLoss(eps=0.5, reduction="sum")(x, t, v.exp()),
         (M, M, (3,))),
    Case("poisson_nll", lambda x, t: F.poisson_nll_loss(x, t.exp()), (M, Fixed(M))),
    Case("multi_margin", lambda x, t: F.multi_margin_loss(x, t), (M, LABELS)),
    Case("multi_margin_weights", lambda x, t, w: F.multi_margin_loss(x, t, 2, 0.5, w), (M, LABELS, Fixed([1.0, 2.0, 0.5, 3.0]))),
    Case("multilabel_soft_margin", lambda x, t: F.multilabel_soft_margin_loss(x, t), (M, Fixed([[0.0, 1.0, 0.0, 1.0]] * 3))),
    Case("hinge_embedding", lambda x, t: F.hinge_embedding_loss(x, t), (M, Fixed([[1.0, -1.0, 1.0, -1.0]] * 3))),
    Case("soft_margin", lambda x, t: F.soft_margin_loss(x, t), (M, Fixed([[1.0, -1.0, 1.0, -1.0]] * 3))),
    Case("margin_ranking", lambda x, y, t: F.margin_ranking_loss(x, y, t, 0.1), ((3,), (3,), Fixed([1.0, -1.0, 1.0]))),
    Case("cosine_embedding", lambda x, y, t: F.cosine_embedding_loss(x, y, t), (M, M, torch.tensor([1, -1, 1]))),
    Case("triplet", F.triplet_margin_loss, (M, M, M)),
    Case("triplet_swap", lambda a, p, n: F.triplet_margin_loss(a, p, n, swap=True), (M, M, M)),
    Case("triplet_distance", lambda a, p, n: F.triplet_margin_with_distance_loss(a, p, n), (M, M, M)),
    Case("l1", F.l1_loss, (M, M)),
    Case("log_cosh", lambda x, t: torch.log(torch.cosh(x - t)).mean(), (M, M)),
    Case("dice", lambda x, t: 1 - (2 * (x.sigmoid() * t).sum() + 1) / (x.sigmoid().sum() + t.sum() + 1), (M, Fixed(M))),
    Case("focal", lambda x, t: _focal(x, t), (M, Fixed([[0.0, 1.0, 0.0, 1.0]] * 3))),
    Case("contrastive", lambda x, y: F.cross_entropy(F.normalize(x) @ F.normalize(y).T / 0.1, torch.arange(3)), (M, M)),
]  # fmt: skip


def _focal(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    loss = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    return (loss * (1 - torch.exp(-loss)) ** 2).mean()


def _first(module: nn.Module, *args: Any) -> torch.Tensor:
    return module(*args)[0]


def _all(module: nn.Module, *args: Any) -> list[torch.Tensor]:
    output, state = module(*args)
    return [output, *(state if isinstance(state, tuple) else [state])]


SEQUENCE = (5, 2, 3)
RECURRENT = [
    Case("lstm", _all, (nn.LSTM(3, 4), SEQUENCE)),
    Case("lstm_batch_first", _first, (nn.LSTM(3, 4, batch_first=True), (2, 5, 3))),
    Case("lstm_layers", _all, (nn.LSTM(3, 4, 2), SEQUENCE)),
    Case("lstm_bidirectional", _all, (nn.LSTM(3, 4, 2, bidirectional=True), SEQUENCE)),
    Case("lstm_no_bias", _first, (nn.LSTM(3, 4, bias=False), SEQUENCE)),
    Case("lstm_projected", _all, (nn.LSTM(3, 4, proj_size=2), SEQUENCE)),
    Case("lstm_state", lambda m, x, h, c: _all(m, x, (h, c)), (nn.LSTM(3, 4), SEQUENCE, (1, 2, 4), (1, 2, 4))),
    Case("lstm_unbatched", _first, (nn.LSTM(3, 4), (5, 3))),
    Case("gru", _all, (nn.GRU(3, 4), SEQUENCE)),
    Case("gru_bidirectional", _all, (nn.GRU(3, 4, 2, bidirectional=True, batch_first=True), (2, 5, 3))),
    Case("gru_no_bias", _first, (nn.GRU(3, 4, bias=False), SEQUENCE)),
    Case("rnn_tanh", _all, (nn.RNN(3, 4, 2), SEQUENCE)),
    Case("rnn_relu", _all, (nn.RNN(3, 4, nonlinearity="relu", bidirectional=True), SEQUENCE)),
    Case("lstm_cell", lambda m, x: list(m(x)), (nn.LSTMCell(3, 4), (2, 3))),
    Case("gru_cell", lambda m, x: m(m(x)[:, :3]), (nn.GRUCell(3, 4), (2, 3))),
    Case("rnn_cell", lambda m, x: m(x), (nn.RNNCell(3, 4), (2, 3))),
]


def test_spectral_norm_iterates_its_vectors() -> None:
    """In training the buffers change, under no_grad and through ``out=``."""
    torch.manual_seed(0)
    model = parametrizations.spectral_norm(nn.Linear(4, 3)).double()
    x, y = torch.randn(5, 4).double(), torch.randn(5, 3).double()
    step = pock.compile(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        assert step(x, y) == pytest.approx(loss.item(), rel=1e-9)
        loss.backward()
        optimizer.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(torch.as_tensor(step.state_dict()[name]), value, rtol=1e-9, atol=1e-12)


GROUPS = {
    "products": PRODUCTS, "norms": NORMS, "attention": ATTENTION, "pooling": POOLING, "losses": LOSSES,
    "recurrent": RECURRENT,
}  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_equals_pytorch(group: str) -> None:
    assert failures(GROUPS[group]) == {}
