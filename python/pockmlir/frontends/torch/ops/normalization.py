"""Batch normalisation in both modes; layer, group, instance and RMS normalisation."""

from __future__ import annotations

import math

import torch

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Missing, Value, dtype_of, rank_of, shape_of
from ..registry import Unsupported, converts

_SAVED = Missing("statistics that a normalisation saves for its gradient")


def _inference(
    b: Builder, x: Value, weight: Value | None, bias: Value | None, mean: Value, variance: Value, eps: float
) -> Value:
    b.norm_modes[b.module] = "inference"
    return b.emit(pock.BatchNormOp, [x.type], x, mean, variance, weight=weight, bias=bias, axis=1, eps=eps)[0]


def _training(b: Builder, x: Value, weight: Value | None, bias: Value | None, eps: float) -> list[Value]:
    """Return the result, and the batch's mean and biased variance."""
    b.norm_modes[b.module] = "training"
    channels = b.type([shape_of(x)[1]], dtype_of(x))
    types = [x.type, channels, channels]
    return b.emit(pock.BatchNormTrainOp, types, x, weight=weight, bias=bias, axis=1, eps=eps)


@converts("aten._native_batch_norm_legit_no_training")
def batch_norm_inference(
    b: Builder, x: Value, weight: Value | None, bias: Value | None, mean: Value, variance: Value, momentum: float,
    eps: float,
) -> list[Value | Missing]:  # fmt: skip
    return [_inference(b, x, weight, bias, mean, variance, eps), _SAVED, _SAVED]


@converts("aten._native_batch_norm_legit.no_stats")
def batch_norm_without_statistics(
    b: Builder, x: Value, weight: Value | None, bias: Value | None, training: bool, momentum: float, eps: float
) -> list[Value | Missing]:
    y, _, _ = _training(b, x, weight, bias, eps)
    return [y, _SAVED, _SAVED]


@converts("aten._native_batch_norm_legit_functional")
def batch_norm(
    b: Builder, x: Value, weight: Value | None, bias: Value | None, running_mean: Value, running_variance: Value,
    training: bool, momentum: float, eps: float,
) -> list[Value | Missing]:  # fmt: skip
    if not training:
        y = _inference(b, x, weight, bias, running_mean, running_variance, eps)
        return [y, _SAVED, _SAVED, running_mean, running_variance]
    y, mean, variance = _training(b, x, weight, bias, eps)
    count = math.prod(shape_of(x)) // shape_of(x)[1]
    unbiased = b.mul(variance, count / (count - 1))
    updated = [
        b.add(b.mul(running, 1 - momentum), b.mul(batch, momentum))
        for running, batch in ((running_mean, mean), (running_variance, unbiased))
    ]
    return [y, _SAVED, _SAVED, *updated]


def _normalize(b: Builder, x: Value, dims: list[int], eps: float, centered: bool = True) -> Value:
    """Return (x - mean) / sqrt(biased variance + eps) over dimensions; the mean is zero unless `centered`."""
    kept = b.type([1 if i in dims else size for i, size in enumerate(shape_of(x))], dtype_of(x))
    return b.emit(pock.NormalizeOp, [x.type, kept], x, dims=dims, eps=float(eps), centered=centered)[0]


def _affine(b: Builder, x: Value, weight: Value | None, bias: Value | None) -> Value:
    if weight is not None:
        x = b.mul(x, weight)
    return x if bias is None else b.add(x, bias)


def _trailing(x: Value, count: int) -> list[int]:
    return list(range(rank_of(x) - count, rank_of(x)))


@converts("aten.layer_norm")
def layer_norm(
    b: Builder, x: Value, shape: list[int], weight: Value | None, bias: Value | None, eps: float, enable_cudnn: bool
) -> Value:
    return _affine(b, _normalize(b, x, _trailing(x, len(shape)), eps), weight, bias)


@converts("aten.native_layer_norm")
def native_layer_norm(
    b: Builder, x: Value, shape: list[int], weight: Value | None, bias: Value | None, eps: float
) -> list[Value | Missing]:
    return [layer_norm(b, x, shape, weight, bias, eps, False), _SAVED, _SAVED]


@converts("aten.rms_norm")
def rms_norm(b: Builder, x: Value, shape: list[int], weight: Value | None, eps: float | None) -> Value:
    if eps is None:
        eps = torch.finfo(torch.float64 if dtype_of(x) == "f64" else torch.float32).eps
    return _affine(b, _normalize(b, x, _trailing(x, len(shape)), eps, centered=False), weight, None)


def _grouped(b: Builder, x: Value, groups: int, weight: Value | None, bias: Value | None, eps: float) -> Value:
    batch, channels, *spatial = shape_of(x)
    split = b.reshape(x, (batch, groups, channels // groups, *spatial))
    y = b.reshape(_normalize(b, split, list(range(2, len(spatial) + 3)), eps), shape_of(x))
    per_channel = (channels, *([1] * len(spatial)))
    weight = None if weight is None else b.reshape(weight, per_channel)
    return _affine(b, y, weight, None if bias is None else b.reshape(bias, per_channel))


@converts("aten.group_norm")
def group_norm(
    b: Builder, x: Value, groups: int, weight: Value | None, bias: Value | None, eps: float, cudnn_enabled: bool
) -> Value:
    return _grouped(b, x, groups, weight, bias, eps)


@converts("aten.native_group_norm")
def native_group_norm(
    b: Builder,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    n: int,
    c: int,
    spatial: int,
    groups: int,
    eps: float,
) -> list[Value | Missing]:
    return [_grouped(b, x, groups, weight, bias, eps), _SAVED, _SAVED]


@converts("aten.instance_norm")
def instance_norm(
    b: Builder, x: Value, weight: Value | None, bias: Value | None, mean: Value | None, variance: Value | None,
    use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool,
) -> Value:  # fmt: skip
    if not use_input_stats:
        assert mean is not None, "PyTorch asks for them"
        assert variance is not None, "PyTorch asks for them"
        return _inference(b, x, weight, bias, mean, variance, eps)
    if mean is not None:
        raise Unsupported("with running statistics in training mode; use track_running_stats=False or .eval()")
    return _grouped(b, x, shape_of(x)[1], weight, bias, eps)
