"""The demo without PyTorch: fine-tune a network with a compiled step that ships in the package.

The step is made for any x86-64 processor with AVX2, by tools/demo_step.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from ..errors import TargetError
from ..loading import load
from ..loop.eager import measure
from ..step import Step
from ..support.needs import TORCH_COMMAND
from ..support.sizes import format_bytes
from . import digits
from .common import Bars, costs
from .training import BATCH, SEED, Plan, fine_tune

__all__ = ["RATE", "STEP_FILE", "Outcome", "load_step", "run"]

STEP_FILE = Path(__file__).with_name("digits.pock")
#: The highest learning rate.
RATE = 0.1


@dataclass(frozen=True)
class Outcome:
    """What the step reached, and what it cost.

    Attributes:
        step: the step, after training.
        history: (step, share of right guesses on held-out digits).
        milliseconds: median of a training step.
        seconds: of the whole demo.
        checkpoint: the trained parameters.
    """

    step: Step
    history: list[tuple[int, float]]
    milliseconds: float
    seconds: float
    checkpoint: Path

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return {
            "accuracy_before": self.history[0][1],
            "accuracy_after": self.history[-1][1],
            "steps": self.history[-1][0],
            **costs(self.step),
            "compiled_ms": self.milliseconds,
            "batch": BATCH,
            "seconds": self.seconds,
            "history": self.history,
        }

    def show(self, figures: Path) -> None:
        """Print what happened, what it cost, and how to get the whole demo; ``figures`` is the file with all figures."""
        report, memory = self.step.report(), self.step.memory
        before, after = (100 * self.history[index][1] for index in (0, -1))
        rows = {
            "accuracy on held-out digits": f"{before:.1f} % → {after:.1f} %",
            "trained": f"{report.trained_elements:,} of {report.elements:,} parameters, "
            f"{self.history[-1][0]} steps of {BATCH} pictures",
            "time": f"{self.milliseconds:.2f} ms per step on one thread; {self.seconds:.1f} s in all",
            "memory": f"{format_bytes(memory.total)}: parameters {format_bytes(memory.parameters)}, optimizer state "
            f"{format_bytes(memory.optimizer_state)}, everything transient {format_bytes(memory.arena)}",
            "checkpoint": str(self.checkpoint),
            "figures": str(figures),
        }
        console = Console(highlight=False)
        console.print(
            "\nA network that reads upright digits meets a user whose digits are turned and inverted.", soft_wrap=True
        )
        console.print()
        for name, text in rows.items():
            console.print(f"  {name:<28} {text}", soft_wrap=True, markup=False)
        console.print(
            "\nThis step was compiled before it was shipped. With PyTorch, the demo compiles a MobileNetV2 under four "
            f"schemes and compares it with PyTorch:\n  {TORCH_COMMAND}",
            soft_wrap=True,
            markup=False,
        )


def load_step() -> Step:
    """Load the step that ships in the package.

    Raises:
        TargetError: this machine cannot run it; the message says what to do.
    """
    try:
        return load(STEP_FILE)
    except TargetError as error:
        raise TargetError(f"{error}; with PyTorch, the demo compiles for this machine: {TORCH_COMMAND}") from None


def run(plan: Plan, directory: Path) -> Outcome:
    """Fine-tune the step; write its parameters into the directory."""
    begin = time.perf_counter()
    step = load_step()
    data = digits.load(step.inputs[0].shape[-1], SEED)
    bars = Bars()
    with bars.progress, bars.bar("fine-tune", plan.steps) as bar:
        history = fine_tune(step, RATE, data, plan, bar)
    directory.mkdir(parents=True, exist_ok=True)
    checkpoint = directory / "checkpoint.safetensors"
    step.save(checkpoint)
    # After everything is written: measuring trains on.
    batch = data.user.x[:BATCH], data.user.y[:BATCH]
    times = measure({"compiled": lambda: step(*batch)}, steps=plan.timed_steps, warmup=3)
    return Outcome(step, history, times["compiled"]["median_ms"], time.perf_counter() - begin, checkpoint)
