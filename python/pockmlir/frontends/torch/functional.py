"""Makes an exported graph functional without tracing it again, if it consists of operators that this module knows.

`ExportedProgram.run_decompositions` runs every operator of a graph again, which takes longer than the export itself.
Most graphs need it for few kinds of operators: those that change a tensor in place, and compositions without a
converter. `functional_rules` has the functional form of the frequent ones; a graph with any other is left to PyTorch.
The imported module is the same as after PyTorch's decomposition (test_functional.py).
"""

from __future__ import annotations

import itertools
import operator
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch._export.utils import _is_cia_op, _is_preservable_cia_op
from torch.export import ExportedProgram
from torch.export.graph_signature import (
    ExportGraphSignature,
    InputKind,
    InputSpec,
    OutputKind,
    OutputSpec,
    TensorArgument,
)

from .decompositions import DECOMPOSED
from .functional_rules import RULES, Unknown, require
from .graph import ExportedCopy
from .registry import CONVERTERS, operator_name

__all__ = ["functional_program"]


def functional_program(exported: ExportedProgram) -> ExportedCopy | None:
    """Return the functional form of a program, which is not changed; None if that needs PyTorch's decomposition."""
    try:
        return _Rewriter(exported).program()
    except Unknown:
        return None


@dataclass(eq=False)
class _Memory:
    """The nodes whose values share memory.

    Attributes:
        whole: the node that made the tensor, and those that changed it in place: all stand for the whole tensor.
        has_views: whether any other node shares the memory.
        has_changed: whether an operator has changed it in place.
    """

    whole: list[fx.Node]
    has_views: bool = False
    has_changed: bool = False


class _Rewriter:
    """Copies a graph node by node; what reads a tensor after it was changed in place reads its new value."""

    def __init__(self, exported: ExportedProgram) -> None:
        self._exported = exported
        self._graph = fx.Graph()
        self._values: dict[fx.Node, fx.Node] = {}
        self._memories: dict[fx.Node, _Memory] = {}

    def program(self) -> ExportedCopy:
        """Return the functional program.

        Raises:
            Unknown: the functional form of a node is not known here.
        """
        for node in self._exported.graph.nodes:
            require(_is_static(node.meta.get("val")))
            if node.op == "call_function":
                self._convert(node)
            elif node.op == "output":
                self._finish(node)
            else:
                require(node.op == "placeholder")
                self._copy(node)
        exported = self._exported
        signature = ExportGraphSignature(exported.graph_signature.input_specs, self._output_specs())
        return ExportedCopy(self._graph, signature, exported.state_dict, exported.constants)

    def _convert(self, node: fx.Node) -> None:
        target = node.target
        if target in RULES:
            RULES[target](self, node)
            return
        self._copy(node)
        if target is operator.getitem:
            # One of several results, which may be a view of what the operator reads.
            self._share(node, node.args[0])
            return
        require(isinstance(target, torch._ops.OpOverload) and target.namespace == "aten")
        require(operator_name(target) in CONVERTERS and target not in DECOMPOSED and not target._schema.is_mutable)
        # PyTorch decomposes compositions that may return their argument, even if they have a converter.
        require(not _is_cia_op(target) or _is_preservable_cia_op(target))
        if any(argument.alias_info is not None for argument in target._schema.arguments):
            self._share(node, node.args[0])

    def _copy(self, node: fx.Node) -> None:
        self.bind(node, self._graph.node_copy(node, self.value))

    # For rules ----------------------------------------------------------------------

    def value(self, node: fx.Node) -> fx.Node:
        """Return the present value of a node."""
        return self._values[node]

    def call(self, node: fx.Node, target: Callable[..., Any], args: Any, kwargs: Any = None, *, val: Any) -> fx.Node:
        """Call an operator in the place of `node`, with nodes of the exported graph or of the new one.

        Args:
            node: a node of the exported graph, whose source location the call keeps.
            target: the operator.
            args: its arguments.
            kwargs: its keyword arguments.
            val: tensors without data in place of its results.
        """
        args, kwargs = fx.node.map_arg((args, kwargs or {}), lambda arg: self._values.get(arg, arg))
        made = self._graph.call_function(target, args, kwargs)
        made.meta = {**node.meta, "val": val}
        return made

    def bind(self, node: fx.Node, value: fx.Node) -> None:
        """Make `value` the value of a node, with memory of its own."""
        self._values[node] = value
        self._memories[node] = _Memory([node])

    def bind_view(self, node: fx.Node, value: fx.Node, base: fx.Node) -> None:
        """Make `value` the value of a node that may share the memory of `base`."""
        self._values[node] = value
        self._share(node, base)

    def change(self, changed: fx.Node, value: fx.Node, node: fx.Node | None = None) -> None:
        """Make `value` the new value of a tensor that is changed in place, and of `node`, which returns the tensor."""
        memory = self._memories[changed]
        require(not memory.has_views)
        memory.has_changed = True
        if node is not None:
            memory.whole.append(node)
            self._memories[node] = memory
        for whole in memory.whole:
            self._values[whole] = value

    def _share(self, node: fx.Node, base: Any) -> None:
        require(isinstance(base, fx.Node))
        memory = self._memories[node] = self._memories[base]
        # PyTorch makes views of a changed tensor anew, some outside of their module.
        require(not memory.has_changed)
        memory.has_views = True

    # Results ------------------------------------------------------------------------

    def _finish(self, output: fx.Node) -> None:
        """Return the new values of buffers in front of the results."""
        results = output.args[0]
        for result in results:
            # PyTorch has rules of its own for results that share the memory of an argument.
            require(not isinstance(result, fx.Node) or self._memories[result].whole[0].op != "placeholder")
        self._changed = self._changed_buffers()
        values = (*self._changed, *results)
        made = self._graph.output(fx.node.map_arg(values, self.value))
        made.meta = dict(output.meta)

    def _changed_buffers(self) -> list[fx.Node]:
        """Return the placeholders of changed buffers, in the order in which PyTorch's decomposition returns them."""
        specs = self._inputs()
        placeholders = self._exported.graph.find_nodes(op="placeholder")
        changed = [node for node in placeholders if self._values[node].op != "placeholder"]
        for node in changed:
            require(specs[node.name].kind == InputKind.BUFFER and specs[node.name].target is not None)
        kinds = (InputKind.PARAMETER, InputKind.BUFFER)
        # PyTorch makes the modules anew, for parameters first.
        keys = _walk([str(spec.target) for kind in kinds for spec in specs.values() if spec.kind == kind])
        return sorted(changed, key=lambda node: keys[str(specs[node.name].target)])

    def _inputs(self) -> dict[str, InputSpec]:
        return {spec.arg.name: spec for spec in self._exported.graph_signature.input_specs}

    def _output_specs(self) -> list[OutputSpec]:
        inputs = self._inputs()
        shared = self._shared_storages()
        specs = []
        for node in self._changed:
            spec = inputs[node.name]
            tensors = (values.get(spec.target) for values in (self._exported.state_dict, self._exported.constants))
            require(not any(tensor is not None and _storage(tensor) in shared for tensor in tensors))
            argument = TensorArgument(self._values[node].name)
            specs.append(OutputSpec(OutputKind.BUFFER_MUTATION, argument, spec.target))
        output = next(iter(self._exported.graph.find_nodes(op="output")))
        for spec, result in zip(self._exported.graph_signature.output_specs, output.args[0], strict=True):
            require(spec.kind == OutputKind.USER_OUTPUT)
            is_tensor = isinstance(spec.arg, TensorArgument)
            argument = TensorArgument(self._values[result].name) if is_tensor else spec.arg
            specs.append(OutputSpec(OutputKind.USER_OUTPUT, argument, spec.target))
        return specs

    def _shared_storages(self) -> set[int]:
        """The memory that several parameters, buffers or constants of the program have in common."""
        exported = self._exported
        names = {spec.target for spec in exported.graph_signature.input_specs if spec.target is not None}
        tensors = [
            values[name] for values in (exported.state_dict, exported.constants) for name in names & values.keys()
        ]
        counts = Counter(_storage(tensor) for tensor in tensors if isinstance(tensor, torch.Tensor))
        return {storage for storage, count in counts.items() if count > 1}


def _walk(names: list[str]) -> dict[str, list[tuple[bool, int]]]:
    """Return sort keys for the order of a walk over modules: their own tensors first, then their modules.

    Args:
        names: dotted names of tensors, in the order in which they are added to the modules.
    """
    positions: dict[str, int] = {}
    keys = {}
    for name in names:
        prefixes = list(itertools.accumulate(name.split("."), "{}.{}".format))
        keys[name] = [(prefix != name, positions.setdefault(prefix, len(positions))) for prefix in prefixes]
    return keys


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage().data_ptr())


def _is_static(value: Any) -> bool:
    """Whether the value of a node, or each of several, is a tensor whose shape is known, or no tensor."""
    if isinstance(value, list | tuple):
        return all(map(_is_static, value))
    if isinstance(value, torch.Tensor):
        return all(type(size) is int for size in value.shape)
    return not isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool)
