"""Runs outside of Python: requests, results, folders for boards, what goes wrong. On this machine, without emulators."""

import json
import os
import shutil
import subprocess

import numpy as np
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner
from pockmlir import cli, device
from pockmlir.device import sources
from pockmlir.device.model_c import model_source
from torch import nn

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

BATCH, STEPS = 4, 6


class Net(nn.Module):
    """Batch norm has buffers that change, dropout wants a seed and a counter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def compiled(**options) -> pock.Step:
    options = {"optimizer": pock.Adam(lr=0.01, eps=1e-6), "arithmetic": "portable"} | options
    example = (torch.zeros(BATCH, 5),)
    return pock.compile(Net(), example, loss="cross_entropy", scheme=pock.Scheme.full(), name="net", **options)


@pytest.fixture
def data() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 50)
    x = (generator.standard_normal((50, 5)) + labels[:, None]).astype(np.float32)
    return {"x": x[:40], "y": labels[:40], "x_test": x[40:], "y_test": labels[40:]}


@pytest.mark.parametrize("options", [{}, {"accumulate": 2, "clip_grad_norm": 0.5}], ids=["plain", "accumulate"])
def test_equals_calls_from_python(data, options):
    step, reference = compiled(**options), compiled(**options)
    found = pock.run(step, data, steps=STEPS, reference=reference)
    assert found.comparison == device.Comparison(state_equal=True, outputs_equal=True, loss_difference=0.0)
    assert found.losses[0] != found.losses[-1]
    assert list(found.accuracy) == ["before", "after"]
    # The step is where the program has left it, and goes on from there.
    assert device.state_hash(step) == device.state_hash(reference) == found.state_hash
    batch = data["x"][:BATCH], data["y"][:BATCH]
    assert step(*batch) == reference(*batch)
    assert found.to_dict()["state_hash"] in json.dumps(found.to_dict())
    assert "the same bits" in str(found)


def test_another_start_is_other_bits(data):
    reference = compiled()
    reference(data["x"][:BATCH], data["y"][:BATCH])
    found = pock.run(compiled(), data, steps=2, reference=reference)
    assert not found.comparison.state_equal
    assert not found.comparison.outputs_equal
    assert found.comparison.loss_difference > 0
    assert "other bits" in str(found)


EMULATOR = """#!/bin/sh
case "$*" in *-plugin*) {refusal} ;; esac
exec {qemu} "$@"
"""
REFUSALS = {
    # Debian 13's qemu-aarch64.
    "without plugins": ("qemu: unknown option 'plugin'", "aarch64-linux"),
    "another version": (
        "Could not load plugin: TCG plugin requires API version 1, but at least 2 is needed",
        "cortex-m4",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_an_emulator_that_cannot_count_says_so(name, data, tmp_path, monkeypatch):
    message, target = REFUSALS[name]
    qemu = "qemu-aarch64" if target == "aarch64-linux" else "qemu-system-arm"
    refusal = f'echo "{message}" >&2; exit 1'
    (tmp_path / qemu).write_text(EMULATOR.format(refusal=refusal, qemu=shutil.which(qemu)))
    (tmp_path / qemu).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = pock.run(compiled(target=target), data, steps=2, reference=compiled())
    assert found.comparison.state_equal
    assert found.instructions == ()
    assert found.uncounted == message
    assert f"not counted: {message}" in " ".join(str(found).split())


def test_a_failure_of_the_program_is_not_one_of_the_counter(data, tmp_path, monkeypatch):
    """It is not run again: it may have changed its files."""
    monkeypatch.setattr("pockmlir.device.build.model_source", lambda manifest, **k: _failing(manifest, **k))
    with pytest.raises(pock.RunError, match="returned an error"):
        pock.run(compiled(target="aarch64-linux"), data, steps=2, directory=tmp_path)
    assert (tmp_path / "runs.txt").read_text() == "x"


def _failing(manifest, **options) -> str:
    """The program's model, which fails, and adds a letter to a file first."""
    note = '{ FILE *runs = fopen("runs.txt", "a"); fputs("x", runs); fclose(runs); return 99; }'
    return "#include <stdio.h>\n" + model_source(manifest, **options).replace("return code;", note)


def test_a_folder_for_a_board(data, tmp_path):
    folder = tmp_path / "board"
    device.write(compiled(), data, folder, steps=STEPS)
    with pytest.raises(pock.RunError, match="has not run to its end"):
        device.read(compiled(), data, folder, steps=STEPS)
    # As on a board: only this folder, make and a C compiler.
    folder = shutil.move(folder, tmp_path / "elsewhere")
    subprocess.run(["make", "-s", "CC=cc"], cwd=folder, check=True)
    subprocess.run(["./program"], cwd=folder, check=True)
    found = device.read(compiled(), data, folder, steps=STEPS, reference=compiled())
    assert found.comparison.state_equal
    assert found.comparison.outputs_equal
    assert found.instructions == ()
    with pytest.raises(pock.RunError, match="not the requests of this model, data, number of steps and seed"):
        device.read(compiled(), data, folder, steps=STEPS, seed=1)
    results = (folder / "results.bin").read_bytes()
    (folder / "results.bin").write_bytes(results[:-1])
    with pytest.raises(pock.RunError, match=f"expected {len(results)} bytes, .* but got {len(results) - 1}"):
        device.read(compiled(), data, folder, steps=STEPS)


def test_the_program_says_what_is_wrong(data, tmp_path):
    device.write(compiled(), data, tmp_path, steps=1)
    subprocess.run(["make", "-s"], cwd=tmp_path, check=True)
    requests = (tmp_path / "requests.bin").read_bytes()

    def code_of(content: bytes) -> int:
        (tmp_path / "requests.bin").write_bytes(content)
        return subprocess.run(["./program"], cwd=tmp_path, check=False).returncode

    assert code_of(requests) == 0
    assert code_of(requests[:-1]) == 3  # ends within an input
    assert code_of(b"\xff" * 4) == 3  # no such function
    (tmp_path / "net.state.bin").unlink()
    assert code_of(requests) == 1


def test_refuses_bad_data(data):
    step = compiled()
    with pytest.raises(pock.ArgumentError, match="steps: expected at least 1, but got 0"):
        pock.run(step, data, steps=0)
    with pytest.raises(pock.ArgumentError, match="expected at least 4 samples"):
        pock.run(step, {"x": data["x"][:3], "y": data["y"][:3]})
    with pytest.raises(pock.ArgumentError, match="expected indices in"):
        pock.run(step, {"x": data["x"], "y": data["y"] + 3})


def test_a_program_that_hangs_is_stopped(data, tmp_path, monkeypatch):
    step = compiled()
    monkeypatch.setattr("pockmlir.device.build.model_source", lambda manifest, **k: _endless(manifest, **k))
    with pytest.raises(pock.RunError, match=r"did not end within 0\.5 seconds"):
        pock.run(step, data, steps=1, timeout=0.5)


def _endless(manifest, **options) -> str:
    return model_source(manifest, **options).replace("int32_t code = -1;", 'int32_t code = -1; for (;;) __asm__("");')


def test_missing_tools_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(pock.RunError, match=r"qemu-system-arm not found on PATH.*apt-get install qemu-system-arm"):
        sources.find_tool("qemu-system-arm")


MODEL = """
import torch

def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 3)), (torch.zeros(4, 5),)
"""


class TestCommand:
    @pytest.fixture
    def files(self, tmp_path, data) -> list[str]:
        (tmp_path / "net_of_command.py").write_text(MODEL)
        np.savez(tmp_path / "data.npz", **data)
        return [f"{tmp_path}/net_of_command.py:net", f"{tmp_path}/data.npz", "--arithmetic", "portable", "--lr", "0.1"]

    def test_run(self, files):
        result = CliRunner().invoke(cli.pock, ["run", *files, "--steps", "3"], catch_exceptions=False)
        assert result.exit_code == 0
        for text in ("loss", "accuracy", "hash of all parameters", "the same bits"):
            assert text in result.stdout

    def test_json_and_folder(self, files, tmp_path):
        folder = str(tmp_path / "folder")
        arguments = ["run", *files, "--steps", "3", "--directory", folder, "--json"]
        first = json.loads(CliRunner().invoke(cli.pock, arguments, catch_exceptions=False).stdout)
        assert len(first["losses"]) == 3
        assert first["comparison"]["state_equal"]
        again = json.loads(CliRunner().invoke(cli.pock, [*arguments, "--read-only"], catch_exceptions=False).stdout)
        assert again["state_hash"] == first["state_hash"]
        assert again["machine"] == "a board"

    def test_write_only_wants_a_directory(self, files):
        result = CliRunner().invoke(cli.pock, ["run", *files, "--write-only"])
        assert result.exit_code == 2
        assert "need --directory" in result.output
