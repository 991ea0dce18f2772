"""Exports a model to functional ATen graphs, without changing it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch.export import ExportedProgram
from torch.fx._lazy_graph_module import _use_lazy_graph_module

from ...errors import PockError
from .decompositions import decomposition_table
from .explain import explain
from .functional import functional_program
from .functions import functions_traced
from .given_gradients import place_given_gradients
from .gradient_modes import stop_gradients
from .graph import ExportedCopy
from .hooks import hooks_traced
from .known_values import KnownValues
from .mixed_types import require_equal_types
from .python_state import PythonState
from .quiet import quiet_export
from .substitutes import substituted
from .wrappers import Wrapper

__all__ = ["evaluation_mode", "export_program"]


@contextlib.contextmanager
def evaluation_mode(model: torch.nn.Module) -> Iterator[None]:
    """Put a model into eval mode; restore the mode of every module afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def export_program(wrapper: Wrapper, args: tuple[torch.Tensor, ...], what: str) -> ExportedProgram | ExportedCopy:
    """Export to a functional program of operators that the front end converts.

    If the wrapper returns a loss, the program contains the model's custom gradients.

    Raises:
        CompileError: PyTorch cannot export the model; its error is the cause.
        ArgumentError: the model does not run with its inputs in PyTorch, either.
        UnsupportedOpsError: the model uses `torch.no_grad` in an unsupported way.
    """
    tracer = wrapper.tracer
    state = PythonState(wrapper)
    try:
        # Otherwise some twenty passes would each generate Python code for the graph, which nobody runs.
        lazy = _use_lazy_graph_module(True)
        with lazy, quiet_export(), hooks_traced(tracer), functions_traced(tracer), substituted():
            exported = _export(wrapper, args)
            stop_gradients(exported)
            require_equal_types(exported)
            program = functional_program(exported) or exported.run_decompositions(dict(decomposition_table()))
        place_given_gradients(program.graph, tracer.dropped())
        return program
    except PockError:
        raise
    except Exception as error:
        for cause in (error.__cause__, error.__context__):
            if isinstance(cause, PockError):
                raise cause from None
        raise explain(error, what, tracer.modules) from error
    finally:
        state.restore()


def _export(wrapper: Wrapper, args: tuple[torch.Tensor, ...]) -> ExportedProgram:
    """Export; if shapes depend on data, export again with the known values of masks."""
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
