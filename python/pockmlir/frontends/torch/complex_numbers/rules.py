"""What operators on complex numbers become.

At special points (zeros, infinities, NaN) results are those of PyTorch's formulas, with these differences: the
imaginary part of a real tensor is not computed with (see `parts`), and the results of `exp`, `sgn` and Fourier
transforms at infinite entries are not specified. ``abs`` and ``angle`` have no gradient at zero, as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import fx

from ..registry import Unsupported
from . import fourier
from .inverse_stft import inverse_stft
from .parts import REAL, Complex, Part, Writer, shape_of

__all__ = ["ON_REAL", "RULES", "Rule"]

_aten = torch.ops.aten

#: A rule takes what writes the graph, the node, and the operator's arguments in the order of the schema. It returns
#: complex numbers, or a real tensor.
Rule: TypeAlias = Callable[..., "Complex | fx.Node"]
#: Operator → its rule.
RULES: dict[str, Rule] = {}
#: Operators whose rules are also for real operands: those without a converter.
ON_REAL = (
    "aten._conj_physical",
    "aten._neg_view",
    "aten.angle",
    "aten.conj_physical",
    "aten.real",
    "aten.resolve_conj",
    "aten.resolve_neg",
)


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES.update({f"aten.{name}": rule for name in names})
        return rule

    return register


# The same for both parts --------------------------------------------------------------

#: Operators that are applied to both parts. Numbers among their arguments have a part for each.
_BOTH = (
    "alias", "cat", "clone", "constant_pad_nd", "copy", "cumsum", "detach", "diagonal", "expand", "flip",
    "gather", "index.Tensor", "index_put", "index_select", "masked_fill.Scalar", "masked_fill.Tensor", "mean",
    "mean.dim", "neg", "pad", "permute", "repeat", "roll", "select.int", "select_scatter", "slice.Tensor",
    "slice_scatter", "split.Tensor", "split_with_sizes", "squeeze", "squeeze.dim", "squeeze.dims", "stack",
    "sum", "sum.dim_IntList", "t", "transpose.int", "tril", "triu", "unbind.int", "unfold", "unsqueeze",
    "where.Scalar", "where.ScalarOther", "where.ScalarSelf", "where.self",
)  # fmt: skip
#: Arguments of these operators that are no operands.
_NOT_OPERANDS = ("condition", "index", "indices", "mask")


@dataclass(frozen=True)
class _Number:
    """The parts of a number among the arguments; None for zero."""

    parts: tuple[float | None, float | None]


@_rule(*_BOTH)
def _both(w: Writer, node: fx.Node, *args: Any) -> Complex:
    schema = node.target._schema.arguments
    lifted = [
        arg
        if argument.name in _NOT_OPERANDS
        else _lifted(w, arg, argument.name == "value" or str(argument.type) == "number")
        for arg, argument in zip(args, schema, strict=True)
    ]
    return Complex.of(_on_part(w, node, lifted, index) for index in (0, 1))


def _lifted(w: Writer, arg: Any, is_number: bool) -> Any:
    if isinstance(arg, list | tuple):
        return [_lifted(w, part, False) for part in arg]
    if isinstance(arg, Complex | fx.Node):
        return w.lift(arg)
    if is_number and isinstance(arg, int | float | complex):
        return _Number((complex(arg).real or None, complex(arg).imag or None))
    return REAL.get(arg, arg) if isinstance(arg, torch.dtype) else arg


def _on_part(w: Writer, node: fx.Node, args: list[Any], index: int) -> Part:
    """Apply an operator to the real or the imaginary part of its operands; None if all are zero."""

    def part_of(arg: Any) -> Any:
        if isinstance(arg, list):
            return [part_of(entry) for entry in arg]
        if isinstance(arg, _Number):
            return arg.parts[index] or 0.0
        return w.tensor(arg.parts[index], arg.shape) if isinstance(arg, Complex) else arg

    if all(operand.parts[index] is None for arg in args for operand in _operands(arg)):
        return None
    schema = node.target._schema.arguments
    values = list(zip(schema, map(part_of, args), strict=True))
    named = {argument.name: value for argument, value in values if argument.kwarg_only and value is not None}
    return w.call(_callable(node), *(value for argument, value in values if not argument.kwarg_only), **named)


def _operands(arg: Any) -> Sequence[Complex | _Number]:
    if isinstance(arg, list):
        return [entry for entry in arg if isinstance(entry, Complex)]
    return [arg] if isinstance(arg, Complex | _Number) else []


def _callable(node: fx.Node) -> Callable[..., Any]:
    target: Any = node.target
    return target  # type: ignore[no-any-return]


@_rule("view", "_unsafe_view", "view_copy")
def _view(w: Writer, node: fx.Node, x: Complex, size: Any) -> Complex:
    shape = shape_of(node)
    return w.mapped(w.lift(x), shape, lambda part: w.reshape(part, shape))


@_rule("resolve_conj", "resolve_neg", "lift_fresh_copy")
def _same(w: Writer, node: fx.Node, x: Complex | fx.Node, *args: Any) -> Complex | fx.Node:
    return x


@_rule("_to_copy", "type_as")
def _to_copy(w: Writer, node: fx.Node, x: Complex | fx.Node, *args: Any) -> Complex | fx.Node:
    dtype = node.meta["val"].dtype
    if dtype.is_complex:
        return w.lift(x)
    if dtype == torch.bool:
        raise Unsupported("from complex numbers to truth values; compare with zero")
    # The conversion to a real type drops the imaginary part.
    assert isinstance(x, Complex)
    return w.call(_aten._to_copy.default, w.tensor(x.real, x.shape), dtype=dtype)


@_rule("empty_like", "new_empty", "zeros_like", "new_zeros")
def _zeros(w: Writer, node: fx.Node, x: Any, *args: Any) -> Complex:
    return Complex(None, None, shape_of(node))


@_rule("ones_like", "new_ones")
def _ones(w: Writer, node: fx.Node, x: Any, *args: Any) -> Complex:
    return Complex(1.0, None, shape_of(node))


@_rule("full_like", "fill.Scalar")
def _full_like(w: Writer, node: fx.Node, x: Any, value: complex, *args: Any) -> Complex:
    return Complex.of(w.lift(value).parts, shape_of(node))


@_rule("fill.Tensor")
def _fill(w: Writer, node: fx.Node, x: Any, value: Complex | fx.Node) -> Complex:
    return w.lift(value)


@_rule("new_full")
def _new_full(w: Writer, node: fx.Node, x: Any, size: Any, value: complex, *args: Any) -> Complex:
    return _full_like(w, node, x, value)


# Real and complex tensors -------------------------------------------------------------


@_rule("complex")
def _complex(w: Writer, node: fx.Node, real: fx.Node, imag: fx.Node) -> Complex:
    return Complex(w.cast(real), w.cast(imag), shape_of(node))


@_rule("polar")
def _polar(w: Writer, node: fx.Node, size: fx.Node, angle: fx.Node) -> Complex:
    return _from_polar(w, size, angle, shape_of(node))


def _from_polar(w: Writer, size: Part, angle: fx.Node, shape: tuple[int, ...]) -> Complex:
    return Complex.of((w.mul(size, w.call(part, angle)) for part in (_aten.cos.default, _aten.sin.default)), shape)


@_rule("view_as_complex")
def _view_as_complex(w: Writer, node: fx.Node, x: fx.Node) -> Complex:
    return Complex.of((w.call(_aten.select.int, x, -1, index) for index in (0, 1)), shape_of(node))


@_rule("view_as_real")
def _view_as_real(w: Writer, node: fx.Node, x: Complex) -> fx.Node:
    # `split` reads the parts of what this makes without it.
    return w.call(_aten.stack.default, [w.tensor(part, x.shape) for part in x.parts], -1)


@_rule("real")
def _real(w: Writer, node: fx.Node, x: Complex | fx.Node) -> fx.Node:
    return w.tensor(x.real, x.shape) if isinstance(x, Complex) else x


@_rule("imag")
def _imag(w: Writer, node: fx.Node, x: Complex) -> fx.Node:
    return w.tensor(x.imag, x.shape)


@_rule("_conj", "conj_physical", "_conj_physical")
def _conj(w: Writer, node: fx.Node, x: Complex | fx.Node) -> Complex | fx.Node:
    return w.conjugate(x) if isinstance(x, Complex) else x


@_rule("_neg_view")
def _neg_view(w: Writer, node: fx.Node, x: Complex | fx.Node) -> Complex | fx.Node:
    return w.apply(w.neg, x) if isinstance(x, Complex) else w.call(_aten.neg.default, x)


@_rule("abs")
def _abs(w: Writer, node: fx.Node, x: Complex) -> fx.Node:
    return w.magnitude(x)


@_rule("angle")
def _angle(w: Writer, node: fx.Node, x: Complex | fx.Node) -> fx.Node:
    if isinstance(x, Complex):
        real, imag = (w.tensor(part, x.shape) for part in x.parts)
        return w.call(_aten.atan2.default, imag, real)
    # Negative zero is no negative number here, but it is the real part of a complex one.
    x = w.cast(x)
    negative = w.call(_aten.lt.Scalar, x, 0.0)
    known = w.choose(negative, math.pi, w.tensor(None, shape_of(x)))
    return w.choose(w.call(_aten.isnan.default, x), w.call(_aten.detach.default, x), known)


@_rule("sgn")
def _sgn(w: Writer, node: fx.Node, x: Complex) -> Complex:
    if x.imag is None or x.real is None:
        return w.mapped(x, x.shape, lambda part: w.call(_aten.sgn.default, part))
    real, imag = (w.tensor(part, x.shape) for part in x.parts)
    zero = w.is_zero(real, imag)
    size = w.choose(zero, 1.0, w.magnitude(x))
    return Complex.of((w.call(_aten.div.Tensor, w.choose(zero, 0.0, part), size) for part in (real, imag)), x.shape)


@_rule("linalg_vector_norm")
def _vector_norm(w: Writer, node: fx.Node, x: Complex, order: Any, dim: Any, keepdim: bool, dtype: Any) -> fx.Node:
    return w.call(_aten.linalg_vector_norm.default, w.magnitude(x), order, dim, keepdim)


# Arithmetic ---------------------------------------------------------------------------


@_rule("add.Tensor", "add.Scalar")
def _add(w: Writer, node: fx.Node, x: Any, y: Any, alpha: complex) -> Complex:
    return w.sum_of(w.lift(x), _times(w, w.lift(y), alpha))


@_rule("sub.Tensor", "sub.Scalar")
def _sub(w: Writer, node: fx.Node, x: Any, y: Any, alpha: complex) -> Complex:
    return w.difference(w.lift(x), _times(w, w.lift(y), alpha))


@_rule("rsub.Tensor", "rsub.Scalar")
def _rsub(w: Writer, node: fx.Node, x: Any, y: Any, alpha: complex) -> Complex:
    return w.difference(w.lift(y), _times(w, w.lift(x), alpha))


def _times(w: Writer, x: Complex, factor: complex) -> Complex:
    return x if factor == 1 else w.product(x, w.lift(factor))


@_rule("mul.Tensor", "mul.Scalar")
def _mul(w: Writer, node: fx.Node, x: Any, y: Any) -> Complex:
    return w.product(w.lift(x), w.lift(y))


@_rule("square")
def _square(w: Writer, node: fx.Node, x: Complex) -> Complex:
    return w.product(x, x)


@_rule("div.Tensor", "div.Scalar")
def _div(w: Writer, node: fx.Node, x: Any, y: Any) -> Complex:
    return w.quotient(w.lift(x), w.lift(y))


@_rule("reciprocal")
def _reciprocal(w: Writer, node: fx.Node, x: Complex) -> Complex:
    return w.quotient(w.lift(1), x)


@_rule("pow.Tensor_Scalar")
def _pow(w: Writer, node: fx.Node, x: Complex, exponent: complex) -> Complex:
    number = complex(exponent)
    if number.imag or not number.real.is_integer() or abs(number.real) > 64:
        raise Unsupported("on complex numbers, with an exponent that is not a small whole number")
    power, square, rest = None, x, abs(int(number.real))
    while rest:
        if rest % 2:
            power = square if power is None else w.product(power, square)
        rest //= 2
        square = w.product(square, square) if rest else square
    if power is None:
        return Complex(1.0, None, x.shape)
    return power if number.real > 0 else w.quotient(w.lift(1), power)


@_rule("exp")
def _exp(w: Writer, node: fx.Node, x: Complex) -> Complex:
    size = 1.0 if x.real is None else w.call(_aten.exp.default, w.tensor(x.real, x.shape))
    if x.imag is None:
        return Complex(size, None, x.shape)
    return _from_polar(w, size, w.tensor(x.imag, x.shape), x.shape)


@_rule("log")
def _log(w: Writer, node: fx.Node, x: Complex) -> Complex:
    return Complex(w.call(_aten.log.default, w.magnitude(x)), _angle(w, node, x), x.shape)


@_rule("eq.Tensor", "eq.Scalar")
def _eq(w: Writer, node: fx.Node, x: Any, y: Any) -> fx.Node:
    return _compared(w, _aten.eq.Tensor, _aten.logical_and.default, x, y)


@_rule("ne.Tensor", "ne.Scalar")
def _ne(w: Writer, node: fx.Node, x: Any, y: Any) -> fx.Node:
    return _compared(w, _aten.ne.Tensor, _aten.logical_or.default, x, y)


def _compared(w: Writer, compare: Any, join: Any, x: Any, y: Any) -> fx.Node:
    x, y = w.lift(x), w.lift(y)
    pairs = [(w.tensor(p, x.shape), w.tensor(q, y.shape)) for p, q in zip(x.parts, y.parts, strict=True)]
    return w.call(join, *(w.call(compare, p, q) for p, q in pairs))


# Products of matrices -----------------------------------------------------------------


def _product(w: Writer, node: fx.Node, target: Callable[..., Any], x: Complex, y: Complex) -> Complex:
    """Return a product that an operator makes of real tensors; it has the shape of the node."""

    def multiply(p: Part, q: Part) -> Part:
        return None if p is None or q is None else w.call(target, w.tensor(p, x.shape), w.tensor(q, y.shape))

    return Complex.of(w.product(x, y, multiply).parts, shape_of(node))


@_rule("mm", "bmm", "matmul", "mv", "dot")
def _matmul(w: Writer, node: fx.Node, x: Any, y: Any) -> Complex:
    return _product(w, node, _callable(node), w.lift(x), w.lift(y))


_PRODUCTS = {"aten.addmm": _aten.mm.default, "aten.baddbmm": _aten.bmm.default, "aten.addmv": _aten.mv.default}


@_rule("addmm", "baddbmm", "addmv")
def _addmm(w: Writer, node: fx.Node, bias: Any, x: Any, y: Any, beta: complex, alpha: complex) -> Complex:
    x, y, bias = w.lift(x), w.lift(y), w.lift(bias)
    product = _product(w, node, _PRODUCTS[str(node.target).removesuffix(".default")], x, y)
    product = _times(w, product, alpha)
    return product if beta == 0 else w.sum_of(_times(w, bias, beta), product)


@_rule("linear")
def _linear(w: Writer, node: fx.Node, x: Any, weight: Any, bias: Any) -> Complex:
    product = _product(w, node, _aten.linear.default, w.lift(x), w.lift(weight))
    return product if bias is None else w.sum_of(product, w.lift(bias))


# Fourier transforms -------------------------------------------------------------------


@_rule("_fft_c2c")
def _c2c(w: Writer, node: fx.Node, x: Any, dims: list[int], norm: int, forward: bool) -> Complex:
    return fourier.complex_to_complex(w, w.lift(x), dims, norm, forward)


@_rule("_fft_r2c")
def _r2c(w: Writer, node: fx.Node, x: fx.Node, dims: list[int], norm: int, onesided: bool) -> Complex:
    return fourier.real_to_complex(w, w.lift(x), dims, norm, onesided)


@_rule("_fft_c2r")
def _c2r(w: Writer, node: fx.Node, x: Any, dims: list[int], norm: int, n: int) -> fx.Node:
    x = fourier.complex_to_real(w, w.lift(x), dims, norm, n)
    return w.tensor(x.real, x.shape)


@_rule("istft")
def _istft(w: Writer, node: fx.Node, x: Complex, *args: Any) -> fx.Node:
    return inverse_stft(w, x, *args)
