"""Runs the graphs that `graph_export` writes, on any framework that `Backend` describes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .backend import Backend, Image, Tensor
from .graph_ops import OPS

__all__ = ["Graph"]


class Graph:
    """A model and its loss.

    Attributes:
        parameters: name of a parameter → its value at the export, in PyTorch's layout.
        data: one batch, the target last.
    """

    def __init__(self, directory: Path) -> None:
        found = json.loads((directory / "graph.json").read_text())
        self._nodes: list[dict[str, Any]] = found["nodes"]
        self._inputs: list[str] = found["inputs"]
        self._names: dict[str, str] = found["parameters"]
        self._constants = _load(directory / "constants.npz")
        self._outputs = {"loss": found["loss"], "logits": found["logits"]}
        self.parameters = _load(directory / "parameters.npz")
        self.data = list(_load(directory / "data.npz").values())

    @property
    def convolves(self) -> bool:
        """Whether there is any convolution."""
        return any(node["op"] == "conv2d" for node in self._nodes)

    def stored(self, backend: Backend) -> dict[str, np.ndarray]:
        """Return the parameters in the layout of the backend."""
        result = dict(self.parameters)
        for node in self._nodes:
            if node["op"] == "conv2d":
                name = self._names[node["args"]["weight"]["value"]]
                result[name] = np.ascontiguousarray(backend.filter(self.parameters[name], node["args"]["groups"]))
        return result

    def run(self, backend: Backend, output: str, parameters: Mapping[str, Tensor], inputs: Sequence[Tensor]) -> Tensor:
        """Compute ``loss`` or ``logits``; ``logits`` does not need the target."""
        last = self._outputs[output]
        values: dict[str, Any] = dict(self._constants)
        values |= {value: parameters[name] for value, name in self._names.items()}
        values |= dict(zip(self._inputs, inputs, strict=False))
        for node in self._nodes:
            operator, images = OPS[node["op"]]
            arguments = {name: _decode(value, values) for name, value in node["args"].items()}
            if not images:
                arguments = {name: _planar(backend, value) for name, value in arguments.items()}
            values[node["out"]] = operator(backend, **arguments)
            if node["out"] == last:
                return _planar(backend, values[last])
        raise ValueError(f"the graph does not compute {last}")


def _load(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _decode(argument: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(argument, dict):
        return values[argument["value"]]
    if isinstance(argument, list):
        return [_decode(each, values) for each in argument]
    return argument


def _planar(backend: Backend, value: Any) -> Any:
    """Return an image with its channels second, for operators that need this layout; other values unchanged."""
    if isinstance(value, list):
        return [_planar(backend, each) for each in value]
    return backend.transpose(value.value, (0, 3, 1, 2)) if isinstance(value, Image) else value
