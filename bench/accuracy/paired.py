"""Trains the float32 network and the int8 network of a task on the same examples, in the same order, from one head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from .compiled import Compiled
from .task import Array, Examples, Task
from .variant import Variant, gradients_of

__all__ = ["Row", "Trainer", "batches", "choose_rate", "error_of_mean", "schedule", "subjects", "train", "variants"]

#: The seed of the runs that choose the learning rate; those of the table are smaller.
CHOOSING = 1000


class Trainer(Protocol):
    """Something that trains with a learning rate from outside."""

    def start(self, changes: Mapping[str, Array], seed: int) -> None:
        """Go back to the pretrained parameters, except for those that are given; forget the optimizer's state."""

    def step(self, examples: Examples, lr: float) -> None:
        """Train on one batch."""

    def logits(self, examples: Examples) -> Array:
        """Return the outputs of one batch."""


@dataclass(frozen=True)
class Row:
    """Accuracies of one seed on the test split, in percent.

    Attributes:
        float32: of the float32 network.
        int8: of the int8 network, with the same learning rate.
        others: of variants of the int8 network, by name.
    """

    seed: int
    float32: float
    int8: float
    others: dict[str, float] = field(default_factory=dict)

    @property
    def difference(self) -> float:
        """int8 minus float32, in points."""
        return self.int8 - self.float32


def error_of_mean(values: Sequence[float]) -> float:
    """Return the standard error of the mean; NaN for a single value."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")


def subjects(task: Task) -> tuple[Compiled, Compiled]:
    """Compile the network in float32 and in int8."""
    return Compiled(task, task.model), Compiled(task, task.quantized, precision="int8")


def variants(task: Task) -> dict[str, Trainer]:
    """The int8 network with 16-bit gradients, and with updates that are worse."""
    compiled = gradients_of(task)
    return {
        "int16 gradients": Compiled(task, task.quantized, precision="int8", gradients="int16"),
        "without QAS": Variant(compiled, scaled=False),
        "truncated": Variant(compiled, rounding="truncate"),
    }


def choose_rate(task: Task, real: Trainer, epochs: int) -> float:
    """Return the learning rate with the highest accuracy of float32 on the validation split."""

    def validated(lr: float) -> float:
        train(task, real, CHOOSING, epochs, lr)
        return accuracy(task, real, task.validation)

    return max(task.rates, key=validated)


def train(task: Task, trainer: Trainer, seed: int, epochs: int, lr: float) -> None:
    """Train from the pretrained parameters; the seed decides on the examples, their order and the head."""
    random = np.random.default_rng(seed)
    trainer.start(fresh_head(task, random), seed)
    examples = task.training.at(task.draw(random))
    for epoch in range(epochs):
        rate = schedule(lr, epoch, epochs)
        for chosen in batches(len(examples), task.batch, random):
            trainer.step(examples.at(chosen), rate)


def fresh_head(task: Task, random: np.random.Generator) -> dict[str, Array]:
    """Return small random weights for the classifier, and biases of zero."""
    weight, bias = (task.model.get_parameter(f"{task.head}.{kind}") for kind in ("weight", "bias"))
    drawn = random.normal(0, 0.01, tuple(weight.shape)).astype(np.float32)
    return {f"{task.head}.weight": drawn, f"{task.head}.bias": np.zeros(tuple(bias.shape), np.float32)}


def schedule(lr: float, epoch: int, epochs: int) -> float:
    """Return the learning rate of an epoch: half a cosine from ``lr`` towards 0."""
    return float(lr * 0.5 * (1 + np.cos(np.pi * epoch / epochs)))


def batches(count: int, size: int, random: np.random.Generator) -> Iterator[Array]:
    """Yield the indices of full batches, shuffled."""
    order = random.permutation(count)
    for begin in range(0, count - size + 1, size):
        yield order[begin : begin + size]


def accuracy(task: Task, trainer: Trainer, examples: Examples) -> float:
    """Return the percentage of right predictions."""
    right = 0
    for begin in range(0, len(examples), task.batch):
        # The last batch is filled up with the first examples: a step has one size.
        chosen = np.arange(begin, begin + task.batch) % len(examples)
        count = min(task.batch, len(examples) - begin)
        part = examples.at(chosen)
        right += int((trainer.logits(part).argmax(1) == part.labels)[:count].sum())
    return 100 * right / len(examples)
