"""Spoken digits with DS-CNN: the keyword spotter of MLPerf Tiny, trained on other words, learns ten digits.

The Free Spoken Digit Dataset has 50 recordings of each of 6 speakers and 10 digits. The official test split is the
first five; here, the last five are for validation.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pockmlir as pock
import torch
from quantized import mlperf
from torch import nn

from .mfcc import mfcc
from .task import Examples, Task, per_group

__all__ = ["build"]

PER_SPEAKER_AND_DIGIT = 2


def build(folder: Path) -> Task:
    """Read the network and the recordings."""
    with np.load(folder / "fsdd8k.npz", allow_pickle=False) as file:
        audio, ends = file["audio"].astype(np.float64), file["offset"]
        digit, speaker, recording = (file[name].astype(np.int64) for name in ("digit", "speaker", "rec"))
    sounds = (audio[begin:end] for begin, end in itertools.pairwise(ends))
    all_examples = Examples((np.stack([mfcc(sound) for sound in sounds])[:, None],), digit)
    is_training = (recording >= 5) & (recording < 45)
    training = all_examples.at(is_training)
    groups = (10 * speaker + digit)[is_training]
    model = mlperf.load("kws_dscnn", folder)
    model.l09 = nn.Linear(64, 10)
    calibration = training.at(per_group(groups, PER_SPEAKER_AND_DIGIT, np.random.default_rng(0)))
    return Task(
        title=f"Spoken digits, DS-CNN, {PER_SPEAKER_AND_DIGIT} recordings per speaker and digit",
        model=model,
        quantized=pock.quantize(model, [torch.from_numpy(calibration.inputs[0])], head="float32"),
        scheme=pock.Scheme({f"l0{layer}.conv.bias": 1.0 for layer in (5, 6, 7, 8)} | _WEIGHTS | {"l09.*": 1.0}),
        head="l09",
        training=training,
        draw=lambda random: per_group(groups, PER_SPEAKER_AND_DIGIT, random),
        validation=all_examples.at(recording >= 45),
        test=all_examples.at(recording < 5),
        batch=16,
        epochs=30,
        rates=(1e-3, 3e-3, 1e-2),
        reference=84.8,
    )


#: The 1x1 weights of the last 2 of 4 blocks.
_WEIGHTS = {"l06.conv.weight": 1.0, "l08.conv.weight": 1.0}
