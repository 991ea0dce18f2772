"""Quantises a float model after training: folds batch normalisation, and finds scales by running batches."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram
from torch.nn.modules.batchnorm import _BatchNorm

from ...api.quantization import Quantization
from ...errors import ArgumentError
from .accuracy import call_of
from .arguments import as_module
from .fold_norms import fold_batch_norms, fold_batch_norms_of_graph
from .forward import export_forward
from .graph import Program
from .operators import arguments, operator_name
from .quantizable import operand_of
from .quantization_points import Points
from .quantized_model import Head, Input, QuantizedModel
from .quiet import quiet_export
from .ranges import Range
from .source import module_path

__all__ = ["quantize_model"]

#: Operators → the position of the argument that says whether they run in training mode.
_MODES = {"aten.batch_norm": 5, "aten.dropout": 2}


def quantize_model(
    model: torch.nn.Module,
    batches: Any,
    *,
    qparams: Mapping[str, Any] | None,
    inputs: Any,
    head: Head,
    room: float,
    input: Input,
    percentile: float,
) -> QuantizedModel:
    """Quantise a model; see `pockmlir.quantize`."""
    if isinstance(model, ExportedProgram):
        model = as_module(model)
    if not isinstance(model, torch.nn.Module):
        given = type(model).__name__
        raise ArgumentError(f"model: expected a torch.nn.Module or an exported program of float32, but got {given}")
    _require_choices(head, room, input, percentile)
    scales = {name: _given(name, value) for name, value in (qparams or {}).items()}
    calls = None if batches is None else [call_of(batch) for batch in _listed(batches)]
    if not calls and qparams is None:
        raise ArgumentError("batches: expected at least one batch of inputs, or scales in qparams")
    copied = _copy(model)
    example = calls[0] if calls else None if inputs is None else call_of(inputs)
    if isinstance(copied, fx.GraphModule):
        fold_batch_norms_of_graph(copied)
    elif any(isinstance(module, _BatchNorm) for module in copied.modules()):
        if example is None:
            raise ArgumentError("inputs: example inputs are needed to fold the model's batch normalisation")
        fold_batch_norms(copied, export_forward(copied, example[0], example[1]))
    names = {name for name, _ in copied.named_parameters(remove_duplicate=False)}
    weights = {name: value for name, value in scales.items() if name in names}
    activations = {name: value for name, value in scales.items() if name not in names}
    result = QuantizedModel(copied, activations, weights, head, room, input)
    if calls:
        found, points = _calibrated(result, calls, percentile)
        result.activations = found | activations
        result.require(points)
    elif example is not None:
        # Says now which scales are missing or unknown.
        result.points(export_forward(copied, example[0], example[1]))
    return result


def _require_choices(head: Head, room: float, input: Input, percentile: float) -> None:
    for name, value, choices in (("head", head, get_args(Head)), ("input", input, get_args(Input))):
        if value not in choices:
            raise ArgumentError(f"{name}: expected one of {', '.join(choices)}, but got {value!r}")
    if isinstance(room, bool) or not isinstance(room, int | float) or not 1 <= room < math.inf:
        raise ArgumentError(f"room: expected a factor >= 1, but got {room!r}")
    if isinstance(percentile, bool) or not isinstance(percentile, int | float) or not 50 < percentile <= 100:
        raise ArgumentError(f"percentile: expected a number above 50 and up to 100, but got {percentile!r}")


def _copy(model: torch.nn.Module) -> torch.nn.Module:
    """A copy in eval mode, whose parameters are float32."""
    wrong = [name for name, p in model.named_parameters() if p.is_floating_point() and p.dtype != torch.float32]
    if wrong:
        raise ArgumentError(
            f"model: expected parameters of float32, but '{wrong[0]}' has another type; use model.float()"
        )
    bad = [name for name, p in model.named_parameters() if not torch.isfinite(p).all()]
    if bad:
        raise ArgumentError(f"model: '{bad[0]}' has entries that are NaN or infinite")
    with quiet_export():
        copied = copy.deepcopy(model)
    if not isinstance(copied, fx.GraphModule):
        return copied.eval()
    for node in copied.graph.nodes:
        name = operator_name(node)
        if name in _MODES and arguments(node, node.target._schema)[_MODES[name]]:
            raise ArgumentError(
                f"model: the program was exported in training mode, see {name} in '{module_path(node)}'; "
                "export model.eval()"
            )
    return copied


def _given(name: str, value: Any) -> Quantization:
    """Return what a user has given: a `Quantization`, or (scale, zero point)."""
    try:
        result = value if isinstance(value, Quantization) else Quantization(float(value[0]), int(value[1]))
        scales = np.asarray(result.scale, np.float64)
        if wrong := [x for x in scales.reshape(-1) if not 2.0**-100 <= x <= 2.0**100]:
            raise ArgumentError(f"expected a scale between 2^-100 and 2^100, but got {wrong[0]}")
        return result
    except ArgumentError as error:
        raise ArgumentError(f"qparams['{name}']: {str(error).removeprefix('quantization: ')}") from None
    except (TypeError, ValueError, IndexError, KeyError):
        raise ArgumentError(
            f"qparams['{name}']: expected (scale, zero point) or a pockmlir.Quantization, but got {value!r}"
        ) from None


def _listed(batches: Any) -> list[Any]:
    if isinstance(batches, torch.Tensor | Mapping) or not isinstance(batches, Iterable):
        raise ArgumentError(
            f"batches: expected a list or another iterable of batches, but got {type(batches).__name__}; one batch is [x]"
        )
    return list(batches)


# Calibration --------------------------------------------------------------------------


class _Observer(fx.Interpreter):
    """Runs a graph in PyTorch, and records the ranges of the points."""

    def __init__(self, graph: fx.Graph, nodes: Mapping[fx.Node, set[str]], ranges: dict[str, Range]) -> None:
        super().__init__(fx.GraphModule(torch.nn.Module(), graph))
        copied = dict(zip(graph.nodes, self.module.graph.nodes, strict=True))
        self._nodes = {copied[node]: names for node, names in nodes.items()}
        self._ranges = ranges

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, and record its range."""
        result = super().run_node(n)
        for name in self._nodes.get(n, ()):
            self._ranges.setdefault(name, Range()).add(name, result)
        return result


def _calibrated(
    model: QuantizedModel, calls: list[tuple[tuple[Any, ...], dict[str, Any]]], percentile: float
) -> tuple[dict[str, Quantization], Points]:
    """The integers of all activations, by their ranges in the float model, and the points."""
    ranges: dict[str, Range] = {}
    programs: dict[Any, tuple[Program, Points]] = {}
    points = Points()
    for args, kwargs in calls:
        values = [value for value in [*args, *kwargs.values()] if isinstance(value, torch.Tensor)]
        key = tuple((value.shape, value.dtype) for value in values)
        if key not in programs:
            program = export_forward(model.model, args, kwargs)
            programs[key] = program, model.unchecked_points(program)
        program, points = programs[key]
        _Observer(program.graph, _observed(points), ranges).run(*model.values(program, values))
    result = {}
    for name in points.names:
        least, most = points.fixed.get(name) or ranges[name].limits(percentile)
        room = model.room if name in points.heads else 1.0
        result[name] = Range.affine(least * room, most * room)
    return result, points


def _observed(points: Points) -> dict[fx.Node, set[str]]:
    """Node → the names of the scales that cover its numbers."""
    nodes: dict[fx.Node, set[str]] = {}
    for node, name in points.results.items():
        nodes.setdefault(node, set()).add(name)
    for (reader, position), name in points.operands.items():
        nodes.setdefault(operand_of(reader, position), set()).add(name)
    return nodes
