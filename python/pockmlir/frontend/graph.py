"""From an exported program to a `Program`: a functional graph and what its arguments are."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind, TensorArgument

from ..errors import ArgumentError, CompileError, UnsupportedOp
from .gradient_modes import drop_idle_detaches
from .parameters import array_of
from .registry import CONVERTERS, HINTS
from .source import module_path, source_line, strip_model
from .spec import dtype_name

__all__ = ["Binding", "Program", "make_program", "unimportable"]


@dataclass(frozen=True)
class Binding:
    """What an argument of a program's graph stands for."""

    kind: Literal["input", "parameter", "constant"]
    name: str
    value: torch.Tensor | None = None

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
    """

    graph: fx.Graph
    bindings: list[Binding]
    stores: list[str]
    outputs: list[str]


def make_program(
    exported: ExportedProgram, input_names: list[str], output_names: list[str], *, stores: bool
) -> Program:
    """Make a program of an exported one, which it takes over.

    Args:
        exported: what `export.export_program` returned.
        input_names: names for the user's inputs.
        output_names: names for the user's tensor outputs.
        stores: whether changes to buffers are kept; otherwise they are dropped.

    Raises:
        ArgumentError: the program changes a parameter or an input.
    """
    graph = exported.graph
    changed = _select_outputs(exported, input_names, stores)
    fold_constants(graph, exported)
    bindings = _bindings(exported, input_names)
    graph.lint()
    return Program(graph, bindings, changed, output_names)


def _select_outputs(exported: ExportedProgram, input_names: list[str], stores: bool) -> list[str]:
    """Reduce the graph's results to changed buffers and tensor outputs."""
    output = next(node for node in exported.graph.nodes if node.op == "output")
    kept, changed, results = [], [], []
    for spec, node in zip(exported.graph_signature.output_specs, output.args[0], strict=True):
        if spec.kind == OutputKind.USER_OUTPUT:
            if isinstance(spec.arg, TensorArgument):
                results.append(node)
        elif spec.kind == OutputKind.BUFFER_MUTATION:
            if stores:
                changed.append(_tensor_name(spec.target))
                kept.append(node)
        else:
            name = dict(zip(exported.graph_signature.user_inputs, input_names, strict=True)).get(
                spec.target, spec.target
            )
            raise ArgumentError(f"model: its forward changes '{name}' in place; only buffers may change")
    output.args = (tuple(kept + results),)
    exported.graph.eliminate_dead_code()
    # A program without stores is not differentiated.
    drop_idle_detaches(exported.graph, results if stores else [])
    return changed


def _tensor_name(target: str) -> str:
    """The name of a tensor in the user's model."""
    name = strip_model(target)
    return target if name is None else name


def _bindings(exported: ExportedProgram, input_names: list[str]) -> list[Binding]:
    specs = {spec.arg.name: spec for spec in exported.graph_signature.input_specs}
    names = iter(input_names)
    bindings = []
    for node in exported.graph.find_nodes(op="placeholder"):
        if "constant" in node.meta:
            bindings.append(Binding("constant", node.name, node.meta["constant"]))
            continue
        spec = specs[node.name]
        if spec.kind == InputKind.USER_INPUT:
            bindings.append(Binding("input", next(names)))
        elif spec.kind in (InputKind.PARAMETER, InputKind.BUFFER):
            bindings.append(Binding("parameter", _tensor_name(spec.target)))
        elif spec.kind == InputKind.CONSTANT_TENSOR:
            bindings.append(Binding("constant", node.name, exported.constants[spec.target]))
        else:
            raise CompileError("import", f"input '{node.name}' of kind {spec.kind} is not supported")
    return bindings


# Constant folding ---------------------------------------------------------------------


def fold_constants(graph: fx.Graph, exported: ExportedProgram) -> None:
    """Evaluate what depends on no input and no parameter (masks, positions), in PyTorch.

    The results that other nodes read become placeholders with `meta["constant"]`.
    """
    known: dict[fx.Node, Any] = {}
    for spec in exported.graph_signature.input_specs:
        if spec.kind == InputKind.CONSTANT_TENSOR:
            node = next(n for n in graph.find_nodes(op="placeholder") if n.name == spec.arg.name)
            known[node] = exported.constants[spec.target]
    folded: list[fx.Node] = []
    for node in graph.nodes:
        if node.op == "call_function" and _is_foldable(node, known):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
            with torch.no_grad():
                known[node] = node.target(*args, **kwargs)
            folded.append(node)
    for node in folded:
        readers = [user for user in node.users if user not in known]
        if isinstance(known[node], torch.Tensor) and readers:
            _replace_by_constant(graph, node, known[node])
    for node in reversed(folded):
        if not node.users:
            graph.erase_node(node)


def _is_foldable(node: fx.Node, known: dict[fx.Node, Any]) -> bool:
    if not all(source in known for source in node.all_input_nodes):
        return False
    if node.target is operator.getitem:
        return True
    target = node.target
    if not isinstance(target, torch._ops.OpOverload) or not target._schema.returns or target._schema.is_mutable:
        return False
    return torch.Tag.nondeterministic_seeded not in target.tags and "empty" not in target._schema.name


def _replace_by_constant(graph: fx.Graph, node: fx.Node, value: torch.Tensor) -> None:
    first = next(iter(graph.nodes))
    with graph.inserting_before(first):
        constant = graph.placeholder(f"folded_{node.name}")
    constant.meta = {**node.meta, "constant": value.clone()}
    node.replace_all_uses_with(constant, delete_user_cb=lambda user: user.op != "placeholder")


# What torch-mlir cannot even import ---------------------------------------------------


def unimportable(graph: fx.Graph) -> list[UnsupportedOp]:
    """Return the nodes that cannot become torch dialect ops, with all other unknown ones.

    Empty if the graph can be imported: then the converters find what is unsupported.
    """
    fatal = False
    found = []
    for node in graph.nodes:
        if node.op in ("placeholder", "output"):
            continue
        reason = _fatal_reason(node)
        fatal |= reason is not None
        name = _op_name(node)
        if reason is None and name not in CONVERTERS and node.target is not operator.getitem:
            reason = HINTS.get(name, "")
        if reason is not None:
            source = source_line(node)
            found.append(UnsupportedOp(name, module_path(node), source and f"{source[0]}:{source[1]}", reason or None))
    return found if fatal else []


def _op_name(node: fx.Node) -> str:
    return str(node.target).removesuffix(".default") if node.op == "call_function" else f"{node.op} {node.target}"


def _fatal_reason(node: fx.Node) -> str | None:
    target = node.target
    if node.op == "get_attr":
        # Subgraphs; the operator that calls them is reported.
        return None
    if node.op != "call_function" or not (target is operator.getitem or isinstance(target, torch._ops.OpOverload)):
        return "control flow inside the model cannot be compiled" if "higher_order" in str(type(target)) else ""
    values = node.meta.get("val")
    for value in values if isinstance(values, list | tuple) else [values]:
        if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
            return "its result depends on the data"
        if isinstance(value, torch.Tensor):
            if any(not isinstance(size, int) for size in value.shape):
                return "the shape of its result depends on the data; shapes must be static"
            if dtype_name(value.dtype) is None:
                return f"element type {value.dtype}"
    return None
