"""The options that all commands share for compiling a model, and helpers for output."""

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

from ..api.keywords import keywords
from ..api.options import Training
from ..api.request import require_rules
from ..compiler import import_model
from ..core.stages import PLAN_STAGES, STAGES
from . import parsing

__all__ = ["INPUT_OPTION", "MODEL_HELP", "json_option", "model_options", "print_json", "progress_bar"]

MODEL_HELP = (
    "MODEL is file.py:factory (a function that returns the model or (model, inputs); the file is run) "
    "or an exported .pt2 (nothing in it is run). `inspect` and `train` also take a compiled step, a .pock file."
)


#: The number of stages after the import: the pipelines, object code and library.
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


#: Shapes of a model's inputs.
INPUT_OPTION = click.option(
    "--input", "inputs", multiple=True, metavar="SHAPE", help="e.g. 8x3x32x32, ids=8x16:int64; repeatable."
)


def _compile_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each keyword of `compile` that the command line supports."""
    # The option that is added last is listed first.
    for name, (kind, keyword) in reversed(list(keywords().items())):
        parameter_type: Any = kind
        if keyword.choices:
            parameter_type = click.Choice(keyword.choices)
        elif keyword.path:
            is_file = keyword.path == "file"
            parameter_type = click.Path(dir_okay=not is_file, file_okay=is_file, path_type=Path)
        elif keyword.least is not None:
            parameter_type = click.IntRange(keyword.least)
        command = click.option(
            f"--{name.replace('_', '-')}",
            type=parameter_type,
            default=keyword.default,
            show_default=keyword.default is not None,
            metavar=keyword.metavar,
            help=keyword.help,
        )(command)
    return command


def model_options(
    command: Callable[..., None] | None = None, *, compiled: Callable[..., None] | None = None
) -> Callable[..., Any]:
    """Add the options for compiling a model, and pass ``model, loss, step`` to the command.

    Args:
        command: the command.
        compiled: called with the path in place of MODEL and the command's other arguments, if MODEL is a compiled step.
    """
    if command is None:
        return functools.partial(model_options, compiled=compiled)

    @click.argument("model", metavar="MODEL")
    @INPUT_OPTION
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
    @_compile_options
    @click.option("--cache/--no-cache", default=True, show_default=True, help="Reuse results of earlier compilations.")
    @functools.wraps(command)
    def wrapper(
        model: str,
        inputs: tuple[str, ...],
        loss: str,
        optimizer: str,
        lr: float | None,
        settings: tuple[str, ...],
        scheme: tuple[str, ...],
        cache: bool,
        **rest: Any,
    ) -> None:
        given: Any = {name: rest.pop(name) for name in keywords()}
        if compiled and model.endswith(".pock"):
            _refuse_settings("inputs", "loss", "optimizer", "lr", "settings", "scheme", "cache", "compare", *given)
            compiled(Path(model), **rest)
            return
        # Only `inspect` has `compare`; the user's text is the title of a column.
        others = {text: require_rules(parsing.parse_scheme([text])) for text in rest.pop("compare", ())}
        parsed_scheme = require_rules(parsing.parse_scheme(scheme))
        parsed_optimizer = parsing.parse_optimizer(optimizer, lr, settings)
        parsed_loss = parsing.load_loss(loss)
        loaded, examples, named = parsing.load_model(model, inputs)
        has_reference = rest.pop("reference", False)
        stages = 1 + _CODE * (1 + has_reference) + len(PLAN_STAGES) * len(others)
        with progress_bar() as progress:
            task = progress.add_task("compile", total=stages)

            def show(stage: str) -> None:
                progress.update(task, advance=1, description=f"compile: {stage}")

            imported = import_model(
                loaded,
                examples,
                named,
                loss=parsed_loss,
                optimizer=parsed_optimizer,
                seed=rest.get("seed", Training.seed),
                cache=cache,
                **given,
                on_stage=show,
            )
            step = imported.compile(parsed_scheme, dump_ir_dir=given["dump_ir_dir"], on_stage=show)
            if others:
                planned = {text: imported.plan(other, on_stage=show).memory for text, other in others.items()}
                rest["memories"] = {" ".join(scheme): step.memory} | planned
            if has_reference:
                rest["reference"] = imported.compile(
                    parsed_scheme, on_stage=show, target="host", arithmetic="portable", ram=None, flash=None
                )
        command(model=loaded, loss=parsed_loss, step=step, **rest)

    return wrapper


def _refuse_settings(*names: str) -> None:
    """Refuse options of these names on the command line: a compiled step has its settings already."""
    context = click.get_current_context()
    for parameter in context.command.params:
        if (
            parameter.name in names
            and context.get_parameter_source(parameter.name) is click.core.ParameterSource.COMMANDLINE
        ):
            raise click.UsageError(f"{parameter.opts[0]}: {context.params['model']} is compiled already")


json_option = click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")
