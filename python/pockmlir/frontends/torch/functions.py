"""Traces the backward of a `torch.autograd.Function`, which becomes its gradient."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch.autograd.function import FunctionCtx, FunctionMeta
from torch.utils.checkpoint import CheckpointFunction

from ...errors import ArgumentError
from .traced_gradients import GradientTracer, replaced

__all__ = ["functions_traced"]


class _Context(FunctionCtx):
    """The context that forward and backward of a function share; PyTorch's own is implemented in C++."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad

    @property
    def saved_tensors(self) -> tuple[torch.Tensor | None, ...]:
        """The arguments of `save_for_backward`."""
        return tuple(getattr(self, "to_save", ()) or ())

    @property
    def marked(self) -> tuple[torch.Tensor, ...]:
        """The arguments of `mark_non_differentiable`."""
        return tuple(getattr(self, "non_differentiable", ()) or ())


_BASE = torch.autograd.Function


class _Calls:
    """Takes the place of ``forward`` while PyTorch calls a function.

    Models keep ``MyFunction.apply`` in attributes and globals, and from PyTorch 2.14 on it is written in C++: it
    cannot be replaced. But it reads attributes of the class, first ``_backward_cls``, which nobody else reads, and
    then ``forward``.
    """

    def __init__(self, tracer: GradientTracer) -> None:
        self._tracer = tracer
        self._begun: tuple[Any, bool] = (None, False)

    def attribute(self, cls: Any, name: str) -> Any:
        """Return an attribute of a class derived from `torch.autograd.Function`."""
        value = type.__getattribute__(cls, name)
        if name == "_backward_cls":
            self._begun = cls, torch.is_grad_enabled()
        elif name == "forward" and self._begun[0] is cls:
            _, enabled = self._begun
            self._begun = None, False
            if issubclass(cls, CheckpointFunction) or not cls.__module__.startswith("torch."):
                return functools.partial(self._forward, cls, enabled)
        return value

    def _forward(self, cls: Any, enabled: bool, *args: Any) -> Any:
        """Run a function and trace its backward, in the mode of the caller: PyTorch has switched gradients off."""
        context, args = (None, args) if _has_setup(cls) else (args[0], args[1:])
        with _gradients(enabled):
            if issubclass(cls, CheckpointFunction):
                return _checkpointed(*args)
            application = _Application(self._tracer, cls, args)
            result = application.run()
        if context is not None:
            context.mark_non_differentiable(*application.context.marked)
        return result


@contextlib.contextmanager
def functions_traced(tracer: GradientTracer) -> Iterator[None]:
    """Make the backward of every function part of the traced graph."""
    calls = _Calls(tracer)
    with replaced(FunctionMeta, "__getattribute__", lambda cls, name: calls.attribute(cls, name)):
        yield


def _has_setup(cls: Any) -> bool:
    """Return whether ``forward`` has no context, as ``setup_context`` fills it in."""
    return cls.setup_context is not _BASE.setup_context


@contextlib.contextmanager
def _gradients(enabled: bool) -> Iterator[None]:
    """Set the mode like C++ code does: the exported graph does not record it."""

    def switch(mode: bool) -> None:
        with torch._C.DisableTorchFunction():
            torch._C._set_grad_enabled(mode)

    before = torch.is_grad_enabled()
    switch(enabled)
    try:
        yield
    finally:
        switch(before)


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
        self.context = _Context(needs)

    def run(self) -> Any:
        """Run the forward, and if gradients are needed the backward; return outputs with its gradient."""
        with torch.no_grad():
            result = self._forward()
        if getattr(self.context, "dirty_tensors", None):
            raise ArgumentError(
                f"model: the {self._name} changes its input in place (mark_dirty){self._tracer.place()}; "
                "return a new tensor instead"
            )
        needs = self.context.needs_input_grad
        outputs = list(result) if isinstance(result, tuple) else [result]
        excluded = {id(tensor) for tensor in self.context.marked}
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
        function, context = self._function, self.context
        if not _has_setup(function):
            return function.forward(context, *self._args)
        result = function.forward(*self._args)
        function.setup_context(context, self._args, result)
        return result

    def _backward(self, outputs: list[Any], cotangents: dict[int, torch.Tensor]) -> list[Any]:
        """Return one gradient for each argument."""
        function = self._function
        backward = function.vjp if function.vjp is not _BASE.vjp else function.backward
        empty = getattr(self.context, "materialize_grads", True) is False

        def gradients(*known: torch.Tensor) -> Any:
            of = dict(zip(cotangents, known, strict=True))
            return backward(self.context, *(of.get(i, _no_gradient(o, empty)) for i, o in enumerate(outputs)))

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
