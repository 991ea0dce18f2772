"""Finds the current line of the user's code and the current module while a model is traced."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import torch

from .source import OWN_FOLDER, TORCH_FOLDER

__all__ = ["describe_function", "is_users", "place_of_call"]


def is_users(frame: FrameType) -> bool:
    """Return whether a frame runs code of the user, not of PyTorch or this package."""
    name = frame.f_code.co_filename
    return not name.startswith("<") and not os.path.abspath(name).startswith((TORCH_FOLDER, OWN_FOLDER))


def place_of_call(modules: Mapping[int, str]) -> str:
    """Describe the current place in the user's code: the innermost module that is being called, and the line.

    Args:
        modules: ``id`` of a module → its path.
    """
    frame: FrameType | None = sys._getframe(1)
    line, path = "", None
    while frame is not None and path is None:
        if not line and is_users(frame):
            line = f" at {frame.f_code.co_filename}:{frame.f_lineno}"
        owner = frame.f_locals.get("self")
        path = modules.get(id(owner)) if isinstance(owner, torch.nn.Module) else None
        frame = frame.f_back
    where = f" in {path or '(model)'}" if path is not None else ""
    return where + line


def describe_function(function: Any) -> str:
    """Describe a function or callable of the user by its name and the line of its definition."""
    inner = getattr(function, "func", function)
    inner = getattr(inner, "__func__", inner)
    name = getattr(inner, "__qualname__", type(inner).__qualname__)
    code = getattr(inner, "__code__", None)
    return f"'{name}'" + (f" ({code.co_filename}:{code.co_firstlineno})" if code else "")
