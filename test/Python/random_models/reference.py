"""Trains a random model by PyTorch in the same way as its compiled step."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

__all__ = ["ROUNDING", "Tensors", "loss_of", "train_torch"]

#: Relative, of float32.
ROUNDING = 2.0**-24
_SHAKE = 8 * ROUNDING

Tensors = dict[str, np.ndarray[Any, Any]]


class _Shaken(TorchDispatchMode):
    """Changes the results of operators, forward and backward, by a few float32 roundings.

    A change of data does not show every instability: a layer norm of two entries gives the same two numbers for all
    data, and roundings decide their order. All numbers are float32 numbers, and a result that needs no rounding
    does not change, so that copies of a number stay equal.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        # A result that shares memory with an operand has been computed by another operator.
        aliased = any(value.alias_info is not None for value in (*func._schema.arguments, *func._schema.returns))
        return result if aliased else tree_map(self._rounded, result)

    def _rounded(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        exact = value == value.to(torch.float32)
        return torch.where(exact, value, _shaken(value, self.generator))


def _shaken(value: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return float32 numbers, in the tensor's type, that differ by a few roundings from a tensor's."""
    noise = torch.rand(value.shape, generator=generator, dtype=value.dtype) * 2 - 1
    return (value * (1 + _SHAKE * noise)).to(torch.float32).to(value.dtype)


def train_torch(
    model: nn.Module,
    artifact: Any,
    batches: list[Any],
    scope: Mapping[str, Any],
    dtype: torch.dtype,
    shake: int = 0,
) -> Tensors:
    """Predict and run the steps in PyTorch, in an element type; return predictions, losses and parameters.

    Args:
        model: the model, which is not changed.
        artifact: the artifact of the compiled step, with its scheme and optimizer.
        batches: inputs and target of every step.
        scope: the program's names.
        dtype: the type of all computations.
        shake: if not zero, the seed of random changes of data and results by a few float32 roundings.
    """
    model = copy.deepcopy(model).to(dtype)
    generator = torch.Generator().manual_seed(shake)

    def convert_data(value: torch.Tensor) -> torch.Tensor:
        if not value.is_floating_point():
            return value
        return _shaken(value.to(dtype), generator) if shake else value.to(dtype)

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(convert_data(parameter))
    batches = [
        (tuple(map(convert_data, inputs)), None if target is None else convert_data(target))
        for inputs, target in batches
    ]
    found: Tensors = {}
    with _Shaken(generator) if shake else contextlib.nullcontext():
        if scope["LOSS"] is not None:
            modes = [(module, module.training) for module in model.modules()]
            with torch.no_grad():
                found["prediction"] = model.eval()(*batches[0][0]).numpy().copy()
            for module, mode in modes:
                module.training = mode
        _train(model, artifact, batches, scope, found)
    return found | {f"parameter {name}": value.detach().numpy().copy() for name, value in model.state_dict().items()}


def _train(model: nn.Module, artifact: Any, batches: list[Any], scope: Mapping[str, Any], found: Tensors) -> None:
    """Train a model by PyTorch with the step's scheme; record the losses."""
    training = artifact.training
    parameters = dict(model.named_parameters())
    slices = _slices(artifact, parameters)
    optimizer = scope["theirs"]([parameters[name] for name in slices])
    frozen = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    for i, (inputs, target) in enumerate(batches):
        loss = loss_of(scope["LOSS"], model(*inputs), target)
        found[f"loss {i}"] = loss.detach().numpy().copy()
        (loss / training.accumulate).backward()
        if (i + 1) % training.accumulate:
            continue
        trained = [parameters[name] for name in slices if parameters[name].grad is not None]
        for name, mask in slices.items():
            if parameters[name].grad is not None:
                # It may be zeros without memory, which a clone has.
                parameters[name].grad = parameters[name].grad.clone() * mask
        if training.clip_grad_value is not None:
            nn.utils.clip_grad_value_(trained, training.clip_grad_value)
        if training.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(trained, training.clip_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            for name, mask in slices.items():
                # Weight decay does not change the part that does not train.
                parameters[name].copy_(torch.where(mask.bool(), parameters[name], frozen[name]))


def _slices(artifact: Any, parameters: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return a mask for each parameter that the step trains, with ones for the trained part."""
    masks = {}
    for name, tensor in artifact.manifest.tensors.items():
        if name not in parameters or tensor.update == "none":
            continue
        mask = torch.zeros_like(parameters[name])
        if tensor.update == "full":
            mask[...] = 1
        else:
            axis, size = tensor.update
            mask.narrow(axis, 0, size)[...] = 1
        masks[name] = mask
    return masks


_LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "mse": functional.mse_loss,
    "l1": functional.l1_loss,
    "bce_with_logits": functional.binary_cross_entropy_with_logits,
    "cross_entropy": functional.cross_entropy,
}


def loss_of(loss: Any, output: torch.Tensor, target: Any) -> torch.Tensor:
    """Return the loss of an output."""
    if loss is None:
        return output
    return _LOSSES[loss](output, target) if isinstance(loss, str) else loss(output, target)
