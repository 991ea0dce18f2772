"""The options that every command takes to compile a model, and how commands print."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..api.options import ON_NAN, PRECISIONS
from ..api.request import require_rules
from ..compiler import import_model
from ..core.stages import PLAN_STAGES, STAGES
from ..targets.target import ARITHMETICS, Target
from . import parsing

__all__ = ["MODEL_HELP", "json_option", "model_options", "print_json", "progress_bar"]

MODEL_HELP = (
    "MODEL is file.py:factory (a function that returns the model or (model, inputs); the file is run) "
    "or an exported .pt2 (nothing in it is run)."
)


#: Stages of a compilation behind the import: the pipelines, object code and library.
_CODE = len(STAGES) + 1


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr, so that stdout holds results only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress


def print_json(data: Any) -> None:
    """Print data as JSON on stdout."""
    click.echo(json.dumps(data, indent=1))


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every command needs to compile a model; the command gets ``model, loss, step``."""

    @click.argument("model", metavar="MODEL")
    @click.option(
        "--input", "inputs", multiple=True, metavar="SHAPE", help="e.g. 8x3x32x32, ids=8x16:int64; repeatable."
    )
    @click.option("--loss", default="cross_entropy", show_default=True, help="A name, none, or file.py:function.")
    @click.option("--optimizer", type=click.Choice(["sgd", "adam", "adamw"]), default="sgd", show_default=True)
    @click.option("--lr", type=float, help="Learning rate; PyTorch's default if not given.")
    @click.option("-O", "settings", multiple=True, metavar="KEY=VALUE", help="Optimizer setting, e.g. momentum=0.9.")
    @click.option(
        "--scheme",
        multiple=True,
        default=("full",),
        metavar="SCHEME",
        help="full, last:N, bias_only[:N], glob=fraction, JSON or @file; repeatable, later ones win.",
    )
    @click.option("--accumulate", type=click.IntRange(1), default=1, help="Update on every n-th step.", metavar="N")
    @click.option("--clip-grad-norm", type=float, help="Largest norm of all gradients.")
    @click.option("--clip-grad-value", type=float, help="Largest entry of a gradient.")
    @click.option("--precision", type=click.Choice(PRECISIONS), default="f32", show_default=True)
    @click.option("--on-nan", type=click.Choice(ON_NAN), default="ignore", show_default=True, help="Of the loss.")
    @click.option("--memory-limit", metavar="BYTES", help="Of parameters, optimizer state and arena, e.g. 64MB.")
    @click.option(
        "--target", default="host", show_default=True, help=f"One of {', '.join(Target.names())}; or NAME:CPU."
    )
    @click.option("--arithmetic", type=click.Choice(ARITHMETICS), help="The target's if not given.")
    @click.option("--ram", metavar="SIZE", help="Refuse what needs more, e.g. 256K.")
    @click.option("--flash", metavar="SIZE", help="Refuse what needs more, e.g. 1M.")
    @click.option(
        "--tuning",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="What `pock tune` has written.",
    )
    @click.option("--name", help="Prefix of the C functions.")
    @click.option("--dump-ir-dir", type=click.Path(file_okay=False, path_type=Path), help="Write NN-stage.mlir there.")
    @functools.wraps(command)
    def wrapper(
        model: str,
        inputs: tuple[str, ...],
        loss: str,
        optimizer: str,
        lr: float | None,
        settings: tuple[str, ...],
        scheme: tuple[str, ...],
        accumulate: int,
        clip_grad_norm: float | None,
        clip_grad_value: float | None,
        precision: str,
        on_nan: str,
        memory_limit: str | None,
        target: str,
        arithmetic: str | None,
        ram: str | None,
        flash: str | None,
        tuning: Path | None,
        name: str | None,
        dump_ir_dir: Path | None,
        **rest: Any,
    ) -> None:
        # Only `inspect` compares; what the user wrote is the title.
        others = {text: require_rules(parsing.parse_scheme([text])) for text in rest.pop("compare", ())}
        parsed_scheme = require_rules(parsing.parse_scheme(scheme))
        parsed_optimizer = parsing.parse_optimizer(optimizer, lr, settings)
        parsed_loss = parsing.load_loss(loss)
        loaded, examples, keywords = parsing.load_model(model, inputs)
        has_reference = rest.pop("reference", False)
        stages = 1 + _CODE * (1 + has_reference) + len(PLAN_STAGES) * len(others)
        with progress_bar() as progress:
            task = progress.add_task("compile", total=stages)

            def show(stage: str) -> None:
                progress.update(task, advance=1, description=f"compile: {stage}")

            imported = import_model(
                loaded,
                examples,
                keywords,
                loss=parsed_loss,
                optimizer=parsed_optimizer,
                accumulate=accumulate,
                clip_grad_norm=clip_grad_norm,
                clip_grad_value=clip_grad_value,
                seed=rest.get("seed", 0),
                precision=precision,
                on_nan=on_nan,
                memory_limit=memory_limit,
                target=target,
                arithmetic=arithmetic,
                ram=ram,
                flash=flash,
                tuning=tuning,
                name=name,
                dump_ir_dir=dump_ir_dir,
                on_stage=show,
            )
            step = imported.compile(parsed_scheme, dump_ir_dir=dump_ir_dir, on_stage=show)
            if others:
                planned = {text: imported.plan(other, on_stage=show).memory for text, other in others.items()}
                rest["memories"] = {" ".join(scheme): step.memory} | planned
            if has_reference:
                rest["reference"] = imported.compile(
                    parsed_scheme, on_stage=show, target="host", arithmetic="portable", ram=None, flash=None
                )
        command(model=loaded, loss=parsed_loss, step=step, **rest)

    return wrapper


json_option = click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
