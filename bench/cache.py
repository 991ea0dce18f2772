"""Compares a first compilation with a second one in a new process: ``bench/cache.py mobilenetv2-1.0 resnet50 bert``.

Imports of modules do not count. A model without an identity is exported again; then only the code is cached.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from typing import Any

import click
import pockmlir as pock
from architectures import ARCHITECTURES
from rich.console import Console
from rich.table import Table


def measure(name: str, size: str, scheme: str) -> dict[str, Any]:
    """Compile a model in this process; return the seconds."""
    import torch
    from pockmlir.api.source import TorchSource
    from pockmlir.cache import imports  # noqa: F401
    from pockmlir.frontends.torch import importer  # noqa: F401
    from pockmlir.frontends.torch.identity.model import identity_of

    torch.set_num_threads(1)
    case = ARCHITECTURES[name].at(size)
    model, (inputs, expected) = case.model(), case.batch(0)
    target = expected if callable(case.loss) else None
    begin = time.perf_counter()
    step = pock.compile(
        model, inputs, loss=case.loss, optimizer=pock.SGD(lr=0.01), scheme=case.scheme(scheme), example_target=target
    )
    seconds = time.perf_counter() - begin
    source = TorchSource.check(model, inputs, None, loss=case.loss, example_target=target, on_nan="ignore")
    return {"seconds": seconds, "timings": step.timings, "without": identity_of(source)[1]}


@click.command()
@click.argument("models", nargs=-1, type=click.Choice(list(ARCHITECTURES)), required=True)
@click.option("--size", default="real", show_default=True)
@click.option("--scheme", type=click.Choice(["full", "sparse"]), default="full", show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Second compilations; medians are printed.")
@click.option("--inside", is_flag=True, hidden=True)
def main(models: tuple[str, ...], size: str, scheme: str, rounds: int, inside: bool) -> None:
    """Print the seconds of compilations that miss and hit the cache."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    if inside:
        print(json.dumps(measure(models[0], size, scheme)))
        return
    table = Table(
        "model", "first s", "second s", "of it import", "exported again, because it has", title="compile cache"
    )
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, model, "--size", size, "--scheme", scheme, "--inside"]
            environment = {**os.environ, "POCK_CACHE": folder}
            found = [
                json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
                for _ in range(1 + rounds)
            ]
        second = statistics.median(run["seconds"] for run in found[1:])
        imported = statistics.median(run["timings"]["import"] for run in found[1:])
        table.add_row(
            model, f"{found[0]['seconds']:.2f}", f"{second:.3f}", f"{imported:.3f}", found[0]["without"] or "-"
        )
    Console().print(table)


if __name__ == "__main__":
    main()
