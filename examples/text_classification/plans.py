"""The experiments: packages, sizes, and ways to fine-tune."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pockmlir as pock
from corpus import Package
from pockmlir.demo.common import Recipe
from training import Architecture

SEED = 0
BATCH = 16

SOURCE = (
    Package("PIL", ("pil", "pillow")),
    Package("_pytest", ("pytest", "py.test")),
    Package("fsspec", ("fsspec",)),
    Package("mpmath", ("mpmath", "mp")),
    Package("narwhals", ("narwhals", "nw")),
    Package("pydantic", ("pydantic*",)),
    Package("pygments", ("pygments",)),
    Package("rich", ("rich",)),
    Package("scipy", ("scipy",)),
    Package("setuptools", ("setuptools", "distutils")),
    Package("sklearn", ("sklearn", "scikit*")),
    Package("sympy", ("sympy*",)),
    Package("torch", ("torch*", "pytorch")),
    Package("transformers", ("transformers",)),
)

TARGET = (
    Package("fontTools", ("fonttools",)),
    Package("huggingface_hub", ("hugging*", "hf", "hfh")),
    Package("matplotlib", ("matplotlib", "mpl", "pyplot", "plt")),
    Package("mypy", ("mypy*",)),
    Package("networkx", ("networkx", "nx")),
    Package("numpy", ("numpy", "np")),
)

CLASSIFIER = pock.Scheme({"classifier.*": 1.0})


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        source: most sentences per package and split that the body is pretrained on.
        target: those that it is fine-tuned on; every package has as many.
    """

    architecture: Architecture
    source: Mapping[str, int]
    target: Mapping[str, int]
    pretraining_steps: int
    steps: int
    timed_steps: int


PLAN = Plan(
    architecture=Architecture(layers=4, width=128, heads=4, length=40, vocabulary=3000),
    source={"train": 1000},
    target={"train": 640, "validation": 64, "test": 144},
    pretraining_steps=1200,
    steps=450,
    timed_steps=15,
)

#: As little as still learns.
QUICK = Plan(
    architecture=Architecture(layers=2, width=64, heads=2, length=40, vocabulary=2000),
    source={"train": 200},
    target={"train": 320, "validation": 16, "test": 64},
    pretraining_steps=600,
    steps=400,
    timed_steps=5,
)


def recipes(layers: int) -> dict[str, Recipe]:
    """Return the ways to fine-tune a BERT of that many blocks.

    Learning rates were chosen on the validation set. The sparse scheme is after PockEngine's
    for BERT: biases, attention and first feed-forward weights of the last blocks, and the head.
    """
    last = range(layers - layers // 2, layers)
    trained = ("*bias", "attention.self.*.weight", "attention.output.dense.weight", "intermediate.dense.weight")
    head = pock.Scheme({"bert.pooler.*": 1.0}) | CLASSIFIER
    sparse = pock.Scheme({f"bert.encoder.layer.{index}.{name}": 1.0 for index in last for name in trained}) | head
    blocks = f"the last {len(last)} of {layers} blocks"
    return {
        "last": Recipe("last layer", "the classifier", CLASSIFIER, 2e-2),
        "bias": Recipe("bias-only", "all biases and the classifier", pock.Scheme.bias_only() | CLASSIFIER, 5e-3),
        "sparse": Recipe(
            "sparse", f"biases, attention and first feed-forward weights of {blocks}, pooler, classifier", sparse, 1e-3
        ),
        "full": Recipe("full", "everything", pock.Scheme.full(), 7e-4),
    }


#: The schemes that PyTorch trains too.
COMPARED = ("sparse", "full")
