"""Walks exported graphs and builds the pock module, operator by operator."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

from torch import fx

from ..._ops.ir import Function, Module, Operation, Value
from ...core.elements import element_of
from ...errors import UnsupportedOp
from ..common.checks import check_finite
from ..common.text import write
from . import ops  # noqa: F401  (fills the table of converters)
from .builder import Builder, Lazy, Missing, dtype_of, is_float
from .graph import Program, fold_buffers
from .operators import QUANTIZE, arguments, is_check, narrow_range, operator_schema, schema_name, tensor_type
from .ops.bits import low_bits
from .parameters import Parameters
from .registry import CONVERTERS, Unsupported, hint
from .source import LOSS_PATH, module_path, source_line

__all__ = ["ModuleConverter"]

_Key: TypeAlias = "fx.Node | tuple[fx.Node, int]"


class ModuleConverter:
    """Builds one pock module from several programs.

    Attributes:
        parameters: the tensors that functions of the module may load.
        unsupported: the operators that could not be converted, in order of execution.
        norm_modes: the mode of each batch normalisation of the last converted program.
        dropout_layers: the module of each active dropout of all programs.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.unsupported: list[UnsupportedOp] = []
        self.norm_modes: dict[str, str] = {}
        self.dropout_layers: list[str] = []
        self._changed: set[str] = set()
        self._functions: list[Function] = []

    def add(self, name: str, program: Program, *, check_loss: bool = False) -> None:
        """Convert a program to a function of the module.

        Add the program that stores to buffers first: no program may treat these buffers as constants.
        With `check_loss`, the function fails if its first result is NaN or infinite.
        """
        self._changed |= {self.parameters.canonical(stored) for stored in program.stores}
        program = fold_buffers(program, self._changed)
        function = _FunctionConverter(self, name, program, check_loss)
        self._functions.append(function.convert())
        self.norm_modes = function.builder.norm_modes
        self.dropout_layers += function.builder.dropout_layers

    def text(self) -> str:
        """Return the module in generic form, with locations."""
        return write(Module(self.parameters.operations(), self._functions))


class _FunctionConverter:
    """Converts one function; see `ModuleConverter`."""

    def __init__(self, owner: ModuleConverter, name: str, program: Program, check_loss: bool) -> None:
        self._owner = owner
        self._check_loss = check_loss
        self._name = name
        self._program = program
        #: The result of a node: a value, a list, `Lazy` or `Missing`. If a node has several results, the key
        #: consists of the node and the position.
        self._values: dict[_Key, Any] = {}
        #: The results through which a gradient may pass.
        self._differentiable: set[_Key] = set()
        #: Nodes that select one of several results.
        self._parts: dict[fx.Node, _Key] = {}
        self.builder = Builder(name, owner.parameters)

    def convert(self) -> Function:
        """Build the pock function; it is incomplete if an operator is unsupported."""
        self._bind_arguments()
        for node in self._program.graph.nodes:
            source = source_line(node)
            with self.builder.at(module_path(node) or "(model)", *(source or ())):
                if node.op == "call_function":
                    self._convert_node(node)
                elif node.op == "output":
                    self._convert_output(node)
        return self.builder.function

    def _bind_arguments(self) -> None:
        placeholders = self._program.graph.find_nodes(op="placeholder")
        parameters = self._owner.parameters
        for node, binding in zip(placeholders, self._program.bindings, strict=True):
            if binding.kind == "input":
                found = tensor_type(node.meta["val"])
                assert found is not None, "checked when the examples were taken"
                self._values[node] = self.builder.add_input(binding.name, found.shape, found.dtype)
            elif binding.kind == "constant":
                array = binding.array()
                element = element_of(array.dtype)
                assert element is not None, "as the model's own tensors"
                self._values[node] = Lazy(functools.partial(self.builder.constant, array, element.name))
            else:
                name = parameters.canonical(binding.name)
                self._values[node] = Lazy(functools.partial(self.builder.load_real, name), parameters.may_train(name))

    # Values -------------------------------------------------------------------------

    def _resolve(self, node: fx.Node) -> Any:
        """Return a converter's argument for an operand."""
        key = self._parts.get(node, node)
        value = self._values[key]
        if isinstance(value, Lazy):
            if value.differentiable:
                self._differentiable.add(key)
            value = self._values[key] = value.make()
        if isinstance(value, Missing):
            raise Unsupported(value.reason)
        return value

    def _may_have_gradient(self, node: fx.Node) -> bool:
        return self._parts.get(node, node) in self._differentiable

    def _operands(self, given: list[Any]) -> tuple[list[Any], set[Value]]:
        """Return the converter's arguments, and the values among them through which gradients may pass."""
        # Emit the entries of lists first.
        lists = {index: self._list(part) for index, part in enumerate(given) if isinstance(part, list | tuple)}
        operands, active = [], set()
        for index, part in enumerate(given):
            if index in lists:
                operands.append(lists[index][0])
                active |= lists[index][1]
            elif isinstance(part, fx.Node):
                value = self._resolve(part)
                operands.append(value)
                if self._may_have_gradient(part):
                    active |= set(value if isinstance(value, list) else [value])
            else:
                operands.append(part)
        return operands, active

    def _list(self, parts: Sequence[Any]) -> tuple[list[Any], set[Value]]:
        """Return a list argument, and its values if any of them has a gradient."""
        values = [self._resolve(part) if isinstance(part, fx.Node) else part for part in parts]
        active = any(isinstance(part, fx.Node) and self._may_have_gradient(part) for part in parts)
        return values, set(values) if active and _carries_gradient(values) else set()

    # Operators ----------------------------------------------------------------------

    def _convert_node(self, node: fx.Node) -> None:
        if node.target is operator.getitem:
            self._take_apart(node)
        elif not is_check(node):
            schema = operator_schema(node)
            name = schema_name(schema)
            found = node.meta.get("val")
            metas = list(found or ()) if len(schema.returns) > 1 else [found] * len(schema.returns)
            keys: list[_Key] = [(node, i) for i in range(len(metas))] if len(metas) > 1 else [node] * len(metas)
            try:
                given = arguments(node, schema)
                operands, active = self._operands(given)
                results = self._results(node, name, given, operands, active, metas)
            except Unsupported as error:
                results, active = self._report(node, name, error, metas), set()
            self._values |= zip(keys, results, strict=True)
            if active and name != "aten.detach":
                # Bytes that a tensor is quantised to carry its gradient.
                quantized = name.startswith(QUANTIZE) or any(
                    dtype_of(value) == "i8" for value in active if value is not None
                )
                carriers = zip(keys, results, strict=True)
                self._differentiable |= {k for k, v in carriers if quantized or _carries_gradient(v)}

    def _take_apart(self, node: fx.Node) -> None:
        """Bind a node that selects one of several results, or an entry of a list."""
        source, index = node.args
        assert isinstance(source, fx.Node)
        if (source, index) in self._values:
            self._parts[node] = (source, index)
            return
        parts = self._values[source]
        value = self._values[node] = parts if isinstance(parts, Missing) else parts[index]
        if source in self._differentiable and _carries_gradient(value):
            self._differentiable.add(node)

    def _results(
        self, node: fx.Node, name: str, given: list[Any], operands: list[Any], active: set[Value], metas: list[Any]
    ) -> list[Any]:
        """Call the operator's converter; return one result for each of `metas`."""
        converter = CONVERTERS.get(name)
        if converter is None:
            raise Unsupported(hint(name))
        builder = self.builder
        builder.results = [tensor_type(meta) for meta in metas]
        builder.active = active
        builder.operator, builder.module = name, module_path(node)
        if name.startswith("aten.index") and any(map(_is_byte_list, given)):
            raise Unsupported("an index of uint8 is a mask to PyTorch; make it a bool, or int64")
        result = converter(builder, *operands)
        if not metas:
            return []
        results = result if len(metas) > 1 else [result]
        return [_in_range(builder, value, meta) for value, meta in zip(results, metas, strict=True)]

    def _report(self, node: fx.Node, name: str, error: Unsupported, metas: list[Any]) -> list[Any]:
        """Record an unsupported op; return placeholder results, so that later unsupported ops are found, too."""
        source = source_line(node)
        place = source and f"{source[0]}:{source[1]}"
        self._owner.unsupported.append(UnsupportedOp(name, module_path(node), place, str(error) or None))
        unknown = Missing("reads a result of another unsupported operator")
        types = map(tensor_type, metas)
        return [unknown if type is None else Operation("unsupported", (), [type], {}).results[0] for type in types]

    def _convert_output(self, node: fx.Node) -> None:
        """Store mutated buffers and return the outputs."""
        builder, stores = self.builder, self._program.stores
        parts: Any = node.args[0]
        try:
            values = [self._resolve(part) for part in parts]
        except Unsupported as error:
            self._report(node, "output", error, [])
            return
        for name, value in zip(stores, values, strict=False):
            builder.store(self._owner.parameters.canonical(name), value)
        outputs = values[len(stores) :]
        if self._check_loss:
            builder.operator, builder.module = "loss", LOSS_PATH
            with builder.at(LOSS_PATH):
                check_finite(builder, outputs[0])
        builder.returns(dict(zip(self._program.outputs, outputs, strict=True)))


def _is_byte_list(argument: Any) -> bool:
    """Whether an argument is a list that contains a tensor of bytes."""
    if not isinstance(argument, list | tuple):
        return False
    ranges = [narrow_range(part.meta.get("val")) for part in argument if isinstance(part, fx.Node)]
    return any(found is not None and found[0] == 0 for found in ranges)


def _in_range(b: Builder, value: Any, meta: Any) -> Any:
    """Wrap a result of narrow integers around into their range; return other results unchanged."""
    bounds = narrow_range(meta)
    # Quantised uint8 is stored as int8.
    if bounds is None or not isinstance(value, Value) or dtype_of(value) == "i8":
        return value
    least, greatest = bounds
    size = greatest - least + 1
    low = low_bits(b, b.sub(value, least) if least else value, size - 1)
    return b.add(low, least) if least else low


def _carries_gradient(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_carries_gradient, value))
    return isinstance(value, Value) and is_float(dtype_of(value))
