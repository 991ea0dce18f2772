"""Counters of calls that the host keeps, in addition to the optimizer's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..api.optim import STEP_COUNTER
from ..artifact.artifact import Artifact
from ..artifact.manifest import Array
from ..errors import ArgumentError

__all__ = ["Counters"]

_MICRO_STEP = "optimizer.micro_step"
_DROPOUT_STEP = "dropout.step"
_DROPOUT_SEED = "dropout.seed"
#: Limit of the number of calls: float64 is exact up to here.
_MANY = 2**53


@dataclass
class Counters:
    """The position within an accumulation, and the numbers that dropout masks depend on.

    Attributes:
        accumulate: number of calls per update.
        dropout: whether a dropout layer is active.
        seed: seed of dropout.
        micro_step: number of calls that have been accumulated since the last update.
        calls: number of calls so far.
    """

    accumulate: int = 1
    dropout: bool = False
    seed: int = 0
    micro_step: int = 0
    calls: int = 0

    @classmethod
    def of(cls, artifact: Artifact) -> Counters:
        """Return the counters of a new step."""
        scalars = {spec.name for spec in artifact.manifest.functions["step"].scalars}
        return cls(artifact.training.accumulate, "random_seed" in scalars, artifact.training.seed)

    @property
    def updates(self) -> bool:
        """Whether the next call updates."""
        return self.micro_step + 1 == self.accumulate

    def advance(self) -> None:
        """Count a call."""
        self.micro_step = (self.micro_step + 1) % self.accumulate
        self.calls += 1

    def state(self) -> dict[str, Array]:
        """Return the counters that a resumed run needs, by name."""
        values = {_MICRO_STEP: self.micro_step} if self.accumulate > 1 else {}
        if self.dropout:
            values |= {_DROPOUT_STEP: self.calls, _DROPOUT_SEED: self.seed}
        return {name: np.array(value, np.int64) for name, value in values.items()}

    def check(self, state: Mapping[str, Array]) -> None:
        """Refuse impossible counts; other names are ignored.

        Raises:
            ArgumentError: a count is negative, or too large.
        """
        limits = {STEP_COUNTER: _MANY, _DROPOUT_STEP: _MANY, _MICRO_STEP: self.accumulate}
        for name, limit in limits.items():
            if name in state and not 0 <= int(state[name]) < limit:
                raise ArgumentError(f"{name}: expected a count in [0, {limit}), but got {int(state[name])}")

    def load(self, state: Mapping[str, Array]) -> None:
        """Continue from a checked state; other names in it are ignored."""
        if _MICRO_STEP in state:
            self.micro_step = int(state[_MICRO_STEP])
        if _DROPOUT_STEP in state:
            self.calls = int(state[_DROPOUT_STEP])
            self.seed = int(state[_DROPOUT_SEED])
