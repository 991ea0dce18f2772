"""Fine-tunes MCUNet on TrashNet in int8 and in float32, seed by seed: ``bench/int8_accuracy.py --seeds 5``."""

from __future__ import annotations

import io
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pockmlir as pock
from PIL import Image
from quantized.backbones import Backbone, data_folder
from rich.console import Console
from rich.table import Table

Array = np.ndarray[Any, Any]
BATCH, SIZE, PER_CLASS = 16, 96, 120
#: Learning rates that are tried on the validation split, in float32 only.
RATES = (3e-4, 1e-3, 3e-3)


@dataclass(frozen=True)
class Row:
    """Accuracies in percent on the test split."""

    seed: int
    lr: float
    float32: float
    int8: float

    @property
    def difference(self) -> float:
        """int8 minus float32, in points."""
        return self.int8 - self.float32


@dataclass(frozen=True)
class Photos:
    """Photos as bytes ``[count, SIZE, SIZE, 3]``, with labels, by split."""

    images: Array
    labels: Array
    split: Array

    @classmethod
    def load(cls, folder: Path) -> Photos:
        """Read TrashNet; 0 is training, 1 validation, 2 test."""
        with np.load(folder / "trashnet128.npz", allow_pickle=False) as file:
            ends, data = file["offset"], file["jpeg"].tobytes()
            labels, split = file["label"].astype(np.int64), file["split"]
        images = [
            np.asarray(Image.open(io.BytesIO(data[begin:end])).convert("RGB").resize((SIZE, SIZE)), np.int16) - 128
            for begin, end in itertools.pairwise(ends)
        ]
        return cls(np.stack(images).astype(np.int8), labels, split)

    def of(self, split: int) -> tuple[Array, Array]:
        """Return photos and labels of a split."""
        return self.images[self.split == split], self.labels[self.split == split]

    def training(self, random: np.random.Generator) -> tuple[Array, Array]:
        """Return `PER_CLASS` photos of each class."""
        images, labels = self.of(0)
        chosen = [random.permutation(np.flatnonzero(labels == c))[:PER_CLASS] for c in np.unique(labels)]
        order = np.concatenate(chosen)
        return images[order], labels[order]


def scheme(net: Backbone) -> pock.Scheme:
    """Biases and first 1x1 weights of the last 7 blocks, and the classifier."""
    entries = {"classifier.*": 1.0}
    for layer in net.layers:
        if layer["op"] == "conv" and layer["role"] != "classifier" and layer["block"] >= 8:
            entries[f"{layer['name']}.bias"] = 1.0
            if layer["role"] == "pw1":
                entries[f"{layer['name']}.weight"] = 1.0
    return pock.Scheme(entries)


def batches(count: int, random: np.random.Generator) -> Iterator[Array]:
    """Yield the indices of full batches, shuffled."""
    order = random.permutation(count)
    for begin in range(0, count - BATCH + 1, BATCH):
        yield order[begin : begin + BATCH]


def accuracy(step: pock.Step, images: Array, labels: Array) -> float:
    """Return the percentage of right predictions."""
    right = 0
    for begin in range(0, len(images), BATCH):
        part = images[begin : begin + BATCH]
        padded = np.concatenate([part, np.zeros((BATCH - len(part), SIZE, SIZE, 3), np.int8)])
        right += int((step.predict(padded)[: len(part)].argmax(1) == labels[begin : begin + BATCH]).sum())
    return 100 * right / len(images)


def train(step: pock.Step, start: dict[str, Array], photos: Photos, seed: int, epochs: int, lr: float) -> None:
    """Train from a start; the seed decides on photos, order and the start of the classifier."""
    random = np.random.default_rng(seed)
    head = {"classifier.weight": random.normal(0, 0.01, start["classifier.weight"].shape).astype(np.float32)}
    head["classifier.bias"] = np.zeros_like(start["classifier.bias"])
    step.load_state_dict(start | head)
    step.reset_optimizer()
    images, labels = photos.training(random)
    for epoch in range(epochs):
        rate = lr * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for chosen in batches(len(images), random):
            step(images[chosen], labels[chosen], lr=float(rate))


@click.command()
@click.option("--seeds", default=5, help="Number of runs.")
@click.option("--epochs", default=15)
@click.option("--json", "as_json", is_flag=True, help="Print one list of flat rows.")
def main(seeds: int, epochs: int, as_json: bool) -> None:
    """Print test accuracy by seed: same photos, order and head in both arithmetics, the learning rate of float32."""
    folder = data_folder()
    if folder is None:
        raise click.ClickException("no data: set POCK_DATA to the folder with trashnet128.npz")
    photos = Photos.load(folder)
    net = Backbone.load("mcunet-5fps", folder, classes=6)
    options: dict[str, Any] = {"loss": None, "scheme": scheme(net), "optimizer": pock.Adam(lr=1e-3)}
    real = pock.compile(net.build_float(BATCH, SIZE), **options)
    integer = pock.compile(net.build(BATCH, SIZE, "float32"), **options)
    start = real.state_dict()
    start_int8 = integer.state_dict()

    def run(step: pock.Step, begin: dict[str, Array], seed: int, lr: float, split: int = 2) -> float:
        train(step, begin, photos, seed, epochs, lr)
        return accuracy(step, *photos.of(split))

    tried = {lr: run(real, start, 1000, lr, split=1) for lr in RATES}
    lr = max(tried, key=lambda rate: tried[rate])
    rows = []
    for seed in range(seeds):
        rows.append(Row(seed, lr, run(real, start, seed, lr), run(integer, start_int8, seed, lr)))
        print(f"seed {seed}: float32 {rows[-1].float32:.1f}, int8 {rows[-1].int8:.1f}", file=sys.stderr)
    if as_json:
        print(json.dumps([asdict(row) | {"difference": row.difference} for row in rows], indent=1))
        return
    differences = np.array([row.difference for row in rows])
    table = Table(title=f"TrashNet, MCUNet-5fps, {SIZE} px, Adam, lr {lr:g}: test accuracy in %")
    for column in ("seed", "float32", "int8", "difference"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(str(row.seed), f"{row.float32:.1f}", f"{row.int8:.1f}", f"{row.difference:+.1f}")
    error = differences.std(ddof=1) / len(rows) ** 0.5 if len(rows) > 1 else float("nan")
    means = [np.mean([getattr(row, name) for row in rows]) for name in ("float32", "int8")]
    table.add_row("mean", f"{means[0]:.1f}", f"{means[1]:.1f}", f"{differences.mean():+.1f} ± {error:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
