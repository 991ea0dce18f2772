"""The int8 backbones as PyTorch modules of floats, and their own scales for `pockmlir.quantize`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import torch
from torch import Tensor, nn

from .backbones import Backbone

__all__ = ["Layers", "given_scales"]


class Layers(nn.Module):
    """A backbone of floats, on images ``[batch, rows, columns, 3]``.

    Args:
        net: the layers and their integers.
        all_results: return the results of all layers, in a tuple; otherwise those of the last one, the logits.
    """

    def __init__(self, net: Backbone, all_results: bool = False) -> None:
        super().__init__()
        self.layers = net.layers
        self.all_results = all_results
        for layer in self.layers:
            if layer["op"] != "conv":
                continue
            weight, bias, scale = (net.tensors[f"{layer['name']}.{part}"] for part in ("weight", "bias", "w_scale"))
            scale = scale.astype(np.float64)
            if layer["role"] == "classifier":
                made: nn.Module = nn.Linear(weight.shape[1], weight.shape[0])
                weight = weight.reshape(weight.shape[:2])
            else:
                outputs, inputs, kernel, _ = weight.shape
                groups = layer["groups"]
                made = nn.Conv2d(inputs * groups, outputs, kernel, layer["stride"], (kernel - 1) // 2, groups=groups)
            real = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
            made.load_state_dict(
                {"weight": torch.from_numpy(real), "bias": torch.from_numpy(bias * scale * layer["x_scale"])}
            )
            self.add_module(layer["name"], made)

    def forward(self, x: Tensor) -> Any:
        x = skip = x.permute(0, 3, 1, 2)
        results = []
        for layer in self.layers:
            if layer["op"] == "add":
                x = skip + x
                results.append(x)
                continue
            if layer["role"] == "pw1" or (layer["role"] == "dw" and layer["block"] == 1):
                skip = x
            if layer["role"] == "classifier":
                x = x.mean((2, 3))
            x = self.get_submodule(layer["name"])(x)
            x = nn.functional.relu6(x) if layer["role"] in ("stem", "pw1", "dw") else x
            results.append(x)
        return tuple(results) if self.all_results else x


def given_scales(net: Backbone, head: str = "int8") -> dict[str, Any]:
    """Return the backbone's own scales, under the names of `pockmlir.quantize`.

    Args:
        net: the layers and their scales.
        head: as for `pockmlir.quantize`; before a ``float32`` head, the last convolution's results are not rounded.
    """
    first = net.layers[0]
    result: dict[str, Any] = {"x": (first["x_scale"], first["x_zero"])}
    adds = 0
    for layer in net.layers:
        scale = layer["y_scale"], layer["y_zero"]
        if layer["op"] == "add":
            result["add" if adds == 0 else f"add_{adds}"] = scale
            adds += 1
            continue
        if layer["role"] == "classifier" and head != "int8":
            continue
        if head == "int8" or layer["name"] != net.convolutions[-1]:
            result[layer["name"]] = scale
        result[f"{layer['name']}.weight"] = pock.Quantization(
            net.tensors[f"{layer['name']}.w_scale"], axis=0, least=-127
        )
        if layer["role"] == "classifier":
            result["mean"] = layer["x_scale"], layer["x_zero"]
    return result
