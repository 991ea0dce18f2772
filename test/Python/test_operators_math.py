"""Elementwise functions, activations, comparisons and reductions: numbers against PyTorch."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from operator_cases import Case, Fixed, failures

aten = torch.ops.aten
INF, NAN = math.inf, math.nan
M, T = (3, 4), (2, 3, 4)
#: Both signs, halves, whole numbers and zero.
POINTS = [-7.25, -2.5, -1.5, -1.0, -0.3, 0.0, 0.4, 0.5, 1.0, 1.5, 2.5, 3.0]
#: An input, lower and upper limits.
CLAMPED = (
    [-2.0, -1.0, 0.0, 1.0, 2.0],
    [-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0, -1.0, 0.0, 1.0],
)
UNIT = [-0.95, -0.5, -0.1, 0.0, 0.2, 0.6, 0.95]
POSITIVE = [0.01, 0.4, 1.0, 2.5, 100.0]
INTS = torch.tensor([[-5, -4, -1, 0], [1, 2, 3, 7]])
BOOLS = torch.tensor([[True, False, True, False], [False, False, True, True]])

FUNCTIONS = [
    Case("sin", torch.sin, (POINTS,)),
    Case("cos", torch.cos, (POINTS,)),
    Case("tan", torch.tan, (UNIT,)),
    Case("atan", torch.atan, (POINTS,)),
    Case("asin", torch.asin, (UNIT,)),
    Case("acos", torch.acos, (UNIT,)),
    Case("atan2", torch.atan2, ([1.0, 1.0, -1.0, -1.0, 0.5, 2.0], [1.0, -1.0, 1.0, -1.0, 0.1, -0.1])),
    Case("atan2_axes", torch.atan2, (Fixed([0.0, 1.0, -1.0, 0.0, 0.0]), Fixed([1.0, 0.0, 0.0, -1.0, 0.0]))),
    Case("sinh", torch.sinh, (POINTS,)),
    Case("cosh", torch.cosh, (POINTS,)),
    Case("asinh", torch.asinh, (POINTS,)),
    Case("acosh", torch.acosh, ([1.1, 2.0, 5.0],)),
    Case("atanh", torch.atanh, (UNIT,)),
    Case("log2", torch.log2, (POSITIVE,)),
    Case("log10", torch.log10, (POSITIVE,)),
    Case("exp2", torch.exp2, (POINTS,)),
    Case("erfc", torch.erfc, (UNIT,)),
    Case("reciprocal", torch.reciprocal, (POSITIVE,)),
    Case("square", torch.square, (POINTS,)),
    Case("pow_three", lambda x: x**3, (POINTS,)),
    Case("pow_negative", lambda x: x**-2, (POSITIVE,)),
    Case("float_power", lambda x: torch.float_power(x, 2), (POINTS,)),
    Case("logaddexp", torch.logaddexp, (M, M)),
    Case("logaddexp2", torch.logaddexp2, (M, M)),
    Case("hypot", torch.hypot, (M, M)),
    Case("xlogy", torch.xlogy, ([1.0, 2.0, 3.0], [0.5, 1.0, 2.0])),
    Case("xlogy_zero", torch.xlogy, (Fixed([0.0, 0.0]), [0.5, 2.0])),
    Case("logit", lambda x: torch.logit(x, 1e-3), ([0.1, 0.5, 0.9],)),
    Case("expit", torch.special.expit, (POINTS,)),
    Case("sinc", torch.sinc, ([-1.5, -0.2, 0.3, 2.5],)),
    Case("deg2rad", torch.deg2rad, (POINTS,)),
    Case("rad2deg", torch.rad2deg, (POINTS,)),
    Case("lerp", lambda x, y: torch.lerp(x, y, 0.3), (M, M)),
    Case("lerp_tensor", torch.lerp, (M, M, M)),
    Case("addcmul", lambda x, y, z: torch.addcmul(x, y, z, value=0.5), (M, M, (4,))),
    Case("addcdiv", lambda x, y, z: torch.addcdiv(x, y, z.exp(), value=0.5), (M, M, (4,))),
    Case("clamp_tensor", torch.clamp, (M, (4,), Fixed([0.0, 0.5, 1.0, 2.0]))),
    Case("nan_to_num", lambda x: torch.nan_to_num(x * torch.tensor([1.0, NAN, INF, -INF])), ([2.0, 3.0, 4.0, 5.0],)),
    Case("nan_to_num_given", lambda x: torch.nan_to_num(x / x * 3.0, 1.0, 2.0, -3.0), (Fixed([0.0, 1.0]),)),
    Case("isfinite", lambda x: (torch.isfinite(x).double(), torch.isinf(x).double()), (Fixed([1.0, INF, -INF, NAN]),)),
    Case("isposinf", lambda x: (torch.isposinf(x).double(), torch.isneginf(x).double()), (Fixed([1.0, INF, -INF, NAN]),)),
    Case("sign", lambda x: torch.sign(x) * x, (POINTS,)),
    Case("floor", lambda x: torch.floor(x) * x, (POINTS,)),
    Case("ceil", lambda x: torch.ceil(x) * x, (POINTS,)),
    Case("round", lambda x: torch.round(x) * x, (POINTS,)),
    Case("round_decimals", lambda x: torch.round(x, decimals=1) * x, (POINTS,)),
    Case("trunc", lambda x: torch.trunc(x) * x, (POINTS,)),
    Case("frac", torch.frac, (POINTS,)),
    Case("fmod", lambda x: torch.fmod(x, 2.0), (POINTS,)),
    Case("fmod_tensor", torch.fmod, (POINTS, Fixed([-2.0, 2.0] * 6))),
    Case("fmod_both", torch.fmod, ([7.5, -7.5, 3.2], [2.0, 2.0, -1.5])),
    Case("remainder", lambda x: torch.remainder(x, 2.0), (POINTS,)),
    Case("remainder_both", torch.remainder, ([7.5, -7.5, 3.2], [2.0, 2.0, -1.5])),
    Case("floor_divide", lambda x: torch.floor_divide(x.detach(), 2.0) * x, (POINTS,)),
    Case("div_floor", lambda x, y: torch.div(x, y, rounding_mode="floor") * x, (POINTS, Fixed([-2.0, 0.75] * 6))),
    Case("div_trunc", lambda x, y: torch.div(x, y, rounding_mode="trunc") * x, (POINTS, Fixed([-2.0, 0.75] * 6))),
    Case("maximum", torch.maximum, (M, M)),
    Case("fmax", torch.fmax, (M, M)),
    Case("fmin", torch.fmin, (M, M)),
    Case("copysign", torch.copysign, (POINTS, Fixed([-1.0, 1.0] * 6))),
    Case("heaviside", lambda x: torch.heaviside(x.detach(), torch.tensor(0.5, dtype=x.dtype)) * x, (POINTS,)),
    Case("rsub", lambda x: torch.rsub(x, 3.0, alpha=2), (M,)),
    Case("sub_alpha", lambda x, y: torch.sub(x, y, alpha=3), (M, M)),
    Case("positive", lambda x: +x * 2, (M,)),
    Case("ldexp", lambda x: torch.ldexp(x, torch.tensor([1, 2, 3, 4])), (M,)),
    Case("abs_", lambda x: x.absolute(), (POINTS,)),
    Case("xlogy_numbers", lambda x: torch.xlogy(2.0, x) + torch.xlogy(x, 3.0), (POSITIVE,)),
    Case("xlog1py_numbers", lambda x: torch.special.xlog1py(2.0, x) + torch.special.xlog1py(x, 3.0), (POSITIVE,)),
    Case("special", lambda x: torch.special.entr(x) + torch.special.xlog1py(x, x), (POSITIVE,)),
    Case("scalar_overloads", lambda x: aten.div.Scalar_mode(x.detach(), 2, rounding_mode="floor") * x, (POINTS,)),
    Case("scalar_divisions", lambda x: aten.div.Scalar(x, 3) + aten.floor_divide.Scalar(x.detach(), 2), (POINTS,)),
    Case("scalar_remainder", lambda x: aten.remainder.Scalar_Tensor(7.5, x.detach()) * x, (POSITIVE,)),
    Case("fix", lambda x: torch.fix(x) * x, (POINTS,)),
]  # fmt: skip

INTEGERS = [
    Case("int_floor_divide", lambda i: i // 2, (INTS,)),
    Case("int_floor_divide_tensor", lambda i: i // torch.tensor([2, -2, 3, -3]), (INTS,)),
    Case("int_remainder", lambda i: i % 3, (INTS,)),
    Case("int_fmod", lambda i: torch.fmod(i, 3), (INTS,)),
    Case("int_trunc_div", lambda i: torch.div(i, 2, rounding_mode="trunc"), (INTS,)),
    Case("int_pow", lambda i: i**3, (INTS,)),
    Case("int_sign", lambda i: torch.sign(i), (INTS,)),
    Case("int_sum", lambda i: (i.sum(), i.cumsum(1)), (INTS,)),
    Case("int_prod", lambda i: i.prod(1), (INTS,)),
    Case("int_extrema", lambda i: (i.amax(1), i.min(), i.argmax(1), i.max(0)[0]), (INTS,)),
    Case("int_mean", lambda i: i.double().mean(1), (INTS,)),
    Case("int_clamp", lambda i: i.clamp(-1, 2), (INTS,)),
    Case("int_bool", lambda i: (i > 0, (i != 0).long(), ~(i == 2)), (INTS,)),
    Case("int_and", lambda i: (i & 1, 7 & i), (torch.tensor([0, 1, 5, 6]),)),
    Case("int_isin_numbers", lambda i: (torch.isin(i, 2), torch.isin(3, i)), (INTS,)),
    Case("int_shift_named", lambda i: (torch.bitwise_left_shift(i, 1), torch.bitwise_right_shift(i, 2)), (INTS,)),
    Case("int_shift", lambda i: (i << 2, i >> 1), (torch.tensor([0, 1, 5, 6]),)),
    Case("bool_logic", lambda b: (b & ~b, torch.logical_xor(b, b[:1]), b.any(1), b.all(0), b.sum()), (BOOLS,)),
    Case("bool_cumsum", lambda b: b.cumsum(1), (BOOLS,)),
    Case("count_nonzero", lambda i: (i.count_nonzero(), i.count_nonzero(1)), (INTS,)),
    Case("int_to_float", lambda i, x: x * i + (i > 0), (INTS, (2, 4))),
    Case("int_isin", lambda i: torch.isin(i, torch.tensor([1, 2, 7])), (INTS,)),
    Case("int_where", lambda i: torch.where(i > 0, i, -i), (INTS,)),
    Case("int_bincount_by_hand", lambda i: F.one_hot(i.abs(), 8).sum(0), (INTS,)),
]

ACTIVATIONS = [
    Case("softsign", F.softsign, (POINTS,)),
    Case("tanhshrink", F.tanhshrink, (POINTS,)),
    Case("hardshrink", F.hardshrink, (POINTS,)),
    Case("softshrink", F.softshrink, (POINTS,)),
    Case("hardtanh", F.hardtanh, (POINTS,)),
    Case("relu6", F.relu6, (POINTS,)),
    Case("rrelu_eval", F.rrelu, (POINTS,)),
    Case("glu", F.glu, (M,)),
    Case("glu_first", lambda x: F.glu(x, 0), ((4, 3),)),
    Case("geglu", lambda x: x.chunk(2, -1)[0] * F.gelu(x.chunk(2, -1)[1]), (M,)),
    Case("swiglu", lambda x, w: F.silu(x @ w) * (x @ w), (M, (4, 4))),
    Case("mish", F.mish, (POINTS,)),
    Case("logsigmoid", F.logsigmoid, (POINTS,)),
    Case("prelu_channels", F.prelu, ((2, 3, 4), (3,))),
    Case("softmin", lambda x: F.softmin(x, 1), (M,)),
    Case("softmax_dtype", lambda x: torch.softmax(x.float(), 1, dtype=torch.float64), (M,), 1e-6),
    Case("threshold", lambda x: F.threshold(x, 0.1, 20.0), (POINTS,)),
    Case("quick_gelu", lambda x: x * torch.sigmoid(1.702 * x), (POINTS,)),
    Case("gumbel_like", lambda x: F.softmax(x / 0.5, -1), (M,)),
    Case("softplus_beta", lambda x: F.softplus(x, 2.0), (POINTS,)),
    Case("dropout_zero", lambda x: F.dropout2d(F.alpha_dropout(F.dropout(x, 0.0), 0.0)[None, None], 0.0), (M,)),
    Case("dropout_eval", lambda x: F.dropout(x, 0.5, training=False), (M,)),
]

REDUCTIONS = [
    Case("prod_all", torch.prod, (M,)),
    Case("prod_dim", lambda x: x.prod(1), (T,)),
    Case("prod_zeros", lambda x: x.prod(1), ([[0.0, 2.0, 3.0], [0.0, 0.0, 1.0], [1.0, 2.0, -3.0]],)),
    Case("cumsum", lambda x: x.cumsum(1), (T,)),
    Case("cumsum_negative_dim", lambda x: x.cumsum(-1), (T,)),
    Case("cumprod", lambda x: x.cumprod(1), ([[2.0, 0.0, 3.0, -1.0], [1.0, 2.0, -3.0, 0.5]],)),
    Case("logcumsumexp", lambda x: x.logcumsumexp(1), ((2, 7),)),
    Case("logcumsumexp_by_hand", lambda x: x.exp().cumsum(0).log(), (M,)),
    Case("var_mean", lambda x: torch.var_mean(x, 1), (M,)),
    Case("std_all", torch.std, (M,)),
    Case("std_mean", lambda x: torch.std_mean(x, 1, correction=0), (M,)),
    Case("norm_2", lambda x: x.norm(), (M,)),
    Case("norm_except_no_dim", lambda x: torch.norm_except_dim(x, 2, -1) * x, (M,)),
    Case("norm_1", lambda x: x.norm(1, dim=1), (M,)),
    Case("norm_3", lambda x: torch.linalg.vector_norm(x, 3, 1), (M,)),
    Case("norm_half", lambda x: torch.linalg.vector_norm(x, 0.5, 1), (M,)),
    Case("norm_inf", lambda x: torch.linalg.vector_norm(x, INF, 1), (M,)),
    Case("norm_minus_inf", lambda x: torch.linalg.vector_norm(x, -INF, 1), (M,)),
    Case("norm_zero_order", lambda x: torch.linalg.vector_norm(x, 0, 1) * x[:, 0], (M,)),
    Case("norm_at_zero", lambda x: x.norm(dim=1), ([[0.0, 0.0], [3.0, 4.0]],)),
    Case("frobenius", lambda x: torch.linalg.matrix_norm(x), (T,)),
    Case("matrix_norm_1", lambda x: torch.linalg.matrix_norm(x, 1), (T,)),
    Case("linalg_norm", lambda x: torch.linalg.norm(x), (M,)),
    Case("normalize", lambda x: F.normalize(x, dim=1), (M,)),
    Case("normalize_1", lambda x: F.normalize(x, p=1.0, dim=0), (M,)),
    Case("cosine_similarity", lambda x, y: F.cosine_similarity(x, y), (M, M)),
    Case("pairwise_distance", lambda x, y: F.pairwise_distance(x, y), (M, M)),
    Case("cdist", lambda x, y: torch.cdist(x, y), ((2, 3, 4), (2, 5, 4))),
    Case("cdist_1", lambda x, y: torch.cdist(x, y, p=1.0), ((3, 4), (5, 4))),
    Case("logsumexp", lambda x: x.logsumexp((0, 1)), (M,)),
    Case("nanmean", lambda x: torch.nanmean(x, 1), (M,)),
    Case("nansum", lambda x: torch.nansum(x / 2, 1), (M,)),
    Case("max_dim", lambda x: x.max(1)[0] + x.min(1, keepdim=True)[0].sum(), (M,)),
    Case("aminmax", lambda x: list(torch.aminmax(x, dim=1)), (M,)),
    Case("amin", lambda x: x.amin((0, 2)), (T,)),
    Case("argmax_value", lambda x: (x.argmax(1), x.argmin()), (Fixed(torch.randn(3, 4)),)),
    Case("trace", torch.trace, ((4, 4),)),
    Case("diff", lambda x: torch.diff(x, dim=1), (M,)),
    Case("cumulative_trapezoid", lambda x: torch.cumulative_trapezoid(x), (M,)),
    Case("trapezoid", lambda x: torch.trapezoid(x), (M,)),
    Case("dist", lambda x, y: torch.dist(x, y), (M, M)),
    Case("renorm", lambda x: torch.renorm(x, 2, 0, 0.5), (M,)),
    Case("mean_dtype", lambda x: x.float().mean(1, dtype=torch.float64), (M,), 1e-6),
    Case("sum_to_size", lambda x: x.sum_to_size(1, 4), (M,)),
]

COMPARISONS = [
    Case("where_scalar", lambda x: torch.where(x > 0, x, 0.25), (POINTS,)),
    Case("masked_fill", lambda x: x.masked_fill(x < 0, -2.0), (POINTS,)),
    Case("masked_fill_tensor", lambda x, v: x.masked_fill(x < 0, v), (POINTS, 3.0)),
    Case("eq_chain", lambda x: ((x > 0) & (x < 2) | (x == -1.0)).double() * x, (POINTS,)),
    Case("isclose", lambda x: torch.isclose(x, x + 1e-9).double() * x, (POINTS,)),
    Case("logical_not", lambda x: torch.logical_not(x).double() * x, (POINTS,)),
    Case("signbit", lambda x: torch.signbit(x).double() * x, ([-2.0, 3.0],)),
    Case("clip", lambda x: torch.clip(x, -1, 1), (POINTS,)),
    Case("clip_at_one_limit", lambda x: x.clamp(min=-1) * x.clamp(max=1), (POINTS,)),
    # Below, at, between and above limits that are apart, equal, and crossed.
    Case("clip_at_tensors", lambda x, low, high: torch.clip(x[:, None], low, high), CLAMPED),
    Case("clip_at_one_tensor", lambda x, low, high: x[:, None].clamp(min=low) * x[:, None].clamp(max=high), CLAMPED),
    Case("bool_to_float", lambda x: (x > 0).to(x.dtype) - 0.5 + x, (POINTS,)),
    Case("mask_of_hundreds", lambda x: torch.where(torch.ones(16, 16).tril().bool(), x, 0.5), ((16, 16),)),
    Case("mask_of_thousands", lambda x: torch.where(torch.ones(40, 40).tril().bool(), x, 0.5), ((40, 40),)),
    Case("bool_output", lambda x: (x > 0, x * 2), (M,)),
    Case("minimum_number", lambda x: torch.minimum(x, torch.tensor(0.5, dtype=x.dtype)), (M,)),
    Case("greater", lambda x, y: torch.greater_equal(x, y).double() * x, (M, Fixed(M))),
]

GROUPS = {
    "functions": FUNCTIONS, "integers": [*INTEGERS, ACTIVATIONS[0]], "activations": ACTIVATIONS,
    "reductions": REDUCTIONS, "comparisons": COMPARISONS,
}  # fmt: skip


@pytest.mark.parametrize("group", GROUPS)
def test_equals_pytorch(group: str) -> None:
    assert failures(GROUPS[group]) == {}
