"""ONNX Runtime training 1.19.2, the last release: exported ONNX, gradient graph and SGD as its own artifacts.

It only supports batch norm with the statistics of the batch; the exported model uses equivalent arithmetic instead.
Export runs in another process, ``python -m peers.onnxruntime ROW SCHEME THREADS DIRECTORY OUT``, so that the memory
of this one is the runtime's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .task import Task, Training

OPSET = 15


def write(task: Task, out: Path) -> None:
    """Write the artifacts for training, and the model for inference."""
    import onnx
    import torch
    from onnxruntime.training import artifacts

    from .graph import Graph
    from .torch_backend import Logits

    graph = Graph(task.directory)
    logits = Logits(graph)
    path = out / "model.onnx"
    batch = [torch.from_numpy(value) for value in graph.data]
    torch.onnx.export(
        logits,
        tuple(batch[:-1]),
        str(path),
        dynamo=False,
        opset_version=OPSET,
        # Any other mode makes one parameter of those that start equal.
        training=torch.onnx.TrainingMode.TRAINING,
        do_constant_folding=False,
        input_names=[f"input{index}" for index in range(len(batch) - 1)],
        output_names=["logits"],
    )
    trained = {logits.names[name] for name in task.trained}
    parameters = [tensor.name for tensor in onnx.load(path).graph.initializer]
    if missing := trained - set(parameters):
        raise ValueError(f"the export has no {', '.join(sorted(missing)[:3])}")
    artifacts.generate_artifacts(
        str(path),
        requires_grad=sorted(trained),
        frozen_params=sorted(set(logits.names.values()) & set(parameters) - trained),
        loss=artifacts.LossType.CrossEntropyLoss,
        optimizer=artifacts.OptimType.SGD,
        artifact_directory=str(out),
    )
    data = [*graph.data[:-1], graph.data[-1].reshape(-1)]  # one class per row of the logits
    np.savez(out / "batch.npz", **{str(index): value for index, value in enumerate(data)})


class Trained(Training):
    def __init__(self, task: Task) -> None:
        import onnxruntime
        from onnxruntime.training.api import CheckpointState, Module, Optimizer

        self.folder = tempfile.TemporaryDirectory()
        out = Path(self.folder.name)
        arguments = [task.row, task.scheme, task.threads, task.directory, out]
        command = [sys.executable, "-m", "peers.onnxruntime", *(str(argument) for argument in arguments)]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError((done.stderr.splitlines() or ["?"])[-1][:300])
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = task.threads
        state = CheckpointState.load_checkpoint(str(out / "checkpoint"))
        self.module = Module(str(out / "training_model.onnx"), state, None, session_options=self.options)
        self.optimizer = Optimizer(str(out / "optimizer_model.onnx"), self.module)
        self.optimizer.set_learning_rate(task.lr)
        with np.load(out / "batch.npz") as arrays:
            self.batch = [arrays[name] for name in arrays.files]
        self.module.train()

    def step(self) -> float:
        loss = self.module(*self.batch)
        self.optimizer.step()
        self.module.lazy_reset_grad()
        return float(loss)

    def prepare(self) -> None:
        import onnxruntime

        path = str(Path(self.folder.name) / "model.onnx")
        self.session: Any = onnxruntime.InferenceSession(path, self.options, providers=["CPUExecutionProvider"])
        self.feed = {f"input{index}": value for index, value in enumerate(self.batch[:-1])}

    def forward(self) -> None:
        self.session.run(None, self.feed)


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    return {"": lambda: Trained(task)}


if __name__ == "__main__":
    row, scheme, threads, directory, out = sys.argv[1:]
    write(Task(row, scheme, int(threads), Path(directory)), Path(out))
