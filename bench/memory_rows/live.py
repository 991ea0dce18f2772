"""Exact peaks of the memory of a training step in PyTorch: `LiveBytes` sees tensors, `allocated` the allocator."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

__all__ = ["LiveBytes", "allocated"]


class LiveBytes(TorchDispatchMode):
    """Follows the storages of all tensors that operators return, those of the backward pass too.

    Views count once, with the storage that they share; what an operator allocates and frees inside does not count.

    Args:
        known: tensors that were there before: parameters, buffers, inputs.

    Attributes:
        live: bytes alive now.
        peak: the most that were alive at one time.
    """

    def __init__(self, known: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        self.live = 0
        self.peak = 0
        self._alive: set[int] = {tensor.untyped_storage()._cdata for tensor in known}

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor):
                self._follow(value.untyped_storage())
        self.peak = max(self.peak, self.live)
        return result

    def _follow(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._alive:
            return
        size = storage.nbytes()
        self._alive.add(key)
        self.live += size
        # The Python object lives as long as the storage does.
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.live -= size


def allocated(run: Callable[[], object]) -> int:
    """Return the most bytes that PyTorch's CPU allocator had given out at one time during a call, beyond those before.

    This has what operators allocate for themselves, but not what oneDNN does.
    """
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak
