"""The random numbers of dropout: the reference in numpy for the compiled step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError

__all__ = ["dropout_mask", "philox2x32"]

_ROUNDS = 10
_MULTIPLIER = np.uint64(0xD256D193)
_WEYL = 0x9E3779B9
_LOW = 0xFFFFFFFF

Words = npt.NDArray[np.uint32]


def philox2x32(counter: tuple[npt.ArrayLike, npt.ArrayLike], key: int) -> tuple[Words, Words]:
    """Return the two 32-bit words of Philox-2x32-10 for a counter and a key.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

    >>> [hex(word) for word in philox2x32((0, 0), 0)]
    ['0xff1dae59', '0x6cd10df2']

    Args:
        counter: two arrays of 32-bit words of broadcastable shapes.
        key: one 32-bit word.
    """
    left, right = (np.asarray(word).astype(np.uint64) & np.uint64(_LOW) for word in counter)
    for index in range(_ROUNDS):
        product = left * _MULTIPLIER
        round_key = np.uint64((key + index * _WEYL) & _LOW)
        left, right = (product >> np.uint64(32)) ^ round_key ^ right, product & np.uint64(_LOW)
    return left.astype(np.uint32), right.astype(np.uint32)


def dropout_mask(seed: int, step: int, stream: int, shape: Sequence[int], p: float) -> npt.NDArray[np.bool_]:
    """Return which elements a dropout layer keeps; the others become zero.

    >>> dropout_mask(seed=0, step=3, stream=1, shape=(2, 4), p=0.5).shape
    (2, 4)

    Args:
        seed: the step's ``seed``, a 64-bit integer.
        step: number of calls of the step before this one.
        stream: the number of the dropout layer, in order of execution.
        shape: shape of the tensor; elements are numbered in row-major order.
        p: the probability of a zero, in [0, 1); rounded to float32.

    Raises:
        ArgumentError: the probability is out of range, or there are 2^32 elements or more.
    """
    elements = math.prod(shape)
    if not 0.0 <= p < 1.0:
        raise ArgumentError(f"p: expected a probability in [0, 1), but got {p!r}")
    if elements > _LOW:
        raise ArgumentError(f"shape: expected less than 2^32 elements, but got {elements}")
    low_seed = seed & _LOW
    # Two rounds of hashing: seeds, steps and streams that differ in one bit have unrelated masks.
    first = philox2x32((step & _LOW, stream), low_seed)
    key, high = philox2x32(
        (int(first[0]) ^ (seed >> 32 & _LOW), int(first[1]) ^ (step >> 32 & _LOW)),
        low_seed,
    )
    words, _ = philox2x32((np.arange(elements, dtype=np.uint64), int(high)), int(key))
    fractions = (words >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return np.asarray(fractions >= np.float32(p)).reshape(tuple(shape))
