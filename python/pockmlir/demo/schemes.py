"""The whole demo: fine-tune a MobileNetV2 like a device, and compare accuracy and cost of four schemes.

A model that reads upright digits meets a user whose digits are turned by 90 degrees and inverted. Every scheme starts
from the same pretrained parameters, sees the same batches, and runs as a compiled step with frozen batch-norm
statistics.
"""

from __future__ import annotations

import copy
import statistics
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch.nn import functional

from .. import compiler
from ..api.optim import SGD
from ..api.scheme import Scheme
from ..errors import PockError
from ..loop import eager
from ..step import Step
from ..support.needs import require_matplotlib
from . import digits, picture
from .common import Bar, Bars, Recipe, costs
from .mobilenet import MobileNetV2
from .training import BATCH, SEED, Plan, fine_tune

__all__ = ["RECIPES", "Outcome", "Result", "run"]

LOSS = "cross_entropy"

LAST_LAYER = Scheme.last(1)

RECIPES = {
    "last": Recipe("last layer", "the classifier", LAST_LAYER, 0.3),
    "bias": Recipe("bias-only", "all biases and the classifier", Scheme.bias_only() | LAST_LAYER, 0.1),
    "sparse": Recipe(
        "sparse",
        "last 24 biases, expansions of blocks 11-14, half that of block 15, the classifier",
        Scheme.bias_only(last=24)
        | {f"blocks.{index}.expand.conv.weight": 1.0 for index in (11, 12, 13, 14)}
        | {"blocks.15.expand.conv.weight": 0.5}
        | LAST_LAYER,
        0.1,
    ),
    "full": Recipe("full", "everything", Scheme.full(), 0.01),
}


@dataclass
class Result:
    """What a scheme reached, and what it cost."""

    recipe: Recipe
    step: Step
    compile_seconds: float
    history: list[tuple[int, float]] = field(default_factory=list)
    speed: dict[str, Any] = field(default_factory=dict)

    @property
    def other_arena_bytes(self) -> int:
        """The arena without saved activations: what the largest moment adds to them."""
        return max(self.step.memory.arena - self.step.memory.saved, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return {
            "scheme": str(self.recipe.scheme),
            "accuracy_before": self.history[0][1],
            "accuracy_after": self.history[-1][1],
            **costs(self.step),
            "compiled_ms": self.speed["compiled"]["median_ms"],
            "eager_ms": self.speed["eager"]["median_ms"],
            "speedup": self.speed["speedup"],
            "compile_seconds": self.compile_seconds,
            "history": self.history,
        }


def pretrain(data: digits.Digits, steps: int, bar: Bar) -> MobileNetV2:
    """Train from scratch on upright digits, in PyTorch: what the maker of a device would ship."""
    torch.manual_seed(SEED)
    model = MobileNetV2()
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
    for x, y in data.factory.batches(32, steps, SEED):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.advance(f"loss {loss.item():.3f}")
    model.eval()
    return model


def compile_all(model: MobileNetV2, data: digits.Digits, bar: Bar) -> dict[str, Result]:
    """Compile one step per scheme."""
    example = (torch.from_numpy(data.user.x[:BATCH]),)
    results = {}
    for key, recipe in RECIPES.items():
        begin = time.perf_counter()
        optimizer = SGD(lr=recipe.lr, momentum=0.9)
        step = compiler.compile(
            model, example, loss=LOSS, optimizer=optimizer, scheme=recipe.scheme, name=f"digits_{key}"
        )
        results[key] = Result(recipe, step, time.perf_counter() - begin)
        bar.advance(recipe.title)
    return results


def write_artefacts(results: Mapping[str, Result], directory: Path) -> dict[str, str]:
    """Write what each scheme leaves behind; return what the patterns of the files are."""
    for key, result in results.items():
        folder = directory / key
        folder.mkdir(parents=True, exist_ok=True)
        result.step.save(folder / "checkpoint.safetensors")
        exported = folder / "export"
        result.step.export(exported)
        (folder / "report.txt").write_text(f"{result.step.report()}\n")
    scheme = directory / f"{{{','.join(results)}}}"
    return {
        "picture": draw(results, directory / "demo.png"),
        "checkpoints": f"{scheme}/checkpoint.safetensors",
        "libraries, header, manifest": f"{scheme}/export/",
        "reports": f"{scheme}/report.txt",
    }


def draw(results: Mapping[str, Result], path: Path) -> str:
    """Draw accuracy and memory if Matplotlib is installed; return the picture's path, or why there is none."""
    series = {
        result.recipe.title: picture.Series(
            result.history,
            {
                "parameters": result.step.memory.parameters,
                "optimizer state": result.step.memory.optimizer_state,
                "saved activations": result.step.memory.saved,
                "rest of the arena": result.other_arena_bytes,
            },
        )
        for result in results.values()
    }
    try:
        require_matplotlib(path.name)
    except PockError as error:
        return f"none: {error}"
    picture.draw(series, path)
    return str(path)


def make_table(results: Mapping[str, Result]) -> Table:
    """Return the demo's one table."""
    table = Table(box=box.SIMPLE_HEAD, title="Accuracy on held-out user data, and cost", title_justify="left")
    table.add_column("scheme", no_wrap=True)
    columns = ("before\n%", "after\n%", "trained\nparam.", "saved act.\nbytes", "arena\nbytes")
    for column in (*columns, "compiled\nms/step", "PyTorch\nms/step", "ratio"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results.values():
        figures = result.to_dict()
        table.add_row(
            result.recipe.title,
            f"{100 * figures['accuracy_before']:.1f}",
            f"[bold]{100 * figures['accuracy_after']:.1f}[/bold]",
            f"{figures['trained_parameters']:,}",
            f"{figures['saved_bytes']:,}",
            f"{figures['arena_bytes']:,}",
            f"{figures['compiled_ms']:.2f}",
            f"{figures['eager_ms']:.2f}",
            f"{figures['speedup']:.1f} x",
        )
    return table


@dataclass(frozen=True)
class Outcome:
    """What all schemes reached.

    Attributes:
        results: name of a scheme → its result.
        paths: what was written → where.
        elements: the number of the model's parameters.
        seconds: of the whole demo.
    """

    results: Mapping[str, Result]
    paths: Mapping[str, str]
    elements: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return {
            "schemes": {key: result.to_dict() for key, result in self.results.items()},
            "parameters": self.elements,
            "batch": BATCH,
            "seconds": self.seconds,
        }

    def show(self, figures: Path) -> None:
        """Print the table, then what explains it; ``figures`` is the file with all figures."""
        console = Console(highlight=False)
        console.width = max(console.width, 100)
        console.print()
        console.print(make_table(self.results))
        for result in self.results.values():
            console.print(f"  {result.recipe.title:<10}  {result.recipe.meaning}")
        console.print(
            f"\nBatch {BATCH}, SGD with momentum 0.9, {self.elements:,} parameters; arena = everything transient, saved "
            "activations included.\nTimes are medians, taken in turns, on one thread; PyTorch is eager with the same "
            "parameters frozen.",
            soft_wrap=True,
        )
        times = ", ".join(f"{result.recipe.title} {result.compile_seconds:.1f} s" for result in self.results.values())
        median = statistics.median(result.compile_seconds for result in self.results.values())
        console.print(
            f"Compiled in {times} (median {median:.1f} s); whole demo {self.seconds:.0f} s.\n", soft_wrap=True
        )
        for what, path in {**self.paths, "figures": figures}.items():
            console.print(f"  {what:<28} {path}", soft_wrap=True, markup=False)


def run(plan: Plan, directory: Path) -> Outcome:
    """Pretrain, compile, fine-tune and measure; write into the directory what each scheme leaves behind."""
    begin = time.perf_counter()
    # torch.export uses a deprecated function of its own.
    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    data = digits.load(seed=SEED)
    bars = Bars()
    with bars.progress:
        with bars.bar("pretrain (PyTorch)", plan.pretraining_steps) as bar:
            model = pretrain(data, plan.pretraining_steps, bar)
        with bars.bar("compile", len(RECIPES)) as bar:
            results = compile_all(copy.deepcopy(model), data, bar)
        for result in results.values():
            with bars.bar(f"fine-tune: {result.recipe.title}", plan.steps) as bar:
                result.history = fine_tune(result.step, result.recipe.lr, data, plan, bar)
        paths = write_artefacts(results, directory)
        with bars.bar("measure", len(results)) as bar:
            for result in results.values():
                # After everything is written: measuring trains on.
                batch = (data.user.x[:BATCH], data.user.y[:BATCH])
                result.speed = eager.compare(
                    model, result.step, LOSS, batch, steps=plan.timed_steps, warmup=3, threads=1
                )
                bar.advance(result.recipe.title)
    elements = sum(parameter.numel() for parameter in model.parameters())
    return Outcome(results, paths, elements, time.perf_counter() - begin)
