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
from test_vulkan import in_process, needs_device

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


@pytest.mark.parametrize("kind", [{}, {"FAULT_DISCRETE": 1}], ids=["shared", "discrete"])
def test_both_kinds_of_memory_train(run: Run, kind: dict[str, object]) -> None:
    assert run(TRAINS, **kind) == []
