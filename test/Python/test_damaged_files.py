"""Files that a user may have received, damaged: an error of ours, always, and what is there stays."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_step import MANIFEST
from pockmlir import ArgumentError, PockError, Scheme, SchemeError, Tuning
from pockmlir.api.tuning import Choice
from pockmlir.artifact.manifest import Manifest
from pockmlir.cli import parsing
from pockmlir.runtime.counters import Counters
from pockmlir.support.json_text import parse_json

NONSENSE: tuple[Any, ...] = (None, True, -1, 1 << 70, 0.5, "", "x" * 40, [], {}, [[]], {"a": None}, float("nan"))
SCHEME = Scheme.last(2) | Scheme.bias_only() | {"head.*": 0.5}
TUNING = Tuning({"x86": {"0123456789abcdef": Choice("conv", 1.5, (6, 2), "winograd")}})


def damaged(data: bytes, count: int) -> Iterator[bytes]:
    """Truncated, with bits flipped, with pieces repeated and removed."""
    generator = random.Random(len(data))
    for _ in range(count):
        begin, end = sorted(generator.randrange(len(data) + 1) for _ in range(2))
        yield data[:begin]
        yield data[:begin] + data[end:]
        yield data[:end] + data[begin:]
        changed = bytearray(data)
        for _ in range(generator.choice((1, 4, 32))):
            changed[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        yield bytes(changed)


def nonsense(data: Any, count: int) -> Iterator[str]:
    """JSON with one value taken out or changed."""
    generator = random.Random(count)
    for _ in range(count):
        copy = json.loads(json.dumps(data))
        places: list[tuple[Any, Any]] = []
        pending = [copy]
        while pending:
            container = pending.pop()
            items = list(container.items() if isinstance(container, dict) else enumerate(container))
            places += [(container, key) for key, _ in items]
            pending += [value for _, value in items if isinstance(value, dict | list)]
        container, key = generator.choice(places)
        if generator.random() < 0.2:
            del container[key]
        else:
            container[key] = generator.choice(NONSENSE)
        yield json.dumps(copy)


def load_text(read: Callable[[Path], Any]) -> Callable[[Path, bytes], Any]:
    def load(folder: Path, data: bytes) -> Any:
        path = folder / "file"
        path.write_bytes(data)
        return read(path)

    return load


def arrays(path: Path) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, x=np.arange(12.0).reshape(3, 4), y=np.zeros(3, np.int64))
    return buffer.getvalue()


FILES: dict[str, tuple[bytes, Callable[[Path, bytes], Any]]] = {
    "scheme": (SCHEME.to_json().encode(), load_text(lambda path: parsing.parse_scheme([f"@{path}"]))),
    "tuning": (TUNING.to_json().encode(), load_text(Tuning.read)),
    "data": (arrays(Path()), load_text(parsing.load_data)),
}


@pytest.mark.parametrize("kind", FILES)
def test_damaged_bytes(kind: str, tmp_path: Path) -> None:
    data, load = FILES[kind]
    load(tmp_path, data)
    refused = 0
    for changed in damaged(data, 60):
        try:
            load(tmp_path, changed)  # a name that is another name, say
        except PockError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize(
    ("data", "load"),
    [
        (json.loads(SCHEME.to_json()), Scheme.from_json),
        (json.loads(TUNING.to_json()), Tuning.from_json),
        (MANIFEST, Manifest.from_json),
    ],
    ids=["scheme", "tuning", "manifest"],
)
def test_well_formed_nonsense(data: Any, load: Callable[[str], Any]) -> None:
    load(json.dumps(data))
    refused = 0
    for text in nonsense(data, 300):
        try:
            load(text)
        except PockError:
            refused += 1
    assert refused > 50


def test_json_that_python_cannot_hold() -> None:
    for text in ("[" * 100_000, "1" * 5000, b"\xff\xfe{}", "", "nul", '{"a": 1,}'):
        with pytest.raises(SchemeError, match="scheme: "):
            parse_json(text, "scheme", SchemeError)


def test_other_files_for_data(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    header = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117)
    )
    for content in ((tmp_path / "one.npy").read_bytes(), (tmp_path / "objects.npz").read_bytes(), header + b"\n", b""):
        path.write_bytes(content)
        with pytest.raises(ArgumentError, match=r"expected an \.npz file"):
            parsing.load_data(path)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"optimizer.micro_step": 4}, r"micro_step: expected a count in \[0, 4\), but got 4"),
        ({"optimizer.micro_step": -1}, "micro_step: expected a count"),
        ({"dropout.step": -1}, "dropout.step: expected a count"),
        ({"dropout.step": 1 << 60}, "dropout.step: expected a count"),
    ],
)
def test_impossible_counts(state: dict[str, int], message: str) -> None:
    counters = Counters(accumulate=4, dropout=True)
    with pytest.raises(ArgumentError, match=message):
        counters.check({name: np.array(value) for name, value in state.items()})
    counters.check({"optimizer.micro_step": np.array(3), "dropout.step": np.array(0), "other": np.array(-1)})
