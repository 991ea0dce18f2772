"""The example projects, as somebody would use them: copied elsewhere, built by make, run by QEMU."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pockmlir._core")
from vulkan_cases import needs_device

EXAMPLES = Path(__file__).parents[2] / "examples"
TOOLS = [f"POCK={sys.executable} -m pockmlir.cli", f"PYTHON={sys.executable}"]


def project(name: str, directory: Path) -> Path:
    shutil.copy(EXAMPLES / "device_digits.py", directory)
    ignored = shutil.ignore_patterns("build", "build.log", "model", "samples.bin", "batches.bin")
    return Path(shutil.copytree(EXAMPLES / name, directory / name, ignore=ignored))


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-s", *TOOLS, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def accuracies(text: str) -> list[int]:
    return [int(right) for right in re.findall(r"right: (\d+)", text)]


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("cortex-m4", marks=pytest.mark.slow),
        "cortex-m7",
        pytest.param("cortex-m55", marks=pytest.mark.slow),
    ],
)
def test_cortex_m(tmp_path, target):
    folder = project("cortex-m", tmp_path)
    texts = {}
    for toolchain, board in (("gcc", "semihosting"), ("clang", "uart")):
        result = make(folder, "run", f"TARGET={target}", f"TOOLCHAIN={toolchain}", f"BOARD={board}")
        assert result.returncode == 0, result.stderr
        texts[board] = result.stdout + result.stderr
    # Who built it and how samples come in does not matter to what is learnt.
    learnt = {board: re.findall(r"\d+ samples: .*", text) for board, text in texts.items()}
    assert len(learnt["uart"]) == 5
    assert learnt["uart"] == learnt["semihosting"]
    first, *_, last = accuracies(texts["uart"])
    assert first < 250 < 270 < last
    assert "exit 0" in texts["uart"]


def test_cortex_m_refuses_what_does_not_fit(tmp_path):
    folder = project("cortex-m", tmp_path)
    result = make(folder, "RAM=20000")
    assert result.returncode != 0
    assert "the step does not fit into cortex-m7's memory" in result.stderr
    assert make(folder).returncode == 0
    result = make(folder, "RAM=30000", "TOOLCHAIN=clang")
    assert result.returncode != 0
    assert "will not fit in region 'RAM'" in result.stderr
    result = make(folder, "run", "STACK=256", "TOOLCHAIN=clang")
    assert result.returncode != 0
    assert "stack overflow" in result.stdout + result.stderr


@pytest.mark.parametrize("arguments", [(), ("TARGET=aarch64-linux", "CPU=cortex-a72")], ids=["host", "cortex-a72"])
def test_linux_c(tmp_path, arguments):
    folder = project("linux-c", tmp_path)
    result = make(folder, "run", "EPOCHS=3", *arguments)
    assert result.returncode == 0, result.stderr
    right = [int(count) for count in re.findall(r"(\d+) of 359 right", result.stdout)]
    assert len(right) == 4
    assert right[0] < 90
    assert right[-1] > 320
    # The next run goes on from there.
    again = make(folder, "run", "EPOCHS=1", *arguments)
    assert f"before: {right[-1]} of 359 right" in again.stdout
    (folder / "samples.bin").write_bytes(b"\x0b" + bytes(64))
    broken = make(folder, "run", *arguments)
    assert broken.returncode != 0
    assert "sample 0 is none" in broken.stderr


@needs_device
def test_vulkan_c(tmp_path):
    folder = project("vulkan-c", tmp_path)
    result = make(folder, "run", "EPOCHS=2")
    assert result.returncode == 0, result.stderr
    right = [int(count) for count in re.findall(r"(\d+) of 352 right", result.stdout)]
    assert len(right) == 3
    assert right[0] < 90
    assert right[-1] > 300
    # The next run goes on from there.
    again = make(folder, "run", "EPOCHS=1")
    assert f"before: {right[-1]} of 352 right" in again.stdout
    image = folder / "model" / "digits.state.bin"
    image.write_bytes(image.read_bytes()[:-1])
    assert "digits.state.bin: not an image of this model" in make(folder, "run").stderr
