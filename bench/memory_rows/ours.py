"""Compiles a row and writes it for `resident`: ``python -m memory_rows.ours ROW VARIANT DIRECTORY``, in `bench/`.

The directory gets the files of `Step.export`, and the inputs of a step as ``input-<position>.bin``. Prints one JSON
object: figures of `pockmlir.Memory`, in bytes, and the seconds of the compilation; or `missing`, a keyword that
`pockmlir.compile` does not have.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
from peers.ours import batch, compiled
from peers.task import Task

from .variants import VARIANTS, variant_options

__all__ = ["FIGURES", "measure"]

#: Of `pockmlir.Memory`.
FIGURES = (
    *("arena", "lower_bound", "parameters", "optimizer_state", "constants", "state", "total"),
    *("saved", "gradients", "workspace", "launches"),
)


def missing(options: dict[str, Any]) -> str:
    """Return the first keyword that this version of `pockmlir.compile` does not have, or nothing."""
    known = inspect.signature(pock.compile).parameters
    return next((name for name in options if name not in known), "")


def fitted(task: Task, options: dict[str, Any]) -> pock.Step:
    """Compile; if no plan fits the memory limit, compile with the smallest limit that has one."""
    try:
        return compiled(task, **options)
    except pock.PockError as error:
        smallest = getattr(error, "smallest", None)
        if "memory_limit" not in options or smallest is None:
            raise
    return compiled(task, **options | {"memory_limit": smallest})


def export(step: pock.Step, task: Task, directory: Path) -> None:
    """Write the library, its memory images, its manifest, and one batch."""
    step.export(directory)
    manifest = json.loads((directory / "manifest.json").read_text())
    scalars = {"lr": np.float32(task.lr), "random_seed": np.int64(0), "random_step": np.int64(0)}
    tensors = iter(batch(task))
    for index, spec in enumerate(manifest["functions"]["step"]["inputs"]):
        value = scalars[spec["name"]] if spec["name"] in scalars else next(tensors)
        (directory / f"input-{index}.bin").write_bytes(value.tobytes())


def measure(row: str, variant: str, directory: Path) -> dict[str, Any]:
    """Compile a variant of a row, export it, and return its figures."""
    options = variant_options(variant)
    if name := missing(options):
        return {"missing": name}
    task = Task(row, VARIANTS[variant].scheme, 1, directory)
    step = fitted(task, options)
    export(step, task, directory)
    return {name: getattr(step.memory, name) for name in FIGURES} | {"seconds": sum(step.timings.values())}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
