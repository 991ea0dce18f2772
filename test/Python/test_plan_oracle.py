"""bench/plan_oracle.py: reads a plan, and knows what it lacks."""

import json
import sys

import pytest
from click.testing import CliRunner
from plan_oracle import Slot, main, read_slots, solve

# Three slots of 64 bytes; the last two are one, since a value overwrites the other.
PLACES = [
    {"offset": 0, "bytes": 40, "begin": 0, "end": 1, "overwritten": False},
    {"offset": 64, "bytes": 64, "begin": 1, "end": 2, "overwritten": True},
    {"offset": 64, "bytes": 64, "begin": 2, "end": 4, "overwritten": False},
    {"offset": 128, "bytes": 10, "begin": 3, "end": 3, "overwritten": False},
]
SLOTS = [Slot(0, 40, 0, 2), Slot(64, 64, 1, 5), Slot(128, 10, 3, 4)]


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.json"
    memory = {"arena": 138, "lower_bound": 74, "places": PLACES}
    path.write_text(json.dumps({"alignment": 64, "memory": memory}))
    return path


def test_values_that_overwrite_each_other_are_one_slot():
    assert read_slots(PLACES) == SLOTS


def test_says_what_to_install(manifest, monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools", None)
    result = CliRunner().invoke(main, [str(manifest)])
    assert result.exit_code == 1
    assert "dependency group 'oracle'" in result.output


def test_a_plan_at_the_bound_needs_no_solver(monkeypatch):
    monkeypatch.setitem(sys.modules, "ortools", None)
    answer = solve([Slot(0, 40, 0, 2)], 64, 40, 1.0, 1)
    assert (answer.found, answer.bound) == (40, 40)


def test_finds_the_smallest_arena(manifest):
    pytest.importorskip("ortools")
    # The first two need 64 + 40 bytes; the third one goes below the second.
    answer = solve(SLOTS, 64, 74, 10.0, 1)
    assert (answer.found, answer.bound) == (104, 104)
    result = CliRunner().invoke(main, [str(manifest), "--json"])
    assert result.exit_code == 1  # the manifest's arena is larger
    assert json.loads(result.output)[0]["found"] == 104
