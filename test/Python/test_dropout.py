"""Dropout: the compiled step drops what the reference drops, and trains as PyTorch does with that mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")

P = 0.4
BATCH, WIDTH = 8, 16


class Dropped(nn.Module):
    """Two dropouts; with masks given, they are multiplied instead of drawn."""

    def __init__(self, p: float = P) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(4, WIDTH), nn.Linear(WIDTH, 4)
        self.drop, self.end = nn.Dropout(p), nn.Dropout(0.25)
        self.masks: list[torch.Tensor] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.tanh(self.first(x))
        y = self.drop(y) if self.masks is None else y * self.masks[0] / (1 - P)
        y = self.second(y)
        return self.end(y) if self.masks is None else y * self.masks[1] / 0.75


def batch(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(index)
    x = torch.randn(BATCH, 4, generator=generator)
    return x, torch.randint(0, 4, (BATCH,), generator=generator)


def compiled(model: nn.Module, **options: Any) -> pock.Step:
    options = {"loss": "cross_entropy", "optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()} | options
    return pock.compile(model, batch(0)[:1], **options)


def masks(seed: int, call: int) -> list[torch.Tensor]:
    shapes = ((BATCH, WIDTH), P), ((BATCH, 4), 0.25)
    return [torch.from_numpy(pock.dropout_mask(seed, call, i, shape, p)) for i, (shape, p) in enumerate(shapes)]


@pytest.fixture(scope="module")
def step() -> pock.Step:
    """A step whose tests begin by setting its parameters."""
    return compiled(Dropped(), seed=2**40 + 7)


def test_training_equals_pytorch_with_the_same_masks(step):
    model = Dropped()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for index in range(6):
        x, y = batch(index)
        seed = None if index != 3 else 99
        model.masks = masks(seed or 2**40 + 7, index)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        assert step(x, y, seed=seed) == pytest.approx(loss.item(), rel=1e-5)
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(step.state_dict()[name], value.numpy(), rtol=1e-4, atol=1e-6)


def test_predict_drops_nothing(step):
    model = Dropped().eval()
    step.load_state_dict(model.state_dict())
    x, _ = batch(0)
    np.testing.assert_allclose(step.predict(x), model(x).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_report_names_layers_and_seed(step):
    assert step.report().dropout == {"seed": 2**40 + 7, "layers": ["drop", "end"]}
    assert f"dropout, seed {2**40 + 7}: drop, end" in str(step.report())


def test_the_same_seed_gives_the_same_run(step):
    other = compiled(Dropped(), seed=2**40 + 7)
    other.load_state_dict(step.state_dict())
    other.load_optimizer_state_dict(step.optimizer_state_dict())
    assert [step(*batch(i)) for i in range(4)] == [other(*batch(i)) for i in range(4)]


def test_a_resumed_run_drops_the_same(step, tmp_path):
    step.save(tmp_path / "ckpt")
    expected = [step(*batch(i)) for i in range(3)]
    other = compiled(Dropped(), seed=1)
    other.load(tmp_path / "ckpt")
    assert [other(*batch(i)) for i in range(3)] == expected
    step.load(tmp_path / "ckpt")
    assert [step(*batch(i)) for i in range(3)] == expected


@pytest.mark.parametrize(
    "model", [Dropped().eval(), nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.0))], ids=["eval", "p=0"]
)
def test_without_dropout_nothing_is_random(model):
    step = compiled(model)
    assert not step.report().dropout
    assert "dropout.step" not in step.optimizer_state_dict()
    assert "random_seed" not in {spec.name for spec in step.artifact.manifest.functions["step"].inputs}
    x, y = batch(0)
    assert step(x, y, lr=0.0, seed=1) == step(x, y, lr=0.0, seed=2)


def test_micro_steps_have_masks_of_their_own():
    step = compiled(Dropped(), accumulate=2, optimizer=pock.SGD(lr=0.0))
    x, y = batch(0)
    losses = [step(x, y) for _ in range(4)]
    assert len(set(losses)) == 4
    model = Dropped()
    for call, loss in enumerate(losses):
        model.masks = masks(0, call)
        assert functional.cross_entropy(model(x), y).item() == pytest.approx(loss, rel=1e-5)


def test_dropout_of_a_frozen_branch_is_not_differentiated():
    """The mask is made again for the gradient, not saved."""
    saved = {}
    for scheme in ("second.bias", "second.*", "*"):
        saved[scheme] = compiled(Dropped(), scheme={scheme: 1.0}).memory.saved
    assert saved["second.bias"] < saved["second.*"] <= saved["*"]
    assert saved["*"] <= 4 * (BATCH * (4 + 2 * WIDTH + 4)) + 64 * 8
