"""Products of two activations: integers equal to the oracle's, softmax between them, and one training step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from torch import Tensor, nn
from torch.nn import functional as F

LR = 2e-4


class Attention(nn.Module):
    """Attention by hand; returns its probabilities, too."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.heads, self.width = heads, width
        size = heads * width
        self.query, self.key, self.value = nn.Linear(size, size), nn.Linear(size, size), nn.Linear(size, size)
        self.out = nn.Linear(size, 3)

    def split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, self.width).transpose(1, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        p = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(self.width), -1)
        return p, self.out((p @ value).transpose(1, 2).flatten(2).mean(1))


#: batch, length, heads, width, and the factor by which all ranges are too small.
SHAPES = {
    "several": (2, 5, 2, 4, 1.0),
    "one": (1, 1, 1, 1, 1.0),
    "odd": (1, 7, 3, 5, 1.0),
    "saturated": (2, 4, 1, 6, 0.3),
}


def second_loss(outputs: Any, target: Tensor) -> Tensor:
    return F.cross_entropy(outputs[1], target)


def oracle_outputs(
    model: Any, weights: dict[str, Any], state: dict[str, Tensor], x: Tensor, p_found: Tensor
) -> tuple[Tensor, Tensor]:
    """Probabilities and logits in exact integers; probabilities are quantised from those that were found."""
    scales = model.activations
    net = model.model

    def linear(value: Tensor, scale: float, zero: int, name: str) -> Tensor:
        sums = F.linear(value - zero, state[f"{name}.weight"], state[f"{name}.bias"])
        out = scales[name]
        ratio = scale * np.asarray(weights[f"{name}.weight"], np.float64) / out.scale
        # The oracle's channels are dimension 1.
        return oracle.requantize(sums.transpose(1, -1), ratio, out.zero_point).transpose(1, -1)

    given = scales["x"]
    integers = oracle.quantize(x, float(given.scale), given.zero_point)
    query, key, value = (
        net.split(linear(integers, given.scale, given.zero_point, name)) for name in ("query", "key", "value")
    )
    q, k, v = (scales[name] for name in ("query", "key", "value"))
    sums = (query - q.zero_point) @ (key - k.zero_point).transpose(-2, -1)
    p = torch.softmax(sums * (q.scale * k.scale / math.sqrt(net.width)), -1)
    steps = oracle.quantize(p + (p_found - p).detach(), scales["softmax"].scale, scales["softmax"].zero_point)
    mixed = scales["matmul_1"]
    ratio = scales["softmax"].scale * v.scale / mixed.scale
    sums = (steps - scales["softmax"].zero_point) @ (value - v.zero_point)
    y = oracle.requantize(sums, ratio, mixed.zero_point).transpose(1, 2).flatten(2)
    mean = scales["mean"]
    y = oracle.mean(y, (1,), mixed.scale / mean.scale, mixed.zero_point, mean.zero_point)
    y = linear(y, mean.scale, mean.zero_point, "out")
    return p, (y - scales["out"].zero_point) * scales["out"].scale


@pytest.mark.parametrize("case", SHAPES)
def test_attention_has_the_oracles_integers_and_trains(case: str) -> None:
    batch, length, heads, width, factor = SHAPES[case]
    torch.manual_seed(3)
    model = Attention(heads, width)
    x = torch.randn(batch, length, heads * width) + 0.4
    quantized = pock.quantize(model, [x * factor], percentile=100, room=1.5)
    assert set(quantized.activations) == {"x", "query", "key", "value", "softmax", "matmul_1", "mean", "out"}
    step = pock.compile(
        quantized,
        (x,),
        loss=second_loss,
        example_target=torch.zeros(batch, dtype=torch.int64),
        optimizer=pock.SGD(lr=LR),
        scheme=pock.Scheme.full(),
        precision="int8",
        rounding="nearest",
    )
    slots = step.artifact.manifest.of_kind("parameter")
    before = step.quantized_state_dict()
    state = {name: torch.tensor(value.astype(np.float64), requires_grad=True) for name, value in before.items()}
    weights = {name: slot.quantization.scale for name, slot in slots.items() if name.endswith("weight")}
    p_found, found = step.predict(x.numpy())
    p, logits = oracle_outputs(quantized, weights, state, x, torch.from_numpy(p_found))
    np.testing.assert_allclose(p_found, p.detach().numpy(), rtol=2e-5, atol=1e-7)
    scale = quantized.activations["out"].scale
    np.testing.assert_array_equal(np.rint(found / scale), np.rint(logits.detach().numpy() / scale))
    target = torch.arange(batch) % 3
    F.cross_entropy(logits, target).backward()
    step(x.numpy(), target.numpy())
    after = step.quantized_state_dict()
    moved = 0
    for name, slot in slots.items():
        known = slot.quantization
        gradient = state[name].grad
        assert gradient is not None
        change = -LR * gradient.numpy() / known._scales(before[name].ndim) ** 2
        expected = oracle.round_update(before[name], change, known.least, known.most, None)
        near = np.abs(np.abs(change - np.floor(change)) - 0.5) < 1e-3 + 4e-6 * np.abs(change)
        assert np.all((expected == after[name]) | near), name
        moved += int((before[name] != after[name]).sum())
    assert moved
    layers = {entry.layer: entry for entry in step.report().layers}
    assert layers["(model)"].arithmetic == "mixed"
    assert layers["(model)"].reason == "softmax has real operands or no integer form"
    assert {layers[name].arithmetic for name in ("query", "key", "value", "out")} == {"int8"}


class Blocks(nn.Module):
    """Attention of PyTorch in its forms, gelu, and layer normalisation."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 8)
        self.gelu = nn.GELU()
        self.head = nn.Linear(8, 3)
        mask = torch.zeros(5, 5)
        mask[0, 3:] = -2.0
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        if self.form in ("module", "module with weights"):
            y, _ = self.attention(y, y, y, need_weights=self.form == "module with weights")
        else:
            q, k, v = self.qkv(y).reshape(*x.shape[:2], 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
            options: dict[str, Any] = {"plain": {}, "causal": {"is_causal": True}, "scaled": {"scale": 0.3}}.get(
                self.form, {"attn_mask": self.mask if self.form == "mask" else self.mask == 0}
            )
            y = F.scaled_dot_product_attention(q, k, v, **options).transpose(1, 2).flatten(2)
        x = x + self.out(y)
        return self.head(self.gelu(x).mean(1))


FORMS = ["plain", "causal", "scaled", "mask", "choice", "module", "module with weights"]


@pytest.mark.parametrize("form", FORMS)
def test_pytorchs_attention_becomes_integer_products(form: str) -> None:
    torch.manual_seed(5)
    model = Blocks(form).eval()
    x = torch.randn(3, 5, 8)
    quantized = pock.quantize(model, [x], percentile=100)
    step = pock.compile(
        quantized,
        (x,),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=0.05),
        scheme=pock.Scheme.full(),
        precision="int8",
    )
    graph = step.ir("graph")
    products = [line for line in graph.splitlines() if "= pock.matmul" in line]
    assert products
    assert all("xi8>, tensor" in line.partition("->")[0] for line in products), products
    apart = np.rint((step.predict(x.numpy()) - quantized(x).numpy()) / quantized.activations["head"].scale)
    assert np.abs(apart).max() <= 1
    assert (apart != 0).mean() <= 0.12  # one of nine logits
    error = (quantized(x) - model(x)).norm() / model(x).norm()
    assert error < 0.1
    layers = {entry.layer: entry for entry in step.report().layers}
    assert layers["norm"].arithmetic == "float32"
    assert "gelu" in layers["gelu"].reason
    place = "attention" if "module" in form else "(model)"
    assert layers[place].arithmetic == "mixed"
    assert "softmax" in layers[place].reason
    assert "matmul" not in layers[place].reason
    y = np.array([0, 1, 2])
    first = step(x.numpy(), y)
    for _ in range(8):
        last = step(x.numpy(), y)
    assert last < first


class Product(nn.Module):
    """The product of two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.left(x) * self.right(x) * 0.5)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("scales", [((0.03, -128), (0.07, 127), (0.02, 3)), ((0.01, 9), (0.001, -40), (1e-4, 100))])
def test_products_of_two_scales(batch: int, scales: Any) -> None:
    """With zero points at the ends, and with factors and products that saturate."""
    torch.manual_seed(0)
    left, right, out = scales
    names = {"left": left, "right": right, "mul": out, "x": (0.02, 5), "head": (0.05, 0)}
    quantized = pock.quantize(Product(), qparams=names)
    x = torch.randn(batch, 3) * 3
    step = pock.compile(
        quantized, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(), precision="int8"
    )
    state = {name: torch.tensor(value.astype(np.float64)) for name, value in step.quantized_state_dict().items()}
    slots = step.artifact.manifest.of_kind("parameter")

    def linear(value: Tensor, scale: float, zero: int, name: str) -> Tensor:
        sums = F.linear(value - zero, state[f"{name}.weight"], state[f"{name}.bias"])
        ratio = scale * np.asarray(slots[f"{name}.weight"].quantization.scale, np.float64) / names[name][0]
        return oracle.requantize(sums, ratio, names[name][1])

    bytes_in = oracle.quantize(x, 0.02, 5)
    factors = [linear(bytes_in, 0.02, 5, name) for name in ("left", "right")]
    y = oracle.mul(factors[0], factors[1], (left[0], right[0], out[0]), (left[1], right[1], out[1]))
    expected = linear(y, out[0] * 0.5, out[1], "head")
    np.testing.assert_array_equal(np.rint(step.predict(x.numpy()) / 0.05), expected.numpy())
    assert {entry.arithmetic for entry in step.report().layers} == {"int8"}


def test_a_product_with_a_parameter_stays_real() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.matrix = nn.Linear(3, 4), nn.Parameter(torch.randn(2, 4))

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.first(x)) @ self.matrix.t()

    x = torch.randn(2, 3)
    quantized = pock.quantize(Scaled(), [x])
    assert set(quantized.activations) == {"x"}
