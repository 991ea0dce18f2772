"""Names of C functions and variables."""

from __future__ import annotations

import re

from ..errors import ArgumentError

__all__ = ["c_identifier", "require_c_identifier"]

_KEYWORDS = """auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
bool true false nullptr class delete new private public this virtual template operator"""
_C_KEYWORDS = frozenset(_KEYWORDS.split())


def c_identifier(text: str) -> str:
    """Return the nearest valid C identifier in lower case.

    >>> c_identifier("MobileNetV2")
    'mobile_net_v2'
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text).lower()
    name = re.sub(r"\W+", "_", snake, flags=re.ASCII).strip("_") or "model"
    name = f"m{name}" if name[0].isdigit() else name
    return f"{name}_" if name in _C_KEYWORDS else name


def require_c_identifier(name: object) -> str:
    """Return the name, or raise an error: it becomes the prefix of C functions."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, flags=re.ASCII) or name in _C_KEYWORDS:
        raise ArgumentError(f"name: expected a C identifier, the prefix of the exported functions, but got {name!r}")
    return name
