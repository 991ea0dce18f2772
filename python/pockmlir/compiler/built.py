"""A model that another front end than PyTorch's has built."""

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
    """A built model; it has its inputs and its loss in it.

    Attributes:
        model: what the front end has built.
        on_nan: what a call does whose loss is not finite.
    """

    model: ImportedModel
    on_nan: str

    @classmethod
    def check(
        cls, model: ImportedModel, inputs: Any, kwargs: Any, *, loss: Any, example_target: Any, on_nan: str
    ) -> BuiltSource:
        """Check that what is in the model is not given once more.

        Raises:
            ArgumentError: an argument is not acceptable.
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
        """What the C functions' prefix is made of if the user gives none."""
        return c_identifier(self.model.name)

    @property
    def loss_name(self) -> str:
        """The loss, for people."""
        return "built into the model"

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """There are no objects that a torch optimizer could hold."""
        return iter(())
