"""Losses and reductions at infinities, NaN, zeros, saturation and ignored labels, against PyTorch in float64."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, Fixed, failures

INF, NAN = math.inf, math.nan
Points = list[Any]


def at(name: str, function: Callable[..., Any], *points: Points) -> Case:
    """Return a case at points that may be infinite: what trains is finite, a shift by zero."""

    def shifted(*operands: torch.Tensor) -> Any:
        half = len(points)
        return function(*(shift + point for shift, point in zip(operands[:half], operands[half:], strict=True)))

    values = [torch.tensor(p, dtype=torch.float64) for p in points]
    return Case(name, shifted, (*(torch.zeros_like(v) for v in values), *map(Fixed, values)))


ROWS = [[-INF, -INF, -INF], [INF, 0.0, 1.0], [-INF, 1.0, -INF], [NAN, 1.0, 2.0], [INF, -INF, INF], [1e30, -1e30, 0.0]]
REDUCTIONS = [
    at("logsumexp", lambda x: torch.logsumexp(x, -1), [*ROWS, [INF, 1e38, 1000.0], [INF, -1e38, 3e38]]),
    at("logsumexp_dims", lambda x: torch.logsumexp(x, (0, 1), keepdim=True), ROWS[:1]),
    at("logsumexp_all", lambda x: torch.logsumexp(x, (0, 1)), ROWS[2:3]),
    at("logcumsumexp", lambda x: torch.logcumsumexp(x, -1), [[1.0, -INF, 2.0], [0.5, 0.0, -INF]]),
    at("log_softmax", lambda x: torch.log_softmax(x, -1), ROWS),
    at("softmax", lambda x: torch.softmax(x, -1), ROWS),
    at("sum", lambda x: x.sum(-1), ROWS),
    at("mean", lambda x: x.mean(-1), ROWS),
    at("amax", lambda x: x.amax(-1), ROWS),
    at("amin", lambda x: x.amin(-1), ROWS),
    at("max_dim", lambda x: x.max(-1), ROWS),
    at("min_dim", lambda x: x.min(-1), ROWS),
    at("argmax", lambda x: (x.argmax(-1), x.argmin(-1), x.sum()), ROWS),
    at("max_all", lambda x: (x.max(), x.min()), ROWS[:3]),
    at("prod", lambda x: x.prod(-1), [[0.0, 2.0, 3.0], [0.0, 0.0, 1.0], [INF, 2.0, 1.0], [INF, 0.0, 1.0]]),
    at("one", lambda x: (x.sum(0), x.mean(0), x.amax(0), x.logsumexp(0), x.prod(0)), [[2.0]]),
    at("any", lambda x: (x.any(-1), x.all(-1), x.sum()), ROWS),
]

LABELS = torch.tensor([0, 1, 3, 0])
NONE_LEFT = torch.zeros(4, dtype=torch.int64)
WEIGHT = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
#: Class 0 is never predicted.
LOG_PROBABILITIES = [
    [-INF, -1.0, -2.0, -3.0],
    [NAN, -1.0, -2.0, -3.0],
    [-INF, -INF, -1.0, -2.0],
    [-INF, INF, NAN, -3.0],
]
LOGITS = [[1.0, -1.0, 2.0, 0.5], [-INF, 3.0, 1.0, 2.0], [1e4, -1e4, 0.0, 1.0], [-INF, 1.0, 2.0, 3.0]]


def labelled(name: str, loss: Callable[..., Any], points: Points, labels: torch.Tensor, **options: Any) -> list[Case]:
    """Return a loss of class indices with every reduction."""
    return [
        at(f"{name}_{r}", lambda x, r=r: loss(x, labels, reduction=r, **options), points)
        for r in ("none", "mean", "sum")
    ]


def on_pixels(loss: Callable[..., Any], x: torch.Tensor, labels: torch.Tensor, **options: Any) -> torch.Tensor:
    """Return a loss on pixels that are all the same."""
    return loss(x.unsqueeze(-1).expand(-1, -1, 2), labels.unsqueeze(-1).expand(-1, 2), **options)


CLASSES = [
    *labelled("nll", F.nll_loss, LOG_PROBABILITIES, LABELS, ignore_index=0),
    *labelled("nll_none_left", F.nll_loss, LOG_PROBABILITIES, NONE_LEFT, ignore_index=0),
    *labelled("nll_weight", F.nll_loss, LOG_PROBABILITIES, LABELS, ignore_index=0, weight=WEIGHT),
    *labelled("nll_zero_weight", F.nll_loss, LOG_PROBABILITIES, LABELS, weight=WEIGHT),
    *labelled("nll_all_zero_weight", F.nll_loss, LOGITS, NONE_LEFT, weight=WEIGHT),
    *labelled("nll_weight_none_left", F.nll_loss, LOGITS, NONE_LEFT, ignore_index=0, weight=WEIGHT),
    *labelled("nll_pixels", functools.partial(on_pixels, F.nll_loss), LOG_PROBABILITIES, LABELS, ignore_index=0),
    *labelled("entropy", F.cross_entropy, LOGITS, LABELS, ignore_index=0),
    *labelled("entropy_default", F.cross_entropy, LOGITS, torch.tensor([1, -100, 3, -100])),
    *labelled("entropy_none_left", F.cross_entropy, LOGITS, NONE_LEFT, ignore_index=0),
    *labelled("entropy_far_index", F.cross_entropy, LOGITS, LABELS, ignore_index=2**63 - 1),
    *labelled("entropy_dead", F.cross_entropy, ROWS, torch.tensor([0, 1, 1, 0, 2, 1]), ignore_index=0),
    *labelled("entropy_weight", F.cross_entropy, LOGITS, LABELS, ignore_index=0, weight=WEIGHT),
    *labelled("entropy_weight_none_left", F.cross_entropy, LOGITS, NONE_LEFT, ignore_index=0, weight=WEIGHT),
    *labelled("entropy_smooth", F.cross_entropy, LOGITS, LABELS, ignore_index=0, label_smoothing=0.1),
    *labelled("entropy_smooth_none_left", F.cross_entropy, LOGITS, NONE_LEFT, ignore_index=0, label_smoothing=0.1),
    *labelled(
        "entropy_smooth_weight", F.cross_entropy, LOGITS, LABELS, ignore_index=0, label_smoothing=0.1, weight=WEIGHT
    ),
    *labelled(
        "entropy_smooth_weight_none_left", F.cross_entropy, LOGITS, NONE_LEFT, ignore_index=0, label_smoothing=0.1,
        weight=WEIGHT,
    ),
    *labelled("entropy_pixels", functools.partial(on_pixels, F.cross_entropy), LOGITS, NONE_LEFT, ignore_index=0),
    *labelled("multi_margin", F.multi_margin_loss, [[0.0, 0.0, 0.0], [INF, 0.0, 1.0], [-INF, 2.0, 1.0]], LABELS[:3] % 3),
    at("entropy_one", lambda x: F.cross_entropy(x, torch.tensor(0), ignore_index=0), [1.0, 2.0]),
    at("nll_one", lambda x: F.nll_loss(x, torch.tensor(0), ignore_index=0), [-INF, 2.0]),
]  # fmt: skip

SOFT = [[0.0, 0.5, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.25, 0.25, 0.25, 0.25]]
PROBABILITIES = [0.0, 1.0, 0.0, 1.0, 0.0, 0.5, 1e-14, 1e-30, 1.0, 1 - 1e-13]
TARGETS = [0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 1.0, 1.0, 0.9, 0.0]
SIGNED = [INF, -INF, INF, -INF, 1e4, -1e4, NAN, -0.0, 0.0, 40.0]
EDGES = [INF, -INF, NAN, 0.0, -0.0, 1.0, -1.0, 1e300, -1e300, 2.0]
SIGNS = torch.tensor([1.0, -1.0] * 5, dtype=torch.float64)


def paired(name: str, loss: Callable[..., Any], x: Points, target: Points, **options: Any) -> list[Case]:
    """Return a loss of two tensors: of both trained, and reduced of one."""
    t = torch.tensor(target, dtype=torch.float64)
    return [
        at(f"{name}_both", lambda x, t: loss(x, t, reduction="none", **options), x, target),
        at(f"{name}_mean", lambda x: loss(x, t, reduction="mean", **options), x),
        at(f"{name}_sum", lambda x: loss(x, t, reduction="sum", **options), x),
    ]


PAIRS = [
    *paired("soft_entropy", F.cross_entropy, LOGITS, SOFT),
    *paired("soft_entropy_smooth", F.cross_entropy, LOGITS, SOFT, label_smoothing=0.1),
    *paired("soft_entropy_weight", F.cross_entropy, LOGITS, SOFT, weight=WEIGHT),
    *paired("bce", F.binary_cross_entropy, PROBABILITIES, TARGETS),
    *paired("bce_weight", F.binary_cross_entropy, PROBABILITIES, TARGETS, weight=torch.arange(10.0).double()),
    at("bce_sigmoid", lambda x: F.binary_cross_entropy(x.sigmoid(), SIGNS * 0.5 + 0.5), [-60.0, -50, -30, 0, 30] * 2),
    *paired("bce_logits", F.binary_cross_entropy_with_logits, SIGNED, TARGETS),
    *paired("bce_logits_pos", F.binary_cross_entropy_with_logits, SIGNED, TARGETS, pos_weight=WEIGHT[3]),
    *paired("bce_logits_weight", F.binary_cross_entropy_with_logits, SIGNED, TARGETS, weight=WEIGHT[2]),
    *paired("l1", F.l1_loss, EDGES, TARGETS),
    *paired("mse", F.mse_loss, EDGES, TARGETS),
    *paired("smooth_l1", F.smooth_l1_loss, EDGES, TARGETS),
    *paired("smooth_l1_wide", F.smooth_l1_loss, EDGES, TARGETS, beta=2.0),
    *paired("smooth_l1_zero", F.smooth_l1_loss, EDGES, TARGETS, beta=0.0),
    *paired("huber", F.huber_loss, EDGES, TARGETS),
    *paired("huber_narrow", F.huber_loss, EDGES, TARGETS, delta=0.25),
    *paired("kl", F.kl_div, [-INF, -1.0, -2.0, 0.0], [1.0, 2.0, 0.5, -1.0]),
    at("kl_zero", lambda x: F.kl_div(x, torch.tensor([0.0, 1.0, 0.0]).double(), reduction="none"), [-INF, -INF, -1.0]),
    *paired("kl_log", F.kl_div, [-INF, -INF, -1.0, -2.0, -1.0], [-INF, 0.0, -INF, -1.0, 0.0], log_target=True),
    *paired("poisson", F.poisson_nll_loss, EDGES, TARGETS),
    *paired("poisson_full", F.poisson_nll_loss, [0.0, 1.0, 2.0, 1e-9], [0.0, 1.0, 2.0, 3.0], log_input=False, full=True),
    at("soft_margin", lambda x: F.soft_margin_loss(x, SIGNS, reduction="none"), [*EDGES[3:7], 600.0, -600.0, 30.0, -30.0, 1.0, 2.0]),
    at("hinge", lambda x: F.hinge_embedding_loss(x, SIGNS, reduction="none"), EDGES),
    at("ranking", lambda x, y: F.margin_ranking_loss(x, y, SIGNS, 0.5, reduction="none"), EDGES, TARGETS),
    at("multilabel", lambda x: F.multilabel_soft_margin_loss(x, WEIGHT[:2].repeat(5, 1), reduction="none"), [[0.0, 0.0], [INF, 0.0], [-INF, 1.0], [1e4, -1e4], [-0.0, 2.0]]),
    at("cosine", lambda x, y: F.cosine_embedding_loss(x, y, SIGNS[:3], reduction="none"), [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
    at("triplet", lambda x, y: F.triplet_margin_loss(x, y, 2 * y, reduction="none"), [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]),
    at("gaussian", lambda x, y, v: F.gaussian_nll_loss(x, y, v, reduction="none"), [0.0, INF, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1e-9, 1e-9]),
]  # fmt: skip


@pytest.mark.parametrize("cases", [REDUCTIONS, CLASSES, PAIRS], ids=["reductions", "classes", "pairs"])
def test_special_losses(cases: list[Case]) -> None:
    """A loss is NaN, infinite or zero where PyTorch's is, and so is its gradient."""
    assert failures(cases) == {}
