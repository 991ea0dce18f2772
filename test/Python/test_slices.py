"""Slices of parameters on devices: the frozen rest lies with the constants, and nothing else is different."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

#: Slices of two layers whose gradient goes on, of one that is used twice, and of a matrix.
SCHEME = {"first.weight": 0.25, "last.weight": 0.25, "mix.weight": 0.5, "head.weight": 0.5, "*.bias": 1.0}
SLICES = [name for name, fraction in SCHEME.items() if fraction < 1]
#: A parameter that is read twice is not divided.
DIVIDED = [name for name in SLICES if name != "mix.weight"]


class Net(nn.Module):
    def __init__(self, times: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.times = times
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.first = nn.Conv2d(16, 8, 3, padding=1)
        self.mix = nn.Conv2d(8, 8, 1)
        self.last = nn.Conv2d(8, 16, 3, stride=2)
        self.head = nn.Linear(16, 5)
        for layer in self.children():
            nn.init.constant_(layer.bias, 0.5)  # so that every channel trains

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(torch.relu(self.stem(x))))
        for _ in range(self.times):
            x = torch.relu(self.mix(x))
        return self.head(torch.relu(self.last(x)).mean((2, 3)))


def images(count: int, seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((count, 3, 8, 8)).astype(np.float32)


DATA = {"x": images(12, 0), "y": np.arange(12) % 5, "x_test": images(4, 1), "y_test": np.arange(4)}
#: What trains, and how.
MODES: dict[str, dict[str, Any]] = {
    "f32": {"optimizer": pock.SGD(lr=0.02, momentum=0.9, weight_decay=0.01)},
    "accumulate": {"optimizer": pock.Adam(lr=0.01), "accumulate": 2, "clip_grad_norm": 1.0},
    "bf16": {"optimizer": pock.SGD(lr=0.05), "precision": "bf16"},
    "int8": {"optimizer": pock.SGD(lr=0.05, momentum=0.9, weight_decay=0.01), "precision": "int8"},
}


def compiled(mode: str, target: str) -> pock.Step:
    model: Any = Net()
    if mode == "int8":
        # The results of a layer that is used twice would have two scales.
        model = pock.quantize(Net(times=1).eval(), [torch.from_numpy(DATA["x"])])
    return pock.compile(
        model,
        (torch.from_numpy(DATA["x"][:2]),),
        loss="cross_entropy",
        scheme=SCHEME,
        target=target,
        arithmetic="portable",
        name="net",
        **MODES[mode],
    )


def assert_equal(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], name)


@pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm")
@pytest.mark.parametrize("mode", MODES)
def test_the_bits_of_this_machine_with_less_state(mode: str) -> None:
    device, host = (compiled(mode, target) for target in ("cortex-m7", "host"))
    assert device.memory.state < host.memory.state
    initial = device.state_dict()
    assert_equal(initial, host.state_dict())
    found = pock.run(device, DATA, steps=4, reference=host)
    assert found.comparison is not None
    assert found.comparison.outputs_equal
    assert found.comparison.state_equal
    trained = device.state_dict()
    for name in SLICES:
        changed = (trained[name] != initial[name]).any(axis=(0, *range(2, initial[name].ndim)))
        count = round(SCHEME[name] * changed.size)
        assert changed.any(), name
        assert not changed[count:].any(), name


def test_users_see_one_parameter(tmp_path: Path) -> None:
    """Names, shapes, reports and files are those of a step that stores parameters whole."""
    device, host = (compiled("int8", target) for target in ("cortex-m7", "host"))
    host(DATA["x"][:2], DATA["y"][:2])
    device.load_state_dict(host.state_dict())
    assert_equal(device.quantized_state_dict(), host.quantized_state_dict())
    assert device.report().parameters == host.report().parameters
    assert device.memory.parameters == host.memory.parameters
    stored = {tensor.name: tensor.bytes for tensor in host.memory.tensors if tensor.kind == "parameter"}
    assert {tensor.name: tensor.bytes for tensor in device.memory.tensors if tensor.kind == "parameter"} == stored

    device.save(tmp_path / "net.safetensors")
    again = compiled("int8", "cortex-m7")
    again.load(tmp_path / "net.safetensors")
    assert_equal(again.state_dict(), device.state_dict())
    manifest = json.loads(device.export(tmp_path)["manifest"].read_text())
    entries = {entry["name"]: entry for entry in manifest["tensors"]}
    assert not [name for name in entries if "rest" in name]
    for name in SLICES:
        entry = entries[name]
        assert entry["segment"] == "state"
        assert entry["rest"]["segment"] == "constants"
        assert entry["bytes"] + entry["rest"]["bytes"] == stored[name]
        assert entry["bytes"] == stored[name] * entry["update"]["size"] // entry["shape"][entry["update"]["axis"]]
