"""Training runs on emulated devices: one hash of all parameters everywhere, and PyTorch's numbers."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from device_models import CASES, Case, digits
from pockmlir._training import batch_indices
from torch.nn import functional

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 50
TARGETS = ("aarch64-linux", "aarch64-linux:cortex-a72", "cortex-m4", "cortex-m7", "cortex-m55")
#: Instructions per step, and the versions of what they depend on. `device_counts.py` writes it.
GOLDEN = Path(__file__).parent / "device_counts.json"


def compiled(case: Case, target: str, **options) -> pock.Step:
    return pock.compile(
        case.model(),
        (case.example,),
        loss="cross_entropy",
        optimizer=case.optimizer,
        scheme=case.scheme,
        name="net",
        target=target,
        arithmetic="portable",
        **options,
    )


@cache
def data_of(name: str) -> dict[str, np.ndarray]:
    # A few predictions are enough to compare them.
    return digits(CASES[name].size, CASES[name].channels, test=20)


def train_with_torch(case: Case, data: dict[str, np.ndarray]) -> tuple[torch.nn.Module, list[float]]:
    """The same run by PyTorch, of all that the scheme trains wholly."""
    model, losses = case.model(), []
    step = compiled(case, "host")
    trained = {entry.name for entry in step.report().parameters if entry.fraction == 1}
    parameters = [parameter for name, parameter in model.named_parameters() if name in trained]
    settings = case.optimizer.settings()
    optimizer = getattr(torch.optim, type(case.optimizer).__name__)(parameters, **settings)
    indices = batch_indices(len(data["x"]), case.batch, 0)
    for _ in range(STEPS):
        chosen = next(indices)
        loss = functional.cross_entropy(model(torch.from_numpy(data["x"][chosen])), torch.from_numpy(data["y"][chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


@pytest.mark.parametrize("name", CASES)
def test_one_hash_everywhere(name):
    case, data = CASES[name], data_of(name)
    host = pock.run(compiled(case, "host"), data, steps=STEPS)
    runs = {target: pock.run(step := compiled(case, target), data, steps=STEPS) for target in TARGETS}
    assert {target: run.state_hash for target, run in runs.items()} == dict.fromkeys(TARGETS, host.state_hash)
    for run in runs.values():
        assert run.losses == host.losses
        assert run.accuracy == host.accuracy
        assert len(run.instructions) == STEPS

    model, losses = train_with_torch(case, data)
    np.testing.assert_allclose(host.losses, losses, rtol=2e-3, atol=2e-4)
    for key, value in model.state_dict().items():
        scale = max(float(value.abs().max()), 1e-3)
        np.testing.assert_allclose(step.state_dict()[key], value.numpy(), rtol=0, atol=2e-3 * scale, err_msg=key)
