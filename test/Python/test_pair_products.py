"""Products of pairs of bfloat16: every shape trains as PyTorch does in float64, but for what bfloat16 rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn

Build = Callable[[], nn.Module]


def linear(inputs: int, outputs: int) -> nn.Module:
    """The first layer makes what is stored in bfloat16; the second one has two operands to multiply."""
    return nn.Sequential(
        nn.Linear(24, inputs), nn.ReLU(), nn.Linear(inputs, outputs), nn.Tanh(), nn.Linear(outputs, 10)
    )


def conv(channels: int, kernel: int, **options: int) -> nn.Module:
    layers = [nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, channels, kernel, **options), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def attention() -> nn.Module:
    block = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, activation="gelu", batch_first=True)
    return nn.Sequential(nn.Linear(24, 32), block, nn.Flatten(), nn.Linear(32 * 40, 10))


PICTURES, ROWS = (4, 3, 14, 14), (64, 24)
CASES: dict[str, tuple[Build, tuple[int, ...]]] = {
    "linear": (lambda: linear(48, 80), ROWS),
    "linear of odd widths": (lambda: linear(47, 33), ROWS),
    "linear with odd rows": (lambda: linear(48, 80), (63, 24)),
    "linear of a wide result": (lambda: linear(700, 900), (96, 24)),
    "linear of many rows": (lambda: linear(48, 80), (6002, 24)),
    "pointwise": (lambda: conv(48, 1), PICTURES),
    "3x3": (lambda: conv(48, 3, padding=1), PICTURES),
    "3x3 with odd batch": (lambda: conv(48, 3, padding=1), (3, 3, 14, 14)),
    "strided": (lambda: conv(48, 3, padding=1, stride=2), PICTURES),
    "dilated": (lambda: conv(48, 3, padding=2, dilation=2), PICTURES),
    "in groups": (lambda: conv(64, 3, padding=1, groups=2), PICTURES),
    "depthwise": (lambda: conv(32, 3, padding=1, groups=32), PICTURES),
    "attention": (attention, (8, 40, 24)),
}


def without_instruction() -> pock.Target:
    """The host as it were without products of bfloat16."""
    host = pock.Target.host()
    return replace(host, features=host.features.replace("+avx512bf16", "-avx512bf16"))


def updates(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> dict[str, np.ndarray]:
    """Return the gradients of the parameters, in float64."""
    model = model.double()
    nn.functional.cross_entropy(model(x.double()), y).backward()
    return {name: parameter.grad.numpy() for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("target", [pock.Target.host, without_instruction], ids=["host", "without"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_float64(name, target):
    build, shape = CASES[name]
    torch.manual_seed(0)
    model = build()
    x, y = torch.randn(shape), torch.randint(0, 10, shape[:1])
    step = pock.compile(
        model,
        (x,),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=1.0),
        scheme=pock.Scheme.full(),
        precision="bf16",
        target=target(),
    )
    before = step.state_dict()
    step(x, y)
    after = step.state_dict()
    for key, gradient in updates(model, x, y).items():
        error = np.linalg.norm(before[key] - after[key] - gradient) / np.linalg.norm(gradient)
        # Eight bits, along a handful of layers; what is paired wrongly is off by about 1.
        assert error < 0.06, key


@pytest.mark.skipif("+avx512bf16" not in pock.Target.host().features, reason="the machine has no AVX512-BF16")
@pytest.mark.parametrize("name", ["linear", "pointwise", "3x3", "strided", "attention"])
def test_the_instruction_is_used(name):
    build, shape = CASES[name]
    step = pock.compile(
        build(),
        (torch.zeros(shape),),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=1.0),
        scheme=pock.Scheme.full(),
        precision="bf16",
    )
    assert "dpbf16ps.512" in step.ir("llvm")
    assert step.report().arithmetic["products of matrices"] == "of bfloat16, sums in float32"
