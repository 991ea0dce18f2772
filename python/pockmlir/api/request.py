"""The checked arguments of a compilation that do not affect the import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Unpack, cast

from ..core.ir_text import quote
from ..errors import ArgumentError, SchemeError
from ..support.c_names import require_c_identifier
from ..targets.target import Target
from .keywords import Options
from .optim import Optimizer, from_torch
from .options import MemoryOptions, Training
from .scheme import Scheme
from .source import Source
from .tuning import Tuning

__all__ = ["Options", "Request", "require_rules"]


_TRAINING = ("accumulate", "clip_grad_norm", "clip_grad_value", "seed", "precision", "rounding", "gradients")


@dataclass(frozen=True)
class Request:
    """The checked arguments, without the scheme.

    Attributes:
        name: prefix of the C functions.
        optimizer: ours, or a ``torch.optim`` instance.
        target: the target, with its arithmetic and limits.
        training: accumulation, clipping, seed of dropout.
        tuning: measured choices for kernels, for all targets.
        memory: the memory limit and switches.
        given: the options as the user gave them.
    """

    name: str
    optimizer: Any
    target: Target
    training: Training
    tuning: Tuning
    memory: MemoryOptions
    given: Options

    @classmethod
    def check(cls, source: Source, optimizer: Any, **options: Unpack[Options]) -> Request:
        """Check the arguments as far as possible without the model.

        Raises:
            ArgumentError: an argument is not acceptable.
        """
        if unknown := sorted(options.keys() - Options.__annotations__.keys()):
            raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
        training: Mapping[str, Any] = {key: value for key, value in options.items() if key in _TRAINING}
        target = Target.coerce(
            options.get("target", "host"),
            arithmetic=options.get("arithmetic"),
            ram=options.get("ram"),
            flash=options.get("flash"),
        )
        if training.get("gradients") == "float16":
            _require_float16(target)
        if training.get("precision") == "f16" and not target.stores_float16:
            raise ArgumentError(
                "precision: 'f16' needs devices that store floats of 16 bits, like those of vulkan:adreno, but the "
                f"target is {target.name}"
            )
        if not (isinstance(optimizer, Optimizer) and optimizer.kind):
            from_torch(optimizer)
        name = options.get("name")
        return cls(
            name=require_c_identifier(source.name if name is None else name),
            optimizer=optimizer,
            target=target,
            training=Training(**training, on_nan=source.on_nan),
            tuning=Tuning.coerce(options.get("tuning")),
            memory=MemoryOptions.coerce(options.get("memory"), options.get("memory_limit")),
            given=options,
        )

    def changed(self, source: Source, optimizer: Any, **options: Unpack[Options]) -> Request:
        """Return the request with other options; ``optimizer=None`` keeps the optimizer."""
        if optimizer is None and not options:
            return self
        merged = cast(Options, {**self.given, **options})
        return type(self).check(source, self.optimizer if optimizer is None else optimizer, **merged)

    @property
    def torch_optimizer(self) -> Any:
        """The optimizer if it is a ``torch.optim`` instance, otherwise None."""
        return None if isinstance(self.optimizer, Optimizer) else self.optimizer

    def attributes(self) -> dict[str, str]:
        """Return the module attributes that do not depend on the model."""
        attributes = {"pock.name": quote(self.name), "pock.target": self.target.attributes}
        if self.target.arithmetic != "fast":
            attributes["pock.arithmetic"] = quote(self.target.arithmetic)
        return attributes | self.training.attributes() | self.tuning.attributes(self.target) | self.memory.attributes()


def _require_float16(target: Target) -> None:
    """Check that the target has instructions for vectors of float16."""
    if not target.has_float16_vectors:
        raise ArgumentError(
            "gradients: 'float16' needs a processor with Helium, cortex-m55 or cortex-m85, but the target is "
            f"{target.name}"
        )


def require_rules(scheme: object) -> Scheme:
    """Return a scheme for a scheme or a mapping.

    Raises:
        SchemeError: it is neither, or trains nothing.
    """
    result = Scheme.coerce(scheme)
    if not result.rules:
        raise SchemeError("scheme: empty, nothing to train")
    return result
