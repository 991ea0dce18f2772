"""Edits and reads MLIR text without a parser."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

__all__ = [
    "add_module_attributes",
    "launch_counts",
    "mlir_float",
    "op_counts",
    "quote",
    "retarget",
    "scheme_attr",
]

_TARGET = re.compile(r"pock\.target = #pock\.target(<[^>]*>)?")
_ARITHMETIC = re.compile(r'pock\.arithmetic = "\w+"')
#: Quotes, backslashes and control characters, which MLIR's strings escape as two hexadecimal digits.
_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f]')
_MODULE = re.compile(r"^module(?P<symbol> @\S+)?(?P<attributes> attributes \{)?", re.MULTILINE)


def quote(text: str) -> str:
    """Return an MLIR string literal."""
    escaped = _SPECIAL.sub(lambda match: f"\\{ord(match[0]):02X}", text)
    return f'"{escaped}"'


def mlir_float(value: float) -> str:
    """Return the text of a finite float, which MLIR parses to the same value.

    >>> mlir_float(1e-8)
    '1.0e-08'
    """
    text = repr(float(value))
    mantissa, exponent_mark, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return mantissa + exponent_mark + exponent


def scheme_attr(fractions: Mapping[str, float]) -> str:
    """Return the scheme as a dictionary attribute; frozen parameters are left out.

    >>> scheme_attr({"fc.weight": 0.25, "fc.bias": 0.0})
    '{"fc.weight" = 0.25 : f64}'
    """
    entries = [f"{quote(name)} = {mlir_float(f)} : f64" for name, f in fractions.items() if f > 0]
    return "{" + ", ".join(entries) + "}"


def add_module_attributes(ir: str, attributes: Mapping[str, str]) -> str:
    """Add attributes to a module's text; values are MLIR text."""
    match = _MODULE.search(ir)
    if match is None:
        raise ValueError("expected the text of a builtin module")
    added = ", ".join(f"{key} = {value}" for key, value in attributes.items())
    head = "module" + (match["symbol"] or "") + " attributes {" + added
    if match["attributes"]:
        empty = ir[match.end() :].lstrip().startswith("}")
        head += "" if empty else ", "
    else:
        head += "}"
    return ir[: match.start()] + head + ir[match.end() :]


def retarget(ir: str, target: str) -> str:
    """Replace the module attribute ``pock.target``, and make the arithmetic portable."""
    ir, found = _TARGET.subn(lambda _: f"pock.target = {target}", ir, count=1)
    if not found:
        raise ValueError("expected a module with the attribute pock.target")
    portable = f"pock.arithmetic = {quote('portable')}"
    ir, found = _ARITHMETIC.subn(portable, ir, count=1)
    return ir if found else add_module_attributes(ir, {"pock.arithmetic": quote("portable")})


def op_counts(ir: str) -> Counter[str]:
    """Count the operations of the pock dialect in a module's text."""
    return Counter(re.findall(r"(?:^|= )\s*(pock\.[a-z_0-9.]+)", ir, re.MULTILINE))


def launch_counts(ir: str) -> Counter[str]:
    """Count the launches of each kernel in a module's text."""
    return Counter(re.findall(r"pock\.launch @([\w.$-]+)", ir))
