"""Times generated kernels against PyTorch's and the machine's limits: ``bench/kernels.py --class 'conv*/dw'``."""

from __future__ import annotations

import fnmatch
import json
import math
import os
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kernel_cases.measure import Result

HEADINGS = ("class", "shape", "GF/s", "% peak", "GB/s", "% stream", "bound", "ours, us", "PyTorch, us", "ratio", "")


def row(result: Result) -> list[str]:
    """Return the cells of one result."""
    if result.failure:
        return [result.name, result.shape, *[""] * 8, result.failure]
    return [
        result.name,
        result.shape,
        f"{result.flops / 1e9:.1f}" if result.flops else "",
        f"{100 * result.peak:.0f}" if result.flops else "",
        f"{result.bytes / 1e9:.1f}",
        f"{100 * result.stream:.0f}",
        result.bound,
        f"{1e6 * result.ours:,.1f}",
        f"{1e6 * result.torch:,.1f}",
        f"{result.ratio:.2f}",
        f"{result.launches} kernels" if result.launches > 1 else "",
    ]


def means(results: list[Result]) -> dict[str, float]:
    """Return the geometric mean of PyTorch's time divided by ours, per class and in total."""
    groups: dict[str, list[float]] = {}
    for result in results:
        if not result.failure:
            groups.setdefault(result.name, []).append(result.ratio)
    if groups:
        groups["all"] = [ratio for group in groups.values() for ratio in group]
    return {name: math.exp(sum(map(math.log, group)) / len(group)) for name, group in groups.items()}


def summary(machine: dict[str, Any]) -> str:
    """Return the machine's limits in one line."""
    stream = ", ".join(f"{size // 1024:,} KiB {rate / 1e9:.0f}" for size, rate in list(machine["stream"].items())[::2])
    return f"{machine['threads']} thread(s): {machine['peak'] / 1e9:.1f} GF/s multiply-adds; copies, GB/s: {stream}"


def print_markdown(results: list[Result], machine: dict[str, Any]) -> None:
    """Print both tables in Markdown."""

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    click.echo(summary(machine) + "\n")
    for headings, rows in (
        (list(HEADINGS), [row(result) for result in results]),
        (["class", "geometric mean"], [[name, f"{mean:.2f}"] for name, mean in means(results).items()]),
    ):
        click.echo("\n".join([line(headings), line(["---"] * len(headings)), *map(line, rows)]) + "\n")


def print_tables(results: list[Result], machine: dict[str, Any]) -> None:
    """Print both tables to the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(HEADINGS):
        text = index in (0, 1, 6, 10)
        table.add_column(heading, justify="left" if text else "right", no_wrap=True)
    for result in results:
        table.add_row(*row(result))
    averages = Table("class", "geometric mean", box=None, pad_edge=False)
    for name, mean in means(results).items():
        averages.add_row(name, f"{mean:.2f}")
    console = Console(width=160)
    console.print(table, "", averages, "", summary(machine), highlight=False)


def run(patterns: tuple[str, ...], threads: int, repeat: int) -> tuple[list[Result], dict[str, Any]]:
    """Measure all cases whose class matches; return the results and the machine's limits."""
    import torch
    from kernel_cases import CASES
    from kernel_cases.machine import Machine
    from kernel_cases.measure import measure
    from rich.console import Console
    from rich.progress import Progress

    cases = [
        case for case in CASES if not case.tiny and any(fnmatch.fnmatch(case.name, pattern) for pattern in patterns)
    ]
    if not cases:
        raise click.BadParameter(f"no class matches; there are {', '.join(dict.fromkeys(c.name for c in CASES))}")
    torch.set_num_threads(threads)
    results = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("the machine's limits", total=len(cases))
        machine = Machine(threads)
        for case in cases:
            progress.update(task, description=f"{case.name} {case.shape}")
            results.append(measure(case, machine, repeat))
            progress.advance(task)
    # The peak has risen since the first of them.
    return [replace(result, peak=result.flops / machine.peak) for result in results], machine.to_dict()


@click.command()
@click.option("--class", "patterns", multiple=True, default=["*"], metavar="GLOB", help="Of classes; repeatable.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--repeat", type=click.IntRange(min=1), default=15, show_default=True, help="Samples of each kernel.")
@click.option("--json", "json_path", type=click.Path(dir_okay=False, writable=True), help="Write all figures there.")
@click.option("--markdown", is_flag=True, help="Print the tables in Markdown.")
def main(patterns: tuple[str, ...], threads: int, repeat: int, json_path: str | None, markdown: bool) -> None:
    """Time generated kernels, alone, against PyTorch's for the same shape and against what the machine can do.

    A kernel that computes something else than PyTorch's is an error in its row.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before any OpenMP runtime is loaded
    results, machine = run(patterns, threads, repeat)
    if json_path:
        figures = {"machine": machine, "results": [asdict(r) for r in results], "geometric_means": means(results)}
        with open(json_path, "w") as file:
            json.dump(figures, file, indent=1)
    (print_markdown if markdown else print_tables)(results, machine)
    if any(result.failure for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
