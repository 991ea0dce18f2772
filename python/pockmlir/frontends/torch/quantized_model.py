"""A float model with the scales of its integers, as `pockmlir.quantize` returns it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import fx
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (registers the operators)
from torch.export import ExportedProgram

from ...api.quantization import Quantization
from ...errors import ArgumentError
from .accuracy import AccuracyReport, compare
from .attention import split_attention
from .graph import Program
from .parameters import Parameters
from .quantizable import operand_of, scaling
from .quantization_points import Points, find_points, node_names
from .quantized_forward import QuantizedForward
from .quantized_placement import place_quantization

__all__ = ["Head", "Input", "QuantizedModel", "leaves_of", "scales_of_weight"]

Head = Literal["int8", "float32"]
Input = Literal["float32", "int8"]

#: A channel's weights that are this much smaller than those of the layer's largest channel are those of a dead
#: channel: its scale is no smaller, so that its bias fits into 32 bits and an update cannot be arbitrarily small.
_DEAD = 2.0**-12
#: The largest bias, in steps of its channel's sums.
_BIAS = 2.0**24


@dataclass
class QuantizedModel:
    """A model whose layers are computed with integers of 8 bits; made by `pockmlir.quantize`.

    `pockmlir.compile`, `plan` and `import_model` accept it in place of the float model, with the same inputs, loss,
    scheme and any batch size. Its parameters have the names of the float model's, and float32 values here; the
    compiled step rounds them to integers. `Step.write_back` writes to it.

    Attributes:
        model: a copy of the float model in eval mode, with batch normalisation folded into the layers before.
        activations: name of a scale → what integers stand for; see `names`.
        weights: name of a weight → what its integers stand for, if it is given; otherwise it follows from the
            weight's values when the model is imported.
        head: ``int8``, or ``float32`` for a last layer that stays floating-point.
        room: how much larger than observed the ranges of an ``int8`` head are: its outputs, and its weights, grow
            when it is trained, and their scales do not.
        input: ``float32``, or ``int8`` for a step whose inputs are integers already.
    """

    model: torch.nn.Module
    activations: dict[str, Quantization]
    weights: dict[str, Quantization]
    head: Head = "int8"
    room: float = 4.0
    input: Input = "float32"

    # The parts of a module that the compiler and torch's optimizers use ------------------

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Yield names and parameters, as ``torch.nn.Module.named_parameters``."""
        return iter(self.model.named_parameters())

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """Yield the parameters, as ``torch.nn.Module.parameters``."""
        return iter(self.model.parameters())

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Return parameters and buffers in float32, as ``torch.nn.Module.state_dict``."""
        return dict(self.model.state_dict())

    def load_state_dict(self, state_dict: Mapping[str, torch.Tensor]) -> None:
        """Set parameters and buffers, as ``torch.nn.Module.load_state_dict``; scales do not change."""
        self.model.load_state_dict(state_dict)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Compute the outputs in PyTorch, in float32 between the integers.

        The result is that of the compiled step, except for single steps of integers where a sum is almost half way
        between two of them.
        """
        results = QuantizedForward(self, inputs, kwargs).run(inputs, kwargs)
        return results[0] if len(results) == 1 else results

    def compare(self, batches: Iterable[Any], labels: Iterable[Any] | None = None) -> AccuracyReport:
        """Run batches through the float model and the quantised one.

        Args:
            batches: inputs, each a tensor, a tuple of positional arguments, or a mapping of keyword arguments.
            labels: the classes of each batch, ``[samples]``; the model's outputs are logits ``[samples, classes]``.
        """
        made: dict[Any, QuantizedForward] = {}

        def run(*inputs: Any, **kwargs: Any) -> Any:
            shapes = [(x.shape, x.dtype) for x in [*inputs, *kwargs.values()] if isinstance(x, torch.Tensor)]
            key = (*shapes, *kwargs)
            if key not in made:
                made[key] = QuantizedForward(self, inputs, kwargs)
            return made[key].run(inputs, kwargs)

        return compare(self.model, run, batches, labels)

    def export(self, *inputs: Any, **kwargs: Any) -> ExportedProgram:
        """Return the model as an exported program for ``torch.export.save``, with the conversions of PT2E.

        `pockmlir.compile` takes the program and its file in place of this model, for batches of the size of the
        inputs. Weights and biases have the values that their integers stand for.

        Args:
            inputs: example inputs; real numbers, or integers if ``input`` is ``int8``.
            kwargs: example inputs by name.

        Raises:
            ArgumentError: an input is no tensor.
            CompileError: PyTorch cannot export the model.
        """
        wrong = [value for value in [*inputs, *kwargs.values()] if not isinstance(value, torch.Tensor)]
        if wrong:
            raise ArgumentError(f"inputs: expected tensors only, but got {type(wrong[0]).__name__}")
        return QuantizedForward(self, inputs, kwargs).export(inputs, kwargs)

    def rounded_parameters(self, points: Points) -> dict[str, torch.Tensor]:
        """Return the real numbers that the integers of weights and of their biases stand for."""
        rounded = {}
        for name, quantization in self.weights_of(points).items():
            rounded[name] = self._rounded(name, quantization, np.int8)
            for node in points.readers[name]:
                bias = points.parameters.get(node.args[2]) if len(node.args) > 2 else None
                if bias is not None:
                    scale = np.asarray(quantization.scale, np.float64) * self._operand_scale(points, node)
                    limit = 2**31 - 1
                    sums = Quantization(scale, axis=0 if scale.ndim else None, least=-limit, most=limit)
                    rounded[bias] = self._rounded(bias, sums, np.int32)
        return rounded

    def _rounded(self, name: str, quantization: Quantization, dtype: npt.DTypeLike) -> torch.Tensor:
        """The real numbers of a parameter's integers."""
        real = self.model.get_parameter(name).detach().numpy()
        return torch.from_numpy(quantization.dequantize(quantization.quantize(real, dtype)))

    def values(
        self, program: Program, inputs: list[torch.Tensor], other: Mapping[str, torch.Tensor] | None = None
    ) -> list[torch.Tensor | None]:
        """Return the arguments of a program's graph, with other values for some parameters."""
        state = dict(self.model.named_parameters(remove_duplicate=False))
        state |= dict(self.model.named_buffers(remove_duplicate=False)) | dict(other or {})
        given = iter(inputs)
        return [
            next(given) if b.kind == "input" else b.value if b.kind == "constant" else state[b.name].detach()
            for b in program.bindings
        ]

    # Import -------------------------------------------------------------------------------

    def points(self, program: Program) -> Points:
        """Return where the tensors of the exported forward pass are quantised.

        Raises:
            ArgumentError: scales are missing, or belong to no tensor.
        """
        points = self.unchecked_points(program)
        self.require(points)
        return points

    def unchecked_points(self, program: Program) -> Points:
        """Return where the tensors of the exported forward pass are to be quantised, with or without scales."""
        split_attention(program)
        return find_points(program, leaves_of(self.model), quantized_head=self.head == "int8")

    def require(self, points: Points) -> None:
        """Check that there is a scale for every point.

        Raises:
            ArgumentError: scales are missing, or belong to no tensor.
        """
        missing = [name for name in points.names if name not in self.activations and name not in points.same]
        if missing:
            raise ArgumentError(
                f"qparams: missing {', '.join(missing)}; the model's tensors are {', '.join(points.names)}"
            )
        unknown = [name for name in self.activations if name not in points.names]
        unknown += [name for name in self.weights if name not in points.weights]
        if unknown:
            expected = ", ".join([*points.names, *points.weights])
            raise ArgumentError(
                f"qparams: no quantised tensor is called {', '.join(unknown)}; expected some of {expected}"
            )
        for name, quantization in self.weights.items():
            _check(name, quantization, self.model.get_parameter(name), points.weights[name])

    def activation(self, points: Points, name: str) -> Quantization:
        """Return what the integers of an activation stand for."""
        while name not in self.activations:
            name = points.same[name]
        return self.activations[name]

    def declare(self, points: Points, parameters: Parameters) -> None:
        """Store the weights of integer layers as integers."""
        for name, quantization in self.weights_of(points).items():
            parameters.quantize(parameters.canonical(name), quantization)

    def weights_of(self, points: Points) -> dict[str, Quantization]:
        """Return what the integers of each weight stand for."""
        state = dict(self.model.named_parameters(remove_duplicate=False))
        result = {}
        for name, axis in points.weights.items():
            if name in self.weights:
                result[name] = self.weights[name]
                continue
            room = self.room if name in points.head_weights else 1.0
            largest = 0.0
            for node in points.readers[name]:
                scale = self._operand_scale(points, node)
                bias = node.args[2] if len(node.args) > 2 else None
                if bias is not None:
                    found = state[points.parameters[bias]].detach().double().numpy()
                    largest = np.maximum(largest, np.abs(found) / (scale * _BIAS))
            result[name] = Quantization(
                scales_of_weight(state[name].detach().numpy(), axis, room, largest), axis=axis, least=-127
            )
        return result

    def _operand_scale(self, points: Points, node: fx.Node) -> np.float64:
        """The scale of a layer's operand."""
        if (node, 0) in points.operands:
            return np.float64(self.activation(points, points.operands[node, 0]).scale)
        factor = 1.0
        source = node.args[0]
        while source not in points.results:
            factor *= scaling(source) or 1.0
            source = operand_of(source, 0)
        return np.float64(self.activation(points, points.results[source]).scale) * factor

    def place(self, programs: list[Program], points: Points) -> list[Program]:
        """Return programs that quantise at the points of the first one.

        Args:
            programs: programs with the same forward pass, which must not be used afterwards.
            points: those of the first one.

        Raises:
            ArgumentError: a program does not have all operators of the first one.
        """
        leaves = leaves_of(self.model)
        for program in programs:
            split_attention(program)
        names = [node_names(program, leaves) for program in programs]
        results = {names[0][node]: self.activation(points, name) for node, name in points.results.items()}
        operands = {
            (names[0][reader], position): self.activation(points, name)
            for (reader, position), name in points.operands.items()
        }
        return [
            place_quantization(program, found, results, operands, bytes_in=self.input == "int8")
            for program, found in zip(programs, names, strict=True)
        ]


def leaves_of(model: torch.nn.Module) -> frozenset[str]:
    """Return the paths of the modules without children."""
    return frozenset(path for path, module in model.named_modules() if not any(True for _ in module.children()))


def scales_of_weight(
    weight: np.ndarray[Any, Any], axis: int, room: float = 1.0, least: float | np.ndarray[Any, Any] = 0.0
) -> np.ndarray[Any, Any]:
    """Return a symmetric scale per channel, as float32: the largest entry becomes 127.

    Args:
        weight: the real numbers.
        axis: the dimension of the channels.
        room: factor by which the entries may grow.
        least: lower bounds, for large biases.
    """
    others = tuple(dim for dim in range(weight.ndim) if dim != axis)
    scales = np.abs(weight.astype(np.float64)).max(axis=others, initial=0.0) * room / 127.0
    if not np.all(np.isfinite(scales)):
        raise ArgumentError("model: a weight has entries that are not finite")
    floor = max(scales.max(initial=0.0) * _DEAD, 2.0**-40)
    if not scales.any():
        floor = 1.0 / 127.0
    result: np.ndarray[Any, Any] = np.maximum(np.maximum(scales, least), floor).astype(np.float32)
    return result


def _check(name: str, quantization: Quantization, weight: torch.Tensor, axis: int) -> None:
    """Check that integer layers can have the quantisation of a weight."""
    if quantization.zero_point != 0:
        raise ArgumentError(
            f"qparams: '{name}' has the zero point {quantization.zero_point}, but weights are symmetric"
        )
    if quantization.axis is not None and (quantization.axis, quantization.channels()) != (axis, weight.shape[axis]):
        raise ArgumentError(
            f"qparams: '{name}' has {quantization.channels()} scales along dimension {quantization.axis}, but expected "
            f"{weight.shape[axis]} along dimension {axis}"
        )
