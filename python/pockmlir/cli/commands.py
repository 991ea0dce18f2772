"""The commands of ``pock``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from .. import device
from ..api.tuning import Tuning
from ..artifact.memory import Memory
from ..core.stages import STAGES
from ..loading import load
from ..loop.batches import random_batch, step_arrays
from ..loop.epochs import evaluate, train_epochs
from ..report.picture import draw_memory
from ..step import Step
from ..support.sizes import format_bytes
from ..tuning.tune import tune
from . import parsing
from .options import MODEL_HELP, json_option, model_options, print_json, progress_bar

__all__ = ["pock"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pockmlir")
def pock() -> None:
    """Compile PyTorch models into ahead-of-time, sparse-update training steps."""


@pock.command(name="compile", epilog=MODEL_HELP)
@model_options
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("out"), show_default=True
)
@click.option(
    "--save-compiled",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the step there, a .pock file for pockmlir.load.",
)
@json_option
def compile_command(model: Any, loss: Any, step: Step, output: Path, save_compiled: Path | None, as_json: bool) -> None:
    """Compile a model and export library, header, parameters and manifest."""
    saved = step.save_compiled(save_compiled) if save_compiled else None
    files = step.export(output)
    if save_compiled:
        files = {**files, "compiled": save_compiled}
    if as_json:
        exported = {"files": {role: str(path) for role, path in files.items()}, "footprint": step.footprint.to_dict()}
        exported |= {"compiled_hash": saved} if saved else {}
        print_json(exported | step.report().to_dict())
        return
    Console().print(step.report())
    Console().print(step.footprint)
    for role, path in files.items():
        click.echo(f"{role:16} {format_bytes(path.stat().st_size):>10}  {path}")
    if saved:
        click.echo(f"{'':16} {'':10}  {saved}")


def _inspect_compiled(path: Path, as_json: bool, **others: Any) -> None:
    """Show what a compiled step says of itself; nothing in the file is run."""
    from .inspection import compiled_tables, describe_compiled

    if given := [name for name, value in others.items() if value and name != "runs"]:
        raise click.UsageError(f"--{given[0]}: {path} is only read; load it to do that")
    described = describe_compiled(path)
    if as_json:
        print_json(described)
        return
    click.echo(f"{path}\n{described['hash']}\n")
    for table in compiled_tables(described):
        Console().print(table)


@pock.command(epilog=MODEL_HELP)
@model_options(compiled=_inspect_compiled)
@click.option("--stage", type=click.Choice(STAGES), help="Print the IR after this stage, and nothing else.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the memory timeline there: .png, .svg or .pdf; .html is a map of the arena.",
)
@click.option(
    "--compare", multiple=True, metavar="SCHEME", help="Show the memory of this scheme beside it; repeatable."
)
@click.option("--profile", is_flag=True, help="Print the time of every kernel on random data, and nothing else.")
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="Of which a profile is the median.")
@click.option(
    "--trace", type=click.Path(dir_okay=False, path_type=Path), help="Write a profile there for Perfetto or Chrome."
)
@json_option
def inspect(
    model: Any,
    loss: Any,
    step: Step,
    stage: str | None,
    picture: Path | None,
    profile: bool,
    runs: int,
    trace: Path | None,
    as_json: bool,
    memories: Mapping[str, Memory] | None = None,
) -> None:
    """Show what trains, the memory timeline, operators and kernels; or where the time goes."""
    from .inspection import compare, describe, tables

    if picture:
        draw_memory(memories or {step.name: step.memory}, picture)
    if stage:
        click.echo(step.ir(stage))
    elif profile or trace:
        _show_profile(step, runs, trace, as_json)
    elif as_json:
        compared = {title: memory.to_dict() for title, memory in (memories or {}).items()}
        print_json(describe(step) | ({"compared": compared} if compared else {}))
    else:
        console = Console()
        console.print(step.report())
        for table in tables(step):
            console.print(table)
        if memories:
            console.print(compare(memories))
    if picture:
        click.echo(f"picture: {picture}", err=True)


def _show_profile(step: Step, runs: int, trace: Path | None, as_json: bool) -> None:
    """Profile the step on random data; print the result, and write the trace."""
    with progress_bar() as progress:
        task = progress.add_task("profile", total=None)
        profile = step.profile(
            *random_batch(step.inputs),
            runs=runs,
            on_run=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if trace:
        profile.write_trace(trace)
    if as_json:
        print_json(profile.to_dict())
    else:
        Console().print(profile)
    if trace:
        click.echo(f"trace: {trace}", err=True)


@pock.command(name="tune", epilog=MODEL_HELP)
@model_options
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("tuning.json"),
    show_default=True,
    help="File to write; what it says of other kernels and targets is kept.",
)
@click.option("--seconds", type=click.FloatRange(0, min_open=True), default=60.0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Threads that work on a kernel.")
@json_option
def tune_command(
    model: Any, loss: Any, step: Step, output: Path, seconds: float, threads: int | None, as_json: bool
) -> None:
    """Measure other tiles and algorithms for the longest kernels; write those that are faster."""
    known = Tuning.read(output) if output.exists() else Tuning()
    with progress_bar() as progress:
        task = progress.add_task("tune", total=None)

        def show(done: int, total: int, kernel: str) -> None:
            progress.update(task, completed=done, total=total, description=f"tune: {kernel}")

        found = tune(step, seconds=seconds, threads=threads, on_kernel=show)
    (known | found).write(output)
    if as_json:
        click.echo(found.to_json(), nl=False)
        return
    Console().print(found)
    click.echo(f"tuning: {output}")


def _train_compiled(path: Path, **options: Any) -> None:
    _train(step=load(path), **options)


@pock.command(epilog=MODEL_HELP)
@model_options(compiled=_train_compiled)
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of samples, and of dropout.")
@click.option(
    "--resume", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Checkpoint to go on from."
)
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Checkpoint to write, after every epoch.")
@json_option
def train(model: Any, loss: Any, step: Step, **options: Any) -> None:
    """Train a model on DATA, an .npz file with x and y, or arrays called as the inputs (and x_test … if there are)."""
    _train(step, **options)


def _train(
    step: Step, data: Path, epochs: int, seed: int, resume: Path | None, save: Path | None, as_json: bool
) -> None:
    arrays = parsing.load_data(data)
    step_arrays(step, arrays)
    if resume:
        step.load(resume)
    figures: dict[str, Any] = {"before": evaluate(step, arrays), "epochs": []}
    with progress_bar() as progress:
        task = progress.add_task("train", total=None)

        def show(done: int, total: int, loss_value: float) -> None:
            progress.update(task, completed=done, total=total, description=f"train: loss {loss_value:.4f}")

        for epoch in train_epochs(step, arrays, epochs=epochs, seed=seed, on_step=show):
            figures["epochs"].append(epoch)
            if save:
                step.save(save)
    figures["after"] = evaluate(step, arrays)
    if as_json:
        print_json(figures)
        return
    for epoch in figures["epochs"]:
        click.echo(f"epoch {epoch['epoch']}: mean loss {epoch['loss']:.4f}, {epoch['ms_per_step']:.3f} ms/step")
    for split, accuracy in figures["after"].items():
        click.echo(f"accuracy on {split}: {100 * figures['before'][split]:.1f} % before, {100 * accuracy:.1f} % after")
    if save:
        click.echo(f"checkpoint: {save}")


@pock.command(epilog=MODEL_HELP)
@model_options
@click.option("--steps", type=click.IntRange(1), default=50, show_default=True)
@click.option("--warmup", type=click.IntRange(0), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of PyTorch.")
@json_option
def bench(model: Any, loss: Any, step: Step, steps: int, warmup: int, threads: int, as_json: bool) -> None:
    """Time the compiled step against PyTorch eager, on random data."""
    from ..loop.eager import compare

    arrays = random_batch(step.inputs)
    figures = compare(model, step, loss, arrays, steps=steps, warmup=warmup, threads=threads)
    figures |= {"arena_bytes": step.memory.arena, "compile_seconds": sum(step.timings.values())}
    if as_json:
        print_json(figures)
        return
    for name in ("compiled", "eager"):
        times = figures[name]
        click.echo(
            f"{name:9} {times['median_ms']:9.3f} ms/step (least {times['min_ms']:.3f}, p90 {times['p90_ms']:.3f})"
        )
    click.echo(f"speed-up over PyTorch eager with {threads} thread(s): {figures['speedup']:.2f}")


@pock.command(name="run", epilog=MODEL_HELP)
@model_options
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--steps", type=click.IntRange(1), default=50, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of samples, and of dropout.")
@click.option(
    "--compare/--no-compare", "reference", default=True, show_default=True, help="Do the same on this machine."
)
@click.option(
    "--directory", type=click.Path(file_okay=False, path_type=Path), help="Keep the program and its files there."
)
@click.option("--write-only", is_flag=True, help="Write the files only, for a board to run.")
@click.option("--read-only", is_flag=True, help="Read what a board has written to the directory.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), help="Seconds after which to give up.")
@json_option
def run_command(
    model: Any,
    loss: Any,
    step: Step,
    data: Path,
    steps: int,
    seed: int,
    directory: Path | None,
    write_only: bool,
    read_only: bool,
    timeout: float | None,
    as_json: bool,
    reference: Step | None = None,
) -> None:
    """Train a model on DATA where it is meant to run: on an emulated board, or in a folder for a real one.

    DATA is as for `train`. Prints loss, accuracy, memory in use and instructions, and compares
    the trained parameters with those that this machine finds.
    """
    arrays = parsing.load_data(data)
    if (write_only or read_only) and directory is None:
        raise click.UsageError("--write-only and --read-only need --directory")
    if write_only and directory:
        device.write(step, arrays, directory, steps=steps, seed=seed)
        click.echo(f"program: {directory}")
        return
    if read_only and directory:
        found = device.read(step, arrays, directory, steps=steps, seed=seed, reference=reference)
    else:
        with progress_bar() as progress:
            task = progress.add_task("run", total=None)
            found = device.run(
                step,
                arrays,
                steps=steps,
                seed=seed,
                reference=reference,
                directory=directory,
                timeout=timeout,
                on_call=lambda done, total: progress.update(task, completed=done, total=total),
            )
    if as_json:
        print_json(found.to_dict())
        return
    Console().print(found)
