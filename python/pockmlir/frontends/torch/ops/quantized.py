"""Quantisation: the operators of PT2E graphs (``torch.ops.quantized_decomposed``).

A graph quantises a tensor and dequantises it at once; what is computed is floating-point. The compiler turns
operators between dequantised operands and a quantised result into integer operators, see
`pock-form-quantized`. Pairs around other operators are real conversions.
"""

from __future__ import annotations

import math

import torch

from ..builder import Builder, Value, dtype_of, rank_of, shape_of
from ..registry import HINTS, Unsupported, converts

#: Fewest integers that a quantised tensor takes: 4 bits are refused, 7 (``reduce_range``) are not.
_FEWEST = 17
#: Integers of PyTorch's types → what is added to them, to make them integers of ``int8``.
_SHIFTS = {torch.int8: 0, torch.uint8: -128}


def stored_range(
    scale: float, zero_point: int, least: int, most: int, dtype: torch.dtype
) -> tuple[float, int, int, int]:
    """Return scale, zero point, least and greatest integer of a tensor that is stored as ``int8``.

    Raises:
        Unsupported: no integers of 8 bits, or no scale.
    """
    if dtype not in _SHIFTS:
        name = str(dtype).removeprefix("torch.")
        raise Unsupported(f"to {name}; expected int8 or uint8")
    if most - least + 1 < _FEWEST:
        raise Unsupported(f"to the integers {least} to {most}, of 4 bits or fewer; quantise to int8")
    if not (math.isfinite(scale) and scale > 0 and math.isfinite(1 / scale) and 1 / scale <= 3.4028235e38):
        raise Unsupported(f"with a scale of {scale}; expected one that is positive and finite")
    shift = _SHIFTS[dtype]
    least, most, zero_point = max(least + shift, -128), min(most + shift, 127), zero_point + shift
    if not -128 <= zero_point <= 127 or least > most:
        raise Unsupported(f"with the zero point {zero_point - shift}, which is not a number of {dtype}")
    return scale, zero_point, least, most


def _known(b: Builder, value: Value) -> float:
    entries = b.known(value)
    if entries is None or entries.size != 1:
        raise Unsupported("with a scale that is computed; only static quantisation is supported")
    return float(entries.reshape(-1)[0])


@converts("quantized_decomposed.quantize_per_tensor")
def quantize(b: Builder, x: Value, scale: float, zero_point: int, least: int, most: int, dtype: torch.dtype) -> Value:
    return b.quantize(x, *stored_range(scale, zero_point, least, most, dtype))


@converts("quantized_decomposed.quantize_per_tensor.tensor")
def quantize_by_tensor(
    b: Builder, x: Value, scale: Value, zero_point: Value, least: int, most: int, dtype: torch.dtype
) -> Value:
    return quantize(b, x, _known(b, scale), int(_known(b, zero_point)), least, most, dtype)


@converts("quantized_decomposed.dequantize_per_tensor")
def dequantize(
    b: Builder,
    x: Value,
    scale: float,
    zero_point: int,
    least: int,
    most: int,
    dtype: torch.dtype,
    out_dtype: torch.dtype | None,
) -> Value:
    if out_dtype not in (None, torch.float32):
        raise Unsupported(f"to {out_dtype}; expected float32")
    scale, zero_point, _, _ = stored_range(scale, zero_point, least, most, dtype)
    if dtype_of(x) != "i8":
        # An input of uint8, which is computed in wider integers.
        x = b.cast(b.add(x, _SHIFTS[dtype]), "i8")
    return b.dequantize(x, scale, zero_point)


@converts("quantized_decomposed.dequantize_per_tensor.tensor")
def dequantize_by_tensor(
    b: Builder,
    x: Value,
    scale: Value,
    zero_point: Value,
    least: int,
    most: int,
    dtype: torch.dtype,
    out_dtype: torch.dtype | None,
) -> Value:
    return dequantize(b, x, _known(b, scale), int(_known(b, zero_point)), least, most, dtype, out_dtype)


@converts("quantized_decomposed.dequantize_per_channel")
def dequantize_channels(
    b: Builder,
    x: Value,
    scales: Value,
    zero_points: Value | None,
    axis: int,
    least: int,
    most: int,
    dtype: torch.dtype,
    out_dtype: torch.dtype | None,
) -> Value:
    # Weights that are constants are parameters by now (`frozen_weights`): this is a conversion.
    if out_dtype not in (None, torch.float32) or dtype not in _SHIFTS:
        raise Unsupported(f"from {dtype} to {out_dtype or torch.float32}; expected int8 to float32")
    shape = [-1 if dim == axis % rank_of(x) else 1 for dim in range(rank_of(x))]
    shape[axis] = shape_of(x)[axis]
    real = b.cast(x, "f32")
    if zero_points is not None:
        real = b.sub(real, b.reshape(b.cast(zero_points, "f32"), shape))
    return b.mul(real, b.reshape(b.cast(scales, "f32"), shape))


_DYNAMIC = "its scales depend on the data; export with static quantisation"
_GROUPS = "a scale per group or per token; quantise per tensor, or weights per output channel"
_BITS = "integers of 4 bits or fewer; quantise to int8"

_REFUSED: dict[str, tuple[str, ...]] = {
    _DYNAMIC: ("choose_qparams.tensor", "choose_qparams_symmetric.tensor", "choose_qparams_per_token",
               "choose_qparams_per_token_asymmetric", "_choose_qparams_per_token_asymmetric_impl"),
    _GROUPS: ("quantize_per_channel_group", "dequantize_per_channel_group", "quantize_per_token",
              "dequantize_per_token"),
    _BITS: ("embedding_4bit", "embedding_4bit.dtype", "embedding_4bit.dtype_out", "embedding_2bit"),
    "a weight is a constant, quantised before the export; prepare and convert the model": ("quantize_per_channel",),
    "fake quantisation; convert the model": ("fake_quant_per_channel",),
}  # fmt: skip

for _reason, _names in _REFUSED.items():
    HINTS.update({f"quantized_decomposed.{_name}": _reason for _name in _names})
HINTS.update(
    dict.fromkeys(
        [f"torchao.{name}" for name in ("quantize_affine", "dequantize_affine", "choose_qparams_affine")],
        "torchao's affine operators have blocks of any size; use the graph of convert_pt2e",
    )
)
