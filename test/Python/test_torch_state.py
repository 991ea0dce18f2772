"""A torch optimizer that has trained already: the compiled step goes on where it stopped."""

from __future__ import annotations

import copy

import pockmlir as pock
import pytest
import torch
from pockmlir.errors import ArgumentError
from pockmlir.optim import from_torch
from pockmlir.runtime.torch_state import TorchState
from torch import nn
from torch.nn import functional as F


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(6, 4).double(), torch.randn(6, 2).double()


def train(net: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, target: torch.Tensor) -> float:
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), target)
    loss.backward()
    optimizer.step()
    return loss.item()


def groups(net: nn.Module) -> list[dict]:
    return [{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": 0.02, "weight_decay": 0.1}]


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda net: torch.optim.AdamW(groups(net), lr=0.05, amsgrad=True),
        lambda net: torch.optim.SGD(groups(net), lr=0.05, momentum=0.9, dampening=0.3),
    ],
    ids=["adamw", "sgd"],
)
def test_training_goes_on(make, loaded: bool) -> None:
    net = model()
    optimizer = make(net)
    for _ in range(3):
        train(net, optimizer, *batch())
    if loaded:
        state, optimizer = optimizer.state_dict(), make(net)
        optimizer.load_state_dict(state)
    reference = copy.deepcopy(net)
    continued = make(reference)
    continued.load_state_dict(optimizer.state_dict())
    # A part of one weight, to which the first channels of its state belong; the rest stays.
    scheme = pock.Scheme.full() | {"0.weight": 0.5}
    x, target = batch()
    step = pock.compile(net, (x,), loss="mse", optimizer=optimizer, scheme=scheme)
    for _ in range(3):
        x, target = batch()
        kept = reference[0].weight.detach()[:, 2:].clone()
        expected = train(reference, continued, x, target)
        with torch.no_grad():
            reference[0].weight[:, 2:] = kept
        assert step(x, target) == pytest.approx(expected, rel=1e-12)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(torch.from_numpy(step.state_dict()[name]), value, rtol=1e-11, atol=1e-13)


def taken(optimizer: torch.optim.Optimizer, net: nn.Module, *names: str) -> TorchState | None:
    settings = from_torch(optimizer)[0]
    return TorchState.of(optimizer, dict.fromkeys(names, settings), net.named_parameters())


def test_what_it_takes() -> None:
    net = model()
    fresh = torch.optim.Adam(net.parameters())
    assert taken(fresh, net, "0.weight") is None
    plain = torch.optim.SGD(net.parameters(), lr=0.1)
    train(net, plain, *batch())
    assert taken(plain, net, "0.weight") is None
    # A momentum buffer that is not there yet is one of zeros.
    momentum = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net[2].requires_grad_(False)
    train(net, momentum, *batch())
    state = taken(momentum, net, "0.weight", "2.weight")
    assert state is not None
    assert list(state.tensors) == ["0.weight.momentum_buffer"]
    # Checkpoints of old versions of PyTorch have numbers.
    adam = torch.optim.Adam(net[0].parameters())
    train(net, adam, *batch())
    adam.state[net[0].weight]["step"] = 1
    assert taken(adam, net, "0.weight", "0.bias").steps == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s, net: s[net[0].weight].update(step=torch.tensor(7.0)),
            "different numbers of updates.* 1 of 0.bias; 7 of 0.weight",
        ),
        (lambda s, net: s.pop(net[0].weight), "0 of 0.weight; 1 of 0.bias"),
        (lambda s, net: s[net[0].weight].pop("exp_avg_sq"), "state of '0.weight' has no 'exp_avg_sq'"),
        (
            lambda s, net: s[net[0].weight].update(exp_avg=torch.zeros(3)),
            r"'0.weight.exp_avg' has the shape \[3\], but expected \[4, 4\]",
        ),
        (lambda s, net: s[net[0].weight].update(step=torch.tensor(1.5)), "the step of '0.weight' is 1.5"),
    ],
)
def test_what_it_cannot_take(change, message: str) -> None:
    net = model()
    optimizer = torch.optim.Adam(net.parameters())
    train(net, optimizer, *batch())
    change(optimizer.state, net)
    with pytest.raises(ArgumentError, match=message):
        taken(optimizer, net, "0.weight", "0.bias")


def test_dampening_counts_from_the_first_step() -> None:
    net = model()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, dampening=0.5)
    net[2].requires_grad_(False)
    train(net, optimizer, *batch())
    with pytest.raises(ArgumentError, match=r"0 of 2.weight; 1 of 0.weight"):
        taken(optimizer, net, "0.weight", "2.weight")


@pytest.mark.parametrize("when", ["pre", "post"])
def test_hooks_of_an_optimizer_are_refused(when: str) -> None:
    optimizer = torch.optim.SGD(model().parameters(), lr=0.1)
    getattr(optimizer, f"register_step_{when}_hook")(lambda *arguments: None)
    with pytest.raises(ArgumentError, match=f"register_step_{when}_hook"):
        from_torch(optimizer)
