"""16-bit gradients of quantised networks: gradients and new integers equal to the oracle's, to the bit."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from quantized_graphs import CLASSES, Networks, oracle_outputs, random_steps
from torch import nn

GROUP = 4
LR = 2e-4
Array = np.ndarray[Any, Any]


def given(outputs: Any, gradients: Any) -> torch.Tensor:
    """A loss with the given gradients."""
    pairs = zip(outputs, gradients, strict=True) if isinstance(outputs, tuple) else [(outputs, gradients)]
    return sum((output * gradient).sum() for output, gradient in pairs)


def inverse_scale(step: pock.Step, name: str, rank: int) -> Array:
    """The inverse of a parameter's scale as the step has it: of a bias, that of the input over that of the weight."""
    weight = name.removesuffix(".bias") + ".weight" if name.endswith(".bias") else name
    scales = step._artifact.manifest.of_kind("parameter")[weight].quantization.scale
    found = re.search(rf'@"?{re.escape(name)}"? .*#pock.quantization<scale = ([^,>]+)', step.ir("training"))
    factor = float(found[1]) if found else 1.0
    inverse = np.float32(1.0 / factor) / np.asarray(scales, np.float32)
    return inverse.reshape([-1] + [1] * (rank - 1)).astype(np.float32)


def compiled(seed: int) -> tuple[Any, pock.Step, list[torch.Tensor]]:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    shapes = [(int(rng.integers(1, 6)), int(rng.integers(5, 9))) for _ in range(GROUP)]
    batch = int(rng.integers(1, 3))
    model = Networks([random_steps(rng, *shape, exact=True) for shape in shapes])
    inputs = [torch.randn(batch, channels, size, size) + 0.3 for channels, size in shapes]
    quantized = pock.quantize(model, [tuple(inputs)], percentile=100, room=1.5)
    step = pock.compile(
        quantized,
        tuple(inputs),
        loss=given,
        optimizer=pock.SGD(lr=LR, momentum=0.9),
        scheme=pock.Scheme.full(),
        example_target=[torch.zeros(batch, CLASSES) for _ in shapes],
        precision="int8",
        rounding="nearest",
        gradients="int16",
        arithmetic="portable",
    )
    return quantized, step, inputs


def require_equal(quantized: Any, step: pock.Step, inputs: list[torch.Tensor]) -> None:
    slots = step._artifact.manifest.of_kind("parameter")
    before = step._state.model()
    state = {name: torch.tensor(value.astype(np.float64), requires_grad=True) for name, value in before.items()}
    weights = {name: np.asarray(slot.quantization.scale) for name, slot in slots.items() if name.endswith("weight")}
    outputs = oracle_outputs(quantized, weights, state, inputs, narrow=True)
    cotangents = [torch.randn(output.shape) for output in outputs]
    torch.autograd.backward(outputs, [cotangent.double() for cotangent in cotangents])
    step(*(x.numpy() for x in inputs), [cotangent.numpy() for cotangent in cotangents])
    buffers, after = step.optimizer_state_dict(), step._state.model()
    for name, slot in slots.items():
        inverse = inverse_scale(step, name, before[name].ndim)
        gradient = state[name].grad.numpy().astype(np.float32) * inverse
        np.testing.assert_array_equal(buffers[f"{name}.momentum_buffer"], gradient, err_msg=name)
        change = (np.float32(0) - np.float32(LR) * gradient) * inverse
        known = slot.quantization
        expected = oracle.round_update(before[name], change, known.least, known.most, None)
        np.testing.assert_array_equal(after[name], expected, err_msg=name)


@pytest.mark.parametrize("seed", range(2))
def test_one_step_equals_the_oracle(seed: int) -> None:
    require_equal(*compiled(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 32))
def test_one_step_equals_the_oracle_often(seed: int) -> None:
    require_equal(*compiled(seed))


# Special values -----------------------------------------------------------------------


class Two(nn.Module):
    """Two layers; the second one's input gradient is the first one's bias gradient, because there is one position."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        inputs, hidden, outputs = (1, 1, 1) if kind == "one" else (3, 6, 5)
        if kind == "linear":
            self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
        else:
            self.first, self.second = nn.Conv2d(inputs, hidden, 1), nn.Conv2d(hidden, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.second(self.first(x))
        return y


LARGE = 1e6
KINDS = ("linear", "conv", "one")


@pytest.fixture(scope="module", params=KINDS)
def two(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(3)
    model = Two(request.param)
    # So large that the scales of sums are above one, and a gradient's factor is, too.
    x = LARGE * (
        torch.rand(1, 3) + 0.5 if request.param == "linear" else torch.rand(1, model.first.in_channels, 1, 1) + 0.5
    )
    quantized = pock.quantize(model, [(x,), (-x,)], percentile=100, room=2)
    step = pock.compile(
        quantized,
        (x,),
        loss=lambda output, gradient: (output * gradient).sum(),
        example_target=torch.zeros_like(model(x)),
        optimizer=pock.SGD(lr=0.0, momentum=0.5),
        scheme=pock.Scheme.full(),
        precision="int8",
        rounding="nearest",
        gradients="int16",
    )
    return quantized, step, x


def oracle_gradients(quantized: Any, step: pock.Step, x: torch.Tensor, cotangent: Array) -> dict[str, Array]:
    """The gradients of the integers of `Two`."""
    state = {n: torch.tensor(v.astype(np.float64), requires_grad=True) for n, v in step._state.model().items()}
    slots = step._artifact.manifest.of_kind("parameter")
    known = quantized.activations
    name, value = next(iter(known)), oracle.quantize(x, float(known["x"].scale), known["x"].zero_point)
    for name in ("first", "second"):
        source = known["x" if name == "first" else "first"]
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        options = {} if weight.dim() == 2 else {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        product = oracle.linear if weight.dim() == 2 else oracle.conv
        acc = product(value, weight, bias, source.zero_point, True, **options)
        scales = source.scale * np.asarray(slots[f"{name}.weight"].quantization.scale, np.float64)
        value = oracle.requantize(acc, scales / known[name].scale, known[name].zero_point)
    real = oracle.scaled(value - known["second"].zero_point, float(known["second"].scale))
    real.backward(torch.tensor(cotangent.astype(np.float64)))
    with np.errstate(over="ignore"):
        return {
            n: value.grad.numpy().astype(np.float32) * inverse_scale(step, n, value.dim()) for n, value in state.items()
        }


TINY = float(np.float32(2.0**-149))
SPECIAL: dict[str, list[float]] = {
    "zero": [0.0],
    "negative zero": [-0.0, 0.0],
    "one entry": [0.0, 1.0, 0.0, 0.0, 0.0],
    "negative": [-3.0, 0.0, 0.0, 0.0, 0.0],
    "equal": [1.0, -1.0],
    "near the next power": [float(np.nextafter(np.float32(2), np.float32(0))), 1.0, 0.5],
    "wide": [1.0, 2.0**-14, -(2.0**-15), 3 * 2.0**-16, 2.0**-20],
    "denormal": [TINY, 3 * TINY, -7 * TINY, 1000 * TINY, 0.0],
    "smallest normal": [2.0**-126, -(2.0**-127), 2.0**-140, 0.0, TINY],
    "small": [2.0**-112, 2.0**-113, -(2.0**-114) * 1.7, 2.0**-130, 1e-38],
    "large": [2.0**100, -(2.0**99), 1e25, 1.0, 1e-30],
    # Times the scale of the sums, one of them is just finite.
    **{f"huge {power}": [2.0**power, -1.9 * 2.0**power, 2.0 ** (power - 5), 1e30, 1.0] for power in range(115, 127)},
    "infinite": [math.inf, 1.0, 0.0, 0.0, 0.0],
    "negative infinity": [1.0, -math.inf, 0.0, 0.0, 0.0],
    "not a number": [0.0, 0.0, math.nan, 1.0, 0.0],
}


@pytest.mark.parametrize("values", SPECIAL.values(), ids=SPECIAL)
def test_special_gradients(two: Any, values: list[float]) -> None:
    quantized, step, x = two
    shape = tuple(step._artifact.manifest.functions["predict"].outputs[0].shape)
    cotangent = np.resize(np.array(values, np.float32), shape)
    step.load_optimizer_state_dict({n: np.zeros_like(v) for n, v in step.optimizer_state_dict().items()})
    expected = oracle_gradients(quantized, step, x, cotangent)
    step(x.numpy(), cotangent)
    found = step.optimizer_state_dict()
    for name, gradient in expected.items():
        np.testing.assert_array_equal(found[f"{name}.momentum_buffer"], gradient, err_msg=name)
    if not np.all(np.isfinite(cotangent)):
        assert np.all(np.isnan(found["second.weight.momentum_buffer"]))
        # (Zero where the layer clamps.)
        bias = found["first.bias.momentum_buffer"]
        assert np.any(np.isnan(bias))
        assert np.all(np.isnan(bias) | (bias == 0))


def test_special_gradients_meet_all_exponents(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Largest entries of products are denormal and nearly infinite, and in between."""
    quantized, step, x = two
    shape = tuple(step._artifact.manifest.functions["predict"].outputs[0].shape)
    exponents = set()

    def recorded(g: Array, bits: int) -> Any:
        if np.all(np.isfinite(g)) and np.any(g):
            exponents.add(math.frexp(float(np.max(np.abs(g))))[1])
        return given_block_quantize(g, bits)

    given_block_quantize = oracle.block_quantize
    monkeypatch.setattr(oracle, "block_quantize", recorded)
    for values in SPECIAL.values():
        oracle_gradients(quantized, step, x, np.resize(np.array(values, np.float32), shape))
    assert min(exponents) < -125
    assert max(exponents) > 100


# Devices ------------------------------------------------------------------------------

TARGETS = (
    *("aarch64-linux", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"),
    *("riscv32imc", "riscv32imfc"),
)


def small_network() -> Any:
    """Each kind of layer: dense and depthwise, of strides one and two, with a residual, and a linear layer."""
    torch.manual_seed(1)
    images = [torch.rand(2, 3, 12, 12) for _ in range(3)]
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, 2, padding=1), nn.ReLU6()),
        Residual(nn.Conv2d(8, 16, 1), nn.ReLU6(), nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.ReLU6(), nn.Conv2d(16, 8, 1)),
        *(nn.Conv2d(8, 12, 1), nn.ReLU6(), nn.Conv2d(12, 12, 5, 2, padding=2, groups=12), nn.ReLU6()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4)),
    )  # fmt: skip
    return pock.quantize(model.eval(), images), images[0]


class Residual(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


def small_step(quantized: Any, x: torch.Tensor, **options: Any) -> pock.Step:
    return pock.compile(
        quantized,
        (x,),
        loss="cross_entropy",
        **{"gradients": "int16", "optimizer": pock.SGD(lr=0.5), "scheme": pock.Scheme.full(), **options},
    )


@pytest.mark.parametrize(
    "target", [pytest.param(name, marks=[] if name == "cortex-m0plus" else pytest.mark.slow) for name in TARGETS]
)
def test_devices_have_the_bits_of_this_machine(target: str) -> None:
    quantized, x = small_network()
    host = small_step(quantized, x, arithmetic="portable")
    step = small_step(quantized, x, target=target, arithmetic="portable")
    samples = np.random.default_rng(0).random((8, 3, 12, 12), np.float32)
    data = {"x": samples, "y": np.arange(8) % 4, "x_test": samples[:2], "y_test": np.arange(2)}
    found = pock.run(step, data, steps=3, reference=host).comparison
    assert found is not None
    assert found.state_equal
    assert found.outputs_equal


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(6, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.scaled_dot_product_attention(self.query(x), self.key(x), self.value(x))
        logits: torch.Tensor = self.head(y.mean(1))
        return logits


def other_network(name: str) -> tuple[nn.Module, list[torch.Tensor]]:
    torch.manual_seed(2)
    if name == "attention":
        return Attention(), [torch.randn(2, 5, 6) for _ in range(3)]
    layers: list[nn.Module] = {
        "transposed": [
            nn.Flatten(2),
            nn.ConvTranspose1d(3, 6, 3, 2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose1d(6, 4, 2, 2),
        ],
        "one dimension": [nn.Flatten(2), nn.Conv1d(3, 6, 5, dilation=3), nn.ReLU(), nn.Conv1d(6, 4, 3, 2, groups=2)],
        "groups": [nn.Conv2d(3, 6, 3, 2, dilation=2, padding=2), nn.ReLU(), nn.Conv2d(6, 4, (3, 1), (1, 3), groups=2)],
    }[name]
    pool = nn.AdaptiveAvgPool2d(1) if name == "groups" else nn.AdaptiveAvgPool1d(1)
    return nn.Sequential(*layers, pool, nn.Flatten(), nn.Linear(4, 4)), [torch.rand(2, 3, 6, 6) for _ in range(3)]


def require_small_difference(quantized: Any, x: torch.Tensor, **options: Any) -> pock.Step:
    """Gradients are those of float32, nearly."""
    plain, narrow = (
        small_step(quantized, x, gradients=kind, optimizer=pock.SGD(lr=0.0, momentum=0.5), **options)
        for kind in ("float32", "int16")
    )
    for step in (plain, narrow):
        for _ in range(options.get("accumulate", 1)):
            step(x.numpy(), np.array([1, 2]))
    float32, int16 = plain.optimizer_state_dict(), narrow.optimizer_state_dict()
    # (The gradient of a key's bias is zero, but for roundings.)
    smallest = 0.01 * max(np.linalg.norm(gradient) for gradient in float32.values())
    for name, expected in float32.items():
        difference = np.linalg.norm(int16[name] - expected) / max(np.linalg.norm(expected), smallest)
        assert difference < 2e-3, name
    assert any(np.any(int16[name] != float32[name]) for name in float32)
    return narrow


def require_narrow_layers(step: pock.Step, model: nn.Module) -> None:
    """The layers with weights, and no others, multiply gradients of 16 bits."""
    for layer in step.report().layers:
        if layer.layer in dict(model.named_modules()):
            has_weight = hasattr(model.get_submodule(layer.layer), "weight")
            assert (len(layer.gradients) > 0) == has_weight, layer


@pytest.mark.parametrize("name", ["attention", "transposed", "one dimension", "groups"])
def test_all_products_have_integers(name: str) -> None:
    model, data = other_network(name)
    require_narrow_layers(require_small_difference(pock.quantize(model.eval(), data), data[0]), model)


def test_gradients_are_close_with_accumulation_slices_and_clipping() -> None:
    quantized, x = small_network()
    scheme = {"2.0.weight": 0.5, "2.4.weight": 0.25, "*.bias": 1.0, "9.*": 1.0}
    require_small_difference(quantized, x, accumulate=2, clip_grad_norm=1.0, scheme=scheme)


# The option ---------------------------------------------------------------------------


def test_the_report_says_which_gradients_have_16_bits() -> None:
    quantized, x = small_network()
    report = small_step(quantized, x).report()
    assert report.arithmetic["products of gradients and integers"].startswith("of int16")
    # The first layer's input needs no gradient.
    assert {entry.layer: entry.gradients for entry in report.layers if entry.gradients}["0"] == (16,)
    assert {len(entry.gradients) for entry in report.layers} >= {0, 1, 2}
    assert "16 bits x 2" in str(report)
    plain = small_step(quantized, x, gradients="float32").report()
    assert "products of gradients and integers" not in plain.arithmetic
    assert not any(entry.gradients for entry in plain.layers)


def test_float32_is_the_default_and_has_the_same_code() -> None:
    quantized, x = small_network()
    default = pock.compile(quantized, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.5), scheme=pock.Scheme.full())
    assert default.ir("plan") == small_step(quantized, x, gradients="float32").ir("plan")
    assert "i16" not in default.ir("kernels")


def test_real_networks_are_refused() -> None:
    model, x = nn.Linear(3, 2), torch.ones(1, 3)
    with pytest.raises(pock.ArgumentError, match="gradients: 'int16' needs a quantised model"):
        pock.compile(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(), gradients="int16")
    imported = pock.import_model(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1))
    with pytest.raises(pock.ArgumentError, match="gradients: 'int16' needs a quantised model"):
        imported.plan(pock.Scheme.full(), gradients="int16")
    with pytest.raises(pock.ArgumentError, match="gradients: 'int16' needs gradients that are stored in float32"):
        imported.plan(pock.Scheme.full(), gradients="int16", precision="bf16")
    with pytest.raises(pock.ArgumentError, match="gradients: expected one of float32, int16, float16, but got 'int8'"):
        pock.import_model(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), gradients="int8")
