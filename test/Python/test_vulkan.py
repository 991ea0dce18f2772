"""Steps for Vulkan devices, through the interface that users have, against PyTorch and against steps for this machine.

Without a graphics processor, Mesa's driver for this processor takes its place. What Khronos' validation layer says of a
call is a failure.
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir import _core, device
from pockmlir.api.tuning import Choice
from pockmlir.artifact.dispatches import Dispatches
from pockmlir.runtime import vulkan
from pockmlir.tuning import kernel_run
from torch import nn
from vulkan_cases import (
    CASES,
    SWIFTSHADER,
    PlanReader,
    code_of,
    compiled,
    devices,
    in_process,
    needs_device,
    needs_swiftshader,
    networks,
)


@needs_device
def test_five_steps_equal_pytorch() -> None:
    # The layer prints what it finds: print the case before.
    code = "for case in CASES: print(*case, flush=True); require_equal_training(*case)"
    result = in_process(code, VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines() == [f"{name} {optimizer}" for name, optimizer in CASES], result.stdout
    assert "Validation" not in result.stderr


@needs_swiftshader
@pytest.mark.parametrize(
    "cases",
    [
        [("batch norm", "SGD")],
        pytest.param(CASES, marks=pytest.mark.slow),
    ],
    ids=["some", "all"],
)
def test_another_driver_trains_as_pytorch_does(cases: list[tuple[str, str]]) -> None:
    code = f"assert 'SwiftShader' in devices()[0]\nfor case in {cases!r}: require_equal_training(*case)"
    result = in_process(code, VK_ICD_FILENAMES=str(SWIFTSHADER), VK_DRIVER_FILES=str(SWIFTSHADER))
    assert result.returncode == 0, result.stdout + result.stderr


def dropping() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 40), nn.Dropout(0.3), nn.ReLU(), nn.Linear(40, 3))


@needs_device
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (dropping, {"seed": 2**40 + 3}),
        (lambda: networks()["mlp"][0], {"clip_grad_norm": 0.1}),
        (lambda: networks()["mlp"][0], {"clip_grad_value": 0.01}),
        (lambda: networks()["mlp"][0], {"accumulate": 3}),
        (lambda: networks()["mlp"][0], {"scheme": {"2.weight": 0.5, "2.bias": 1.0}}),
    ],
    ids=["dropout", "norm", "value", "accumulation", "sparse"],
)
def test_options_act_as_on_this_machine(make: Callable[[], nn.Module], options: dict[str, Any]) -> None:
    torch.manual_seed(1)
    model, x, y = make(), torch.randn(5, 6), torch.tensor([0, 2, 1, 1, 0])
    there, here = compiled(model, x, y, **options), compiled(model, x, y, "host", **options)
    for _ in range(7):
        assert there(x, y) == pytest.approx(here(x, y), rel=1e-5)
        assert (there.grad_norm is None) == (here.grad_norm is None)
        if here.grad_norm is not None:
            assert there.grad_norm == pytest.approx(here.grad_norm, rel=1e-5)
    for name, value in here.state_dict().items():
        np.testing.assert_allclose(there.state_dict()[name], value, rtol=1e-5, atol=1e-6)


@needs_device
def test_a_checkpoint_goes_on_elsewhere(tmp_path: Path) -> None:
    model, x, y = networks()["convolutions"]
    options = {"optimizer": pock.SGD(lr=0.05, momentum=0.9)}
    steps = [compiled(model, x, y, target, **options) for target in ("vulkan", "host")]
    for first, second in (steps, steps[::-1]):
        for _ in range(10):
            first(x, y)
        first.save(tmp_path / "step.safetensors")
        second.load(tmp_path / "step.safetensors")
    alone = compiled(model, x, y, "host", **options)
    expected = [alone(x, y) for _ in range(20)][-1]
    assert steps[0](x, y) == pytest.approx(alone(x, y), rel=1e-4)
    assert expected != 0.0


@needs_device
def test_a_label_that_is_out_of_range_changes_nothing() -> None:
    torch.manual_seed(0)
    model, x = nn.Linear(6, 3), torch.randn(4, 6)
    step = compiled(model, x, torch.zeros(4, dtype=torch.int64))
    for label in (3, -1, 2**32, 2**40 + 1):
        with pytest.raises(pock.IndexRangeError, match=rf"but got {label} at \[1\]"):
            step(x, torch.tensor([0, label, 1, 1]))
        np.testing.assert_array_equal(step.state_dict()["weight"], model.weight.detach().numpy())
    step(x, torch.tensor([0, -100, 1, 1]))
    assert np.any(step.state_dict()["weight"] != model.weight.detach().numpy())


@needs_device
def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    model, x, y = networks()["mlp"]
    step = compiled(model, x, y, on_nan="error")
    step(x, y)
    before = step.state_dict()
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(pock.LossNotFiniteError):
            step(x * float(value), y)
    for name, found in step.state_dict().items():
        np.testing.assert_array_equal(found, before[name])


class Integers(nn.Module):
    """64-bit integers as results."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, ...]:
        floored = torch.div(x, y, rounding_mode="floor")
        return x + y, x - y, x * y, floored, x % y, torch.maximum(x, y), x >> 3, x < y, (x / y) * self.weight.sum()


@needs_device
def test_integers_of_64_bits_are_exact() -> None:
    numbers = [0, 1, -1, 7, -7, 2**31, -(2**31), 2**32 - 1, 2**32, -(2**32) - 5, 2**53 + 1, 2**63 - 1, -(2**63)]
    divisors = [1, -1, 3, -3, 2**32, 2**40 + 7, -(2**62)]
    x, y = (torch.tensor(values).flatten() for values in zip(*[(n, d) for n in numbers for d in divisors], strict=True))
    model = Integers()
    step = pock.compile(
        model, (x, y), loss=lambda out, _: out[-1].mean(), example_target=x, optimizer=pock.SGD(lr=0.0),
        scheme=pock.Scheme.full(), target="vulkan",
    )  # fmt: skip
    # numpy, whose division of the smallest integer by -1 wraps, too.
    with np.errstate(over="ignore"):
        a, b = x.numpy(), y.numpy()
        expected = [a + b, a - b, a * b, a // b, a % b, np.maximum(a, b), a >> 3, a < b]
    for found, value in zip(step.predict(x, y), expected, strict=False):
        np.testing.assert_array_equal(found, value)


@needs_device
def test_copies_have_memory_of_their_own(tmp_path: Path) -> None:
    model, x, y = networks()["mlp"]
    step = compiled(model, x, y)
    losses = [step(x, y) for _ in range(3)]
    digest = step.save_compiled(tmp_path / "step.pock")
    others = [copy.deepcopy(step), pock.load(tmp_path / "step.pock", expect=digest)]
    losses += [step(x, y) for _ in range(3)]
    for other in others:
        assert [other(x, y) for _ in range(3)] == losses[3:]
    assert losses == sorted(losses, reverse=True)


@needs_device
def test_state_that_is_set_is_used() -> None:
    model, x, y = networks()["mlp"]
    step = compiled(model, x, y)
    start = step.state_dict()
    first = step(x, y)
    step.load_state_dict(start)
    assert step(x, y) == first


@needs_device
@pytest.mark.parametrize("predict", [False, True])
def test_a_profile_has_the_time_of_every_launch(predict: bool) -> None:
    model, x, y = networks()["convolutions"]
    step = compiled(model, x, y)
    before = step.state_dict()
    profile = step.profile(*((x,) if predict else (x, y)), runs=3, warmup=1, predict=predict)
    kernels = [launch.kernel for launch in profile.launches]
    text = step.ir("plan").split(f"func.func @{'predict' if predict else 'step'}(")[1].split("func.func")[0]
    assert kernels == re.findall(r"pock\.launch @(\w+)", text)
    assert all(launch.seconds > 0.0 for launch in profile.launches)
    for name, value in step.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@needs_device
def test_a_run_trains_and_compares() -> None:
    model, x, _ = networks()["convolutions"]
    torch.manual_seed(3)
    data = {"x": torch.randn(8, 3, 8, 8).numpy(), "y": np.arange(8) % 4}
    data |= {f"{name}_test": value for name, value in data.items()}
    step, here = (compiled(model, x, torch.tensor([0, 1]), target) for target in ("vulkan", "host"))
    found = pock.run(step, data, steps=6, reference=here)
    assert (found.target, len(found.losses)) == ("vulkan", 6)
    assert found.comparison is not None
    assert found.comparison.loss_difference < 1e-5
    assert set(found.accuracy) == {"before", "after"}
    with pytest.raises(pock.TargetError, match="write: code for vulkan is no program for a board"):
        device.write(step, data, "unused")


@needs_device
def test_a_tuning_changes_the_threads_and_not_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock says that the second choice is faster."""
    turns = kernel_run.time_in_turns

    def second_wins(runs: Any, clock: Any, repeat: int, seconds: float) -> list[list[float]]:
        measured = turns(runs, clock, 1, seconds)
        assert all(seconds > 0.0 for (seconds,) in measured)
        return [[0.5 if index == 1 else 1.0] * repeat for index in range(len(runs))]

    monkeypatch.setattr(kernel_run, "time_in_turns", second_wins)
    model, x, y = networks()["many points"]
    step = compiled(model, x, y)
    tuning = pock.tune(step, seconds=600.0)
    ((target, choices),) = tuning.targets.items()
    assert target == "vulkan"
    assert {choice.tile for choice in choices.values()} - {None}
    assert all(choice.gain == 2.0 for choice in choices.values())
    tuned = compiled(model, x, y, tuning=tuning)
    assert tuned.artifact.object_code != step.artifact.object_code
    for _ in range(3):
        assert tuned(x, y) == pytest.approx(step(x, y), rel=1e-5)


@needs_device
def test_threads_that_a_tuning_sets_apart_add_in_order() -> None:
    torch.manual_seed(0)
    model, x, y = nn.Linear(512, 4), torch.randn(8, 512), torch.randn(8, 4)
    step = compiled(model, x, y)
    kernel = json.loads(_core.tuning_space(step.ir("plan")))["kernels"]["matmul_add"]
    assert kernel["algorithms"] == ["apart", "together", "workgroup_tile"]
    apart = compiled(model, x, y, tuning=pock.Tuning({"vulkan": {kernel["fingerprint"]: Choice(algorithm="apart")}}))
    assert apart.artifact.object_code != step.artifact.object_code
    np.testing.assert_allclose(apart.predict(x), step.predict(x), rtol=1e-5, atol=1e-6)


def test_an_export_has_the_runtime_and_no_library(tmp_path: Path) -> None:
    files = compiled(*networks()["mlp"], name="net").export(tmp_path)
    assert set(files) == {
        "shaders", "dispatches", "constants", "state", "header", "parameters", "manifest", "runtime", "runtime_header",
    }  # fmt: skip
    header = files["header"].read_text()
    assert "static inline int net_step(pock_vulkan_step *step," in header
    assert "net_init" not in header
    for compiler in ("cc -std=c11", "c++ -x c++"):
        source = tmp_path / "main.c"
        source.write_text('#include "net.h"\nint main(void) { return (int)NET_STATE_BYTES == 0; }\n')
        command = [*compiler.split(), "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(source)]
        subprocess.run(command, check=True)
    command = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-c", str(files["runtime"]), "-o", os.devnull]
    subprocess.run(command, check=True)
    manifest = json.loads(files["manifest"].read_text())
    assert set(manifest["files"]) == {path.name for role, path in files.items() if role != "manifest"}


@needs_device
def test_devices_are_listed() -> None:
    assert pock.devices() == devices()
    result = subprocess.run(
        [sys.executable, "-m", "pockmlir.cli", "devices"], capture_output=True, text=True, check=True
    )
    assert tuple(result.stdout.splitlines()) == devices()


@needs_device
def test_a_damaged_plan_is_refused() -> None:
    code = code_of("one sample")
    with vulkan.Device() as device:
        for length in range(0, 400, 17):
            for damaged in (code.plan[:length], code.plan[:length] + b"\xff" * 4 + code.plan[length + 4 :]):
                try:
                    vulkan.LoadedStep(device, code.shaders, damaged).unload()
                except pock.RunError as error:
                    assert "Vulkan:" in str(error)  # noqa: PT017
        with pytest.raises(pock.RunError, match=r"not a plan of a step|a damaged plan"):
            vulkan.LoadedStep(device, code.shaders, code.plan[:-4])


@pytest.mark.parametrize("damaged", [b"", b"POCKDISP", b"ELF", b"x" * 40])
def test_damaged_code_is_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="truncated"):
        Dispatches.unpack(damaged)


def test_updates_do_not_wait_for_each_other() -> None:
    """Their bindings have all of the state, but each accesses its own parts."""
    step = compiled(*networks()["mlp"], optimizer=pock.Adam(lr=0.1))
    dispatches = PlanReader(Dispatches.unpack(step.artifact.object_code).plan).functions["step"]
    updates = [waits for name, waits, _ in dispatches if "adam_update" in name]
    assert updates == [1, 0, 0, 0]
    # The second layer needs the first.
    assert dispatches[:2] == [("matmul_add_relu", 0, 0), ("matmul_add_sub", 1, 1)]


@needs_device
def test_an_unknown_device_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POCK_VULKAN_DEVICE", "none of these")
    step = compiled(*networks()["mlp"])
    with pytest.raises(pock.RunError, match=r"no Vulkan 1\.1 device called 'none of these' that computes"):
        step(*networks()["mlp"][1:])


def test_a_machine_without_a_driver_compiles() -> None:
    code = (
        "model, x, y = networks()['batch norm']\n"
        "step = compiled(model.eval(), x, y)\n"
        "assert np.array_equal(step.state_dict()['0.weight'], model[0].weight.detach().numpy())\n"
        "step(x, y)"
    )
    result = in_process(code, VK_ICD_FILENAMES="/nowhere.json", VK_DRIVER_FILES="/nowhere.json")
    assert "RunError: Vulkan: no Vulkan" in result.stderr


@pytest.mark.parametrize("name", networks())
def test_shaders_are_valid(name: str, tmp_path: Path) -> None:
    """Khronos' validator accepts them for the oldest version with what they use."""
    (tmp_path / "step.spv").write_bytes(code_of(name).shaders)
    command = ["spirv-val", "--target-env", "vulkan1.1", str(tmp_path / "step.spv")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.mark.parametrize("name", networks())
def test_shaders_need_no_more_than_every_device_has(name: str, tmp_path: Path) -> None:
    """Four storage buffers, 128 pushed bytes, 128 threads, and the capability that Vulkan requires, with
    what it implies."""
    (tmp_path / "step.spv").write_bytes(code_of(name).shaders)
    command = ["spirv-dis", "--raw-id", str(tmp_path / "step.spv")]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in text.splitlines()]
    assert [line[1] for line in words if line[:1] == ["OpCapability"]] == ["Shader", "Matrix"]
    bindings = [int(line[3]) for line in words if line[:1] == ["OpDecorate"] and line[2] == "Binding"]
    assert set(bindings) <= {0, 1, 2, 3}
    sizes = [line[3:] for line in words if line[:1] == ["OpExecutionMode"] and line[2] == "LocalSize"]
    assert sizes
    assert all(int(np.prod([int(extent) for extent in size])) <= 128 for size in sizes)


@pytest.mark.parametrize("name", ["depthwise", "many points", "tokens"])
@pytest.mark.parametrize(
    "language", [["--msl", "--msl-version", "20100"], ["--version", "310", "--es"]], ids=["Metal", "OpenGL ES"]
)
def test_shaders_can_be_translated(name: str, language: list[str], tmp_path: Path) -> None:
    """MoltenVK does so on Apple's devices."""
    module = tmp_path / "step.spv"
    module.write_bytes(code_of(name).shaders)
    text = subprocess.run(["spirv-dis", str(module)], capture_output=True, text=True, check=True).stdout
    names = re.findall(r'OpEntryPoint GLCompute %\S+ "(\S+)"', text)
    assert len(names) > 5
    for entry in names:
        command = ["spirv-cross", str(module), "--entry", entry, "--stage", "comp", *language]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_same_model_gives_the_same_bytes() -> None:
    codes = [compiled(*networks()["depthwise"], cache=False).artifact.object_code for _ in range(2)]
    assert codes[0] == codes[1]


def test_bfloat16_is_refused() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    with pytest.raises(pock.PockError, match="does not compute with elements of 'bf16'"):
        compiled(model, torch.randn(32, 64), torch.randn(32, 3), precision="bf16")


def test_numbers_of_64_bits_are_refused() -> None:
    model, x, y = networks()["mlp"]
    with pytest.raises(pock.PockError, match="does not compute with elements of 'f64'"):
        compiled(model.double(), x.double(), y.double())


class Sum(nn.Module):
    """Six inputs in one kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        a, b, c, d, e, f = inputs
        return torch.tanh(a * self.weight + b * c - d * torch.sigmoid(e) + f)


@needs_device
def test_many_inputs_need_four_bindings() -> None:
    torch.manual_seed(0)
    model, inputs = Sum(), tuple(torch.randn(5, 3) for _ in range(6))
    target = torch.randn(5, 3)
    options = {"loss": "mse", "optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()}
    there, here = (pock.compile(model, inputs, target=name, **options) for name in ("vulkan", "host"))
    shaders = Dispatches.unpack(there.artifact.object_code).shaders
    text = subprocess.run(["spirv-dis"], input=shaders, capture_output=True, check=True).stdout.decode()
    assert set(re.findall(r"Binding (\d+)", text)) <= {"0", "1", "2", "3"}
    for _ in range(3):
        assert there(*inputs, target) == pytest.approx(here(*inputs, target), rel=1e-5)
    np.testing.assert_allclose(there.predict(*inputs), here.predict(*inputs), rtol=1e-5)


def test_other_triples_are_other_back_ends() -> None:
    attributes = pock.Target.named("vulkan").attributes
    described = json.loads(_core.describe_target(f"module attributes {{pock.target = {attributes}}} {{}}"))
    assert (described["backend"], described["form"]) == ("vulkan", "dispatches")
    wrong = '#pock.target<triple = "spirv64-unknown-unknown">'
    with pytest.raises(RuntimeError, match=r"vulkan: expected the triple 'spirv-unknown-vulkan'"):
        _core.describe_target(f"module attributes {{pock.target = {wrong}}} {{}}")
    unknown = '#pock.target<triple = "spirv-unknown-vulkan", cpu = "voodoo">'
    with pytest.raises(RuntimeError, match="vulkan: no devices are called 'voodoo'"):
        _core.describe_target(f"module attributes {{pock.target = {unknown}}} {{}}")
