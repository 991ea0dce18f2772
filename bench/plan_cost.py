"""Measures the cost of a further plan, as a share of the first import and compile: ``bench/plan_cost.py resnet8 bert``.

Seconds are CPU time of this process, so that other programs do not count.
"""

from __future__ import annotations

import json
import time
import warnings
from itertools import pairwise
from typing import Any

import click
import pockmlir as pock
from architectures import ARCHITECTURES
from architectures.compare import MOMENTUM
from rich.console import Console
from rich.table import Table


def row(name: str, size: str, scheme: str, plans: int) -> dict[str, Any]:
    """Import, compile and plan one model; times in seconds."""
    case = ARCHITECTURES[name].at(size)
    model, (inputs, expected) = case.model(), case.batch(0)

    def import_it() -> pock.Imported:
        return pock.import_model(
            model,
            inputs,
            loss=case.loss,
            optimizer=pock.SGD(lr=case.lr, momentum=MOMENTUM),
            example_target=expected if callable(case.loss) else None,
            cache=False,
        )

    import_it()  # Modules that are imported by need are no part of the comparison.
    times = [time.process_time()]
    imported = import_it()
    times.append(time.process_time())
    step = imported.compile(case.scheme(scheme))
    times.append(time.process_time())
    made = [imported.plan(case.scheme(scheme)) for _ in range(plans)]
    times.append(time.process_time())
    seconds = [end - begin for begin, end in pairwise(times)]
    return {
        "name": name,
        "size": size,
        "scheme": scheme,
        "import_seconds": seconds[0],
        "compile_seconds": seconds[1],
        "plan_seconds": seconds[2] / plans,
        "share": seconds[2] / plans / (seconds[0] + seconds[1]),
        "same": all(plan == step.plan for plan in made),
    }


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(sorted(ARCHITECTURES)))
@click.option("--size", default="small", show_default=True)
@click.option("--scheme", "schemes", multiple=True, default=["full", "sparse"], show_default=True)
@click.option("--plans", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def main(names: tuple[str, ...], size: str, schemes: tuple[str, ...], plans: int, as_json: bool) -> None:
    """Measure the architectures NAMES."""
    warnings.filterwarnings("ignore")
    rows = [row(name, size, scheme, plans) for name in names for scheme in schemes]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    table = Table(box=None)
    for column in rows[0]:
        table.add_column(column)
    for entry in rows:
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in entry.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
