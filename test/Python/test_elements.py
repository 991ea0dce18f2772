"""The table of element types: the compiler's, and what numpy and C make of it."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from pockmlir.artifact.manifest import dtype_of
from pockmlir.core.elements import element_types, numpy_dtype
from pockmlir.frontends.torch.dtypes import DTYPES, NARROW

EXPECTED = {
    "i1": ("boolean", 1, np.bool_, "uint8_t"),
    "i8": ("integer", 1, np.int8, "int8_t"),
    "bf16": ("float", 2, ml_dtypes.bfloat16, "uint16_t"),
    "i32": ("integer", 4, np.int32, "int32_t"),
    "f32": ("float", 4, np.float32, "float"),
    "i64": ("integer", 8, np.int64, "int64_t"),
    "f64": ("float", 8, np.float64, "double"),
}


def test_the_table_is_the_compilers():
    assert list(element_types()) == list(EXPECTED)
    for name, (kind, size, numpy, c) in EXPECTED.items():
        found = element_types()[name]
        assert (found.kind, found.bytes, found.c) == (kind, size, c)
        assert found.numpy == np.dtype(numpy) == numpy_dtype(name) == dtype_of(name)
        assert found.numpy.itemsize == found.bytes
        assert found.bits == 1 if name == "i1" else found.bits == 8 * found.bytes


def test_what_the_frontend_makes_is_in_the_table():
    assert {*DTYPES.values(), *NARROW.values()} <= element_types().keys()


def test_an_unknown_name_is_an_error():
    with pytest.raises(ValueError, match="unknown element type 'f8'"):
        dtype_of("f8")
