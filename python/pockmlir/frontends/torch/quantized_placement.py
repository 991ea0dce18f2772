"""Inserts the conversions of PT2E, ``quantized_decomposed.quantize_per_tensor`` and its inverse, into a program."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import fx
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (registers the operators)

from ...api.quantization import Quantization
from ...errors import ArgumentError
from .graph import Program
from .quantizable import operand_of

__all__ = ["place_quantization"]


def place_quantization(
    program: Program,
    names: dict[fx.Node, str],
    results: Mapping[str, Quantization],
    operands: Mapping[tuple[str, int], Quantization],
    *,
    bytes_in: bool,
) -> Program:
    """Return a program whose tensors are quantised and dequantised.

    Args:
        program: the program, which must not be used afterwards.
        names: the names of its nodes.
        results: names of nodes → what the integers of their results stand for.
        operands: reader and position of an operand that only this reader has quantised → the same for it.
        bytes_in: whether inputs are integers already.

    Raises:
        ArgumentError: there is no node of such a name.
    """
    return _Placement(program, names, bytes_in).place(results, operands)


class _Placement:
    def __init__(self, program: Program, names: dict[fx.Node, str], bytes_in: bool) -> None:
        self._program = program
        self._graph = program.graph
        # Parts of a result have its name, and move integers.
        self._nodes = {name: node for node, name in reversed(list(names.items()))}
        self._bytes_in = bytes_in

    def place(self, results: Mapping[str, Quantization], operands: Mapping[tuple[str, int], Quantization]) -> Program:
        if missing := sorted({*results, *(reader for reader, _ in operands)} - self._nodes.keys()):
            raise ArgumentError(
                f"model: {', '.join(missing)} run in its forward pass, but not in its loss; quantised models need the same"
            )
        for (reader, position), quantization in operands.items():
            self._quantize_operand(self._nodes[reader], position, quantization)
        for name, quantization in results.items():
            self._quantize_result(self._nodes[name], quantization)
        self._graph.lint()
        return dataclasses.replace(self._program, graph=self._graph)

    def _pair(self, source: fx.Node, quantization: Quantization, bytes_in: bool = False) -> tuple[fx.Node, fx.Node]:
        """Insert both conversions behind a node; the second one has its numbers."""
        numbers = (
            float(quantization.scale),
            quantization.zero_point,
            quantization.least,
            quantization.most,
            torch.int8,
        )
        before = source if source.op != "placeholder" else self._graph.find_nodes(op="placeholder")[-1]
        meta = {key: source.meta[key] for key in ("nn_module_stack", "stack_trace") if key in source.meta}
        value = source.meta["val"]
        stored = torch.empty(value.shape, dtype=torch.int8, device="meta")
        ops = torch.ops.quantized_decomposed
        with self._graph.inserting_after(before):
            if bytes_in:
                source.meta["val"] = stored
                first = source
            else:
                first = self._graph.call_function(ops.quantize_per_tensor.default, (source, *numbers))
                first.meta = meta | {"val": stored}
        with self._graph.inserting_after(before if bytes_in else first):
            second = self._graph.call_function(ops.dequantize_per_tensor.default, (first, *numbers))
        second.meta = meta | {"val": torch.empty(value.shape, dtype=value.dtype, device="meta")}
        return first, second

    def _quantize_result(self, node: fx.Node, quantization: Quantization) -> None:
        readers = list(node.users)
        bytes_in = self._bytes_in and node.op == "placeholder"
        _, real = self._pair(node, quantization, bytes_in)
        for reader in readers:
            reader.replace_input_with(node, real)

    def _quantize_operand(self, reader: fx.Node, position: int, quantization: Quantization) -> None:
        operand = operand_of(reader, position)
        _, real = self._pair(operand, quantization)
        reader.replace_input_with(operand, real)
