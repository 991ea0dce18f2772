"""Networks for Vulkan devices, steps of them, and what the tests of these have in common."""

from __future__ import annotations

import functools
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.artifact.dispatches import Dispatches
from pockmlir.runtime import vulkan
from torch import nn

Model = tuple[nn.Module, torch.Tensor, torch.Tensor]


def devices() -> tuple[str, ...]:
    try:
        return vulkan.list_devices()
    except pock.RunError:
        return ()


needs_device = pytest.mark.skipif(not devices(), reason="no Vulkan device; Mesa's mesa-vulkan-drivers has one")


def compiled(model: nn.Module, x: torch.Tensor, y: torch.Tensor, target: str = "vulkan", **options: Any) -> pock.Step:
    """A step that trains everything."""
    loss = "mse" if y.is_floating_point() else "cross_entropy"
    settings = {"optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full(), "loss": loss} | options
    return pock.compile(model, (x,), target=target, **settings)


class Tokens(nn.Module):
    """Embedding, positions, attention with a mask, and arithmetic on integers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 8, padding_idx=0)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        places = torch.cumsum((ids != 0).long(), 1) * (ids != 0)
        x = self.embedding(ids) + self.embedding((places * 7 - 3) % 11)
        return self.head(self.layer(x, src_key_padding_mask=ids == 0)[:, 0])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def networks() -> dict[str, Model]:
    torch.manual_seed(0)
    image, labels = torch.randn(2, 3, 8, 8), torch.tensor([0, 3])
    pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    return {
        "mlp": (nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(4, 6), torch.randn(4, 3)),
        "one sample": (nn.Sequential(nn.Linear(1, 1), nn.Tanh(), nn.Linear(1, 2)), torch.randn(1, 1), torch.tensor([1])),
        "convolutions": (
            nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, 2, 1, groups=2), nn.ReLU6(), *pooled),
            image, labels,
        ),
        "depthwise": (
            nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), *pooled).eval(),
            image, labels,
        ),
        "transposed": (nn.Sequential(nn.ConvTranspose2d(3, 8, 3, 2, 1), nn.ReLU(), *pooled), image, labels),
        "batch norm": (nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), *pooled), image, labels),
        "many points": (
            nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)),
            torch.randn(4, 3, 24, 24), torch.tensor([0, 3, 1, 2]),
        ),
        "functions": (
            nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 8), nn.SiLU(), nn.LayerNorm(8), nn.Sigmoid(), nn.Linear(8, 3)),
            torch.randn(4, 6), torch.tensor([0, 2, 1, 1]),
        ),
        "tokens": (Tokens(), torch.tensor([[3, 1, 4, 0, 0], [5, 9, 2, 6, 10]]), torch.tensor([0, 2])),
        "recurrent": (Recurrent(), torch.randn(4, 5, 6), torch.tensor([0, 2, 1, 1])),
    }  # fmt: skip


def require_equal_training(name: str, optimizer: str = "SGD") -> None:
    """Five steps, and a prediction, equal those of PyTorch."""
    model, x, y = networks()[name]
    step = compiled(model, x, y, optimizer=getattr(pock, optimizer)(lr=0.1), cache=False)
    # Adam's factors are powers, which drivers compute with few digits.
    rtol = 1e-5 if optimizer == "SGD" else 1e-4
    require_steps_of_pytorch(step, model, x, y, 5, optimizer, loss_rtol=rtol, rtol=rtol)
    if not any(isinstance(part, nn.BatchNorm2d) and part.training for part in model.modules()):
        np.testing.assert_allclose(step.predict(x), model(x).detach().numpy(), rtol=rtol, atol=rtol / 10)


def require_steps_of_pytorch(
    step: pock.Step,
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    count: int = 3,
    optimizer: str = "SGD",
    *,
    loss_rtol: float = 1e-5,
    rtol: float = 1e-4,
) -> None:
    """Some steps with the learning rate 0.1, and the state behind them, equal those of PyTorch."""
    reference = getattr(torch.optim, optimizer)(model.parameters(), lr=0.1)
    loss = nn.functional.mse_loss if y.is_floating_point() else nn.functional.cross_entropy
    for _ in range(count):
        reference.zero_grad()
        expected = loss(model(x), y)
        expected.backward()
        reference.step()
        np.testing.assert_allclose(step(x, y), expected.detach().numpy(), rtol=loss_rtol)
    found = step.state_dict()
    for tensor, value in model.state_dict().items():
        np.testing.assert_allclose(found[tensor], value.numpy(), rtol=rtol, atol=rtol / 10)


def in_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code that begins with everything of this module and of `test_vulkan` in a process of its own."""
    command = [sys.executable, "-c", f"from vulkan_cases import *\nfrom test_vulkan import *\n{code}"]
    where = {"cwd": Path(__file__).parent, "env": os.environ | environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, **where)


def require_equal_bits(name: str) -> None:
    """Five steps in portable arithmetic give the bits of this machine."""
    model, x, y = networks()[name]
    there, here = (compiled(model, x, y, target, arithmetic="portable") for target in ("vulkan", "host"))
    assert [there(x, y) for _ in range(5)] == [here(x, y) for _ in range(5)]
    state = there.state_dict()
    for tensor, value in here.state_dict().items():
        assert np.asarray(state[tensor]).tobytes() == np.asarray(value).tobytes(), tensor


CASES = [*((name, "SGD") for name in networks()), ("mlp", "Adam"), ("mlp", "AdamW")]


#: Another implementation of Vulkan, from Debian's chromium-common.
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
needs_swiftshader = pytest.mark.skipif(
    not SWIFTSHADER.exists(), reason="no SwiftShader; Debian's chromium-common has it"
)


@functools.cache
def code_of(name: str) -> Dispatches:
    return Dispatches.unpack(compiled(*networks()[name]).artifact.object_code)


class PlanReader:
    """The dispatches of a plan, and whether they wait; the format is described in DispatchPlan.cpp."""

    def __init__(self, plan: bytes) -> None:
        self._plan, self._at = plan, 8
        shaders, functions = self._read("II")
        self._shaders = [(self._text(), *self._read("II")) for _ in range(shaders)]
        self.functions = dict(self._function() for _ in range(functions))

    def _read(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(f"<{layout}", self._plan, self._at)
        self._at += struct.calcsize(f"<{layout}")
        return found

    def _text(self) -> str:
        (length,) = self._read("I")
        (text,) = self._read(f"{length}s")
        self._at += -length % 4
        return text.decode()

    def _function(self) -> tuple[str, list[tuple[str, int, int]]]:
        name, (arguments, commands) = self._text(), self._read("II")
        self._read("4Q" + "QQQ" * arguments)
        dispatches = []
        for _ in range(commands):
            if self._read("I") == (1,):
                self._read("IQI")
                continue
            launch, shader, *_, waits = self._read("7I")
            called, buffers, words = self._shaders[shader]
            self._read("IQQ" * buffers + "I" * words)
            dispatches.append((called, waits, launch))
        return name, dispatches
