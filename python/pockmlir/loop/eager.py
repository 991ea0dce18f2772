"""Times a compiled step and the same step in PyTorch eager."""

from __future__ import annotations

import inspect
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..api.optim import SGD, Adam
from ..api.optimizer_groups import OptimizerGroups
from ..artifact.arguments import Arguments
from ..artifact.manifest import Array
from ..step import Step
from ..support.needs import require_torch

__all__ = ["compare", "eager_step", "measure"]


def measure(runs: dict[str, Callable[[], object]], *, steps: int, warmup: int) -> dict[str, dict[str, float]]:
    """Time functions in turns, so that a busy machine slows all of them equally.

    Returns:
        Name → median, minimum and 90th percentile of a call, in milliseconds.
    """
    samples: dict[str, list[float]] = {name: [] for name in runs}
    for index in range(warmup + steps):
        for name, run in runs.items():
            begin = time.perf_counter()
            run()
            if index >= warmup:
                samples[name].append(1e3 * (time.perf_counter() - begin))
    return {
        name: {
            "median_ms": statistics.median(times),
            "min_ms": min(times),
            "p90_ms": sorted(times)[int(0.9 * (len(times) - 1))],
        }
        for name, times in samples.items()
    }


def eager_step(model: Any, step: Step, loss: Any, arrays: Sequence[Array]) -> Callable[[], float]:
    """Return a function that runs the same training step in PyTorch, on a copy of the model.

    For a parameter that trains in part, PyTorch computes the whole gradient: it cannot compute a part.
    """
    import copy

    from ..frontends.torch.arguments import as_module
    from ..frontends.torch.losses import resolve_loss
    from ..frontends.torch.outputs import returned_loss

    is_exported = hasattr(model, "graph_signature")
    module = as_module(model) if is_exported else copy.deepcopy(model)
    fractions = step.artifact.fractions
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(fractions.get(name, 0.0) > 0)
    trained = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    optimizer = _torch_optimizer(step, trained)
    arguments = Arguments("step", step.inputs, step.artifact.arguments).nest(_tensors(step, arrays))
    target = arguments.pop(list(arguments)[-1]) if loss is not None else None
    function = resolve_loss(loss)
    if is_exported:
        # An exported program takes its arguments exactly as they were exported.
        count = model.call_spec.in_spec.child(0).num_children
    else:
        # Names that the front end invented (for *args) are no parameters of forward.
        named = set(arguments) <= set(inspect.signature(module.forward).parameters)
        count = 0 if named else len(arguments)
    positional = list(arguments.values())[:count]
    keywords = dict(list(arguments.items())[count:])

    def run() -> float:
        optimizer.zero_grad(set_to_none=True)
        output = module(*positional, **keywords)
        value = returned_loss(output) if function is None else function(output, target)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return run


def _tensors(step: Step, arrays: Sequence[Array]) -> list[Any]:
    """Convert arrays to the tensors of the model; integers get the dtype of the example."""
    import torch

    given = {name: getattr(torch, dtype) for name, dtype in step.artifact.given_dtypes.items()}
    tensors = {spec.name: torch.from_numpy(array) for spec, array in zip(step.inputs, arrays, strict=True)}
    return [t if t.is_floating_point() else t.to(given.get(name, t.dtype)) for name, t in tensors.items()]


def _torch_optimizer(step: Step, trained: Mapping[str, Any]) -> Any:
    """Return the ``torch.optim`` optimizer with the same groups."""
    import torch

    first = step.artifact.optimizers[0]
    groups = step.artifact.groups or OptimizerGroups((first,))
    members = groups.members(list(trained))
    torch_groups = [
        {"params": [trained[name] for name in names]} | optimizer.settings()
        for optimizer, names in zip(groups.optimizers, members, strict=True)
        if names
    ]
    if isinstance(first, SGD):
        return torch.optim.SGD(torch_groups)
    decoupled = isinstance(first, Adam) and first.decoupled
    return (torch.optim.AdamW if decoupled else torch.optim.Adam)(torch_groups)


def compare(
    model: Any, step: Step, loss: Any, arrays: Sequence[Array], *, steps: int, warmup: int, threads: int
) -> dict[str, Any]:
    """Return milliseconds per step, compiled and in PyTorch eager, and their ratio."""
    require_torch("timing PyTorch")
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        eager = eager_step(model, step, loss, arrays)
        times = measure({"compiled": lambda: step(*arrays), "eager": eager}, steps=steps, warmup=warmup)
    finally:
        torch.set_num_threads(before)
    ratio = times["eager"]["median_ms"] / times["compiled"]["median_ms"]
    return times | {"speedup": ratio, "torch_threads": threads, "steps": steps}
