"""Quantised ops in compiled code, against exact integers and against PyTorch in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.api.quantization import Quantization
from pockmlir.dropout import philox2x32
from pockmlir.frontends.common.builder import Builder, Value
from pockmlir.frontends.common.model import ModelBuilder

Array = np.ndarray[Any, Any]
BYTES = np.arange(-128, 128).astype(np.int8)


def predicted(build: Callable[[Builder, Mapping[str, Value]], Value], inputs: Mapping[str, Array]) -> Array:
    """Return what a compiled function makes of its inputs."""
    model = ModelBuilder()
    model.parameter("p", np.zeros(1, np.float32))
    for name in ("loss", "predict"):
        b = model.function(name)
        if name == "loss":
            b.returns({"loss": b.sum(b.load("p"), (0,))})
            continue
        given = {key: b.add_input(key, value.shape, str(_mlir(value))) for key, value in inputs.items()}
        b.returns({"output": build(b, given)})
    step = pock.compile(model.build(), loss=None, scheme=pock.Scheme.full(), optimizer=pock.SGD(lr=0.0))
    result: Array = step.predict(*inputs.values())
    return result


def _mlir(value: Array) -> str:
    return {"int8": "i8", "int32": "i32", "float32": "f32"}[value.dtype.name]


def exact(total: Array, scale: float, zero: int) -> Array:
    """Return the documented result of `pock.requantize` in Python's integers."""
    multiplier, shift = oracle.fixed_scale(scale)
    bits = 32 - shift
    scaled = [(int(value) * multiplier + (1 << (bits - 1)) >> bits) + zero for value in total.reshape(-1)]
    return np.clip(np.array(scaled, object), -128, 127).astype(np.int64).reshape(total.shape)


@pytest.mark.parametrize("exponent", [-31, -30, -20, -8, -3, -2, -1, 0, 1, 2, 7, 14, 15])
def test_every_scale_is_exact(exponent: int) -> None:
    """From 2^-31 to 2^15, also where the multiplier needs a shift."""
    for factor in (1.0, 1.37) if exponent < 15 else (1.0,):
        scale = factor * 2.0**exponent

        def build(b: Builder, x: Mapping[str, Value], scale: float = scale) -> Value:
            return b.quantize(b.dequantize(x["x"], scale * 0.5, 3), 0.5, -7)

        expected = exact(BYTES.astype(np.int64) - 3, scale, -7)
        assert np.array_equal(predicted(build, {"x": BYTES}), expected), scale


@pytest.mark.parametrize("ratio", [2.0**-14, 0.1, 0.5, 1.0, 1.9999, 2.0, 3.7, 100.0, 1024.0])
def test_sums_of_two_scales_are_exact(ratio: float) -> None:
    left = np.repeat(BYTES[::5], 52)
    right = np.tile(BYTES[::5], 52)

    def build(b: Builder, x: Mapping[str, Value]) -> Value:
        total = b.add(b.dequantize(x["x"], ratio * 0.25, -3), b.dequantize(x["y"], 0.2, 11))
        return b.quantize(total, 0.25, 5)

    factors = [math.floor(math.ldexp(r, 20) + 0.5) for r in (ratio, 0.8)]
    total = (left.astype(np.int64) + 3) * factors[0] + (right.astype(np.int64) - 11) * factors[1]
    expected = exact(total, 2.0**-20, 5)
    assert np.array_equal(predicted(build, {"x": left, "y": right}), expected)


@pytest.mark.parametrize("terms", [1, 2, 3, 16, 49])
def test_means_are_exact(terms: int) -> None:
    x = np.random.default_rng(terms).integers(-128, 128, (5, terms)).astype(np.int8)

    def build(b: Builder, given: Mapping[str, Value]) -> Value:
        return b.quantize(b.mean(b.dequantize(given["x"], 0.3, 9), (1,)), 0.3, 9)

    assert np.array_equal(predicted(build, {"x": x}), exact((x.astype(np.int64) - 9).sum(1), 1 / terms, 9))


def test_products_are_exact() -> None:
    left, right = np.repeat(BYTES[::5], 52), np.tile(BYTES[::5], 52)

    def build(b: Builder, x: Mapping[str, Value]) -> Value:
        product = b.mul(b.dequantize(x["x"], 0.02, -128), b.dequantize(x["y"], 0.03, 4))
        return b.quantize(product, 0.05, -20)

    expected = exact((left.astype(np.int64) + 128) * (right.astype(np.int64) - 4), 0.02 * 0.03 / 0.05, -20)
    assert np.array_equal(predicted(build, {"x": left, "y": right}), expected)


def test_quantize_at_special_points() -> None:
    """Ties go to the even integer, infinities to the limits, NaN to 0 as in PyTorch."""
    x = np.array([0.0, -0.0, 0.25, 0.75, -0.25, 1e30, -1e30, np.inf, -np.inf, np.nan, 63.5, 63.75, -64.25], np.float32)

    def build(b: Builder, given: Mapping[str, Value]) -> Value:
        return b.quantize(given["x"], 0.5, 0)

    # As torchao's `quantize_per_tensor`.
    rounded = torch.clamp(torch.round(torch.from_numpy(x) * 2.0), -128, 127)
    expected = torch.where(torch.isnan(rounded), 0, rounded).to(torch.int8).numpy()
    assert np.array_equal(predicted(build, {"x": x}), expected)


@pytest.mark.parametrize("limits", [(0.0, 6.0), (-1.0, 1.0), (0.0, None), (None, 2.0), (7.0, 9.0)])
def test_a_clamp_becomes_the_range(limits: tuple[float | None, float | None]) -> None:
    x = np.linspace(-9, 9, 2001, dtype=np.float32)

    def build(b: Builder, given: Mapping[str, Value]) -> Value:
        low, high = limits
        clamped = b.emit(ops.ClampOp, given["x"].type, given["x"], min=low, max=high)
        return b.quantize(clamped, 0.05, -20)

    clamped = np.clip(x, *(np.float32(v) if v is not None else None for v in limits))
    expected = np.clip(np.rint(clamped * np.float32(20)) - 20, -128, 127)
    assert np.array_equal(predicted(build, {"x": x}), expected)


CONVOLUTIONS = {
    "pointwise": ((2, 5, 4, 3), (7, 5, 1, 1), {}),
    "one pixel": ((1, 16, 1, 1), (3, 16, 1, 1), {}),
    "dense": ((1, 3, 7, 6), (5, 3, 3, 3), {"stride": 2, "padding": 1}),
    "dilated": ((1, 4, 9, 8), (6, 4, 3, 3), {"dilation": 2, "padding": 2}),
    "depthwise": ((1, 6, 7, 7), (6, 1, 3, 3), {"groups": 6, "padding": 1}),
    "depthwise 5x5 stride 2": ((2, 9, 8, 8), (9, 1, 5, 5), {"groups": 9, "padding": 2, "stride": 2}),
    "multiplier": ((1, 4, 5, 5), (8, 1, 3, 3), {"groups": 4, "padding": 1}),
    "grouped": ((1, 6, 5, 5), (4, 3, 3, 3), {"groups": 2}),
}


def _convolve(b: Builder, x: Value, weight: Value, shape: tuple[int, ...], options: Mapping[str, int]) -> Value:
    pad = [options.get("padding", 0)] * 2
    return b.emit(
        ops.ConvOp,
        b.type(shape, "f32"),
        x,
        weight,
        strides=[options.get("stride", 1)] * 2,
        pad_low=pad,
        pad_high=pad,
        dilations=[options.get("dilation", 1)] * 2,
        groups=options.get("groups", 1),
    )


@pytest.mark.parametrize("extreme", [None, -128, 127, "alternating"])
@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_convolutions_are_exact(case: str, extreme: int | str | None) -> None:
    """Sums, border and requantization, with any zero point and at the ends of the range."""
    shape, kernel, options = CONVOLUTIONS[case]
    random = np.random.default_rng(1)
    x = random.integers(-128, 128, shape).astype(np.int8)
    weight = random.integers(-127, 128, kernel).astype(np.int8)
    if extreme == "alternating":
        x[...] = np.where(np.indices(shape).sum(0) % 2, -128, 127)
        weight[...] = np.where(np.indices(kernel).sum(0) % 2, -127, 127)
    elif extreme is not None:
        x[...], weight[...] = extreme, max(int(extreme), -127)
    scales = random.uniform(0.001, 0.02, kernel[0]).astype(np.float32)
    zero = -128 if extreme is None else 100
    total = oracle.conv(torch.tensor(x).double(), torch.tensor(weight).double(), None, zero, **options)
    expected = oracle.requantize(total, 0.05 * scales.astype(np.float64) / 0.3, -5).numpy()

    model = ModelBuilder()
    model.parameter("w", weight, quantization=Quantization(scales, axis=0, least=-127))
    for name in ("loss", "predict"):
        b = model.function(name)
        given = b.dequantize(b.add_input("x", shape, "i8"), 0.05, zero)
        y = b.quantize(_convolve(b, given, b.load_real("w"), expected.shape, options), 0.3, -5)
        b.returns({"loss": b.mean(b.dequantize(y, 0.3, -5), (0, 1, 2, 3))} if name == "loss" else {"output": y})
    step = pock.compile(model.build(), loss=None, scheme=pock.Scheme.full(), optimizer=pock.SGD(lr=0.0))
    assert np.array_equal(step.predict(x), expected)


def linear_model(weight: Array, bias: Array, scales: Array, x_scale: float, zero: int, y_scale: float) -> ModelBuilder:
    """A quantised linear layer whose loss is the sum of its results times an input ``g``."""
    model = ModelBuilder()
    limit = 2**31 - 1
    real = Quantization(scales.astype(np.float64) * x_scale, axis=0, least=-limit, most=limit)
    model.parameter("w", weight, quantization=Quantization(scales, axis=0, least=-127))
    model.parameter("b", bias, quantization=real, scales_of="w", factor=x_scale)
    rows, columns = weight.shape
    for name in ("loss", "predict"):
        b = model.function(name)
        x = b.dequantize(b.add_input("x", (4, columns), "i8"), x_scale, zero)
        w = b.load_real("w")
        y = b.add(b.emit(ops.LinearOp, b.type((4, rows), "f32"), x, w), b.load_real("b"))
        q = b.quantize(y, y_scale, 0)
        if name == "predict":
            b.returns({"output": q})
            continue
        g = b.add_input("g", (4, rows), "f32")
        b.returns({"loss": b.sum(b.mul(b.dequantize(q, y_scale, 0), g), (0, 1))})
    return model


def uniform(seed: int, step: int, stream: int, count: int) -> Array:
    """The random fractions of a parameter's entries, as `pock.quantized_update` documents them."""
    low = 0xFFFFFFFF
    k0, k1 = (int(word) for word in philox2x32((step & low, stream), seed & low))
    a, b = (int(word) for word in philox2x32((k0 ^ seed >> 32 & low, k1 ^ step >> 32 & low), seed & low))
    words = np.stack(philox2x32((np.arange((count + 1) // 2), b), a), axis=1).reshape(-1)[:count]
    return (np.asarray(words).astype(np.int64) >> 8) * 2.0**-24


class TestUpdates:
    """One step moves integers as the optimizer moves the real numbers that they stand for."""

    SCALES = np.array([0.01, 0.02, 0.005], np.float32)

    def start(self) -> tuple[Array, Array, Array, Array]:
        random = np.random.default_rng(0)
        weight = random.integers(-127, 128, (3, 6)).astype(np.int8)
        bias = random.integers(-(2**12), 2**12, 3).astype(np.int32)
        x = random.integers(-128, 128, (4, 6)).astype(np.int8)
        g = random.normal(size=(4, 3)).astype(np.float32)
        return weight, bias, x, g

    def gradients(self, weight: Array, bias: Array, x: Array, g: Array) -> dict[str, Array]:
        """Gradients with respect to the real numbers."""
        w = torch.tensor(weight.astype(np.float64), requires_grad=True)
        b = torch.tensor(bias.astype(np.float64), requires_grad=True)
        total = (torch.tensor(x.astype(np.float64)) - 5) @ w.T + b
        scales = self.SCALES.astype(np.float64)
        q = oracle.requantize(total, 0.1 * scales / 0.25, 0)
        ((q * 0.25) * torch.tensor(g.astype(np.float64))).sum().backward()
        assert w.grad is not None
        assert b.grad is not None
        return {"w": w.grad.numpy() / scales[:, None], "b": b.grad.numpy() / (0.1 * scales)}

    @pytest.mark.parametrize(
        "optimizer",
        [
            pock.SGD(lr=0.01),
            pock.SGD(lr=0.01, momentum=0.9, nesterov=True),
            pock.SGD(lr=0.01, weight_decay=0.1),
            pock.SGD(lr=0.01, weight_decay=0.1, maximize=True),
            pock.Adam(lr=0.05),
            pock.Adam(lr=0.05, weight_decay=0.1),
            pock.AdamW(lr=0.05, weight_decay=0.3),
        ],
        ids=str,
    )
    def test_of_every_optimizer(self, optimizer: Any) -> None:
        weight, bias, x, g = self.start()
        model = linear_model(weight, bias, self.SCALES, 0.1, 5, 0.25)
        step = pock.compile(model.build(), loss=None, scheme=pock.Scheme.full(), optimizer=optimizer)
        scales = self.SCALES.astype(np.float64)
        size = {"w": scales[:, None], "b": 0.1 * scales}
        integers = {"w": weight.astype(np.int64), "b": bias.astype(np.int64)}
        real = {k: torch.nn.Parameter(torch.tensor(integers[k] * size[k])) for k in integers}
        kind = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}[type(optimizer).__name__]
        settings = {k: v for k, v in optimizer.to_dict().items() if k not in ("kind", "groups")}
        twin = kind(list(real.values()), **{k: tuple(v) if k == "betas" else v for k, v in settings.items()})
        for number in range(3):
            gradients = self.gradients(integers["w"], integers["b"], x, g)
            for name, parameter in real.items():
                parameter.data = torch.tensor(integers[name] * size[name])
                parameter.grad = torch.tensor(gradients[name])
            before = {name: parameter.detach().numpy().copy() for name, parameter in real.items()}
            twin.step()
            step(x, g)
            now = step.quantized_state_dict()
            for name in integers:
                change = (real[name].detach().numpy() - before[name]) / size[name]
                noise = uniform(0, number, 2**31, change.size).reshape(change.shape) if name == "w" else None
                low, high = (-127, 127) if name == "w" else (-(2**31), 2**31 - 1)
                expected = oracle.round_update(integers[name], change, low, high, noise)
                moved = change + (noise if noise is not None else 0.5)
                near = np.abs(moved - np.rint(moved)) < 1e-3 * (1 + np.abs(change))
                assert np.all((now[name] == expected) | near), (name, number)
                integers[name] = now[name].astype(np.int64)

    def test_saturates(self) -> None:
        """Weights stay within ±127, biases where no sum overflows; NaN and infinite gradients change nothing wrongly."""
        weight, bias, x, g = self.start()
        model = linear_model(weight, bias, self.SCALES, 0.1, 5, 1e9)
        step = pock.compile(model.build(), loss=None, scheme=pock.Scheme.full(), optimizer=pock.SGD(lr=1e30))
        limit = step.artifact.manifest.tensors["b"].quantization.most
        assert 2**31 - 1 - 2**30 <= limit < 2**31
        for sign in (1, -1):
            # One step moves a bias by less than 2^31.
            for _ in range(2):
                step(x, np.full_like(g, sign))
            state = step.quantized_state_dict()
            assert np.all(np.abs(state["w"]) <= 127)
            assert np.all(state["b"] == -sign * limit)
        step(x, np.full_like(g, np.nan))
        after = step.quantized_state_dict()
        assert all(np.array_equal(after[name], state[name]) for name in state)

    def test_stochastic_rounding_keeps_the_mean(self) -> None:
        """A change of a tenth of a step arrives on average."""
        weight, bias, x, _ = self.start()
        weight[...] = 0
        model = linear_model(weight, bias * 0, self.SCALES, 0.1, 5, 100.0)
        x[...] = 6  # one above the zero point
        g = np.ones((4, 3), np.float32)
        step = pock.compile(model.build(), loss=None, scheme={"w": 1.0}, optimizer=pock.SGD(lr=1.0))
        gradient = 4 * 0.1
        lr = 0.1 * self.SCALES[0] / gradient
        for _ in range(300):
            step(x, g, lr=float(lr))
        steps = step.quantized_state_dict()["w"][0]
        assert abs(steps.mean() + 30) < 5 * math.sqrt(300 * 0.09 / 6)


def test_state_is_real_and_kept_exactly(tmp_path: Any) -> None:
    """`state_dict` has real numbers, checkpoints have the integers, and both load."""
    weight, bias, x, g = TestUpdates().start()
    scales = TestUpdates.SCALES
    model = linear_model(weight, bias, scales, 0.1, 5, 0.25).build()
    compiled = lambda: pock.compile(model, loss=None, scheme=pock.Scheme.full(), optimizer=pock.SGD(lr=0.1))  # noqa: E731
    step, other, third = compiled(), compiled(), compiled()
    step(x, g)
    real, integers = step.state_dict(), step.quantized_state_dict()
    assert [array.dtype.name for array in (real["w"], integers["w"], integers["b"])] == ["float32", "int8", "int32"]
    assert np.allclose(real["w"], integers["w"] * scales[:, None], rtol=1e-6)
    step.save(tmp_path / "a.safetensors")
    other.load(tmp_path / "a.safetensors")
    third.load_state_dict(real)
    for loaded in (other, third):
        state = loaded.quantized_state_dict()
        assert all(np.array_equal(state[name], integers[name]) for name in integers)
        assert loaded(x, g) == step(x, g) or loaded is third
    assert set(real) == {"w", "b"}


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_scales_that_are_none_are_refused(scale: float) -> None:
    with pytest.raises(pock.ArgumentError, match="expected scales that are positive and finite"):
        Quantization(np.array([1.0, scale], np.float32), axis=0)
