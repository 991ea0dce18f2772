"""Low-rank adapters, as a plain module and by peft: only they are differentiated."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.core.ir_text import op_counts
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")

RANK, SCALE = 3, 2.0


class LoraLinear(nn.Module):
    """Hu et al., arXiv 2106.09685: a frozen layer, plus a product of two small trained matrices."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / 8)
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + functional.linear(functional.linear(x, self.down), self.up) * SCALE


class Net(nn.Module):
    """Three layers, of which the second and the third get adapters."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.third = nn.Linear(8, 24), nn.Linear(24, 24), nn.Linear(24, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(torch.tanh(self.second(torch.tanh(self.first(x)))))


def plain() -> nn.Module:
    model = Net()
    model.second, model.third = LoraLinear(model.second), LoraLinear(model.third)
    return model


def frozen(model: nn.Module) -> nn.Module:
    """Freeze all but the adapters, as PyTorch users do."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith((".down", ".up")))
    return model


def by_peft(**options: Any) -> nn.Module:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=RANK, lora_alpha=RANK * SCALE, target_modules=["second", "third"], **options)
    torch.manual_seed(1)
    return peft.get_peft_model(Net(), config)


def batch(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(index)
    x = torch.randn(8, 8, generator=generator)
    return x, torch.randint(0, 4, (8,), generator=generator)


def compiled(model: nn.Module, scheme: Any = None, **options: Any) -> pock.Step:
    options = {"loss": "cross_entropy", "optimizer": pock.AdamW(lr=0.01, eps=1e-6)} | options
    return pock.compile(model, batch(0)[:1], scheme=scheme or pock.Scheme.full(), **options)


def assert_trains_as_pytorch(step: pock.Step, model: nn.Module, steps: Iterable[int]) -> None:
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01, eps=1e-6)
    for index in steps:
        x, y = batch(index)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        assert step(x, y) == pytest.approx(loss.item(), rel=1e-4)
    found = step.state_dict()
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(found[name], value.numpy(), rtol=1e-3, atol=1e-5, err_msg=name)
        assert np.array_equal(found[name], before[name].numpy()) == (name not in trained), name


def costs(step: pock.Step) -> dict[str, Any]:
    """What a step does and keeps, names aside."""
    memory = step.memory
    return {
        "training": op_counts(step.ir("training")),
        "schedule": op_counts(step.ir("schedule")),
        "saved": memory.saved,
        "arena": memory.arena,
        "optimizer": memory.optimizer_state,
    }


@pytest.fixture(scope="module")
def lora() -> pock.Step:
    return compiled(frozen(plain()))


def test_adapters_train_as_in_pytorch(lora):
    assert_trains_as_pytorch(lora, frozen(plain()), range(10))


def test_frozen_parameters_and_a_scheme_give_the_same_step(lora):
    scheme = compiled(plain(), {"*.down": 1.0, "*.up": 1.0})
    assert costs(scheme) == costs(lora)


def test_backward_is_that_of_the_adapters_only(lora):
    """No gradient of a frozen weight, none in front of the first adapter."""
    full = compiled(plain())
    assert costs(lora)["training"]["pock.sparse_update"] == 4
    assert costs(full)["training"]["pock.sparse_update"] == 10
    count = {name: costs(step)["schedule"]["pock.matmul"] for name, step in (("lora", lora), ("full", full))}
    # Full training has three more gradients of weights, and two on the way to the first layer.
    assert count["full"] - count["lora"] == 5
    # Adapters need the inputs of their layers as the layers' own weights would.
    assert lora.memory.saved == full.memory.saved
    assert lora.memory.arena < full.memory.arena


def test_peft_trains_as_in_pytorch():
    step = compiled(by_peft())
    trained = [entry.name for entry in step.report().parameters if entry.trains == "all"]
    assert len(trained) == 4
    assert all("lora_" in name for name in trained)
    assert_trains_as_pytorch(step, by_peft(), range(10))


def test_peft_costs_what_the_scheme_costs(lora):
    assert costs(compiled(by_peft())) == costs(lora)
    everything = by_peft().requires_grad_(True)
    assert costs(compiled(everything, {"*lora_*": 1.0})) == costs(lora)


def test_peft_merges_what_was_trained():
    model = by_peft()
    step = compiled(model)
    for index in range(5):
        step(*batch(index))
    step.write_back(model)
    x, _ = batch(9)
    merged = model.merge_and_unload()
    assert isinstance(merged, Net)
    np.testing.assert_allclose(merged(x).detach().numpy(), step.predict(x), rtol=1e-4, atol=1e-5)
