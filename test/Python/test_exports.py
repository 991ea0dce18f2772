"""One export for both functions of a module gives the module of two exports, or is not used."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.frontends.common import ImportedModel
from pockmlir.frontends.torch import exports
from pockmlir.frontends.torch.importer import import_model
from torch import nn
from torch.nn import functional as F

X = torch.linspace(-1, 1, 24).reshape(3, 8)
PICTURES = torch.linspace(-1, 1, 144).reshape(2, 2, 6, 6)


class Norms(nn.Module):
    """Batch normalisations of all kinds, and a dropout."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(2, 4, 3), nn.Linear(4, 3)
        self.norms = nn.Sequential(
            nn.BatchNorm2d(4),
            nn.BatchNorm2d(4, affine=False),
            nn.BatchNorm2d(4, track_running_stats=False),
            nn.BatchNorm2d(4, momentum=0.3, eps=1e-3),
        )
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.last(self.drop(self.norms(self.first(x)).mean((2, 3))))


class Named(nn.Module):
    """A model that returns several tensors, its loss and a number; labels are needed for the loss only."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(8, 4), nn.Linear(4, 3)

    def forward(self, x, labels=None):
        hidden = torch.relu(self.body(x))
        logits = self.head(hidden)
        result = {"logits": logits, "hidden": hidden, "inputs": x, "scale": 2.0}
        if labels is not None:
            result["loss"] = F.cross_entropy(logits, labels)
        return result


class Drifting(nn.Module):
    """A model that changes a buffer in both modes, and reads it."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 3)
        self.register_buffer("mean", torch.zeros(3))

    def forward(self, x):
        y = self.body(x)
        self.mean = 0.9 * self.mean + 0.1 * y.detach().mean(0)
        return y - self.mean


class Reading(nn.Module):
    """A model that reads its mode."""

    def __init__(self):
        super().__init__()
        self.body, self.other = nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x):
        return self.body(x) if self.training else self.other(x)


class ReadingPart(nn.Module):
    """A model that reads the mode of a layer by name."""

    def __init__(self):
        super().__init__()
        self.body, self.norm = nn.Linear(8, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        return self.body(x) * (2 if getattr(self.norm, "training", False) else 1)


class Statistics(nn.Module):
    """A model that reads the statistics that its normalisation has just updated."""

    def __init__(self):
        super().__init__()
        self.body, self.norm = nn.Linear(8, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        return self.norm(self.body(x)) + self.norm.running_mean


class FrozenNorm(Norms):
    """A model whose normalisations stay in eval mode."""

    def train(self, mode=True):
        super().train(mode)
        self.norms.eval()
        return self


class Masked(nn.Module):
    """A model with a shape that depends on a buffer."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(5, 3)
        self.register_buffer("mask", torch.tensor([True, False, True, True, False, True, False, True]))

    def forward(self, x):
        return self.body(x[:, self.mask])


class Clipped(torch.autograd.Function):
    """A function with a gradient of its own."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.clamp(-1, 1)


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 3)

    def forward(self, x):
        return Clipped.apply(self.body(x))


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.body, self.function = nn.Linear(8, 3), function

    def forward(self, x):
        return self.function(self.body(x))


class Once(nn.Module):
    """A model that counts its calls in Python."""

    def __init__(self):
        super().__init__()
        self.body, self.calls = nn.Linear(8, 3), 0

    def forward(self, x):
        self.calls += 1
        return self.body(x)


def in_place(output, target):
    return output.sub_(target).square().mean()


class WithScale(nn.Module):
    """A loss with a parameter."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, output, target):
        return ((output - target) * self.scale).abs().mean()


def layers(*parts: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(8, 6), *parts, nn.Linear(6, 3))


#: Name → model, inputs, loss, example of the target, whether one export serves both functions.
CASES: dict[str, tuple[Any, ...]] = {
    "norms": (Norms, (PICTURES,), "cross_entropy", None, True),
    "norms in eval mode": (lambda: Norms().eval(), (PICTURES,), "cross_entropy", None, True),
    "a cumulative average": (lambda: layers(nn.BatchNorm1d(6, momentum=None)), (X,), "mse", None, False),
    "a dropout": (lambda: layers(nn.Dropout(0.2)), (X,), "mse", None, True),
    "a dropout in eval mode": (lambda: layers(nn.Dropout(0.2)).eval(), (X,), "mse", None, True),
    "a model that returns its loss": (Named, {"x": X, "labels": torch.tensor([0, 1, 2])}, None, None, True),
    "named outputs": (Named, (X,), "cross_entropy", None, True),
    "a buffer that drifts": (Drifting, (X,), "l1", None, True),
    "a loss in place": (lambda: layers(nn.ReLU()), (X,), in_place, torch.zeros(3, 3), True),
    "a loss with parameters": (lambda: layers(nn.ReLU()), (X,), WithScale(), torch.zeros(3, 3), True),
    "a transformer in eval mode": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(),
        (X.reshape(1, 3, 8),),
        "mse",
        None,
        True,
    ),
    "a mode that is read": (Reading, (X,), "mse", None, False),
    "a mode that is read in eval mode": (lambda: Reading().eval(), (X,), "mse", None, True),
    "a layer's mode that is read": (ReadingPart, (X,), "mse", None, False),
    "statistics that are read": (Statistics, (X,), "mse", None, False),
    "a method train": (FrozenNorm, (PICTURES,), "cross_entropy", None, False),
    "a mask": (Masked, (X,), "mse", None, False),
    "a custom gradient": (Custom, (X,), "mse", None, False),
    "a dropout of features": (lambda: layers(nn.AlphaDropout(0.5)), (X,), "mse", None, False),
    "a dropout in both modes": (lambda: Function(lambda x: F.dropout(x, 0.5)), (X,), "mse", None, True),
    "a random loss": (
        lambda: layers(nn.ReLU()),
        (X,),
        lambda output, target: (F.dropout(output, 0.5) - target).square().mean(),
        torch.zeros(3, 3),
        True,
    ),
    "a recurrent layer": (
        lambda: nn.Sequential(nn.LSTM(8, 3)).eval()[0],
        (X,),
        lambda o, t: o[0].mean() * t,
        X[0, 0],
        None,
    ),
}


def import_both(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[ImportedModel, ImportedModel, bool]:
    """Import a case with one export and with two; return whether the first was possible."""
    make, inputs, loss, target, _ = CASES[name]
    used = []
    together = exports._together

    def record(subject: exports.Subject) -> exports.Exports | None:
        used.append(together(subject))
        return used[-1]

    found = []
    for function in (record, lambda subject: None):
        monkeypatch.setattr(exports, "_together", function)
        torch.manual_seed(0)
        found.append(import_model(make(), inputs, loss, target_example=target))
    return found[0], found[1], used[0] is not None


@pytest.mark.filterwarnings("ignore:predict leaves out")
@pytest.mark.parametrize("name", CASES)
def test_one_export_gives_the_module_of_two(name, monkeypatch):
    one, two, shared = import_both(name, monkeypatch)
    assert one.ir == two.ir
    assert shared == CASES[name][-1] or CASES[name][-1] is None
    for field in (
        "parameters",
        "inputs",
        "targets",
        "arguments",
        "outputs",
        "named_outputs",
        "norm_modes",
        "gradients",
    ):
        assert getattr(one, field) == getattr(two, field), field
    for field in ("dropout_layers", "converted", "fixed", "aliases", "saved_names"):
        assert getattr(one, field) == getattr(two, field), field
    assert one.values.keys() == two.values.keys()
    for key, value in one.values.items():
        np.testing.assert_array_equal(value, two.values[key])


def test_export_leaves_the_model_and_its_class_as_they_were():
    model = Norms()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    import_model(model, (PICTURES,), "cross_entropy")
    assert "training" not in vars(nn.Module)
    assert all(module.training for module in model.modules())
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_prediction_of_one_export_is_that_of_pytorch():
    torch.manual_seed(0)
    model = Norms()
    with torch.no_grad():
        model.norms[0].running_mean.uniform_(-1, 1)
        model.norms[0].running_var.uniform_(0.5, 2)
    step = pock.compile(model, (PICTURES,), loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    expected = model.eval().double()(PICTURES.double()).detach().numpy()
    np.testing.assert_allclose(step.predict(PICTURES), expected, rtol=1e-5, atol=1e-6)


def test_changes_in_python_are_reported_once():
    model = Once()
    with pytest.warns(UserWarning, match="'calls'") as record:
        import_model(model, (X,), "mse")
    assert len(record) == 1
    assert model.calls == 0


def test_errors_are_those_of_separate_exports():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(7, 3)

        def forward(self, x):
            return self.body(x)

    with pytest.raises(pock.PockError, match="predict, eval mode"):
        import_model(Broken(), (X,), "mse")


def test_warnings_of_the_model_are_shown_once_per_export():
    class Warning(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(8, 3)

        def forward(self, x):
            warnings.warn("of the model", stacklevel=1)
            return self.body(x)

    with pytest.warns(UserWarning, match="of the model"):
        import_model(Warning(), (X,), "mse")
