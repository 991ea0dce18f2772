"""Parsing and printing of byte counts with units."""

from __future__ import annotations

import re
from fractions import Fraction

from ..errors import ArgumentError

__all__ = ["format_bytes", "parse_bytes"]

#: A number and a unit. Units are powers of 1024, as in linker scripts and data sheets of memories.
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmg])i?)?b?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
#: The largest count: it fits a 64-bit address and an attribute of the module.
_MOST = 2**63 - 1


def parse_bytes(name: str, value: object) -> int:
    """Return a number of bytes, given as an integer or as text with a unit of 1024: ``256K``, ``1.5MB``, ``64MiB``.

    >>> parse_bytes("ram", "320K")
    327680

    Raises:
        ArgumentError: the value is malformed, negative, or needs more than 63 bits; the message begins with `name`.
    """
    count: object = value
    if isinstance(value, str) and (match := _BYTES.fullmatch(value.strip())):
        count = int(Fraction(match[1]) * _UNITS[(match[2] or "").upper()])
    if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST:
        return count
    raise ArgumentError(f"{name}: expected a number of bytes, as 65536 or '64KB', but got {value!r}")


def format_bytes(count: int) -> str:
    """Print a number of bytes with a unit of 1024.

    >>> format_bytes(1536)
    '1.5 KiB'
    """
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
