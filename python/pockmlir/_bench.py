"""Times a compiled step against PyTorch eager, doing the same work."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from ._manifest import Array
from .optim import SGD, Adam, Optimizer
from .step import Step

__all__ = ["compare", "eager_step", "measure"]


def measure(runs: dict[str, Callable[[], object]], *, steps: int, warmup: int) -> dict[str, dict[str, float]]:
    """Time functions in turns, so that a busy machine slows all of them alike.

    Returns:
        For each: median, least and 90th-percentile milliseconds of a call.
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

    Of a parameter that trains in part PyTorch computes the whole gradient: it cannot do less.
    """
    import copy

    import torch

    module = model.module() if hasattr(model, "graph_signature") else copy.deepcopy(model)
    fractions = step.artifact.fractions
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(fractions.get(name, 0.0) > 0)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = _torch_optimizer(step.artifact.optimizer, trained)
    function = _torch_loss(loss)
    tensors = [torch.from_numpy(array) for array in arrays]
    inputs, targets = (tensors, []) if loss is None else (tensors[:-1], tensors[-1:])

    def run() -> float:
        optimizer.zero_grad(set_to_none=True)
        value = function(module(*inputs), *targets)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return run


def _torch_optimizer(optimizer: Optimizer, parameters: list[Any]) -> Any:
    import torch

    settings = optimizer.to_dict()
    del settings["kind"]
    if isinstance(optimizer, SGD):
        return torch.optim.SGD(parameters, **settings)
    kind = torch.optim.AdamW if isinstance(optimizer, Adam) and optimizer.decoupled else torch.optim.Adam
    return kind(parameters, **settings)


def _torch_loss(loss: Any) -> Callable[..., Any]:
    from torch.nn import functional

    named: dict[str, Callable[..., Any]] = {
        "cross_entropy": functional.cross_entropy,
        "mse": functional.mse_loss,
        "l1": functional.l1_loss,
        "bce_with_logits": functional.binary_cross_entropy_with_logits,
    }
    if loss is None:
        return lambda value: value
    return named[loss] if isinstance(loss, str) else loss


def compare(
    model: Any, step: Step, loss: Any, arrays: Sequence[Array], *, steps: int, warmup: int, threads: int
) -> dict[str, Any]:
    """Return milliseconds per step, compiled and in PyTorch eager, and their ratio."""
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
