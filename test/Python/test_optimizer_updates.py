"""Every optimizer option against PyTorch's optimizers, in float64, through the whole compiler."""

from __future__ import annotations

from typing import Any

import pockmlir as pock
import pytest
import torch
from torch import nn

pytest.importorskip("pockmlir._core")

SGD: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.1},
    {"maximize": True},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.4},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.9, "dampening": 0.4, "weight_decay": 0.1, "maximize": True},
    {"dampening": 0.4},
]
ADAM: list[dict[str, Any]] = [
    {},
    {"betas": (0.8, 0.9), "eps": 1e-3},
    {"betas": (0.3, 0.5)},
    {"betas": (0.0, 0.0)},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"maximize": True, "weight_decay": 0.1, "amsgrad": True},
]
CASES = [("SGD", arguments) for arguments in SGD] + [
    (kind, arguments) for kind in ("Adam", "AdamW") for arguments in ADAM
]


def _model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(3, 2).double()


@pytest.mark.parametrize(("kind", "arguments"), CASES, ids=str)
def test_six_steps_equal_torch(kind: str, arguments: dict[str, Any]) -> None:
    generator = torch.Generator().manual_seed(1)
    xs = torch.randn(6, 4, 3, generator=generator, dtype=torch.float64)
    ys = torch.randn(6, 4, 2, generator=generator, dtype=torch.float64)
    # The learning rate arrives as a float: this one is exact.
    lr = 0.125
    compiled = getattr(pock, kind)(lr=lr, **arguments)
    step = pock.compile(_model(), (xs[0],), loss="mse", optimizer=compiled, scheme=pock.Scheme.full())

    model = _model()
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=lr, foreach=False, **arguments)
    for x, y in zip(xs, ys, strict=True):
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert step(x, y) == pytest.approx(loss.item(), rel=1e-9)

    close = {"rtol": 1e-9, "atol": 1e-12}
    parameters = step.state_dict()
    states = step.optimizer_state_dict()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(torch.as_tensor(parameters[name]), parameter.detach(), **close)
        for state, value in optimizer.state[parameter].items():
            if state != "step" and value is not None:
                torch.testing.assert_close(torch.as_tensor(states[f"{name}.{state}"]), value, **close)
