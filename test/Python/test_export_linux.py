"""An exported step in a C program: on this machine, and as aarch64 code under QEMU."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
from llvm_tools import find_program
from models import ARCHITECTURES

STEPS = 4
LR = 0.05
SOURCE = Path(__file__).parent / "programs" / "train.c"

CROSS = "aarch64-linux-gnu-gcc"
needs_aarch64 = pytest.mark.skipif(
    not (shutil.which(CROSS) and shutil.which("qemu-aarch64")), reason="no aarch64 compiler or emulator"
)


def compiled(name: str, target: str) -> pock.Step:
    architecture = ARCHITECTURES[name]
    x, _ = architecture.batch(0)
    scheme = pock.Scheme({"*bias": 1.0, architecture.middle: 1.0})
    return pock.compile(
        architecture.model(),
        (x,),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=LR, momentum=0.9),
        scheme=scheme,
        target=target,
        name="net",
        arithmetic="portable",
    )


def trained_in_c(step: pock.Step, name: str, directory: Path, compiler: str, *runner: str) -> tuple[np.ndarray, ...]:
    """Build the program and run it: losses, and the state of both instances."""
    files = step.export(directory)
    with (directory / "batches.bin").open("wb") as file:
        for index in range(STEPS):
            x, y = ARCHITECTURES[name].batch(index)
            file.write(x.numpy().tobytes() + y.numpy().tobytes())
    program = directory / "train"
    elements = f"-DX_ELEMENTS=NET_STEP_{step.inputs[0].name.upper()}_ELEMENTS"
    flags = [elements, "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-I", str(directory)]
    # No libm: the code must not need it.
    command = [compiler, *flags, str(SOURCE), str(files["static_library"]), "-static", "-o", str(program)]
    subprocess.run(command, check=True)
    subprocess.run([*runner, str(program), str(directory), str(STEPS)], check=True)
    names = ("losses.bin", "first.bin", "second.bin")
    return tuple(np.frombuffer((directory / file).read_bytes(), np.uint8) for file in names)


def assert_trained_alike(step: pock.Step, reference: pock.Step, name: str, results: tuple[np.ndarray, ...]) -> None:
    """The program's losses and tensors are those of a step in Python, bit for bit."""
    losses, first, second = results
    expected = np.float32([reference(*ARCHITECTURES[name].batch(index)) for index in range(STEPS)])
    np.testing.assert_array_equal(losses.view(np.float32), expected)
    values = reference.state_dict() | reference.optimizer_state_dict()
    changed = [
        slot for slot in step.artifact.manifest.tensors.values() if slot.segment == "state" and slot.name in values
    ]
    assert changed
    for slot in changed:
        assert slot.view(first).tobytes() == values[slot.name].tobytes(), slot.name
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_two_instances_train_in_turns(name: str, tmp_path: Path) -> None:
    step = compiled(name, "host")
    compiler = find_program("gcc", "cc", "clang-22")
    assert_trained_alike(step, step, name, trained_in_c(step, name, tmp_path, compiler))


@needs_aarch64
@pytest.mark.parametrize(
    ("name", "cpu"),
    [
        ("mlp", ""),
        ("lenet", ""),
        ("ds-cnn", ":cortex-a72"),
        pytest.param("resnet8", ":cortex-a53", marks=pytest.mark.slow),
        pytest.param("mobilenetv2", ":cortex-a76", marks=pytest.mark.slow),
    ],
)
def test_aarch64_gives_the_bits_of_the_host(name: str, cpu: str, tmp_path: Path) -> None:
    step, host = compiled(name, f"aarch64-linux{cpu}"), compiled(name, "host")
    runner = ["qemu-aarch64", *(["-cpu", cpu[1:]] if cpu else [])]
    assert_trained_alike(step, host, name, trained_in_c(step, name, tmp_path, CROSS, *runner))


def test_aarch64_has_a_shared_library(tmp_path: Path) -> None:
    files = compiled("mlp", "aarch64-linux").export(tmp_path)
    assert set(files) == {"shared_library", "static_library", "header", "constants", "state", "parameters", "manifest"}
    readelf = find_program("llvm-readelf-22", "llvm-readelf", "readelf")
    listed = subprocess.run(
        [readelf, "-h", "-d", str(files["shared_library"])], check=True, capture_output=True, text=True
    )
    assert "AArch64" in listed.stdout
    assert "NEEDED" not in listed.stdout
