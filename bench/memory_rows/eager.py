"""PyTorch eager's memory: ``python -m memory_rows.eager ROW SCHEME STEPS``, started in `bench/`.

Prints one JSON object; all sizes are in bytes:

* `resident_step`: growth of the resident set from before the steps to their peak: activations, gradients, and memory
  of operators and oneDNN. One step has run before, so that code and caches exist already; the memory that it freed
  has been returned to the system;
* `resident`: growth from before the model was built to the same peak;
* `live`: peak of live bytes of tensors during a step, except parameters, buffers and inputs;
* `allocated`: peak of the bytes allocated by PyTorch's CPU allocator during a step;
* `losses`: the losses of the first steps.

Images are contiguous and SGD is not fused: no other setting of `peers.eager` needs less memory.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from pathlib import Path
from typing import Any

from peers.eager import Eager
from peers.task import Task
from peers.worker import forget_peak, resident

from .live import LiveBytes, allocated


def give_back() -> None:
    """Return free memory of the heap to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def measure(task: Task, steps: int) -> dict[str, Any]:
    """Train in this process, which must not have run anything else."""
    give_back()
    empty = resident("VmRSS")
    training = Eager(task, channels_last=False, fused=False)

    def forget_gradients() -> None:
        training.optimizer.zero_grad(set_to_none=True)
        give_back()

    losses = [training.step()]
    forget_gradients()
    ready = resident("VmRSS")
    forget_peak()
    losses += [training.step() for _ in range(steps)]
    peak = resident()
    forget_gradients()
    model, arguments = training.loaded.whole, training.loaded.arguments
    with LiveBytes([*model.parameters(), *model.buffers(), *arguments]) as tensors:
        training.step()
    forget_gradients()
    return {
        "resident_step": peak - ready,
        "resident": peak - empty,
        "live": tensors.peak,
        "allocated": allocated(training.step),
        "losses": losses,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Task(sys.argv[1], sys.argv[2], 1, Path()), int(sys.argv[3]))))
