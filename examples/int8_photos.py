"""Fine-tunes a pretrained int8 network on photos of rubbish in the memory of a microcontroller, in an emulator.

MCUNet-5fps with ImageNet weights learns six classes of TrashNet, one photo at a time, with the 49 KB scheme of
Lin et al. (arXiv 2206.15472). ``POCK_DATA`` names the folder with ``mcunet-5fps.npz`` and ``trashnet128.npz``.
"""

from __future__ import annotations

import io
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import pockmlir as pock
from PIL import Image
from rich.console import Console

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from quantized.backbones import Backbone, data_folder

CLASSES = ("glass", "paper", "cardboard", "plastic", "metal", "trash")
Array = np.ndarray[Any, Any]


def photos(path: Path, split: int, count: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Return photos as bytes ``[count, 128, 128, 3]`` with their labels, as many of each class."""
    with np.load(path, allow_pickle=False) as file:
        ends, data = file["offset"], file["jpeg"].tobytes()
        labels, splits = file["label"].astype(np.int64), file["split"]
    per_class = -(-count // len(CLASSES))
    chosen = [random.permutation(np.flatnonzero((labels == c) & (splits == split)))[:per_class] for c in range(6)]
    order = random.permutation(np.concatenate(chosen))[:count]
    spans = list(pairwise(ends))
    images = [np.asarray(Image.open(io.BytesIO(data[slice(*spans[i])])).convert("RGB"), np.int16) - 128 for i in order]
    return np.stack(images).astype(np.int8), labels[order]


@click.command()
@click.option("--target", default="cortex-m7", help="A microcontroller with an emulator.")
@click.option("--steps", default=240, help="Number of photos to learn from.")
@click.option("--tests", default=60, help="Number of other photos, classified before and after.")
@click.option("--lr", default=0.002)
@click.option("--ram", default="256K", help="Refuse what needs more.")
@click.option("--flash", default="1M", help="Refuse what needs more.")
def main(target: str, steps: int, tests: int, lr: float, ram: str, flash: str) -> None:
    """Print accuracy before and after, instructions, RAM and flash."""
    folder = data_folder()
    if folder is None or not (folder / "trashnet128.npz").exists():
        raise click.ClickException("no data: set POCK_DATA to the folder with mcunet-5fps.npz and trashnet128.npz")
    random = np.random.default_rng(0)
    network = Backbone.load("mcunet-5fps", folder, classes=len(CLASSES))
    step = pock.compile(
        network.build(head="float32"),
        loss=None,
        scheme=network.scheme("49kb"),
        optimizer=pock.SGD(lr=lr),
        target=target,
        ram=ram,
        flash=flash,
        memory=pock.MemoryOptions(inputs_in_arena=True),
    )
    head = step.state_dict()
    head["classifier.weight"] = random.normal(0, 0.01, head["classifier.weight"].shape).astype(np.float32)
    head["classifier.bias"] = np.zeros_like(head["classifier.bias"])
    step.load_state_dict(head)
    x, y = photos(folder / "trashnet128.npz", 0, steps, random)
    x_test, y_test = photos(folder / "trashnet128.npz", 2, tests, random)
    data = {"x": x, "y": y, "x_test": x_test, "y_test": y_test}
    Console().print(pock.run(step, data, steps=steps))


if __name__ == "__main__":
    main()
