"""Optimizers: PyTorch's names, defaults and semantics, as compile-time descriptions.

The learning rate is a run-time input of the step; what stands here is its default.
Everything else is compiled into the step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from .errors import ArgumentError

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "from_torch"]

#: The optimizer state that is not per parameter: the number of steps taken, i64.
STEP_COUNTER = "optimizer.step"


def mlir_float(value: float) -> str:
    """Spell a finite float so that MLIR parses it back to the same value.

    >>> mlir_float(1e-8)
    '1.0e-08'
    """
    text = repr(float(value))
    mantissa, exponent_mark, exponent = text.partition("e")
    if "." not in mantissa:
        mantissa += ".0"
    return mantissa + exponent_mark + exponent


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
class Optimizer:
    """Base of the optimizers; use one of the subclasses."""

    #: The checkpoint's and the report's name of the update rule.
    kind: ClassVar[str] = ""

    lr: float = 1e-3

    def to_attr(self) -> str:
        """Return the MLIR attribute that stands for this optimizer."""
        raise NotImplementedError

    def state_names(self, parameter: str) -> tuple[str, ...]:
        """Return the names of the state tensors that a trained parameter has."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and all settings, for reports and checkpoints."""
        return {"kind": self.kind} | {f.name: getattr(self, f.name) for f in fields(self)}

    def __str__(self) -> str:
        settings = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
        return f"{type(self).__name__}({settings})"


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


def from_torch(optimizer: Any) -> Optimizer:
    """Return the description of a ``torch.optim`` SGD, Adam or AdamW instance.

    Its state is not taken over. Which parameters train is the scheme's business: the
    instance must have one parameter group.

    Raises:
        ArgumentError: another optimizer, several groups, or an option without counterpart.
    """
    kinds: dict[str, type[Optimizer]] = {"SGD": SGD, "Adam": Adam, "AdamW": AdamW}
    cls = type(optimizer)
    if not cls.__module__.startswith("torch.optim") or cls.__name__ not in kinds:
        given = f"{cls.__module__}.{cls.__qualname__}"
        raise ArgumentError(f"optimizer: expected {', '.join(kinds)} of pockmlir or torch.optim, but got {given}")
    if len(optimizer.param_groups) != 1:
        raise ArgumentError(
            f"optimizer: expected one parameter group, but got {len(optimizer.param_groups)}; "
            "say what trains with a scheme"
        )
    group = optimizer.param_groups[0]
    kind = AdamW if group.get("decoupled_weight_decay") else kinds[cls.__name__]
    known = {f.name for f in fields(kind)}
    settings = {key: value.item() if hasattr(value, "item") else value for key, value in group.items() if key in known}
    if isinstance(settings.get("betas"), Sequence):
        settings["betas"] = tuple(b.item() if hasattr(b, "item") else b for b in settings["betas"])
    return kind(**settings)
