"""Assigns parameters to groups of optimizer settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.ir_text import quote
from ..errors import ArgumentError
from .optim import Optimizer, ParamGroup, from_torch
from .scheme import ParameterInfo, no_match

__all__ = ["OptimizerGroups"]


@dataclass(frozen=True)
class OptimizerGroups:
    """The optimizer's settings, resolved against a model.

    Attributes:
        optimizers: one per group; the first applies to parameters that no group names.
        of: parameter → index of its group, if not 0.
    """

    optimizers: tuple[Optimizer, ...]
    of: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def resolve(
        cls,
        optimizer: Any,
        parameters: Sequence[ParameterInfo],
        trained: Sequence[str],
        tensors: Iterable[tuple[str, object]] = (),
    ) -> OptimizerGroups:
        """Assign parameters to the groups of an optimizer, ours or torch's.

        Args:
            optimizer: an `Optimizer` or a ``torch.optim`` instance.
            parameters: the model's parameters.
            trained: the names of the parameters that the scheme trains.
            tensors: name and object of the parameters that a ``torch.optim`` instance may hold.

        Raises:
            ArgumentError: a glob matches nothing, or a torch optimizer does not hold a trained parameter.
        """
        if isinstance(optimizer, Optimizer):
            return cls(optimizer.per_group(), _by_glob(optimizer, parameters))
        held = _by_identity(optimizer, tensors)
        if missing := [name for name in trained if name not in held]:
            raise ArgumentError(
                f"optimizer: the scheme trains {', '.join(missing)}, but no parameter group of the "
                f"{type(optimizer).__name__} holds {'it' if len(missing) == 1 else 'them'}"
            )
        return cls(from_torch(optimizer), {name: index for name, index in held.items() if index})

    def attributes(self) -> dict[str, str]:
        """Return the module attributes with optimizers and groups."""
        if len(self.optimizers) == 1:
            return {"pock.optimizer": self.optimizers[0].to_attr()}
        entries = [f"{quote(name)} = {index} : i64" for name, index in self.of.items()]
        return {
            "pock.optimizer": "[" + ", ".join(optimizer.to_attr() for optimizer in self.optimizers) + "]",
            "pock.optimizer_group": "{" + ", ".join(entries) + "}",
        }

    def members(self, names: Sequence[str]) -> list[list[str]]:
        """Return, for each group, its members among the given parameters."""
        return [[name for name in names if self.of.get(name, 0) == index] for index in range(len(self.optimizers))]


def _by_glob(optimizer: Optimizer, parameters: Sequence[ParameterInfo]) -> dict[str, int]:
    """Map parameters to groups by globs; later groups win."""
    result: dict[str, int] = {}
    for index, group in enumerate(optimizer.groups, start=1):
        assert isinstance(group, ParamGroup)
        for glob in group.params:
            matched = [info.name for info in parameters if info.matches(glob)]
            if not matched:
                names = [info.name for info in parameters]
                raise ArgumentError(f"{type(optimizer).__name__}: groups: {no_match(glob, names)}")
            result |= dict.fromkeys(matched, index)
    return result


def _by_identity(optimizer: Any, tensors: Iterable[tuple[str, object]]) -> dict[str, int]:
    """Map parameters to groups by identity; a tied parameter counts under its first name, as in the IR."""
    names: dict[int, str] = {}
    for name, parameter in tensors:
        names.setdefault(id(parameter), name)
    return {
        names[id(parameter)]: index
        for index, group in enumerate(optimizer.param_groups)
        for parameter in group["params"]
        if id(parameter) in names
    }
