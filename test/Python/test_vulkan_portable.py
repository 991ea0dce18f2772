"""Portable arithmetic on Vulkan devices: the bits of this machine, or a refusal."""

from __future__ import annotations

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.artifact.dispatches import Dispatches
from torch import nn
from vulkan_cases import (
    SWIFTSHADER,
    PlanReader,
    compiled,
    in_process,
    needs_device,
    needs_swiftshader,
    networks,
)

#: Numbers where roundings, zeros and special values show.
SPECIAL = [0.0, 1e-45, 1.1754942e-38, 1.17549435e-38, 2.0**-24, 1.0, 1 + 2.0**-23, 1 / 3, 2.0**24 + 2, 3.4028235e38, np.inf, np.nan]  # fmt: skip


class Functions(nn.Module):
    """Operations whose results depend on the device, unless arithmetic is portable."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # A sum of two products, of which the first is c.
        rows, columns = torch.stack([c, a], -1)[:, None, :], torch.stack([torch.ones_like(b), b], -1)[:, :, None]
        fused = torch.bmm(rows, columns)[:, 0, 0]
        functions = (torch.exp(a), torch.log(a), torch.tanh(a), torch.sin(a), torch.erf(a), torch.sinh(a))
        extremes = (torch.maximum(a, b), torch.minimum(a, b), torch.where(a < b, a, c))
        return (
            fused,
            a / b,
            torch.sqrt(a),
            torch.rsqrt(a),
            a * b + c,
            *extremes,
            *functions,
            a.mean() * self.weight.sum(),
        )


@needs_device
def test_portable_arithmetic_rounds_as_this_machine_does() -> None:
    random = np.random.default_rng(0)
    numbers = random.integers(0, 2**32, (3, 20000), dtype=np.uint32)
    numbers[:, ::2] = random.standard_normal((3, 10000), dtype=np.float32).view(np.uint32)
    signed = np.array([sign * number for number in SPECIAL for sign in (1, -1)], np.float32)
    triples = np.array(np.meshgrid(signed, signed, signed)).reshape(3, -1)
    inputs = tuple(torch.from_numpy(row) for row in np.concatenate([numbers.view(np.float32), triples], axis=1).copy())
    results = []
    for target in ("vulkan", "host"):
        step = pock.compile(
            Functions(), inputs, loss=lambda out, _: out[-1], example_target=inputs[0], optimizer=pock.SGD(lr=0.0),
            scheme=pock.Scheme.full(), target=target, arithmetic="portable",
        )  # fmt: skip
        results.append(step.predict(*inputs)[:-1])
    for there, here in zip(*results, strict=True):
        # The bits of NaN are not fixed.
        there, here = (np.where(np.isnan(values), np.float32(np.nan), values) for values in (there, here))
        np.testing.assert_array_equal(there.view(np.uint32), here.view(np.uint32))


@needs_device
@pytest.mark.parametrize(
    "names",
    [
        ["one sample", "convolutions", "batch norm", "functions"],
        pytest.param([*networks()], marks=pytest.mark.slow),
    ],
    ids=["some", "all"],
)
def test_portable_arithmetic_gives_the_bits_of_this_machine(names: list[str]) -> None:
    code = f"for name in {names!r}: print(name, flush=True); require_equal_bits(name)"
    result = in_process(code, VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines() == names, result.stdout


@needs_swiftshader
def test_portable_arithmetic_is_refused_where_a_probe_finds_other_bits() -> None:
    """SwiftShader takes denormal numbers for zeros."""
    result = in_process(
        "require_equal_bits('mlp')", VK_ICD_FILENAMES=str(SWIFTSHADER), VK_DRIVER_FILES=str(SWIFTSHADER)
    )
    expected = "RunError: Vulkan: the device has no portable arithmetic: result 22 of the probe is 0x00000000, but expected 0x00000001"
    assert expected in result.stderr


@needs_device
def test_what_takes_long_is_several_dispatches() -> None:
    """Portable arithmetic makes a product of this size one of more than 100 ms."""
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(128, 128), nn.Flatten(0)), torch.randn(1024, 128)
    there, here = (
        compiled(model, x, torch.zeros(1024 * 128), target, arithmetic="portable", loss="mse")
        for target in ("vulkan", "host")
    )
    plan = PlanReader(Dispatches.unpack(there.artifact.object_code).plan)
    launches = [launch for _, _, launch in plan.functions["predict"]]
    assert len(launches) > len(set(launches))
    np.testing.assert_array_equal(there.predict(x), here.predict(x))
