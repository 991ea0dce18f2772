"""`import_model` converts a PyTorch model to pock IR at stage ``import``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.export import ExportedProgram

from ...artifact.manifest import TensorSpec
from ...errors import ArgumentError, UnsupportedOpsError
from ..common.imported import ImportedModel
from .arguments import as_module, is_replayed
from .calls import Examples, model_call
from .convert import ModuleConverter
from .dtypes import dtype_name
from .exports import Subject, export_functions, named_results
from .forward import in_types_that_fit
from .frozen_weights import adopt_frozen_weights
from .graph import Program, unimportable
from .hooks import refuse_hooks
from .losses import Loss, resolve_loss
from .parameters import Parameters
from .quantized_model import QuantizedModel
from .reach import reached_parameters

__all__ = ["import_model"]


def import_model(
    model: torch.nn.Module | ExportedProgram | QuantizedModel,
    example_inputs: tuple[Any, ...] | Mapping[str, Any],
    loss: str | Loss | None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    target_example: Any = None,
    check_loss: bool = False,
) -> ImportedModel:
    """Import a model, its loss and its parameters; the model is not changed.

    ``@loss`` uses every module in its current mode, ``@predict`` uses the whole model in eval
    mode. Shapes are those of the examples.

    Args:
        model: a module, a program exported with static shapes, or a quantised model.
        example_inputs: the forward's positional arguments, or a mapping of keyword arguments:
            tensors, also nested. Other values are compiled in.
        loss: ``cross_entropy``, ``mse``, ``bce_with_logits``, ``l1``, a callable
            (output, target), or None if the model returns the loss, alone or as ``loss``.
        kwargs: keyword arguments.
        target_example: a tensor like the target, or several in a tuple or a dict; only needed
            for a callable.
        check_loss: whether ``@loss`` fails if its result is NaN or infinite.

    Raises:
        ArgumentError: an argument is invalid.
        CompileError: PyTorch cannot export the model.
        IndexRangeError: a constant index is out of range.
        UnsupportedOpsError: the model uses operators that cannot be imported.
    """
    quantized = model if isinstance(model, QuantizedModel) else None
    plain = quantized.model if quantized else model
    module = as_module(plain)
    return in_types_that_fit(
        module,
        lambda examples: _import(
            plain, module, quantized, example_inputs, loss, kwargs, target_example, examples, check_loss
        ),
    )


def _import(
    model: torch.nn.Module | ExportedProgram,
    module: torch.nn.Module,
    quantized: QuantizedModel | None,
    example_inputs: tuple[Any, ...] | Mapping[str, Any],
    loss: str | Loss | None,
    kwargs: Mapping[str, Any] | None,
    target_example: Any,
    examples: Examples,
    check_loss: bool,
) -> ImportedModel:
    """Import with the element types that `examples` gives the example tensors."""
    call = model_call(model, example_inputs, kwargs, examples)
    inputs = tuple(examples.tensors)
    loss_function = resolve_loss(loss)
    parameters = Parameters(module, loss_function if isinstance(loss_function, torch.nn.Module) else None)

    refused = refuse_hooks(module)
    if isinstance(loss_function, torch.nn.Module):
        refused += refuse_hooks(loss_function, "loss.")
    if refused:
        raise ArgumentError(
            "model: hooks on gradients that cannot be part of a compiled step:\n  " + "\n  ".join(refused)
        )

    subject = Subject(module, call, examples, loss, loss_function, target_example, replay=is_replayed(model))
    exports = export_functions(subject, together=quantized is None)
    predict, training, examples = exports.predict, exports.training, exports.examples
    results = named_results(predict)
    if exports.found.without_loss:
        _drop_unused_inputs(predict, training)
    specs = examples.specs()
    if quantized is not None:
        points = quantized.points(predict)
        quantized.declare(points, parameters)
        predict, training = quantized.place([predict, training], points)
        if quantized.input == "int8":
            specs = [replace(spec, dtype="i8") if spec.name in points.inputs else spec for spec in specs]
    else:
        training, predict = adopt_frozen_weights([training, predict], parameters)

    gradients: dict[str, bool] = {}
    for name, reached in reached_parameters(training).items():
        gradients[parameters.canonical(name)] = gradients.get(parameters.canonical(name), False) or reached
    converter = _convert(parameters, training, predict, check_loss)
    return ImportedModel(
        ir=converter.text(),
        parameters=parameters.infos,
        values=parameters.values,
        inputs=specs[: len(inputs)],
        targets=specs[len(inputs) :],
        arguments=exports.arguments,
        outputs=[TensorSpec(name, tuple(value.shape), str(dtype_name(value.dtype))) for name, value in results.items()],
        named_outputs=exports.found.named,
        norm_modes=converter.norm_modes,
        dropout_layers=tuple(converter.dropout_layers),
        gradients=gradients,
        converted=examples.converted,
        fixed=exports.fixed | parameters.complex_buffers.keys(),
        aliases=parameters.aliases,
        checks_loss=check_loss,
        saved_names=parameters.saved(model.state_dict if isinstance(model, ExportedProgram) else model.state_dict()),
    )


def _drop_unused_inputs(predict: Program, training: Program) -> None:
    """Remove inputs of ``@predict`` that only the model's own loss needs, such as labels."""
    used, live = _live(training), _live(predict)
    wanted = {name for name, node in _inputs(training) if node in used}
    for node in reversed(predict.graph.nodes):
        # Checks of metadata would keep the values that they check alive.
        if node not in live and node.op not in ("placeholder", "output"):
            predict.graph.erase_node(node)
    for name, node in _inputs(predict):
        if node not in live and name in wanted:
            predict.graph.erase_node(node)
            predict.bindings[:] = [b for b in predict.bindings if (b.kind, b.name) != ("input", name)]


def _live(program: Program) -> set[Any]:
    """The nodes that a program's results depend on."""
    pending = [node for node in program.graph.nodes if node.op == "output"]
    live: set[Any] = set()
    while pending:
        node = pending.pop()
        if node not in live:
            live.add(node)
            pending += node.all_input_nodes
    return live


def _inputs(program: Program) -> list[tuple[str, Any]]:
    """Name and placeholder of a program's inputs."""
    nodes = program.graph.find_nodes(op="placeholder")
    return [(b.name, node) for b, node in zip(program.bindings, nodes, strict=True) if b.kind == "input"]


def _convert(parameters: Parameters, training: Program, predict: Program, check_loss: bool) -> ModuleConverter:
    """Convert both functions.

    Raises:
        UnsupportedOpsError: lists all unsupported operators of both.
    """
    programs = (training, predict)
    refused = [op for program in programs for op in program.unsupported]
    unsupported = [op for program in programs for op in unimportable(program.graph)]
    if not unsupported:
        converter = ModuleConverter(parameters)
        converter.add("loss", training, check_loss=check_loss)
        modes = converter.norm_modes
        converter.add("predict", predict)
        converter.norm_modes = modes
        unsupported = converter.unsupported
    if refused or unsupported:
        raise UnsupportedOpsError(list(dict.fromkeys(refused + unsupported)))
    return converter
