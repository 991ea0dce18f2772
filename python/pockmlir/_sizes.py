"""Numbers of bytes as people write them."""

from __future__ import annotations

import re

from .errors import ArgumentError

__all__ = ["parse_bytes"]

#: A number and a unit; as in linker scripts and data sheets of memories, units are powers of 1024.
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmg])i?)?b?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_bytes(name: str, value: object) -> int:
    """Return a number of bytes, given as such or with a unit of 1024: ``256K``, ``1.5MB``, ``64MiB``.

    >>> parse_bytes("ram", "320K")
    327680

    Raises:
        ArgumentError: it is neither, or negative; the message begins with `name`.
    """
    if isinstance(value, str) and (match := _BYTES.fullmatch(value.strip())):
        return int(float(match[1]) * _UNITS[(match[2] or "").upper()])
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ArgumentError(f"{name}: expected a number of bytes, as 65536 or '64KB', but got {value!r}")
