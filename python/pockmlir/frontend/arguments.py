"""Checks the arguments of `import_model` and names inputs and outputs."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from ..errors import ArgumentError
from .spec import DTYPES, TensorSpec, dtype_name

__all__ = ["as_module", "check_inputs", "check_target", "input_names", "output_names", "spec_of"]


def as_module(model: torch.nn.Module | ExportedProgram) -> torch.nn.Module:
    """Return the module to export.

    Raises:
        ArgumentError: it is neither a module nor a program of static shapes.
    """
    if isinstance(model, ExportedProgram):
        _require_static(model)
        return model.module(check_guards=False)
    if isinstance(model, torch.nn.Module):
        return model
    raise ArgumentError(
        f"model: expected a torch.nn.Module or a torch.export.ExportedProgram, but got {type(model).__name__}"
    )


def _require_static(program: ExportedProgram) -> None:
    for node in program.graph.find_nodes(op="placeholder"):
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor) and any(not isinstance(size, int) for size in value.shape):
            shape = ", ".join(map(str, value.shape))
            raise ArgumentError(
                f"model: input '{node.name}' has the dynamic shape [{shape}]; "
                "dynamic shapes are not supported, export without dynamic_shapes"
            )


def _as_tensor(what: str, value: Any) -> torch.Tensor:
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if not isinstance(value, torch.Tensor):
        raise ArgumentError(f"{what}: expected a torch.Tensor or numpy array, but got {type(value).__name__}")
    if dtype_name(value.dtype) is None:
        expected = ", ".join(str(dtype) for dtype in DTYPES)
        raise ArgumentError(f"{what}: expected one of the dtypes {expected}, but got {value.dtype}")
    return value.detach()


def check_inputs(example_inputs: Any) -> tuple[torch.Tensor, ...]:
    """Return the example inputs as tensors.

    Raises:
        ArgumentError: they are no tuple of tensors of supported types.
    """
    if not isinstance(example_inputs, tuple | list):
        raise ArgumentError(
            f"example_inputs: expected a tuple with one tensor per input, but got {type(example_inputs).__name__}"
        )
    return tuple(_as_tensor(f"example_inputs[{i}]", value) for i, value in enumerate(example_inputs))


def check_target(target_example: Any) -> torch.Tensor:
    """Return the example target as a tensor.

    Raises:
        ArgumentError: it is not a tensor of a supported type.
    """
    return _as_tensor("target_example", target_example)


def input_names(model: torch.nn.Module | ExportedProgram, count: int) -> list[str]:
    """Return names for the model's inputs: those of its forward's parameters.

    Raises:
        ArgumentError: the model takes another number of inputs.
    """
    if isinstance(model, ExportedProgram):
        names = list(model.graph_signature.user_inputs)
        if len(names) != count:
            raise ArgumentError(f"example_inputs: the program has {len(names)} inputs, but got {count}")
        return [str(name) for name in names]
    try:
        signature = inspect.signature(model.forward)
        bound = signature.bind(*range(count))
    except ValueError:
        return [f"input{i}" for i in range(count)]
    except TypeError as error:
        raise ArgumentError(f"example_inputs: the model's forward does not take {count} inputs: {error}") from None
    names = []
    for name, value in bound.arguments.items():
        is_variadic = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        names += [f"{name}{i}" for i in range(len(value))] if is_variadic else [name]
    return names


def output_names(program: ExportedProgram) -> list[str]:
    """Return names for a program's tensor outputs: ``output``, or by position or key."""
    specs = [spec for spec in program.graph_signature.output_specs if spec.kind.name == "USER_OUTPUT"]
    assert program.call_spec.out_spec is not None
    tree = pytree.tree_unflatten([spec.arg for spec in specs], program.call_spec.out_spec)
    is_leaf = lambda node: any(node is spec.arg for spec in specs)  # noqa: E731
    names = []
    for path, arg in pytree.tree_flatten_with_path(tree, is_leaf=is_leaf)[0]:
        if type(arg).__name__ != "TensorArgument":
            continue
        keys = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", "")))) for key in path]
        text = "_".join(keys)
        names.append("output" if not text else f"output{text}" if text[0].isdigit() else text)
    return names


def spec_of(name: str, tensor: torch.Tensor) -> TensorSpec:
    """Return the specification of an example tensor."""
    return TensorSpec(name, tuple(tensor.shape), DTYPES[tensor.dtype])
