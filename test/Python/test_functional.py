"""Graphs that become functional without PyTorch's decomposition import as the same module as with it."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
import torch
from architectures.mobile import mobilenetv2_same
from pockmlir.frontends.common import ImportedModel
from pockmlir.frontends.torch import export
from pockmlir.frontends.torch.functional import functional_program
from pockmlir.frontends.torch.importer import import_model
from torch import nn
from torch.nn import functional as F

X = torch.linspace(-1, 1, 24).reshape(3, 8)
PICTURES = torch.linspace(-1, 1, 144).reshape(2, 2, 6, 6)


class Norms(nn.Module):
    """Batch normalisations of all kinds, of which one runs twice, and buffers of the module itself."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(
            (
                nn.BatchNorm2d(2, affine=False),
                nn.BatchNorm2d(2),
                nn.BatchNorm2d(2, track_running_stats=False),
                nn.BatchNorm2d(2, momentum=0.3, eps=1e-3).eval(),
            )
        )
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64), persistent=False)

    def forward(self, x):
        for norm in (*self.norms, self.norms[1]):
            x = norm(x)
        self.count.add_(1.5)
        self.calls.add_(2)
        return x.flatten(1) * self.count


class InPlace(nn.Module):
    """Activations in place, also behind another reader, and arithmetic in place."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.acts = nn.ModuleList(
            (
                nn.ReLU(True),
                nn.ReLU6(True),
                nn.Hardswish(True),
                nn.SiLU(True),
                nn.LeakyReLU(0.1, True),
                nn.ELU(1.0, True),
            )
        )

    def forward(self, x):
        y = self.first(x)
        kept = self.second(y)
        for act in self.acts:
            act(y)
        y += kept
        y.mul_(0.5)
        return y.sigmoid_().mean((2, 3))


class Dropouts(nn.Module):
    """Dropout, in training and not."""

    def __init__(self, inplace: bool):
        super().__init__()
        self.body = nn.Linear(8, 12)
        self.drops = nn.ModuleList((nn.Dropout(0.25, inplace), nn.Dropout(0.0, inplace)))
        self.off = nn.Dropout(0.5, inplace).eval()

    def forward(self, x):
        y = self.body(x)
        for drop in (*self.drops, self.off):
            y = drop(y)
        return y * 2


class Views(nn.Module):
    """Reshapes, parts, copies and conversions."""

    def __init__(self):
        super().__init__()
        self.body, self.drop, self.off = nn.Linear(8, 12), nn.Dropout(0.25), nn.Dropout(0.5).eval()

    def forward(self, x):
        y = self.off(self.drop(self.body(x)))
        a, b, c = y.unflatten(1, (3, 4)).transpose(1, 2).contiguous().chunk(3, dim=-1)
        y = torch.cat((a, b, c), 1).reshape(3, 2, -1)
        mask = (y > 0).to(torch.float32)
        return (y.to(torch.float32) * mask).reshape(3, -1).flatten(1)


class Positions(nn.Module):
    """Constants that are folded, and differences."""

    def forward(self, x):
        numbers = torch.arange(8)
        starts = torch.diff(numbers + x.long(), prepend=x[:, :1].long() - 1, dim=-1) != 1
        ends = torch.diff(x, dim=1, append=x[:, :2]) + torch.arange(0, 9)
        signs = torch.diff(x > 0)
        x = x @ (torch.eye(8) + torch.eye(8, 8)) + torch.zeros(8) + torch.ones(3, 1)
        return x * torch.arange(8.0, dtype=torch.float32) + ends[:, :8] + starts + F.pad(signs.float(), (0, 1))


def module_of(build: Any, x: torch.Tensor) -> ImportedModel:
    """Import a model that is made anew, so that no import sees what another did."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_model(build(), (x,), "cross_entropy")


CASES = {
    "norms": (Norms, PICTURES),
    "in place": (InPlace, PICTURES),
    "dropouts": (lambda: Dropouts(False), X),
    "views": (Views, X),
    "positions": (Positions, X),
    "mobilenet": (lambda: mobilenetv2_same(width=0.25, batch=2, pixels=32).build(), torch.ones(2, 3, 32, 32)),
}


@pytest.mark.parametrize("name", CASES)
def test_module_is_that_of_the_decomposition(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[bool] = []

    def recorded(exported: Any) -> Any:
        program = functional_program(exported)
        found.append(program is not None)
        return program

    monkeypatch.setattr(export, "functional_program", recorded)
    direct = module_of(*CASES[name])
    assert found
    assert all(found)
    monkeypatch.setattr(export, "functional_program", lambda exported: None)
    decomposed = module_of(*CASES[name])
    assert direct.ir == decomposed.ir
    assert direct.norm_modes == decomposed.norm_modes
    assert direct.dropout_layers == decomposed.dropout_layers


def test_dropout_in_place_is_a_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch decomposes one in place to another mask, which is none in the prediction either."""
    expected, found = (module_of(lambda inplace=i: Dropouts(inplace), X) for i in (False, True))
    assert re.sub(r" loc\(.*", "", found.ir) == re.sub(r" loc\(.*", "", expected.ir)
    assert found.dropout_layers == expected.dropout_layers == ("drops.0",)
    monkeypatch.setattr(export, "functional_program", lambda exported: None)
    assert module_of(lambda: Dropouts(True), X).dropout_layers == ("drops.0",)


class Changed(nn.Module):
    """Changes a tensor of which there is a view."""

    def forward(self, x):
        y = x * 2
        rows = y.view(-1)
        y.add_(1.0)
        return rows.sum() + y


class Viewed(nn.Module):
    """Makes a view of a changed tensor."""

    def forward(self, x):
        y = x * 2
        return y.add_(1.0).flatten()


class View(nn.Module):
    """Changes a view."""

    def forward(self, x):
        y = x * 2
        y[0].add_(1.0)
        return y


class Input(nn.Module):
    """Changes an argument."""

    def forward(self, x):
        return x.add_(1.0)


class Wide(nn.Module):
    """Adds in place what the result has to be converted for."""

    def forward(self, x):
        y = (x * 2).to(torch.float32)
        return y.add_(x.double())


class Shared(nn.Module):
    """Changes a buffer that shares its memory with another one."""

    def __init__(self):
        super().__init__()
        memory = torch.zeros(8)
        self.register_buffer("whole", memory)
        self.register_buffer("start", memory[:4])

    def forward(self, x):
        self.whole.add_(1.0)
        return x + self.start.sum()


class Composed(nn.Module):
    """Has an operator that PyTorch composes of others, and that has no converter."""

    def forward(self, x):
        return torch.diff(x, 2)


class Returned(nn.Module):
    """Returns an argument."""

    def forward(self, x):
        return x + 1, F.relu(x), x


@pytest.mark.parametrize("kind", [Changed, Viewed, View, Input, Wide, Shared, Composed, Returned])
def test_other_graphs_are_left_to_pytorch(kind: type[nn.Module]) -> None:
    exported = torch.export.export(kind(), (X.clone(),))
    before = str(exported.graph)
    assert functional_program(exported) is None
    assert str(exported.graph) == before
