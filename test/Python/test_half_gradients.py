"""float16 gradients of quantised networks on Helium: those of the oracle, in an emulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from test_narrow_gradients import (
    SPECIAL,
    inverse_scale,
    other_network,
    require_narrow_layers,
    small_network,
    small_step,
)
from torch import nn

Array = np.ndarray[Any, Any]
TARGET = "cortex-m55"
HIDDEN, OUTPUTS = 6, 5

#: Gradients of which no result of a layer is a denormal float32, which Helium takes for zero.
CASES = {name: values for name, values in SPECIAL.items() if name not in ("denormal", "smallest normal", "small")} | {
    "small": [2.0**-90, 2.0**-91, -(2.0**-92) * 1.7, 0.0, 2.0**-100],
    "denormal in float16": [1.0, 2.0**-15, -3 * 2.0**-17, 2.0**-24, 2.0**-26],
    "ties": [1.0 + 2.0**-11, 1.0 + 3 * 2.0**-11, -1.0 - 2.0**-11, 2.0 - 2.0**-12, 0.5],
    "twice as large": [2.0 - 2.0**-12, 1.0, 0.5, 0.25, 0.125],
}


class Branches(nn.Module):
    """Two linear layers for each case: gradients of a tensor have one power of two."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(3, HIDDEN) for _ in CASES)
        self.second = nn.ModuleList(nn.Linear(HIDDEN, OUTPUTS) for _ in CASES)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(second(first(x)) for first, second in zip(self.first, self.second, strict=True))


def given(outputs: tuple[torch.Tensor, ...], gradients: torch.Tensor) -> torch.Tensor:
    """A loss with the given gradients, which are beside each other."""
    return sum((output * gradients[:, k * OUTPUTS : (k + 1) * OUTPUTS]).sum() for k, output in enumerate(outputs))  # type: ignore[return-value]


def oracle_gradients(
    quantized: Any, step: pock.Step, x: torch.Tensor, index: int, cotangent: Array
) -> dict[str, Array]:
    """The gradients of the integers of one branch."""
    slots = step._artifact.manifest.of_kind("parameter")
    names = [f"{layer}.{index}.{kind}" for layer in ("first", "second") for kind in ("weight", "bias")]
    before = step._state.model()
    state = {n: torch.tensor(before[n].astype(np.float64), requires_grad=True) for n in names}
    known = quantized.activations
    value = oracle.quantize(x, float(known["x"].scale), known["x"].zero_point)
    for name, source in ((f"first.{index}", known["x"]), (f"second.{index}", known[f"first.{index}"])):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        acc = oracle.linear(value, weight, bias, source.zero_point, oracle.HalfLinear())
        scales = source.scale * np.asarray(slots[f"{name}.weight"].quantization.scale, np.float64)
        value = oracle.requantize(acc, scales / known[name].scale, known[name].zero_point)
    real = oracle.scaled(value - known[name].zero_point, float(known[name].scale))
    real.backward(torch.tensor(cotangent.astype(np.float64)))
    with np.errstate(over="ignore"):
        return {
            n: value.grad.numpy().astype(np.float32) * inverse_scale(step, n, value.dim()) for n, value in state.items()
        }


@pytest.fixture(scope="module")
def special() -> tuple[dict[str, dict[str, Array]], dict[str, Array]]:
    """Case → gradients of its branch by the oracle; and all gradients of the device."""
    torch.manual_seed(3)
    model, x = Branches(), torch.tensor([[0.7, 1.2, 0.9]])
    quantized = pock.quantize(model, [(x,), (-x,)], percentile=100, room=2)
    step = pock.compile(
        quantized,
        (x,),
        loss=given,
        example_target=torch.zeros(1, OUTPUTS * len(CASES)),
        optimizer=pock.SGD(lr=0.0, momentum=0.5),
        scheme=pock.Scheme.full(),
        rounding="nearest",
        gradients="float16",
        target=TARGET,
    )
    cotangents = {name: np.resize(np.array(values, np.float32), (1, OUTPUTS)) for name, values in CASES.items()}
    expected = {
        name: oracle_gradients(quantized, step, x, index, cotangent)
        for index, (name, cotangent) in enumerate(cotangents.items())
    }
    pock.run(step, {"x": x.numpy(), "y": np.concatenate([*cotangents.values()], axis=1)}, steps=1)
    return expected, step.optimizer_state_dict()


@pytest.mark.parametrize("case", CASES)
def test_special_gradients(special: tuple[dict[str, dict[str, Array]], dict[str, Array]], case: str) -> None:
    expected, found = special
    for name, gradient in expected[case].items():
        np.testing.assert_array_equal(found[f"{name}.momentum_buffer"], gradient, err_msg=name)
    if not np.all(np.isfinite(CASES[case])):
        index = list(CASES).index(case)
        assert np.all(np.isnan(found[f"second.{index}.weight.momentum_buffer"]))
        assert np.all(np.isnan(found[f"first.{index}.bias.momentum_buffer"]))


def require_small_difference(quantized: Any, x: torch.Tensor) -> pock.Step:
    """Gradients on the device are those of float32, nearly."""
    data = {"x": x.numpy(), "y": np.array([1, 2])}
    steps = {}
    for kind in ("float32", "float16"):
        steps[kind] = small_step(quantized, x, gradients=kind, optimizer=pock.SGD(lr=0.0, momentum=0.5), target=TARGET)
        pock.run(steps[kind], data, steps=1)
    plain, narrow = (steps[kind].optimizer_state_dict() for kind in ("float32", "float16"))
    # (The gradient of a key's bias is zero, but for roundings.)
    smallest = 0.01 * max(np.linalg.norm(gradient) for gradient in plain.values())
    for name, expected in plain.items():
        difference = np.linalg.norm(narrow[name] - expected) / max(np.linalg.norm(expected), smallest)
        assert difference < 4e-3, name
    assert any(np.any(narrow[name] != plain[name]) for name in plain)
    return steps["float16"]


def test_gradients_of_a_network_are_close_to_float32() -> None:
    step = require_small_difference(*small_network())
    report = step.report()
    assert report.arithmetic["products of gradients and integers"].startswith("of float16")
    assert report.arithmetic["results"].startswith("fast")
    assert {entry.layer: entry.gradients for entry in report.layers if entry.gradients}["0"] == (16,)
    assert "16 bits x 2" in str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attention", "transposed", "one dimension", "groups"])
def test_all_products_have_float16(name: str) -> None:
    model, data = other_network(name)
    require_narrow_layers(require_small_difference(pock.quantize(model.eval(), data), data[0]), model)


def test_both_processors_have_the_same_bits() -> None:
    quantized, x = small_network()
    data = {"x": x.numpy(), "y": np.array([1, 2])}
    hashes = {
        pock.run(small_step(quantized, x, gradients="float16", target=t), data, steps=2).state_hash
        for t in (TARGET, "cortex-m85")
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("target", ["host", "cortex-m7", "cortex-m33", "aarch64-linux", "riscv32imfc"])
def test_other_processors_are_refused(target: str) -> None:
    quantized, x = small_network()
    with pytest.raises(
        pock.ArgumentError, match=f"'float16' needs a processor with Helium, .*, but the target is {target}"
    ):
        small_step(quantized, x, gradients="float16", target=target)


def test_real_networks_are_refused() -> None:
    with pytest.raises(pock.ArgumentError, match="gradients: 'float16' needs a quantised model"):
        pock.compile(
            nn.Linear(3, 2),
            (torch.ones(1, 3),),
            loss="mse",
            optimizer=pock.SGD(lr=0.1),
            scheme=pock.Scheme.full(),
            gradients="float16",
            target=TARGET,
        )
