"""Random models train as PyTorch says; and the instrument that says so finds what is wrong."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from pockmlir.frontends.torch import convert
from random_models.campaign import FINE, minimised, rare, run_program, run_seed
from random_models.generate import EXCLUDED, converters, generate
from random_models.isolate import isolated
from random_models.minimise import minimise
from random_models.program import Data, Program, Statement
from random_models.schema import overload_of
from random_models.shapes import shapes_of
from random_models.templates import TEMPLATES

pytest.importorskip("pockmlir._core")

#: Seeds that run always.
FIXED = range(12)
#: A group of fresh ones.
GROUP, GROUPS = 20, 10


def check(seed: int) -> None:
    record = run_seed(seed)
    if record["kind"] not in FINE:
        pytest.fail(f"seed {seed}: {record['kind']}: {record['detail']}\n{minimised(seed, record['kind'])}")


@pytest.mark.parametrize("seed", FIXED)
def test_fixed_seeds(seed: int) -> None:
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("group", range(GROUPS))
def test_fresh_seeds(group: int) -> None:
    first = random.Random(time.time_ns()).randrange(10**6, 10**9)
    for seed in range(first, first + GROUP):
        check(seed)


def test_every_converter_is_drawn_or_excluded() -> None:
    names = converters()
    assert set(TEMPLATES) <= set(names), "a template of an operator that has no converter"
    assert set(EXCLUDED) <= set(convert.CONVERTERS), "an excluded operator that has no converter"
    for name in names:
        assert overload_of(name)._schema.returns, name


# The instrument -----------------------------------------------------------------------


def program(*expressions: str) -> Program:
    """One parameter, and statements in a row."""
    names = [f"v{i}" for i in range(len(expressions))]
    return Program(
        seed=3,
        data=[Data("x0", (2,)), Data("self.p1", (2, 3))],
        statements=[Statement((name,), text, "drawn") for name, text in zip(names, expressions, strict=True)]
        + [Statement(("v99",), f"torch.cat([{names[-1]}.reshape(-1), x0])", "result")],
        output="v99",
        target="torch.randn([8])",
        options={"arithmetic": "portable"},
    )


SINE = ("torch.tanh(self.p1)", "torch.sin(v0)", "v1 * 2")


@pytest.mark.parametrize(
    ("kind", "converter"),
    [
        ("right", None),
        ("wrong", lambda builder, x: builder.mul(convert.CONVERTERS["aten.tanh"](builder, x), 1.01)),
        ("raised", lambda builder, x: 1 // 0),
        ("crash", lambda builder, x: os.kill(os.getpid(), signal.SIGSEGV)),
    ],
    ids=["right", "wrong", "raised", "crash"],
)
def test_faults_are_found(monkeypatch: pytest.MonkeyPatch, kind: str, converter: Any) -> None:
    if converter is not None:
        monkeypatch.setitem(convert.CONVERTERS, "aten.sin", converter)
    assert run_program(program(*SINE))["kind"] == kind


def endless() -> None:
    while True:
        pass


@pytest.mark.parametrize(("function", "seconds"), [(endless, 1), (lambda: time.sleep(60), 0.02)])
def test_a_hang_is_found(function: Callable[[], None], seconds: float) -> None:
    assert isolated(function, seconds) == ("hang", seconds)


def test_failing_programs_become_small() -> None:
    failing = program("self.p1.exp()", *(s.replace("v1", "v2").replace("v0", "v1") for s in SINE))
    failing = failing.with_statements(
        [Statement(("v1",), "torch.tanh(v0)", "drawn") if s.results == ("v1",) else s for s in failing.statements]
    )
    small = minimise(failing, lambda smaller: "torch.sin" in smaller.source(), shapes_of(failing))
    assert [s.expression for s in small.statements[:-1]] == ["torch.sin(self.p1)"]
    assert small.options == {}


def test_the_same_seed_gives_the_same_program() -> None:
    assert generate(5).source() == generate(5).source()


def test_rare_converters_are_drawn_on_purpose() -> None:
    met = {key: [name for name in converters() if name != "aten.mish"] for key in ("drawn", "trained", "single")}
    assert any("aten.mish" in rare([met], seed) for seed in range(100))
    assert "aten.mish" in generate(3, ["aten.mish"]).source()
