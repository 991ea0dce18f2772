"""Signals end native stages, and nothing is left of them."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pockmlir.core.extension import load_core

CHAIN = 20_000


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """Set a handler and a timer; both are as before afterwards.

    Without garbage collection: Python drops what a handler raises during a callback of the collector.
    """
    previous = signal.getsignal(signal.SIGALRM)
    gc.collect()
    gc.disable()

    def set_alarm(handler: Callable[..., Any], seconds: float) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    yield set_alarm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)
    gc.enable()


@pytest.fixture(scope="module")
def chain() -> str:
    """A module that takes a while to parse and to print."""
    ops = "\n".join(f"  %{i + 1} = arith.addf %{i}, %{i} : f32" for i in range(CHAIN))
    return f"func.func @f(%0: f32) -> f32 {{\n{ops}\n  return %{CHAIN} : f32\n}}\n"


def test_handlers_run_during_native_code(chain: str, alarm: Callable[..., None]) -> None:
    calls = []
    alarm(lambda *_: calls.append(1), 0.01)
    # One call into native code: without looking for signals there, the handler runs once, behind it.
    load_core().run_stages(chain, [(str(i), "builtin.module(canonicalize,cse)") for i in range(4)])
    assert len(calls) > 2


def test_handler_that_raises_ends_it(chain: str, alarm: Callable[..., None]) -> None:
    core = load_core()

    def interrupt(*_: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise KeyboardInterrupt

    # Many more than end before the timer.
    stages = [(str(i), "builtin.module(canonicalize,cse)") for i in range(1_000)]

    def run() -> None:
        alarm(interrupt, 0.02)
        core.run_stages(chain, stages)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert "return" in core.parse_check("func.func @f() { return }")


def test_errors_come_through() -> None:
    core: Any = load_core()
    with pytest.raises(core.CompilerError, match="expected operation name"):
        core.parse_check("func.func @f() { ? }")


MODEL = """
import torch

class Long(torch.nn.LSTM):
    def forward(self, x):
        return super().forward(x)[0]

def model():
    return Long(4, 8), (torch.zeros(300, 2, 4),)
"""


@pytest.mark.slow
def test_the_command_does_not_wait_for_a_native_stage(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(MODEL)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    arguments = ["compile", "net.py:model", "--loss", "mse", "--dump-ir-dir", "stages"]
    pock = subprocess.Popen(
        [sys.executable, "-m", "pockmlir.cli", *arguments],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    # The last file stands when LLVM begins, which takes seconds.
    while pock.poll() is None and not list(tmp_path.glob("stages/*llvm.mlir")):
        time.sleep(0.01)
    pock.send_signal(signal.SIGINT)
    assert pock.wait(30) == 130
    assert list(temporary.glob("pock*")) == []
    assert not (tmp_path / "out").exists()
