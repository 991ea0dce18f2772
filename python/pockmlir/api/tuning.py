"""`Tuning`: measured choices for kernels, and their file format."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.extension import load_core
from ..core.ir_text import quote
from ..errors import ArgumentError
from ..support.files import write_bytes
from ..support.json_text import parse_json
from ..support.tables import as_text, make_table
from ..targets.target import Target

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Choice", "Tuning", "target_key"]

#: Version of the file format.
_VERSION = 1
_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_ALGORITHM = re.compile(r"\w+")


@dataclass(frozen=True)
class Choice:
    """Tile and algorithm that replace the cost model's choice for a kernel.

    Attributes:
        kernel: name in the measured model, for information.
        gain: measured time of the cost model's choice divided by the time of this one.
        tile: (rows, vectors) of the register tile of the nest with the most work; on a device, the points of a
            thread in the two loops whose points read the same entries.
        algorithm: algorithm of its convolutions; on a device, whether the threads of a workgroup add the terms of a
            sum ``together`` or ``apart``.
    """

    kernel: str = ""
    gain: float = 1.0
    tile: tuple[int, int] | None = None
    algorithm: str | None = None

    @classmethod
    def from_dict(cls, where: str, data: object) -> Choice:
        """Check one entry of a file.

        Raises:
            ArgumentError: the entry is malformed; the message begins with ``where``.
        """
        if not isinstance(data, Mapping):
            raise ArgumentError(f"{where}: expected an object, but got {data!r}")
        if unknown := sorted(set(data) - {"kernel", "gain", "tile", "algorithm"}):
            raise ArgumentError(f"{where}: unknown key {unknown[0]!r}")
        tile, algorithm = data.get("tile"), data.get("algorithm")
        kernel, gain = data.get("kernel", ""), data.get("gain", 1.0)
        if tile is not None and not (isinstance(tile, list) and len(tile) == 2 and all(map(_is_positive_int, tile))):
            raise ArgumentError(f"{where}: expected tile to be [rows, vectors], both positive, but got {tile!r}")
        if algorithm is not None and not (isinstance(algorithm, str) and _ALGORITHM.fullmatch(algorithm)):
            raise ArgumentError(f"{where}: expected algorithm to be a name, but got {algorithm!r}")
        if not isinstance(kernel, str):
            raise ArgumentError(f"{where}: expected kernel to be a name, but got {kernel!r}")
        if isinstance(gain, bool) or not isinstance(gain, int | float) or not 0 < gain < math.inf:
            raise ArgumentError(f"{where}: expected gain to be a positive number, but got {gain!r}")
        return cls(kernel, float(gain), None if tile is None else (tile[0], tile[1]), algorithm)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as plain data, without choices that are None."""
        chosen = {"tile": None if self.tile is None else list(self.tile), "algorithm": self.algorithm}
        return {key: value for key, value in chosen.items() if value is not None} | {
            "gain": round(self.gain, 3),
            "kernel": self.kernel,
        }

    def attribute(self) -> str:
        """Return the choice as an MLIR attribute, text."""
        entries = []
        if self.algorithm is not None:
            entries.append(f"algorithm = {quote(self.algorithm)}")
        if self.tile is not None:
            entries.append(f"tile = array<i64: {self.tile[0]}, {self.tile[1]}>")
        return "{" + ", ".join(entries) + "}"


def _is_positive_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


@dataclass(frozen=True)
class Tuning:
    """Choices by target and kernel; the cost model decides for kernels without an entry.

    >>> tuning = Tuning.read("tuning.json") | pock.tune(step)      # doctest: +SKIP
    >>> tuning.write("tuning.json")                                # doctest: +SKIP

    Attributes:
        targets: key of the target (`target_key`) → fingerprint of the kernel → choice.
    """

    targets: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str, where: str = "tuning") -> Tuning:
        """Parse the text of `to_json`.

        Raises:
            ArgumentError: the text is not JSON, of another version, or malformed.
        """
        data = parse_json(text, f"{where}: not JSON")
        if not isinstance(data, dict) or not isinstance(data.get("targets"), dict):
            raise ArgumentError(f"{where}: expected an object with version and targets")
        if data.get("version") != _VERSION:
            raise ArgumentError(f"{where}: expected version {_VERSION}, but got {data.get('version')!r}")
        targets: dict[str, dict[str, Choice]] = {}
        for target, kernels in data["targets"].items():
            if not isinstance(kernels, dict):
                raise ArgumentError(f"{where}: {target}: expected an object, but got {kernels!r}")
            if wrong := [key for key in kernels if not _FINGERPRINT.fullmatch(key)]:
                raise ArgumentError(f"{where}: {target}: expected 16 hexadecimal digits, but got {wrong[0]!r}")
            targets[target] = {
                fingerprint: Choice.from_dict(f"{where}: {target}: {fingerprint}", choice)
                for fingerprint, choice in kernels.items()
            }
        return cls(targets)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Tuning:
        """Read a file.

        Raises:
            ArgumentError: the file cannot be read, or is malformed.
        """
        try:
            text = Path(path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ArgumentError(f"tuning: cannot read {os.fspath(path)}: {reason}") from None
        return cls.from_json(text, f"tuning: {os.fspath(path)}")

    @classmethod
    def coerce(cls, value: object) -> Tuning:
        """Return a tuning for a tuning, a path, or None."""
        if value is None:
            return cls()
        if isinstance(value, Tuning):
            return value
        if isinstance(value, str | os.PathLike):
            return cls.read(value)
        raise ArgumentError(f"tuning: expected a path, a pockmlir.Tuning or None, but got {type(value).__name__}")

    def __or__(self, other: Tuning) -> Tuning:
        """Return the choices of both; if both have one for a kernel, the other's wins."""
        merged = {target: dict(kernels) for target, kernels in self.targets.items()}
        for target, kernels in other.targets.items():
            merged.setdefault(target, {}).update(kernels)
        return Tuning(merged)

    def __len__(self) -> int:
        return sum(map(len, self.targets.values()))

    def __str__(self) -> str:
        return as_text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.targets:
            yield "no kernel is faster than as the cost model has it"
        for target, kernels in sorted(self.targets.items()):
            rows = []
            for choice in sorted(kernels.values(), key=lambda choice: -choice.gain):
                tile = "" if choice.tile is None else "{} x {}".format(*choice.tile)
                rows.append((choice.kernel, tile, choice.algorithm or "", f"{choice.gain:.2f}"))
            columns = ("kernel", "tile", "algorithm", "times faster")
            yield make_table(f"{len(kernels)} kernels for {target}", columns, rows)

    def to_json(self) -> str:
        """Return the file's content; equal choices give equal text."""
        targets = {
            target: {fingerprint: kernels[fingerprint].to_dict() for fingerprint in sorted(kernels)}
            for target, kernels in sorted(self.targets.items())
        }
        return json.dumps({"version": _VERSION, "targets": targets}, indent=1) + "\n"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a file atomically: if this is killed, the old file stays complete."""
        write_bytes(Path(path), self.to_json().encode())

    def attributes(self, target: Target) -> dict[str, str]:
        """Return the module attribute ``pock.tuning``, if there are choices for the target."""
        if not self.targets:
            return {}
        kernels = self.targets.get(target_key(target), {})
        entries = [f"{quote(fingerprint)} = {kernels[fingerprint].attribute()}" for fingerprint in sorted(kernels)]
        return {"pock.tuning": "{" + ", ".join(entries) + "}"} if entries else {}


def target_key(target: Target) -> str:
    """Return the key of a target in a file: CPU, bytes of a vector, and a hash of all its features."""
    space = json.loads(load_core().tuning_space(f"module attributes {{pock.target = {target.attributes}}} {{}}"))
    return str(space["target"])
