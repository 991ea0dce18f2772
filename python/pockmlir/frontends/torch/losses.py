"""Losses by name, and targets that fit them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from ...errors import ArgumentError
from .outputs import named_fields

__all__ = ["LOSSES", "Loss", "resolve_loss", "target_like"]

Loss: TypeAlias = Callable[[Any, Any], torch.Tensor]

LOSSES: dict[str, Loss] = {
    "cross_entropy": functional.cross_entropy,
    "mse": functional.mse_loss,
    "bce_with_logits": functional.binary_cross_entropy_with_logits,
    "l1": functional.l1_loss,
}
_CLASS_TARGET: tuple[Any, ...] = (functional.cross_entropy, functional.nll_loss)
_CLASS_TARGET_MODULES = (torch.nn.CrossEntropyLoss, torch.nn.NLLLoss)
_LIKE_OUTPUT: tuple[Any, ...] = (
    functional.mse_loss,
    functional.l1_loss,
    functional.binary_cross_entropy_with_logits,
    functional.smooth_l1_loss,
    functional.huber_loss,
)
_LIKE_OUTPUT_MODULES = (
    torch.nn.MSELoss,
    torch.nn.L1Loss,
    torch.nn.BCEWithLogitsLoss,
    torch.nn.SmoothL1Loss,
    torch.nn.HuberLoss,
)


def resolve_loss(loss: str | Loss | None) -> Loss | None:
    """Return the loss as a callable of output and target, None if the model returns the loss.

    Raises:
        ArgumentError: there is no such loss.
    """
    if loss is None:
        return None
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ArgumentError(f"loss: expected one of {', '.join(LOSSES)}, a callable or None, but got {loss!r}")
        function = LOSSES[loss]
        return lambda output, target: function(_single(output, loss), target)
    if not callable(loss):
        raise ArgumentError(f"loss: expected a name, a callable (output, target) or None, but got {loss!r}")
    return loss


def _single(output: Any, loss: str) -> torch.Tensor:
    """The argument of a named loss: the model's output, or its ``logits``."""
    if isinstance(output, torch.Tensor):
        return output
    fields = named_fields(output) or {}
    if isinstance(fields.get("logits"), torch.Tensor):
        return fields["logits"]
    size = f" of {len(output)}" if isinstance(output, list | tuple | dict) else ""
    raise ArgumentError(
        f"loss: '{loss}' needs a model that returns one tensor, or one called logits, but it returns a "
        f"{type(output).__name__}{size}; pass a callable (output, target) that picks one"
    )


def target_like(loss: str | Loss, outputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return an example target for the model's outputs.

    Raises:
        ArgumentError: the loss is a callable with an unknown target.
    """
    key = LOSSES[loss] if isinstance(loss, str) else loss
    output = next(iter(outputs.values())) if len(outputs) == 1 else None
    if isinstance(loss, str):
        output = outputs.get("logits", output)
    if output is not None:
        if key in _CLASS_TARGET or isinstance(key, _CLASS_TARGET_MODULES):
            # Classes are dimension 1; a vector is the logits of one sample.
            shape = output.shape[:1] + output.shape[2:] if output.dim() > 1 else ()
            return torch.zeros(tuple(shape), dtype=torch.int64)
        if key in _LIKE_OUTPUT or isinstance(key, _LIKE_OUTPUT_MODULES):
            return torch.zeros(tuple(output.shape), dtype=output.dtype)
    if isinstance(loss, str):
        raise ArgumentError(
            f"loss: '{loss}' needs a model that returns one tensor, or one called logits, but it returns "
            f"{', '.join(outputs) or 'none'}; pass a callable (output, target) that picks one"
        )
    raise ArgumentError(
        "target_example: needed when the loss is a callable; pass a tensor (or several, in a "
        "tuple or a dict) of the target's shape and dtype"
    )
