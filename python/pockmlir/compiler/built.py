"""A model from a front end other than PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ArgumentError
from ..frontends.common.imported import ImportedModel
from ..support.c_names import c_identifier

__all__ = ["BuiltSource"]


@dataclass(frozen=True)
class BuiltSource:
    """A built model, which contains its inputs and its loss.

    Attributes:
        model: the model from the front end.
        on_nan: the action of a call whose loss is not finite.
    """

    model: ImportedModel
    on_nan: str

    @classmethod
    def check(
        cls, model: ImportedModel, inputs: Any, kwargs: Any, *, loss: Any, example_target: Any, on_nan: str
    ) -> BuiltSource:
        """Check that no argument repeats a part of the model.

        Raises:
            ArgumentError: an argument is invalid.
        """
        given = {"inputs": inputs, "kwargs": kwargs, "loss": loss, "example_target": example_target}
        for name, value in given.items():
            if value is not None:
                raise ArgumentError(f"{name}: an ImportedModel has its inputs and its loss in it, so expected None")
        if on_nan != "ignore" and not model.checks_loss:
            raise ArgumentError(f"on_nan: '{on_nan}' needs a model whose loss is checked: build(checks_loss=True)")
        return cls(model, on_nan)

    @property
    def name(self) -> str:
        """The default for the prefix of the C functions."""
        return c_identifier(self.model.name)

    @property
    def loss_name(self) -> str:
        """A description of the loss for users."""
        return "built into the model"

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield nothing: the model has no parameter objects that a torch optimizer could hold."""
        return iter(())
