"""Turns an exported program into a `Program`: a functional graph and the bindings of its arguments."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import ExportGraphSignature, InputKind, InputSpec, OutputKind, TensorArgument

from ...errors import ArgumentError, CompileError, UnsupportedOp
from .complex_numbers.split import split_complex_numbers
from .dtypes import dtype_name
from .gradient_modes import drop_idle_detaches
from .parameters import array_of
from .registry import CONVERTERS, HINTS, hint, operator_name
from .rewrites import find_random_masks
from .source import tensor_name, unsupported_op

__all__ = ["Binding", "ExportedCopy", "Program", "fold_buffers", "make_program", "unimportable"]


@dataclass(frozen=True)
class Binding:
    """The meaning of an argument of a program's graph; constants and buffers have a value."""

    kind: Literal["input", "parameter", "constant"]
    name: str
    value: torch.Tensor | None = None
    is_persistent: bool = True

    def array(self) -> np.ndarray[Any, Any]:
        """Return the value of a constant."""
        assert self.value is not None
        return array_of(self.value)


@dataclass(frozen=True)
class Program:
    """A functional graph. Its first results are the new values of the buffers `stores`.

    Attributes:
        graph: the graph, of ATen operators only.
        bindings: one entry per placeholder.
        stores: names of the buffers that the program changes.
        outputs: names of the other results.
        names_outputs: whether the model returns them by name.
        unsupported: uses of complex numbers that are not supported, in the order of execution.
    """

    graph: fx.Graph
    bindings: list[Binding]
    stores: list[str]
    outputs: list[str]
    names_outputs: bool = False
    unsupported: Sequence[UnsupportedOp] = ()


@dataclass(frozen=True)
class ExportedCopy:
    """The parts of an exported program that `make_program` reads, with a graph of its own."""

    graph: fx.Graph
    graph_signature: ExportGraphSignature
    state_dict: Mapping[str, Any]
    constants: Mapping[str, Any]

    @classmethod
    def of(cls, exported: ExportedProgram) -> ExportedCopy:
        """Return a copy, whose nodes have the same names."""
        graph = fx.Graph()
        graph.output(graph.graph_copy(exported.graph, {}))
        output, original = (next(iter(g.find_nodes(op="output"))) for g in (graph, exported.graph))
        output.meta = dict(original.meta)
        return cls(graph, exported.graph_signature, exported.state_dict, exported.constants)


def make_program(
    exported: ExportedProgram | ExportedCopy,
    input_names: list[str],
    output_names: list[str],
    *,
    stores: bool,
    outputs: slice = slice(None),
) -> Program:
    """Make a `Program` from an exported program, which must not be used afterwards.

    Args:
        exported: what `export.export_program` returned.
        input_names: names for the user's inputs.
        output_names: names for the user's tensor outputs.
        stores: whether to keep changes to buffers.
        outputs: the tensor outputs to keep.

    Raises:
        ArgumentError: the program changes a parameter or an input.
    """
    graph = exported.graph
    changed = _select_outputs(exported, input_names, stores, outputs)
    find_random_masks(graph)
    bindings = dict(zip(graph.find_nodes(op="placeholder"), _bindings(exported, input_names), strict=True))
    program = Program(graph, list(bindings.values()), changed, output_names)
    return _without_complex_numbers(fold_constants(program))


def _select_outputs(
    exported: ExportedProgram | ExportedCopy, input_names: list[str], stores: bool, outputs: slice
) -> list[str]:
    """Reduce the graph's results to changed buffers and tensor outputs."""
    output = next(node for node in exported.graph.nodes if node.op == "output")
    kept, changed, results = [], [], []
    for spec, node in zip(exported.graph_signature.output_specs, output.args[0], strict=True):
        if spec.kind == OutputKind.USER_OUTPUT:
            if isinstance(spec.arg, TensorArgument):
                results.append(node)
        elif spec.kind == OutputKind.BUFFER_MUTATION:
            if stores:
                changed.append(tensor_name(spec.target))
                kept.append(node)
        else:
            name = dict(zip(exported.graph_signature.user_inputs, input_names, strict=True)).get(
                spec.target, spec.target
            )
            raise ArgumentError(f"model: its forward changes '{name}' in place; only buffers may change")
    results = results[outputs]
    output.args = (tuple(kept + results),)
    exported.graph.eliminate_dead_code()
    # A program without stores is not differentiated.
    drop_idle_detaches(exported.graph, results if stores else [])
    return changed


def _bindings(exported: ExportedProgram | ExportedCopy, input_names: list[str]) -> list[Binding]:
    specs = {spec.arg.name: spec for spec in exported.graph_signature.input_specs}
    names = iter(input_names)
    bindings = []
    for node in exported.graph.find_nodes(op="placeholder"):
        spec = specs[node.name]
        if spec.kind == InputKind.USER_INPUT:
            bindings.append(Binding("input", next(names)))
        elif spec.kind == InputKind.PARAMETER:
            bindings.append(Binding("parameter", tensor_name(spec.target)))
        elif spec.kind == InputKind.BUFFER:
            bindings.append(_buffer(exported, spec))
        elif spec.kind == InputKind.CONSTANT_TENSOR:
            bindings.append(Binding("constant", node.name, exported.constants[spec.target]))
        else:
            raise CompileError("import", f"input '{node.name}' of kind {spec.kind} is not supported")
    return bindings


def _buffer(exported: ExportedProgram | ExportedCopy, spec: InputSpec) -> Binding:
    is_persistent = spec.persistent is not False
    value = exported.state_dict.get(spec.target) if is_persistent else exported.constants.get(spec.target)
    return Binding("parameter", tensor_name(spec.target), value, is_persistent)


def _without_complex_numbers(program: Program) -> Program:
    """Return a program of real tensors only; the argument must not be used afterwards."""
    graph = program.graph
    bindings = dict(zip(graph.find_nodes(op="placeholder"), program.bindings, strict=True))
    # A buffer of complex numbers is a constant: a program that changes it is refused.
    values = {node: b.value for node, b in bindings.items() if b.value is not None and b.value.is_complex()}
    split = split_complex_numbers(graph, values, len(program.stores))
    if split is None:
        return program
    bindings |= {node: Binding("constant", node.name, value) for node, value in split.constants.items()}
    kept = [bindings[node] for node in graph.find_nodes(op="placeholder")]
    return fold_constants(dataclasses.replace(program, bindings=kept, unsupported=split.unsupported))


# Constant folding ---------------------------------------------------------------------


def fold_buffers(program: Program, changed: Collection[str]) -> Program:
    """Fold constants, including buffers that are in no state_dict and that no program changes.

    Args:
        program: the program, which must not be used afterwards.
        changed: names of the buffers that a step stores.
    """
    bindings = [
        Binding("constant", b.name.replace(".", "_"), b.value)
        if not b.is_persistent and b.value is not None and b.name not in changed
        else b
        for b in program.bindings
    ]
    if bindings == program.bindings:
        return program
    return fold_constants(dataclasses.replace(program, bindings=bindings))


def fold_constants(program: Program) -> Program:
    """Evaluate nodes that depend on no input and no parameter (masks, positions) in PyTorch.

    Returns:
        The program, in which the results that other nodes read are constants. The argument must not be
        used afterwards.
    """
    graph = program.graph
    bindings = dict(zip(graph.find_nodes(op="placeholder"), program.bindings, strict=True))
    known: dict[fx.Node, Any] = {node: b.value for node, b in bindings.items() if b.kind == "constant"}
    folded: list[fx.Node] = []
    for node in graph.nodes:
        if node.op == "call_function" and _is_foldable(node, known):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
            try:
                with torch.no_grad():
                    known[node] = node.target(*args, **kwargs)
            except (IndexError, RuntimeError):
                continue  # For example an index out of range: the converter names its module in the error.
            folded.append(node)
    for node in folded:
        readers = [user for user in node.users if user not in known]
        if isinstance(known[node], torch.Tensor) and readers:
            constant = _replace_by_constant(graph, node, known[node])
            bindings[constant] = Binding("constant", constant.name, known[node].clone())
    for node in reversed(folded):
        if not node.users:
            graph.erase_node(node)
    graph.lint()
    placeholders = graph.find_nodes(op="placeholder")
    return dataclasses.replace(program, bindings=[bindings[node] for node in placeholders])


def _is_foldable(node: fx.Node, known: dict[fx.Node, Any]) -> bool:
    if not all(source in known for source in node.all_input_nodes):
        return False
    if node.target is operator.getitem:
        return True
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or not target._schema.returns or target._schema.is_mutable:
        return False
    # Weights that a quantiser has frozen are parameters, see `frozen_weights`.
    return (
        target.namespace != "quantized_decomposed"
        and not node.is_impure()
        and torch.Tag.nondeterministic_seeded not in target.tags
        and "empty" not in target._schema.name
    )


def _replace_by_constant(graph: fx.Graph, node: fx.Node, value: torch.Tensor) -> fx.Node:
    first = next(iter(graph.nodes))
    with graph.inserting_before(first):
        constant = graph.placeholder(f"folded_{node.name}")
    constant.meta = dict(node.meta)
    node.replace_all_uses_with(constant, delete_user_cb=lambda user: user.op != "placeholder")
    return constant


# Nodes other than operators on tensors of static shape --------------------------------


def unimportable(graph: fx.Graph) -> list[UnsupportedOp]:
    """Return the nodes that cannot have a converter, and all other nodes without a converter.

    If a node that cannot have a converter reads the result of another one, only the latter is returned,
    because it is the cause.

    The result is empty if every node can have a converter: then the conversion finds unsupported operators.
    """
    fatal: set[fx.Node] = set()
    found = []
    for node in graph.nodes:
        if node.op in ("placeholder", "output") or _op_name(node) in _CHECKS:
            continue
        reason = _fatal_reason(node)
        if reason is not None and fatal.intersection(node.all_input_nodes):
            fatal.add(node)
            continue
        name = _op_name(node)
        if reason is not None:
            fatal.add(node)
        elif name not in CONVERTERS and node.op == "call_function" and node.target is not operator.getitem:
            reason = hint(name)
        if reason is not None:
            found.append(unsupported_op(name, node, reason or None))
    return found if fatal else []


#: PyTorch's assertions on numbers that depend on data, which are never the cause.
_CHECKS = ("aten._assert_scalar", "aten.sym_constrain_range_for_size")


def _op_name(node: fx.Node) -> str:
    return operator_name(node.target) if node.op == "call_function" else f"{node.op} {node.target}"


_SHAPES = "the shape of its result depends on the data; shapes must be static"
_FATAL = {
    "aten.index.Tensor": "a mask selects a number of entries that depends on data; use torch.where or multiply by the "
    "mask, unless it is a buffer or made of constants",
    "aten.repeat_interleave.Tensor": "counts in a tensor give a shape that depends on data; index with the "
    "repeated positions, made in __init__",
}


def _fatal_reason(node: fx.Node) -> str | None:
    target = node.target
    if node.op == "get_attr":
        # A subgraph; the operator that calls it is reported instead.
        return None
    if node.op != "call_function" or not (target is operator.getitem or isinstance(target, torch._ops.OpOverload)):
        if "higher_order" in str(type(target)):
            return "control flow inside the model cannot be compiled; compute both branches and choose with torch.where"
        return "arithmetic with a number that depends on data; keep it a tensor"
    values = node.meta.get("val")
    for value in values if isinstance(values, list | tuple) else [values]:
        if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
            return "its result depends on the data; keep it a tensor, without .item() or int()"
        if isinstance(value, torch.Tensor):
            if any(not isinstance(size, int) for size in value.shape):
                return _FATAL.get(_op_name(node), HINTS.get(_op_name(node), _SHAPES))
            if dtype_name(value.dtype) is None:
                return HINTS.get(_op_name(node), f"element type {value.dtype}")
    return None
