"""Accuracy and cost of the schemes, as figures and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pockmlir as pock
import tokens
import training
from plans import BATCH, TARGET
from pockmlir.demo.common import Recipe, costs
from rich import box
from rich.console import Console
from rich.table import Table
from training import EagerStep


def accuracy(predictions: list[int], data: tokens.Tokens) -> float:
    """Return the share of right guesses."""
    return float((data.labels == predictions).mean())


@dataclass
class Run:
    """What a training run reached.

    Attributes:
        losses: of every step.
        predictions: split → classes seen after the last step.
        accuracy: split → share of right ones among them.
    """

    losses: list[float]
    predictions: dict[str, list[int]]
    accuracy: dict[str, float]

    @classmethod
    def of(cls, losses: list[float], step: pock.Step | EagerStep, target: Mapping[str, tokens.Tokens]) -> Run:
        """Let the trained model read what it has not been trained on."""
        splits = {name: split for name, split in target.items() if name != "train"}
        predictions = {name: training.predict(step, split, BATCH) for name, split in splits.items()}
        return cls(losses, predictions, {name: accuracy(predictions[name], split) for name, split in splits.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        validation = self.accuracy["validation"]
        return {"accuracy_after": self.accuracy["test"], "validation_accuracy": validation, "losses": self.losses}

    def differences(self, other: Run) -> dict[str, float]:
        """Say how far apart two runs are."""
        losses = zip(self.losses, other.losses, strict=True)
        predictions = zip(self.predictions["test"], other.predictions["test"], strict=True)
        return {
            "largest_loss_difference": max(abs(ours - theirs) for ours, theirs in losses),
            "different_predictions": sum(ours != theirs for ours, theirs in predictions),
        }


@dataclass
class Result:
    """What a scheme reached, and what it cost."""

    recipe: Recipe
    step: pock.Step
    compile_seconds: float
    accuracy_before: float
    run: Run
    eager: Run | None
    milliseconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        pytorch = self.eager.to_dict() | self.run.differences(self.eager) if self.eager else None
        return self.run.to_dict() | {
            "accuracy_before": self.accuracy_before,
            "pytorch": pytorch,
            "scheme": str(self.recipe.scheme),
            "lr": self.recipe.lr,
            **costs(self.step),
            "compiled_ms": self.milliseconds["compiled"],
            "eager_ms": self.milliseconds["eager"],
            "speedup": self.milliseconds["eager"] / self.milliseconds["compiled"],
            "compile_seconds": self.compile_seconds,
        }


def make_table(results: Mapping[str, Result]) -> Table:
    """Return the one table."""
    table = Table(box=box.SIMPLE_HEAD, title="Accuracy on the test set, and cost", title_justify="left")
    table.add_column("scheme", no_wrap=True)
    for column in ("before\n%", "after\n%", "PyTorch\n%", "trained\nparam.", "saved act.\nbytes", "arena\nbytes"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in ("compiled\nms/step", "PyTorch\nms/step", "ratio", "compile\ns"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results.values():
        figures = result.to_dict()
        table.add_row(
            result.recipe.title,
            f"{100 * figures['accuracy_before']:.1f}",
            f"[bold]{100 * figures['accuracy_after']:.1f}[/bold]",
            f"{100 * result.eager.accuracy['test']:.1f}" if result.eager else "-",
            f"{figures['trained_parameters']:,}",
            f"{figures['saved_bytes']:,}",
            f"{figures['arena_bytes']:,}",
            f"{figures['compiled_ms']:.1f}",
            f"{figures['eager_ms']:.1f}",
            f"{figures['speedup']:.1f} x",
            f"{figures['compile_seconds']:.1f}",
        )
    return table


def show(results: Mapping[str, Result], figures: Mapping[str, Any], out: Path) -> None:
    """Print the table, then what explains it."""
    console = Console(highlight=False)
    console.width = max(console.width, 120)
    console.print()
    console.print(make_table(results))
    for result in results.values():
        console.print(f"  {result.recipe.title:<10}  {result.recipe.meaning}")
    console.print(
        f"\n{figures['parameters']:,} parameters, batch {BATCH}, {figures['steps']} steps, "
        f"{figures['sentences']['train']:,} sentences to train on, {figures['sentences']['test']:,} to test.\n"
        f"Right without a network: {100 * figures['word_counts_accuracy']:.1f} % by logistic regression on tf-idf, "
        f"{100 / len(TARGET):.1f} % by guessing.\n"
        "Times are medians, taken in turns, on one thread; PyTorch is eager with the same parameters frozen.",
        soft_wrap=True,
    )
    for result in results.values():
        if result.eager:
            eager = result.to_dict()["pytorch"]
            console.print(
                f"{result.recipe.title} beside PyTorch: losses differ by at most "
                f"{eager['largest_loss_difference']:.0e}, {eager['different_predictions']} of "
                f"{figures['sentences']['test']:,} predictions differ.",
                soft_wrap=True,
            )
    console.print(f"Whole run {figures['seconds']:.0f} s; figures and picture in {out}/.", soft_wrap=True)
