"""Hashes and sizes of the compiler's output for architectures: shows whether a change of the compiler changes it.

``bench/fingerprints.py --json before.json`` before the change, ``bench/fingerprints.py --against before.json`` after it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
from architectures import ARCHITECTURES, SCHEMES
from rich.console import Console
from rich.progress import Progress
from rich.table import Table


def fingerprint(name: str, size: str, scheme: str, target: str) -> dict[str, Any]:
    """Compile one model in this process; return sizes, in bytes, and hashes."""
    import pockmlir as pock
    from architectures.compare import compile_case, kernels

    case = ARCHITECTURES[name].at(size)
    try:
        step = compile_case(case, case.model(), scheme, target)
    except pock.PockError as error:
        return {"error": f"{type(error).__name__}: {error}"}
    launches, distinct = kernels(step)
    return {
        "arena": step.memory.arena,
        "saved": step.memory.saved,
        "launches": launches,
        "kernels": distinct,
        "code": len(step.artifact.object_code),
        "object": hashlib.sha256(step.artifact.object_code).hexdigest()[:16],
        "plan": hashlib.sha256(step.ir("plan").encode()).hexdigest()[:16],
    }


def apart(run: tuple[str, str, str, str]) -> dict[str, Any]:
    """Run `fingerprint` in another process, and return its result."""
    done = subprocess.run([sys.executable, __file__, "--inside", *run], capture_output=True, text=True)
    name, size, scheme, target = run
    row = {"name": name, "size": size, "scheme": scheme, "target": target}
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        found = {"error": done.stderr[-300:]}
    return row | found


def differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Table:
    """Return a table of differences, old and new; rows of `after` that are not in `before` are left out."""

    def key(row: dict[str, Any]) -> tuple[str, ...]:
        return row["name"], row["size"], row["scheme"], row["target"]

    result = Table(box=None, pad_edge=False)
    for title in ("model", "size", "scheme", "target", "what", "before", "after"):
        result.add_column(title, no_wrap=True)
    old = {key(row): row for row in before}
    for row in after:
        for what in sorted(row.keys() | old.get(key(row), row).keys()):
            values = old.get(key(row), row).get(what), row.get(what)
            if values[0] != values[1]:
                result.add_row(*key(row), what, *map(str, values))
    return result


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(ARCHITECTURES)))
@click.option("--size", default="small", show_default=True, help="small, real, base.")
@click.option("--target", "targets", multiple=True, default=["host"], show_default=True)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Models at once.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Write the rows there.")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Rows to compare with.")
@click.option("--inside", nargs=4, hidden=True, help="Compile one in this process.")
def main(
    names: tuple[str, ...],
    size: str,
    targets: tuple[str, ...],
    jobs: int,
    output: Path | None,
    against: Path | None,
    inside: tuple[str, str, str, str] | None,
) -> None:
    """Compile the architectures NAMES (all, if none is given), full and sparse."""
    if inside:
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        click.echo(json.dumps(fingerprint(*inside)))
        return
    chosen = [name for name in names or sorted(ARCHITECTURES) if size in ARCHITECTURES[name].sizes]
    runs = [(name, size, scheme, target) for name in chosen for scheme in SCHEMES for target in targets]
    rows = []
    with Progress(console=Console(stderr=True)) as progress, ThreadPoolExecutor(jobs) as pool:
        task = progress.add_task("", total=len(runs))
        for row in pool.map(apart, runs):
            rows.append(row)
            progress.advance(task)
    if output:
        output.write_text(json.dumps(rows, indent=1) + "\n")
    if against:
        table = differences(json.loads(against.read_text()), rows)
        Console(width=160).print(table if table.row_count else f"{len(rows)} rows, no difference")
        sys.exit(table.row_count > 0)


if __name__ == "__main__":
    main()
