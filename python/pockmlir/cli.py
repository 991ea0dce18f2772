"""The command ``pock``: train, compile, run, inspect, tune and bench a model."""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import _cli_inputs, device
from ._memory import Memory
from ._options import ON_NAN, PRECISIONS
from ._picture import draw_memory
from ._training import evaluate, step_arrays, train_epochs
from ._tune import tune
from ._tuning import Tuning
from .compiler import STAGES, compile
from .errors import PockError
from .report import format_bytes
from .step import Step
from .target import ARITHMETICS, Target

__all__ = ["main"]

_MODEL_HELP = (
    "MODEL is file.py:factory (a function that returns the model or (model, inputs); the file is run) "
    "or an exported .pt2 (nothing in it is run)."
)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on stderr, so that stdout holds results only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=1))


def _model_options(command: Callable[..., None]) -> Callable[..., None]:
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
        others = {text: _cli_inputs.parse_scheme([text]) for text in rest.pop("compare", ())}
        parsed_scheme = _cli_inputs.parse_scheme(scheme)
        parsed_optimizer = _cli_inputs.parse_optimizer(optimizer, lr, settings)
        parsed_loss = _cli_inputs.load_loss(loss)
        loaded, examples, keywords = _cli_inputs.load_model(model, inputs)
        builds = 1 + len(others) + bool(rest.get("reference"))
        with _progress() as progress:
            task = progress.add_task("compile", total=(len(STAGES) + 2) * builds)
            build = functools.partial(
                compile,
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
                on_stage=lambda stage: progress.update(task, advance=1, description=f"compile: {stage}"),
            )
            step = build(scheme=parsed_scheme, dump_ir_dir=dump_ir_dir)
            if others:
                built = {text: build(scheme=other).memory for text, other in others.items()}
                rest["memories"] = {" ".join(scheme): step.memory} | built
            if rest.pop("reference", False):
                rest["reference"] = build(
                    scheme=parsed_scheme, target="host", arithmetic="portable", ram=None, flash=None
                )
        command(model=loaded, loss=parsed_loss, step=step, **rest)

    return wrapper


_json_option = click.option("--json", "as_json", is_flag=True, help="Print figures as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pockmlir")
def pock() -> None:
    """Compile PyTorch models into ahead-of-time, sparse-update training steps."""


@pock.command(name="compile", epilog=_MODEL_HELP)
@_model_options
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), default=Path("out"), show_default=True
)
@_json_option
def compile_command(model: Any, loss: Any, step: Step, output: Path, as_json: bool) -> None:
    """Compile a model and export library, header, parameters and manifest."""
    files = step.export(output)
    if as_json:
        exported = {"files": {role: str(path) for role, path in files.items()}, "footprint": step.footprint.to_dict()}
        _print_json(exported | step.report().to_dict())
        return
    Console().print(step.report())
    Console().print(step.footprint)
    for role, path in files.items():
        click.echo(f"{role:16} {format_bytes(path.stat().st_size):>10}  {path}")


@pock.command(epilog=_MODEL_HELP)
@_model_options
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
@_json_option
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
    from ._inspect import compare, describe, tables

    if picture:
        draw_memory(memories or {step.name: step.memory}, picture)
    if stage:
        click.echo(step.ir(stage))
    elif profile or trace:
        _show_profile(step, runs, trace, as_json)
    elif as_json:
        compared = {title: memory.to_dict() for title, memory in (memories or {}).items()}
        _print_json(describe(step) | ({"compared": compared} if compared else {}))
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
    """Profile the step on random data; print and write what came out."""
    with _progress() as progress:
        task = progress.add_task("profile", total=None)
        profile = step.profile(
            *_cli_inputs.random_batch(step.inputs),
            runs=runs,
            on_run=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if trace:
        profile.write_trace(trace)
    if as_json:
        _print_json(profile.to_dict())
    else:
        Console().print(profile)
    if trace:
        click.echo(f"trace: {trace}", err=True)


@pock.command(name="tune", epilog=_MODEL_HELP)
@_model_options
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
@_json_option
def tune_command(
    model: Any, loss: Any, step: Step, output: Path, seconds: float, threads: int | None, as_json: bool
) -> None:
    """Measure other tiles and algorithms for the longest kernels; write those that are faster."""
    known = Tuning.read(output) if output.exists() else Tuning()
    with _progress() as progress:
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


@pock.command(epilog=_MODEL_HELP)
@_model_options
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the order of samples, and of dropout.")
@click.option(
    "--resume", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Checkpoint to go on from."
)
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Checkpoint to write, after every epoch.")
@_json_option
def train(
    model: Any,
    loss: Any,
    step: Step,
    data: Path,
    epochs: int,
    seed: int,
    resume: Path | None,
    save: Path | None,
    as_json: bool,
) -> None:
    """Train a model on DATA, an .npz file with x and y, or arrays called as the inputs (and x_test … if there are)."""
    arrays = _cli_inputs.load_data(data)
    step_arrays(step, arrays)
    if resume:
        step.load(resume)
    figures: dict[str, Any] = {"before": evaluate(step, arrays), "epochs": []}
    with _progress() as progress:
        task = progress.add_task("train", total=None)

        def show(done: int, total: int, loss_value: float) -> None:
            progress.update(task, completed=done, total=total, description=f"train: loss {loss_value:.4f}")

        for epoch in train_epochs(step, arrays, epochs=epochs, seed=seed, on_step=show):
            figures["epochs"].append(epoch)
            if save:
                step.save(save)
    figures["after"] = evaluate(step, arrays)
    if as_json:
        _print_json(figures)
        return
    for epoch in figures["epochs"]:
        click.echo(f"epoch {epoch['epoch']}: mean loss {epoch['loss']:.4f}, {epoch['ms_per_step']:.3f} ms/step")
    for split, accuracy in figures["after"].items():
        click.echo(f"accuracy on {split}: {100 * figures['before'][split]:.1f} % before, {100 * accuracy:.1f} % after")
    if save:
        click.echo(f"checkpoint: {save}")


@pock.command(epilog=_MODEL_HELP)
@_model_options
@click.option("--steps", type=click.IntRange(1), default=50, show_default=True)
@click.option("--warmup", type=click.IntRange(0), default=5, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads of PyTorch.")
@_json_option
def bench(model: Any, loss: Any, step: Step, steps: int, warmup: int, threads: int, as_json: bool) -> None:
    """Time the compiled step against PyTorch eager, on random data."""
    from ._bench import compare

    arrays = _cli_inputs.random_batch(step.inputs)
    figures = compare(model, step, loss, arrays, steps=steps, warmup=warmup, threads=threads)
    figures |= {"arena_bytes": step.memory.arena, "compile_seconds": sum(step.timings.values())}
    if as_json:
        _print_json(figures)
        return
    for name in ("compiled", "eager"):
        times = figures[name]
        click.echo(
            f"{name:9} {times['median_ms']:9.3f} ms/step (least {times['min_ms']:.3f}, p90 {times['p90_ms']:.3f})"
        )
    click.echo(f"speed-up over PyTorch eager with {threads} thread(s): {figures['speedup']:.2f}")


@pock.command(name="run", epilog=_MODEL_HELP)
@_model_options
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
@_json_option
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
    arrays = _cli_inputs.load_data(data)
    if (write_only or read_only) and directory is None:
        raise click.UsageError("--write-only and --read-only need --directory")
    if write_only and directory:
        device.write(step, arrays, directory, steps=steps, seed=seed)
        click.echo(f"program: {directory}")
        return
    if read_only and directory:
        found = device.read(step, arrays, directory, steps=steps, seed=seed, reference=reference)
    else:
        with _progress() as progress:
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
        _print_json(found.to_dict())
        return
    Console().print(found)


def main() -> None:
    """Run the command line; errors of ours are one message, not a traceback."""
    try:
        pock.main(standalone_mode=False)
    except (PockError, OSError) as error:
        click.echo(f"pock: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        pass
    else:
        return
    # A native stage that does not look for signals may still run. `sys.exit` would wait for it.
    gc.collect()  # deletes temporary folders
    sys.stdout.flush()
    os._exit(130)


if __name__ == "__main__":
    main()
