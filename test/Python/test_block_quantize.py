"""`pock.block_quantize` and `pock.block_dequantize` alone: the oracle's numbers, to the bit, anywhere in float32."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.frontends.common import ModelBuilder

Array = np.ndarray[Any, Any]
COUNT = 24


@pytest.fixture(scope="module", params=[4, 15, 16])
def blocks(request: pytest.FixtureRequest) -> tuple[int, pock.Step]:
    """Bits, and a step whose prediction is the integers of numbers, and sums as real numbers."""
    bits = request.param
    model = ModelBuilder("blocks")
    model.parameter("w", np.ones(1, np.float32))
    b = model.function("loss")
    loss_input = b.add_input("x", (COUNT,), "f32")
    b.returns({"loss": b.sum(b.mul(loss_input, b.load("w")), [0])})
    b = model.function("predict")
    x, sums = b.add_input("x", (COUNT,), "f32"), b.add_input("sums", (COUNT,), "i32")
    largest = b.reduce(ops.AmaxOp, b.emit(ops.MagnitudeOp, b.type((COUNT,), "i32"), x), [0])
    integers = b.emit(ops.BlockQuantizeOp, b.type((COUNT,), "i16"), x, largest, bits=bits)
    real = b.emit(ops.BlockDequantizeOp, b.type((COUNT,), "f32"), sums, largest, bits=bits)
    b.returns({"integers": b.cast(integers, "i32"), "real": real})
    return bits, pock.compile(model.build(), loss=None, optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())


def require_block(bits: int, step: pock.Step, x: Array, sums: Array) -> None:
    integers, real = step.predict(x, sums).values()
    expected, power = oracle.block_quantize(x, bits)
    if np.isfinite(power):
        np.testing.assert_array_equal(integers, expected, err_msg=str(x))
        assert np.max(np.abs(integers)) < 2 ** (bits - 1)
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_array_equal(real, sums.astype(np.float32) * power, err_msg=str(power))


def test_blocks_of_random_bits(blocks: tuple[int, pock.Step]) -> None:
    """Entries anywhere in float32, and within a few powers of two of each other; sums of all sizes."""
    rng = np.random.default_rng(7)
    for _ in range(300):
        words = rng.integers(0, 2**32, COUNT, dtype=np.uint32)
        top = int(rng.integers(0, 255))
        near = (words & np.uint32(0x807FFFFF)) | (
            (top - rng.integers(0, min(top, 20) + 1, COUNT)).astype(np.uint32) << 23
        )
        sums = (rng.integers(-(2**31), 2**31, COUNT) >> rng.integers(0, 31, COUNT)).astype(np.int32)
        for bits in (words & np.uint32(0xFF7FFFFF), near.astype(np.uint32)):
            require_block(*blocks, bits.view(np.float32), sums)


def test_blocks_at_each_power_of_two(blocks: tuple[int, pock.Step]) -> None:
    """The largest entry is a power of two, or the float below or above it; others are ties between integers."""
    bits, _ = blocks
    sums = np.arange(COUNT, dtype=np.int32) * 89478485 - 2**30
    for power in range(-149, 129):
        with np.errstate(over="ignore"):
            exact = np.float32(math.ldexp(1.0, power)) if power < 128 else np.float32(np.inf)
        for largest in (np.nextafter(exact, np.float32(0)), exact, np.nextafter(exact, np.float32(np.inf))):
            if not np.isfinite(largest):
                continue
            with np.errstate(over="ignore"):
                x = np.ldexp((2.0 * np.arange(COUNT) - COUNT) / 4, power - bits + 2).astype(np.float32)
            x = np.clip(x, -largest, largest)
            x[0] = largest
            require_block(*blocks, x, sums)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_blocks_that_are_not_finite(blocks: tuple[int, pock.Step], value: float) -> None:
    x = np.ones(COUNT, np.float32)
    x[5] = value
    assert np.all(np.isnan(blocks[1].predict(x, np.arange(COUNT, dtype=np.int32))["real"]))


def test_blocks_of_zeros(blocks: tuple[int, pock.Step]) -> None:
    found = blocks[1].predict(np.zeros(COUNT, np.float32), np.zeros(COUNT, np.int32))
    assert not any(np.any(values) for values in found.values())
