"""The models that `bench/train.py` compares peers with, as data: nothing here imports a framework."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from architectures import Case

__all__ = ["MODELS", "ROWS", "TINY", "Row", "find", "matching"]


@dataclass(frozen=True)
class Row:
    """One model at one batch size.

    Attributes:
        architecture: the name of the architecture in `architectures`.
        size: one of its sizes.
        changes: arguments that override those of the size.
        lr: the learning rate of plain SGD; the first losses must fall noticeably, and stay finite.
    """

    architecture: str
    size: str = "real"
    changes: Mapping[str, Any] = field(default_factory=dict)
    lr: float = 0.01

    def case(self) -> Case:
        """Return the model's case: batch norm in inference mode, and no scheme that trains a part of a tensor.

        Peers cannot train a slice of channels, so every fraction counts as 1.
        """
        from architectures import ARCHITECTURES

        case = ARCHITECTURES[self.architecture].at(self.size, **self.changes)
        sparse = {glob: float(fraction > 0) for glob, fraction in case.sparse.items()}
        return replace(case, sparse=sparse, frozen_norm=True, lr=self.lr)


ROWS: Mapping[str, Row] = {
    "ds-cnn-b1": Row("ds-cnn", changes={"batch": 1}),
    "ds-cnn-b32": Row("ds-cnn", changes={"batch": 32}),
    "mobilenetv2-0.35-128-b1": Row("mobilenetv2-same", changes={"width": 0.35, "batch": 1, "pixels": 128}, lr=1e-3),
    "mcunet-128-b1": Row("mcunet", changes={"batch": 1, "pixels": 128}, lr=1e-3),
    "mobilenetv2-1.0-224-b1": Row("mobilenetv2-same", changes={"batch": 1, "pixels": 224}, lr=1e-3),
    "mobilenetv2-1.0-224-b8": Row("mobilenetv2-same", changes={"batch": 8, "pixels": 224}, lr=1e-3),
    "resnet18-64-b32": Row("resnet", changes={"batch": 32}, lr=1e-3),
    "resnet50-224-b4": Row("resnet50", changes={"batch": 4, "pixels": 224}, lr=1e-3),
    "distilbert-128-b4": Row("distilbert", "base"),
    "llama15m-128-b4": Row("llama", "stories", lr=0.1),
}

#: Rows for the tests, which take no time; the Llama's head is its embedding.
TINY: Mapping[str, Row] = {
    "tiny-cnn": Row("ds-cnn", "small"),
    "tiny-llama": Row("llama", "small", {"vocabulary": 600}, lr=0.1),
}

#: Name of a row without its batch → the row.
MODELS: Mapping[str, Row] = {re.sub(r"-b\d+$", "", name): row for name, row in (ROWS | TINY).items()}


def find(name: str) -> Row:
    """Return a row by its name, or a model at another batch size: ``mcunet-128-b16``.

    Raises:
        KeyError: there is no such model.
    """
    if name in ROWS | TINY:
        return (ROWS | TINY)[name]
    model, _, batch = name.rpartition("-b")
    if model not in MODELS or not batch.isdecimal():
        raise KeyError(name)
    return replace(MODELS[model], changes={**MODELS[model].changes, "batch": int(batch)})


def matching(globs: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return the names that match any of the globs; all names if there is no glob."""
    return [name for name in names if any(fnmatch.fnmatchcase(name, glob) for glob in globs or ["*"])]
