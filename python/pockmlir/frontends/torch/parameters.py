"""Parameters and buffers of a model: names, aliases, initial values."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from ...api.quantization import Quantization
from ...api.scheme import ParameterInfo
from ...core.elements import numpy_dtype
from ...errors import ArgumentError
from ..common.declarations import Declarations
from .dtypes import DTYPES, NARROW

__all__ = ["Parameters", "array_of", "declared_values"]


def declared_values(model: torch.nn.Module, loss: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Return copies of the tensors of a model and its loss, by the names under which `Parameters` declares them."""
    return Parameters(model, loss if isinstance(loss, torch.nn.Module) else None).values


def array_of(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return a copy of a tensor's data, in a type in which code computes."""
    array = np.array(tensor.detach().cpu().resolve_conj().resolve_neg().numpy(), order="C", copy=True)
    return array.astype(numpy_dtype(NARROW[tensor.dtype])) if tensor.dtype in NARROW else array


class Parameters(Declarations):
    """All tensors that the pock module declares: parameters, buffers, large constants.

    ``adopted`` has the parameters that `adopt` has made, and ``complex_buffers`` the values of the buffers of complex
    numbers, which are compiled in.

    If a tensor object has several names, it is one symbol under its first name. Different
    tensors with equal values stay separate symbols.

    Args:
        model: the user's model.
        loss: the loss; if it is a module, its tensors are named ``loss.…``.

    Raises:
        ArgumentError: a tensor has no data, has an unsupported element type, or shares
            memory with another tensor.
    """

    def __init__(self, model: torch.nn.Module, loss: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.infos: list[ParameterInfo] = []
        self.aliases: dict[str, str] = {}
        self.adopted: list[str] = []
        self.complex_buffers: dict[str, np.ndarray[Any, Any]] = {}
        first: dict[int, str] = {}
        tensors: dict[str, torch.Tensor] = {}
        named = _named_tensors(model, "")
        if loss is not None:
            named += _named_tensors(loss, "loss.")
        for name, tensor, is_parameter in named:
            if id(tensor) in first:
                self.aliases[name] = first[id(tensor)]
                continue
            if name in tensors:
                raise ArgumentError(f"loss: its tensor '{name}' has the name of one of the model's")
            first[id(tensor)] = name
            tensors[name] = tensor
            self._declare(name, tensor, is_parameter)
        _require_disjoint(tensors)
        self.infos = [dataclasses.replace(info, aliases=self._aliases_of(info.name)) for info in self.infos]
        self._trainable = {info.name for info in self.infos if info.requires_grad}

    @property
    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """The initial values by name, also those of buffers that no code reads."""
        return super().values | self.complex_buffers

    def _aliases_of(self, name: str) -> tuple[str, ...]:
        return tuple(alias for alias, first in self.aliases.items() if first == name)

    def _declare(self, name: str, tensor: torch.Tensor, is_parameter: bool) -> None:
        what = "parameter" if is_parameter else "buffer"
        if tensor.is_meta or isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
            raise ArgumentError(f"model: {what} '{name}' has no data (meta or lazy tensor); initialize the model first")
        if tensor.dtype in (torch.complex64, torch.complex128) and not is_parameter:
            self.complex_buffers[name] = array_of(tensor)
            return
        if tensor.dtype.is_complex and is_parameter:
            raise ArgumentError(
                f"model: parameter '{name}' has dtype {tensor.dtype}; make its real and imaginary parts two parameters, "
                "and join them in the forward with torch.complex"
            )
        if tensor.dtype not in DTYPES:
            expected = ", ".join(str(dtype) for dtype in DTYPES)
            raise ArgumentError(f"model: {what} '{name}' has dtype {tensor.dtype}, but expected one of {expected}")
        self.declarations[name] = (array_of(tensor), is_parameter)
        if is_parameter:
            shape = tuple(tensor.shape)
            self.infos.append(ParameterInfo(name, shape, name.rpartition(".")[0], tensor.requires_grad))

    def adopt(self, name: str, value: torch.Tensor, quantization: Quantization | None) -> None:
        """Make a parameter of integers that a quantiser has frozen, in place of the real numbers of that name.

        Args:
            name: the name that the parameter had before.
            value: the integers, or real numbers.
            quantization: what the integers stand for.
        """
        name = self.canonical(name)
        self.adopted.append(name)
        self.declarations[name] = (array_of(value), True)
        if quantization is not None:
            self.quantize(name, quantization)
        if name not in {info.name for info in self.infos}:
            self.infos.append(ParameterInfo(name, tuple(value.shape), name.rpartition(".")[0], True))

    def rename(self, name: str, new: str) -> None:
        """Give a parameter another name; its old one remains an alias."""
        self.declarations = {new if key == name else key: value for key, value in self.declarations.items()}
        self.infos = [
            dataclasses.replace(info, name=new, aliases=(*info.aliases, name)) if info.name == name else info
            for info in self.infos
        ]
        self.aliases = {alias: new if first == name else first for alias, first in self.aliases.items()} | {name: new}

    def saved(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names of a model's saved state, with the parameters that were adopted for frozen tensors.

        Raises:
            ArgumentError: a checkpoint cannot contain one of the tensors.
        """
        names = tuple(names)
        for name in names:
            buffer = self.complex_buffers.get(self.canonical(name))
            if buffer is not None and buffer.dtype == np.complex128:
                raise ArgumentError(
                    f"model: buffer '{name}' has dtype torch.complex128, which checkpoints do not contain; register it with "
                    "persistent=False, or make it complex64"
                )
        if not self.adopted:
            return names
        kept = [name for name in names if name in self.declarations or name in self.aliases]
        return tuple(dict.fromkeys([*kept, *self.adopted]))

    def let_train(self) -> None:
        """Let the scheme alone decide which parameters train, whatever their ``requires_grad``."""
        self.infos = [dataclasses.replace(info, requires_grad=True) for info in self.infos]
        self._trainable = {info.name for info in self.infos}

    def canonical(self, name: str) -> str:
        """Return the symbol of a tensor for any of its names."""
        return self.aliases.get(name, name)

    def may_train(self, name: str) -> bool:
        """Return whether a tensor is a parameter that gradients may reach."""
        return name in self._trainable


def _named_tensors(module: torch.nn.Module, prefix: str) -> list[tuple[str, torch.Tensor, bool]]:
    """Triples of name, tensor, and whether it is a parameter; parameters first."""
    named = [(prefix + name, tensor, True) for name, tensor in module.named_parameters(remove_duplicate=False)]
    return named + [(prefix + name, tensor, False) for name, tensor in module.named_buffers(remove_duplicate=False)]


def _require_disjoint(tensors: dict[str, torch.Tensor]) -> None:
    """Raise an error for tensors that overlap in memory: updating one would have to change the other."""
    spans = []
    for name, tensor in tensors.items():
        if tensor.numel() == 0 or tensor.device.type != "cpu":
            continue
        extent = sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
        spans.append((tensor.data_ptr(), tensor.data_ptr() + extent * tensor.element_size(), name))
    spans.sort()
    for (_, end, name), (begin, _, other) in itertools.pairwise(spans):
        if begin < end:
            raise ArgumentError(
                f"model: '{name}' and '{other}' are different tensors that share memory; "
                "register one tensor under both names to tie them, or clone one to keep them apart"
            )
