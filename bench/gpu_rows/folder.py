"""Reads the folder that ``bench/gpu.py build`` writes, and makes numbers for it.

``index.json`` has `rows`. A row has `row`, `batch`, `dtype` (what values between kernels are stored as), the name of its
`folder`, and

* `inputs` and `outputs` of the compiled step in order: name, shape, NumPy's dtype; of integers `low` and `high`, the
  range [low, high); of numbers that do not belong to the model, the `value`;
* `state`, the tensors in this segment: offset in bytes, number of float32, mean and deviation;
* `launches` in the order of the profile: kernel, layer, phase, flops, bytes;
* `model`, the arguments of ``model.py``: a parameter with shape, mean and deviation, a constant by its name in
  ``constants.npz``, or the number of an input.

The folder has ``step.spv``, ``step.plan``, ``constants.bin``, ``model.py`` and ``constants.npz``; and `graph`, with the
files of `peers/graph_export.py`, if the row is also for compilers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["INDEX", "LIBRARY", "Folder", "FolderError", "Row"]

INDEX = "index.json"
LIBRARY = "libpock-vulkan.so"


class FolderError(Exception):
    """The folder is not one of ``bench/gpu.py build``."""


@dataclass(frozen=True)
class Row:
    """A compiled model at one batch size.

    Attributes:
        data: its entry in the index.
        place: its folder.
    """

    data: Mapping[str, Any]
    place: Path

    @property
    def name(self) -> str:
        return f"{self.data['row']}-b{self.data['batch']}-{self.data['dtype']}"

    @property
    def graph(self) -> Path | None:
        """The folder with the graph for compilers other than PyTorch's; None if the row is not for them."""
        place = self.place / "graph"
        return place if place.exists() else None

    def inputs(self) -> list[np.ndarray]:
        """Return random inputs of the step, the target and the learning rate included; the same in every call."""
        generator = np.random.default_rng(0)
        return [_drawn(spec, generator) for spec in self.data["inputs"]]

    def outputs(self) -> list[np.ndarray]:
        """Return arrays for the outputs of the step; the loss is the first."""
        return [np.zeros(spec["shape"], spec["dtype"]) for spec in self.data["outputs"]]

    def state(self) -> np.ndarray:
        """Return a segment of state in bytes, with random numbers distributed as the model's first parameters."""
        generator = np.random.default_rng(1)
        result = np.zeros(self.data["state_bytes"], np.uint8)
        for part in self.data["state"]:
            values = normal(part, (part["count"],), generator)
            result[part["offset"] : part["offset"] + values.nbytes] = values.view(np.uint8)
        return result

    def constants(self) -> np.ndarray:
        """Return the segment of constants in bytes."""
        return np.fromfile(self.place / "constants.bin", np.uint8)


@dataclass(frozen=True)
class Folder:
    """Everything that one build wrote."""

    library: Path
    rows: Sequence[Row]

    @classmethod
    def read(cls, place: Path) -> Folder:
        """Read the index.

        Raises:
            FolderError: there is none, it is damaged, or a file is missing.
        """
        try:
            index = json.loads((place / INDEX).read_text())
            rows = [Row(entry, place / entry["folder"]) for entry in index["rows"]]
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise FolderError(f"{place}: expected a folder of 'bench/gpu.py build': {error!r}") from None
        files = ("step.spv", "step.plan", "constants.bin", "constants.npz", "model.py")
        needed = [place / LIBRARY, *(row.place / name for row in rows for name in files)]
        if missing := [str(path) for path in needed if not path.exists()]:
            raise FolderError(f"{place}: {', '.join(missing)} missing")
        return cls(place / LIBRARY, rows)


def normal(spec: Mapping[str, Any], shape: Sequence[int], generator: np.random.Generator) -> np.ndarray:
    """Return float32 numbers with the mean and the deviation of an entry."""
    values = generator.standard_normal(math.prod(shape), np.float32)
    return (values * np.float32(spec["std"]) + np.float32(spec["mean"])).reshape(shape)


def _drawn(spec: Mapping[str, Any], generator: np.random.Generator) -> np.ndarray:
    shape, dtype = spec["shape"], np.dtype(spec["dtype"])
    if "value" in spec:
        return np.full(shape, spec["value"], dtype)
    if "low" in spec:
        return generator.integers(spec["low"], spec["high"], shape, dtype)
    return normal({"mean": 0.0, "std": 1.0}, shape, generator).astype(dtype)
