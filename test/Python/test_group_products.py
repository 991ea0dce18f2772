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

HOST = replace(Target.host(), threads=1)
#: Rows of the instruction tables: vector bytes, and the features without which a processor would use the next row.
ROWS = {
    "vpdpbusd": (64, ("+avx512vnni", "+avx512vl")),
    "vpmaddwd of 64 bytes": (64, ("+avx512bw", "-avx512vnni")),
    "vpmaddwd of 32 bytes": (32, ("+avx2", "-avx512bw", "-avx512vnni")),
    "pmaddwd of 16 bytes": (16, ("+sse2", "-avx2", "-avx512bw", "-avx512vnni")),
    "sdot": (16, ("+dotprod",)),
    "no instruction": (16, ("-sse2", "-avx2", "-avx512bw", "-avx512vnni", "-dotprod")),
}


def forced(row: str) -> Target:
    """The host with one row of the tables; skips if it has not got the instruction."""
    size, features = ROWS[row]
    present = HOST.features.split(",")
    if not all(feature in present for feature in features if feature[0] == "+"):
        pytest.skip(f"the machine has no {row}")
    removed = [feature for feature in features if feature[0] == "-"]
    kept = [feature for feature in present if f"-{feature[1:]}" not in removed]
    return replace(HOST, cpu="", features=",".join(kept + removed), vector_bytes=size)


def operand(random: np.random.Generator, kind: str, shape: tuple[int, int], dtype: type) -> np.ndarray:
    """Bytes of one kind: random, or the ends of the type, which make the largest sums."""
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    if kind == "random":
        return random.integers(least, most + 1, shape, dtype)
    if kind == "alternating":
        return np.where(np.indices(shape).sum(0) % 2, least, most).astype(dtype)
    return np.full(shape, {"least": least, "most": most}[kind], dtype)


def module(
    rows: int, columns: int, terms: int, lhs: str, rhs: str, target: Target, zero: int = 0, transposed: bool = False
) -> str:
    """A kernel that multiplies matrices of bytes, each widened by `lhs` and `rhs`; the first minus `zero`."""
    shape = f"{columns}x{terms}" if transposed else f"{terms}x{columns}"
    x, w, y = f"memref<{rows}x{terms}xi8>", f"memref<{shape}xi8>", f"memref<{rows}x{columns}xi32>"
    return f"""
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> ({"n, k" if transposed else "k, n"})>
#out = affine_map<(m, n, k) -> (m, n)>
module attributes {{pock.name = "net", pock.target = {target.attributes}}} {{
  func.func @multiply(%x: {x}, %w: {w}, %y: {y}) attributes {{pock.kernel}} {{
    linalg.generic {{indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}}
        ins(%x, %w : {x}, {w}) outs(%y : {y}) {{
    ^bb0(%a: i8, %b: i8, %sum: i32):
      %zero = arith.constant {zero} : i32
      %wide_a = arith.{lhs} %a : i8 to i32
      %real_a = arith.subi %wide_a, %zero : i32
      %wide_b = arith.{rhs} %b : i8 to i32
      %product = arith.muli %real_a, %wide_b : i32
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


PASSES = "builtin.module(pock-group-products,pock-float-sums)"
TYPES = {"extui": np.uint8, "extsi": np.int8}


def check(multiply: Callable[..., None], x: np.ndarray, w: np.ndarray, zero: int) -> None:
    """Compare sums, to which the kernel adds, with those of numpy."""
    y = np.random.default_rng(1).integers(-100, 100, (len(x), w.shape[1]), np.int32)
    expected = y + (x.astype(np.int32) - zero) @ w.astype(np.int32)
    multiply(x, w, y)
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("lhs", "rhs", "rows", "columns", "terms"),
    [
        ("extui", "extsi", 32, 48, 64),
        ("extsi", "extui", 17, 19, 12),
        ("extsi", "extsi", 17, 3, 4),
        ("extsi", "extsi", 40, 16, 2000),
    ],
)
def test_sums_are_exact(lhs, rhs, rows, columns, terms, row):
    random = np.random.default_rng(rows * terms)
    x, w = operand(random, "random", (rows, terms), TYPES[lhs]), operand(random, "random", (terms, columns), TYPES[rhs])
    ir = load_core().run_pipeline(module(rows, columns, terms, lhs, rhs, forced(row)), PASSES)
    with compiled(ir) as multiply:
        check(multiply, x, w, 0)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("zero", [-128, 0, 3, 127])
def test_extremes_and_tails(row, zero):
    """All of the ends of the type, in every remainder of terms, rows and columns."""
    random = np.random.default_rng(0)
    target = forced(row)
    for terms in (1, 2, 3, 4, 5, 6, 7, 8, 30):
        rows, columns = 16 + terms % 5, 17 + terms % 7
        ir = load_core().run_pipeline(module(rows, columns, terms, "extsi", "extsi", target, zero), PASSES)
        with compiled(ir) as multiply:
            for kinds in [("least", "least"), ("most", "least"), ("alternating", "most"), ("random", "random")]:
                x = operand(random, kinds[0], (rows, terms), np.int8)
                w = operand(random, kinds[1], (terms, columns), np.int8)
                check(multiply, x, w, zero)


@pytest.mark.parametrize("row", ROWS)
def test_a_transposed_operand(row):
    """Terms are contiguous in both operands, as in a linear layer."""
    random = np.random.default_rng(0)
    x, w = operand(random, "random", (19, 24), np.int8), operand(random, "random", (21, 24), np.int8)
    ir = module(19, 21, 24, "extsi", "extsi", forced(row), zero=-128, transposed=True)
    ir = load_core().run_pipeline(ir, PASSES)
    with compiled(ir) as multiply:
        check(lambda x, w, y: multiply(x, np.ascontiguousarray(w.T), y), x, w.T, -128)


def test_groups_run_without_their_instruction():
    """What the pass made for one processor runs on another one, too."""
    if not HOST.triple.startswith("x86"):
        pytest.skip("the machine is no x86")
    target = replace(HOST, cpu="", features="+avx512vnni,+avx512vl", vector_bytes=64, vector_registers=32)
    ir = load_core().run_pipeline(module(33, 37, 12, "extsi", "extsi", target, zero=-128), PASSES)
    assert "of ui8, si8" in ir
    random = np.random.default_rng(0)
    x, w = operand(random, "random", (33, 12), np.int8), operand(random, "random", (12, 37), np.int8)
    with compiled(ir.replace(target.features, "+fma")) as multiply:
        check(multiply, x, w, -128)


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
