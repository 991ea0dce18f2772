"""TrashNet with MCUNet-5fps: the network of arXiv 2206.15472 with its own integers, trained on ImageNet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pockmlir as pock
from quantized.backbones import Backbone
from quantized.modules import Layers, given_scales

from .photos import TEST, TRAINING, VALIDATION, Photos
from .task import Examples, Task, per_group

__all__ = ["build", "scheme"]

SIZE, PER_CLASS = 96, 120


def build(folder: Path) -> Task:
    """Read the network and the photos."""
    photos = Photos.load(folder, SIZE)
    net = Backbone.load("mcunet-5fps", folder, classes=6)
    scale = np.float32(net.layers[0]["x_scale"])

    def examples(split: int) -> Examples:
        images, labels = photos.of(split)
        return Examples((images.astype(np.float32) * scale,), labels)

    training = examples(TRAINING)
    model = Layers(net).eval()
    return Task(
        title=f"TrashNet, MCUNet-5fps, {SIZE} px, {PER_CLASS} photos per class",
        model=model,
        quantized=pock.quantize(model, qparams=given_scales(net, head="float32"), head="float32"),
        scheme=scheme(net),
        head="classifier",
        training=training,
        draw=lambda random: per_group(training.labels, PER_CLASS, random),
        validation=examples(VALIDATION),
        test=examples(TEST),
        batch=16,
        epochs=10,
        rates=(3e-4, 1e-3, 3e-3),
        reference=82.7,
    )


def scheme(net: Backbone) -> pock.Scheme:
    """Biases and first 1x1 weights of the last 7 of 14 blocks, and the classifier."""
    entries = {"classifier.*": 1.0}
    for layer in net.layers:
        if layer["op"] == "conv" and layer["role"] != "classifier" and layer["block"] >= 8:
            entries[f"{layer['name']}.bias"] = 1.0
            if layer["role"] == "pw1":
                entries[f"{layer['name']}.weight"] = 1.0
    return pock.Scheme(entries)
