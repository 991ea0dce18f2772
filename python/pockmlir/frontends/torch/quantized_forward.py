"""The forward pass of a quantised model for inputs of one shape, to be run in PyTorch or exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram

from ...api.quantization import Quantization
from .forward import export_forward
from .graph import Program
from .quantization_points import Points
from .quantized_export import export_quantized

__all__ = ["QuantizedForward"]


class _Model(Protocol):
    """What a forward pass needs of `quantized_model.QuantizedModel`."""

    model: torch.nn.Module
    activations: dict[str, Quantization]
    input: Literal["float32", "int8"]

    def points(self, program: Program) -> Points: ...
    def weights_of(self, points: Points) -> dict[str, Quantization]: ...
    def rounded_parameters(self, points: Points) -> dict[str, torch.Tensor]: ...
    def place(self, programs: list[Program], points: Points) -> list[Program]: ...
    def values(
        self, program: Program, inputs: list[torch.Tensor], other: Mapping[str, torch.Tensor] | None = None
    ) -> list[torch.Tensor | None]: ...


class QuantizedForward:
    """A graph with the conversions of all activations, and the values that the integers of parameters stand for.

    Args:
        model: the quantised model, as it is now.
        inputs: example inputs; real numbers, or integers if the model's inputs are integers.
        kwargs: example inputs by name.
    """

    def __init__(self, model: _Model, inputs: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        named = {name: _real(value) for name, value in kwargs.items()}
        program = export_forward(model.model, tuple(map(_real, inputs)), named or None)
        points = model.points(program)
        weights = model.weights_of(points)
        self._model = model
        self._weights = {node: weights[name] for node, name in points.parameters.items() if name in weights}
        self._rounded = model.rounded_parameters(points)
        self._bytes = points.inputs if model.input == "int8" else []
        (self._program,) = model.place([program], points)

    def run(self, inputs: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[torch.Tensor, ...]:
        """Return the outputs for inputs of the same shapes."""
        values = self._model.values(self._program, self._stored(inputs, kwargs), self._rounded)
        with torch.no_grad():
            module = fx.GraphModule(torch.nn.Module(), self._program.graph)
            return tuple(fx.Interpreter(module).run(*values))

    def export(self, inputs: Sequence[torch.Tensor], kwargs: Mapping[str, torch.Tensor]) -> ExportedProgram:
        """Return the exported graph; this object must not be used afterwards."""
        given = self._stored(inputs, kwargs)
        return export_quantized(self._program, self._weights, self._model.model, self._rounded, given, list(kwargs))

    def _stored(self, inputs: Sequence[Any], kwargs: Mapping[str, Any]) -> list[torch.Tensor]:
        """The tensors of a call, as integers where the graph has integers."""
        given = [value for value in [*inputs, *kwargs.values()] if isinstance(value, torch.Tensor)]
        names = [binding.name for binding in self._program.bindings if binding.kind == "input"]
        result = []
        for name, value in zip(names, given, strict=True):
            if name in self._bytes and value.is_floating_point():
                integers: np.ndarray[Any, Any] = self._model.activations[name].quantize(value.numpy())
                value = torch.from_numpy(integers)
            result.append(value)
        return result


def _real(value: Any) -> Any:
    """An example for the float model, in place of an input of integers."""
    return value.float() if isinstance(value, torch.Tensor) and value.dtype == torch.int8 else value
