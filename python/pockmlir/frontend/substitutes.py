"""Functions of PyTorch that cannot be exported as they are written, and what stands in for them meanwhile."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import torch
from torch.nn import functional

__all__ = ["substituted"]


@contextlib.contextmanager
def substituted() -> Iterator[None]:
    """Have PyTorch's modules use what can be exported; afterwards all is as before."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    gaussian = functional.gaussian_nll_loss
    # Eval mode may choose one fused kernel for a whole encoder layer.
    torch.backends.mha.set_fastpath_enabled(False)
    functional.gaussian_nll_loss = _gaussian_nll_loss  # type: ignore[assignment]
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
        functional.gaussian_nll_loss = gaussian


def _gaussian_nll_loss(
    input: torch.Tensor,
    target: torch.Tensor,
    var: torch.Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> torch.Tensor:
    """Return `torch.nn.functional.gaussian_nll_loss` without its look at the values of the variance."""
    if isinstance(var, float):
        var = var * torch.ones_like(input)
    if var.dim() == input.dim() - 1 and var.size() == input.size()[:-1]:
        var = var.unsqueeze(-1)
    # The limit is invisible to gradients, as PyTorch's clamp_ under no_grad is.
    var = var + (var.clamp(min=eps) - var).detach()
    loss = 0.5 * (torch.log(var) + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return {"mean": torch.mean, "sum": torch.sum, "none": torch.clone}[reduction](loss)
