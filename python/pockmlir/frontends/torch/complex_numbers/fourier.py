"""Fourier transforms of pairs of real tensors, as products with constant matrices of cosines and sines.

A transform of length n is one product with a matrix of n by n if n is short or prime. A longer one is split into
transforms of its factors (Cooley and Tukey, 1965): with n = a b, entry t = b s + u of the input and entry
k = j + a l of the output,

    X[j + a l] = sum over u of  w_b^(u l)  w_n^(u j)  sum over s of  w_a^(s j) x[b s + u],    w_n = exp(-2 pi i / n),

so the input is reshaped to a by b, its first dimension is transformed, every entry is multiplied by its twiddle factor
w_n^(u j), the second dimension is transformed, and the result is transposed. Matrices are computed in float64.

A NaN or an infinity spreads to all entries of its transform. In the inverse of a half spectrum, that includes those of
the imaginary parts that PyTorch ignores: of the first entry, and of the last one if n is even.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import fx

from ..registry import Unsupported
from .parts import Complex, Part, Writer, shape_of

__all__ = ["complex_to_complex", "complex_to_real", "real_to_complex"]

_aten = torch.ops.aten

#: Transforms of at most this length are one product: there, two products and their twiddle factors take longer.
_DIRECT = 128
#: The longest prime factor of a length: its matrices have 16 million entries each.
_LONGEST = 4096


@dataclass(frozen=True)
class _Transform:
    """One transform along the last dimension.

    Attributes:
        n: its length.
        sign: that of the exponent, negative for the forward transform.
        inputs: the entries of the input that are not zero, the first ones.
        outputs: the entries of the output that are computed, the first ones.
        factor: what the result is multiplied by.
    """

    n: int
    sign: int
    inputs: int
    outputs: int
    factor: float = 1.0


def complex_to_complex(w: Writer, x: Complex, dims: list[int], norm: int, forward: bool) -> Complex:
    """Transform some dimensions, as ``aten._fft_c2c``.

    Args:
        w: writes the graph.
        x: the tensor.
        dims: the dimensions.
        norm: 0 for no scale, 1 for the square root of the size, 2 for the size.
        forward: whether the exponent is negative.
    """
    sizes = [x.shape[dim] for dim in dims]
    for dim, size in zip(dims, sizes, strict=True):
        factor = _factor(sizes, norm) if dim == dims[-1] else 1.0
        x = _along(w, x, dim, _Transform(size, -1 if forward else 1, size, size, factor))
    return x


def real_to_complex(w: Writer, x: Complex, dims: list[int], norm: int, onesided: bool) -> Complex:
    """Transform a real tensor forwards, as ``aten._fft_r2c``.

    Args:
        w: writes the graph.
        x: the tensor.
        dims: the dimensions.
        norm: see `complex_to_complex`.
        onesided: whether the last of the dimensions has the non-negative frequencies only.
    """
    sizes = [x.shape[dim] for dim in dims]
    n = sizes[-1]
    x = _along(w, x, dims[-1], _Transform(n, -1, n, n // 2 + 1 if onesided else n, _factor(sizes, norm)))
    return complex_to_complex(w, x, dims[:-1], 0, True)


def complex_to_real(w: Writer, x: Complex, dims: list[int], norm: int, n: int) -> Complex:
    """Transform a half spectrum backwards to a real tensor, as ``aten._fft_c2r``.

    Args:
        w: writes the graph.
        x: the tensor.
        dims: the dimensions; the last one has the non-negative frequencies.
        norm: see `complex_to_complex`.
        n: the size of the last dimension of the result.
    """
    sizes = [*(x.shape[dim] for dim in dims[:-1]), n]
    x = complex_to_complex(w, x, dims[:-1], 0, False)
    dim, half = dims[-1] % len(x.shape), n // 2 + 1
    if x.shape[dim] != half:
        raise Unsupported(f"of a spectrum with {x.shape[dim]} entries to {n} real ones; expected {half}")
    # The result is the real part of the transform in which negative frequencies are those of the conjugate: that of
    # the half spectrum, in which frequencies that have a negative one count twice.
    weights = w.constant(("half", n, w.dtype), lambda: _half_weights(n).to(w.dtype))
    along = w.reshape(weights, [half if i == dim else 1 for i in range(len(x.shape))])
    x = w.scale(x, along)
    x = _along(w, x, dim, _Transform(n, 1, half, n, _factor(sizes, norm)))
    return Complex(x.real, None, x.shape)


def _half_weights(n: int) -> torch.Tensor:
    weights = torch.full((n // 2 + 1,), 2.0, dtype=torch.float64)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights


def _factor(sizes: list[int], norm: int) -> float:
    size = math.prod(sizes)
    return {0: 1.0, 1: 1.0 / math.sqrt(size), 2: 1.0 / size}[norm]


# One dimension ------------------------------------------------------------------------


def _along(w: Writer, x: Complex, dim: int, transform: _Transform) -> Complex:
    """Transform one dimension."""
    rank = len(x.shape)
    order = [i for i in range(rank) if i != dim % rank] + [dim % rank]
    back = [order.index(i) for i in range(rank)]
    return _permuted(w, _last(w, _permuted(w, x, order), transform), back)


def _last(w: Writer, x: Complex, transform: _Transform) -> Complex:
    """Transform the last dimension, which has `transform.inputs` entries."""
    first, second = _factors(transform.n)
    if first == 1:
        return _matrix_product(w, x, transform)
    sign = transform.sign
    rows, columns = math.ceil(transform.inputs / second), math.ceil(transform.outputs / first)
    batch = x.shape[:-1]
    if missing := rows * second - transform.inputs:
        shape = (*batch, rows * second)
        x = w.mapped(x, shape, lambda part: w.call(_aten.constant_pad_nd.default, part, [0, missing]))
    x = _reshaped(w, x, (*batch, rows, second))
    x = _along(w, x, -2, _Transform(first, sign, rows, first))
    x = w.product(x, _twiddle_factors(w, first, second, sign))
    x = _last(w, x, _Transform(second, sign, second, columns, transform.factor))
    rank = len(x.shape)
    x = _permuted(w, x, [*range(rank - 2), rank - 1, rank - 2])
    x = _reshaped(w, x, (*batch, columns * first))
    if columns * first == transform.outputs:
        return x
    shape = (*batch, transform.outputs)
    return w.mapped(x, shape, lambda part: w.call(_aten.slice.Tensor, part, len(batch), 0, transform.outputs))


def _factors(n: int) -> tuple[int, int]:
    """Return two factors of a length, as equal as possible; the first is 1 if the transform is one product.

    Raises:
        Unsupported: the length is divided by a prime number that is too large.
    """
    first = next(a for a in range(math.isqrt(n), 0, -1) if n % a == 0) if n > _DIRECT else 1
    if first == 1 and n > _LONGEST:
        raise Unsupported(f"a Fourier transform whose length has the prime factor {n}; pad to a length with small ones")
    return first, n // first


def _matrix_product(w: Writer, x: Complex, transform: _Transform) -> Complex:
    """Transform by one product."""
    cosines, sines = (_matrix(w, transform, part) for part in ("cos", "sin"))
    result = w.product(x, Complex(cosines, sines), lambda part, matrix: _rows_times(w, part, matrix))
    return Complex.of(result.parts, (*x.shape[:-1], transform.outputs))


def _rows_times(w: Writer, x: Part, matrix: Part) -> Part:
    if x is None or matrix is None:
        return None
    assert isinstance(x, fx.Node)
    assert isinstance(matrix, fx.Node)
    *batch, inputs = shape_of(x)
    rows = w.reshape(x, (math.prod(batch), inputs))
    return w.reshape(w.call(_aten.mm.default, rows, matrix), (*batch, shape_of(matrix)[1]))


def _matrix(w: Writer, transform: _Transform, part: str) -> Part:
    """Return the real or the imaginary part of the matrix of a transform."""
    products = torch.arange(transform.inputs)[:, None] * torch.arange(transform.outputs)
    values = _roots(transform.n, transform.sign, part)[products % transform.n] * transform.factor
    return _part(w, (part, transform), values)


def _twiddle_factors(w: Writer, first: int, second: int, sign: int) -> Complex:
    products = torch.arange(first)[:, None] * torch.arange(second)
    key = (first, second, sign)
    parts = [_part(w, (part, "twiddle", key), _roots(first * second, sign, part)[products]) for part in ("cos", "sin")]
    return Complex.of(parts, (first, second))


def _part(w: Writer, key: tuple[object, ...], values: torch.Tensor) -> Part:
    """Return a constant, None if it is zero: the sines of lengths 1 and 2 are."""
    if not values.any():
        return None
    return w.constant((*key, w.dtype), lambda: values.to(w.dtype))


def _roots(n: int, sign: int, part: str) -> torch.Tensor:
    """Return the real or imaginary parts of the n-th roots of unity, exact at multiples of a right angle."""
    quarters = torch.arange(n, dtype=torch.float64) * 4 / n
    angles = quarters * (math.pi / 2)
    if part == "cos":
        values, steps = angles.cos(), (1, 0, -1, 0)
    else:
        values, steps = sign * angles.sin(), (0, sign, 0, -sign)
    exact = quarters == quarters.round()
    values[exact] = torch.tensor(steps, dtype=torch.float64)[quarters[exact].long()]
    return values


# Layout -------------------------------------------------------------------------------


def _permuted(w: Writer, x: Complex, order: list[int]) -> Complex:
    if order == sorted(order):
        return x
    shape = tuple(x.shape[i] for i in order)
    return w.mapped(x, shape, lambda part: w.call(_aten.permute.default, part, order))


def _reshaped(w: Writer, x: Complex, shape: tuple[int, ...]) -> Complex:
    return w.mapped(x, shape, lambda part: w.reshape(part, shape))
