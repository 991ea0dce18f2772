"""Compares the memory of compiled training steps with PyTorch's: ``bench/memory.py --row 'ds-cnn*' --batch 1``."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from memory_rows.apart import apart
from memory_rows.report import Line, markdown, notes, table
from memory_rows.variants import VARIANTS
from peers.process import Failure
from peers.rows import MODELS, ROWS, matching
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

BATCHES = (1, 4, 8, 16)


def ours(row: str, variant: str, directory: Path, steps: int, timeout: float) -> dict[str, Any]:
    """Compile a variant in one process, run it in another; return the figures of both."""
    figures = apart("ours", row, variant, directory, timeout=timeout)
    if "missing" in figures:
        raise Failure(f"pockmlir.compile has no argument {figures['missing']}")
    return figures | apart("resident", directory, steps, timeout=timeout)


def measured(
    model: str,
    batch: int,
    variants: Sequence[str],
    directory: Path,
    steps: int,
    timeout: float,
    report: Callable[[str], None] = lambda _: None,
) -> Iterator[Line]:
    """Measure the variants of a model at one batch size, each beside PyTorch with the same scheme.

    Args:
        model: key of `MODELS`.
        batch: the number of samples.
        variants: keys of `VARIANTS`.
        directory: gets a folder with the exported files for each variant.
        steps: the number of steps after the first one.
        timeout: the limit for each process, in seconds.
        report: called with messages on the progress.
    """
    row = f"{model}-b{batch}"
    eager: dict[str, Mapping[str, Any]] = {}
    full = float("nan")
    for variant in variants:
        line = Line(model, batch, variant)
        scheme = VARIANTS[variant].scheme
        try:
            if scheme not in eager:
                eager[scheme] = {}
                report(f"{row}, {scheme}: PyTorch")
                eager[scheme] = apart("eager", row, scheme, steps, timeout=timeout)
        except Failure as failure:
            line.remarks.append(f"{row}, {scheme}, PyTorch: {failure}")
        line.eager = eager[scheme]
        try:
            report(f"{row}, {variant}")
            line.ours = ours(row, variant, directory / variant, steps + 1, timeout)
        except Failure as failure:
            line.remarks.append(f"{row}, {variant}: {failure}")
        if variant == "full":
            full = line.arena
        line.full = full
        yield line


@click.command()
@click.option("--row", "rows", multiple=True, metavar="GLOB", help="Only these models; repeatable.")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(min=1), default=BATCHES, show_default=True)
@click.option("--variant", "variants", multiple=True, type=click.Choice(list(VARIANTS)), help="Only these; repeatable.")
@click.option("--steps", type=click.IntRange(min=3), default=5, show_default=True, help="In each process.")
@click.option("--timeout", default=900.0, show_default=True, help="Seconds that one process may take.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures there, in bytes.")
@click.option("--markdown", "markdown_path", type=click.Path(path_type=Path), help="Write the table there.")
@click.option("--list", "listing", is_flag=True, help="Name the models and the variants, and measure nothing.")
def main(
    rows: tuple[str, ...],
    batches: tuple[int, ...],
    variants: tuple[str, ...],
    steps: int,
    timeout: float,
    json_path: Path | None,
    markdown_path: Path | None,
    listing: bool,
) -> None:
    """Say what training each model takes: planned, measured, and in PyTorch eager.

    One thread, float32, plain SGD, frozen statistics, as in train.py. Every subject runs in a process of its own.
    """
    if listing:
        click.echo("\n".join([*MODELS, "", *VARIANTS]))
        return
    # Those of the tests only if they are asked for.
    models = matching(rows, MODELS) if rows else [model for model in MODELS if MODELS[model] in ROWS.values()]
    if not models:
        raise click.BadParameter(f"no model like {', '.join(rows)}; there are {', '.join(MODELS)}", param_hint="--row")
    # An end by `timeout` or a batch system must not leave the scratch folder behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    wanted = [name for name in VARIANTS if name in (variants or VARIANTS)]
    lines: list[Line] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with tempfile.TemporaryDirectory() as scratch, Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(models) * len(batches) * len(wanted))
        report = lambda what: progress.update(bar, description=what)  # noqa: E731
        for model, batch in [(model, batch) for model in models for batch in batches]:
            for line in measured(model, batch, wanted, Path(scratch), steps, timeout, report):
                lines.append(line)
                shutil.rmtree(Path(scratch, line.variant), ignore_errors=True)
                if json_path:
                    json_path.write_text(json.dumps({"lines": [line.to_dict() for line in lines]}, indent=1))
                progress.advance(bar)
    if markdown_path:
        markdown_path.write_text(markdown(lines))
    console = Console(width=None if os.isatty(1) else 240)
    console.print(table(lines))
    for note in notes(lines):
        console.print(note, markup=False, highlight=False)


if __name__ == "__main__":
    main()
