"""Records who reads `torch.nn.Module.training` while a model is traced."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Iterator
from typing import Any

import torch

from .source import TORCH_FOLDER

__all__ = ["ModeReads", "mode_reads"]

#: Layers whose operators say in which mode they are, so that `in_evaluation_mode` can change it afterwards.
_LAYERS = frozenset(
    layer.forward.__code__ for layer in (torch.nn.modules.batchnorm._BatchNorm, torch.nn.modules.dropout.Dropout)
)
#: Layers are in this folder; the rest of PyTorch reads the mode for its own purposes.
_LAYER_FOLDER = os.path.join(TORCH_FOLDER, "nn") + os.sep


class ModeReads:
    """A data descriptor in place of the attribute ``training``.

    Attributes:
        decisive: whether code read that it is in training mode, and may have acted on it.
    """

    def __init__(self) -> None:
        self.decisive = False

    def __get__(self, module: torch.nn.Module | None, owner: type) -> Any:
        if module is None:
            raise AttributeError(f"type object '{owner.__name__}' has no attribute 'training'")
        try:
            value = module.__dict__["training"]
        except KeyError:
            raise AttributeError(f"'{type(module).__name__}' object has no attribute 'training'") from None
        if value and _may_act(sys._getframe(1).f_code):
            self.decisive = True
        return value

    def __set__(self, module: torch.nn.Module, value: Any) -> None:
        module.__dict__["training"] = value

    def __delete__(self, module: torch.nn.Module) -> None:
        del module.__dict__["training"]


def _may_act(code: types.CodeType) -> bool:
    file = code.co_filename
    return code not in _LAYERS and (not file.startswith(TORCH_FOLDER) or file.startswith(_LAYER_FOLDER))


@contextlib.contextmanager
def mode_reads() -> Iterator[ModeReads]:
    """Yield the record of reads within the context."""
    reads = ModeReads()
    torch.nn.Module.training = reads
    try:
        yield reads
    finally:
        del torch.nn.Module.training
