"""Threads: the same numbers with any number of them, and without a runtime."""

from __future__ import annotations

import sys

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.core import link
from pockmlir.runtime import threads
from torch import nn


@pytest.fixture(autouse=True)
def restore(monkeypatch):
    monkeypatch.setattr(threads, "_wanted", None)
    yield
    pock.set_num_threads(pock.get_num_threads())


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


def test_without_openmp_one_thread_does_all(monkeypatch):
    expected, _ = train(compile_network())
    monkeypatch.setattr(link, "OPENMP", ())
    step = compile_network()
    assert b"libgomp" not in step._artifact.library.read_bytes()
    assert train(step)[0] == expected


def test_set_num_threads_refuses_what_is_no_number_of_threads():
    for wrong in (0, -1, 1.5, True):
        with pytest.raises(pock.ArgumentError, match="set_num_threads: expected a positive integer"):
            pock.set_num_threads(wrong)


def test_several_threads_need_a_runtime(monkeypatch):
    monkeypatch.setattr(threads, "_runtime", lambda: None)
    assert pock.get_num_threads() == 1
    pock.set_num_threads(1)
    with pytest.raises(pock.ArgumentError, match=r"no OpenMP runtime found .*libgomp1"):
        pock.set_num_threads(2)
    sys.modules[threads.__name__]._wanted = None


def test_get_returns_what_was_set():
    pock.set_num_threads(3)
    assert pock.get_num_threads() == 3
