"""Sums of products of bytes, a group at a time: exactly the integers that numpy computes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from pockmlir.core.build import built_library
from pockmlir.core.extension import load_core
from pockmlir.targets.target import Target

VNNI = "+avx512vnni" in Target.host().features


def without(target: Target) -> Target:
    """The target as it were without the instruction."""
    return replace(target, features=target.features.replace("+avx512vnni", "-avx512vnni"))


def module(rows: int, columns: int, terms: int, lhs: str, rhs: str, target: Target) -> str:
    """A kernel that multiplies matrices of bytes, each widened by `lhs` and `rhs`."""
    x, w, y = f"memref<{rows}x{terms}xi8>", f"memref<{terms}x{columns}xi8>", f"memref<{rows}x{columns}xi32>"
    return f"""
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>
module attributes {{pock.name = "net", pock.target = {target.attributes}}} {{
  func.func @multiply(%x: {x}, %w: {w}, %y: {y}) attributes {{pock.kernel}} {{
    linalg.generic {{indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}}
        ins(%x, %w : {x}, {w}) outs(%y : {y}) {{
    ^bb0(%a: i8, %b: i8, %sum: i32):
      %wide_a = arith.{lhs} %a : i8 to i32
      %wide_b = arith.{rhs} %b : i8 to i32
      %product = arith.muli %wide_a, %wide_b : i32
      %result = arith.addi %sum, %product : i32
      linalg.yield %result : i32
    }}
    return
  }}
}}"""


@contextmanager
def compiled(ir: str) -> Iterator[Callable[[np.ndarray, np.ndarray, np.ndarray], None]]:
    """Lower a module with `pock.dot`, and give its kernel."""
    passes = ("pock-place-scratch{stack-bytes=1000000}", "pock-llvm-pipeline")
    with built_library(load_core(), ir, *passes, stage="test", name="net") as library:
        function = ctypes.CDLL(str(library)).net_pock_kernel_multiply

        def call(x: np.ndarray, w: np.ndarray, y: np.ndarray) -> None:
            function(*(ctypes.c_void_p(array.ctypes.data) for array in (x, w, y)))

        yield call


@pytest.mark.skipif(not VNNI, reason="the machine has no AVX512-VNNI")
@pytest.mark.parametrize("lowered", ["instruction", "multiply-adds"])
@pytest.mark.parametrize(("lhs", "rhs"), [("extui", "extsi"), ("extsi", "extui")])
@pytest.mark.parametrize(("rows", "columns", "terms"), [(32, 48, 64), (33, 37, 12), (17, 3, 4), (40, 16, 2000)])
def test_sums_are_exact(rows, columns, terms, lhs, rhs, lowered):
    random = np.random.default_rng(rows * terms)
    types = {"extui": np.uint8, "extsi": np.int8}
    x, w = (
        random.integers(np.iinfo(t).min, np.iinfo(t).max + 1, s, t)
        for t, s in ((types[lhs], (rows, terms)), (types[rhs], (terms, columns)))
    )
    y = random.integers(-100, 100, (rows, columns), np.int32)
    expected = y + x.astype(np.int32) @ w.astype(np.int32)

    target = replace(Target.host(), threads=1)
    ir = load_core().run_pipeline(module(rows, columns, terms, lhs, rhs, target), "builtin.module(pock-group-products)")
    assert "pock.dot" in ir
    if lowered == "multiply-adds":
        # What the pass made for one processor runs on another one, too.
        ir = ir.replace("+avx512vnni", "-avx512vnni")
    with compiled(ir) as multiply:
        multiply(x, w, y)
    np.testing.assert_array_equal(y, expected)


def test_a_processor_without_the_instruction_multiplies_one_by_one():
    ir = module(32, 48, 64, "extui", "extsi", without(Target.host()))
    assert "pock.dot" not in load_core().run_pipeline(ir, "builtin.module(pock-group-products)")


@pytest.mark.parametrize("bits", [32, 64])
def test_groups_of_words_that_no_instruction_takes(bits):
    """Both operands are seen as groups, and multiplied element by element."""
    group = bits // 16
    x, w, y = "memref<9x16xi16>", "memref<5x16xi16>", "memref<9x5xi32>"
    xx, ww = (f"memref<{rows}x{16 // group}xi{bits}>" for rows in (9, 5))
    ir = f"""
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>
module attributes {{pock.name = "net", pock.target = {replace(Target.host(), threads=1).attributes}}} {{
  func.func @multiply(%x: {x}, %w: {w}, %y: {y}) attributes {{pock.kernel}} {{
    %xx = pock.group_view %x : {x} to {xx}
    %ww = pock.group_view %w : {w} to {ww}
    linalg.generic {{indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}}
        ins(%xx, %ww : {xx}, {ww}) outs(%y : {y}) {{
    ^bb0(%a: i{bits}, %b: i{bits}, %sum: i32):
      %result = pock.dot %sum, %a, %b of si16, si16 : i32, i{bits}
      linalg.yield %result : i32
    }}
    return
  }}
}}"""
    random = np.random.default_rng(bits)
    lhs, rhs = (random.integers(-300, 300, (rows, 16), np.int16) for rows in (9, 5))
    sums = np.zeros((9, 5), np.int32)
    with compiled(ir) as multiply:
        multiply(lhs, rhs, sums)
    np.testing.assert_array_equal(sums, lhs.astype(np.int32) @ rhs.astype(np.int32).T)
