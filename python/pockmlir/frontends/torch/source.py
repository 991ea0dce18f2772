"""Where a node of an exported graph comes from: module path and source line."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch
from torch import fx

__all__ = [
    "LOSS_PATH",
    "MODEL",
    "OWN_FOLDER",
    "TORCH_FOLDER",
    "module_path",
    "source_line",
    "strip_model",
    "tensor_name",
]

#: Under which name the exported wrappers hold the user's model.
MODEL = "model"
#: What stands for the module path of operators outside the model.
LOSS_PATH = "(loss)"

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
#: What the file names of PyTorch and of this package begin with.
TORCH_FOLDER = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
OWN_FOLDER = str(Path(os.path.abspath(__file__)).parents[2]) + os.sep


def strip_model(path: str) -> str | None:
    """Return a dotted path relative to the user's model, None if it is outside."""
    if path == MODEL:
        return ""
    return path[len(MODEL) + 1 :] if path.startswith(MODEL + ".") else None


def tensor_name(target: str) -> str:
    """Return the name that a tensor of the exported wrapper has in the user's model."""
    name = strip_model(target)
    return target if name is None else name


def module_path(node: fx.Node) -> str:
    """Return the path of the innermost module that a node belongs to, ``""`` for the model."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return LOSS_PATH
    # A module that is called again appears as `path@1`.
    path = re.sub(r"@\d+", "", stack[-1][0])
    if not str(stack[0][1]).startswith(f"{__package__}."):
        # Replayed from an exported program: the path is the model's own.
        return path
    inside = strip_model(path)
    return LOSS_PATH if inside is None else inside


def source_line(node: fx.Node) -> tuple[str, int] | None:
    """Return file and line of the innermost frame of the user's code."""
    frames = [(file, int(line)) for file, line in _FRAME.findall(node.meta.get("stack_trace") or "")]
    # Generated code has no file; our own wrapper says nothing to the user.
    frames = [frame for frame in frames if not frame[0].startswith(("<", OWN_FOLDER))]
    own = [frame for frame in frames if not os.path.abspath(frame[0]).startswith(TORCH_FOLDER)]
    named = own or frames
    return named[-1] if named else None
