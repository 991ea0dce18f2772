"""Times int8 beside float32 on this machine, in turns, on one thread: ``bench/int8_host.py --work sparse``."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from typing import Any

# Before the runtime of OpenMP starts.
os.environ["OMP_NUM_THREADS"] = "1"

import click
import pockmlir as pock
from architectures.mobile import mobilenetv2_same
from pockmlir.loop.eager import measure

#: Features with instructions for bytes.
FEATURES = ("avx512vnni", "avxvnni", "avx512bw", "avx2", "dotprod", "i8mm")
WORK = ("inference", "sparse", "full")


def compare(work: str, batch: int, pixels: int, rounds: int) -> dict[str, Any]:
    """Compile MobileNetV2-1.0 in both arithmetics, and time predictions or steps."""
    case = mobilenetv2_same(1.0, batch, pixels)
    model = case.model().eval()
    (x,), y = case.batch(1)
    scheme = {"*": 0.0, "classifier.bias": 1.0} if work == "inference" else case.scheme(work)
    options: dict[str, Any] = {"loss": case.loss, "scheme": scheme, "optimizer": pock.SGD(lr=1e-3)}
    steps = [pock.compile(which, (x,), **options) for which in (model, pock.quantize(model, [x]))]
    inputs, target = x.numpy(), y.numpy()

    def run(step: pock.Step) -> Callable[[], Any]:
        return (lambda: step.predict(inputs)) if work == "inference" else (lambda: step(inputs, target))

    names = ("float32", "int8")
    times = measure({name: run(step) for name, step in zip(names, steps, strict=True)}, steps=rounds, warmup=2)
    real, integer = (times[name]["median_ms"] for name in names)
    return {
        "work": work,
        "batch": batch,
        "pixels": pixels,
        "float32_ms": real,
        "int8_ms": integer,
        "ratio": real / integer,
    }


@click.command()
@click.option("--work", type=click.Choice(WORK), multiple=True, default=WORK, show_default=True)
@click.option("--batch", default=8, show_default=True)
@click.option("--pixels", default=128, show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=15, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one list of flat rows.")
def main(work: tuple[str, ...], batch: int, pixels: int, rounds: int, as_json: bool) -> None:
    """Print median times of MobileNetV2-1.0 in float32 and int8, and their ratio."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    rows = [compare(name, batch, pixels, rounds) for name in work]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    features = [name for name in FEATURES if f"+{name}" in pock.Target.host().features.split(",")]
    click.echo(f"MobileNetV2-1.0, batch {batch}, {pixels} px, one thread, {', '.join(features)}")
    for row in rows:
        click.echo(
            f"{row['work']:9} float32 {row['float32_ms']:7.1f} ms, int8 {row['int8_ms']:7.1f} ms: {row['ratio']:.2f} x"
        )


if __name__ == "__main__":
    main()
