"""Steps on a Vulkan device: stages, shaders, plan and runtime together, against PyTorch.

Without a graphics processor, Mesa's driver for this processor takes its place. What Khronos' validation layer says of a
call is a failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir import _core
from pockmlir.artifact.manifest import Manifest, dtype_of
from pockmlir.core.ir_text import retarget
from pockmlir.runtime import vulkan
from torch import nn

TARGET = pock.Target(
    "vulkan", triple="spirv-unknown-vulkan", index_bits=32, vector_bytes=0, alignment=256, stack_bytes=0
).attributes
STAGES = [(name, f"builtin.module(pock-{name}-pipeline)") for name in ("kernels", "plan")]


def devices() -> tuple[str, ...]:
    try:
        return vulkan.list_devices()
    except pock.RunError:
        return ()


needs_device = pytest.mark.skipif(not devices(), reason="no Vulkan device; Mesa's mesa-vulkan-drivers has one")


def compiled(
    model: nn.Module, x: torch.Tensor, y: torch.Tensor, loss: str, optimizer: Any = pock.SGD
) -> tuple[Manifest, bytes, bytes]:
    """The manifest, the shaders and the plan of a step that trains everything."""
    step = pock.compile(
        model, (x,), loss=loss, example_target=y, optimizer=optimizer(lr=0.1), scheme=pock.Scheme.full()
    )
    stages = _core.run_stages(retarget(step.ir("schedule"), TARGET).encode(), STAGES)
    plan = stages[-1][1].encode()
    (shaders, dispatches), *_ = _core.generate(plan, "builtin.module(pock-llvm-pipeline)")
    return Manifest.from_json(_core.manifest(plan)), shaders, dispatches


class Device:
    """A step on a device, with the parameters of a model."""

    def __init__(self, loaded: vulkan.LoadedStep, manifest: Manifest, model: nn.Module) -> None:
        self._loaded, self._manifest = loaded, manifest
        self._memory = {name: np.zeros(max(1, manifest.segments[name]), np.uint8) for name in ("constants", "state")}
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name in manifest.tensors:
                manifest.tensors[name].write(self._memory, value.detach().numpy())
        for name, memory in self._memory.items():
            loaded.write(name, memory[: manifest.segments[name]])
        assert loaded.call("prepare", []) == 0

    def call(self, function: str, *inputs: np.ndarray[Any, Any]) -> tuple[int, np.ndarray[Any, Any]]:
        """The code of a function, and its only output."""
        spec = self._manifest.functions[function]
        arrays = [np.ascontiguousarray(x, dtype_of(given.dtype)) for x, given in zip(inputs, spec.inputs, strict=True)]
        output = np.zeros(spec.outputs[0].shape, np.float32)
        return self._loaded.call(function, [*arrays, output]), output

    def parameter(self, name: str) -> np.ndarray[Any, Any]:
        self._loaded.read("state", self._memory["state"][: self._manifest.segments["state"]])
        return self._manifest.tensors[name].read(self._memory)


def networks() -> dict[str, tuple[nn.Module, torch.Tensor, torch.Tensor, str]]:
    torch.manual_seed(0)
    image, labels = torch.randn(2, 3, 8, 8), torch.tensor([0, 3])
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return {
        "mlp": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(4, 6), torch.randn(4, 3), "mse"),
        "one sample": (nn.Sequential(nn.Linear(1, 1), nn.Tanh(), nn.Linear(1, 2)), torch.randn(1, 1), torch.tensor([1]), "cross_entropy"),
        "convolutions": (
            nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, 2, 1, groups=2), nn.ReLU6(), *pooled),
            image, labels, "cross_entropy",
        ),
        "depthwise": (
            nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), *pooled).eval(),
            image, labels, "cross_entropy",
        ),
        "batch norm": (nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), *pooled), image, labels, "cross_entropy"),
        "functions": (
            nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 8), nn.SiLU(), nn.LayerNorm(8), nn.Sigmoid(), nn.Linear(8, 3)),
            torch.randn(4, 6), torch.tensor([0, 2, 1, 1]), "cross_entropy",
        ),
    }  # fmt: skip


LOSSES = {"mse": nn.functional.mse_loss, "cross_entropy": nn.functional.cross_entropy}


def require_equal_training(name: str, optimizer: str = "SGD") -> None:
    """Five steps, and a prediction, equal those of PyTorch."""
    model, x, y, loss = networks()[name]
    manifest, shaders, plan = compiled(model, x, y, loss, getattr(pock, optimizer))
    with vulkan.Device() as device, vulkan.LoadedStep(device, shaders, plan) as loaded:
        step = Device(loaded, manifest, model)
        reference = getattr(torch.optim, optimizer)(model.parameters(), lr=0.1)
        # Adam's factors are powers, which drivers compute with few digits.
        rtol = 1e-5 if optimizer == "SGD" else 1e-4
        for _ in range(5):
            code, found = step.call("step", x.numpy(), y.numpy(), np.array(0.1))
            reference.zero_grad()
            expected = LOSSES[loss](model(x), y)
            expected.backward()
            reference.step()
            assert code == 0
            np.testing.assert_allclose(found, expected.detach().numpy(), rtol=rtol)
        for tensor, value in [*model.named_parameters(), *model.named_buffers()]:
            if value.is_floating_point():
                np.testing.assert_allclose(step.parameter(tensor), value.detach().numpy(), rtol=rtol, atol=rtol / 10)
        if not any(isinstance(part, nn.BatchNorm2d) and part.training for part in model.modules()):
            _, found = step.call("predict", x.numpy())
            np.testing.assert_allclose(found, model(x).detach().numpy(), rtol=rtol, atol=rtol / 10)


@needs_device
@pytest.mark.parametrize(
    ("name", "optimizer"), [*((name, "SGD") for name in networks()), ("mlp", "Adam"), ("mlp", "AdamW")]
)
def test_five_steps_equal_pytorch(name: str, optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # In a process of its own, because the layer prints what it finds.
    monkeypatch.setenv("VK_INSTANCE_LAYERS", "VK_LAYER_KHRONOS_validation")
    code = f"from test_vulkan import require_equal_training; require_equal_training({name!r}, {optimizer!r})"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "Validation" not in result.stdout + result.stderr


@needs_device
def test_a_label_that_is_out_of_range_changes_nothing() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(6, 3), torch.randn(4, 6)
    manifest, shaders, plan = compiled(model, x, torch.zeros(4, dtype=torch.int64), "cross_entropy")
    with vulkan.Device() as device, vulkan.LoadedStep(device, shaders, plan) as loaded:
        step = Device(loaded, manifest, model)
        code, _ = step.call("step", x.numpy(), np.array([0, 3, 1, 1]), np.array(0.1))
        assert code == 1
        np.testing.assert_array_equal(step.parameter("weight"), model.weight.detach().numpy())
        code, _ = step.call("step", x.numpy(), np.array([0, -100, 1, 1]), np.array(0.1))
        assert code == 0
        assert np.any(step.parameter("weight") != model.weight.detach().numpy())


@needs_device
def test_two_steps_have_memory_of_their_own() -> None:
    model, x, y, loss = networks()["mlp"]
    manifest, shaders, plan = compiled(model, x, y, loss)
    with (
        vulkan.Device() as device,
        vulkan.LoadedStep(device, shaders, plan) as one,
        vulkan.LoadedStep(device, shaders, plan) as other,
    ):
        first, second = Device(one, manifest, model), Device(other, manifest, model)
        losses = [first.call("step", x.numpy(), y.numpy(), np.array(0.1))[1] for _ in range(3)]
        assert second.call("step", x.numpy(), y.numpy(), np.array(0.1))[1] == losses[0]
        assert losses[2] < losses[0]


@needs_device
@pytest.mark.parametrize("length", range(0, 200, 17))
def test_a_damaged_plan_is_refused(length: int) -> None:
    model, x, y, loss = networks()["one sample"]
    _, shaders, plan = compiled(model, x, y, loss)
    with vulkan.Device() as device:
        for damaged in (plan[:length], plan[:length] + b"\xff" * 4 + plan[length + 4 :]):
            try:
                vulkan.LoadedStep(device, shaders, damaged).__exit__()
            except pock.RunError as error:
                assert "Vulkan:" in str(error)  # noqa: PT017
        with pytest.raises(pock.RunError, match=r"not a plan of a step|a damaged plan"):
            vulkan.LoadedStep(device, shaders, plan[:-4])


@needs_device
def test_an_unknown_device_is_an_error() -> None:
    with pytest.raises(pock.RunError, match=r"no Vulkan 1\.1 device called 'none of these' that computes"):
        vulkan.Device("none of these")


def test_no_driver_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VK_ICD_FILENAMES", "/nowhere.json")
    monkeypatch.setenv("VK_DRIVER_FILES", "/nowhere.json")
    code = "from pockmlir.runtime import vulkan; vulkan.Device()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "RunError: Vulkan: no Vulkan" in result.stderr


def test_shaders_are_valid(tmp_path: Path) -> None:
    """Khronos' validator accepts them for the oldest version with what they use."""
    shaders = compiled(*networks()["convolutions"])[1]
    (tmp_path / "step.spv").write_bytes(shaders)
    command = ["spirv-val", "--target-env", "vulkan1.1", str(tmp_path / "step.spv")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_same_model_gives_the_same_bytes() -> None:
    model, x, y, loss = networks()["depthwise"]
    assert compiled(model, x, y, loss) == compiled(model, x, y, loss)


def test_other_triples_are_other_back_ends() -> None:
    described = json.loads(_core.describe_target(f"module attributes {{pock.target = {TARGET}}} {{}}"))
    assert (described["backend"], described["form"]) == ("vulkan", "dispatches")
    wrong = '#pock.target<triple = "spirv64-unknown-unknown">'
    with pytest.raises(RuntimeError, match=r"vulkan: expected the triple 'spirv-unknown-vulkan'"):
        _core.describe_target(f"module attributes {{pock.target = {wrong}}} {{}}")
