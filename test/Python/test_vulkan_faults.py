"""Steps on Vulkan devices that fail, or that are of another kind than those of this machine.

A layer between the runtime and the driver (programs/vulkan_faults.c) makes one call of Vulkan fail, or reports another
kind of device. Below it, Khronos' validation layer sees how the runtime cleans up.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from vulkan_cases import in_process, needs_device

pytestmark = needs_device

SOURCE = Path(__file__).parent / "programs" / "vulkan_faults.c"
LAYERS = ("VK_LAYER_POCK_faults", "VK_LAYER_KHRONOS_validation")
#: Where Debian's packages have their layers: a path of layers replaces it.
INSTALLED = "/usr/share/vulkan/explicit_layer.d"

Run = Callable[..., list[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs code below the layer, in a process of its own; it returns the lines that it prints."""
    folder = tmp_path_factory.mktemp("layer")
    library = folder / "faults.so"
    command = ["cc", "-std=c11", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", str(SOURCE), "-o", str(library)]
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        pytest.skip("no C compiler (cc)")
    description = {"name": LAYERS[0], "type": "GLOBAL", "library_path": str(library), "api_version": "1.1.0"}
    layer = description | {"implementation_version": "1", "description": "faults"}
    (folder / "faults.json").write_text(json.dumps({"file_format_version": "1.1.0", "layer": layer}))

    def run_code(code: str, **faults: object) -> list[str]:
        environment = {name: str(value) for name, value in faults.items()}
        environment |= {"VK_LAYER_PATH": f"{folder}{os.pathsep}{INSTALLED}", "VK_INSTANCE_LAYERS": ":".join(LAYERS)}
        result = in_process(code, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        assert "Validation" not in result.stdout + result.stderr
        return result.stdout.splitlines()

    return run_code


#: Submissions of a step on "mlp": one clears the memory, each call is one, and so is each copy through other memory.
SETS = """
model, x, y = networks()["mlp"]
step = compiled(model, x, y)
try:
    for _ in range(5):
        step(x, y)
        step.load_state_dict(step.state_dict())
        print("called")
except pock.RunError as error:
    print("error")
"""


def test_shared_memory_is_not_copied(run: Run) -> None:
    fault = {"FAULT_FUNCTION": "vkQueueSubmit", "FAULT_CALL": 5, "FAULT_RESULT": -4}
    assert run(SETS, **fault) == ["called", "called", "called", "error"]
    # Another submission writes the state, and another one reads it.
    assert run(SETS, **fault, FAULT_DISCRETE=1) == ["called", "error"]


#: A checkpoint is of a momentum; a large state needs several copies.
TRAINS = """
import tempfile
for name in ("mlp", "batch norm", "tokens"):
    require_equal_training(name)
test_state_that_is_set_is_used()
with tempfile.TemporaryDirectory() as folder:
    test_a_checkpoint_goes_on_elsewhere(Path(folder))
torch.manual_seed(0)
large, x, y = nn.Linear(700, 700), torch.randn(2, 700), torch.randn(2, 700)
there, here = (compiled(large, x, y, target) for target in ("vulkan", "host"))
for _ in range(2):
    assert there(x, y) == pytest.approx(here(x, y), rel=1e-5)
np.testing.assert_allclose(there.state_dict()["weight"], here.state_dict()["weight"], rtol=1e-5, atol=1e-6)
"""


@pytest.mark.parametrize(
    "kind", [pytest.param({}, marks=pytest.mark.slow), {"FAULT_DISCRETE": 1}], ids=["shared", "discrete"]
)
def test_both_kinds_of_memory_train(run: Run, kind: dict[str, object]) -> None:
    assert run(TRAINS, **kind) == []


def begin(function: str, call: int, result: int, **more: str) -> str:
    """Return code that makes the n-th call from then on of a function fail."""
    fault = {"FAULT_FUNCTION": function, "FAULT_CALL": str(call), "FAULT_RESULT": str(result)} | more
    return f"os.environ.update({fault})\n"


BEFORE = """
import gc, tempfile, weakref
path = Path(tempfile.mkdtemp()) / "step.safetensors"
model, x, y = networks()["mlp"]
step = compiled(model, x, y)
for _ in range(3):
    step(x, y)
other, read = copy.deepcopy(step), copy.deepcopy(step)
for copied in (other, read):
    copied(x, y)
kept = read.state_dict()
step.save(path)
"""
AFTER = """
try:
    step(x, y)
    step(x, y)
except pock.RunError as error:
    print(error)
calls = [lambda: step(x, y), lambda: step.predict(x), lambda: other(x, y), lambda: read(x, y)]
values = [step.state_dict, lambda: step.save(path), lambda: step.load(path), lambda: copy.deepcopy(step), other.state_dict]
for use in calls + values:
    with pytest.raises(pock.RunError, match="load a saved state into a new step"):
        use()
# Nothing has used what was read.
assert all(np.array_equal(value, kept[name]) for name, value in read.state_dict().items())

new, alone = compiled(model, x, y), compiled(model, x, y)
new.load(path)
assert [new(x, y) for _ in range(3)] == [alone(x, y) for _ in range(6)][3:]

lost = weakref.ref(step._instance._loaded._device)
assert lost().is_lost
del step, other, read, copied, calls, values, use
gc.collect()
assert lost() is None
assert not new._instance._loaded._device.is_lost
"""

LOST, TIMEOUT, NO_MEMORY, NOT_INITIALIZED = -4, 2, -2, -3


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (begin("vkQueueSubmit", 2, LOST), {}, "vkQueueSubmit: the device is lost"),
        pytest.param(
            begin("vkWaitForFences", 2, LOST), {}, "vkWaitForFences: the device is lost", marks=pytest.mark.slow
        ),
        (begin("vkWaitForFences", 2, LOST), {"FAULT_DISCRETE": 1}, "vkWaitForFences: the device is lost"),
        pytest.param(
            begin("vkWaitForFences", 2, TIMEOUT),
            {},
            "vkWaitForFences: no answer from the device",
            marks=pytest.mark.slow,
        ),
        (begin("vkWaitForFences", 2, TIMEOUT, FAULT_HANGS="1"), {}, "vkWaitForFences: no answer from the device"),
    ],
    ids=["submitting", "waiting", "discrete", "late", "hanging"],
)
def test_training_goes_on_after_a_loss(run: Run, fault: str, kind: dict[str, object], text: str) -> None:
    """From a checkpoint, with a new step, on the device that was opened again."""
    advice = "its steps and their values are lost; load a saved state into a new step"
    assert run(BEFORE + fault + AFTER, **kind) == [f"Vulkan: {text}: {advice}"]


def test_a_profile_may_take_too_long(run: Run) -> None:
    """What it has recorded is still in use."""
    code = f"""
model, x, y = networks()["mlp"]
step = compiled(model, x, y)
first = step(x, y)
{begin("vkWaitForFences", 2, TIMEOUT, FAULT_HANGS="1")}
with pytest.raises(pock.RunError, match="no answer from the device"):
    step.profile(x, y, runs=1, warmup=0)
with pytest.raises(pock.RunError, match="no answer from the device"):
    step(x, y)
assert compiled(model, x, y)(x, y) == first
"""
    assert run(code) == []


def test_a_device_without_enough_memory_refuses_a_step(run: Run) -> None:
    """Whichever buffer it is, the step keeps its values, and another try may succeed."""
    code = f"""
model, x, y = networks()["mlp"]
alone = compiled(model, x, y)
expected = alone(x, y)
made = 0
{begin("vkAllocateMemory", 0, NO_MEMORY)}
for buffer in range(1, 6):
    step = compiled(model, x, y)
    before = step.state_dict()
    os.environ["FAULT_CALL"] = str(made + buffer)
    with pytest.raises(pock.RunError, match="close other programs, or compile for a smaller batch") as error:
        step(x, y)
    print(re.match("Vulkan: vkAllocateMemory: the device has no memory for (.*), [0-9]+ bytes: ", str(error.value))[1])
    assert all(np.array_equal(value, before[name]) for name, value in step.state_dict().items())
    assert step(x, y) == expected
    made += buffer + 5
alone(x, y)
"""
    assert run(code) == ["constants", "state", "the arena", "inputs and outputs", "copies"]


def test_an_error_of_the_driver_is_no_loss(run: Run) -> None:
    code = f"""
model, x, y = networks()["mlp"]
other, step = compiled(model, x, y), compiled(model, x, y)
first = other(x, y)
{begin("vkCreateComputePipelines", 3, NOT_INITIALIZED)}
with pytest.raises(pock.RunError, match="^Vulkan: vkCreateComputePipelines: error -3$"):
    step(x, y)
assert step(x, y) == first
assert other(x, y) < first
"""
    assert run(code) == []
