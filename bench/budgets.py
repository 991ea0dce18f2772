"""Compares the 256 KB paper's memory model with the memory of compiled steps: ``bench/budgets.py mcunet-5fps``."""

from __future__ import annotations

import json
import warnings
from typing import Any

import click
import pockmlir as pock
import torch
from architectures.backbones import BACKBONES, PIXELS
from pockmlir.budgets import Backbone, SparseUpdate, describe, estimate, to_scheme
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

#: Figures of `pockmlir.budgets.Cost` and of `pockmlir.Memory`, in bytes.
MODELLED = ("weights", "biases", "inputs", "masks", "total")
COMPILED = ("state", "saved", "gradients", "workspace", "arena")


def updates(name: str, backbone: Backbone) -> dict[str, SparseUpdate]:
    """Return the authors' schemes, and the baselines of their comparison."""
    return {
        **BACKBONES[name].schemes,
        "last 12": SparseUpdate.last(backbone, 12),
        "biases": SparseUpdate(len(backbone.convs)),
        "full": SparseUpdate.full(backbone),
    }


def compiled(model: torch.nn.Module, backbone: Backbone, update: SparseUpdate) -> pock.Step:
    """Compile the update in float32 for this host, batch 1, plain SGD."""
    x = torch.zeros(1, 3, PIXELS, PIXELS)
    scheme = to_scheme(backbone, update)
    return pock.compile(model, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.01), scheme=scheme, cache=False)


def figures(model: torch.nn.Module, backbone: Backbone, update: SparseUpdate) -> dict[str, Any]:
    """Return the figures of both for one update, in bytes."""
    cost = estimate(backbone, update)
    step = compiled(model, backbone, update)
    return {
        "modelled": {name: getattr(cost, name) for name in MODELLED},
        "compiled": {name: getattr(step.memory, name) for name in COMPILED},
        "trained_elements": step.report().trained_elements,
        "compile_seconds": sum(step.report().timings.values()),
    }


def table(results: list[dict[str, Any]]) -> Table:
    """Return all results as a table, in KB of 1024 bytes."""
    result = Table(box=None, pad_edge=False)
    for title in ("backbone", "scheme"):
        result.add_column(title, no_wrap=True)
    for title in MODELLED:
        result.add_column(f"int8\n{title}", justify="right")
    for title in COMPILED:
        result.add_column(f"f32\n{title}", justify="right")
    for entry in results:
        found = [*entry["modelled"].values(), *entry["compiled"].values()]
        result.add_row(entry["backbone"], entry["scheme"], *(f"{count / 1024:,.1f}" for count in found))
    return result


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BACKBONES)))
@click.option("--scheme", "schemes", multiple=True, help="49kb, 99kb, …, last 12, biases, full; all if not given.")
@click.option("--json", "as_json", is_flag=True)
def main(names: tuple[str, ...], schemes: tuple[str, ...], as_json: bool) -> None:
    """Say what update schemes of the backbones NAMES (all, if none is given) cost.

    The first columns are the paper's model: bytes that training adds to inference of an int8 network. The
    others are exact bytes of a step compiled in float32, activations of the forward pass included.
    """
    warnings.filterwarnings("ignore", category=FutureWarning)  # torch.export uses a deprecated function of its own
    runs = []
    for name in names or BACKBONES:
        model = BACKBONES[name].build()
        backbone = describe(model, torch.zeros(1, 3, PIXELS, PIXELS))
        runs += [(name, scheme, model, backbone, update) for scheme, update in updates(name, backbone).items()]
    if unknown := set(schemes) - {scheme for _, scheme, *_ in runs}:
        raise click.BadParameter(f"no such scheme: {', '.join(sorted(unknown))}", param_hint="--scheme")
    runs = [run for run in runs if not schemes or run[1] in schemes]
    results = []
    with Progress(console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("", total=len(runs))
        for name, scheme, model, backbone, update in runs:
            progress.update(task, description=f"{name}, {scheme}")
            results.append({"backbone": name, "scheme": scheme} | figures(model, backbone, update))
            progress.advance(task)
    click.echo(json.dumps(results, indent=2)) if as_json else Console(width=160).print(table(results))


if __name__ == "__main__":
    main()
