"""What both demos do: fine-tune a compiled step on the user's digits, and look how good it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..loop.epochs import evaluate
from ..step import Step
from .common import Bar
from .digits import Digits, Split

__all__ = ["BATCH", "SEED", "Plan", "accuracy", "fine_tune", "rate"]

SEED = 0
BATCH = 16


@dataclass(frozen=True)
class Plan:
    """How much is done."""

    pretraining_steps: int = 200
    steps: int = 300
    evaluate_every: int = 10
    timed_steps: int = 25

    @classmethod
    def quick(cls) -> Plan:
        """Return as little as still shows which scheme learns more."""
        return cls(pretraining_steps=120, steps=80, evaluate_every=20, timed_steps=5)


def fine_tune(step: Step, lr: float, data: Digits, plan: Plan, bar: Bar) -> list[tuple[int, float]]:
    """Train on the user's digits; return the accuracy on held-out ones on the way: (steps, share of right guesses).

    Args:
        step: the step, which changes.
        lr: the highest learning rate.
        data: the digits.
        plan: how many steps.
        bar: shows where it is.
    """
    history = [(0, accuracy(step, data.held_out))]
    for index, (x, y) in enumerate(data.user.batches(BATCH, plan.steps, SEED), start=1):
        loss = step(x, y, lr=lr * rate(index, plan.steps))
        if index % plan.evaluate_every == 0 or index == plan.steps:
            history.append((index, accuracy(step, data.held_out)))
        bar.advance(f"loss {loss:.3f}, accuracy {100 * history[-1][1]:.1f} %")
    return history


def rate(index: int, steps: int) -> float:
    """Rise in a tenth of the steps, then fall as a cosine: the rate is an argument of every step."""
    return min(10 * index / steps, 0.5 + 0.5 * math.cos(math.pi * index / steps))


def accuracy(step: Step, split: Split) -> float:
    """Return the share of right guesses."""
    return evaluate(step, {"x_test": split.x, "y_test": split.y})["test"]
