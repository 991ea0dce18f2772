"""Threads: the same numbers with any number of them, and without a runtime."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from llvm_tools import find_program
from torch import nn


@pytest.fixture(autouse=True)
def restore():
    before = pock.get_num_threads()
    yield
    pock.set_num_threads(before)


def network() -> nn.Module:
    """Layers of all kinds of kernels, large enough for threads."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 40, 3, padding=1),
        nn.BatchNorm2d(40),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(40, 40, 5, padding=2, groups=40),
        nn.Conv2d(40, 72, 1, stride=2),
        nn.GELU(),
        nn.Flatten(2),
        nn.LayerNorm(64),
        nn.Flatten(),
        nn.Linear(72 * 64, 90),
        nn.Tanh(),
        nn.Linear(90, 10),
    )


def compile_network() -> pock.Step:
    optimizer = pock.SGD(lr=0.01, momentum=0.9)
    return pock.compile(
        network(), (torch.zeros(8, 3, 32, 32),), loss="cross_entropy", optimizer=optimizer, scheme=pock.Scheme.full()
    )


def train(step: pock.Step) -> tuple[list[float], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    losses = []
    for _ in range(3):
        x = rng.standard_normal((8, 3, 32, 32), dtype=np.float32)
        losses.append(step(x, rng.integers(0, 10, 8)))
    return losses, step.state_dict()


def test_results_do_not_depend_on_the_number_of_threads():
    results = []
    for count in (1, 3, 7):
        pock.set_num_threads(count)
        step = compile_network()
        assert "GOMP_parallel" in step.ir("llvm")
        results.append(train(step))
    losses, state = results[0]
    for other_losses, other_state in results[1:]:
        assert other_losses == losses
        for name, value in state.items():
            np.testing.assert_array_equal(other_state[name], value, err_msg=name)


def test_a_library_needs_no_runtime_and_an_exported_one_takes_openmp(tmp_path):
    step = compile_network()
    readelf = find_program("llvm-readelf-22", "readelf")

    def needed(path):
        return subprocess.run([readelf, "-d", path], capture_output=True, text=True, check=True).stdout

    assert "gomp" not in needed(step.library_path)
    assert "threads" not in needed(step.library_path)
    assert "libgomp.so.1" in needed(step.export(tmp_path)["shared_library"])


def test_without_any_threads_a_library_loads_and_one_thread_does_all():
    """As in a program in C without OpenMP; the code refers weakly to what is missing."""
    step = compile_network()
    pock.set_num_threads(1)
    expected, _ = train(step)
    script = f"""
import ctypes
from pockmlir.runtime import abi
abi.load_threads = lambda: None
import numpy as np, pickle, sys
step = pickle.load(sys.stdin.buffer)
rng = np.random.default_rng(0)
losses = []
for _ in range(3):
    x = rng.standard_normal((8, 3, 32, 32), dtype=np.float32)
    losses.append(step(x, rng.integers(0, 10, 8)))
assert losses == {expected}, losses
"""
    data = pickle.dumps(compile_network())
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_set_num_threads_refuses_what_is_no_number_of_threads():
    for wrong in (0, -1, 1.5, True, 33):
        with pytest.raises(pock.ArgumentError, match="set_num_threads: expected an integer from 1 to 32"):
            pock.set_num_threads(wrong)


def test_get_returns_what_was_set():
    for count in (3, 32, 1):
        pock.set_num_threads(count)
        assert pock.get_num_threads() == count


def run_program(*arguments: str, **environment: str) -> str:
    program = Path(__file__).parent / "programs" / "count_threads.py"
    done = subprocess.run(
        [sys.executable, program, *arguments], capture_output=True, text=True, env=os.environ | environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("torch_first", ["torch first", "torch last", "no torch"])
def test_the_threads_that_were_asked_for_do_the_work(torch_first: str, tmp_path: Path):
    """Whatever OpenMP runtime PyTorch brings along, and whenever."""
    compile_network().save_compiled(tmp_path / "net.pock")
    assert run_program("count", str(tmp_path / "net.pock"), torch_first, OMP_NUM_THREADS="3") == "ok\n"


def test_threads_sleep_soon_and_work_after_a_fork_and_beside_each_other(tmp_path: Path):
    compile_network().save_compiled(tmp_path / "net.pock")
    assert run_program("fork", str(tmp_path / "net.pock"), "no torch", OMP_NUM_THREADS="3") == "ok\n"
    assert run_program("beside", str(tmp_path / "net.pock"), "no torch", OMP_NUM_THREADS="4") == "ok\n"
    assert run_program("sleep", str(tmp_path / "net.pock"), "no torch", OMP_NUM_THREADS="4") == "ok\n"
