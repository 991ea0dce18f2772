"""Exports the forward pass of a model in eval mode."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch.export import ExportedProgram

from ...errors import ArgumentError, CompileError, PockError
from ...support.warning import warn_user
from .arguments import as_module, is_replayed
from .calls import Examples, model_call
from .export import evaluation_mode, export_program
from .graph import Program, make_program
from .wrappers import Found, PredictWrapper

__all__ = ["export_forward", "export_predict", "in_types_that_fit", "warn_of_dropped"]

_Result = TypeVar("_Result")


def export_forward(
    model: torch.nn.Module | ExportedProgram,
    example_inputs: tuple[Any, ...] | Mapping[str, Any],
    kwargs: Mapping[str, Any] | None = None,
) -> Program:
    """Export a model in eval mode like `import_model`, without converting it.

    Raises:
        ArgumentError: an argument is invalid.
        CompileError: PyTorch cannot export the model.
    """
    module = as_module(model)

    def export(examples: Examples) -> Program:
        call = model_call(model, example_inputs, kwargs, examples)
        wrapper = PredictWrapper(module, call, has_loss=False, replay=is_replayed(model))
        return export_predict(wrapper, tuple(examples.tensors), examples.names)

    return in_types_that_fit(module, export)


def export_predict(wrapper: PredictWrapper, inputs: tuple[torch.Tensor, ...], names: list[str]) -> Program:
    """Export ``@predict``; the wrapper records the outputs of the model."""
    if wrapper.replay:
        exported = export_program(wrapper, inputs, "predict")
    else:
        with evaluation_mode(wrapper.model):
            exported = export_program(wrapper, inputs, "predict, eval mode")
    found = wrapper.found
    warn_of_dropped(found)
    program = make_program(exported, names, found.names, stores=False)
    return dataclasses.replace(program, names_outputs=found.named)


def warn_of_dropped(found: Found) -> None:
    """Warn of the values in a model's output that a prediction does not return."""
    if found.dropped:
        warn_user(
            "predict leaves out "
            + ", ".join(f"{name} ({kind})" for name, kind in found.dropped.items())
            + ": not a tensor; for a model of transformers, use_cache=False does without it"
        )


def in_types_that_fit(module: torch.nn.Module, export: Callable[[Examples], _Result]) -> _Result:
    """Export with unchanged examples; if PyTorch refuses their types, convert them to the model's types."""
    examples = Examples()
    try:
        return export(examples)
    except (CompileError, ArgumentError):
        floats = {p.dtype for p in module.parameters() if p.dtype.is_floating_point}
        if len(floats) != 1 or not examples.differs(fitting := Examples(floats.pop())):
            raise
        with contextlib.suppress(PockError):
            return export(fitting)
        raise
