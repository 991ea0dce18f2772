"""Work that several threads share: tiles of products in workgroup memory, and long sums."""

from __future__ import annotations

import json
import re
from itertools import cycle, product

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir import _core
from pockmlir.api.tuning import Choice
from torch import nn
from vulkan_cases import compiled, in_process, needs_device, require_steps_of_pytorch

#: Points of a thread: vectors of one, two and four, and two of these.
POINTS = tuple(product((4, 2, 8, 1), repeat=2))


class Attention(nn.Module):
    """Products with a batch, over short and long sums."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Linear(20, 60)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.into(x).unflatten(2, (3, 20)).unbind(2)
        return (q @ k.transpose(1, 2)).tanh() @ v


def models() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 13, 11)
    return {
        "borders": (nn.Sequential(nn.Linear(33, 41), nn.ReLU(), nn.Linear(41, 17)), torch.randn(35, 33)),
        "attention": (Attention(), torch.randn(3, 19, 20)),
        "strides and dilations": (
            nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1), nn.Tanh(), nn.Conv2d(12, 20, (1, 3), dilation=2, groups=2)),
            image,
        ),
        "transposed": (nn.Sequential(nn.ConvTranspose2d(3, 16, 3, 2, 1), nn.Conv2d(16, 5, 1)), image),
    }


def tilings(step: pock.Step, algorithm: str) -> pock.Tuning:
    """The same algorithm for all kernels that can have tiles, each with other points of a thread."""
    space = json.loads(_core.tuning_space(step.ir("plan")))
    kernels = [kernel for kernel in space["kernels"].values() if "workgroup_tile" in kernel["algorithms"]]
    assert len(kernels) > 1
    points = cycle(POINTS if algorithm == "workgroup_tile" else (None,))
    choices = {
        kernel["fingerprint"]: Choice(algorithm=algorithm, tile=tile)
        for kernel, tile in zip(kernels, points, strict=False)
    }
    return pock.Tuning({space["target"]: choices})


@needs_device
@pytest.mark.parametrize(
    "name",
    [
        "borders",
        "strides and dilations",
        pytest.param("attention", marks=pytest.mark.slow),
        pytest.param("transposed", marks=pytest.mark.slow),
    ],
)
def test_tiles_have_the_bits_of_threads_apart(name: str) -> None:
    """Five steps of all kernels that can have tiles, with points beyond the border and blocks that are not full."""
    model, x = models()[name]
    y = torch.randn_like(model(x))
    step = compiled(model, x, y)
    apart, tiled = (compiled(model, x, y, tuning=tilings(step, a)) for a in ("apart", "workgroup_tile"))
    assert apart.artifact.object_code != tiled.artifact.object_code
    assert [apart(x, y) for _ in range(5)] == [tiled(x, y) for _ in range(5)]
    expected = apart.state_dict()
    for tensor, value in tiled.state_dict().items():
        assert np.asarray(value).tobytes() == np.asarray(expected[tensor]).tobytes(), tensor


@needs_device
def test_entries_beyond_the_border_reach_no_other() -> None:
    """The last row is infinite, and what computes points beyond the border reads it again."""
    model, x = models()["borders"]
    y = torch.randn(35, 17)
    step = compiled(model, x, y)
    tiled = compiled(model, x, y, tuning=tilings(step, "workgroup_tile"))
    x[-1] = torch.tensor([torch.inf, -torch.inf, torch.nan])[torch.arange(33) % 3]
    found = tiled.predict(x)
    assert np.isnan(found[-1]).all()
    np.testing.assert_allclose(found[:-1], model(x).detach()[:-1].numpy(), rtol=1e-5, atol=1e-6)


ROW_WITH_TILES = """
torch.manual_seed(0)
model = nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 40, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
x, y = torch.randn(2, 3, 33, 31), torch.randn(2, 40)
row, portable = compiled(model, x, y, "vulkan:adreno"), compiled(model, x, y)
tiles, none = (Dispatches.unpack(step.artifact.object_code).shaders for step in (row, portable))
assert len(tiles) > len(none)
assert [row(x, y) for _ in range(3)] == [portable(x, y) for _ in range(3)]
"""


@needs_device
def test_rows_with_fast_workgroup_memory_have_tiles() -> None:
    """Khronos' validation layer has nothing to say."""
    done = in_process(ROW_WITH_TILES, VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr + done.stdout


@needs_device
def test_long_sums_of_few_points_are_divided() -> None:
    """The loss and the gradient of the weights are sums of 16,384 terms: in sixteen parts each."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.Tanh())
    x, y = torch.randn(4, 1, 64, 64) + 3.0, torch.randn(4, 2, 64, 64)
    step = compiled(model, x, y)
    assert {"memref<16xf32>", "memref<16x1x2xf32>"} <= set(re.findall(r"memref<\w+>", step.ir("plan")))
    require_steps_of_pytorch(step, model, x, y)
