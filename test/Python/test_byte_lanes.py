"""Helium's products of vectors of bytes: exact sums, in the emulator, for all tails, zero points and extremes."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.api.quantization import Quantization
from pockmlir.frontends.common.layers import cross_entropy
from pockmlir.frontends.common.model import ModelBuilder
from pockmlir.targets.target import Target

pytestmark = pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm")
Array = np.ndarray[Any, Any]
KINDS = ("least", "most", "extremes", "random")
ZEROS = (-128, 0, 3, 127)
IMAGE = (6, 9, 100)


def make(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Array:
    values = {
        "least": lambda: np.full(shape, -128),
        "most": lambda: np.full(shape, 127),
        "extremes": lambda: np.where(np.arange(np.prod(shape)).reshape(shape) % 2, -128, 127),
        "random": lambda: rng.integers(-128, 128, shape),
    }[kind]()
    return np.ascontiguousarray(values, np.int8)


@dataclass(frozen=True)
class Conv:
    """A convolution of a corner of the image, whose result is the sums."""

    channels: int
    filters: int
    size: tuple[int, int]
    zero: int
    window: int = 1
    stride: int = 1
    groups: int = 1

    @property
    def outputs(self) -> tuple[int, int]:
        rows, columns = ((n - 1) // self.stride + 1 for n in self.size)
        return rows, columns

    @property
    def weight(self) -> Array:
        """Filters of all kinds."""
        shape = (self.channels // self.groups, self.window, self.window)
        rng = np.random.default_rng(2)
        return np.stack([make(rng, KINDS[(i + self.channels) % 4], shape) for i in range(self.filters)])

    def expected(self, image: Array) -> Array:
        border = (self.window // 2,) * 2
        part = image[: self.size[0], : self.size[1], : self.channels].astype(np.int64) - self.zero
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(part, (border, border, (0, 0))), (self.window, self.window), (0, 1)
        )[:: self.stride, :: self.stride]
        weight = self.weight.astype(np.int64)
        if self.groups > 1:
            return np.einsum("hwcij,cij->chw", windows, weight[:, 0])
        return np.einsum("hwcij,ocij->ohw", windows, weight)


SIZES = ((1, 1), (1, 2), (2, 3), (3, 3), (1, 5))
TERMS = (*range(1, 18), 31, 32, 33, 57, 100)
PRODUCTS = [Conv(terms, terms % 5 + 1, SIZES[terms % 5], ZEROS[i % 4]) for i, terms in enumerate(TERMS)]
WINDOWS = [replace(conv, window=3) for conv in PRODUCTS]
DEPTHWISE = [
    Conv(5, 5, size, ZEROS[i % 4], window, stride, groups=5)
    for i, (window, stride, size) in enumerate(
        [(1, 1, (3, 3)), (3, 1, (6, 9)), (3, 2, (6, 9)), (5, 1, (4, 4)), (5, 2, (5, 8)), (7, 1, (6, 5)), (3, 1, (1, 2))]
    )
]


def network(convs: list[Conv]) -> Any:
    """The sums of all convolutions as real numbers, which they are exactly."""
    model = ModelBuilder("sums")
    for i, conv in enumerate(convs):
        scale = Quantization(np.ones(conv.filters, np.float32), axis=0, least=-128)
        model.parameter(f"w{i}", conv.weight, quantization=scale)
    model.parameter("bias", np.zeros(2, np.float32))
    for name in ("loss", "predict"):
        b = model.function(name)
        x = b.add_input("x", (1, *IMAGE), "i8")
        if name == "loss":
            target = b.add_input("target", (1,), "i64")
            b.returns({"loss": cross_entropy(b, b.reshape(b.load("bias"), (1, 2)), target)})
            continue
        sums = {}
        for i, conv in enumerate(convs):
            part = b.transpose(x, (0, 3, 1, 2))
            for dim, limit in enumerate((conv.channels, *conv.size), 1):
                part = b.slice(part, dim, 0, limit)
            sums[f"sum{i}"] = b.emit(
                ops.ConvOp,
                b.type((1, conv.filters, *conv.outputs), "f32"),
                b.dequantize(part, 1.0, conv.zero),
                b.load_real(f"w{i}"),
                strides=[conv.stride] * 2,
                pad_low=[conv.window // 2] * 2,
                pad_high=[conv.window // 2] * 2,
                dilations=[1, 1],
                groups=conv.groups,
            )
        b.returns(sums)
    return model.build()


@pytest.mark.parametrize(
    ("convs", "instructions"),
    [
        pytest.param(PRODUCTS, {"vmlava.s8", "vmlava.s16", "vldrbt.u8"}, id="products"),
        pytest.param(DEPTHWISE, {"vmla.i32", "vldrb.s32"}, id="depthwise"),
        pytest.param(WINDOWS, {"vmlava.s8"}, id="windows", marks=pytest.mark.slow),
    ],
)
def test_sums_are_exact(convs: list[Conv], instructions: set[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    options: dict[str, Any] = {"loss": None, "scheme": pock.Scheme({"bias": 1.0}), "optimizer": pock.SGD(lr=0.01)}
    device, host = (
        pock.compile(network(convs), target=target, **options)
        for target in ("cortex-m55", replace(Target.host(), arithmetic="portable"))
    )
    images = np.stack([make(rng, kind, IMAGE) for kind in KINDS])
    labels = np.zeros(len(images), np.int64)
    data = {"x": images, "y": labels, "x_test": images, "y_test": labels}
    found = pock.run(device, data, steps=1, reference=host, directory=tmp_path)
    assert found.comparison is not None
    assert found.comparison.outputs_equal
    # The host's sums are right, too.
    for image in images:
        sums = host.predict(image[None])
        for i, conv in enumerate(convs):
            np.testing.assert_array_equal(sums[f"sum{i}"][0], conv.expected(image), err_msg=str(conv))
    if shutil.which("llvm-objdump-22"):
        command = ["llvm-objdump-22", "-d", "--mcpu=cortex-m55", tmp_path / "program"]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert {name for name in instructions if name not in text} == set()
