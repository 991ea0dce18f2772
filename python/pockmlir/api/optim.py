"""Optimizers: PyTorch's names, defaults and semantics, as compile-time descriptions.

The learning rate is a run-time input of the step; the attribute ``lr`` is its default.
All other settings are compiled into the step. Groups give some parameters other settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar

from ..core.ir_text import mlir_float
from ..errors import ArgumentError

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "ParamGroup", "from_torch", "plain_setting"]

_Self = TypeVar("_Self", bound="Optimizer")

#: Name of the only optimizer state that belongs to no parameter: the number of updates, i64.
STEP_COUNTER = "optimizer.step"


def _require_number(owner: str, name: str, value: object, *, below: float = math.inf) -> float:
    """Return ``value`` as a float in [0, below), or raise an error that names it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArgumentError(f"{owner}: {name} must be a number, but got {value!r}")
    number = float(value)
    if not math.isfinite(number) or number < 0.0 or number >= below:
        bound = "a finite number >= 0" if below == math.inf else f"in [0, {below:g})"
        raise ArgumentError(f"{owner}: {name} must be {bound}, but got {value!r}")
    return number


def _require_flags(owner: str, **flags: object) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ArgumentError(f"{owner}: {name} must be True or False, but got {value!r}")


@dataclass(frozen=True)
class ParamGroup:
    """Settings that replace the optimizer's own for some parameters.

    Attributes:
        params: globs over parameter names.
        settings: (name, value) of each setting that differs.
    """

    params: tuple[str, ...]
    settings: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, owner: str, entry: object) -> ParamGroup:
        """Read ``{"params": globs, setting: value, …}``.

        Raises:
            ArgumentError: the entry is no mapping, or has no globs.
        """
        if isinstance(entry, ParamGroup):
            return entry
        if not isinstance(entry, Mapping) or "params" not in entry:
            raise ArgumentError(f'{owner}: a group is {{"params": globs, setting: value, …}}, but got {entry!r}')
        globs = [entry["params"]] if isinstance(entry["params"], str) else entry["params"]
        if not isinstance(globs, Sequence) or not globs or not all(isinstance(glob, str) and glob for glob in globs):
            raise ArgumentError(
                f"{owner}: params of a group are globs over parameter names, but got {entry['params']!r}"
            )
        settings = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.items() if key != "params"}
        return cls(tuple(globs), tuple(settings.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return the group as the mapping that `of` reads."""
        return {"params": list(self.params)} | dict(self.settings)


@dataclass(frozen=True)
class Optimizer:
    """Base of the optimizers; use one of the subclasses.

    Attributes:
        lr: the default learning rate of a call.
        groups: settings for the parameters that globs match; later entries win.
    """

    #: Name of the update rule in checkpoints and reports.
    kind: ClassVar[str] = ""

    lr: float = 1e-3
    groups: Sequence[ParamGroup | Mapping[str, Any]] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        owner = type(self).__name__
        groups: object = self.groups
        if not isinstance(groups, list | tuple):
            raise ArgumentError(f"{owner}: groups is a list of mappings, but got {groups!r}")
        object.__setattr__(self, "groups", tuple(ParamGroup.of(owner, entry) for entry in groups))
        self.per_group()

    def per_group(self: _Self) -> tuple[_Self, ...]:
        """Return the settings of every group: first the optimizer's own, then one per entry of ``groups``.

        >>> [str(o) for o in SGD(lr=0.1, groups=[{"params": "*.bias", "lr": 0.2}]).per_group()][1][:11]
        'SGD(lr=0.2,'
        """
        known = [f.name for f in fields(self) if f.name != "groups"]
        result = [self if not self.groups else replace(self, groups=())]
        for group in self.groups:
            assert isinstance(group, ParamGroup)
            settings = dict(group.settings)
            if unknown := [key for key in settings if key not in known]:
                raise ArgumentError(
                    f"{type(self).__name__}: a group may set {', '.join(known)}, but got {', '.join(unknown)}"
                )
            result.append(replace(self, groups=(), **settings))
        return tuple(result)

    def to_attr(self) -> str:
        """Return the MLIR attribute of this optimizer, as text."""
        raise NotImplementedError

    def state_names(self, parameter: str) -> tuple[str, ...]:
        """Return the names of the state tensors that a trained parameter has."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and all settings, for reports and checkpoints."""
        result = {"kind": self.kind} | self.settings()
        if self.groups:
            result["groups"] = [group.to_dict() for group in self.groups if isinstance(group, ParamGroup)]
        return result

    def settings(self) -> dict[str, Any]:
        """Return the optimizer's own settings by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "groups"}

    def __str__(self) -> str:
        settings = ", ".join(f"{key}={value!r}" for key, value in self.settings().items())
        groups = f", groups={self.to_dict()['groups']!r}" if self.groups else ""
        return f"{type(self).__name__}({settings}{groups})"


def _attr(mnemonic: str, settings: Mapping[str, float | bool]) -> str:
    """Print ``#pock.mnemonic<key = value, …>`` with every key."""
    parts = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else mlir_float(value)}"
        for key, value in settings.items()
    ]
    return f"#pock.{mnemonic}<{', '.join(parts)}>"


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, as ``torch.optim.SGD``.

    >>> SGD(lr=0.05, momentum=0.9).kind
    'sgd'
    """

    kind: ClassVar[str] = "sgd"

    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    maximize: bool = False

    def __post_init__(self) -> None:
        for name in ("lr", "momentum", "weight_decay"):
            _require_number("SGD", name, getattr(self, name))
        # PyTorch accepts a negative dampening; so do we.
        dampening: object = self.dampening
        if isinstance(dampening, bool) or not isinstance(dampening, int | float) or not math.isfinite(dampening):
            raise ArgumentError(f"SGD: dampening must be a finite number, but got {self.dampening!r}")
        _require_flags("SGD", nesterov=self.nesterov, maximize=self.maximize)
        if self.nesterov and (self.momentum <= 0 or self.dampening != 0):
            raise ArgumentError(
                "SGD: nesterov needs momentum > 0 and dampening = 0, "
                f"but got momentum={self.momentum!r}, dampening={self.dampening!r}"
            )
        super().__post_init__()

    def to_attr(self) -> str:
        """Return ``#pock.sgd<…>``."""
        return _attr(
            "sgd",
            {
                "momentum": float(self.momentum),
                "dampening": float(self.dampening),
                "weight_decay": float(self.weight_decay),
                "nesterov": self.nesterov,
                "maximize": self.maximize,
            },
        )

    def state_names(self, parameter: str) -> tuple[str, ...]:
        """Return the momentum buffer's name, if there is momentum."""
        return (f"{parameter}.momentum_buffer",) if self.momentum else ()


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam, as ``torch.optim.Adam``.

    >>> Adam().state_names("fc.weight")
    ('fc.weight.exp_avg', 'fc.weight.exp_avg_sq')
    """

    kind: ClassVar[str] = "adam"
    decoupled: ClassVar[bool] = False

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    maximize: bool = False

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name in ("lr", "eps", "weight_decay"):
            _require_number(owner, name, getattr(self, name))
        betas: object = self.betas
        if not isinstance(betas, Sequence) or isinstance(betas, str) or len(betas) != 2:
            raise ArgumentError(f"{owner}: betas must be a pair of numbers, but got {betas!r}")
        for index, beta in enumerate(betas):
            _require_number(owner, f"betas[{index}]", beta, below=1.0)
        object.__setattr__(self, "betas", (float(betas[0]), float(betas[1])))
        _require_flags(owner, amsgrad=self.amsgrad, maximize=self.maximize)
        super().__post_init__()

    def to_attr(self) -> str:
        """Return ``#pock.adam<…>``; ``decoupled`` tells AdamW from Adam."""
        return _attr(
            "adam",
            {
                "beta1": self.betas[0],
                "beta2": self.betas[1],
                "eps": float(self.eps),
                "weight_decay": float(self.weight_decay),
                "amsgrad": self.amsgrad,
                "maximize": self.maximize,
                "decoupled": self.decoupled,
            },
        )

    def state_names(self, parameter: str) -> tuple[str, ...]:
        """Return the names of the moments."""
        moments = ("exp_avg", "exp_avg_sq") + (("max_exp_avg_sq",) if self.amsgrad else ())
        return tuple(f"{parameter}.{moment}" for moment in moments)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay, as ``torch.optim.AdamW``."""

    kind: ClassVar[str] = "adamw"
    decoupled: ClassVar[bool] = True

    weight_decay: float = 1e-2


def from_torch(optimizer: Any) -> tuple[Optimizer, ...]:
    """Return the settings of every parameter group of a ``torch.optim`` SGD, Adam or AdamW.

    Raises:
        ArgumentError: it is another optimizer, or has hooks on its steps.
    """
    kinds: dict[str, type[Optimizer]] = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW}
    cls = type(optimizer)
    if not cls.__module__.startswith("torch.optim") or cls.__name__ not in kinds:
        given = f"{cls.__module__}.{cls.__qualname__}"
        raise ArgumentError(f"optimizer: expected {', '.join(kinds)} of pockmlir or torch.optim, but got {given}")
    for when in ("pre", "post"):
        if getattr(optimizer, f"_optimizer_step_{when}_hooks", None):
            raise ArgumentError(
                f"optimizer: it has a hook of register_step_{when}_hook, which a compiled step cannot run; remove it, "
                "and do what it does around the calls of the step"
            )
    result = []
    for group in optimizer.param_groups:
        kind = AdamW if group.get("decoupled_weight_decay") else kinds[cls.__name__]
        known = {f.name for f in fields(kind)}
        result.append(kind(**{key: plain_setting(value) for key, value in group.items() if key in known}))
    return tuple(result)


def plain_setting(value: Any) -> Any:
    """Return a setting of a torch optimizer as plain data: tensors of one element become numbers."""
    if isinstance(value, list | tuple):
        return tuple(map(plain_setting, value))
    return value.item() if hasattr(value, "item") else value
