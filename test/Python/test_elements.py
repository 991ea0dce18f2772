"""The table of element types: the compiler's, and the names that numpy, C and PyTorch have for them."""

from __future__ import annotations

import ctypes
import json
from dataclasses import asdict

import ml_dtypes
import numpy as np
import pytest
import torch
from pockmlir.artifact.manifest import dtype_of
from pockmlir.core.elements import computed_types, element_of, element_types, is_float, numpy_dtype
from pockmlir.core.extension import load_core
from pockmlir.frontends.torch.dtypes import DTYPES, NARROW

EXPECTED = {
    "i1": ("boolean", 1, np.bool_, "uint8_t", torch.bool),
    "i8": ("integer", 1, np.int8, "int8_t", torch.int8),
    "i16": ("integer", 2, np.int16, "int16_t", torch.int16),
    "f16": ("float", 2, np.float16, "uint16_t", torch.float16),
    "bf16": ("float", 2, ml_dtypes.bfloat16, "uint16_t", torch.bfloat16),
    "i32": ("integer", 4, np.int32, "int32_t", torch.int32),
    "f32": ("float", 4, np.float32, "float", torch.float32),
    "i64": ("integer", 8, np.int64, "int64_t", torch.int64),
    "f64": ("float", 8, np.float64, "double", torch.float64),
}
C_SIZES = {
    "float": 4,
    "double": 8,
    **{f"{sign}int{bits}_t": ctypes.sizeof(getattr(ctypes, f"c_{sign}int{bits}")) for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip


def test_the_table_is_the_compilers() -> None:
    assert list(element_types()) == list(EXPECTED)
    told = json.loads(load_core().element_types())
    assert [asdict(element) for element in element_types().values()] == told


@pytest.mark.parametrize("name", EXPECTED)
def test_all_names_mean_the_same(name: str) -> None:
    kind, size, numpy, c, dtype = EXPECTED[name]
    found = element_types()[name]
    assert (found.kind, found.bytes, found.c) == (kind, size, c)
    assert found.numpy == np.dtype(numpy) == numpy_dtype(name) == dtype_of(name)
    assert getattr(torch, found.torch) is dtype
    assert found.numpy.itemsize == found.bytes == C_SIZES[c] == dtype.itemsize
    assert found.bits == 1 if name == "i1" else found.bits == 8 * found.bytes
    assert dtype.is_floating_point == is_float(name)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in ("i16", "f16", "bf16")])
def test_numpy_and_pytorch_agree(name: str) -> None:
    element = element_types()[name]
    assert torch.zeros(1, dtype=getattr(torch, element.torch)).numpy().dtype == element.numpy
    assert element_of(element.numpy) is element
    assert name in computed_types()


def test_other_types_are_none_of_ours() -> None:
    assert element_of(np.dtype(np.uint16)) is None
    assert element_of(np.dtype("U3")) is None


def test_the_front_end_knows_no_others() -> None:
    assert {*DTYPES.values(), *NARROW.values()} <= element_types().keys()


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown element type 'f8'"):
        dtype_of("f8")
