"""Every numbered constraint of the dialect's definitions has a check in lib/ and a test, both with its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def read(folder: str, pattern: str) -> str:
    """The text of all files in a folder whose names match."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob(pattern)))


CONSTRAINTS = sorted(set(re.findall(r"`(\w+_c\d+)`", read("dialect", "*.td"))))
CHECKED = set(re.findall(r"\w+_c\d+\b", "\n".join(re.findall(r"//.*", read("lib", "*.[ch]*")))))
TESTED = read("test", "*.mlir")


def test_there_are_constraints() -> None:
    assert len(CONSTRAINTS) > 80


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_constraint_is_checked_and_tested(constraint: str) -> None:
    assert constraint in CHECKED, "expected a comment with the number above the check in lib/"
    assert re.search(rf"\b{constraint}(?!\d)", TESTED), "expected a test of the message, with the number"


def test_checks_have_numbers_of_the_definitions() -> None:
    assert {name for name in CHECKED if name not in CONSTRAINTS} == set()
