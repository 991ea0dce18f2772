"""The learning rates of a call: an argument, the optimizer's default, or a torch scheduler's."""

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
        source: a ``torch.optim`` instance, or None. Its ``param_groups`` hold the rates;
            schedulers of ``torch.optim.lr_scheduler`` write them there.
    """

    def __init__(self, optimizers: Sequence[Optimizer], source: Any = None) -> None:
        self._settings = [
            {name: value for name, value in optimizer.settings().items() if name != "lr"} for optimizer in optimizers
        ]
        self._defaults = [float(optimizer.lr) for optimizer in optimizers]
        self._source = source

    def of_call(self, given: object) -> list[float]:
        """Return the rate of every group; an argument (one rate, or one per group) wins.

        Raises:
            ArgumentError: a rate is not a finite number >= 0, the number of rates is wrong, or other
                settings of the torch optimizer differ from those compiled in.
        """
        if given is not None:
            return self._given(given)
        return self._defaults if self._source is None else self._current()

    def mark_stepped(self) -> None:
        """Mark an update as done in the torch optimizer, so that schedulers do not warn about the order of calls."""
        if self._source is not None:
            # torch.optim.lr_scheduler.LRScheduler sets this in its wrapper of optimizer.step.
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
        """Read the rates of the torch optimizer."""
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
    """Return the value as a learning rate; anything but a finite number >= 0 is an error."""
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ArgumentError(f"{name}: expected a number, but got {value!r}") from None
    if not math.isfinite(rate) or rate < 0.0:
        raise ArgumentError(f"{name}: expected a finite number >= 0, but got {value!r}")
    return rate
