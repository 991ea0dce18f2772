"""Storage in bfloat16: half the bytes, and a training run that stays beside PyTorch's in float32."""

from __future__ import annotations

from functools import cache

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn


def convnet() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.Conv2d(16, 32, 1), nn.ReLU6(), nn.Conv2d(32, 32, 3)]
    return nn.Sequential(*layers, nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 10))


def transformer() -> nn.Module:
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu", batch_first=True)
    return nn.Sequential(nn.Linear(12, 32), block, nn.Flatten(), nn.Linear(32 * 16, 10))


MODELS = {"convnet": (convnet, (8, 3, 16, 16)), "transformer": (transformer, (8, 16, 12))}


@cache
def compile_both(name: str, scheme: object = None, target: str = "host") -> tuple[nn.Module, dict[str, pock.Step]]:
    build, shape = MODELS[name]
    model = build()
    steps = {
        precision: pock.compile(
            model,
            (torch.zeros(shape),),
            loss="cross_entropy",
            optimizer=pock.SGD(lr=0.01, momentum=0.9),
            scheme=scheme or pock.Scheme.full(),
            precision=precision,
            target=target,
        )
        for precision in ("f32", "bf16")
    }
    return model, steps


@pytest.mark.parametrize("name", MODELS)
def test_training_stays_beside_float32(name):
    _, steps = compile_both(name)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, 64)
    x, classes = (rng.standard_normal((n, *MODELS[name][1][1:]), dtype=np.float32) for n in (64, 10))
    x = 0.5 * x + classes[y]
    losses = {precision: [] for precision in steps}
    for _ in range(10):
        for batch in range(0, 64, 8):
            for precision, step in steps.items():
                losses[precision].append(step(x[batch : batch + 8], y[batch : batch + 8]))
    # bf16 keeps 8 bits: single losses differ, the way down is the same.
    first, last = np.mean(losses["bf16"][:8]), np.mean(losses["bf16"][-8:])
    assert losses["bf16"] != losses["f32"]
    np.testing.assert_allclose(losses["bf16"][0], losses["f32"][0], rtol=1e-2)
    np.testing.assert_allclose(first, np.mean(losses["f32"][:8]), rtol=2e-2)
    assert last < 0.5 * first
    np.testing.assert_allclose(last, np.mean(losses["f32"][-8:]), atol=0.1 * first)


def test_saved_activations_take_half_the_bytes():
    # Workspace depends on the processor, so the target is named.
    _, steps = compile_both("convnet", target="aarch64-linux")
    wide, narrow = steps["f32"].memory, steps["bf16"].memory
    assert narrow.saved < 0.6 * wide.saved
    assert narrow.gradients < 0.6 * wide.gradients
    assert narrow.arena < 0.85 * wide.arena
    assert narrow.parameters == wide.parameters
    assert narrow.optimizer_state == wide.optimizer_state


def test_frozen_weights_are_rounded_and_trained_ones_are_not():
    model, steps = compile_both("convnet", pock.Scheme.last(1))
    original = {name: value.detach() for name, value in model.state_dict().items()}
    state = steps["bf16"].state_dict()
    frozen = original["7.weight"]
    assert frozen.numel() >= 1024
    np.testing.assert_array_equal(state["7.weight"], frozen.bfloat16().float().numpy())
    np.testing.assert_array_equal(state["10.weight"], original["10.weight"].numpy())
    np.testing.assert_array_equal(state["0.bias"], original["0.bias"].numpy())
    assert all(value.dtype == np.float32 for name, value in state.items() if "num_batches" not in name)
    assert steps["bf16"].memory.constants < 0.6 * steps["f32"].memory.constants
    # What was rounded once stays what it is.
    steps["bf16"].load_state_dict(state)
    np.testing.assert_array_equal(steps["bf16"].state_dict()["7.weight"], state["7.weight"])


def test_report_says_what_is_stored_in_bf16():
    _, steps = compile_both("convnet")
    assert steps["bf16"].report().arithmetic["stored between kernels"] == "bfloat16, computed in float32"
    assert "stored between kernels" not in steps["f32"].report().arithmetic


def test_unknown_precision_is_refused():
    with pytest.raises(pock.ArgumentError, match="precision: expected one of f32, bf16, f16, int8, but got 'f64'"):
        pock.compile(
            convnet(),
            (torch.zeros(8, 3, 16, 16),),
            loss="cross_entropy",
            optimizer=pock.SGD(lr=0.1),
            scheme=pock.Scheme.full(),
            precision="f64",
        )
