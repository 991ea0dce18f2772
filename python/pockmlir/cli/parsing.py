"""Parses the arguments of the command line: models, schemes, optimizers, losses, data."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..api.optim import SGD, Adam, AdamW, Optimizer
from ..api.scheme import Scheme
from ..api.source import LOSSES
from ..artifact.manifest import Array
from ..errors import ArgumentError
from ..frontends.pt2.archive import load_exported
from ..support.needs import require_torch

__all__ = ["load_data", "load_loss", "load_model", "parse_optimizer", "parse_scheme"]

_OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


def _load_attribute(reference: str, what: str) -> Any:
    """Run ``file.py`` and return its attribute for the reference ``file.py:attribute``."""
    file, _, attribute = reference.rpartition(":")
    path = Path(file)
    if path.suffix != ".py" or not path.is_file():
        raise ArgumentError(f"{what}: expected an existing file.py:name, but got {reference!r}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"{what}: {path} is not a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))  # like a script, the file may import its neighbours
    sys.modules.setdefault(path.stem, module)
    spec.loader.exec_module(module)
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = ", ".join(name for name in vars(module) if not name.startswith("_"))
        raise ArgumentError(f"{what}: {path} has no {attribute!r}; it has {names}") from None


def load_model(reference: str, input_shapes: Sequence[str]) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Return a model, its positional example inputs, and its keyword example inputs.

    Args:
        reference: ``file.py:factory``, where the factory is a function without arguments that returns the model
            or (model, example inputs); this runs the file. Or an exported ``.pt2``, from which no code is run.
        input_shapes: ``8x3x32x32`` or ``8x16:int64``, ``name=8x16:int64`` for keyword inputs; for a model
            without example inputs.
    """
    inputs: Any = None
    kwargs: dict[str, Any] = {}
    if reference.endswith(".pt2"):
        try:
            model = load_exported(reference)
        except OSError as error:
            raise ArgumentError(f"model: cannot read {reference}: {error.strerror}") from None
        inputs, kwargs = model.example_inputs
    else:
        model = _load_attribute(reference, "model")()
        if isinstance(model, tuple):
            if len(model) != 2:
                raise ArgumentError(
                    f"model: {reference} must return a model or (model, inputs), not {len(model)} values"
                )
            model, inputs = model
    if input_shapes:
        named = [(text.rpartition("=")[0], _example(text.rpartition("=")[2])) for text in input_shapes]
        inputs = tuple(tensor for name, tensor in named if not name)
        kwargs = {name: tensor for name, tensor in named if name}
    if inputs is None:
        raise ArgumentError(f"model: {reference} comes without example inputs; say --input 8x3x32x32")
    if isinstance(inputs, Mapping):
        return model, (), {**inputs, **kwargs}
    return model, tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,), kwargs


def _example(text: str) -> Any:
    """Return a tensor for ``8x3x32x32[:dtype]``."""
    require_torch("--input")
    import torch

    shape_text, _, dtype_name = text.partition(":")
    dtype = getattr(torch, dtype_name or "float32", None)
    try:
        shape = [int(size) for size in shape_text.split("x")]
    except ValueError:
        shape = []
    if not shape or min(shape) < 1 or not isinstance(dtype, torch.dtype):
        raise ArgumentError(f"--input: expected a shape such as 8x3x32x32 or 8x16:int64, but got {text!r}")
    return torch.zeros(shape, dtype=dtype)


def parse_scheme(texts: Sequence[str]) -> Scheme:
    """Combine schemes: ``full``, ``frozen``, ``last:2``, ``bias_only[:8]``, ``glob=fraction``, JSON, ``@file``."""
    scheme = Scheme()
    for text in texts:
        scheme |= _parse_one_scheme(text.strip())
    return scheme


def _parse_one_scheme(text: str) -> Scheme:
    if text.startswith("@"):
        try:
            content = Path(text[1:]).read_text()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ArgumentError(f"--scheme: cannot read {text[1:]}: {reason}") from None
        return Scheme.from_json(content)
    if text.startswith("{"):
        return Scheme.from_json(text)
    if "=" in text:
        pattern, _, fraction = text.rpartition("=")
        try:
            return Scheme({pattern: float(fraction)})
        except ValueError as error:
            if isinstance(error, ArgumentError):
                raise
            raise ArgumentError(f"--scheme: expected glob=fraction, but got {text!r}") from None
    kind, _, count_text = text.partition(":")
    if count_text and not count_text.isdigit():
        raise ArgumentError(f"--scheme: expected a number of layers, but got {text!r}")
    count = int(count_text) if count_text else None
    if kind in ("full", "frozen") and count is None:
        return Scheme.full() if kind == "full" else Scheme.frozen()
    if kind == "last" and count is not None:
        return Scheme.last(count)
    if kind == "bias_only":
        return Scheme.bias_only(count)
    raise ArgumentError(
        f"--scheme: expected full, frozen, last:N, bias_only[:N], glob=fraction, JSON or @file, but got {text!r}"
    )


def parse_optimizer(kind: str, lr: float | None, settings: Sequence[str]) -> Optimizer:
    """Return an optimizer for its name, learning rate and ``key=value`` settings."""
    values: dict[str, Any] = {} if lr is None else {"lr": lr}
    for setting in settings:
        key, equals, text = setting.partition("=")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            equals = ""
        if not equals:
            raise ArgumentError(f"-O: expected key=value such as momentum=0.9 or nesterov=true, but got {setting!r}")
        values[key] = tuple(value) if isinstance(value, list) else value
    try:
        return _OPTIMIZERS[kind](**values)
    except TypeError:
        known = ", ".join(field.name for field in fields(_OPTIMIZERS[kind]))
        raise ArgumentError(f"-O: {kind} has the settings {known}, but got {', '.join(values)}") from None


def load_loss(text: str) -> str | Callable[..., Any] | None:
    """Return a loss for its name, ``none``, or ``file.py:function``."""
    if text == "none":
        return None
    if text in LOSSES:
        return text
    if ":" not in text:
        raise ArgumentError(f"--loss: expected {', '.join(LOSSES)}, none or file.py:function, but got {text!r}")
    loss: Callable[..., Any] = _load_attribute(text, "--loss")
    return loss


def load_data(path: Path) -> dict[str, Array]:
    """Return the arrays of an .npz file: ``x`` and ``y``, or one per input of the step; ``…_test`` likewise."""
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("this is one array")
        with file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # zipfile, zlib and numpy raise many types of errors for damaged files
        raise ArgumentError(f"{path}: expected an .npz file: {error}") from None
