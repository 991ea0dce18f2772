"""What `compile` is told about the step beside optimizer, scheme and target."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ..core.ir_text import mlir_float, quote
from ..errors import ArgumentError
from ..support.sizes import parse_bytes

__all__ = ["ON_NAN", "PRECISIONS", "MemoryOptions", "Training", "check_seed"]

#: What activations, gradients and frozen weights are stored in.
PRECISIONS = ("f32", "bf16")

#: What becomes of a step whose loss is NaN or infinite.
ON_NAN = ("ignore", "error", "skip")


@dataclass(frozen=True)
class Training:
    """How numbers are stored, and what is done with gradients before the update.

    Attributes:
        accumulate: how many calls make one update.
        clip_grad_norm: the largest norm of all gradients together.
        clip_grad_value: the largest entry of a gradient.
        seed: of dropout.
        precision: of what is stored between kernels, one of `PRECISIONS`.
        on_nan: one of `ON_NAN`.
    """

    accumulate: int = 1
    clip_grad_norm: float | None = None
    clip_grad_value: float | None = None
    seed: int = 0
    precision: str = "f32"
    on_nan: str = "ignore"

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
        if self.on_nan not in ON_NAN:
            raise ArgumentError(f"on_nan: expected one of {', '.join(ON_NAN)}, but got {self.on_nan!r}")

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


@dataclass(frozen=True)
class MemoryOptions:
    """How much memory a step may take, and what the compiler does to need less.

    What a step computes does not depend on any of this by a bit; only where ops share other kernels without
    `recompute`, a sum in them may run in another order. The switches are for measuring what each brings, and for checks.

    Attributes:
        limit: of parameters, optimizer state and arena together (`Memory.total`): bytes, or a text like ``"64MB"`` with
            units of 1024. Where they need more, the compiler repeats work in the backward pass instead of keeping its
            result; see `Memory.recomputed_flops`.
        reorder: move updates right behind their gradients, and order launches for the least peak.
        recompute: let the backward pass run cheap forward operations (activations, normalisation of saved values) again
            where that keeps fewer bytes, limit or not.
        in_place: let elementwise kernels write over an operand that dies.
        reuse: let values share bytes of the arena that do not live at the same time.
        guard: bytes left free in front of and behind every value in the arena, rounded up to the alignment.
    """

    limit: int | str | None = None
    reorder: bool = True
    recompute: bool = True
    in_place: bool = True
    reuse: bool = True
    guard: int = 0

    def __post_init__(self) -> None:
        if self.limit is not None:
            object.__setattr__(self, "limit", parse_bytes("memory_limit", self.limit))
        for name in ("reorder", "recompute", "in_place", "reuse"):
            if not isinstance(getattr(self, name), bool):
                raise ArgumentError(f"memory.{name}: expected True or False, but got {getattr(self, name)!r}")
        object.__setattr__(self, "guard", parse_bytes("memory.guard", self.guard))

    @classmethod
    def coerce(cls, memory: object, limit: int | str | None) -> MemoryOptions:
        """Return the options, with a limit given apart; raise an error if there are two."""
        options = cls() if memory is None else memory
        if not isinstance(options, MemoryOptions):
            raise ArgumentError(f"memory: expected a pockmlir.MemoryOptions, but got {type(memory).__name__}")
        if limit is None:
            return options
        if options.limit is not None:
            raise ArgumentError("memory_limit: there is another one in memory.limit")
        return replace(options, limit=limit)

    def attributes(self) -> dict[str, str]:
        """Return the module attributes of what is used."""
        return {} if self.limit is None else {"pock.memory_limit": f"{self.limit} : i64"}

    def pipeline_options(self) -> dict[str, dict[str, str]]:
        """Return the options of each stage's pipeline that are not the default."""
        switches = {
            "schedule": {"reorder": self.reorder, "recompute": self.recompute},
            "kernels": {"reorder": self.reorder},
            "plan": {"reorder": self.reorder, "in-place": self.in_place, "reuse": self.reuse},
        }
        options = {stage: {name: "false" for name, on in of.items() if not on} for stage, of in switches.items()}
        if self.guard:
            options["plan"]["guard"] = str(self.guard)
        return {stage: used for stage, used in options.items() if used}


def check_seed(value: object) -> int:
    """Return a seed, or raise an error that names it."""
    try:
        seed = value.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        seed = None
    if isinstance(value, bool) or seed is None or not -(2**63) <= seed < 2**63:
        raise ArgumentError(f"seed: expected an integer of 64 bits, but got {value!r}")
    return int(seed)
