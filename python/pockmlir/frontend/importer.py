"""`import_model`: from a PyTorch model to pock IR at stage ``import``."""

from __future__ import annotations

from typing import Any

import torch
from torch.export import ExportedProgram

from ..errors import ArgumentError, UnsupportedOpsError
from . import arguments
from .convert import ModuleConverter
from .export import Wrapper, evaluation_mode, export_program
from .graph import Program, make_program, unimportable
from .losses import Loss, resolve_loss, target_like
from .parameters import Parameters
from .spec import ImportedModel
from .torch_ir import make_context

__all__ = ["import_model"]


def import_model(
    model: torch.nn.Module | ExportedProgram,
    example_inputs: tuple[Any, ...],
    loss: str | Loss | None,
    *,
    target_example: Any = None,
) -> ImportedModel:
    """Import a model, its loss and its parameters; the model stays as it is.

    ``@loss`` has every module in the mode that it is in, ``@predict`` the whole model in
    eval mode. Shapes are those of the examples.

    Args:
        model: a module, or a program exported with static shapes.
        example_inputs: one tensor per input of the model's forward.
        loss: ``cross_entropy``, ``mse``, ``bce_with_logits``, ``l1``, a callable
            (output, target), or None if the model returns the loss.
        target_example: a tensor like the target; needed for a callable only.

    Raises:
        ArgumentError: an argument is not acceptable.
        CompileError: PyTorch cannot export the model.
        UnsupportedOpsError: the model uses operators that cannot be imported.
    """
    module = arguments.as_module(model)
    inputs = arguments.check_inputs(example_inputs)
    names = arguments.input_names(model, len(inputs))
    loss_function = resolve_loss(loss)
    parameters = Parameters(module, loss_function if isinstance(loss_function, torch.nn.Module) else None)

    replay = isinstance(model, ExportedProgram)
    predict, results = _export_predict(module, inputs, names, replay)
    target = None
    if loss is not None:
        target = target_like(loss, results) if target_example is None else arguments.check_target(target_example)
    elif target_example is not None:
        raise ArgumentError("target_example: given, but with loss=None the model takes its targets as inputs")
    target_name = "target" if "target" not in names else "loss_target"
    wrapper = Wrapper(module, loss_function, replay=replay)
    training = _export_loss(wrapper, inputs if target is None else (*inputs, target), [*names, target_name])

    converter = _convert(parameters, training, predict)
    return ImportedModel(
        ir=converter.text(),
        parameters=parameters.infos,
        values=parameters.values,
        inputs=[arguments.spec_of(name, tensor) for name, tensor in zip(names, inputs, strict=True)],
        target=None if target is None else arguments.spec_of(target_name, target),
        outputs=[arguments.spec_of(name, value) for name, value in zip(predict.outputs, results, strict=True)],
        norm_modes=converter.norm_modes,
        aliases=parameters.aliases,
    )


def _export_predict(
    module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], names: list[str], replay: bool
) -> tuple[Program, list[torch.Tensor]]:
    """Export ``@predict``; also return its outputs as (fake) tensors."""
    wrapper = Wrapper(module, replay=replay)
    if replay:
        exported = export_program(wrapper, inputs, "predict")
    else:
        with evaluation_mode(module):
            exported = export_program(wrapper, inputs, "predict, eval mode")
    program = make_program(exported, names, arguments.output_names(exported), stores=False)
    return program, [node.meta["val"] for node in _outputs(program)]


def _export_loss(wrapper: Wrapper, args: tuple[torch.Tensor, ...], names: list[str]) -> Program:
    """Export ``@loss``."""
    exported = export_program(wrapper, args, "loss")
    program = make_program(exported, names[: len(args)], ["loss"], stores=True)
    results = [node.meta["val"] for node in _outputs(program)]
    if len(results) != 1 or results[0].dim() != 0 or not results[0].is_floating_point():
        got = ", ".join(f"{value.dtype} {list(value.shape)}" for value in results)
        raise ArgumentError(f"loss: expected one floating-point scalar, but got {got or 'no tensor'}")
    return program


def _outputs(program: Program) -> list[Any]:
    output = next(node for node in program.graph.nodes if node.op == "output")
    return list(output.args[0][len(program.stores) :])


def _convert(parameters: Parameters, training: Program, predict: Program) -> ModuleConverter:
    """Convert both functions.

    Raises:
        UnsupportedOpsError: lists all that is unsupported in either.
    """
    unsupported = [op for program in (training, predict) for op in unimportable(program.graph)]
    if not unsupported:
        converter = ModuleConverter(make_context(), parameters)
        converter.add("loss", training)
        modes = converter.norm_modes
        converter.add("predict", predict)
        converter.norm_modes = modes
        unsupported = converter.unsupported
    if unsupported:
        raise UnsupportedOpsError(list(dict.fromkeys(unsupported)))
    return converter
