"""Tuning files: what they hold, how they are merged, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pockmlir as pock
import pytest
from pockmlir.api.tuning import Choice, Tuning

FIRST, SECOND = "0123456789abcdef", "fedcba9876543210"


def tuning(**kernels: Choice) -> Tuning:
    return Tuning({"cpu-64-0": kernels})


TILE = Choice("conv", 1.25, (6, 2))
ALGORITHM = Choice("conv_add", 1.1, algorithm="winograd")


def test_round_trip(tmp_path: Path) -> None:
    both = Tuning({"b-32-0": {SECOND: ALGORITHM}, "a-64-0": {SECOND: TILE, FIRST: ALGORITHM}})
    both.write(tmp_path / "tuning.json")
    assert Tuning.read(tmp_path / "tuning.json") == both
    assert [path.name for path in tmp_path.iterdir()] == ["tuning.json"]


def test_the_order_of_the_file_is_that_of_the_keys() -> None:
    ways = [{FIRST: TILE, SECOND: ALGORITHM}, {SECOND: ALGORITHM, FIRST: TILE}]
    texts = {Tuning({"b": kernels, "a": kernels}).to_json() for kernels in ways}
    texts |= {Tuning({"a": kernels, "b": kernels}).to_json() for kernels in ways}
    assert len(texts) == 1
    assert json.loads(texts.pop()) == {
        "version": 1,
        "targets": {
            target: {
                FIRST: {"tile": [6, 2], "gain": 1.25, "kernel": "conv"},
                SECOND: {"algorithm": "winograd", "gain": 1.1, "kernel": "conv_add"},
            }
            for target in ("a", "b")
        },
    }


def test_merging_keeps_other_targets_and_kernels() -> None:
    old = Tuning({"a": {FIRST: TILE, SECOND: TILE}, "b": {FIRST: TILE}})
    merged = old | Tuning({"a": {SECOND: ALGORITHM}})
    assert merged == Tuning({"a": {FIRST: TILE, SECOND: ALGORITHM}, "b": {FIRST: TILE}})
    assert len(merged) == 3
    assert old.targets["a"][SECOND] == TILE


def test_the_table_names_kernels() -> None:
    text = str(Tuning({"cpu-64-0": {FIRST: TILE, SECOND: ALGORITHM}}))
    for part in ("2 kernels for cpu-64-0", "6 x 2", "winograd", "1.25", "conv_add"):
        assert part in text
    assert "no kernel" in str(Tuning())


def with_choice(**entries: Any) -> str:
    return json.dumps({"version": 1, "targets": {"a": {FIRST: entries}}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "f.json: not JSON"),
        ("[]", "expected an object with version and targets"),
        ('{"version": 1}', "expected an object with version and targets"),
        ('{"version": 2, "targets": {}}', "expected version 1, but got 2"),
        ('{"version": 1, "targets": {"a": []}}', "a: expected an object, but got"),
        ('{"version": 1, "targets": {"a": {"x": {}}}}', "a: expected 16 hexadecimal digits, but got 'x'"),
        (with_choice().replace("{}", "3"), f"a: {FIRST}: expected an object, but got 3"),
        (with_choice(tiles=[1, 1]), f"{FIRST}: unknown key 'tiles'"),
        (with_choice(tile=[1]), "expected tile to be"),
        (with_choice(tile=[1, 0]), "expected tile to be"),
        (with_choice(tile=[1, True]), "expected tile to be"),
        (with_choice(algorithm=""), "expected algorithm to be a name"),
        (with_choice(algorithm=1), "expected algorithm to be a name"),
        (with_choice(kernel=1), "expected kernel to be a name"),
        (with_choice(gain="1"), "expected gain to be a positive number"),
    ],
)
def test_malformed_files_are_errors_that_say_where(text: str, message: str) -> None:
    with pytest.raises(pock.ArgumentError, match=r"f\.json") as error:
        Tuning.from_json(text, "tuning: f.json")
    assert message in str(error.value)


def test_unreadable_files_are_errors(tmp_path: Path) -> None:
    with pytest.raises(pock.ArgumentError, match=r"tuning: cannot read .*gone\.json: No such file"):
        Tuning.coerce(tmp_path / "gone.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(pock.ArgumentError, match=r"cannot read .*bytes\.json"):
        Tuning.coerce(str(tmp_path / "bytes.json"))
    with pytest.raises(pock.ArgumentError, match=r"expected a path, a pockmlir\.Tuning or None, but got int"):
        Tuning.coerce(3)
    assert Tuning.coerce(None) == Tuning()
