"""Layers of bytes as microcontrollers compute them: exactly the integers that numpy computes.

The loops are made for a Cortex-M7 or M55 and run on this machine, where arithmetic replaces its instructions. The last test
runs them in the emulator, with the instructions.
"""

from __future__ import annotations

import ctypes
import itertools
import re
import shutil
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.api.quantization import Quantization
from pockmlir.core.build import built_library
from pockmlir.core.extension import load_core
from pockmlir.frontends.common.builder import shape_of
from pockmlir.frontends.common.layers import cross_entropy
from pockmlir.frontends.common.model import ModelBuilder
from pockmlir.targets.target import Target

Array = np.ndarray[Any, Any]
MCUS = {name: Target.named(name) for name in ("cortex-m7", "cortex-m55")}
MCU = MCUS["cortex-m7"]
LOOPS = (
    "builtin.module(func.func(convert-pock-to-linalg),pock-bufferize-kernels,canonicalize,cse,"
    "pock-fuse-byte-layers,pock-depthwise-bytes,pock-tile-bytes)"
)


@dataclass(frozen=True)
class Layer:
    """A convolution with bias, requantisation and mask."""

    channels: int
    filters: int
    size: tuple[int, int] = (5, 6)
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    low: tuple[int, int] = (0, 0)
    high: tuple[int, int] = (0, 0)
    groups: int = 1
    batch: int = 1
    zero: int = -7

    @property
    def outputs(self) -> tuple[int, int]:
        h, w = (
            (size + low + high - dilation * (kernel - 1) - 1) // stride + 1
            for size, low, high, dilation, kernel, stride in zip(
                self.size, self.low, self.high, self.dilation, self.kernel, self.stride, strict=True
            )
        )
        return h, w

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {
            "x": (self.batch, *self.size, self.channels),
            "w": (self.filters, *self.kernel, self.channels // self.groups),
            "b": (1, 1, 1, self.filters),
            "y": (self.batch, *self.outputs, self.filters),
        }

    def module(self, target: Target) -> str:
        t = {name: f"tensor<{'x'.join(map(str, shape))}x" for name, shape in self.shapes.items()}
        x, w, b, acc, y, mask = (
            t["x"] + "i8>",
            t["w"] + "i8>",
            t["b"] + "i32>",
            *(t["y"] + e for e in ("i32>", "i8>", "i1>")),
        )

        def numbers(values: tuple[int, int]) -> str:
            return f"array<i64: {values[0]}, {values[1]}>"

        return f"""
module attributes {{pock.name = "net", pock.target = {target.attributes}}} {{
  func.func @layer(%x: {x}, %w: {w}, %b: {b}, %m: {b}, %mask: {mask} {{bufferization.writable = true}},
                   %y: {y} {{bufferization.writable = true}}) -> ({mask}, {y}) attributes {{pock.kernel}} {{
    %0 = pock.conv %x, %w {{dilations = {numbers(self.dilation)}, groups = {self.groups} : i64,
        layout = #pock.layout<channels_last_ohwi>, pad_high = {numbers(self.high)}, pad_low = {numbers(self.low)},
        pad_value = {self.zero} : i64, strides = {numbers(self.stride)}}} : ({x}, {w}) -> {acc}
    %1 = pock.add %0, %b : ({acc}, {b}) -> {acc}
    %2 = pock.requantize_mask %1, %m {{zero_point = 3 : i64}} : ({acc}, {b}) -> {mask}
    %3 = pock.requantize %1, %m {{zero_point = 3 : i64}} : ({acc}, {b}) -> {y}
    return %2, %3 : {mask}, {y}
  }}
}}"""

    def expected(self, x: Array, w: Array, b: Array, m: Array) -> tuple[Array, Array]:
        (lh, lw), (hh, hw) = self.low, self.high
        padded = np.pad(x.astype(np.int64), ((0, 0), (lh, hh), (lw, hw), (0, 0)), constant_values=self.zero)
        oh, ow = self.outputs
        (sh, sw), (dh, dw) = self.stride, self.dilation
        inside, outside = self.channels // self.groups, self.filters // self.groups
        sums = np.zeros((self.batch, oh, ow, self.filters), np.int64)
        for i, j in itertools.product(*map(range, self.kernel)):
            part = padded[:, i * dh : i * dh + (oh - 1) * sh + 1 : sh, j * dw : j * dw + (ow - 1) * sw + 1 : sw]
            for g in range(self.groups):
                taken = slice(g * outside, (g + 1) * outside)
                sums[..., taken] += part[..., g * inside : (g + 1) * inside] @ w[taken, i, j].astype(np.int64).swapaxes(
                    -1, -2
                )
        exact = ((sums + b) * m + 2**31 >> 32) + 3
        clamped = exact.clip(-128, 127)
        return exact == clamped, clamped.astype(np.int8)


def random_bytes(rng: np.random.Generator, shape: tuple[int, ...], kind: str) -> Array:
    values = {
        "least": lambda: np.full(shape, -128),
        "most": lambda: np.full(shape, 127),
        "extremes": lambda: np.where(np.arange(np.prod(shape)).reshape(shape) % 2, -128, 127),
    }.get(kind, lambda: rng.integers(-128, 128, shape))()
    return np.ascontiguousarray(values, np.int8)


def run_on_host(layer: Layer, kind: str, must: str, target: Target = MCU) -> None:
    core = load_core()
    ir = core.run_pipeline(layer.module(target), LOOPS)
    assert must in ir, "the layer is not computed as this test expects"
    ir, count = re.subn("#pock.target<.*?>", replace(Target.host(), threads=1).attributes, ir)
    assert count == 1
    rng = np.random.default_rng(layer.channels + layer.filters)
    shapes = layer.shapes
    x, w = (random_bytes(rng, shapes[name], kind) for name in "xw")
    terms = int(np.prod(shapes["w"][1:]))
    b = rng.integers(-3000, 3000, shapes["b"]).astype(np.int32)
    m = rng.integers(2**32 // (300 * terms), 2**32 // (50 * terms), shapes["b"]).astype(np.int32)
    mask, y = np.zeros(shapes["y"], np.uint8), np.zeros(shapes["y"], np.int8)
    passes = ("pock-place-scratch{stack-bytes=1000000}", "pock-llvm-pipeline")
    with built_library(core, ir, *passes, stage="test", name="net") as library:
        function = ctypes.CDLL(str(library)).net_pock_kernel_layer
        function(*(ctypes.c_void_p(array.ctypes.data) for array in (x, w, b, m, mask, y)))
    expected_mask, expected = layer.expected(x, w, b, m)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(mask.astype(bool), expected_mask)


DENSE = {
    **{f"terms {k}": Layer(k, 5, (3, 3)) for k in (4, 5, 6, 7, 8, 16, 25, 27, 28, 33, 36, 44, 66)},
    "one point": Layer(13, 9, (1, 1)),
    "two points": Layer(12, 3, (1, 2)),
    "three points": Layer(12, 3, (3, 1), batch=1),
    "batch": Layer(10, 4, (3, 3), batch=2),
    "stride": Layer(8, 4, (5, 7), stride=(2, 2)),
    "stem": Layer(3, 16, (9, 8), (3, 3), (2, 2), low=(1, 1), high=(1, 1)),
    "borders on one side": Layer(3, 4, (6, 5), (3, 3), (2, 2), low=(0, 0), high=(1, 1)),
    "large window": Layer(5, 4, (4, 3), (5, 5), low=(2, 2), high=(2, 2)),
    "window wider than the input": Layer(4, 6, (2, 2), (5, 7), low=(3, 3), high=(3, 3)),
    "dilated": Layer(4, 5, (7, 7), (3, 3), dilation=(2, 3), low=(2, 3), high=(2, 3), batch=2),
    "groups": Layer(12, 15, (4, 5), (3, 3), groups=3, low=(1, 1), high=(1, 1)),
    "pointwise groups": Layer(24, 20, (3, 3), groups=4, batch=2),
}
DEPTHWISE = {
    **{
        f"{k}x{k} stride {s}": Layer(3, 3, (9, 10), (k, k), (s, s), low=(k // 2,) * 2, high=(k // 2,) * 2, groups=3)
        for k, s in itertools.product((1, 3, 5, 7), (1, 2))
    },
    "odd size": Layer(2, 2, (5, 7), (3, 3), low=(1, 1), high=(1, 1), groups=2),
    "one column": Layer(2, 2, (4, 1), (3, 3), low=(1, 1), high=(1, 1), groups=2),
    "one point": Layer(5, 5, (1, 1), (3, 3), low=(1, 1), high=(1, 1), groups=5),
    "even window": Layer(3, 3, (6, 7), (2, 4), low=(0, 1), high=(1, 2), groups=3),
    "even window, odd stride": Layer(3, 3, (9, 11), (4, 2), (3, 3), low=(1, 0), high=(2, 1), groups=3),
    "dilated": Layer(4, 4, (8, 9), (3, 3), dilation=(2, 2), low=(2, 2), high=(2, 2), groups=4),
    "dilated by 3": Layer(4, 4, (9, 9), (3, 2), dilation=(1, 3), low=(1, 1), high=(1, 2), groups=4),
    "batch": Layer(3, 3, (4, 6), (3, 3), low=(1, 1), high=(1, 1), groups=3, batch=2),
    "multiplier": Layer(3, 6, (5, 5), (3, 3), low=(1, 1), high=(1, 1), groups=3),
    "no border": Layer(2, 2, (6, 6), (3, 3), groups=2),
    "border on one side": Layer(2, 2, (6, 5), (3, 3), (2, 2), low=(0, 0), high=(1, 1), groups=2),
}


@pytest.mark.parametrize("name", DENSE)
def test_products(name: str) -> None:
    run_on_host(DENSE[name], "random", "pock.dot_quads")


@pytest.mark.parametrize("name", DENSE)
def test_products_by_vectors(name: str) -> None:
    run_on_host(DENSE[name], "random", "pock.dot_lanes", MCUS["cortex-m55"])


@pytest.mark.parametrize("name", DEPTHWISE)
def test_depthwise(name: str) -> None:
    run_on_host(DEPTHWISE[name], "random", "pock.dot" if DEPTHWISE[name].kernel[1] > 1 else "scf.for")


@pytest.mark.parametrize("name", DEPTHWISE)
def test_depthwise_by_vectors(name: str) -> None:
    layer = DEPTHWISE[name]
    wide = layer.outputs[1] >= 3 and 4 % layer.stride[1] == 0
    run_on_host(layer, "random", "vector<4xi32>" if wide else "scf.for", MCUS["cortex-m55"])


@pytest.mark.parametrize("target", MCUS)
@pytest.mark.parametrize("transposed", [False, True])
def test_products_of_activations(transposed: bool, target: str) -> None:
    """The terms need not be contiguous in the right operand, as in the product of attention's weights and values."""
    m, n, k = 6, 9, 21
    core = load_core()
    text = f"""
#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> ({"k, n" if transposed else "n, k"})>
#out = affine_map<(m, n, k) -> (m, n)>
module attributes {{pock.name = "net", pock.target = {MCUS[target].attributes}}} {{
  func.func @layer(%x: memref<{m}x{k}xi8>, %w: memref<{f"{k}x{n}" if transposed else f"{n}x{k}"}xi8>,
                   %y: memref<{m}x{n}xi32>) attributes {{pock.kernel}} {{
    linalg.generic {{indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}}
        ins(%x, %w : memref<{m}x{k}xi8>, memref<{f"{k}x{n}" if transposed else f"{n}x{k}"}xi8>)
        outs(%y : memref<{m}x{n}xi32>) {{
    ^bb0(%p: i8, %q: i8, %sum: i32):
      %0 = arith.extsi %p : i8 to i32
      %1 = arith.extsi %q : i8 to i32
      %2 = arith.muli %0, %1 : i32
      %3 = arith.addi %sum, %2 : i32
      linalg.yield %3 : i32
    }}
    return
  }}
}}"""
    ir = core.run_pipeline(text, "builtin.module(pock-tile-bytes)")
    assert "linalg" not in ir
    ir, _ = re.subn("#pock.target<.*?>", replace(Target.host(), threads=1).attributes, ir)
    rng = np.random.default_rng(7)
    x, w = random_bytes(rng, (m, k), "random"), random_bytes(rng, (n, k), "random")
    given, y = np.ascontiguousarray(w.T if transposed else w), np.zeros((m, n), np.int32)
    passes = ("pock-place-scratch{stack-bytes=1000000}", "pock-llvm-pipeline")
    with built_library(core, ir, *passes, stage="test", name="net") as library:
        function = ctypes.CDLL(str(library)).net_pock_kernel_layer
        function(*(ctypes.c_void_p(array.ctypes.data) for array in (x, given, y)))
    np.testing.assert_array_equal(y, x.astype(np.int32) @ w.astype(np.int32).T)


@pytest.mark.parametrize("kind", ["least", "most", "extremes"])
@pytest.mark.parametrize("layer", [DENSE["stem"], DENSE["terms 33"], DEPTHWISE["5x5 stride 1"]])
@pytest.mark.parametrize("target", MCUS)
def test_extremes(layer: Layer, kind: str, target: str) -> None:
    run_on_host(layer, kind, "scf.for", MCUS[target])


def fused_module(first: Layer, second: Layer, target: Target) -> str:
    """A kernel of two layers: a tensor of bytes is between them."""
    shapes = {f"{name}{i}": shape for i, layer in enumerate((first, second)) for name, shape in layer.shapes.items()}
    t = {name: f"tensor<{'x'.join(map(str, shape))}x" for name, shape in shapes.items()}

    def numbers(values: tuple[int, int]) -> str:
        return f"array<i64: {values[0]}, {values[1]}>"

    def body(i: int, layer: Layer, x: str) -> str:
        acc, y, b = f"{t[f'y{i}']}i32>", f"{t[f'y{i}']}i8>", f"{t[f'b{i}']}i32>"
        return f"""
    %a{i} = pock.conv {x}, %w{i} {{dilations = {numbers(layer.dilation)}, groups = {layer.groups} : i64,
        layout = #pock.layout<channels_last_ohwi>, pad_high = {numbers(layer.high)}, pad_low = {numbers(layer.low)},
        pad_value = {layer.zero} : i64, strides = {numbers(layer.stride)}}} : ({t[f"x{i}"]}i8>, {t[f"w{i}"]}i8>) -> {acc}
    %s{i} = pock.add %a{i}, %b{i} : ({acc}, {b}) -> {acc}
    %y{i} = pock.requantize %s{i}, %m{i} {{zero_point = 3 : i64}} : ({acc}, {b}) -> {y}"""

    arguments = [f"%x: {t['x0']}i8>"]
    for i in range(2):
        arguments += [f"%w{i}: {t[f'w{i}']}i8>", f"%b{i}: {t[f'b{i}']}i32>", f"%m{i}: {t[f'b{i}']}i32>"]
    y = f"{t['y1']}i8>"
    return f"""
module attributes {{pock.name = "net", pock.target = {target.attributes}}} {{
  func.func @layer({", ".join(arguments)}, %y: {y} {{bufferization.writable = true}}) -> {y}
      attributes {{pock.kernel}} {{{body(0, first, "%x")}{body(1, second, "%y0")}
    return %y1 : {y}
  }}
}}"""


PAIRS = {
    "3x3": (Layer(8, 12, (7, 9)), Layer(12, 12, (7, 9), (3, 3), low=(1, 1), high=(1, 1), groups=12)),
    "3x3 stride 2, 5 channels": (
        Layer(6, 5, (8, 8), batch=2),
        Layer(5, 5, (8, 8), (3, 3), (2, 2), low=(1, 1), high=(0, 0), groups=5, batch=2),
    ),
    "5x5, narrow": (Layer(9, 6, (5, 3)), Layer(6, 6, (5, 3), (5, 5), low=(2, 2), high=(2, 2), groups=6)),
    "rows that nobody reads": (Layer(4, 4, (6, 6)), Layer(4, 4, (6, 6), (2, 2), (3, 3), groups=4)),
}


@pytest.mark.parametrize("target", MCUS)
@pytest.mark.parametrize("name", PAIRS)
def test_fused(name: str, target: str) -> None:
    first, second = PAIRS[name]
    core = load_core()
    ir = core.run_pipeline(fused_module(first, second, MCUS[target]), LOOPS)
    assert "linalg" not in ir
    assert not re.search(r"memref.alloc\(\).*\dx\d+xi8>", ir), "the tensor between the layers exists"
    ir, _ = re.subn("#pock.target<.*?>", replace(Target.host(), threads=1).attributes, ir)
    rng = np.random.default_rng(1)
    values = [random_bytes(rng, first.shapes["x"], "random")]
    for layer in (first, second):
        shapes = layer.shapes
        terms = int(np.prod(shapes["w"][1:]))
        values += [
            random_bytes(rng, shapes["w"], "random"),
            rng.integers(-3000, 3000, shapes["b"]).astype(np.int32),
            rng.integers(2**32 // (300 * terms), 2**32 // (50 * terms), shapes["b"]).astype(np.int32),
        ]
    y = np.zeros(second.shapes["y"], np.int8)
    passes = ("pock-place-scratch{stack-bytes=1000000}", "pock-llvm-pipeline")
    with built_library(core, ir, *passes, stage="test", name="net") as library:
        function = ctypes.CDLL(str(library)).net_pock_kernel_layer
        function(*(ctypes.c_void_p(array.ctypes.data) for array in (*values, y)))
    _, between = first.expected(values[0], *values[1:4])
    _, expected = second.expected(between, *values[4:])
    np.testing.assert_array_equal(y, expected)


def odd_network() -> Any:
    """A quantised network of layers whose sizes are multiples of nothing, batch 2."""
    model = ModelBuilder("odd")
    rng = np.random.default_rng(3)
    layers = [  # filters, kernel, stride, padding, dilation, groups
        (10, 3, 2, 1, 1, 1),
        (10, 5, 1, 2, 1, 10),
        (35, 1, 1, 0, 1, 1),
        (35, 3, 2, 1, 1, 35),
        (15, 1, 1, 0, 1, 5),
        (15, 3, 1, 2, 2, 15),
        (6, 3, 1, 0, 1, 3),
        (7, 1, 2, 0, 1, 1),
    ]
    channels = 3
    for i, (filters, kernel, _, _, _, groups) in enumerate(layers):
        shape = (filters, channels // groups, kernel, kernel)
        scales = rng.uniform(0.5, 1.5, filters) / np.sqrt(np.prod(shape[1:])) / 40
        quantised = Quantization(scales.astype(np.float32), axis=0, least=-127)
        model.parameter(f"l{i}.weight", rng.integers(-127, 128, shape).astype(np.int8), quantization=quantised)
        real = Quantization(scales * 0.02, axis=0, least=1 - 2**31, most=2**31 - 1)
        bias = rng.integers(-2000, 2000, filters).astype(np.int32)
        model.parameter(f"l{i}.bias", bias, quantization=real, scales_of=f"l{i}.weight", factor=0.02)
        channels = filters
    for name in ("loss", "predict"):
        b = model.function(name)
        x = b.dequantize(b.transpose(b.add_input("x", (2, 27, 23, 3), "i8"), (0, 3, 1, 2)), 0.02, -5)
        for i, (filters, kernel, stride, pad, dilation, groups) in enumerate(layers):
            extents = [(n + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1 for n in shape_of(x)[2:]]
            y = b.emit(
                ops.ConvOp,
                b.type((2, filters, *extents), "f32"),
                x,
                b.load_real(f"l{i}.weight"),
                strides=[stride] * 2,
                pad_low=[pad] * 2,
                pad_high=[pad] * 2,
                dilations=[dilation] * 2,
                groups=groups,
            )
            y = b.add(y, b.reshape(b.load_real(f"l{i}.bias"), (filters, 1, 1)))
            zero = -128 if i % 2 else 4
            x = b.dequantize(b.quantize(y, 0.02, zero), 0.02, zero)
        x = b.mean(x, (2, 3))
        if name == "loss":
            target = b.add_input("target", (2,), "i64")
            b.returns({"loss": cross_entropy(b, x, target)})
        else:
            b.returns({"output": x})
    return model.build()


@pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm")
@pytest.mark.parametrize("name", [pytest.param("cortex-m4", marks=pytest.mark.slow), "cortex-m7", "cortex-m55"])
def test_in_the_emulator(name: str) -> None:
    """Forward pass and masks with the instructions: the bits of this machine."""
    rng = np.random.default_rng(5)
    scheme = pock.Scheme({f"l{i}.bias": 1.0 for i in range(2, 8)})
    device, host = (
        pock.compile(odd_network(), loss=None, scheme=scheme, optimizer=pock.SGD(lr=0.01), target=target)
        for target in (name, replace(Target.host(), arithmetic="portable"))
    )
    data = {
        "x": rng.integers(-128, 128, (2, 27, 23, 3)).astype(np.int8),
        "y": np.array([3, 0]),
        "x_test": rng.integers(-128, 128, (2, 27, 23, 3)).astype(np.int8),
        "y_test": np.array([1, 2]),
    }
    found = pock.run(device, data, steps=2, reference=host)
    assert found.comparison is not None
    assert found.comparison.outputs_equal
    assert found.comparison.state_equal
