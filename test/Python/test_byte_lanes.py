"""Helium's products of vectors of bytes: exact sums, in the emulator, for all tails, zero points and extremes."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
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
KINDS = ("least", "most", "extremes", "random")
#: Terms of a sum → rows and columns of the image.
SIZES = {terms: ((1, 1), (1, 2), (2, 3), (3, 3), (1, 5))[terms % 5] for terms in (*range(1, 18), 31, 32, 33, 57, 100)}
ZEROS = (-128, 0, 3, 127)
LARGEST = max(SIZES)


def make(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    values = {
        "least": lambda: np.full(shape, -128),
        "most": lambda: np.full(shape, 127),
        "extremes": lambda: np.where(np.arange(np.prod(shape)).reshape(shape) % 2, -128, 127),
        "random": lambda: rng.integers(-128, 128, shape),
    }[kind]()
    return np.ascontiguousarray(values, np.int8)


def weights() -> dict[int, np.ndarray[Any, Any]]:
    """For each number of terms, channels of all kinds."""
    rng = np.random.default_rng(2)
    return {
        terms: np.stack([make(rng, KINDS[(i + terms) % 4], (terms,)) for i in range(terms % 5 + 1)]) for terms in SIZES
    }


def network(window: int) -> Any:
    """The sums of all sizes as real numbers, which they are exactly; ``window`` is that of all convolutions."""
    model = ModelBuilder("sums")
    for terms, weight in weights().items():
        shape = (*weight.shape, window, window)
        stored = np.broadcast_to(weight[..., None, None], shape).copy()
        model.parameter(
            f"w{terms}", stored, quantization=Quantization(np.ones(len(weight), np.float32), axis=0, least=-128)
        )
    model.parameter("bias", np.zeros(2, np.float32))
    for name in ("loss", "predict"):
        b = model.function(name)
        x = b.add_input("x", (1, 3, 5, LARGEST), "i8")
        sums = {}
        for i, (terms, size) in enumerate(SIZES.items()):
            part = b.transpose(x, (0, 3, 1, 2))
            for dim, limit in enumerate((terms, *size), 1):
                part = b.slice(part, dim, 0, limit)
            sums[f"sum{terms}"] = b.emit(
                ops.ConvOp,
                b.type((1, terms % 5 + 1, *size), "f32"),
                b.dequantize(part, 1.0, ZEROS[i % 4]),
                b.load_real(f"w{terms}"),
                strides=[1, 1],
                pad_low=[window // 2] * 2,
                pad_high=[window // 2] * 2,
                dilations=[1, 1],
                groups=1,
            )
        if name == "predict":
            b.returns(sums)
        else:
            target = b.add_input("target", (1,), "i64")
            b.returns({"loss": cross_entropy(b, b.reshape(b.load("bias"), (1, 2)), target)})
    return model.build()


@pytest.mark.parametrize("window", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_sums_are_exact(window: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    options: dict[str, Any] = {"loss": None, "scheme": pock.Scheme({"bias": 1.0}), "optimizer": pock.SGD(lr=0.01)}
    device, host = (
        pock.compile(network(window), target=target, **options)
        for target in ("cortex-m55", replace(Target.host(), arithmetic="portable"))
    )
    x = np.concatenate([make(rng, kind, (1, 3, 5, LARGEST)) for kind in KINDS])
    data = {"x": x, "y": np.zeros(4, np.int64), "x_test": x, "y_test": np.zeros(4, np.int64)}
    found = pock.run(device, data, steps=1, reference=host, directory=tmp_path)
    assert found.comparison is not None
    assert found.comparison.outputs_equal
    # The host's sums are right, too.
    for sample in x:
        sums = host.predict(sample[None])
        for i, (terms, size) in enumerate(SIZES.items()):
            part = np.pad(
                sample[: size[0], : size[1], :terms].astype(np.int64) - ZEROS[i % 4],
                ((window // 2,) * 2, (window // 2,) * 2, (0, 0)),
            )
            windows = np.lib.stride_tricks.sliding_window_view(part, (window, window), (0, 1))
            expected = np.einsum("hwcij,oc->ohw", windows, weights()[terms].astype(np.int64))
            np.testing.assert_array_equal(sums[f"sum{terms}"][0], expected)
    if shutil.which("llvm-objdump-22"):
        text = subprocess.run(
            ["llvm-objdump-22", "-d", "--mcpu=cortex-m55", tmp_path / "program"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert "vmlava.s8" in text
        assert "vmlava.s16" in text
