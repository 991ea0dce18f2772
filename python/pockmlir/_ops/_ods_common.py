"""What generated op classes import: the names that they use of MLIR's Python bindings, on the objects of `ir`.

``mlir-tblgen -gen-python-op-bindings`` writes the classes for MLIR's bindings. They need only a few names of
these, so that no MLIR but that of ``pockmlir._core`` has to be installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

from . import ir

__all__ = [
    "_cext",
    "equally_sized_accessor",
    "get_default_loc_context",
    "get_op_results_or_values",
    "segmented_accessor",
]

_T = TypeVar("_T")

#: Kind of attribute in ODS → how it is made of a Python value. Others have to be given as an `ir.Attribute`.
_ATTRIBUTES: dict[str, Callable[[Any], ir.Attribute]] = {
    "BoolAttr": ir.boolean,
    "DenseI64ArrayAttr": ir.integers,
    "F64Attr": ir.double,
    "FlatSymbolRefAttr": ir.symbol,
    "I64Attr": ir.integer,
    "StrAttr": ir.string,
    "SymbolNameAttr": ir.string,
    "TypeAttr": lambda value: ir.Attribute(str(value), value),
}


class _AttrBuilder:
    """Makes attributes of Python values."""

    @staticmethod
    def contains(kind: str) -> bool:
        return kind in _ATTRIBUTES

    @staticmethod
    def get(kind: str) -> Callable[..., ir.Attribute]:
        make = _ATTRIBUTES[kind]
        return lambda value, context=None: make(value)


class _UnitAttr:
    @staticmethod
    def get(context: object = None) -> ir.Attribute:
        return ir.Attribute("unit")


class _OpView:
    """Base of the generated classes: makes the operation, which whoever emits it puts into a function."""

    _ODS_OPERAND_SEGMENTS: Sequence[int] | None = None
    _ODS_RESULT_SEGMENTS: Sequence[int] | None = None

    def __init__(
        self,
        name: str,
        region_spec: object,
        operand_segments: Sequence[int] | None,
        result_segments: Sequence[int] | None,
        *,
        attributes: Mapping[str, ir.Attribute],
        results: Sequence[Any],
        operands: Sequence[Any],
        **unused: object,
    ) -> None:
        attributes = dict(attributes)
        if operand_segments is not None:
            operands, attributes["operandSegmentSizes"] = _flatten(operands)
        if result_segments is not None:
            results, attributes["resultSegmentSizes"] = _flatten(results)
        self.operation = ir.Operation(name, operands, results, attributes)


def _flatten(groups: Iterable[Any]) -> tuple[list[Any], ir.Attribute]:
    """Return what groups hold, each a thing, None or a list of things, and how many there are in each."""
    parts = [[] if group is None else list(group) if isinstance(group, list | tuple) else [group] for group in groups]
    return [part for group in parts for part in group], ir.integers(map(len, parts), 32)


class _Annotation:
    """A class that appears in the types of generated properties only."""

    def __class_getitem__(cls, item: object) -> type[_Annotation]:
        return cls


def _register_operation(dialect: object) -> Callable[[_T], _T]:
    return lambda cls: cls


_ANNOTATIONS = """BoolAttr DenseI64ArrayAttr Dialect FlatSymbolRefAttr FloatAttr IntegerAttr MemRefType OpOperandList
OpResult OpResultList RankedTensorType Region StringAttr TypeAttr Value""".split()

_cext = SimpleNamespace(
    ir=SimpleNamespace(
        AttrBuilder=_AttrBuilder,
        Attribute=ir.Attribute,
        OpView=_OpView,
        UnitAttr=_UnitAttr,
        **dict.fromkeys(_ANNOTATIONS, _Annotation),
    ),
    globals=SimpleNamespace(register_traceback_file_exclusion=lambda file: None),
    register_dialect=lambda cls: cls,
    register_operation=_register_operation,
)


def get_default_loc_context(location: object = None) -> None:
    """There is one context only."""


def get_op_results_or_values(values: Iterable[ir.Value]) -> list[ir.Value]:
    """Return values as they are."""
    return list(values)


def equally_sized_accessor(*args: object) -> Any:
    """Properties of generated classes read operands by name; nobody does here."""
    raise NotImplementedError


segmented_accessor = equally_sized_accessor
