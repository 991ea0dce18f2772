"""Exports a model to functional ATen graphs, without changing it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx._lazy_graph_module import _use_lazy_graph_module

from ..errors import ArgumentError, CompileError, PockError
from .decompositions import decomposition_table
from .explain import explain
from .gradient_modes import stop_gradients
from .known_values import KnownValues
from .mixed_types import require_equal_types
from .substitutes import substituted
from .wrappers import Wrapper

__all__ = ["evaluation_mode", "export_program"]


@contextlib.contextmanager
def evaluation_mode(model: torch.nn.Module) -> Iterator[None]:
    """Put a model into eval mode; afterwards every module is back in its own mode."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def export_program(wrapper: Wrapper, args: tuple[torch.Tensor, ...], what: str) -> ExportedProgram:
    """Export to a functional program of the operators that the frontend converts.

    Raises:
        CompileError: PyTorch cannot export the model; its error is the cause.
        UnsupportedOpsError: the model uses `torch.no_grad` in a way that cannot be kept.
    """
    try:
        # Some twenty passes would each write the Python code of the graph, which nobody runs.
        with _use_lazy_graph_module(True), _no_custom_gradients(), substituted():
            exported = _export(wrapper, args)
            stop_gradients(exported)
            require_equal_types(exported)
            return exported.run_decompositions(dict(decomposition_table()))
    except PockError:
        raise
    except Exception as error:
        for cause in (error.__cause__, error.__context__):
            if isinstance(cause, PockError):
                raise cause from None
        raise CompileError("import", explain(error, what)) from error


def _export(wrapper: Wrapper, args: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """Export; if shapes depend on data, once more with the values of masks that are known."""
    failure, exported = None, None
    try:
        exported = torch.export.export(wrapper, args)
    except Exception as error:
        failure = error
    if exported is not None and not _is_dynamic(exported):
        return exported
    wrapper.known = KnownValues(dict(wrapper.named_buffers(remove_duplicate=False)))
    again = None
    with contextlib.suppress(Exception):
        again = torch.export.export(wrapper, args)
    if again is not None and not _is_dynamic(again):
        return again
    wrapper.known = None
    if exported is None:
        assert failure is not None
        raise failure
    return exported


def _is_dynamic(exported: ExportedProgram) -> bool:
    """Whether any shape depends on data."""
    values = (node.meta.get("val") for node in exported.graph.nodes)
    return any(isinstance(v, torch.Tensor) and any(not isinstance(n, int) for n in v.shape) for v in values)


@contextlib.contextmanager
def _no_custom_gradients() -> Iterator[None]:
    """Refuse `torch.autograd.Function`: export traces its forward and would lose its backward."""
    apply = torch.autograd.Function.__dict__["apply"]

    def refuse(cls: type, *args: Any, **kwargs: Any) -> Any:
        if cls.__module__.startswith("torch."):
            return apply.__func__(cls, *args, **kwargs)
        raise ArgumentError(
            f"model: it uses the torch.autograd.Function '{cls.__qualname__}', whose own gradient "
            "would be lost; express it with differentiable torch operators"
        )

    torch.autograd.Function.apply = classmethod(refuse)
    try:
        yield
    finally:
        torch.autograd.Function.apply = apply
