"""The three int8 backbones of Lin et al. (arXiv 2206.15472), with their own weights and scales, and their schemes.

The files come from ``mit-han-lab/tiny-training`` (MIT licence); `data_folder` finds them.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.api.quantization import Quantization
from pockmlir.frontends.common.builder import Builder, Value, shape_of
from pockmlir.frontends.common.imported import ImportedModel
from pockmlir.frontends.common.model import ModelBuilder

__all__ = ["SCHEMES", "Backbone", "data_folder"]

Array = np.ndarray[Any, Any]

#: Network → name of a scheme → (number of last convolutions whose bias trains, convolution → fraction of its weight).
SCHEMES: dict[str, dict[str, tuple[int, dict[int, float]]]] = {
    "mbv2-w0.35": {
        "49kb": (16, {36: 1, 39: 1, 41: 1 / 4, 42: 1 / 8, 45: 1 / 8, 48: 1 / 8, 49: 1 / 8}),
        "73kb": (20, {32: 1 / 8, 33: 1 / 2, 36: 1 / 2, 39: 1, 41: 1 / 4, 42: 1 / 8, 45: 1 / 8, 48: 1}),
        "99kb": (25, {27: 1, 30: 1, 33: 1, 36: 1, 39: 1, 42: 1 / 8, 45: 1 / 2, 48: 1}),
        "123kb": (31, {27: 1, 30: 1, 33: 1, 36: 1, 39: 1, 42: 1 / 2, 45: 1, 48: 1}),
        "138kb": (34, {27: 1, 30: 1, 33: 1, 36: 1, 39: 1, 42: 1, 45: 1, 48: 1}),
    },
    "mcunet-5fps": {
        "49kb": (20, {24: 1 / 4, 27: 1 / 2, 30: 1 / 2}),
        "74kb": (21, {21: 1, 24: 1, 27: 1 / 2, 30: 1}),
        "99kb": (22, {21: 1, 24: 1, 27: 1, 30: 1, 36: 1 / 8, 39: 1 / 4}),
        "124kb": (24, {21: 1 / 4, 24: 1, 27: 1, 30: 1, 33: 1 / 2, 39: 1 / 2}),
        "148kb": (23, {21: 1, 24: 1, 27: 1, 30: 1, 36: 1, 39: 1 / 2}),
    },
    "proxyless-w0.3": {
        "49kb": (21, {39: 1 / 4, 42: 1, 45: 1, 51: 1 / 8, 54: 1 / 4, 57: 1 / 4}),
        "74kb": (28, {33: 1 / 2, 36: 1 / 4, 39: 1, 42: 1, 45: 1, 51: 1 / 2, 54: 1 / 4, 57: 1 / 2}),
        "98kb": (25, {36: 1, 39: 1 / 2, 42: 1, 45: 1, 48: 1 / 4, 51: 1 / 2, 54: 1, 57: 1}),
        "120kb": (32, {36: 1, 39: 1, 42: 1, 45: 1, 48: 1 / 4, 51: 1 / 2, 54: 1, 57: 1}),
        "148kb": (45, {36: 1, 39: 1, 42: 1, 45: 1, 48: 1, 51: 1, 54: 1, 57: 1}),
    },
}


def data_folder() -> Path | None:
    """Return the folder of the data files: ``POCK_DATA``, or ``../shared/data`` beside the checkout."""
    for folder in (os.environ.get("POCK_DATA"), Path(__file__).parents[3] / "shared" / "data"):
        if folder and Path(folder).is_dir():
            return Path(folder)
    return None


@dataclass
class Backbone:
    """A network of the paper, with the first ``classes`` rows of its classifier.

    Attributes:
        name: ``mcunet-5fps``, ``mbv2-w0.35`` or ``proxyless-w0.3``.
        layers: the entries of the file, in forward order.
        tensors: the arrays of the file.
        classes: number of classes.
    """

    name: str
    layers: list[dict[str, Any]]
    tensors: dict[str, Array]
    classes: int = 10
    _model: ModelBuilder = field(default_factory=ModelBuilder, repr=False)
    _quantized: bool = True
    _head: str = "int8"

    @classmethod
    def load(cls, name: str, folder: Path, classes: int = 10) -> Backbone:
        """Read a network."""
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            tensors = {key: file[key] for key in file.files}
        for key in list(tensors):
            if key.startswith("classifier."):
                tensors[key] = tensors[key][:classes]
        return cls(name, json.loads((folder / f"{name}.json").read_text()), tensors, classes)

    @property
    def convolutions(self) -> list[str]:
        """The names of all convolutions in forward order, without the classifier."""
        return [layer["name"] for layer in self.layers if layer["op"] == "conv" and layer["role"] != "classifier"]

    def scheme(self, name: str) -> pock.Scheme:
        """Return a shipped scheme; the classifier trains whole."""
        biases, fractions = SCHEMES[self.name][name]
        names = self.convolutions
        entries = {f"{names[i]}.bias": 1.0 for i in range(len(names) - biases, len(names))}
        entries |= {f"{names[i]}.weight": float(fraction) for i, fraction in fractions.items()}
        return pock.Scheme(entries | {"classifier.weight": 1.0, "classifier.bias": 1.0})

    def build(self, batch: int = 1, size: int | None = None, head: str = "int8") -> ImportedModel:
        """Return the model on integers: bytes of pixels ``[batch, size, size, 3]``, cross entropy of the real logits.

        Args:
            batch: samples per step.
            size: rows and columns of an image; those of the file if None.
            head: ``int8``, or ``float32`` for a classifier on real numbers.
        """
        return self._build(batch, size, head, quantized=True)

    def build_float(self, batch: int = 1, size: int | None = None) -> ImportedModel:
        """Return the same network on float32, with the real numbers of its integers as weights."""
        return self._build(batch, size, "float32", quantized=False)

    def _build(self, batch: int, size: int | None, head: str, quantized: bool) -> ImportedModel:
        self._model = ModelBuilder(self.name.replace("-", "_").replace(".", "_"))
        self._quantized = quantized
        self._head = head
        for layer in self.layers:
            if layer["op"] == "conv":
                self._declare(layer)
        size = size or self.layers[0]["hin"]
        for name in ("loss", "predict"):
            b = self._model.function(name)
            x = b.add_input("x", (batch, size, size, 3), "i8")
            logits = self._forward(b, b.transpose(x, (0, 3, 1, 2)))
            if name == "loss":
                target = b.add_input("target", (batch,), "i64")
                loss = b.emit(
                    ops.CrossEntropyOp, b.type((), "f32"), logits, target, reduction=b.enum("reduction<mean>")
                )
                b.returns({"loss": loss})
            else:
                b.returns({"output": logits})
        return self._model.build()

    def _is_float(self, layer: dict[str, Any]) -> bool:
        return not self._quantized or (layer["role"] == "classifier" and self._head == "float32")

    def _declare(self, layer: dict[str, Any]) -> None:
        """Declare weight and bias of a convolution."""
        name = layer["name"]
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        scales = self.tensors[f"{name}.w_scale"]
        if layer["role"] == "classifier":
            weight = weight.reshape(weight.shape[0], -1)
        limit = 2**31 - 1
        stored = Quantization(scales, axis=0, least=-127)
        real = Quantization(scales.astype(np.float64) * layer["x_scale"], axis=0, least=-limit, most=limit)
        if self._is_float(layer):
            self._model.parameter(f"{name}.weight", stored.dequantize(weight))
            self._model.parameter(f"{name}.bias", real.dequantize(bias))
            return
        self._model.parameter(f"{name}.weight", weight, quantization=stored)
        self._model.parameter(
            f"{name}.bias", bias, quantization=real, scales_of=f"{name}.weight", factor=layer["x_scale"]
        )

    def _forward(self, b: Builder, x: Value) -> Value:
        """Emit all layers; return the logits."""
        first = self.layers[0]
        x = b.dequantize(x, first["x_scale"], first["x_zero"])
        skip = x
        for layer in self.layers:
            if layer["op"] == "add":
                x = self._rounded(b, b.add(skip, x), layer)
                continue
            if layer["role"] == "pw1" or (layer["role"] == "dw" and layer["block"] == 1):
                skip = x
            if layer["role"] == "classifier":
                x = self._rounded(b, b.mean(x, (2, 3)), layer, "x")
                x = self._convolve(b, x, layer)
                return x if self._is_float(layer) else self._rounded(b, x, layer)
            x = self._rounded(b, self._convolve(b, x, layer), layer)
        raise AssertionError("a network ends with its classifier")

    def _rounded(self, b: Builder, x: Value, layer: dict[str, Any], side: str = "y") -> Value:
        """The real numbers of a layer's integers; on float32 only their limits, where these are those of relu6."""
        scale, zero = layer[f"{side}_scale"], layer[f"{side}_zero"]
        if self._quantized:
            return b.dequantize(b.quantize(x, scale, zero), scale, zero)
        if zero != -128 or side == "x":
            return x
        return b.emit(ops.ClampOp, x.type, x, min=0.0, max=255 * scale)

    @staticmethod
    def _convolve(b: Builder, x: Value, layer: dict[str, Any]) -> Value:
        name = layer["name"]
        weight, bias = b.load_real(f"{name}.weight"), b.load_real(f"{name}.bias")
        if layer["role"] == "classifier":
            y = b.emit(ops.LinearOp, b.type((shape_of(x)[0], shape_of(weight)[0]), "f32"), x, weight)
            return b.add(y, bias)
        pad = (layer["k"] - 1) // 2
        rows = (shape_of(x)[2] + 2 * pad - layer["k"]) // layer["stride"] + 1
        y = b.emit(
            ops.ConvOp,
            b.type((shape_of(x)[0], layer["cout"], rows, rows), "f32"),
            x,
            weight,
            strides=[layer["stride"]] * 2,
            pad_low=[pad] * 2,
            pad_high=[pad] * 2,
            dilations=[1, 1],
            groups=layer["groups"],
        )
        return b.add(y, b.reshape(bias, (layer["cout"], 1, 1)))
