"""Options of `compile` about the step, except optimizer, scheme and target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..core.ir_text import mlir_float, quote
from ..errors import ArgumentError
from ..support.sizes import parse_bytes

__all__ = ["GRADIENTS", "ON_NAN", "PRECISIONS", "ROUNDINGS", "MemoryOptions", "Training", "check_seed"]

#: Element types that activations, gradients and frozen weights can be stored in; ``int8`` is for quantised models.
PRECISIONS = ("f32", "bf16", "f16", "int8")

#: How a change of a parameter that is stored as integers becomes an integer.
ROUNDINGS = ("stochastic", "nearest")

#: What products with quantised layers read gradients as; ``float16`` is for processors with Helium.
GRADIENTS = ("float32", "int16", "float16")

#: Reactions to a loss that is NaN or infinite.
ON_NAN = ("ignore", "error", "skip")


@dataclass(frozen=True)
class Training:
    """How values are stored, and how gradients are processed before the update.

    Attributes:
        accumulate: number of calls per update.
        clip_grad_norm: limit of the norm of all gradients together; None means no limit.
        clip_grad_value: limit of the absolute value of a gradient's entries; None means no limit.
        seed: seed of dropout, a 64-bit integer.
        precision: storage of values between kernels, one of `PRECISIONS`.
        on_nan: one of `ON_NAN`.
        rounding: one of `ROUNDINGS`.
        gradients: one of `GRADIENTS`.
    """

    accumulate: int = 1
    clip_grad_norm: float | None = None
    clip_grad_value: float | None = None
    seed: int = 0
    precision: str = "f32"
    on_nan: str = "ignore"
    rounding: str = "stochastic"
    gradients: str = "float32"

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
        if self.rounding not in ROUNDINGS:
            raise ArgumentError(f"rounding: expected one of {', '.join(ROUNDINGS)}, but got {self.rounding!r}")
        if self.gradients not in GRADIENTS:
            raise ArgumentError(f"gradients: expected one of {', '.join(GRADIENTS)}, but got {self.gradients!r}")
        if self.gradients != "float32" and self.precision == "bf16":
            # The largest entry would be that of float32 numbers, and others could be rounded up above it.
            raise ArgumentError(
                f"gradients: {self.gradients!r} needs gradients that are stored in float32, but precision is 'bf16'"
            )

    def used(self) -> dict[str, float]:
        """Return the settings of accumulation and clipping that are in use."""
        clipping = {"clip_grad_norm": self.clip_grad_norm, "clip_grad_value": self.clip_grad_value}
        result: dict[str, float] = {"accumulate": self.accumulate} if self.accumulate > 1 else {}
        return result | {name: value for name, value in clipping.items() if value is not None}

    def attributes(self) -> dict[str, str]:
        """Return the module attributes of the settings that are in use."""
        # The layers of a quantised model say themselves that they are int8.
        stored = {"pock.precision": quote(self.precision)} if self.precision in ("bf16", "f16") else {}
        if self.rounding != Training.rounding:
            stored["pock.rounding"] = quote(self.rounding)
        if self.gradients != "float32":
            stored["pock.gradients"] = quote("i16" if self.gradients == "int16" else "f16")
        return stored | {
            f"pock.{name}": f"{value} : i64" if name == "accumulate" else f"{mlir_float(value)} : f64"
            for name, value in self.used().items()
        }


@dataclass(frozen=True)
class MemoryOptions:
    """A memory limit, and switches of the measures that save memory.

    Results are the same bits with any setting, with one exception: without `recompute`, operations may be grouped into
    other kernels, and a sum in them may run in another order. The switches are for measurements and checks.

    Attributes:
        limit: limit of parameters, optimizer state and arena together (`Memory.total`), in bytes, or a text like
            ``"64MB"`` with units of 1024. If the step needs more, the compiler recomputes values in the backward pass
            instead of keeping them; see `Memory.recomputed_flops`.
        reorder: move each update directly behind its gradient, and order launches for the lowest peak.
        recompute: let the backward pass run cheap forward operations (activations, normalisation of saved values) again
            if that saves bytes, with or without a limit.
        in_place: let elementwise kernels write over an operand that dies.
        reuse: let values that do not live at the same time share bytes of the arena.
        guard: bytes left free before and after every value in the arena, rounded up to the alignment.
        inputs_in_arena: place the model's inputs in the arena, where a call overwrites them once they are not needed;
            the caller writes them there. For microcontrollers, where an image and a copy of it do not fit.
    """

    limit: int | str | None = None
    reorder: bool = True
    recompute: bool = True
    in_place: bool = True
    reuse: bool = True
    guard: int = 0
    inputs_in_arena: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None:
            object.__setattr__(self, "limit", parse_bytes("memory_limit", self.limit))
        for name in ("reorder", "recompute", "in_place", "reuse", "inputs_in_arena"):
            if not isinstance(getattr(self, name), bool):
                raise ArgumentError(f"memory.{name}: expected True or False, but got {getattr(self, name)!r}")
        object.__setattr__(self, "guard", parse_bytes("memory.guard", self.guard))

    @classmethod
    def coerce(cls, memory: object, limit: int | str | None) -> MemoryOptions:
        """Return the options with a limit that is given separately; two limits are an error."""
        options = cls() if memory is None else memory
        if not isinstance(options, MemoryOptions):
            raise ArgumentError(f"memory: expected a pockmlir.MemoryOptions, but got {type(memory).__name__}")
        if limit is None:
            return options
        if options.limit is not None:
            raise ArgumentError("memory_limit: there is another one in memory.limit")
        return replace(options, limit=limit)

    def attributes(self, inputs: Sequence[str] = ()) -> dict[str, str]:
        """Return the module attributes of the settings that are in use, for a model with these inputs."""
        limit = {} if self.limit is None else {"pock.memory_limit": f"{self.limit} : i64"}
        placed = {"pock.arena_inputs": f"[{', '.join(map(quote, inputs))}]"} if self.inputs_in_arena and inputs else {}
        return limit | placed

    def pipeline_options(self) -> dict[str, dict[str, str]]:
        """Return the pipeline options that differ from their defaults, by stage."""
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
    """Return the value as a 64-bit integer; anything else is an error."""
    try:
        seed = value.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        seed = None
    if isinstance(value, bool) or seed is None or not -(2**63) <= seed < 2**63:
        raise ArgumentError(f"seed: expected an integer of 64 bits, but got {value!r}")
    return int(seed)
