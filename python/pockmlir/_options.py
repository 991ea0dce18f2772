"""What `compile` is told about the step beside optimizer, scheme and target."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ._ir_text import quote
from .errors import ArgumentError
from .optim import mlir_float

__all__ = ["PRECISIONS", "Training", "check_seed"]

#: What activations, gradients and frozen weights are stored in.
PRECISIONS = ("f32", "bf16")


@dataclass(frozen=True)
class Training:
    """How numbers are stored, and what is done with gradients before the update.

    Attributes:
        accumulate: how many calls make one update.
        clip_grad_norm: the largest norm of all gradients together.
        clip_grad_value: the largest entry of a gradient.
        seed: of dropout.
        precision: of what is stored between kernels, one of `PRECISIONS`.
    """

    accumulate: int = 1
    clip_grad_norm: float | None = None
    clip_grad_value: float | None = None
    seed: int = 0
    precision: str = "f32"

    def __post_init__(self) -> None:
        count: object = self.accumulate
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ArgumentError(f"accumulate: expected a number of calls >= 1, but got {count!r}")
        for name in ("clip_grad_norm", "clip_grad_value"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise ArgumentError(f"{name}: expected a finite number > 0, but got {value!r}")
        check_seed(self.seed)
        if self.precision not in PRECISIONS:
            raise ArgumentError(f"precision: expected one of {', '.join(PRECISIONS)}, but got {self.precision!r}")

    def used(self) -> dict[str, float]:
        """Return accumulation and clipping, as far as used."""
        clipping = {"clip_grad_norm": self.clip_grad_norm, "clip_grad_value": self.clip_grad_value}
        result: dict[str, float] = {"accumulate": self.accumulate} if self.accumulate > 1 else {}
        return result | {name: value for name, value in clipping.items() if value is not None}

    def attributes(self) -> dict[str, str]:
        """Return the module attributes of what is used."""
        stored = {} if self.precision == "f32" else {"pock.precision": quote(self.precision)}
        return stored | {
            f"pock.{name}": f"{value} : i64" if name == "accumulate" else f"{mlir_float(value)} : f64"
            for name, value in self.used().items()
        }


def check_seed(value: object) -> int:
    """Return a seed, or raise an error that names it."""
    try:
        seed = value.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        seed = None
    if isinstance(value, bool) or seed is None or not -(2**63) <= seed < 2**63:
        raise ArgumentError(f"seed: expected an integer of 64 bits, but got {value!r}")
    return int(seed)
