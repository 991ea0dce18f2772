"""The arguments of `compile`, checked as far as that goes without looking into the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.ir_text import quote
from ..errors import ArgumentError, SchemeError
from ..support.c_names import c_identifier, require_c_identifier
from ..targets.target import Target
from .optim import Optimizer, from_torch
from .options import MemoryOptions, Training
from .scheme import Scheme
from .tuning import Tuning

__all__ = ["LOSSES", "Request", "example_inputs"]

#: Losses known by name; anything else is a callable in torch ops, or None.
LOSSES = ("cross_entropy", "mse", "l1", "bce_with_logits")


@dataclass(frozen=True)
class Request:
    """The checked arguments of `compile`.

    Attributes:
        name: prefix of the C functions.
        inputs: the model's positional arguments.
        kwargs: its keyword arguments.
        optimizer: ours, or a ``torch.optim`` instance.
        scheme: what trains.
        target: what to compile for, with its arithmetic and limits.
        training: accumulation, clipping, dropout's seed.
        tuning: choices for kernels, of all targets.
        memory: limit, and what is done to need less.
    """

    name: str
    inputs: tuple[Any, ...]
    kwargs: dict[str, Any]
    optimizer: Any
    scheme: Scheme
    target: Target
    training: Training
    tuning: Tuning
    memory: MemoryOptions

    @classmethod
    def check(
        cls,
        model: Any,
        inputs: Any,
        kwargs: Any,
        *,
        loss: Any,
        optimizer: Any,
        scheme: Any,
        target: Any,
        name: str | None,
        training: Training,
        tuning: Any = None,
        memory: Any = None,
        memory_limit: Any = None,
        arithmetic: Any = None,
        ram: Any = None,
        flash: Any = None,
    ) -> Request:
        """Check what can be checked without looking into the model.

        Raises:
            ArgumentError: an argument is not acceptable.
            SchemeError: the scheme trains nothing.
        """
        kind = type(model).__name__
        if isinstance(model, type) or not (hasattr(model, "named_parameters") or kind == "ExportedProgram"):
            given = f"the class {model.__name__}" if isinstance(model, type) else kind
            raise ArgumentError(f"model: expected a torch.nn.Module or a torch.export.ExportedProgram, but got {given}")
        if loss is not None and not callable(loss) and loss not in LOSSES:
            raise ArgumentError(f"loss: expected one of {', '.join(LOSSES)}, a callable or None, but got {loss!r}")
        target = Target.coerce(target, arithmetic=arithmetic, ram=ram, flash=flash)
        if name is None:
            name = c_identifier("model" if kind in ("ExportedProgram", "GraphModule") else kind)
        scheme = Scheme.coerce(scheme)
        if not scheme.rules:
            raise SchemeError("scheme: empty, nothing to train")
        if not (isinstance(optimizer, Optimizer) and optimizer.kind):
            from_torch(optimizer)
        positional, named = example_inputs(inputs, kwargs)
        prefix, choices = require_c_identifier(name), Tuning.coerce(tuning)
        options = MemoryOptions.coerce(memory, memory_limit)
        return cls(prefix, positional, named, optimizer, scheme, target, training, choices, options)

    @property
    def torch_optimizer(self) -> Any:
        """The optimizer if it is torch's, otherwise None."""
        return None if isinstance(self.optimizer, Optimizer) else self.optimizer

    def attributes(self) -> dict[str, str]:
        """Return the module attributes that do not depend on the model."""
        attributes = {"pock.name": quote(self.name), "pock.target": self.target.attributes}
        if self.target.arithmetic != "fast":
            attributes["pock.arithmetic"] = quote(self.target.arithmetic)
        return attributes | self.training.attributes() | self.tuning.attributes(self.target) | self.memory.attributes()


def example_inputs(inputs: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments; a single tensor need not be wrapped."""
    import numpy as np
    import torch

    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise ArgumentError(f"kwargs: expected a mapping of names to inputs, but got {type(kwargs).__name__}")
    named = dict(kwargs or {})
    if isinstance(inputs, Mapping):
        return (), {**inputs, **named}
    values = (inputs,) if isinstance(inputs, torch.Tensor | np.ndarray) else inputs
    if not isinstance(values, tuple | list) or not (values or named):
        raise ArgumentError(
            f"inputs: expected a tuple of example inputs, or a mapping of keyword inputs, but got {type(inputs).__name__}"
        )
    return tuple(values), named
