"""The table of element types agrees with all that it names."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
import torch
from pockmlir.support.elements import COMPUTED, ELEMENTS, element_of, is_float

C_TYPES = {
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    **{f"{sign}int{bits}_t": getattr(ctypes, f"c_{sign}int{bits}") for sign in ("", "u") for bits in (8, 32, 64)},
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_sizes_agree(name: str) -> None:
    element = ELEMENTS[name]
    assert getattr(torch, element.torch).itemsize == element.bytes == np.empty(1, element.numpy).nbytes
    assert element.c is None or ctypes.sizeof(C_TYPES[element.c]) == element.bytes
    assert getattr(torch, element.torch).is_floating_point == is_float(name)


@pytest.mark.parametrize("name", COMPUTED)
def test_numpy_and_pytorch_mean_the_same(name: str) -> None:
    element = ELEMENTS[name]
    assert torch.zeros(1, dtype=getattr(torch, element.torch)).numpy().dtype == element.numpy
    assert element_of(element.numpy) is element


def test_other_types_are_none_of_ours() -> None:
    assert element_of(np.dtype(np.uint16)) is None
    assert element_of(np.dtype("U3")) is None
