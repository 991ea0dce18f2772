"""Times compiled training steps against other frameworks: ``bench/train.py --row 'ds-cnn*'``."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from peers.contest import Budget, Cell, contest
from peers.process import PEERS
from peers.report import TABLES, Line, best, markdown, mean_ratio, notes, ratio, table
from peers.rows import ROWS, TINY, matching
from peers.task import Task
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

SCHEMES = ("full", "sparse")


def chosen(globs: Sequence[str], tiny: bool) -> list[str]:
    """Return the rows that match any of the globs; all rows if there is no glob."""
    rows = TINY if tiny else ROWS
    found = matching(globs, rows)
    if not found:
        raise click.BadParameter(f"no row like {', '.join(globs)}; there are {', '.join(rows)}", param_hint="--row")
    return found


def exported(row: str, directory: Path) -> Path:
    """Write the row's graph and tensors; return their folder."""
    place = directory / row
    if not place.exists():
        place.mkdir()
        command = [sys.executable, "-m", "peers.graph_export", row, str(place)]
        subprocess.run(command, cwd=Path(__file__).parent, check=True)
    return place


def _finite(value: float) -> float | None:
    """Replace NaN, which JSON does not have."""
    return None if math.isnan(value) else value


def as_data(line: Line) -> dict[str, Any]:
    """Return a line for the JSON file."""
    figure = TABLES["training step, ms"]
    return {
        "row": line.row,
        "scheme": line.scheme,
        "threads": line.threads,
        "best": best(line, figure),
        "ratio": _finite(ratio(line, figure)),
        "peers": {name: cell.figures() for name, cell in line.cells.items()},
    }


def write(path: Path | None, lines: Sequence[Line]) -> None:
    """Write all lines so far, so that an interrupted run keeps them."""
    if path:
        mean = _finite(mean_ratio(lines, TABLES["training step, ms"]))
        path.write_text(json.dumps({"geometric_mean": mean, "lines": [as_data(line) for line in lines]}, indent=1))


@click.command()
@click.option("--row", "rows", multiple=True, metavar="GLOB", help="Only these models; repeatable.")
@click.option("--peer", "names", multiple=True, type=click.Choice(list(PEERS)), help="Only these; repeatable.")
@click.option("--scheme", "schemes", multiple=True, type=click.Choice(SCHEMES), default=SCHEMES, show_default=True)
@click.option("--threads", "threads", multiple=True, type=click.IntRange(min=1), default=(1, 2), show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=20, show_default=True, help="Of each peer, at least.")
@click.option("--seconds", type=click.FloatRange(min=0), default=2.0, show_default=True, help="Of each, at least.")
@click.option("--forward", is_flag=True, help="Time inference of the same models, too.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds in which a peer must compile.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures there.")
@click.option("--markdown", "markdown_path", type=click.Path(path_type=Path), help="Write the tables there.")
@click.option("--logs", type=click.Path(path_type=Path), help="Keep what the peers say in this folder.")
@click.option("--tiny", is_flag=True, hidden=True, help="The rows of the tests.")
def main(
    rows: tuple[str, ...],
    names: tuple[str, ...],
    schemes: tuple[str, ...],
    threads: tuple[int, ...],
    steps: int,
    seconds: float,
    forward: bool,
    timeout: float,
    json_path: Path | None,
    markdown_path: Path | None,
    logs: Path | None,
    tiny: bool,
) -> None:
    """Train each model with each peer: same weights, same batch, plain SGD, float32, frozen statistics.

    Every peer runs in a process of its own, on as many cores as threads. The processes take turns; the median of
    all steps counts. Below 1, "ours / best" says that ours is faster.
    """
    # An end by `timeout` or a batch system must end the workers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    budget = Budget(steps, seconds, timeout, forward)
    wanted = [name for name in PEERS if name in (names or PEERS)]
    runs = [(row, scheme, count) for row in chosen(rows, tiny) for scheme in schemes for count in threads]
    lines: list[Line] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory() as scratch,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        place = logs or Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        bar = progress.add_task("", total=len(runs))
        for row, scheme, count in runs:
            prefix = f"{row}, {scheme}, {count} thread(s)"
            progress.update(bar, description=f"{prefix}: exporting")
            task = Task(row, scheme, count, exported(row, Path(scratch)))

            def report(what: str, prefix: str = prefix) -> None:
                progress.update(bar, description=f"{prefix}: {what}")

            cells: dict[str, Cell] = contest(task, wanted, budget, place, report)
            lines.append(Line(row, scheme, count, cells))
            write(json_path, lines)
            progress.advance(bar)
    titles = [title for title in TABLES if forward or not title.startswith("forward")]
    if markdown_path:
        markdown_path.write_text(markdown(lines, wanted, titles))
    console = Console(width=None if os.isatty(1) else 240)
    for title in titles:
        console.print(table(lines, wanted, title), "")
    for note in notes(lines):
        console.print(note, markup=False, highlight=False)


if __name__ == "__main__":
    main()
