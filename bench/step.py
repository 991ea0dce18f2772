"""Times compiled steps against PyTorch eager: ``bench/step.py mobilenet --batch 16 --scheme full``."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable

import click
import pockmlir as pock
import torch
from pockmlir.demo.mobilenet import MobileNetV2
from pockmlir.loop import eager
from torch import nn


def mobilenet() -> nn.Module:
    return MobileNetV2()


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def lenet() -> nn.Module:
    features = [nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)]
    layers = [nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, *layers)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mobilenet": (mobilenet, (1, 32, 32)),
    "lenet": (lenet, (1, 32, 32)),
    "mlp": (mlp, (64,)),
}

SCHEMES = {
    "last": pock.Scheme.last(1),
    "bias": pock.Scheme.bias_only(),
    "half": pock.Scheme({"*": 0.5}),
    "full": pock.Scheme.full(),
}

OPTIMIZERS = {"sgd": pock.SGD(lr=1e-3, momentum=0.9), "adam": pock.Adam(lr=1e-4)}


@click.command()
@click.argument("model", type=click.Choice(list(MODELS)))
@click.option("--batch", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--scheme", type=click.Choice(list(SCHEMES)), default="full", show_default=True)
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), default="sgd", show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="Of PyTorch.")
@click.option("--json", "as_json", is_flag=True)
def main(model: str, batch: int, scheme: str, optimizer: str, steps: int, threads: int, as_json: bool) -> None:
    """Time the compiled step of MODEL and PyTorch's in turns; medians are what counts."""
    # torch.export uses a deprecated function of its own.
    warnings.filterwarnings("ignore", category=FutureWarning)
    torch.manual_seed(0)
    build, shape = MODELS[model]
    module = build().eval()
    x, y = torch.randn(batch, *shape), torch.randint(0, 10, (batch,))
    begin = time.perf_counter()
    step = pock.compile(
        module,
        (x,),
        loss="cross_entropy",
        optimizer=OPTIMIZERS[optimizer],
        scheme=SCHEMES[scheme],
        name=model,
        cache=False,
    )
    seconds = time.perf_counter() - begin
    arrays = (x.numpy(), y.numpy())
    figures = eager.compare(module, step, "cross_entropy", arrays, steps=steps, warmup=5, threads=threads)
    figures |= {"model": model, "batch": batch, "scheme": scheme, "optimizer": optimizer}
    figures |= {"compile_seconds": seconds, "arena_bytes": step.memory.arena, "saved_bytes": step.memory.saved}
    if as_json:
        click.echo(json.dumps(figures, indent=2))
        return
    click.echo(f"{model}, batch {batch}, {scheme}, {optimizer}; compiled in {seconds:.1f} s")
    for name, times in (("compiled", figures["compiled"]), ("PyTorch", figures["eager"])):
        least, p90 = times["min_ms"], times["p90_ms"]
        click.echo(f"{name:9} {times['median_ms']:8.3f} ms/step (least {least:.3f}, p90 {p90:.3f})")
    click.echo(f"PyTorch with {threads} thread(s) takes {figures['speedup']:.2f} times as long")


if __name__ == "__main__":
    main()
