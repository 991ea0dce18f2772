"""Steps for families of Vulkan devices, which have more than every device."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.artifact.dispatches import Dispatches
from torch import nn
from vulkan_cases import (
    compiled,
    needs_device,
    networks,
)

ROWS = [f"vulkan:{name}" for name in pock.Target.named("vulkan").cpus]


@needs_device
@pytest.mark.parametrize(("row", "name"), [*((row, "convolutions") for row in ROWS), ("vulkan:mali", "tokens")])
def test_rows_of_devices_train_as_every_device_does(row: str, name: str, tmp_path: Path) -> None:
    """Rows differ in how shaders get at memory, not in arithmetic; no shader needs what its row does not have."""
    model, x, y = networks()[name]
    there, everywhere = compiled(model, x, y, row), compiled(model, x, y)
    assert [there(x, y) for _ in range(3)] == [everywhere(x, y) for _ in range(3)]
    module = tmp_path / "step.spv"
    module.write_bytes(Dispatches.unpack(there.artifact.object_code).shaders)
    subprocess.run(["spirv-val", "--target-env", "vulkan1.1", str(module)], check=True)
    text = subprocess.run(["spirv-dis", str(module)], capture_output=True, text=True, check=True).stdout
    stores_bytes = row != "vulkan:adreno"
    bytes_needed = {"StorageBuffer8BitAccess", "Int8"} if stores_bytes else set()
    assert set(re.findall(r"OpCapability (\w+)", text)) == {"Shader", "Matrix"} | bytes_needed
    assert ("OpAtomic" in text) != stores_bytes
    assert max(map(int, re.findall(r"Binding (\d+)", text))) < 16


@needs_device
@pytest.mark.parametrize("row", ROWS)
def test_float16_is_stored_where_devices_can(row: str, tmp_path: Path) -> None:
    """Values of the forward pass, and frozen weights; PyTorch in float32 is as far away as float16 rounds."""
    torch.manual_seed(0)
    frozen = (nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.Tanh())
    model = nn.Sequential(*frozen, nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 4))
    x, y = torch.randn(4, 3, 8, 8), torch.tensor([0, 3, 1, 2])
    options = {"scheme": {"4.*": 1.0, "7.*": 1.0}, "cache": False}
    half, single = compiled(model, x, y, row, precision="f16", **options), compiled(model, x, y, row, **options)
    assert half.artifact.manifest.segments["arena"] < single.artifact.manifest.segments["arena"]
    assert half.artifact.manifest.segments["constants"] < single.artifact.manifest.segments["constants"]
    np.testing.assert_array_equal(half.state_dict()["2.weight"], model[2].weight.detach().half().float().numpy())
    trained = [parameter for name, parameter in model.named_parameters() if name[0] in "47"]
    reference = torch.optim.SGD(trained, lr=0.1)
    for _ in range(5):
        reference.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        reference.step()
        assert half(x, y) == pytest.approx(float(loss.detach()), rel=2e-3)
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(half.state_dict()[name], value.numpy(), rtol=0.0, atol=1e-3)
    module = tmp_path / "step.spv"
    module.write_bytes(Dispatches.unpack(half.artifact.object_code).shaders)
    subprocess.run(["spirv-val", "--target-env", "vulkan1.1", str(module)], check=True)


@pytest.mark.parametrize("target", ["vulkan", "host", "cortex-m7"])
def test_float16_is_refused_where_devices_cannot_store_it(target: str) -> None:
    with pytest.raises(pock.ArgumentError, match=f"precision: 'f16' needs devices .* but the target is {target}"):
        compiled(*networks()["mlp"], target, precision="f16")
