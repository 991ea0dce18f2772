"""Traces hooks on gradients into the exported graph, or refuses them by name."""

from __future__ import annotations

import contextlib
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.modules import module as torch_module
from torch.utils.hooks import RemovableHandle

from ...errors import ArgumentError
from .frames import describe_function, is_users
from .traced_gradients import GradientTracer, replaced

__all__ = ["describe_hook", "hooks_traced", "parameter_hooks", "refuse_hooks"]

_ADVICE = (
    "remove it for compiling (its handle's remove()), or do what it does to the gradient in a hook that returns it"
)


def refuse_hooks(model: torch.nn.Module, prefix: str = "") -> list[str]:
    """Return descriptions of the unsupported hooks that a model has before it is traced."""
    refused = []
    for path, module in model.named_modules():
        if module._backward_hooks and not module._is_full_backward_hook:
            hook = next(iter(module._backward_hooks.values()))
            refused.append(
                f"register_backward_hook of module '{prefix}{path}', {describe_function(hook)}: its gradients are those "
                "of the module's last operator only; use register_full_backward_hook"
            )
    for name, parameter in model.named_parameters():
        for hook in (parameter._post_accumulate_grad_hooks or {}).values() if parameter.requires_grad else ():
            refused.append(
                f"register_post_accumulate_grad_hook of parameter '{prefix}{name}', {describe_function(hook)}: it runs "
                "when .grad is set, which a compiled step does not have; use Parameter.register_hook, and the "
                "optimizer of the step"
            )
    if torch_module._global_backward_hooks and not torch_module._global_is_full_backward_hook:
        hook = next(iter(torch_module._global_backward_hooks.values()))
        refused.append(
            f"register_module_backward_hook, {describe_function(hook)}: use register_module_full_backward_hook"
        )
    return refused


def describe_hook(hook: Any, parameter: str) -> str:
    """Describe a hook on the gradient of a parameter."""
    return f"hook {describe_function(hook)} (Tensor.register_hook of parameter '{parameter}')"


def parameter_hooks(model: torch.nn.Module) -> dict[str, list[Callable[..., Any]]]:
    """Return the hooks on the gradients of a model's parameters, by name; tracing hides them."""
    return {
        name: list(parameter._backward_hooks.values())
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and parameter._backward_hooks
    }


class _ModuleHook:
    """Replaces `torch.utils.hooks.BackwardHook`: hooks on gradients of a module's arguments and results."""

    tracer: GradientTracer

    def __init__(self, module: torch.nn.Module, hooks: Sequence[Any], pre_hooks: Sequence[Any]) -> None:
        self._module = module
        self._hooks = list(hooks)
        self._pre_hooks = list(pre_hooks)
        self._inputs: tuple[int, list[int], list[torch.Tensor], int] | None = None
        self._count = 0

    def setup_input_hook(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Begin custom gradients of the arguments, and return the arguments to use."""
        self._count = len(args)
        args, self._inputs = self._begin(args)
        return args

    def setup_output_hook(self, result: Any) -> Any:
        """Run the hooks on the gradients of a module's result, and return the result to use."""
        outputs = result if isinstance(result, tuple) else (result,)
        outputs, begun = self._begin(outputs)
        if begun is not None:
            self._run(begun)
        return outputs if isinstance(result, tuple) else outputs[0]

    def _begin(
        self, values: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], tuple[int, list[int], list[torch.Tensor], int] | None]:
        """Begin custom gradients of the values that have a gradient."""
        tracer = self.tracer
        if not tracer.active or id(self._module) not in tracer.modules:
            # Global hooks also apply to the wrapper around the model.
            return values, None
        places = [i for i, value in enumerate(values) if tracer.has_gradient(value)]
        if not places:
            return values, None
        chosen = [values[i] for i in places]
        number, results, gradients = tracer.given.begin(chosen, chosen)
        changed = list(values)
        for place, result in zip(places, results, strict=True):
            changed[place] = result
        packed = type(values)(*changed) if hasattr(values, "_fields") else tuple(changed)
        return packed, (number, places, gradients, len(values))

    def _run(self, begun: tuple[int, list[int], list[torch.Tensor], int]) -> None:
        number, places, gradients, count = begun
        grad_outputs = _packed(places, gradients, count)
        for hook in self._pre_hooks:
            grad_outputs = self._call("register_full_backward_pre_hook", hook, grad_outputs, (grad_outputs,))
        self.tracer.end(number, [grad_outputs[i] for i in places], gradients)
        if self._inputs is None:
            nothing = (None,) * self._count
            for hook in self._hooks:
                result = self._call("register_full_backward_hook", hook, nothing, (nothing, grad_outputs))
                if any(gradient is not None for gradient in result):
                    raise ArgumentError(
                        f"model: {self._name('register_full_backward_hook', hook)} returns a gradient, but no input of "
                        "the module has one; return None, or use register_full_backward_pre_hook"
                    )
            return
        number, places, gradients, count = self._inputs
        grad_inputs = _packed(places, gradients, count)
        for hook in self._hooks:
            grad_inputs = self._call("register_full_backward_hook", hook, grad_inputs, (grad_inputs, grad_outputs))
        self.tracer.end(number, [grad_inputs[i] for i in places], gradients)

    def _call(self, kind: str, hook: Any, current: tuple[Any, ...], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Run one hook; return the gradients after it."""
        name = self._name(kind, hook)
        result = self.tracer.trace(name, lambda *_: hook(self._module, *arguments))
        if result is None:
            return current
        result = result if isinstance(result, tuple | list) else (result,)
        if len(result) != len(current):
            raise ArgumentError(f"model: {name} returns {len(result)} gradients, but expected {len(current)}")
        return tuple(result)

    def _name(self, kind: str, hook: Any) -> str:
        path = self.tracer.modules.get(id(self._module))
        where = f" of module '{path}'" if path is not None else ""
        return f"hook {describe_function(hook)} ({kind}{where})"


def _packed(places: Sequence[int], values: Sequence[Any], count: int) -> tuple[Any, ...]:
    result: list[Any] = [None] * count
    for place, value in zip(places, values, strict=True):
        result[place] = value
    return tuple(result)


class _Node:
    """Replaces a node of autograd's graph: it has the node's properties, but refuses hooks."""

    def __init__(self, node: Any, refused: Callable[[str], Callable[..., Any]]) -> None:
        self._node = node
        self._refused = refused

    def __getattr__(self, name: str) -> Any:
        if name in ("register_hook", "register_prehook"):
            return self._refused(f"grad_fn.{name}")
        return getattr(self._node, name)


@contextlib.contextmanager
def hooks_traced(tracer: GradientTracer) -> Iterator[None]:
    """Make hooks on gradients part of the traced graph."""

    def register_hook(tensor: torch.Tensor, hook: Callable[..., Any]) -> RemovableHandle:
        if not tensor.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        kept: OrderedDict[int, Any] = OrderedDict()
        handle = RemovableHandle(kept)
        kept[handle.id] = hook
        number = tracer.hook(tensor, f"hook {describe_function(hook)} (Tensor.register_hook)", hook)
        if number is not None:
            tracer.handles[number] = kept
        return handle

    def refused(what: str) -> Callable[..., Any]:
        def refuse(*args: Any, **kwargs: Any) -> Any:
            hook = next((a for a in [*args, *kwargs.values()] if callable(a) and not isinstance(a, torch.Tensor)), None)
            named = f" with {describe_function(hook)}" if hook is not None else ""
            raise ArgumentError(f"model: {what}{named}{tracer.place()}: its effect would be lost; {_ADVICE}")

        return refuse

    def grad_fn(tensor: torch.Tensor) -> Any:
        node = torch._C.TensorBase.grad_fn.__get__(tensor)
        frame = sys._getframe(1)
        return _Node(node, refused) if node is not None and is_users(frame) else node

    begin = torch.autograd.graph.saved_tensors_hooks.__init__

    def saved_tensors_hooks(self: Any, *args: Any, **kwargs: Any) -> None:
        if type(self) is torch.autograd.graph.saved_tensors_hooks and is_users(sys._getframe(1)):
            refused("torch.autograd.graph.saved_tensors_hooks")(*args, **kwargs)
        begin(self, *args, **kwargs)

    hook = type("_TracedModuleHook", (_ModuleHook,), {"tracer": tracer})
    with contextlib.ExitStack() as stack:
        for owner, name, stand_in in (
            (torch.Tensor, "register_hook", register_hook),
            (torch.Tensor, "register_post_accumulate_grad_hook", refused("register_post_accumulate_grad_hook")),
            (torch.Tensor, "grad_fn", property(grad_fn)),
            (torch.autograd.graph.saved_tensors_hooks, "__init__", saved_tensors_hooks),
            (torch_module, "BackwardHook", hook),
            (
                torch.autograd.graph,
                "register_multi_grad_hook",
                refused("torch.autograd.graph.register_multi_grad_hook"),
            ),
        ):
            stack.enter_context(replaced(owner, name, stand_in))
        yield
