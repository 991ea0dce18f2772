"""The calls of a run: predict the test samples, train, predict again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..artifact.manifest import Array
from ..errors import ArgumentError
from ..loop.batches import batch_indices, step_arrays
from ..step import Step
from .requests import Request

__all__ = ["Operation", "Workload"]


@dataclass(frozen=True)
class Operation:
    """One call that a user would make: of the step, or of ``predict``.

    Attributes:
        kind: ``step`` or ``predict``.
        inputs: its arguments by name.
        labels: the expected classes of a prediction; the batch may be longer.
        when: for predictions, ``before`` or ``after`` training.
    """

    kind: Literal["train", "predict"]
    inputs: Mapping[str, Array]
    labels: Array | None = None
    when: str = ""

    def request(self, step: Step) -> Request:
        """Return the call of the compiled step for this operation."""
        return Request(*(step.request(**self.inputs) if self.kind == "train" else step.predict_request(**self.inputs)))


@dataclass(frozen=True)
class Workload:
    """All operations of a run."""

    operations: Sequence[Operation]

    @classmethod
    def of(cls, step: Step, data: Mapping[str, Array], *, steps: int, seed: int) -> Workload:
        """Train on shuffled complete batches of ``x`` and ``y``, as `pock train` does; predict ``x_test``.

        Raises:
            ArgumentError: the data does not fit the step.
        """
        names = step_arrays(step, data)
        inputs = [spec.name for spec in step.inputs]
        samples, batch = len(data[names[0]]), step.inputs[0].shape[0]
        if steps < 1:
            raise ArgumentError(f"steps: expected at least 1, but got {steps}")
        indices = batch_indices(samples, batch, seed)
        training = [
            Operation("train", {name: data[source][chosen] for name, source in zip(inputs, names, strict=True)})
            for chosen in (next(indices) for _ in range(steps))
        ]
        before = _predictions(step, data, "before")
        after = _predictions(step, data, "after")
        return cls([*before, *training, *after])

    def losses(self, outputs: Sequence[Mapping[str, Array]]) -> list[float]:
        """Return the loss of every training call, given the outputs of all operations."""
        pairs = zip(self.operations, outputs, strict=True)
        return [float(output["loss"]) for operation, output in pairs if operation.kind == "train"]

    def accuracy(self, outputs: Sequence[Mapping[str, Array]]) -> dict[str, float]:
        """Return the share of correct predictions before and after training; empty without test samples."""
        right: dict[str, list[bool]] = {}
        for operation, output in zip(self.operations, outputs, strict=True):
            if operation.labels is not None:
                (scores,) = output.values()
                guesses = scores.argmax(axis=1)[: len(operation.labels)]
                right.setdefault(operation.when, []).extend(guesses == operation.labels)
        return {when: float(np.mean(hits)) for when, hits in right.items()}


def _predictions(step: Step, data: Mapping[str, Array], when: str) -> list[Operation]:
    """Predict the test samples, if they have classes; the last batch is padded."""
    function = step.artifact.manifest.functions.get("predict")
    try:
        *sources, target = step_arrays(step, data, "_test")
    except ArgumentError:
        return []
    labels = data[target]
    shapes = [spec.shape for spec in function.outputs] if function else []
    if [len(shape) for shape in shapes] != [2] or labels.dtype.kind != "i" or labels.ndim != 1:
        return []
    names = [spec.name for spec in step.inputs]
    batch = step.inputs[0].shape[0]
    operations = []
    for begin in range(0, len(labels), batch):
        chosen = np.arange(begin, begin + batch)
        chosen[chosen >= len(labels)] = begin
        inputs = {name: data[source][chosen] for name, source in zip(names, sources, strict=False)}
        operations.append(Operation("predict", inputs, labels[begin : begin + batch], when))
    return operations
