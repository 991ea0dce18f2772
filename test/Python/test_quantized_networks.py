"""Known networks: those of MLPerf Tiny quantised by us, and the int8 backbones with their own scales."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from quantized import mlperf
from quantized.backbones import Backbone, data_folder
from quantized.modules import Layers, given_scales
from torch import Tensor, nn

FOLDER = data_folder()
needs_data = pytest.mark.skipif(FOLDER is None, reason="no data files (POCK_DATA)")


def inputs_of(name: str, count: int) -> Tensor:
    """Smooth random inputs: networks of images see no noise."""
    generator = torch.Generator().manual_seed(0)
    shape = mlperf.INPUTS[name]
    if len(shape) == 1:
        return torch.randn(count, *shape, generator=generator)
    coarse = torch.randn(count, shape[0], 5, 5, generator=generator)
    return nn.functional.interpolate(coarse, shape[1:], mode="bilinear")


def quantized_network(name: str) -> tuple[Any, Tensor]:
    x = inputs_of(name, 16)
    return pock.quantize(mlperf.load(name, FOLDER), [x[:8], x[8:]], room=1), x


@needs_data
@pytest.mark.parametrize("name", ["ad_autoencoder", "ic_resnet8"])
def test_quantised_outputs_are_close(name: str) -> None:
    quantized, x = quantized_network(name)
    report = quantized.compare([x])
    assert report.error < 0.2
    # Every layer has integers: each scale is that of a layer, a sum, a mean or the input.
    joined = {"add", "add_1", "add_2", "mean"} if name == "ic_resnet8" else set()
    paths = {weight.removesuffix(".weight") for weight in quantized.state_dict() if weight.endswith("weight")}
    assert set(quantized.activations) == {"x", *paths, *joined}


@needs_data
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "ad_autoencoder" else pytest.mark.slow) for n in mlperf.NETWORKS]
)
def test_compiled_networks_equal_pytorch(name: str) -> None:
    quantized, x = quantized_network(name)
    targets = x[:4] if name == "ad_autoencoder" else torch.zeros(4, dtype=torch.int64)
    step = pock.compile(
        quantized,
        (x[:4],),
        loss="mse" if name == "ad_autoencoder" else "cross_entropy",
        optimizer=pock.SGD(lr=0.01),
        scheme=pock.Scheme.last(2),
        precision="int8",
    )
    head = list(quantized.activations.values())[-1]
    apart = np.rint((step.predict(x[:4].numpy()) - quantized(x[:4]).numpy()) / head.scale)
    if name == "ic_resnet8":
        # What an addition or a mean rounds otherwise where it is a tie, later layers amplify.
        assert np.abs(apart).max() <= 2
    else:
        assert np.abs(apart).max() <= 1
        assert (apart != 0).mean() <= 0.02
    assert {entry.arithmetic for entry in step.report().layers} == {"int8"}
    losses = [step(x[:4].numpy(), targets.numpy()) for _ in range(20)]
    assert losses[-1] < losses[0]


# Backbones ----------------------------------------------------------------------------


def integers_of(net: Backbone, x: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The integers of all layers, by the arithmetic of `quantized_oracle`."""
    import quantized_oracle as oracle

    y = skip = torch.from_numpy(x).double().permute(0, 3, 1, 2)
    zero, scale, skip_scale, skip_zero = net.layers[0]["x_zero"], net.layers[0]["x_scale"], 0.0, 0
    results = []
    for layer in net.layers:
        if layer["op"] == "add":
            y = oracle.add(skip, y, (skip_scale, scale, layer["y_scale"]), (skip_zero, zero, layer["y_zero"]))
        else:
            if layer["role"] == "pw1" or (layer["role"] == "dw" and layer["block"] == 1):
                skip, skip_scale, skip_zero = y, scale, zero
            if layer["role"] == "classifier":
                y = oracle.mean(y, (2, 3), scale / layer["x_scale"], zero, layer["x_zero"])[..., None, None]
                zero, scale = layer["x_zero"], layer["x_scale"]
            name = layer["name"]
            weight, bias, scales = (net.tensors[f"{name}.{part}"] for part in ("weight", "bias", "w_scale"))
            weight = torch.from_numpy(weight.astype(np.float64)).reshape(len(weight), -1, *weight.shape[2:])
            options = {"stride": layer["stride"], "padding": (layer["k"] - 1) // 2, "groups": layer["groups"]}
            acc = oracle.conv(y, weight, torch.from_numpy(bias.astype(np.float64)), zero, **options)
            y = oracle.requantize(acc, scale * scales.astype(np.float64) / layer["y_scale"], layer["y_zero"])
        scale, zero = layer["y_scale"], layer["y_zero"]
        results.append(y.numpy())
    return results


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["mcunet-5fps", "mbv2-w0.35", "proxyless-w0.3"])
def test_backbones_with_their_own_scales_have_their_integers(name: str) -> None:
    net = Backbone.load(name, FOLDER)
    quantized = pock.quantize(Layers(net, all_results=True), qparams=given_scales(net), input="int8")
    x = np.random.default_rng(0).integers(-128, 128, (1, 128, 128, 3)).astype(np.int8)
    step = pock.compile(
        quantized,
        (torch.zeros(1, 128, 128, 3),),
        loss=lambda outputs, target: nn.functional.cross_entropy(outputs[-1], target),
        example_target=torch.zeros(1, dtype=torch.int64),
        optimizer=pock.SGD(lr=0.01),
        scheme=net.scheme("49kb"),
        precision="int8",
    )
    state = step._state.model()
    for key, value in net.tensors.items():
        if key.endswith("weight"):
            np.testing.assert_array_equal(state[key].reshape(value.shape), value, err_msg=key)
    found = step.predict(x)
    for layer, real, expected in zip(net.layers, found, integers_of(net, x), strict=True):
        integers = np.rint(real / layer["y_scale"]) + layer["y_zero"]
        np.testing.assert_array_equal(integers.reshape(expected.shape), expected, err_msg=str(layer))
