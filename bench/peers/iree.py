"""IREE: JAX's step through StableHLO to machine code; the results of a step are the arguments of the next one.

JAX and the compiler run in another process, ``python -m peers.iree ROW SCHEME THREADS DIRECTORY OUT``, so that the
memory of this one is the runtime's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .task import Task, Training

CPU = "--iree-llvmcpu-target-cpu=host"
#: The second level is for modules that the first one cannot compile.
LEVELS = (["--iree-opt-level=O3"], [])


def binary_of(module: str) -> bytes:
    """Compile StableHLO at the highest optimization level that works."""
    from iree.compiler import CompilerToolError, compile_str

    for flags in LEVELS:
        try:
            return compile_str(module, input_type="stablehlo", target_backends=["llvm-cpu"], extra_args=[CPU, *flags])
        except CompilerToolError:
            if flags == LEVELS[-1]:
                raise
    raise AssertionError("the last level returns or raises")


def write(task: Task, out: Path) -> None:
    """Compile step and inference, and write them with their first arguments to a folder."""
    import jax

    from .graph import Graph
    from .jax import Jax, data_of, functions

    graph = Graph(task.directory)
    found = functions(task, graph, Jax(channels_last=True))
    batch = data_of(graph)
    values = (found.trained, found.frozen)
    for name, function, data in (("step", found.step, batch), ("forward", found.forward, batch[:-1])):
        module = jax.export.export(jax.jit(function, keep_unused=True))(*values, *data).mlir_module()
        (out / f"{name}.vmfb").write_bytes(binary_of(module))
    frozen = [found.frozen[name] for name in sorted(found.frozen)]  # the order of JAX's trees
    for name, arrays in (("trained", found.trained), ("frozen", frozen), ("batch", batch)):
        np.savez(out / f"{name}.npz", **{str(index): array for index, array in enumerate(arrays)})


class Trained(Training):
    def __init__(self, task: Task) -> None:
        from iree import runtime

        with tempfile.TemporaryDirectory() as folder:
            arguments = [task.row, task.scheme, task.threads, task.directory, folder]
            command = [sys.executable, "-m", "peers.iree", *(str(argument) for argument in arguments)]
            done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                raise RuntimeError(_reason(done.stderr))
            runtime.flags.parse_flags(f"--task_topology_group_count={task.threads}")
            config = runtime.Config("local-sync" if task.threads == 1 else "local-task")
            self._step = self._load(runtime, config, Path(folder) / "step.vmfb")
            self._forward = self._load(runtime, config, Path(folder) / "forward.vmfb")
            self.trained, self.frozen, self.batch = (
                [runtime.asdevicearray(config.device, array) for array in self._arrays(Path(folder) / f"{name}.npz")]
                for name in ("trained", "frozen", "batch")
            )

    @staticmethod
    def _load(runtime: Any, config: Any, path: Path) -> Callable[..., Any]:
        context = runtime.SystemContext(config=config)
        module = runtime.VmModule.copy_buffer(config.vm_instance, path.read_bytes())
        context.add_vm_module(module)
        return context.modules[module.name]["main"]

    @staticmethod
    def _arrays(path: Path) -> Sequence[np.ndarray]:
        with np.load(path) as arrays:
            return [arrays[name] for name in arrays.files]

    def step(self) -> float:
        loss, *self.trained = self._step(*self.trained, *self.frozen, *self.batch)
        return float(loss.to_host())

    def forward(self) -> None:
        self._forward(*self.trained, *self.frozen, *self.batch[:-1]).to_host()


def _reason(errors: str) -> str:
    """The first error in the output of a compiler."""
    lines = [line for line in errors.splitlines() if "rror" in line]
    return (lines or errors.splitlines()[-1:] or ["?"])[0][:300]


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    return {"": lambda: Trained(task)}


if __name__ == "__main__":
    row, scheme, threads, directory, out = sys.argv[1:]
    os.environ["JAX_PLATFORMS"] = "cpu"
    write(Task(row, scheme, int(threads), Path(directory)), Path(out))
