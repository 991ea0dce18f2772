"""Checks the model argument of `import_model`."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ...errors import ArgumentError
from .substitutes import readable_names

__all__ = ["as_module", "is_replayed"]

#: The metadata of a graph that `as_module` made.
_EXPORTED = "pockmlir.exported"


def as_module(model: torch.nn.Module | ExportedProgram) -> torch.nn.Module:
    """Return the module to export.

    Raises:
        ArgumentError: the model is neither a module nor a program with static shapes.
    """
    if isinstance(model, ExportedProgram):
        _require_static(model)
        with readable_names():
            module = model.module(check_guards=False)
        _tie(module)
        module.meta[_EXPORTED] = True
        return module
    if isinstance(model, torch.nn.Module):
        return model
    raise ArgumentError(
        f"model: expected a torch.nn.Module or a torch.export.ExportedProgram, but got {type(model).__name__}"
    )


def is_replayed(model: torch.nn.Module | ExportedProgram) -> bool:
    """Whether the nodes of a model are run one by one, because it is an exported program or a PT2E graph of one."""
    if isinstance(model, fx.GraphModule):
        # Its nodes know the modules of the model that they come from.
        return _EXPORTED in model.meta or any(
            str(node.target).startswith("quantized_decomposed.") for node in model.graph.nodes
        )
    return isinstance(model, ExportedProgram)


def _require_static(program: ExportedProgram) -> None:
    for node in program.graph.find_nodes(op="placeholder"):
        value = node.meta.get("val")
        if isinstance(value, torch.Tensor) and any(not isinstance(size, int) for size in value.shape):
            shape = ", ".join(map(str, value.shape))
            raise ArgumentError(
                f"model: input '{node.name}' has the dynamic shape [{shape}]; "
                "dynamic shapes are not supported, export without dynamic_shapes"
            )


def _tie(module: torch.nn.Module) -> None:
    """Replace tensors that share their memory, such as the tied ones of a loaded program, by a single object."""
    first: dict[Any, torch.Tensor] = {}
    for owner in module.modules():
        for kind, tensors in enumerate((owner._parameters, owner._buffers)):
            for name, tensor in tensors.items():
                if tensor is not None and tensor.numel():
                    layout = (kind, tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride())
                    tensors[name] = first.setdefault(layout, tensor)
