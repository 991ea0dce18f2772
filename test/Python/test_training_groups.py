"""Parameter groups and torch's schedulers: equal to PyTorch's training."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pockmlir as pock
import pytest
import torch
from torch import nn
from training_reference import STEPS, Net, assert_same, batch, compiled, torch_step

pytest.importorskip("pockmlir._core")

schedulers = torch.optim.lr_scheduler


# Parameter groups ---------------------------------------------------------------------------


def split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Weights, and what weight decay is usually not for."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    return weights, [p for p in model.parameters() if p.dim() == 1]


GROUPS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "adamw": ("AdamW", {"lr": 0.01, "weight_decay": 0.1}, {"lr": 0.03, "weight_decay": 0.0, "betas": (0.8, 0.9)}),
    "sgd": ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}, {"lr": 0.02, "momentum": 0.0, "weight_decay": 0.0}),
    "adam": ("Adam", {"lr": 0.01}, {"lr": 0.02, "eps": 1e-3, "amsgrad": True}),
}  # fmt: skip


@pytest.mark.parametrize("native", [True, False], ids=["globs", "torch"])
@pytest.mark.parametrize("name", GROUPS)
def test_groups_train_as_in_pytorch(name: str, native: bool) -> None:
    kind, settings, others = GROUPS[name]
    model = Net()
    weights, rest = split(model)
    reference = getattr(torch.optim, kind)([{"params": weights}, {"params": rest} | others], **settings)
    source = Net()
    if native:
        optimizer = getattr(pock, kind)(**settings, groups=[{"params": ["*.bias", "bn.*"]} | others])
    else:
        weights, rest = split(source)
        optimizer = getattr(torch.optim, kind)([{"params": weights}, {"params": rest} | others], **settings)
    step = compiled(source, optimizer)
    assert step.artifact.manifest.functions["step"].inputs[-1].shape == (2,)
    for index in range(STEPS):
        assert [step(*batch(index))] == pytest.approx(torch_step(model, reference, batch(index)), rel=2e-4)
    assert_same(step, model)


def test_a_group_of_what_is_frozen_keeps_its_place() -> None:
    model = Net()
    settings = {"lr": 0.1, "groups": [{"params": "conv.*", "lr": 5.0}, {"params": "fc.*", "lr": 0.2}]}
    step = compiled(Net(), pock.SGD(**settings), scheme={"fc.*": 1.0})
    reference = torch.optim.SGD(model.fc.parameters(), lr=0.2)
    model.conv.requires_grad_(False)
    model.bn.requires_grad_(False)
    for index in range(3):
        step(*batch(index))
        torch_step(model, reference, batch(index))
    assert_same(step, model)


def test_the_scheme_trains_what_the_optimizer_does_not_hold() -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.fc.parameters(), lr=0.1)
    with pytest.raises(pock.ArgumentError, match=r"the scheme trains conv\.weight, bn\.weight, bn\.bias"):
        compiled(model, optimizer)
    compiled(model, optimizer, scheme={"fc.*": 1.0})


# Schedules ----------------------------------------------------------------------------------

SCHEDULES: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
    "one-cycle": lambda o: schedulers.OneCycleLR(o, [0.3, 0.1], total_steps=STEPS + 1, cycle_momentum=False),
    "cosine": lambda o: schedulers.CosineAnnealingLR(o, T_max=STEPS),
    "lambda": lambda o: schedulers.LambdaLR(o, [lambda i: 0.9**i, lambda i: 1 / (1 + i)]),
}


@pytest.fixture(scope="module")
def scheduled() -> tuple[pock.Step, torch.optim.Optimizer, dict[str, Any]]:
    """A step that follows an optimizer; each test begins from the same values."""
    model = Net()
    weights, rest = split(model)
    optimizer = torch.optim.SGD([{"params": weights}, {"params": rest, "lr": 0.05}], lr=0.2, momentum=0.9)
    step = compiled(model, optimizer)
    return step, optimizer, step.state_dict()


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_of_torch_drive_the_step(name: str, scheduled: Any) -> None:
    step, optimizer, initial = scheduled
    step.load_state_dict(initial)
    step.reset_optimizer()
    for group, lr in zip(optimizer.param_groups, (0.2, 0.05), strict=True):
        group["lr"] = lr
        group.pop("initial_lr", None)
    model = Net()
    weights, rest = split(model)
    reference = torch.optim.SGD([{"params": weights}, {"params": rest, "lr": 0.05}], lr=0.2, momentum=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule, expected = SCHEDULES[name](optimizer), SCHEDULES[name](reference)
        for index in range(STEPS):
            assert [step(*batch(index))] == pytest.approx(torch_step(model, reference, batch(index)), rel=2e-4)
            schedule.step()
            expected.step()
    assert_same(step, model)


def test_a_schedule_goes_on_after_a_checkpoint(scheduled: Any, tmp_path: Any) -> None:
    step, optimizer, initial = scheduled
    step.load_state_dict(initial)
    step.reset_optimizer()
    schedule = schedulers.CosineAnnealingLR(optimizer, T_max=STEPS)

    def run(begin: int, end: int) -> list[float]:
        losses = []
        for index in range(begin, end):
            losses.append(step(*batch(index)))
            schedule.step()
        return losses

    run(0, 4)
    step.save(tmp_path / "step")
    torch.save({"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}, tmp_path / "torch")
    expected = run(4, 8)
    saved = torch.load(tmp_path / "torch")
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    step.load(tmp_path / "step")
    assert run(4, 8) == expected


def test_groups_accumulation_and_clipping_together() -> None:
    model, source = Net(), Net()
    weights, rest = split(model)
    reference = torch.optim.AdamW([{"params": weights}, {"params": rest, "lr": 0.02}], lr=0.01, eps=1e-6)
    optimizer = pock.AdamW(lr=0.01, eps=1e-6, groups=[{"params": ["*.bias", "bn.*"], "lr": 0.02}])
    step = compiled(source, optimizer, accumulate=2, clip_grad_norm=0.2)
    for index in range(4):
        batches = [batch(2 * index), batch(2 * index + 1)]
        expected = torch_step(
            model, reference, *batches, clip=lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.2)
        )
        assert [step(*b) for b in batches] == pytest.approx(expected, rel=2e-4)
    assert_same(step, model)
