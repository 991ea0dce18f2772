"""Signals end native stages, and nothing is left of them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pockmlir._core_api import load_core

CHAIN = 20_000


@pytest.fixture
def alarm() -> Iterator[Callable[..., None]]:
    """Set a handler and a timer; both are as before afterwards."""
    previous = signal.getsignal(signal.SIGALRM)

    def set_alarm(handler: Callable[..., Any], seconds: float) -> None:
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    yield set_alarm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


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

    alarm(interrupt, 0.02)
    with pytest.raises(KeyboardInterrupt):
        core.run_stages(chain, [(str(i), "builtin.module(canonicalize,cse)") for i in range(10_000)])
    assert "return" in core.parse_check("func.func @f() { return }")


def test_errors_come_through() -> None:
    core: Any = load_core()
    with pytest.raises(core.CompilerError, match="expected operation name"):
        core.parse_check("func.func @f() { ? }")
