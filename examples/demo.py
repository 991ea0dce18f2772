"""Fine-tune a MobileNetV2 like a device: accuracy and cost of four schemes.

Run by ``make demo``. A model that reads upright digits meets a user whose digits are turned
by 90 degrees and inverted. Every scheme starts from the same pretrained parameters, sees the
same batches, and runs as a compiled step with frozen batch-norm statistics.
"""

from __future__ import annotations

import copy
import json
import math
import statistics
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import demo_picture
import digits
import numpy as np
import pockmlir as pock
import torch
from common import Bar, Bars, Recipe
from mobilenet import MobileNetV2
from pockmlir.loop import eager
from rich import box
from rich.console import Console
from rich.table import Table
from torch.nn import functional

SEED = 0
BATCH = 16
LOSS = "cross_entropy"


LAST_LAYER = pock.Scheme.last(1)

RECIPES = {
    "last": Recipe("last layer", "the classifier", LAST_LAYER, 0.3),
    "bias": Recipe("bias-only", "all biases and the classifier", pock.Scheme.bias_only() | LAST_LAYER, 0.1),
    "sparse": Recipe(
        "sparse",
        "last 24 biases, expansions of blocks 11-14, half that of block 15, the classifier",
        pock.Scheme.bias_only(last=24)
        | {f"blocks.{index}.expand.conv.weight": 1.0 for index in (11, 12, 13, 14)}
        | {"blocks.15.expand.conv.weight": 0.5}
        | LAST_LAYER,
        0.1,
    ),
    "full": Recipe("full", "everything", pock.Scheme.full(), 0.01),
}


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


@dataclass
class Result:
    """What a scheme reached, and what it cost."""

    recipe: Recipe
    step: pock.Step
    compile_seconds: float
    history: list[tuple[int, float]] = field(default_factory=list)
    speed: dict[str, Any] = field(default_factory=dict)

    @property
    def other_arena_bytes(self) -> int:
        """The arena without saved activations: what the largest moment adds to them."""
        return max(self.step.memory.arena - self.step.memory.saved, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        memory = self.step.memory
        return {
            "scheme": str(self.recipe.scheme),
            "accuracy_before": self.history[0][1],
            "accuracy_after": self.history[-1][1],
            "trained_parameters": self.step.report().trained_elements,
            "parameter_bytes": memory.parameters,
            "optimizer_bytes": memory.optimizer_state,
            "saved_bytes": memory.saved,
            "arena_bytes": memory.arena,
            "compiled_ms": self.speed["compiled"]["median_ms"],
            "eager_ms": self.speed["eager"]["median_ms"],
            "speedup": self.speed["speedup"],
            "compile_seconds": self.compile_seconds,
            "history": self.history,
        }


def pretrain(data: digits.Digits, steps: int, bar: Bar) -> MobileNetV2:
    """Train from scratch on upright digits, in PyTorch: what the maker of a device would ship."""
    torch.manual_seed(SEED)
    model = MobileNetV2().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=steps)
    for x, y in data.factory.batches(32, steps, SEED):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.advance(f"loss {loss.item():.3f}")
    return model.eval()


def compile_all(model: MobileNetV2, data: digits.Digits, bar: Bar) -> dict[str, Result]:
    """Compile one step per scheme."""
    example = (torch.from_numpy(data.user.x[:BATCH]),)
    results = {}
    for key, recipe in RECIPES.items():
        begin = time.perf_counter()
        optimizer = pock.SGD(lr=recipe.lr, momentum=0.9)
        step = pock.compile(model, example, loss=LOSS, optimizer=optimizer, scheme=recipe.scheme, name=f"digits_{key}")
        results[key] = Result(recipe, step, time.perf_counter() - begin)
        bar.advance(recipe.title)
    return results


def fine_tune(result: Result, data: digits.Digits, plan: Plan, bar: Bar) -> None:
    """Train one scheme on the user's data; remember the accuracy on held-out data on the way."""
    step = result.step
    result.history.append((0, accuracy(step, data.held_out)))
    for index, (x, y) in enumerate(data.user.batches(BATCH, plan.steps, SEED), start=1):
        loss = step(x, y, lr=result.recipe.lr * rate(index, plan.steps))
        note = f"loss {loss:.3f}"
        if index % plan.evaluate_every == 0 or index == plan.steps:
            result.history.append((index, accuracy(step, data.held_out)))
        bar.advance(f"{note}, accuracy {100 * result.history[-1][1]:.1f} %")


def rate(index: int, steps: int) -> float:
    """Rise in a tenth of the steps, then fall as a cosine: the rate is an argument of every step."""
    return min(10 * index / steps, 0.5 + 0.5 * math.cos(math.pi * index / steps))


def accuracy(step: pock.Step, split: digits.Split) -> float:
    """Return the share of right guesses; the compiled forward pass takes whole batches only."""
    right = 0
    for begin in range(0, len(split.x), BATCH):
        x, y = split.x[begin : begin + BATCH], split.y[begin : begin + BATCH]
        filled = np.concatenate([x, split.x[: BATCH - len(x)]])
        right += int((step.predict(filled).argmax(1)[: len(y)] == y).sum())
    return right / len(split.x)


def write_artefacts(results: dict[str, Result], directory: Path) -> dict[str, str]:
    """Write what each scheme leaves behind; return what the patterns of the files are."""
    for key, result in results.items():
        folder = directory / key
        folder.mkdir(parents=True, exist_ok=True)
        result.step.save(folder / "checkpoint.safetensors")
        exported = folder / "export"
        result.step.export(exported)
        (folder / "report.txt").write_text(f"{result.step.report()}\n")
    demo_picture.draw(
        {
            result.recipe.title: demo_picture.Series(
                result.history,
                {
                    "parameters": result.step.memory.parameters,
                    "optimizer state": result.step.memory.optimizer_state,
                    "saved activations": result.step.memory.saved,
                    "rest of the arena": result.other_arena_bytes,
                },
            )
            for result in results.values()
        },
        directory / "demo.png",
    )
    scheme = directory / f"{{{','.join(results)}}}"
    return {
        "picture": str(directory / "demo.png"),
        "checkpoints": f"{scheme}/checkpoint.safetensors",
        "libraries, header, manifest": f"{scheme}/export/",
        "reports": f"{scheme}/report.txt",
    }


def make_table(results: dict[str, Result]) -> Table:
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


def show(results: dict[str, Result], paths: dict[str, str], elements: int, seconds: float) -> None:
    """Print the table, then what explains it."""
    console = Console(highlight=False)
    console.width = max(console.width, 100)
    console.print()
    console.print(make_table(results))
    for result in results.values():
        console.print(f"  {result.recipe.title:<10}  {result.recipe.meaning}")
    console.print(
        f"\nBatch {BATCH}, SGD with momentum 0.9, {elements:,} parameters; arena = everything transient, saved "
        "activations included.\nTimes are medians, taken in turns, on one thread; PyTorch is eager with the same "
        "parameters frozen.",
        soft_wrap=True,
    )
    times = ", ".join(f"{result.recipe.title} {result.compile_seconds:.1f} s" for result in results.values())
    median = statistics.median(result.compile_seconds for result in results.values())
    console.print(f"Compiled in {times} (median {median:.1f} s); whole demo {seconds:.0f} s.\n", soft_wrap=True)
    for what, path in paths.items():
        console.print(f"  {what:<28} {path}", soft_wrap=True)


@click.command()
@click.option("--quick", is_flag=True, help="Fewer steps, for tests.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON instead of a table.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/demo"), show_default=True)
def main(quick: bool, as_json: bool, out: Path) -> None:
    """Fine-tune a small MobileNetV2 on digits of another kind, under four schemes."""
    begin = time.perf_counter()
    # torch.export uses a deprecated function of its own.
    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    plan = Plan.quick() if quick else Plan()
    data = digits.load(seed=SEED)
    bars = Bars()
    with bars.progress:
        with bars.bar("pretrain (PyTorch)", plan.pretraining_steps) as bar:
            model = pretrain(data, plan.pretraining_steps, bar)
        with bars.bar("compile", len(RECIPES)) as bar:
            results = compile_all(copy.deepcopy(model), data, bar)
        for result in results.values():
            with bars.bar(f"fine-tune: {result.recipe.title}", plan.steps) as bar:
                fine_tune(result, data, plan, bar)
        paths = write_artefacts(results, out)
        with bars.bar("measure", len(results)) as bar:
            for result in results.values():
                # After everything is written: measuring trains on.
                batch = (data.user.x[:BATCH], data.user.y[:BATCH])
                result.speed = eager.compare(
                    model, result.step, LOSS, batch, steps=plan.timed_steps, warmup=3, threads=1
                )
                bar.advance(result.recipe.title)
    elements = sum(parameter.numel() for parameter in model.parameters())
    seconds = time.perf_counter() - begin
    figures = {
        "schemes": {key: result.to_dict() for key, result in results.items()},
        "parameters": elements,
        "batch": BATCH,
        "seconds": seconds,
    }
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    else:
        show(results, paths | {"figures": str(out / "figures.json")}, elements, seconds)


if __name__ == "__main__":
    try:
        main()
    except pock.PockError as error:
        sys.exit(f"demo: {error}")
