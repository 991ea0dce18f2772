"""The origin of a node of an exported graph: module path and source line."""

from __future__ import annotations

import os
import re
from pathlib import Path

import torch
from torch import fx

from ...errors import UnsupportedOp

__all__ = [
    "LOSS_PATH",
    "MODEL",
    "OWN_FOLDER",
    "TORCH_FOLDER",
    "module_path",
    "source_line",
    "strip_model",
    "tensor_name",
    "unsupported_op",
]

#: The attribute of the exported wrappers that contains the user's model.
MODEL = "model"
#: The module path of operators outside the model.
LOSS_PATH = "(loss)"

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
#: Prefixes of the file names of PyTorch and of this package.
TORCH_FOLDER = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
OWN_FOLDER = str(Path(os.path.abspath(__file__)).parents[2]) + os.sep


def strip_model(path: str) -> str | None:
    """Return a dotted path relative to the user's model, None if the path is outside of the model."""
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
        # The node was replayed from an exported program, whose paths are relative to the model.
        return path
    inside = strip_model(path)
    return LOSS_PATH if inside is None else inside


def source_line(node: fx.Node) -> tuple[str, int] | None:
    """Return file and line of the innermost frame of the user's code."""
    frames = [(file, int(line)) for file, line in _FRAME.findall(node.meta.get("stack_trace") or "")]
    # Skip generated code, which has no file, and this package's wrapper, which the user does not know.
    frames = [frame for frame in frames if not frame[0].startswith(("<", OWN_FOLDER))]
    own = [frame for frame in frames if not os.path.abspath(frame[0]).startswith(TORCH_FOLDER)]
    named = own or frames
    return named[-1] if named else None


def unsupported_op(what: str, node: fx.Node, reason: str | None) -> UnsupportedOp:
    """Return the report of an unsupported operator, or of something else that is unsupported at a node."""
    source = source_line(node)
    return UnsupportedOp(what, module_path(node), source and f"{source[0]}:{source[1]}", reason)
