"""Resizing in quantised networks: nearest entries move integers, bilinear ones stay real and are quantised again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from torch import Tensor, nn
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (registers the operators)
from torch.nn import functional as F

Q = torch.ops.quantized_decomposed


class Resized(nn.Module):
    """A resize between two convolutions."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3, padding=1)
        self.up = nn.Upsample(**options)
        self.last = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.up(torch.relu(self.first(x))))


#: Options, and the size of the input.
NEAREST = {
    "twice": ({"scale_factor": 2, "mode": "nearest"}, (2, 2, 4, 5)),
    "one entry": ({"scale_factor": 3, "mode": "nearest"}, (1, 2, 1, 1)),
    "broken": ({"size": (7, 3), "mode": "nearest"}, (1, 2, 4, 5)),
    "exact": ({"size": (7, 3), "mode": "nearest-exact"}, (2, 2, 4, 5)),
    "same": ({"scale_factor": 1, "mode": "nearest"}, (1, 2, 3, 3)),
}


@pytest.mark.parametrize("factor", [1.0, 0.2])
@pytest.mark.parametrize("case", NEAREST)
def test_nearest_entries_are_the_oracles_integers(case: str, factor: float) -> None:
    """Also with ranges that are too small, so that integers saturate."""
    options, shape = NEAREST[case]
    torch.manual_seed(1)
    model = Resized(**options)
    x = torch.randn(shape) + 0.5
    quantized = pock.quantize(model, [x * factor], percentile=100, room=1.5)
    assert set(quantized.activations) == {"x", "first", "last"}
    step = pock.compile(
        quantized, (x,), loss="mse", optimizer=pock.SGD(lr=0.01), scheme=pock.Scheme.full(), precision="int8"
    )
    state = {name: torch.tensor(value.astype(np.float64)) for name, value in step.quantized_state_dict().items()}
    slots = step.artifact.manifest.of_kind("parameter")
    given, first, last = (quantized.activations[name] for name in ("x", "first", "last"))

    def layer(value: Tensor, before: pock.Quantization, after: pock.Quantization, name: str, low: int) -> Tensor:
        padding = 1 if name == "first" else 0
        sums = oracle.conv(value, state[f"{name}.weight"], state[f"{name}.bias"], before.zero_point, padding=padding)
        ratio = before.scale * np.asarray(slots[f"{name}.weight"].quantization.scale, np.float64) / after.scale
        return oracle.requantize(sums, ratio, after.zero_point, low)

    y = layer(oracle.quantize(x, float(given.scale), given.zero_point), given, first, "first", first.zero_point)
    expected = layer(model.up(y), first, last, "last", -128)
    steps = np.rint(step.predict(x.numpy()) / last.scale) + last.zero_point
    np.testing.assert_array_equal(steps, expected.numpy())
    assert {entry.arithmetic for entry in step.report().layers} == {"int8"}
    target = np.ones_like(steps, np.float32)
    first_loss = step(x.numpy(), target)
    for _ in range(20):
        last_loss = step(x.numpy(), target)
    assert last_loss < first_loss


@pytest.mark.parametrize("shape", [(2, 2, 4, 5), (1, 2, 1, 1)])
def test_bilinear_entries_are_real_and_the_report_says_so(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    model = Resized(scale_factor=2, mode="bilinear")
    x = torch.randn(shape) + 0.5
    quantized = pock.quantize(model, [x], percentile=100)
    assert set(quantized.activations) == {"x", "up", "last"}
    step = pock.compile(
        quantized, (x,), loss="mse", optimizer=pock.SGD(lr=0.01), scheme=pock.Scheme.full(), precision="int8"
    )
    apart = np.rint((step.predict(x.numpy()) - quantized(x).numpy()) / quantized.activations["last"].scale)
    assert np.abs(apart).max() <= 1
    assert (apart != 0).mean() <= 0.02
    layers = {entry.layer: entry for entry in step.report().layers}
    assert layers["(model)"].arithmetic == "float32"  # the clamp, because the resize is
    assert {layers[name].arithmetic for name in ("first", "last")} == {"int8"}
    if shape[-1] > 1:
        assert layers["up"].arithmetic == "float32"
        assert layers["up"].reason == "matmul: its input and weight is float32"


class Pairs(nn.Module):
    """What a quantiser makes of a resize to nearest entries: the same conversions before and after."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        numbers = (0.03, -20, -128, 127, torch.int8)
        y = Q.dequantize_per_tensor(Q.quantize_per_tensor(x * self.gain, *numbers), *numbers)
        y = F.interpolate(y, self.size)
        return Q.dequantize_per_tensor(Q.quantize_per_tensor(y, *numbers), *numbers)


@pytest.mark.parametrize("size", [4, 5, 1])
def test_conversions_around_a_resize_move_integers(size: int) -> None:
    model = Pairs(size)
    x = torch.randn(1, 2, 2, 2) * 3
    step = pock.compile(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    np.testing.assert_array_equal(step.predict(x.numpy()), model(x).detach().numpy())
    graph = step.ir("graph")
    predict = graph[graph.index("@predict") :]
    assert predict.count("pock.quantize") == 1
    assert predict.count("pock.dequantize") == 1
    target = np.zeros((1, 2, size, size), np.float32)
    assert step(x.numpy(), target) > step(x.numpy(), target)
