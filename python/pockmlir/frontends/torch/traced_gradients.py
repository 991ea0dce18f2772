"""Traces functions of gradients, by which a model defines custom gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from ...errors import ArgumentError, PockError
from .frames import place_of_call
from .given_gradients import GivenGradients

__all__ = ["GradientTracer", "replaced"]


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace an attribute of a class or module, and restore it at the end of the context."""
    missing = object()
    before = vars(owner).get(name, missing)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is missing:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


class GradientTracer:
    """Runs functions of gradients during tracing.

    Args:
        modules: ``id`` of a module → its path in the model.
        active: whether gradients are needed; otherwise custom gradients are left out.

    Attributes:
        given: the emitted operators.
        handles: number → the dictionary that loses its entry when the hook is removed.
    """

    def __init__(self, modules: Mapping[int, str], *, active: bool) -> None:
        self.modules = dict(modules)
        self.active = active
        self.given = GivenGradients()
        self.handles: dict[int, Mapping[int, Any]] = {}

    @property
    def was_used(self) -> bool:
        """Whether the model has custom gradients."""
        return self.given.count > 0

    def dropped(self) -> set[int]:
        """Return the numbers of custom gradients that have been revoked."""
        return {number for number, kept in self.handles.items() if not kept}

    def place(self) -> str:
        """Describe the current place in the user's model."""
        return place_of_call(self.modules)

    @staticmethod
    def has_gradient(value: Any) -> bool:
        """Return whether a value takes part in differentiation, in PyTorch's sense."""
        is_tensor = isinstance(value, torch.Tensor) and value.is_floating_point()
        return is_tensor and torch.is_grad_enabled() and value.requires_grad

    def hook(self, tensor: torch.Tensor, name: str, hook: Callable[..., Any]) -> int | None:
        """Apply a hook to the gradient of a tensor for all its readers."""
        if not self.active or not tensor.is_floating_point():
            return None
        number, _, (gradient,) = self.given.begin([tensor], [tensor], in_place=True)

        def changed(gradient: torch.Tensor) -> torch.Tensor:
            result = hook(gradient)
            return gradient if result is None else result

        self.end(number, [self.trace(name, changed, gradient)], [tensor])
        return number

    def end(self, number: int, gradients: Sequence[torch.Tensor | None], like: Sequence[torch.Tensor]) -> None:
        """End a custom gradient with these gradients, converted to the shapes and types of `like`.

        Raises:
            ArgumentError: a gradient is not a tensor, or its shape does not fit.
        """
        self.given.end(number, [self._fitting(gradient, x) for gradient, x in zip(gradients, like, strict=True)])

    def _fitting(self, gradient: Any, like: torch.Tensor) -> torch.Tensor | None:
        if gradient is None:
            return None
        if not isinstance(gradient, torch.Tensor):
            raise ArgumentError(
                f"model: a gradient is a {type(gradient).__name__}, but expected a tensor or None{self.place()}"
            )
        if gradient.shape != like.shape:
            try:
                fits = torch.broadcast_shapes(like.shape, gradient.shape) == gradient.shape
            except RuntimeError:
                fits = False
            if not fits:
                raise ArgumentError(
                    f"model: a gradient has the shape {list(gradient.shape)}, but expected {list(like.shape)}{self.place()}"
                )
            gradient = gradient.sum_to_size(like.shape)
        return gradient.to(like.dtype)

    def trace(self, name: str, function: Callable[..., Any], *gradients: Any) -> Any:
        """Run a function of gradients like the backward pass.

        Raises:
            ArgumentError: the function cannot become part of a graph.
        """
        try:
            with torch.no_grad():
                # The function may change its arguments in place.
                return function(*(g.clone() if isinstance(g, torch.Tensor) else g for g in gradients))
        except PockError:
            raise
        except Exception as error:
            text = str(error).strip().split("\n", 1)[0]
            raise ArgumentError(
                f"model: the {name} cannot become part of the compiled step{self.place()}: "
                f"{type(error).__name__}: {text[:200]}; express it with torch operators that do not depend on values, "
                "or remove it"
            ) from error
