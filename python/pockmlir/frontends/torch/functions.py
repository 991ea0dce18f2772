"""Traces the backward of a `torch.autograd.Function`, which becomes its gradient."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import torch
from torch.autograd.function import FunctionCtx
from torch.utils.checkpoint import CheckpointFunction

from ...errors import ArgumentError
from .traced_gradients import GradientTracer

__all__ = ["apply_traced", "functions_traced"]


class _Context(FunctionCtx):
    """The context that forward and backward of a function share; PyTorch's own is implemented in C++."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad

    @property
    def saved_tensors(self) -> tuple[torch.Tensor | None, ...]:
        """The arguments of `save_for_backward`."""
        return tuple(getattr(self, "to_save", ()) or ())

    @property
    def non_differentiable_ids(self) -> set[int]:
        """The ``id`` of each output without gradient."""
        return {id(tensor) for tensor in getattr(self, "non_differentiable", ()) or ()}


_APPLY = torch.autograd.Function.__dict__["apply"].__func__
#: A copy of the original function; `functions_traced` replaces the code of the function itself.
_original = FunctionType(_APPLY.__code__, _APPLY.__globals__, closure=_APPLY.__closure__)
_tracers: list[GradientTracer] = []


class _StandIn:
    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        # This code runs in PyTorch's module with the closure of the code that it replaces: one variable.
        _ = __class__  # type: ignore[name-defined]
        from pockmlir.frontends.torch.functions import apply_traced

        return apply_traced(cls, args, kwargs)


@contextlib.contextmanager
def functions_traced(tracer: GradientTracer) -> Iterator[None]:
    """Make the backward of every function part of the traced graph.

    This replaces the code of ``apply``, not the method, because models keep ``MyFunction.apply`` in attributes
    and globals.
    """
    _tracers.append(tracer)
    before, _APPLY.__code__ = _APPLY.__code__, _StandIn.apply.__code__
    try:
        yield
    finally:
        _APPLY.__code__ = before
        _tracers.pop()


def apply_traced(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a function like ``apply``, and trace its backward."""
    if issubclass(cls, CheckpointFunction):
        return _checkpointed(*args)
    if cls.__module__.startswith("torch."):
        return _original(cls, *args, **kwargs)
    if cls.setup_context is not torch.autograd.Function.setup_context:
        bound = inspect.signature(cls.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        args, kwargs = bound.args, bound.kwargs
    if kwargs:
        raise TypeError(f"{cls.__qualname__}.apply takes no keyword arguments, but got {', '.join(kwargs)}")
    return _Application(_tracers[-1], cls, args).run()


def _checkpointed(function: Any, preserve_random_state: bool, *args: Any) -> Any:
    """Run the function of a reentrant checkpoint; the compiler itself chooses what to recompute."""
    has_gradient = any(isinstance(arg, torch.Tensor) and arg.requires_grad for arg in args)
    # In PyTorch, nothing inside has a gradient if no argument has one.
    with contextlib.nullcontext() if has_gradient else torch.no_grad():
        return function(*args)


class _Application:
    """One call of a `torch.autograd.Function`."""

    def __init__(self, tracer: GradientTracer, function: Any, args: tuple[Any, ...]) -> None:
        self._tracer = tracer
        self._function = function
        self._args = args
        self._name = f"torch.autograd.Function '{function.__qualname__}'"
        needs = tuple(tracer.has_gradient(arg) for arg in args)
        self._context = _Context(needs)

    def run(self) -> Any:
        """Run the forward, and if gradients are needed the backward; return outputs with its gradient."""
        with torch.no_grad():
            result = self._forward()
        if getattr(self._context, "dirty_tensors", None):
            raise ArgumentError(
                f"model: the {self._name} changes its input in place (mark_dirty){self._tracer.place()}; "
                "return a new tensor instead"
            )
        needs = self._context.needs_input_grad
        outputs = list(result) if isinstance(result, tuple) else [result]
        excluded = self._context.non_differentiable_ids
        places = [
            i
            for i, output in enumerate(outputs)
            if isinstance(output, torch.Tensor) and output.is_floating_point() and id(output) not in excluded
        ]
        if not self._tracer.active or not any(needs) or not places:
            return result
        inputs = [arg for arg, needed in zip(self._args, needs, strict=True) if needed]
        number, results, cotangents = self._tracer.given.begin([outputs[i] for i in places], inputs)
        gradients = self._backward(outputs, dict(zip(places, cotangents, strict=True)))
        self._tracer.end(number, [g for g, needed in zip(gradients, needs, strict=True) if needed], inputs)
        for place, value in zip(places, results, strict=True):
            outputs[place] = value
        return tuple(outputs) if isinstance(result, tuple) else outputs[0]

    def _forward(self) -> Any:
        function, context = self._function, self._context
        if function.setup_context is torch.autograd.Function.setup_context:
            return function.forward(context, *self._args)
        result = function.forward(*self._args)
        function.setup_context(context, self._args, result)
        return result

    def _backward(self, outputs: list[Any], cotangents: dict[int, torch.Tensor]) -> list[Any]:
        """Return one gradient for each argument."""
        function = self._function
        backward = function.vjp if function.vjp is not torch.autograd.Function.vjp else function.backward
        empty = getattr(self._context, "materialize_grads", True) is False

        def gradients(*known: torch.Tensor) -> Any:
            of = dict(zip(cotangents, known, strict=True))
            return backward(self._context, *(of.get(i, _no_gradient(o, empty)) for i, o in enumerate(outputs)))

        found = self._tracer.trace(self._name, gradients, *cotangents.values())
        result = list(found) if isinstance(found, tuple | list) else [found]
        count = len(self._args)
        if len(result) < count or any(gradient is not None for gradient in result[count:]):
            raise ArgumentError(
                f"model: the backward of the {self._name} returns {len(result)} gradients, but expected {count}, one for "
                f"each argument of forward{self._tracer.place()}"
            )
        return result[:count]


def _no_gradient(output: Any, empty: bool) -> torch.Tensor | None:
    """The argument of backward for an output without gradient."""
    return torch.zeros_like(output) if isinstance(output, torch.Tensor) and not empty else None
