"""The arithmetic of each layer of a quantised model, read from the modules at stages ``graph`` and ``training``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

__all__ = ["LayerReport", "layers_of"]

_OP = re.compile(
    r"^ +(?P<results>%[\w:]+(?:, %[\w:]+)*) = pock\.(?P<name>\w+) ?(?P<rest>.*?)"
    r" : (?P<types>.*) loc\((?P<place>.*)\)$"
)
_ALIAS = re.compile(r"^(#loc\d*) = loc\((.*)\)$")
_NAME = re.compile(r'^"((?:[^"\\]|\\.)*)"')
_TENSOR = re.compile(r"tensor<(?:\d+x)*(\w+)>")

#: Sums of products.
_PRODUCTS = ("conv", "conv_transpose", "linear", "matmul")
#: Ops that compute nothing, or convert between the two kinds of numbers.
_SILENT = frozenset(
    "constant load_param reshape transpose expand slice concat take stop_gradient quantize dequantize cast".split()
)
#: Places outside of the model's modules.
_OUTSIDE = ("(loss)", "predict", "loss")


@dataclass(frozen=True)
class LayerReport:
    """The arithmetic of a layer.

    Attributes:
        layer: path of the module; ``(model)`` for operators of the model's own forward.
        arithmetic: ``int8``, ``float32``, or ``mixed``.
        reason: why operators are computed in float32, with their names.
        gradients: with ``gradients="int16"`` or ``"float16"``, the bits of the gradients that its weights and
            activations are multiplied by, in the order of the step; empty if these are float32.
    """

    layer: str
    arithmetic: Literal["int8", "float32", "mixed"]
    reason: str
    gradients: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Op:
    name: str
    operands: tuple[str, ...]
    types: tuple[str, ...]
    result: str
    path: str
    attributes: str


def layers_of(ir: str, training: str = "") -> tuple[LayerReport, ...]:
    """Return one entry per layer in order of execution; nothing if no layer has integers.

    Args:
        ir: the module at stage ``graph``, with locations.
        training: the module at stage ``training``, for the gradients.
    """
    if "pock.dequantize" not in ir:
        return ()
    makers: dict[str, _Op] = {}
    integer: dict[str, bool] = {}
    reasons: dict[str, dict[str, None]] = {}
    bits = _bits_of_gradients(training)
    forward = "predict" if "func.func @predict(" in ir else "loss"
    for results, op in _operations(ir, forward):
        makers |= dict.fromkeys(results, op)
        if op.path in _OUTSIDE or op.name in _SILENT:
            continue
        if op.result in ("i8", "i32") and "i64" not in op.types:
            integer[op.path] = True
            reasons.setdefault(op.path, {})
        elif op.result in ("f32", "f64", "bf16"):
            reasons.setdefault(op.path, {})[_reason(op, makers)] = None
    rows = []
    for path, found in reasons.items():
        kind: Literal["int8", "float32", "mixed"] = "int8" if not found else "mixed" if integer.get(path) else "float32"
        rows.append(LayerReport(path or "(model)", kind, "; ".join(found), bits.get(path, ())))
    return tuple(rows)


def _bits_of_gradients(ir: str) -> dict[str, tuple[int, ...]]:
    """Layer → the bits of the gradients in its products of integers."""
    found: dict[str, tuple[int, ...]] = {}
    for _, op in _operations(ir, "step"):
        if op.name == "block_dequantize" and (bits := re.search(r"bits = (-?\d+)", op.attributes)):
            found[op.path] = (*found.get(op.path, ()), 16 if "f16" in op.types else int(bits[1]))
    return found


def _reason(op: _Op, makers: dict[str, _Op]) -> str:
    """Why an op has real numbers."""
    if op.name not in _PRODUCTS:
        return f"{op.name} has real operands or no integer form"
    real = [i for i, name in enumerate(op.operands[:2]) if not _stands_for_integers(name, makers)]
    if real:
        return f"{op.name}: its {' and '.join(('input', 'weight')[i] for i in real)} is float32"
    return f"{op.name}: its sums may not fit into 32 bits, or its scales are not per output channel"


def _stands_for_integers(name: str, makers: dict[str, _Op]) -> bool:
    op = makers.get(name)
    while op is not None and op.name in ("reshape", "transpose", "expand", "slice"):
        op = makers.get(op.operands[0])
    return op is not None and op.name == "dequantize"


def _operations(ir: str, function: str) -> Iterator[tuple[list[str], _Op]]:
    """The results and operations of a function."""
    lines = ir.splitlines()
    aliases = {match[1]: match[2] for match in map(_ALIAS.match, lines) if match}
    inside = False
    for line in lines:
        if "func.func @" in line:
            inside = f"@{function}(" in line
        match = _OP.match(line) if inside else None
        if match is None:
            continue
        given, _, result = match["types"].rpartition(" -> ")
        values, _, attributes = match["rest"].partition("{")
        operands = tuple(re.findall(r"%[\w#]+", values))
        types, results = _TENSOR.findall(given), _TENSOR.findall(result or match["types"])
        path = _path(match["place"], aliases)
        op = _Op(match["name"], operands, tuple(types), results[0] if results else "", path, attributes)
        yield [name.split(":")[0] for name in match["results"].split(", ")], op


def _path(place: str, aliases: dict[str, str]) -> str:
    """The name of a location; of the first part, if it is fused."""
    place = aliases.get(place, place)
    match = _NAME.match(place)
    if match:
        return match[1]
    inner = re.search(r"#loc\d+", place)
    return _path(inner[0], aliases) if inner else place
