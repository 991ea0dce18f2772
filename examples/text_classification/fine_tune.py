"""Fine-tune a BERT on sentences of docstrings: four schemes, and PyTorch doing the same.

The body is pretrained to tell fifteen packages apart by their sentences, then fine-tuned to tell
six others apart. All training but PyTorch's own runs as compiled steps.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What the examples share is a directory above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import click
import corpus
import loss_picture
import pockmlir as pock
import tokens
import torch
import training
from common import Bar, Bars
from corpus import Package
from pockmlir import _bench
from rich import box
from rich.console import Console
from rich.table import Table
from training import Architecture, EagerStep, Recipe

SEED = 0
BATCH = 16

SOURCE = (
    Package("PIL", ("pil", "pillow")),
    Package("_pytest", ("pytest", "py.test")),
    Package("fsspec", ("fsspec",)),
    Package("mpmath", ("mpmath", "mp")),
    Package("narwhals", ("narwhals", "nw")),
    Package("pydantic", ("pydantic*",)),
    Package("pygments", ("pygments",)),
    Package("rich", ("rich",)),
    Package("scipy", ("scipy",)),
    Package("setuptools", ("setuptools", "distutils")),
    Package("sklearn", ("sklearn", "scikit*")),
    Package("sympy", ("sympy*",)),
    Package("torch", ("torch*", "pytorch")),
    Package("transformers", ("transformers",)),
)

TARGET = (
    Package("fontTools", ("fonttools",)),
    Package("huggingface_hub", ("hugging*", "hf", "hfh")),
    Package("matplotlib", ("matplotlib", "mpl", "pyplot", "plt")),
    Package("mypy", ("mypy*",)),
    Package("networkx", ("networkx", "nx")),
    Package("numpy", ("numpy", "np")),
)

CLASSIFIER = pock.Scheme({"classifier.*": 1.0})


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        source: most sentences per package and split that the body is pretrained on.
        target: those that it is fine-tuned on; every package has as many.
    """

    architecture: Architecture
    source: Mapping[str, int]
    target: Mapping[str, int]
    pretraining_steps: int
    steps: int
    timed_steps: int


PLAN = Plan(
    architecture=Architecture(layers=4, width=128, heads=4, length=40, vocabulary=3000),
    source={"train": 1000},
    target={"train": 640, "validation": 64, "test": 144},
    pretraining_steps=1200,
    steps=450,
    timed_steps=15,
)

#: As little as still learns.
QUICK = Plan(
    architecture=Architecture(layers=2, width=64, heads=2, length=40, vocabulary=2000),
    source={"train": 200},
    target={"train": 320, "validation": 16, "test": 64},
    pretraining_steps=600,
    steps=400,
    timed_steps=5,
)


def recipes(layers: int) -> dict[str, Recipe]:
    """Return the ways to fine-tune a BERT of that many blocks.

    Learning rates were chosen on the validation set. The sparse scheme is after PockEngine's
    for BERT: biases, attention and first feed-forward weights of the last blocks, and the head.
    """
    last = range(layers - layers // 2, layers)
    trained = ("*bias", "attention.self.*.weight", "attention.output.dense.weight", "intermediate.dense.weight")
    head = pock.Scheme({"bert.pooler.*": 1.0}) | CLASSIFIER
    sparse = pock.Scheme({f"bert.encoder.layer.{index}.{name}": 1.0 for index in last for name in trained}) | head
    blocks = f"the last {len(last)} of {layers} blocks"
    return {
        "last": Recipe("last layer", "the classifier", CLASSIFIER, 2e-2),
        "bias": Recipe("bias-only", "all biases and the classifier", pock.Scheme.bias_only() | CLASSIFIER, 5e-3),
        "sparse": Recipe(
            "sparse", f"biases, attention and first feed-forward weights of {blocks}, pooler, classifier", sparse, 1e-3
        ),
        "full": Recipe("full", "everything", pock.Scheme.full(), 7e-4),
    }


#: The schemes that PyTorch trains too.
COMPARED = ("sparse", "full")


@dataclass(frozen=True)
class Data:
    """Sentences as tokens: what the body is pretrained on, and the splits of the target."""

    source: tokens.Tokens
    target: Mapping[str, tokens.Tokens]

    @classmethod
    def read(cls, plan: Plan, bar: Bar) -> Data:
        """Read both corpora; the tokenizer learns from their training splits."""
        source = corpus.read(SOURCE, plan.source)
        bar.advance("pretraining text")
        target = corpus.read(TARGET, plan.target)
        bar.advance("fine-tuning text")
        texts = [sentence.text for sentence in source["train"] + target["train"]]
        shape = plan.architecture
        tokenizer = tokens.train_tokenizer(texts, shape.vocabulary, shape.length)
        bar.advance("tokenizer")
        splits = {split: tokens.encode(tokenizer, sentences) for split, sentences in target.items()}
        return cls(tokens.encode(tokenizer, source["train"]), splits)


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
    def of(cls, losses: list[float], step: pock.Step | EagerStep, data: Data) -> Run:
        """Let the trained model read what it has not been trained on."""
        splits = {name: split for name, split in data.target.items() if name != "train"}
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
        memory = self.step.memory
        pytorch = self.eager.to_dict() | self.run.differences(self.eager) if self.eager else None
        return self.run.to_dict() | {
            "accuracy_before": self.accuracy_before,
            "pytorch": pytorch,
            "scheme": str(self.recipe.scheme),
            "lr": self.recipe.lr,
            "trained_parameters": self.step.report().trained_elements,
            "parameter_bytes": memory.parameters,
            "optimizer_bytes": memory.optimizer_state,
            "saved_bytes": memory.saved,
            "arena_bytes": memory.arena,
            "compiled_ms": self.milliseconds["compiled"],
            "eager_ms": self.milliseconds["eager"],
            "speedup": self.milliseconds["eager"] / self.milliseconds["compiled"],
            "compile_seconds": self.compile_seconds,
        }


def pretrain(plan: Plan, data: Data, bars: Bars) -> Any:
    """Return the body of a classifier of the source's packages, trained whole."""
    model = plan.architecture.build(len(SOURCE))
    recipe = Recipe("pretraining", "everything", pock.Scheme.full(), 5e-4)
    with bars.bar("pretrain", plan.pretraining_steps) as bar:
        step, optimizer = training.compile_step(model, recipe, data.source.at(slice(BATCH)), "bert_source")
        batches = data.source.batches(BATCH, plan.pretraining_steps, SEED)
        training.train(step, optimizer, batches, plan.pretraining_steps, bar)
    step.write_back(model)
    return model.bert


def fine_tune(name: str, recipe: Recipe, model: Any, data: Data, plan: Plan, bars: Bars) -> Result:
    """Train one scheme, compiled and if it is to be compared in PyTorch too; the model keeps its weights."""
    example = data.target["train"].at(slice(BATCH))
    begin = time.perf_counter()
    step, optimizer = training.compile_step(model, recipe, example, f"bert_{name}")
    compile_seconds = time.perf_counter() - begin
    before = accuracy(training.predict(step, data.target["test"], BATCH), data.target["test"])
    eager = EagerStep(model, recipe, step.artifact.fractions)

    def train(trainee: pock.Step | EagerStep, its_optimizer: torch.optim.Optimizer, title: str) -> Run:
        batches = data.target["train"].batches(BATCH, plan.steps, SEED)
        with bars.bar(title, plan.steps) as bar:
            losses = training.train(trainee, its_optimizer, batches, plan.steps, bar)
        return Run.of(losses, trainee, data)

    run = train(step, optimizer, f"fine-tune: {recipe.title}")
    eager_run = train(eager, eager.optimizer, f"the same in PyTorch: {recipe.title}") if name in COMPARED else None
    # After all else: measuring trains on.
    runs = {"compiled": lambda: step(**example), "eager": lambda: eager(**example)}
    times = _bench.measure(runs, steps=plan.timed_steps, warmup=2)
    milliseconds = {key: figures["median_ms"] for key, figures in times.items()}
    return Result(recipe, step, compile_seconds, before, run, eager_run, milliseconds)


def accuracy(predictions: list[int], data: tokens.Tokens) -> float:
    """Return the share of right guesses."""
    return float((data.labels == predictions).mean())


def word_counts(data: Data) -> float:
    """Return what logistic regression on the tokens' tf-idf reaches: no order, no pretraining."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def texts(split: tokens.Tokens) -> list[list[int]]:
        return [row[mask > 0].tolist() for row, mask in zip(split.input_ids, split.attention_mask, strict=True)]

    tfidf = TfidfVectorizer(analyzer=lambda row: row, sublinear_tf=True)
    linear = make_pipeline(tfidf, LogisticRegression(max_iter=1000))
    linear.fit(texts(data.target["train"]), data.target["train"].labels)
    return float(linear.score(texts(data.target["test"]), data.target["test"].labels))


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


@click.command()
@click.option("--quick", is_flag=True, help="A smaller model and fewer steps, for tests.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON instead of a table.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/text_classification"),
    show_default=True,
)
def main(quick: bool, as_json: bool, out: Path) -> None:
    """Fine-tune a small BERT to tell packages apart by their docstrings, under four schemes."""
    begin = time.perf_counter()
    # torch.export uses a deprecated function of its own; docstrings may hold what looks like escapes.
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    plan = QUICK if quick else PLAN
    bars = Bars()
    with bars.progress:
        with bars.bar("read", 3) as bar:
            data = Data.read(plan, bar)
        body = pretrain(plan, data, bars)
        model = plan.architecture.build(len(TARGET), body)
        results = {
            name: fine_tune(name, recipe, model, data, plan, bars)
            for name, recipe in recipes(plan.architecture.layers).items()
        }
    figures = {
        "schemes": {name: result.to_dict() for name, result in results.items()},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "word_counts_accuracy": word_counts(data),
        "batch": BATCH,
        "steps": plan.steps,
        "sentences": {"pretraining": len(data.source)} | {name: len(split) for name, split in data.target.items()},
        "seconds": time.perf_counter() - begin,
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    loss_picture.draw(
        {
            result.recipe.title: (result.run.losses, result.eager.losses if result.eager else [])
            for result in results.values()
        },
        out / "losses.png",
    )
    if as_json:
        click.echo(json.dumps(figures, indent=2))
    else:
        show(results, figures, out)


if __name__ == "__main__":
    try:
        main()
    except (pock.PockError, ValueError) as error:
        sys.exit(f"fine_tune: {error}")
