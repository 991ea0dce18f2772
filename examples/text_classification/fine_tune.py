"""Fine-tune a BERT on sentences of docstrings with four schemes, two of them also in PyTorch.

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

import click
import corpus
import loss_picture
import pockmlir as pock
import tokens
import torch
import training
from plans import BATCH, COMPARED, PLAN, QUICK, SEED, SOURCE, TARGET, Plan, recipes
from pockmlir.demo.common import Bar, Bars, Recipe
from pockmlir.loop.eager import measure
from results import Result, Run, accuracy, show
from training import EagerStep


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
        return Run.of(losses, trainee, data.target)

    run = train(step, optimizer, f"fine-tune: {recipe.title}")
    eager_run = train(eager, eager.optimizer, f"the same in PyTorch: {recipe.title}") if name in COMPARED else None
    # After all else: measuring trains on.
    runs = {"compiled": lambda: step(**example), "eager": lambda: eager(**example)}
    times = measure(runs, steps=plan.timed_steps, warmup=2)
    milliseconds = {key: figures["median_ms"] for key, figures in times.items()}
    return Result(recipe, step, compile_seconds, before, run, eager_run, milliseconds)


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
