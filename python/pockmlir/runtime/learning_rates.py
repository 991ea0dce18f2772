"""The learning rates of a call: given, the optimizer's, or what a torch scheduler set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..api.optim import Optimizer, plain_setting
from ..errors import ArgumentError

__all__ = ["LearningRates"]


class LearningRates:
    """One learning rate per parameter group.

    Args:
        optimizers: the settings that are compiled in, one per group.
        source: the ``torch.optim`` instance whose ``param_groups`` tell the rates, if there
            is one; schedulers of ``torch.optim.lr_scheduler`` write them there.
    """

    def __init__(self, optimizers: Sequence[Optimizer], source: Any = None) -> None:
        self._settings = [
            {name: value for name, value in optimizer.settings().items() if name != "lr"} for optimizer in optimizers
        ]
        self._defaults = [float(optimizer.lr) for optimizer in optimizers]
        self._source = source

    def of_call(self, given: object) -> list[float]:
        """Return the rate of every group; a given one, or one per group, wins.

        Raises:
            ArgumentError: a rate is no finite number >= 0, their number is wrong, or the torch
                optimizer has other settings than those compiled in.
        """
        if given is not None:
            return self._given(given)
        return self._defaults if self._source is None else self._current()

    def mark_stepped(self) -> None:
        """Tell schedulers that an update was made, so that they do not warn of the order of calls."""
        if self._source is not None:
            # What torch.optim.lr_scheduler.LRScheduler sets where it wraps optimizer.step.
            self._source._opt_called = True

    def _given(self, value: object) -> list[float]:
        count = len(self._defaults)
        if count == 1 or np.ndim(value) == 0:  # type: ignore[arg-type]
            return [_rate("lr", value)] * count
        values = list(value)  # type: ignore[call-overload]
        if len(values) != count:
            raise ArgumentError(f"lr: expected a number, or one for each of the {count} groups, but got {len(values)}")
        return [_rate(f"lr[{index}]", rate) for index, rate in enumerate(values)]

    def _current(self) -> list[float]:
        """Read the torch optimizer."""
        groups = self._source.param_groups
        if len(groups) != len(self._settings):
            raise ArgumentError(
                f"optimizer: it has {len(groups)} parameter groups now, but {len(self._settings)} are compiled in"
            )
        rates = []
        for index, (group, compiled) in enumerate(zip(groups, self._settings, strict=True)):
            for name, expected in compiled.items():
                found = plain_setting(group.get(name, expected))
                if found != expected:
                    raise ArgumentError(_changed(index, name, expected, found))
            rates.append(_rate(f"optimizer: lr of group {index}", group["lr"]))
        return rates


def _changed(index: int, name: str, expected: object, found: object) -> str:
    hint = "; OneCycleLR and CyclicLR need cycle_momentum=False" if name in ("momentum", "betas") else ""
    return (
        f"optimizer: {name} of group {index} is {found!r} now, but {expected!r} is compiled in: "
        f"only the learning rate may change from step to step{hint}"
    )


def _rate(name: str, value: object) -> float:
    """Return a learning rate, or raise an error that names it."""
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ArgumentError(f"{name}: expected a number, but got {value!r}") from None
    if not math.isfinite(rate) or rate < 0.0:
        raise ArgumentError(f"{name}: expected a finite number >= 0, but got {value!r}")
    return rate
