"""Compiles architectures, and compares the training of each with PyTorch: ``bench/zoo.py bert resnet50``."""

from __future__ import annotations

import collections
import json
import logging
import resource
import subprocess
import sys
import time
import warnings
from dataclasses import asdict
from typing import Any

import click
import pockmlir as pock
from architectures import ARCHITECTURES, SCHEMES
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

#: Of address space that one model may take, in bytes.
MEMORY = 14_000_000_000


def verdict(name: str, size: str, scheme: str, double: bool, target: str) -> dict[str, Any]:
    """Compile and compare one model in this process; return its figures, or the error."""
    import torch
    from architectures.compare import compare

    # Threads of PyTorch cost more than they bring to layers this small.
    torch.set_num_threads(1)
    begin = time.perf_counter()
    try:
        figures = compare(ARCHITECTURES[name].at(size), scheme, double or None, target=target)
    except pock.UnsupportedOpsError as error:
        found: dict[str, Any] = {"verdict": "unsupported", "unsupported": _unsupported(error)}
    except pock.CompileError as error:
        found = {"verdict": f"{error.stage} fails", "error": str(error)}
    except Exception as error:  # one model must not end the table
        found = {"verdict": "error", "error": f"{type(error).__name__}: {error}"}
    else:
        found = {"verdict": figures.verdict, **asdict(figures)}
    return found | {"total_seconds": time.perf_counter() - begin}


def _unsupported(error: pock.UnsupportedOpsError) -> dict[str, str]:
    """Each unsupported operator with the reason: its number of uses, and the first one."""
    groups = collections.defaultdict(list)
    for op in error.ops:
        groups[op.op + (f" ({op.reason})" if op.reason else "")].append(op)
    return {what: f"{len(ops)} x {ops[0].source} in {ops[0].module}" for what, ops in groups.items()}


def apart(name: str, size: str, scheme: str, double: bool, target: str, timeout: float) -> dict[str, Any]:
    """Run `verdict` in another process, so that crashes and exhausted memory also give a result."""
    command = [sys.executable, __file__, name, "--size", size, "--scheme", scheme, "--target", target, "--inside"]
    command += ["--double"] * double
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # noqa: E731
    begin = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return {"verdict": "timeout", "total_seconds": time.perf_counter() - begin}
    try:
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        tail = "\n".join(done.stderr.splitlines()[-30:])
        seconds = time.perf_counter() - begin
        return {"verdict": f"crash ({done.returncode})", "error": tail, "total_seconds": seconds}
    return result


def row(result: dict[str, Any]) -> list[str]:
    """Return one line of the table."""
    cells = [result["name"], result["size"], result["scheme"], result["verdict"]]
    if "operations" not in result:
        return [*cells, *[""] * 8, f"{result['total_seconds']:.1f}"]
    seconds = result["seconds"]
    stages = " ".join(f"{stage} {value:.1f}" for stage, value in seconds.items() if value >= 0.05)
    errors = f"{result['loss_error']:.0e} {result['parameter_error']:.0e} {result['update_error']:.0e}"
    if double := result["double"]:
        errors += f" (f64: torch {double['torch_parameter']:.0e}, ours {double['our_parameter']:.0e})"
    return [
        *cells,
        str(result["operations"]),
        f"{result['launches']} → {result['kernels']}",
        f"{result['arena'] / 1024:,.0f}",
        f"{result['arena'] / max(result['lower_bound'], 1):.3f}",
        f"{result['arena'] / max(result['least_peak'], 1):.3f}",
        f"{result['saved'] / 1024:,.0f}",
        errors,
        stages,
        f"{sum(seconds.values()):.1f}",
    ]


def table(results: list[dict[str, Any]]) -> Table:
    """Return all results as a table; errors are of losses, parameters and updates, relative.

    The arena is divided by its lower bound for the given order of launches, and by that for any order.
    """
    result = Table(box=None, pad_edge=False)
    for title in ("model", "size", "scheme", "verdict"):
        result.add_column(title, no_wrap=True)
    for title in (
        "ops",
        "kernels",
        "arena KiB",
        "÷ bound",
        "÷ best order",
        "saved KiB",
        "errors",
        "stages, s",
        "compile s",
    ):
        result.add_column(title, justify="left" if title in ("errors", "stages, s") else "right")
    for entry in results:
        result.add_row(*row(entry))
    return result


def show_depth(as_json: bool) -> None:
    """Compile a transformer at several depths, and with some of its blocks frozen; print the costs."""
    from architectures import depth

    warnings.filterwarnings("ignore", category=FutureWarning)
    found = [*depth.deep(), *depth.frozen()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    result = Table(box=None, pad_edge=False)
    for title in ("blocks", "frozen", "ops", "kernels", "code generation, s", "other stages, s", "saved KiB"):
        result.add_column(title, justify="right")
    for entry in found:
        shared = f"{entry['launches']} → {entry['kernels']}"
        times = f"{entry['codegen']:.1f}", f"{entry['rest']:.1f}"
        counts = (str(entry[key]) for key in ("layers", "frozen", "operations"))
        result.add_row(*counts, shared, *times, f"{entry['saved'] / 1024:,.0f}")
    Console(width=120).print(result)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(ARCHITECTURES)))
@click.option("--size", "sizes", multiple=True, default=["small"], show_default=True, help="small, real, base.")
@click.option("--scheme", "schemes", multiple=True, type=click.Choice(SCHEMES), default=SCHEMES, show_default=True)
@click.option("--double", is_flag=True, help="Compare with float64, too; else only where float32 differs.")
@click.option("--target", default="host", show_default=True, help="A target whose code this machine runs.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds for one model.")
@click.option("--depth", is_flag=True, help="Instead, say what more blocks cost, and what frozen ones save.")
@click.option("--inside", is_flag=True, hidden=True, help="Run the one model in this process.")
@click.option("--json", "as_json", is_flag=True)
def main(
    names: tuple[str, ...],
    sizes: tuple[str, ...],
    schemes: tuple[str, ...],
    double: bool,
    target: str,
    timeout: float,
    depth: bool,
    inside: bool,
    as_json: bool,
) -> None:
    """Compile the architectures NAMES (all, if none is given) and train each beside PyTorch for five steps.

    A loss may be off by 1e-4 of itself, a parameter by 2e-4 of its largest entry, or both by twice what
    PyTorch's own float32 is off from float64. Updates are relative to the parameter's change.
    """
    if inside:
        # torch.export uses a deprecated function of its own; transformers talks about kernels it lacks.
        warnings.filterwarnings("ignore")
        logging.disable(logging.WARNING)
        click.echo(json.dumps(verdict(names[0], sizes[0], schemes[0], double, target)))
        return
    if depth:
        show_depth(as_json)
        return
    runs = [
        (name, size, scheme)
        for name in names or sorted(ARCHITECTURES)
        for size in sizes
        if size in ARCHITECTURES[name].sizes
        for scheme in schemes
    ]
    results = []
    with Progress(console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("", total=len(runs))
        for name, size, scheme in runs:
            progress.update(task, description=f"{name}, {size}, {scheme}")
            result = apart(name, size, scheme, double, target, timeout)
            results.append({"name": name, "size": size, "scheme": scheme} | result)
            progress.advance(task)
            if as_json:
                click.echo(json.dumps(results[-1]))
    if not as_json:
        Console(width=220).print(table(results))
    if any(result["verdict"] != "equal" for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
