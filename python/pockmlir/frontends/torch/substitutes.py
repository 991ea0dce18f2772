"""Substitutes for functions of PyTorch that cannot be exported, in use during export."""

from __future__ import annotations

import contextlib
import keyword
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

__all__ = ["REPLAYED", "readable_names", "shapes_only", "substituted"]


@contextlib.contextmanager
def substituted() -> Iterator[None]:
    """Replace functions of PyTorch by substitutes that can be exported; restore them afterwards."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    # In eval mode, PyTorch may use one fused kernel for a whole encoder layer.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            readable_names(),
            _replaced(functional, "gaussian_nll_loss", _gaussian_nll_loss),
            _replaced(functional, "instance_norm", _instance_norm),
            _replaced(_BatchNorm, "forward", _batch_norm_forward),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)


@contextlib.contextmanager
def shapes_only() -> Iterator[None]:
    """Replace functions that take long on tensors without data by substitutes whose results have the same types."""
    with _replaced(functional, "batch_norm", _shape_of_batch_norm):
        yield


@contextlib.contextmanager
def readable_names() -> Iterator[None]:
    """Let the code that PyTorch generates for a graph read attributes whose names are Python keywords."""
    with _replaced(fx.graph, "_format_target", _format_target):
        yield


@contextlib.contextmanager
def _replaced(owner: Any, name: str, substitute: Callable[..., Any]) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, substitute)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _format_target(base: str, target: str) -> str:
    """Return the expression that reads a dotted name."""
    for name in target.split("."):
        plain = name.isidentifier() and not keyword.iskeyword(name)
        base = f"{base}.{name}" if plain else f"getattr({base}, {name!r})"
    return base


def _gaussian_nll_loss(
    input: torch.Tensor,
    target: torch.Tensor,
    var: torch.Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> torch.Tensor:
    """Compute `torch.nn.functional.gaussian_nll_loss` without its check of the variance's values."""
    if isinstance(var, float):
        var = var * torch.ones_like(input)
    if var.dim() == input.dim() - 1 and var.size() == input.size()[:-1]:
        var = var.unsqueeze(-1)
    # The clamp does not affect gradients, like PyTorch's clamp_ under no_grad.
    var = var + (var.clamp(min=eps) - var).detach()
    loss = 0.5 * (torch.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return {"mean": torch.mean, "sum": torch.sum, "none": torch.clone}[reduction](loss)


def _shape_of_batch_norm(
    input: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Return a tensor like the result of `torch.nn.functional.batch_norm`, which PyTorch composes of some 20 operators."""
    result = input.clone()
    if any(tensor is not None and tensor.requires_grad for tensor in (weight, bias)):
        return result if result.requires_grad else result.requires_grad_()
    return result


# Running statistics -------------------------------------------------------------------

_forward = _BatchNorm.forward
_plain_instance_norm = functional.instance_norm


def _batch_norm_forward(self: _BatchNorm, input: torch.Tensor) -> torch.Tensor:
    """Call the module; with ``momentum=None``, do not convert the count of batches to a Python number."""
    tracks = self.track_running_stats and self.running_mean is not None and self.num_batches_tracked is not None
    if self.momentum is not None or not self.training or not tracks:
        return _forward(self, input)
    assert self.running_mean is not None
    assert self.running_var is not None
    assert self.num_batches_tracked is not None
    self._check_input_dim(input)
    self.num_batches_tracked.add_(1)
    # With momentum one, the running statistics are set to those of the batch.
    mean, variance = torch.zeros_like(self.running_mean), torch.zeros_like(self.running_var)
    result = functional.batch_norm(input, mean, variance, self.weight, self.bias, True, 1.0, self.eps)
    with torch.no_grad():
        _move(self.running_mean, mean, 1.0 / self.num_batches_tracked.to(mean.dtype))
        _move(self.running_var, variance, 1.0 / self.num_batches_tracked.to(mean.dtype))
    return result


def _move(running: torch.Tensor, found: torch.Tensor, momentum: torch.Tensor | float) -> None:
    running.copy_(running * (1.0 - momentum) + found * momentum)


def _instance_norm(
    input: torch.Tensor,
    running_mean: torch.Tensor | None = None,
    running_var: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    """Compute `torch.nn.functional.instance_norm` with explicit updates of the running statistics."""
    if not use_input_stats or running_mean is None or running_var is None:
        return _plain_instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
    result = _plain_instance_norm(input, None, None, weight, bias, True, momentum, eps)
    with torch.no_grad():
        # PyTorch computes statistics per channel and sample, and keeps their means over samples.
        variance, mean = torch.var_mean(input.flatten(2), 2)
        _move(running_mean, mean.mean(0), momentum)
        _move(running_var, variance.mean(0), momentum)
    return result


def _replayed_instance_norm(
    input: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> torch.Tensor:
    return _instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


#: Operator in the graph of an exported program → the function that is exported in its place.
REPLAYED: dict[Any, Callable[..., Any]] = {torch.ops.aten.instance_norm.default: _replayed_instance_norm}
