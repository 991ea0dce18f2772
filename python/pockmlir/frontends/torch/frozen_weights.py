"""Makes parameters of integers of the quantised weights in a PT2E graph.

``convert_pt2e`` replaces a weight by a buffer of integers (``_frozen_param0``) and an operator that dequantises it.
The parameter has the name that the weight had before, in the module of its reader, and trains if the scheme says so:
the graph itself has no gradients (``requires_grad`` is false, or belongs to real numbers that nothing reads).
With ``fold_quantize=False``, the weight stays a parameter of real numbers, which both conversions follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import fx

from ...api.quantization import Quantization
from ...errors import UnsupportedOp, UnsupportedOpsError
from .graph import Binding, Program
from .operators import DEQUANTIZE, QUANTIZE, arguments, operator_name
from .ops.quantized import stored_range
from .parameters import Parameters
from .registry import Unsupported
from .source import module_path

__all__ = ["adopt_frozen_weights", "frozen_readers"]

#: Operators that may read a frozen weight.
_FROZEN = (f"{DEQUANTIZE}per_channel", f"{DEQUANTIZE}per_tensor", f"{DEQUANTIZE}per_tensor.tensor")
#: Operators that make integers of a weight that is not frozen.
_STORED = (f"{QUANTIZE}per_channel", f"{QUANTIZE}per_tensor")
#: Operators of which a frozen weight is the second operand, or reads it through a view.
_VIEWS = ("aten.permute", "aten.transpose.int", "aten.view", "aten.t")


def adopt_frozen_weights(programs: Sequence[Program], parameters: Parameters) -> list[Program]:
    """Return the programs with parameters in place of frozen weights.

    Args:
        programs: exported programs, which must not be used afterwards.
        parameters: the model's tensors; they change if there are frozen weights.

    Raises:
        UnsupportedOpsError: a graph reads quantised ``uint8`` as numbers.
    """
    if not any(operator_name(node).startswith("quantized_decomposed.") for p in programs for node in p.graph.nodes):
        return list(programs)
    _require_pairs(programs)
    unsupported: list[UnsupportedOp] = []
    result = [_adopt(program, parameters, unsupported) for program in programs]
    if unsupported:
        raise UnsupportedOpsError(list(dict.fromkeys(unsupported)))
    for name in [info.name for info in parameters.infos]:
        # The bias that PT2E adds where it folds a batch normalisation.
        if name.endswith(".weight_bias") and name.removesuffix("weight_bias") + "bias" not in parameters.declarations:
            parameters.rename(name, name.removesuffix("weight_bias") + "bias")
    parameters.let_train()
    return result


def _require_pairs(programs: Sequence[Program]) -> None:
    """Refuse readers of quantised ``uint8``, which is stored as ``int8``, other than movement and dequantisation."""
    wrong = []
    for program in programs:
        shifted: set[fx.Node] = set()
        for node in program.graph.nodes:
            value = node.meta.get("val")
            if not isinstance(value, torch.Tensor) or value.dtype != torch.uint8:
                continue
            if operator_name(node).startswith(QUANTIZE) or (
                operator_name(node) in _VIEWS and shifted.intersection(node.all_input_nodes)
            ):
                shifted.add(node)
                for user in node.users:
                    if (
                        user.op == "call_function"
                        and not operator_name(user).startswith(DEQUANTIZE)
                        and operator_name(user) not in _VIEWS
                    ):
                        reason = "reads quantised uint8 as numbers; dequantise them first, or quantise to int8"
                        wrong.append(UnsupportedOp(operator_name(user), module_path(user), None, reason))
    if wrong:
        raise UnsupportedOpsError(list(dict.fromkeys(wrong)))


def _adopt(program: Program, parameters: Parameters, unsupported: list[UnsupportedOp]) -> Program:
    """Return a program with parameters in place of frozen weights; add the weights that are not supported."""
    graph = program.graph
    bindings = dict(zip(graph.find_nodes(op="placeholder"), program.bindings, strict=True))
    made: dict[str, fx.Node] = {}
    for node in list(graph.nodes):
        if operator_name(node) not in _FROZEN:
            continue
        if (weight := _paired_parameter(node, bindings)) is not None:
            try:
                _adopt_paired(node, weight, bindings, parameters)
            except Unsupported as error:
                path = bindings[weight].name.rpartition(".")[0]
                unsupported.append(UnsupportedOp(operator_name(node), path, None, str(error)))
            continue
        frozen = _constant(node.args[0], bindings)
        name = _weight_name(node)
        if frozen is None or name is None:
            continue
        try:
            value, quantization = _weight(node, frozen, bindings)
        except Unsupported as error:
            unsupported.append(UnsupportedOp(operator_name(node), name.rpartition(".")[0], None, str(error)))
            continue
        if name not in made:
            parameters.adopt(name, value, quantization)
            with graph.inserting_before(next(iter(graph.nodes))):
                made[name] = graph.placeholder(f"frozen_{name.replace('.', '_')}")
            made[name].meta = dict(node.meta)
            bindings[made[name]] = Binding("parameter", name)
        node.replace_all_uses_with(made[name])
        graph.erase_node(node)
    _drop_unread(graph, bindings, parameters)
    return dataclasses.replace(program, bindings=[bindings[node] for node in graph.find_nodes(op="placeholder")])


def _paired_parameter(node: fx.Node, bindings: dict[fx.Node, Binding]) -> fx.Node | None:
    """The parameter of which a node dequantises the integers, if nothing else reads it and its zero points are 0."""
    stored = node.args[0]
    if not isinstance(stored, fx.Node) or operator_name(stored) not in _STORED or stored.args[1:] != node.args[1:]:
        return None
    weight = stored.args[0]
    found = bindings.get(weight) if isinstance(weight, fx.Node) else None
    if found is None or found.kind != "parameter" or found.value is not None or list(weight.users) != [stored]:
        return None
    zeros = _number(node.args[2], bindings)
    middle = 128 if node.args[-1] == torch.uint8 else 0
    return weight if zeros is not None and bool((zeros == middle).all()) else None


def _adopt_paired(node: fx.Node, weight: fx.Node, bindings: dict[fx.Node, Binding], parameters: Parameters) -> None:
    """Store a parameter as integers, in place of both conversions."""
    stored, name = node.args[0], parameters.canonical(bindings[weight].name)
    if name not in parameters.quantizations:
        real = torch.from_numpy(parameters.declarations[name][0])
        given = [_constant(arg, bindings) if isinstance(arg, fx.Node) else arg for arg in stored.args[1:]]
        if any(arg is None for arg in given):
            raise Unsupported("with a scale that is computed")
        value, quantization = _weight(node, stored.target(real, *given), bindings)
        parameters.adopt(name, value, quantization)
    node.replace_all_uses_with(weight)
    node.graph.erase_node(node)
    if not stored.users:
        node.graph.erase_node(stored)


def frozen_readers(graph: fx.Graph, tensors: Collection[str]) -> list[tuple[fx.Node, str]]:
    """Return the operators that dequantise a weight, and the name that it had.

    Args:
        graph: a graph of PT2E.
        tensors: names of the nodes that are parameters and buffers.
    """
    nodes = [node for node in graph.nodes if operator_name(node) in _FROZEN and node.args[0].name in tensors]
    return [(node, name) for node in nodes if (name := _weight_name(node)) is not None]


def _drop_unread(graph: fx.Graph, bindings: dict[fx.Node, Binding], parameters: Parameters) -> None:
    """Remove the frozen tensors, their scales and zero points."""
    for node in graph.find_nodes(op="placeholder"):
        binding = bindings[node]
        if not node.users and binding.kind != "input" and binding.name.rpartition(".")[2].startswith("_"):
            parameters.declarations.pop(binding.name, None)
            graph.erase_node(node)


def _constant(node: Any, bindings: dict[fx.Node, Binding]) -> torch.Tensor | None:
    """The value of an operand that is no parameter and no input."""
    return bindings[node].value if isinstance(node, fx.Node) and node in bindings else None


def _weight_name(node: fx.Node) -> str | None:
    """The name that a frozen weight had: that of its reader's module; None if there are several such modules."""
    names = set()
    pending = list(node.users)
    while pending:
        user = pending.pop()
        if operator_name(user) in _VIEWS:
            pending += user.users
        else:
            names.add(f"{module_path(user)}.weight".lstrip("."))
    return names.pop() if len(names) == 1 else None


def _weight(
    node: fx.Node, frozen: torch.Tensor, bindings: dict[fx.Node, Binding]
) -> tuple[torch.Tensor, Quantization | None]:
    """The integers of a weight and what they stand for; real numbers, if its zero points differ from 0.

    Raises:
        Unsupported: the integers or scales are not supported.
    """
    given = arguments(node, node.target._schema)
    per_channel = operator_name(node) == "quantized_decomposed.dequantize_per_channel"
    scales, zeros = (_number(value, bindings) for value in given[1:3])
    axis = given[3] if per_channel else None
    least, most, dtype = given[4:7] if per_channel else given[3:6]
    if zeros is None:
        zeros = torch.zeros(1, dtype=torch.int64)
    if scales is None:
        raise Unsupported("with a scale that is computed")
    ranges = [stored_range(float(scale), 0 if dtype == torch.int8 else 128, least, most, dtype) for scale in scales]
    shifted = frozen.to(torch.int16) - (128 if dtype == torch.uint8 else 0)
    zeros = zeros - (128 if dtype == torch.uint8 else 0)
    if per_channel and not zeros.any():
        vector = scales.float().numpy().copy()
        return shifted.to(torch.int8), Quantization(vector, 0, given[3] % frozen.dim(), *ranges[0][2:])
    if not per_channel and not zeros.any():
        return shifted.to(torch.int8), Quantization(float(scales[0]), 0, None, *ranges[0][2:])
    # Sums with a zero point per weight are not integer convolutions: the weight is a float32 parameter.
    shape = [-1 if dim == axis else 1 for dim in range(frozen.dim())] if per_channel else [1] * frozen.dim()
    return (shifted.double() - zeros.reshape(shape)).mul(scales.double().reshape(shape)).float(), None


def _number(value: Any, bindings: dict[fx.Node, Binding]) -> torch.Tensor | None:
    """A scale or zero point as a vector: a number of the graph, or a constant."""
    if isinstance(value, int | float):
        return torch.tensor([value], dtype=torch.int64 if isinstance(value, int) else torch.float64)
    constant = _constant(value, bindings)
    return None if constant is None else constant.detach().reshape(-1)
