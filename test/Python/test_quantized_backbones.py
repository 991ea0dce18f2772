"""Training steps of the int8 backbones of Lin et al., against exact integers and gradients in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from quantized.backbones import SCHEMES, Backbone, data_folder
from test_quantization import uniform
from torch.nn import functional as F

FOLDER = data_folder()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no weights; POCK_DATA names their folder")
RATE = 0.01
CASES = [(network, scheme) for network, schemes in SCHEMES.items() for scheme in schemes]
QUICK = {("mcunet-5fps", "49kb")}


def image(size: int = 128) -> np.ndarray[Any, Any]:
    """Pseudo-random pixels."""
    return np.random.default_rng(7).integers(-128, 128, (1, size, size, 3)).astype(np.int8)


def logits(net: Backbone, tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The real logits of a network on integers."""
    skip, last = x, net.layers[0]
    for layer in net.layers:
        if layer["op"] == "add":
            scales = layer["x_scale"], last["y_scale"], layer["y_scale"]
            x = oracle.add(skip, x, scales, (layer["x_zero"], last["y_zero"], layer["y_zero"]))
            continue
        if layer["role"] == "pw1" or (layer["role"] == "dw" and layer["block"] == 1):
            skip = x
        weight, bias = tensors[f"{layer['name']}.weight"], tensors[f"{layer['name']}.bias"]
        if layer["role"] == "classifier":
            x = oracle.mean(x, (2, 3), last["y_scale"] / layer["x_scale"], last["y_zero"], layer["x_zero"])
            total = (x - layer["x_zero"]) @ weight.T + bias
        else:
            pad = (layer["k"] - 1) // 2
            options = {"stride": layer["stride"], "padding": pad, "groups": layer["groups"]}
            total = oracle.conv(x, weight, bias, layer["x_zero"], **options)
        scales = net.tensors[f"{layer['name']}.w_scale"].astype(np.float64)
        x = oracle.requantize(total, layer["x_scale"] * scales / layer["y_scale"], layer["y_zero"])
        last = layer
    return (x - last["y_zero"]) * last["y_scale"]


@pytest.mark.parametrize(
    ("network", "scheme"), [pytest.param(*c, marks=[] if c in QUICK else pytest.mark.slow) for c in CASES]
)
def test_one_step_is_exact(network: str, scheme: str) -> None:
    """Logits, every bias and every weight are those of float64; near-ties of rounding excepted."""
    assert FOLDER is not None
    net = Backbone.load(network, FOLDER)
    step = pock.compile(net.build(), loss=None, scheme=net.scheme(scheme), optimizer=pock.SGD(lr=RATE))
    before = step.quantized_state_dict()
    tensors = {name: torch.tensor(value.astype(np.float64), requires_grad=True) for name, value in before.items()}
    x, label = image(), torch.tensor([3])
    given = torch.tensor(x.astype(np.float64)).permute(0, 3, 1, 2)
    found = logits(net, tensors, given)
    # The same integers; their real numbers are rounded to float32.
    assert np.allclose(step.predict(x), found.detach().numpy(), rtol=1e-6, atol=0)
    F.cross_entropy(found, label).backward()
    step(x, label.numpy())
    after = step.quantized_state_dict()
    scales = {layer["name"]: layer["x_scale"] for layer in net.layers if layer["op"] == "conv"}
    bytes_before = [name for name in before if before[name].dtype == np.int8]
    differing = total = 0
    for name, slot in step.artifact.manifest.of_kind("parameter").items():
        if slot.update == "none":
            assert np.array_equal(after[name], before[name]), name
            continue
        layer = name.rpartition(".")[0]
        size = net.tensors[f"{layer}.w_scale"].astype(np.float64)
        gradient = tensors[name].grad
        assert gradient is not None, name
        if name.endswith("bias"):
            size, noise = size * scales[layer], None
        else:
            size = size.reshape(-1, *[1] * (before[name].ndim - 1))
            noise = uniform(0, 0, 2**31 + bytes_before.index(name), before[name].size).reshape(before[name].shape)
        change = -RATE * gradient.numpy() / size / size
        assert slot.quantization is not None
        low, high = slot.quantization.least, slot.quantization.most
        expected = oracle.round_update(before[name], change, low, high, noise)
        if isinstance(slot.update, tuple):
            axis, count = slot.update
            frozen = tuple(slice(count, None) if dim == axis else slice(None) for dim in range(before[name].ndim))
            expected[frozen] = before[name][frozen]
        moved = change + (0.5 if noise is None else noise)
        near = np.abs(moved - np.rint(moved)) < 1e-5 * (1 + np.abs(change))
        wrong = (after[name] != expected) & ~near
        assert not wrong.any(), (name, int(wrong.sum()))
        differing += int((after[name] != expected).sum())
        total += expected.size
    assert differing <= total * 1e-3
    assert any(not np.array_equal(after[name], before[name]) for name in before)
