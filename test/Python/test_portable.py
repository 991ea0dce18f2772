"""Portable arithmetic: the same bits whatever the processor's vectors, registers and caches are."""

from __future__ import annotations

import dataclasses
import platform
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from models import ARCHITECTURES
from torch import nn

HOST = pock.Target.host()

#: Machines as different as they come; all of them run here.
MACHINES: dict[str, dict[str, Any]] = {
    "scalars, no caches": {
        "vector_bytes": 0,
        "vector_registers": 32,
        "l1_bytes": 4096,
        "l2_bytes": 16384,
        "alignment": 8,
    },
    "eight vectors of 16": {
        "vector_bytes": 16,
        "vector_registers": 8,
        "l1_bytes": 4096,
        "l2_bytes": 16384,
        "alignment": 16,
    },
    "16 vectors of 32": {"vector_bytes": 32, "vector_registers": 16, "l1_bytes": 49152, "l2_bytes": 262144},
    "32 vectors of 64": {
        "vector_bytes": 64,
        "vector_registers": 32,
        "l1_bytes": 32768,
        "l2_bytes": 4 << 20,
        "threads": 0,
    },
}

STEPS = 5

#: Beside classification: sums of other shapes.
CASES = ["mlp", "lenet", "cnn1d"] + [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("resnet8", "ds-cnn", "resnet8-frozen-norm", "mobilenetv2", "unet-transposed")
]


def trained(name: str, target: pock.Target, **options: Any) -> dict[str, np.ndarray]:
    """Losses and all parameters after some steps, and a prediction."""
    architecture = ARCHITECTURES[name]
    x, _ = architecture.batch(0)
    options = {"optimizer": pock.SGD(lr=architecture.lr, momentum=0.9), "arithmetic": "portable"} | options
    step = pock.compile(
        architecture.model(), (x,), loss="cross_entropy", scheme=pock.Scheme.full(), target=target, **options
    )
    losses = [step(*architecture.batch(index)) for index in range(STEPS)]
    assert np.isfinite(losses).all()
    return step.state_dict() | step.optimizer_state_dict() | {"losses": np.array(losses), "output": step.predict(x)}


def assert_same_bits(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], machine: str) -> None:
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        assert value.tobytes() == theirs[key].tobytes(), f"{key} differs on {machine}"


@pytest.mark.parametrize("name", CASES)
def test_every_machine_gives_the_same_bits(name: str) -> None:
    results = {machine: trained(name, dataclasses.replace(HOST, **fields)) for machine, fields in MACHINES.items()}
    first = results.pop("scalars, no caches")
    for machine, result in results.items():
        assert_same_bits(result, first, machine)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": pock.AdamW(lr=1e-3)},
        {"clip_grad_norm": 0.1, "accumulate": 2},
        {"precision": "bf16"},
    ],
    ids=["adamw", "clipping", "bf16"],
)
def test_so_do_optimizers_and_precisions(options: dict[str, Any]) -> None:
    machines = [dataclasses.replace(HOST, **fields) for fields in MACHINES.values()]
    first, *others = [trained("lenet", machine, **options) for machine in (machines[0], machines[-1])]
    for other in others:
        assert_same_bits(other, first, "32 vectors of 64")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="takes instructions from x86")
def test_fused_operations_are_exact_without_an_instruction() -> None:
    """A processor without FMA calls the C library's: slow, and the same."""
    plain = dataclasses.replace(HOST, cpu="x86-64", features="", vector_bytes=16, vector_registers=16)
    assert_same_bits(trained("mlp", plain), trained("mlp", HOST), "x86-64")


@pytest.mark.skipif(HOST.vector_bytes < 32, reason="the machine has no long vectors")
def test_fast_arithmetic_is_something_else() -> None:
    """Or the tests above would show nothing."""
    scalar = dataclasses.replace(HOST, **MACHINES["scalars, no caches"])
    fast = trained("lenet", HOST, arithmetic="fast")
    assert any(
        fast[key].tobytes() != value.tobytes() for key, value in trained("lenet", scalar, arithmetic="fast").items()
    )


def test_portable_results_are_close_to_fast_ones() -> None:
    portable, fast = trained("lenet", HOST), trained("lenet", HOST, arithmetic="fast")
    for key, value in fast.items():
        np.testing.assert_allclose(portable[key], value, rtol=1e-4, atol=1e-5, err_msg=key)


class Powers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.pow(x, y) * self.weight


def test_powers_are_formulas_with_a_bound() -> None:
    """Against float64; signs, zeros and what is no number as C has them."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(4000, generator=generator) * 10, torch.randn(4000, generator=generator) * 5
    x[1000:2000] *= -1
    y[1000:1900] = y[1000:1900].round()
    x[2000:2004], y[2000:2004] = torch.tensor([0.0, 0.0, 1.0, 2.5]), torch.tensor([0.0, 2.5, 77.0, 0.0])
    options: dict[str, Any] = {"optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full(), "arithmetic": "portable"}
    ours = pock.compile(Powers(), (x, y), loss="mse", **options).predict(x, y)
    expected = torch.pow(x.double(), y.double())
    size = 1.0 + (y.double() * x.double().abs().log()).nan_to_num(posinf=0.0, neginf=0.0).abs().numpy()
    error = np.abs(ours / expected.numpy() - 1.0)
    assert np.array_equal(np.isnan(ours), expected.isnan().numpy())
    zero = expected.numpy() == 0.0
    assert (ours[zero] == 0.0).all()
    assert np.nanmax((error / size)[~zero]) < 2e-7


def test_the_report_says_which() -> None:
    x, _ = ARCHITECTURES["mlp"].batch(0)
    options: dict[str, Any] = {"loss": "cross_entropy", "optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()}
    for arithmetic, text in (("portable", "the same bits on every target"), ("fast", "may depend on the processor")):
        step = pock.compile(ARCHITECTURES["mlp"].model(), (x,), arithmetic=arithmetic, **options)
        assert text in str(step.report())
