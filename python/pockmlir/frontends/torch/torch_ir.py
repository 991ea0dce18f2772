"""The step through torch-mlir: a functional FX graph becomes a function of the torch dialect.

Every placeholder becomes a function argument, parameters included, so that no weight can
enter the IR; what an argument stands for is known to the caller (`graph.Program`).
"""

from __future__ import annotations

import re
from typing import Any

from torch import fx
from torch_mlir import ir
from torch_mlir.dialects import torch as torch_dialect
from torch_mlir.extras.fx_importer import ContextCache, FxImporter

from .source import module_path, source_line

__all__ = ["import_graph", "make_context", "narrow_range", "op_name", "operand_constant", "place_of", "tensor_type"]

_TENSOR = re.compile(r"!torch\.vtensor<\[([\d,]*)\],(\w+)>")
_ELEMENTS = {
    "f32": "f32",
    "f64": "f64",
    "i1": "i1",
    "si8": "i8",
    "si32": "i32",
    "si64": "i64",
    "ui8": "i32",
    "si16": "i32",
}
#: Narrow integer → its least and greatest value.
_RANGES = {"ui8": (0, 255), "si16": (-(1 << 15), (1 << 15) - 1)}


class _LocatedCache(ContextCache):
    """Gives every op a location that names its module in the model and its source line."""

    def get_node_location(self, node: fx.Node) -> Any:
        source = source_line(node)
        child = ir.Location.file(*source, 0, context=self._c) if source else None
        return ir.Location.name(module_path(node) or "(model)", child, context=self._c)


def make_context() -> Any:
    """Return an MLIR context for the torch dialect and unregistered pock ops."""
    context = ir.Context()
    context.allow_unregistered_dialects = True
    torch_dialect.register_dialect(context)
    return context


def import_graph(context: Any, graph: fx.Graph, name: str) -> Any:
    """Return a function of the torch dialect for a graph without state."""
    importer = FxImporter(context=context)
    importer._cc = _LocatedCache(context, py_attr_tracker=importer._py_attr_tracker)
    return importer.import_stateless_graph(graph, func_name=name), importer.module


def tensor_type(torch_type: Any) -> Any:
    """Return the builtin tensor type of a torch type, None if it is none of ours."""
    match = _TENSOR.fullmatch(str(torch_type))
    element = match and _ELEMENTS.get(match[2])
    if not match or not element:
        return None
    return ir.RankedTensorType.get([int(n) for n in match[1].split(",") if n], ir.Type.parse(element))


def narrow_range(torch_type: Any) -> tuple[int, int] | None:
    """Return the least and the greatest value of a tensor of narrow integers, None for other types."""
    match = _TENSOR.fullmatch(str(torch_type))
    return _RANGES.get(match[2]) if match else None


def op_name(op: Any) -> str:
    """Return an op's name without its dialect, for example ``aten.relu``."""
    name = str(op.attributes["name"].value) if op.name == "torch.operator" else str(op.name)
    return name.removeprefix("torch.")


def operand_constant(op: Any) -> Any:
    """Return the Python value of a ``torch.constant.*`` op."""
    kind = op.name.removeprefix("torch.constant.")
    if kind == "none":
        return None
    value = op.attributes["value"]
    if kind == "bool":
        return bool(ir.IntegerAttr(value).value)
    return value.value


def place_of(location: Any) -> tuple[str, str | None]:
    """Return module path and ``file:line`` of a location made by this file."""
    match = re.match(r'loc\("((?:[^"\\]|\\.)*)"(?:\("((?:[^"\\]|\\.)*)":(\d+):\d+(?: to .*)?\))?\)', str(location))
    if not match:
        return "", None
    return ("" if match[1] == "(model)" else match[1]), f"{match[2]}:{match[3]}" if match[2] else None
