"""The identity of a model with its loss and its example inputs."""

from __future__ import annotations

from typing import Any

import torch

from ....api.source import TorchSource
from .hasher import Hasher
from .libraries import Unknown, settings, versions

__all__ = ["identity_of"]


def identity_of(source: TorchSource) -> tuple[str | None, str]:
    """Return a hash of everything that the import of a model depends on, except the values of its tensors.

    The values of parameters and buffers are not part of the hash: the import does not depend on them, except for
    those buffers that `ImportedModel.fixed` names.

    Returns:
        The hash, None if something that the import may depend on cannot be hashed; and what that is.
    """
    try:
        return _identity_of(source), ""
    except Unknown as unknown:
        return None, str(unknown)
    except RecursionError:
        return None, "objects that are nested too deeply"


def _identity_of(source: TorchSource) -> str:
    if not isinstance(source.model, torch.nn.Module):
        raise Unknown(f"a {type(source.model).__name__}")
    modules = [module for module in (source.model, source.loss) if isinstance(module, torch.nn.Module)]
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    hasher = Hasher(map(id, tensors))
    hasher.visit(versions())
    for name, value in settings():
        hasher.visit(name)
        hasher.visit(value)
    hasher.visit(source.model)
    hasher.visit(source.loss)
    hasher.visit(source.on_nan)
    examples: tuple[Any, ...] = (source.inputs, source.kwargs, source.example_target)
    hasher.examples(examples)
    return hasher.digest()
