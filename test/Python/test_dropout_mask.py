"""The reference of dropout's random numbers: golden vectors, and what a mask depends on."""

import numpy as np
import pytest
from pockmlir import ArgumentError, dropout_mask
from pockmlir.dropout import philox2x32

#: Random123's kat_vectors: counter, key, result.
KNOWN = [
    ((0x00000000, 0x00000000), 0x00000000, (0xFF1DAE59, 0x6CD10DF2)),
    ((0xFFFFFFFF, 0xFFFFFFFF), 0xFFFFFFFF, (0x2C3F628B, 0xAB4FD7AD)),
    ((0x243F6A88, 0x85A308D3), 0x13198A2E, (0xDD7CE038, 0xF62A4C12)),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_known_answers(counter, key, expected):
    assert philox2x32(counter, key) == expected


def test_counters_may_be_arrays():
    first, second = philox2x32((np.arange(3), 7), 5)
    assert [(first[i], second[i]) for i in range(3)] == [philox2x32((i, 7), 5) for i in range(3)]


def scalar_mask(seed, step, stream, elements, p):
    """The definition, number by number."""
    low = 0xFFFFFFFF
    k0, k1 = (int(word) for word in philox2x32((step & low, stream), seed & low))
    a, b = (int(word) for word in philox2x32((k0 ^ seed >> 32 & low, k1 ^ step >> 32 & low), seed & low))
    return [(int(philox2x32((i, b), a)[0]) >> 8) * 2.0**-24 >= np.float32(p) for i in range(elements)]


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3, 2**63 - 1, -1])
@pytest.mark.parametrize("step", [0, 2**33 + 1])
def test_mask_is_the_definition(seed, step):
    mask = dropout_mask(seed, step, 2, (3, 5), 0.3)
    assert mask.dtype == np.bool_
    assert mask.reshape(-1).tolist() == scalar_mask(seed, step, 2, 15, 0.3)


def test_mask_depends_on_everything():
    masks = {
        dropout_mask(*arguments, (64,), 0.5).tobytes()
        for arguments in [(0, 0, 0), (1, 0, 0), (2**32, 0, 0), (0, 1, 0), (0, 2**32, 0), (0, 0, 1), (1, 1, 1)]
    }
    assert len(masks) == 7


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_of_zeros_is_p(p):
    share = 1 - dropout_mask(7, 11, 0, (1000, 100), p).mean()
    assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 100_000))


def test_nothing_to_drop():
    assert dropout_mask(0, 0, 0, (4, 4), 0.0).all()
    assert dropout_mask(0, 0, 0, (0, 4), 0.5).shape == (0, 4)
    assert dropout_mask(0, 0, 0, (), 0.5).shape == ()


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_bad_probability(p):
    with pytest.raises(ArgumentError, match="p: expected a probability"):
        dropout_mask(0, 0, 0, (4,), p)


def test_too_many_elements():
    with pytest.raises(ArgumentError, match="shape: expected less than"):
        dropout_mask(0, 0, 0, (2**16, 2**16), 0.5)
