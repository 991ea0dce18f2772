"""Operators at special points: zeros of both signs, infinities, NaN, ties, the ends of the number range.

Every converter and every listed decomposition is used by a `Special` of `TABLE`, or has a reason in `EXCUSED`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

__all__ = ["EXCUSED", "EXCUSED_FAMILIES", "TABLE", "Special"]

aten = torch.ops.aten
INF, NAN = math.inf, math.nan

#: Zeros, ones, halves; where float32 overflows, squares overflow, squares vanish, numbers are denormal; where exp and
#: tanh saturate; the limits of the hard activations; ordinary numbers.
POINTS = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, INF, -INF, NAN, 3e38, -3e38, 1e19, -1e19, 1e-20, -1e-20, 1e-40, -1e-40,
    88.0, -88.0, 100.0, -100.0, 20.0, -20.0, 10.0, -10.0, 6.0, -6.0, 3.0, -3.0, 2.5, -2.5, 1.5, -1.5, 0.3, -0.3,
    1e-4, -1e-4, 1e4, -1e4, 1 - 6e-8, -1 + 6e-8, 1 + 1.2e-7, 4.5, -4.5,
]  # fmt: skip
#: Every one is combined with every one.
PAIRED = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, INF, -INF, NAN, 3e38, -1e25, 1e-25, -1e-40, 7.5]
LEFT = [x for x in PAIRED for _ in PAIRED]
RIGHT = [y for _ in PAIRED for y in PAIRED]
#: Rows: ordinary, ties of the maximum and of the minimum, constant, zeros, infinite, NaN, huge, tiny.
ROWS = [
    [1.0, -2.0, 0.5, 3.0, -0.25],
    [2.0, 1.0, 2.0, 1.0, 2.0],
    [-3.0, -3.0, 3.0, 3.0, 0.0],
    [0.1, 0.1, 0.1, 0.1, 0.1],
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, -0.0, 0.0, -0.0, 0.0],
    [-0.0, -0.0, -0.0, -0.0, -0.0],
    [INF, 1.0, 2.0, 3.0, 4.0],
    [-INF, 1.0, 2.0, 3.0, 4.0],
    [INF, -INF, 0.0, 1.0, 2.0],
    [INF, INF, 0.0, 1.0, 2.0],
    [-INF, -INF, -INF, -INF, -INF],
    [NAN, 1.0, 2.0, 3.0, 4.0],
    [1.0, NAN, INF, NAN, -INF],
    [3e38, 1.0, 3e38, -3e38, 2.0],
    [1e19, 2e19, -1e19, 3e19, 0.0],
    [1e-20, 2e-20, -1e-20, 0.0, 3e-20],
    [1e-40, -2e-40, 0.0, 3e-40, 1e-40],
    [100.0, -100.0, 0.0, 50.0, -50.0],
    [1e4, 1e4, -1e4, 1e4, 0.0],
]


@dataclass(frozen=True)
class Special:
    """One use of operators at special points.

    Attributes:
        name: the name of the case.
        operators: the converters and decompositions that the case tests.
        function: called with the operands; returns a tensor or several.
        operands: values; those of floating-point type train.
        flat: the gradient is zero wherever it is defined, so it must not seem to train a parameter.
        fixed: the operands that do not train.
        together: the floor of the error is relative to the largest entry, not to each entry.
        floor: relative error that is allowed in addition to PyTorch's.
        rounded: relative error of PyTorch in float64, whose constants are float32.
        near: absolute error that is allowed, for differences of numbers of about one.
        underflow: numbers below the smallest normal one may be zero, as in results of exp.
        signs: zeros must have PyTorch's sign; False if that depends on the order of equal entries.
    """

    name: str
    operators: tuple[str, ...]
    function: Callable[..., Any]
    operands: tuple[Any, ...]
    flat: bool = False
    fixed: tuple[int, ...] = ()
    together: bool = False
    floor: float = 2e-6
    rounded: float = 0.0
    near: float = 0.0
    underflow: bool = False
    signs: bool = True


TABLE: dict[str, list[Special]] = {}


def special(
    group: str, name: str, operators: str, function: Callable[..., Any], *operands: Any, **options: Any
) -> None:
    """Add an entry; operators are separated by spaces, without the prefix ``aten.``."""
    names = tuple(f"aten.{operator}" for operator in operators.split())
    TABLE.setdefault(group, []).append(Special(name, names, function, operands, **options))


def unary(
    group: str, *functions: tuple[str, Callable[..., Any]], points: Sequence[float] = POINTS, **options: Any
) -> None:
    """Add operators of one operand; the first name of each is the name of the case."""
    for operators, function in functions:
        name = operators.split()[0].replace(".", "_")
        taken = {entry.name for entry in TABLE.get(group, ())}
        while name in taken:
            name += "_"
        special(group, name, operators, function, points, **options)


def binary(group: str, *functions: tuple[str, Callable[..., Any]], **options: Any) -> None:
    """Add operators of two operands."""
    for operators, function in functions:
        name = operators.split()[0].replace(".", "_")
        taken = {entry.name for entry in TABLE.get(group, ())}
        while name in taken:
            name += "_"
        special(group, name, operators, function, LEFT, RIGHT, **options)


unary(
    "functions",
    ("expm1", torch.expm1), ("log", torch.log), ("log1p", torch.log1p), ("sqrt", torch.sqrt),
    ("rsqrt", torch.rsqrt), ("sin", torch.sin), ("cos", torch.cos),
    ("tan", torch.tan), ("asin", torch.asin), ("acos", torch.acos), ("atan", torch.atan), ("sinh", torch.sinh),
    ("cosh", torch.cosh), ("asinh", torch.asinh), ("acosh", torch.acosh), ("atanh", torch.atanh), ("neg", torch.neg),
    ("abs", torch.abs), ("square", torch.square), ("reciprocal", torch.reciprocal), ("log2", torch.log2),
    ("log10", torch.log10), ("exp2", torch.exp2), ("logit", torch.logit), ("logit", lambda x: torch.logit(x, 1e-3)),
    ("nan_to_num", torch.nan_to_num), ("special_entr", torch.special.entr),
    ("deg2rad", torch.deg2rad), ("rad2deg", torch.rad2deg),
)  # fmt: skip
# PyTorch's derivative is a difference of almost equal numbers near zero, also of float64.
unary("functions", ("sinc", torch.sinc), near=1e-7)
unary("functions", ("exp", torch.exp), ("erf", torch.erf), ("erfc", torch.erfc), underflow=True)
special("functions", "log_erfc", "erfc log", lambda x: torch.log(torch.erfc(x)), [1.0, 5.0, 8.0, 9.0, -3.0])
special("functions", "atanh_near", "atanh", torch.atanh, [0.99, -0.999, 0.5, 1e-7])

unary(
    "activations",
    ("relu", F.relu), ("sigmoid", torch.sigmoid), ("silu", F.silu), ("hardswish", F.hardswish),
    ("relu6", F.relu6), ("hardtanh", F.hardtanh),
    ("leaky_relu", F.leaky_relu), ("leaky_relu", lambda x: F.leaky_relu(x, -0.5)),
    ("threshold", lambda x: F.threshold(x, 0.5, 0.0)), ("rrelu", F.rrelu),
)  # fmt: skip
# Its derivative is float32's sixth.
unary("activations", ("hardsigmoid", F.hardsigmoid), rounded=1e-7)
unary(
    "activations",
    ("elu", F.elu), ("celu", lambda x: F.celu(x, 0.5)), ("selu", F.selu), ("softplus", F.softplus),
    ("softplus", lambda x: F.softplus(x, 2.0, 3.0)), ("mish", F.mish), ("log_sigmoid", F.logsigmoid),
    underflow=True,
)  # fmt: skip
unary(
    "activations",
    ("tanh", torch.tanh), ("gelu", F.gelu), ("gelu", lambda x: F.gelu(x, approximate="tanh")),
    ("tanhshrink", F.tanhshrink), near=1e-6,
)  # fmt: skip
unary(
    "activations",
    ("softsign", F.softsign), ("quick_gelu", lambda x: x * torch.sigmoid(1.702 * x)),
)  # fmt: skip
# PyTorch decomposes it, which gives NaN a gradient.
unary("activations", ("hardshrink", F.hardshrink), points=[x for x in POINTS if not math.isnan(x)])
unary(
    "activations",
    ("softshrink", F.softshrink), ("softshrink", lambda x: F.softshrink(x, 0.3)),
    signs=False,
)  # fmt: skip
special("activations", "prelu", "prelu", F.prelu, POINTS, [0.25])
special("activations", "prelu_negative", "prelu", F.prelu, POINTS, [-0.25])
special("activations", "glu", "glu", lambda x, y: F.glu(torch.stack([x, y]), 0), POINTS, POINTS[::-1])
special("activations", "softmax", "softmax.int", lambda x: F.softmax(x, 1), ROWS, together=True)
special("activations", "softmax_core", "_softmax", lambda x: aten._softmax(x, 1, False), ROWS, together=True)
special("activations", "softmax_safe", "_safe_softmax", lambda x: aten._safe_softmax(x, 1), ROWS, together=True)
special("activations", "softmin", "softmax.int", lambda x: F.softmin(x, 1), ROWS, together=True)
special("activations", "log_softmax", "log_softmax.int", lambda x: F.log_softmax(x, 1), ROWS, together=True)
special(
    "activations", "log_softmax_core", "_log_softmax", lambda x: aten._log_softmax(x, 1, False), ROWS, together=True
)
special("activations", "softmax_one", "softmax.int", lambda x: F.softmax(x, 1), [[x] for x in POINTS[:9]])
special("activations", "log_softmax_one", "log_softmax.int", lambda x: F.log_softmax(x, 1), [[x] for x in POINTS[:9]])

unary(
    "rounding",
    ("floor", torch.floor), ("ceil", torch.ceil), ("round", torch.round), ("trunc", torch.trunc), ("fix", torch.fix),
    ("sign", torch.sign), ("sgn", torch.sgn), ("isnan", torch.isnan), ("isfinite", torch.isfinite),
    ("isinf", torch.isinf), ("isposinf", torch.isposinf), ("isneginf", torch.isneginf), ("signbit", torch.signbit),
    ("logical_not", torch.logical_not),
    ("round.decimals", lambda x: torch.round(x, decimals=1)), ("round.decimals", lambda x: torch.round(x, decimals=-1)),
    ("floor_divide.Scalar", lambda x: aten.floor_divide.Scalar(x.detach(), 2)),
    ("div.Scalar_mode", lambda x: aten.div.Scalar_mode(x.detach(), 2, rounding_mode="floor")),
    ("heaviside", lambda x: torch.heaviside(x.detach(), torch.tensor(0.5, dtype=x.dtype))),
    ("where.self", lambda x: torch.where(x > 0, x, -x)), ("where.ScalarOther", lambda x: torch.where(x > 0, x, 0.25)),
    ("where.ScalarSelf", lambda x: torch.where(x > 0, 0.25, x)),
    ("where.Scalar", lambda x: torch.where(x > 0, 0.25, -1.0)),
    ("masked_fill.Scalar", lambda x: x.masked_fill(x < 0, -2.0)),
    ("isin.Tensor_Tensor", lambda x: torch.isin(x.detach(), torch.tensor([0.0, NAN, INF]).to(x))),
    ("eq.Scalar", lambda x: x == 0), ("ne.Scalar", lambda x: x != 0), ("lt.Scalar", lambda x: x < 0),
    ("le.Scalar", lambda x: x <= 0), ("gt.Scalar", lambda x: x > 0), ("ge.Scalar", lambda x: x >= 0),
    points=[*POINTS, 1e7, -1e7, 8388607.5, 3.5, 0.4999999701976776, -0.05], flat=True,
)  # fmt: skip
special("rounding", "masked_fill_tensor", "masked_fill.Tensor", lambda x, v: x.masked_fill(x < 0, v), POINTS, 3.0)

unary(
    "rounding",
    ("frac", torch.frac), ("remainder.Scalar", lambda x: torch.remainder(x, 2.0)),
    ("remainder.Scalar", lambda x: torch.remainder(x, -0.75)), ("fmod.Scalar", lambda x: torch.fmod(x, 2.0)),
    ("fmod.Scalar", lambda x: torch.fmod(x, 0.25)),
)  # fmt: skip

unary(
    "numbers",
    ("add.Scalar", lambda x: aten.add.Scalar(x, 0.0)), ("add.Scalar", lambda x: x + 1.0),
    ("sub.Scalar", lambda x: aten.sub.Scalar(x, 0.0)), ("sub.Scalar", lambda x: x - INF),
    ("rsub.Scalar", lambda x: 0.0 - x), ("mul.Scalar", lambda x: x * 0.0), ("mul.Scalar", lambda x: x * 1.0),
    ("mul.Scalar", lambda x: x * -1.0), ("mul.Scalar", lambda x: x * INF), ("div.Scalar", lambda x: x / 1.0),
    ("div.Scalar", lambda x: aten.div.Scalar(x, 0.0)),
    ("pow.Tensor_Scalar", lambda x: x**2), ("pow.Tensor_Scalar", lambda x: x**3),
    ("pow.Tensor_Scalar", lambda x: x**-1), ("pow.Tensor_Scalar", lambda x: x**1),
    ("pow.Tensor_Scalar", lambda x: x**-2), ("pow.Tensor_Scalar", lambda x: x**1.5), ("pow.Tensor_Scalar", lambda x: x**4),
    ("pow.Scalar", lambda x: 2.0**x), ("pow.Scalar", lambda x: (-2.0) ** x), ("pow.Scalar", lambda x: 1.0**x),
    ("pow.Tensor_Tensor", lambda x: x**x),
    ("clamp", lambda x: x.clamp(-1.0, 1.0)), ("clamp", lambda x: x.clamp(0.0, 1.0)), ("clamp_min", lambda x: x.clamp_min(0.0)),
    ("clamp_max", lambda x: x.clamp_max(0.5)), ("clamp_max", lambda x: x.clamp_max(0.0)),
    ("clamp", lambda x: x.clamp(-1.0, math.nan)), ("clamp_min", lambda x: x.clamp_min(math.nan)),
    ("constant_pad_nd", lambda x: torch.ops.aten.constant_pad_nd(x, (1, 2), math.nan)),
    ("constant_pad_nd", lambda x: torch.ops.aten.constant_pad_nd(x, (-1, 2), 2**53 + 1)),
    ("xlogy.Scalar_Other", lambda x: torch.xlogy(x, 2.0)), ("xlogy.Scalar_Self", lambda x: torch.xlogy(2.0, x)),
    ("xlogy.Scalar_Self", lambda x: torch.xlogy(0.0, x)), ("xlogy.Tensor", lambda x: torch.xlogy(x, x)),
    ("special_xlog1py", lambda x: torch.special.xlog1py(x, x)),
    ("neg_relu", lambda x: -x.clamp(min=0)), ("neg_abs", lambda x: x.mul(0).abs().neg()),
)  # fmt: skip
# A square root: of -0 and -inf it has another gradient than PyTorch's power.
_NOT_ROOTS = [x for x in POINTS if str(x) not in ("-0.0", "-inf")]
unary(
    "numbers",
    ("pow.Tensor_Scalar", lambda x: x**0.5), ("pow.Tensor_Scalar", lambda x: x**-0.5),
    points=_NOT_ROOTS,
)  # fmt: skip
unary(
    "numbers",
    ("pow.Tensor_Scalar", lambda x: x**0), ("remainder.Scalar_Tensor", lambda x: aten.remainder.Scalar_Tensor(7.5, x.detach())),
    flat=True,
)  # fmt: skip

binary(
    "pairs",
    ("add.Tensor", torch.add), ("sub.Tensor", torch.sub), ("rsub.Tensor", torch.rsub), ("mul.Tensor", torch.mul),
    ("div.Tensor", torch.div), ("pow.Tensor_Tensor", torch.pow), ("maximum", torch.maximum), ("minimum", torch.minimum),
    ("fmax", torch.fmax), ("fmin", torch.fmin), ("logaddexp", torch.logaddexp),
    ("hypot", torch.hypot), ("xlogy.Tensor", torch.xlogy), ("special_xlog1py", torch.special.xlog1py),
    ("atan2", torch.atan2), ("lerp.Scalar", lambda x, y: torch.lerp(x, y, 0.3)),
    ("lerp.Scalar", lambda x, y: torch.lerp(x, y, 0.8)), ("clamp_min.Tensor", torch.clamp_min),
    ("clamp_max.Tensor", torch.clamp_max),
    ("addcdiv", lambda x, y: torch.addcdiv(x, x, y, value=0.5)),
    ("lerp.Tensor", lambda x, y: torch.lerp(x, y, y)), ("clamp.Tensor", lambda x, y: torch.clamp(x, y, y + 1.0)),
)  # fmt: skip
special("pairs", "addcmul", "addcmul", lambda x, y: torch.addcmul(x, x, y, value=0.5), POINTS[:9], POINTS[8::-1])
special("pairs", "ldexp", "ldexp.Tensor", torch.ldexp, LEFT, RIGHT, fixed=(1,))
# Near zero it is a difference of numbers near one.
binary("pairs", ("logaddexp2", torch.logaddexp2), near=1e-7)
special("pairs", "copysign", "copysign.Tensor", torch.copysign, LEFT, RIGHT, fixed=(1,))
special("pairs", "fmod", "fmod.Tensor", torch.fmod, LEFT, RIGHT)
special("pairs", "remainder", "remainder.Tensor", torch.remainder, LEFT, RIGHT)
binary(
    "comparisons",
    ("eq.Tensor", torch.eq), ("ne.Tensor", torch.ne), ("lt.Tensor", torch.lt), ("le.Tensor", torch.le),
    ("gt.Tensor", torch.gt), ("ge.Tensor", torch.ge), ("logical_and", torch.logical_and),
    ("logical_or", torch.logical_or), ("logical_xor", torch.logical_xor),
    ("floor_divide", lambda x, y: torch.floor_divide(x.detach(), y.detach())),
    ("div.Tensor_mode", lambda x, y: torch.div(x, y, rounding_mode="floor")),
    ("div.Tensor_mode", lambda x, y: torch.div(x, y, rounding_mode="trunc")),
    flat=True,
)  # fmt: skip

#: Rows without infinities and NaN.
FINITE = [row for row in ROWS if all(map(math.isfinite, row))]
#: Finite rows whose squares and products neither overflow nor vanish.
MILD = [row for row in FINITE if max(map(abs, row)) < 1e18 and not 0 < max(map(abs, row)) < 1e-18]

ROWWISE: list[tuple[str, Callable[..., Any]]] = [
    ("sum.dim_IntList", lambda x: x.sum(1)), ("mean.dim", lambda x: x.mean(1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, 2, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, 1, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, 3, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, 0.5, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, -1, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, 1.5, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, INF, 1)),
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, -INF, 1)),
    ("norm.ScalarOpt_dim", lambda x: aten.norm.ScalarOpt_dim(x, 2, [1])), ("norm.Scalar", lambda x: aten.norm.Scalar(x, 2)),
    ("nansum", lambda x: torch.nansum(x, 1)), ("nanmean", lambda x: torch.nanmean(x, 1)),
    ("normalize", lambda x: F.normalize(x, dim=1)), ("normalize", lambda x: F.normalize(x, p=1.0, dim=1)),
    ("pairwise_distance", lambda x: F.pairwise_distance(x, x.flip(1))),
]  # fmt: skip
unary("reductions", *ROWWISE, points=ROWS, together=True)
unary(
    "reductions", ("cosine_similarity", lambda x: F.cosine_similarity(x, x.flip(1), 1)),
    points=ROWS, together=True, near=1e-7,
)  # fmt: skip
unary(
    "reductions",
    ("amax", lambda x: x.amax(1)), ("amin", lambda x: x.amin(1)), ("max.dim", lambda x: x.max(1)[0]),
    ("min.dim", lambda x: x.min(1)[0]), ("aminmax", lambda x: tuple(torch.aminmax(x, dim=1))),
    points=ROWS, together=True, signs=False,
)  # fmt: skip
# PyTorch's sums, variances and products of float32 have the range of float64; infinite factors and means are undefined.
unary(
    "reductions",
    ("var.correction", lambda x: aten.var.correction(x, [1])), ("std.correction", lambda x: aten.std.correction(x, [1])),
    ("std.dim", lambda x: aten.std.dim(x, [1])), ("var.dim", lambda x: aten.var.dim(x, [1], False)),
    ("renorm", lambda x: torch.renorm(x, 2, 0, 1.0)), ("renorm", lambda x: torch.renorm(x, 1, 0, 1.0)),
    points=[row for row in ROWS if row in MILD or row not in FINITE], together=True,
)  # fmt: skip
unary(
    "reductions",
    ("std_mean.correction", lambda x: torch.std_mean(x, 1)), ("var_mean.correction", lambda x: aten.var_mean.correction(x, [1])),
    ("var_mean.dim", lambda x: aten.var_mean.dim(x, [1])), ("cumsum", lambda x: x.cumsum(1)),
    ("cumprod", lambda x: x.cumprod(1)), ("prod.dim_int", lambda x: x.prod(1)),
    ("cdist", lambda x: torch.cdist(x, x[:3].detach())), ("cdist", lambda x: torch.cdist(x, x[:3].detach(), p=1.0)),
    ("logcumsumexp", lambda x: torch.logcumsumexp(x, 1)),
    points=MILD, together=True,
)  # fmt: skip
special("reductions", "logcumsumexp_infinite", "logcumsumexp", lambda x: torch.logcumsumexp(x.detach(), 1) + x, ROWS)
unary(
    "reductions",
    ("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, 0, 1)), ("argmax", lambda x: x.argmax(1)),
    ("argmin", lambda x: x.argmin(1)), ("any.dim", lambda x: x.any(1)), ("all.dim", lambda x: x.all(1)),
    ("count_nonzero.dim_IntList", lambda x: x.count_nonzero(1)),
    points=ROWS, flat=True,
)  # fmt: skip
_WHOLES: list[tuple[str, Callable[..., Any]]] = [
    ("sum", torch.sum), ("mean", torch.mean), ("max", torch.max), ("min", torch.min), ("std.correction", aten.std.correction),
    ("dist", lambda x: torch.dist(x, torch.ones_like(x), 3)), ("var.correction", aten.var.correction),
    ("linalg_vector_norm", torch.linalg.vector_norm), ("trace", lambda x: torch.trace(x.reshape(-1, 1))),
    ("max.dim", lambda x: x.max(0)[0]), ("prod", torch.prod), ("prod.dim_int", lambda x: x.prod(0)),
    ("cumprod", lambda x: x.cumprod(0)), ("logcumsumexp", lambda x: x.logcumsumexp(0)),
]  # fmt: skip
for _name, _row in (
    ("tied", [2.0, 1.0, 2.0, 1.0]), ("nan", [NAN, 1.0, 2.0, 2.0]), ("zero", [0.0, 0.0, 0.0, 0.0]),
    ("infinite", [INF, -1.0, INF, 0.0]), ("one", [-3.0]),
):  # fmt: skip
    for _operators, _function in _WHOLES if all(map(math.isfinite, _row)) else _WHOLES[:10]:
        special("wholes", f"{_operators.replace('.', '_')}_{_name}", _operators, _function, _row, together=True)
special("wholes", "any", "any", torch.any, [0.0, NAN], flat=True)
special("wholes", "all", "all", torch.all, [0.0, NAN], flat=True)
special("wholes", "count_nonzero", "count_nonzero", torch.count_nonzero, [0.0, -0.0, NAN, 1e-40], flat=True)

#: Rows without equal entries, whose order PyTorch leaves open.
_DISTINCT = [row for row in ROWS if len(set(row)) == 5 and sum(map(math.isnan, row)) < 2]
unary(
    "sorting",
    ("sort", lambda x: torch.sort(x, 1)[0]), ("sort.stable", lambda x: torch.sort(x, stable=True, dim=1, descending=True)[0]),
    ("topk", lambda x: torch.topk(x, 3, 1)[0]), ("kthvalue", lambda x: torch.kthvalue(x, 2, 1)[0]),
    ("median.dim", lambda x: torch.median(x, 1)[0]),
    points=_DISTINCT, together=True,
)  # fmt: skip
unary("sorting", ("argsort.stable", lambda x: torch.argsort(x, dim=1, stable=True)), points=ROWS, flat=True)

_IMAGE = torch.tensor(
    [
        [
            [1.0, 1.0, 0.0, 2.0, 2.0],
            [1.0, 1.0, 2.0, 2.0, 0.0],
            [0.0, 3.0, 3.0, -1.0, -1.0],
            [NAN, 3.0, 0.0, -1.0, -1.0],
        ],
        [[-INF] * 5, [-INF] * 5, [-INF, INF, 0.0, -0.0, 0.0], [INF, INF, -0.0, 0.0, 3e38]],
        [[0.0] * 5, [-0.0] * 5, [1.0, 1.0, 2.0, 2.0, 1.0], [-1.0, -2.0, 1e-40, 3e38, 3e38]],
    ]
)[None].tolist()
unary(
    "windows",
    ("max_pool2d_with_indices", lambda x: F.max_pool2d(x, 2, return_indices=True)[0]), ("max_pool2d", lambda x: F.max_pool2d(x, 3, 2, 1)),
    ("max_pool2d", lambda x: F.max_pool2d(x, 3, 1, 1, ceil_mode=True)),
    ("max_pool1d_with_indices", lambda x: F.max_pool1d(x[0], 3, 2, 1, return_indices=True)[0]),
    ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 2))),
    ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 5))),
    ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 2))),
    ("adaptive_max_pool1d", lambda x: F.adaptive_max_pool1d(x[0], 2)),
    points=_IMAGE, together=True, signs=False,
)  # fmt: skip
unary(
    "windows",
    ("avg_pool2d", lambda x: F.avg_pool2d(x, 2)), ("avg_pool2d", lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    ("avg_pool1d", lambda x: F.avg_pool1d(x[0], 3, 2, 1)), ("avg_pool3d", lambda x: F.avg_pool3d(x, 2)),
    ("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (2, 5))),
    ("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, 1)),
    ("upsample_nearest2d.vec", lambda x: F.interpolate(x, (8, 10))),
    ("upsample_nearest2d.vec", lambda x: F.interpolate(x, (3, 7))),
    ("_upsample_nearest_exact2d.vec", lambda x: F.interpolate(x, (3, 7), mode="nearest-exact")),
    ("upsample_nearest1d.vec", lambda x: F.interpolate(x[0], 7)),
    ("_upsample_nearest_exact1d.vec", lambda x: F.interpolate(x[0], 7, mode="nearest-exact")),
    points=_IMAGE, together=True,
)  # fmt: skip
# Products with matrices: infinite and NaN entries affect their row and column.
unary(
    "windows",
    ("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 2))),
    ("adaptive_avg_pool1d", lambda x: F.adaptive_avg_pool1d(x[0], 2)),
    ("upsample_bilinear2d.vec", lambda x: F.interpolate(x, (5, 7), mode="bilinear")),
    ("upsample_bilinear2d.vec", lambda x: F.interpolate(x, (8, 10), mode="bilinear", align_corners=True)),
    ("upsample_bicubic2d.vec", lambda x: F.interpolate(x, (5, 7), mode="bicubic")),
    ("upsample_linear1d.vec", lambda x: F.interpolate(x[0], 7, mode="linear")),
    points=torch.nan_to_num(torch.tensor(_IMAGE), 4.0, 5.0, -6.0).clamp(-9.0, 9.0).tolist(), together=True, signs=False,
)  # fmt: skip
_GRID = [ROWS[0], ROWS[3], ROWS[4], ROWS[6], ROWS[7], ROWS[12], ROWS[18], ROWS[16], [1e4, 1e4 + 1, 1e4, 1e4, 1e4 + 1]]
_ONES = [1.0, 2.0, -1.0, 0.0, 0.5]
for _operators, _function in [
    ("layer_norm", lambda x, w, b: F.layer_norm(x, (5,), w, b)),
    ("native_layer_norm", lambda x, w, b: aten.native_layer_norm(x, [5], w, b, 1e-5)[0]),
    ("layer_norm", lambda x, w, b: F.layer_norm(x, (5,), w, b, eps=0.0)),
    ("rms_norm", lambda x, w, b: F.rms_norm(x, (5,), w) + b),
    ("group_norm", lambda x, w, b: F.group_norm(x[:, None], 1) * w + b),
    ("native_group_norm", lambda x, w, b: aten.native_group_norm(x[:, None].contiguous(), None, None, 9, 1, 5, 1, 1e-5)[0] * w + b),
    ("instance_norm", lambda x, w, b: F.instance_norm(x[None]) * w + b),
    ("_native_batch_norm_legit.no_stats", lambda x, w, b: F.batch_norm(x.T, None, None, None, None, True) * w[:, None] + b[:, None]),
    (
        "_native_batch_norm_legit_no_training",
        lambda x, w, b: F.batch_norm(x, torch.zeros(5).to(x), torch.full((5,), 0.5).to(x), w, b, False),
    ),
]:  # fmt: skip
    _name = _operators + ("_eps" if _operators in {e.name for e in TABLE.get("norms", ())} else "")
    special("norms", _name.replace(".", "_"), _operators, _function, _GRID, _ONES, _ONES[::-1], together=True)

#: Families whose operators compute nothing, or are tested at special points elsewhere; by the module of the converter.
EXCUSED_FAMILIES = {
    "attention": "masks and dead rows: test_masks.py",
    "contraction": "sums of products: the arithmetic decides",
    "creation": "constants",
    "identity": "returns its operand",
    "indexing": "moves values",
    "layout": "moves values",
    "loss": "test_special_losses.py",
    "movement": "moves values",
    "quantized": "test_quantization.py",
    "random": "draws",
    "recurrent": "composed of sigmoid, tanh and products",
    "scatter": "moves and adds values",
    "triangle": "moves values",
    "window": "moves values",
}
#: Single operators.
EXCUSED = {f"aten.{name}": reason for reason, names in {
    "integers and truth values": "__and__.Tensor __or__.Tensor __xor__.Tensor bitwise_and.Tensor bitwise_or.Tensor"
    " bitwise_xor.Tensor bitwise_not __lshift__.Scalar __rshift__.Scalar isin.Scalar_Tensor isin.Tensor_Scalar",
    "as its two-dimensional or antialiased form": "_upsample_nearest_exact1d _upsample_nearest_exact2d"
    " _upsample_nearest_exact3d _upsample_nearest_exact3d.vec _upsample_bicubic2d_aa.vec _upsample_bilinear2d_aa.vec"
    " upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_nearest3d.vec upsample_trilinear3d.vec",
    "loses or gains nothing to _native_batch_norm_legit.no_stats": "_native_batch_norm_legit_functional",
    "composed of products": "addr affine_grid_generator linalg_cross",
    "moves values": "block_diag pixel_shuffle pixel_unshuffle rot90",
    "test_special_losses.py": "logsumexp multi_margin_loss soft_margin_loss",
    "composed of linalg_vector_norm and products": "_weight_norm_interface",
    "its positions are indices": "grid_sampler_2d",
    "max_pool1d without indices": "max_pool1d",
    "median.dim over all entries": "median",
}.items() for name in names.split()}  # fmt: skip
