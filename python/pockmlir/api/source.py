"""The arguments of the import: a model, its example inputs and its loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import ArgumentError
from ..support.c_names import c_identifier

__all__ = ["LOSSES", "Source", "TorchSource", "example_inputs"]

#: Losses that have a name; other losses are a callable in torch ops, or None.
LOSSES = ("cross_entropy", "mse", "l1", "bce_with_logits")


class Source(Protocol):
    """The properties of an imported model that the compiler reads beside its IR."""

    @property
    def name(self) -> str:
        """The default prefix of the C functions."""

    @property
    def loss_name(self) -> str:
        """The name of the loss in reports."""

    @property
    def on_nan(self) -> str:
        """The reaction to a loss that is not finite, one of `ON_NAN`."""

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield name and object of the parameters that a torch optimizer may hold."""


@dataclass(frozen=True)
class TorchSource:
    """A PyTorch model: the checked arguments that its import depends on.

    Attributes:
        model: a module or an exported program.
        inputs: its positional arguments.
        kwargs: its keyword arguments.
        loss: a name, a callable, or None.
        example_target: example of the target of a callable loss; fixes shape and dtype.
        on_nan: reaction to a loss that is not finite, one of `ON_NAN`.
    """

    model: Any
    inputs: tuple[Any, ...]
    kwargs: dict[str, Any]
    loss: Any
    example_target: Any
    on_nan: str

    @classmethod
    def check(cls, model: Any, inputs: Any, kwargs: Any, *, loss: Any, example_target: Any, on_nan: str) -> TorchSource:
        """Check what can be checked without looking into the model.

        Raises:
            ArgumentError: an argument is not acceptable.
        """
        kind = type(model).__name__
        if isinstance(model, type) or not (hasattr(model, "named_parameters") or kind == "ExportedProgram"):
            given = f"the class {model.__name__}" if isinstance(model, type) else kind
            raise ArgumentError(
                "model: expected a torch.nn.Module, a torch.export.ExportedProgram, or an ImportedModel of another "
                f"front end, but got {given}"
            )
        if loss is not None and not callable(loss) and loss not in LOSSES:
            raise ArgumentError(f"loss: expected one of {', '.join(LOSSES)}, a callable or None, but got {loss!r}")
        positional, named = example_inputs(inputs, kwargs)
        return cls(model, positional, named, loss, example_target, on_nan)

    @property
    def name(self) -> str:
        """The default prefix of the C functions."""
        # The module in a quantised model.
        model = self.model.model if type(self.model).__name__ == "QuantizedModel" else self.model
        kind = type(model).__name__
        return c_identifier("model" if kind in ("ExportedProgram", "GraphModule") else kind)

    @property
    def loss_name(self) -> str:
        """The name of the loss in reports."""
        if self.loss is None:
            return "returned by the model"
        return self.loss if isinstance(self.loss, str) else getattr(self.loss, "__name__", type(self.loss).__name__)

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield name and object of all parameters that a torch optimizer may hold, also those of a loss module."""
        yield from self.model.named_parameters()
        if hasattr(self.loss, "named_parameters"):
            yield from ((f"loss.{name}", parameter) for name, parameter in self.loss.named_parameters())


def example_inputs(inputs: Any, kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments; a single tensor may come without a tuple."""
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise ArgumentError(f"kwargs: expected a mapping of names to inputs, but got {type(kwargs).__name__}")
    named = dict(kwargs or {})
    if isinstance(inputs, Mapping):
        return (), {**inputs, **named}
    # A tensor of PyTorch or numpy: nothing is imported to see that.
    values = (inputs,) if hasattr(inputs, "shape") and hasattr(inputs, "dtype") else inputs
    if not isinstance(values, tuple | list) or not (values or named):
        raise ArgumentError(
            f"inputs: expected a tuple of example inputs, or a mapping of keyword inputs, but got {type(inputs).__name__}"
        )
    return tuple(values), named
