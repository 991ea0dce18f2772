"""Walks functions of the torch dialect and builds the pock module, op by op."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch_mlir import ir
from torch_mlir.dialects import func

from ..._ops import _pock_ops_gen as pock
from ...errors import UnsupportedOp
from ..common.imported import TensorSpec
from . import ops  # noqa: F401  (fills the table of converters)
from .builder import Builder, Lazy, Missing, Value, dtype_of, is_float
from .checks import check_finite
from .graph import Program, fold_buffers
from .ops.bits import low_bits
from .parameters import Parameters
from .registry import CONVERTERS, Unsupported, hint
from .source import LOSS_PATH
from .torch_ir import import_graph, narrow_range, op_name, operand_constant, place_of, tensor_type

__all__ = ["RANDOM_INPUTS", "ModuleConverter"]

#: Inputs of ``@loss``, the last ones, where the model has a dropout that is active.
RANDOM_INPUTS = ("dropout_seed", "dropout_step")


class ModuleConverter:
    """Builds one pock module out of several programs.

    Attributes:
        unsupported: what could not be converted, in order of execution.
        norm_modes: mode of each batch normalisation of the last converted program.
        dropout_layers: module of each active dropout of all programs.
    """

    def __init__(self, context: Any, parameters: Parameters) -> None:
        self._context = context
        self._parameters = parameters
        self.unsupported: list[UnsupportedOp] = []
        self.norm_modes: dict[str, str] = {}
        self.dropout_layers: list[str] = []
        self._changed: set[str] = set()
        with context, ir.Location.unknown():
            self._module = ir.Module.create()

    def add(self, name: str, program: Program, *, check_loss: bool = False) -> list[TensorSpec]:
        """Convert a program to a function of the module; return its results.

        The program that stores comes first: what it changes is a constant in none. With
        `check_loss` the function fails if its first result is NaN or infinite.
        """
        self._changed |= {self._parameters.canonical(stored) for stored in program.stores}
        program = fold_buffers(program, self._changed)
        with self._context, ir.Location.unknown():
            torch_function, torch_module = import_graph(self._context, program.graph, name)
            function = _FunctionConverter(self, name, program, check_loss)
            results = function.convert(torch_function)
            self.norm_modes = function.builder.norm_modes
            self.dropout_layers += function.builder.dropout_layers
            del torch_module
            return results

    def text(self) -> str:
        """Return the module in generic form, with locations."""
        with self._context, ir.Location.unknown():
            with ir.InsertionPoint.at_block_begin(self._module.body):
                for name, (value, is_parameter) in self._parameters.declarations.items():
                    self._declare(name, value, is_parameter)
            return str(self._module.operation.get_asm(enable_debug_info=True, print_generic_op_form=True))

    def _declare(self, name: str, value: np.ndarray[Any, Any], is_parameter: bool) -> None:
        kind = None if is_parameter else ir.Attribute.parse("#pock.kind<buffer>")
        with ir.Location.name(name):
            pock.ParamOp(name, ir.TypeAttr.get(self._parameters.type(name)), kind=kind)

    @property
    def parameters(self) -> Parameters:
        """The parameters that functions of the module may load."""
        return self._parameters

    @property
    def body(self) -> Any:
        """The block of the module."""
        return self._module.body


class _FunctionConverter:
    """Converts one function; see `ModuleConverter`."""

    def __init__(self, owner: ModuleConverter, name: str, program: Program, check_loss: bool) -> None:
        self._owner = owner
        self._check_loss = check_loss
        self._name = name
        self._program = program
        self._values: dict[Any, Any] = {}
        self._differentiable: set[Any] = set()
        self._loads: dict[str, Value] = {}
        self._block: Any = None
        self._types: list[Any] = []
        self._names = [b.name for b in program.bindings if b.kind == "input"]
        self._seed: tuple[Value, Value] | None = None
        # Only training is random: @predict has no dropout.
        self.builder = Builder(self._load_constant, self._random_inputs if name == "loss" else None)

    def convert(self, torch_function: Any) -> list[TensorSpec]:
        """Build the pock function."""
        torch_block = torch_function.entry_block
        inputs = [b for b in self._program.bindings if b.kind == "input"]
        self._types = [
            tensor_type(argument.type)
            for argument, b in zip(torch_block.arguments, self._program.bindings, strict=True)
            if b.kind == "input"
        ]
        with ir.InsertionPoint(self._owner.body), ir.Location.name(self._name):
            function = func.FuncOp(self._name, (self._types, []))
            locations = [ir.Location.name(b.name) for b in inputs]
            self._block = function.body.blocks.append(*self._types, arg_locs=locations)
        self.builder.inputs = dict(zip(self._block.arguments, self._names, strict=True))
        self._bind_arguments(torch_block, self._block)
        with ir.InsertionPoint(self._block):
            for op in torch_block.operations:
                if op.operation.name == "func.return":
                    results = self._finish(op.operation)
                else:
                    self._convert_op(op.operation)
        with ir.Location.name(self._name):
            function.attributes["function_type"] = ir.TypeAttr.get(
                ir.FunctionType.get(self._types, [value.type for value in results])
            )
        function.attributes["arg_attrs"] = _named(self._names)
        function.attributes["res_attrs"] = _named(self._program.outputs)
        return [
            TensorSpec(name, tuple(value.type.shape), dtype_of(value))
            for name, value in zip(self._program.outputs, results, strict=True)
        ]

    def _bind_arguments(self, torch_block: Any, block: Any) -> None:
        inputs = iter(block.arguments)
        parameters = self._owner.parameters
        for argument, binding in zip(torch_block.arguments, self._program.bindings, strict=True):
            if binding.kind == "input":
                self._values[argument] = next(inputs)
            elif binding.kind == "constant":
                array = binding.array()
                self._values[argument] = Lazy(
                    functools.partial(self.builder.constant, array, parameters.dtype_of_array(array))
                )
            else:
                name = parameters.canonical(binding.name)
                self._values[argument] = Lazy(functools.partial(self._load, name), parameters.may_train(name))

    def _load(self, name: str) -> Value:
        if name not in self._loads:
            result = self._owner.parameters.type(name)
            with ir.Location.name(name):
                self._loads[name] = self.builder.emit(pock.LoadParamOp, result, param=ir.FlatSymbolRefAttr.get(name))
        return self._loads[name]

    def _load_constant(self, array: np.ndarray[Any, Any]) -> Value:
        return self._load(self._owner.parameters.add_constant(array))

    def _random_inputs(self) -> tuple[Value, Value]:
        """Return seed and step of the random numbers: inputs that a function has if it needs them."""
        if self._seed is None:
            scalar = self.builder.type((), "i64")
            added = [self._block.add_argument(scalar, ir.Location.name(name)) for name in RANDOM_INPUTS]
            self._seed = added[0], added[1]
            self._types += [scalar, scalar]
            self._names += RANDOM_INPUTS
        return self._seed

    # Values -------------------------------------------------------------------------

    def _resolve(self, torch_value: Any) -> Any:
        """Return what a converter is given for an operand."""
        value = self._values[torch_value]
        if isinstance(value, Lazy):
            if value.differentiable:
                self._differentiable.add(torch_value)
            value = self._values[torch_value] = value.make()
        if isinstance(value, Missing):
            raise Unsupported(value.reason)
        return value

    def _bind(self, op: Any, results: Sequence[Any], differentiable: bool) -> None:
        for torch_value, value in zip(op.results, results, strict=True):
            self._values[torch_value] = value
            if differentiable and not _stops_gradient(op) and _carries_gradient(value):
                self._differentiable.add(torch_value)

    # Ops ----------------------------------------------------------------------------

    def _convert_op(self, op: Any) -> None:
        if op.name.startswith("torch.constant."):
            self._values[op.results[0]] = operand_constant(op)
            return
        with op.location:
            try:
                operands = [self._resolve(operand) for operand in op.operands]
                active = [v for v, o in zip(operands, op.operands, strict=True) if o in self._differentiable]
                self._bind(op, self._results(op, operands, active), bool(active))
            except Unsupported as error:
                self._report(op, str(error) or None)

    def _results(self, op: Any, operands: list[Any], active: list[Any]) -> Sequence[Any]:
        name = op_name(op)
        if name == "prim.ListConstruct":
            return [operands]
        if name == "prim.ListUnpack":
            return list(operands[0])
        if name in ("prim.NumToTensor.Scalar", "aten.Float.bool", "aten.Int.bool"):
            return [operands[0]]
        converter = CONVERTERS.get(name)
        if converter is None:
            raise Unsupported(hint(name))
        builder = self.builder
        builder.results = [tensor_type(result.type) for result in op.results]
        builder.active = {v for group in active for v in (group if isinstance(group, list) else [group])}
        builder.operator, builder.module = name, place_of(op.location)[0]
        if name.startswith("aten.index") and any(map(_is_byte_list, op.operands)):
            raise Unsupported("an index of uint8 is a mask to PyTorch; make it a bool, or int64")
        result = converter(builder, *operands)
        if len(op.results) == 0:
            return []
        results = result if len(op.results) > 1 else [result]
        return [_in_range(builder, value, r.type) for value, r in zip(results, op.results, strict=True)]

    def _report(self, op: Any, reason: str | None) -> None:
        """Note an unsupported op and go on behind it, so that all are found."""
        module, source = place_of(op.location)
        self._owner.unsupported.append(UnsupportedOp(op_name(op), module, source, reason))
        for result in op.results:
            result_type = tensor_type(result.type)
            if result_type is None:
                self._values[result] = Missing("reads a result of another unsupported operator")
            else:
                self._values[result] = ir.Operation.create("pock.unsupported", results=[result_type]).results[0]

    def _finish(self, op: Any) -> list[Value]:
        """Store mutated buffers and return the outputs."""
        parameters = self._owner.parameters
        values = []
        for operand in op.operands:
            with op.location:
                value = self._resolve(operand)
            values.append(value)
        stores = self._program.stores
        for name, value in zip(stores, values, strict=False):
            canonical = parameters.canonical(name)
            with ir.Location.name(name):
                pock.StoreParamOp(ir.FlatSymbolRefAttr.get(canonical), value)
        outputs = values[len(stores) :]
        if self._check_loss:
            self.builder.operator, self.builder.module = "loss", LOSS_PATH
            with ir.Location.name(LOSS_PATH):
                check_finite(self.builder, outputs[0])
        with ir.Location.name(self._name):
            func.ReturnOp(outputs)
        return outputs


def _is_byte_list(operand: Any) -> bool:
    """Whether an operand is a list with a tensor of bytes in it."""
    owner = operand.owner
    if getattr(owner, "name", "") != "torch.prim.ListConstruct":
        return False
    ranges = [narrow_range(part.type) for part in owner.operands]
    return any(found is not None and found[0] == 0 for found in ranges)


def _in_range(b: Builder, value: Any, torch_type: Any) -> Any:
    """Return a result of narrow integers as they wrap around; all other results as they are."""
    bounds = narrow_range(torch_type)
    if bounds is None or not isinstance(value, ir.Value):
        return value
    least, greatest = bounds
    size = greatest - least + 1
    low = low_bits(b, b.sub(value, least) if least else value, size - 1)
    return b.add(low, least) if least else low


def _stops_gradient(op: Any) -> bool:
    return op_name(op) == "aten.detach"


def _carries_gradient(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_carries_gradient, value))
    return isinstance(value, ir.Value) and is_float(dtype_of(value))


def _named(names: Sequence[str]) -> Any:
    return ir.ArrayAttr.get([ir.DictAttr.get({"pock.name": ir.StringAttr.get(name)}) for name in names])
