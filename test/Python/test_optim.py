"""Optimizers: torch's defaults and validation, and the MLIR attribute."""

import inspect
import math

import pytest
from pockmlir import SGD, Adam, AdamW, ArgumentError
from pockmlir.core.ir_text import mlir_float
from pockmlir.optim import from_torch


def test_attributes_print_every_key():
    assert SGD(lr=0.05, momentum=0.9, nesterov=True).to_attr() == (
        "#pock.sgd<momentum = 0.9, dampening = 0.0, weight_decay = 0.0, nesterov = true, maximize = false>"
    )
    assert Adam().to_attr() == (
        "#pock.adam<beta1 = 0.9, beta2 = 0.999, eps = 1.0e-08, weight_decay = 0.0, "
        "amsgrad = false, maximize = false, decoupled = false>"
    )
    assert "weight_decay = 0.01, amsgrad = true" in AdamW(amsgrad=True).to_attr()
    assert AdamW().to_attr().endswith("decoupled = true>")


@pytest.mark.parametrize("value", [0.0, 1, 1e-8, 1e22, 1 / 3, 5e-324, 1.7976931348623157e308, 1e100, -2.5])
def test_floats_have_a_point_and_round_trip(value):
    text = mlir_float(value)
    assert "." in text.partition("e")[0]
    assert float(text) == value


def test_state_names():
    assert SGD().state_names("w") == ()
    assert SGD(momentum=0.9).state_names("w") == ("w.momentum_buffer",)
    assert Adam(amsgrad=True).state_names("w") == ("w.exp_avg", "w.exp_avg_sq", "w.max_exp_avg_sq")


@pytest.mark.parametrize("cls", [SGD, Adam, AdamW])
def test_defaults_are_those_of_torch(cls):
    torch = pytest.importorskip("torch")
    signature = inspect.signature(getattr(torch.optim, cls.__name__))
    ours = cls().to_dict()
    del ours["kind"]
    assert ours == {name: signature.parameters[name].default for name in ours}


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e-3, "fast", None, True])
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (SGD, "lr"),
        (SGD, "momentum"),
        (SGD, "weight_decay"),
        (Adam, "lr"),
        (Adam, "eps"),
        (Adam, "weight_decay"),
        (AdamW, "lr"),
    ],
)
def test_bad_number_is_refused_by_name(cls, name, value):
    with pytest.raises(ArgumentError, match=f"^{cls.__name__}: {name} must be"):
        cls(**{name: value})


@pytest.mark.parametrize("betas", [(1.0, 0.9), (0.9, -0.1), (0.9, math.nan), (0.9,), 0.9, (0.9, 0.9, 0.9), "ab"])
def test_bad_betas(betas):
    with pytest.raises(ArgumentError, match="betas"):
        Adam(betas=betas)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "dampening": 0.1}])
def test_nesterov_needs_momentum_and_no_dampening(settings):
    with pytest.raises(ArgumentError, match="nesterov needs momentum > 0 and dampening = 0"):
        SGD(nesterov=True, **settings)


@pytest.mark.parametrize("value", [math.nan, math.inf, "a"])
def test_bad_dampening(value):
    with pytest.raises(ArgumentError, match="dampening"):
        SGD(dampening=value)


def test_flags_are_flags():
    with pytest.raises(ArgumentError, match="nesterov must be True or False, but got 1"):
        SGD(momentum=0.9, nesterov=1)


def test_optimizers_are_values():
    assert SGD(lr=1) == SGD(lr=1.0)
    assert len({Adam(), Adam(betas=[0.9, 0.999]), AdamW()}) == 2
    with pytest.raises(AttributeError):
        SGD().lr = 2


class TestFromTorch:
    torch = None

    @pytest.fixture(autouse=True)
    def _torch(self):
        self.torch = pytest.importorskip("torch")
        self.parameters = [self.torch.nn.Parameter(self.torch.zeros(2))]

    def test_settings_are_taken_over(self):
        optim = self.torch.optim
        sgd = optim.SGD(self.parameters, lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
        assert from_torch(sgd) == (SGD(lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True),)
        adam = optim.Adam(self.parameters, lr=2e-3, betas=(0.8, 0.99), amsgrad=True)
        assert from_torch(adam) == (Adam(lr=2e-3, betas=(0.8, 0.99), amsgrad=True),)
        assert from_torch(optim.AdamW(self.parameters)) == (AdamW(),)

    def test_decoupled_adam_is_adamw(self):
        adam = self.torch.optim.Adam(self.parameters, weight_decay=0.1, decoupled_weight_decay=True)
        assert from_torch(adam) == (AdamW(weight_decay=0.1),)

    def test_tensor_learning_rate(self):
        adam = self.torch.optim.Adam(self.parameters, lr=self.torch.tensor(0.5))
        assert from_torch(adam)[0].lr == 0.5

    def test_others_are_refused(self):
        with pytest.raises(ArgumentError, match=r"expected SGD, Adam, AdamW .* but got torch.optim.rprop.Rprop"):
            from_torch(self.torch.optim.Rprop(self.parameters))
        with pytest.raises(ArgumentError, match=r"but got builtins\.str"):
            from_torch("sgd")

    def test_every_group_has_its_settings(self):
        groups = [{"params": self.parameters}, {"params": [self.torch.nn.Parameter(self.torch.zeros(1))], "lr": 0.2}]
        found = from_torch(self.torch.optim.SGD(groups, lr=0.1, momentum=0.5))
        assert found == (SGD(lr=0.1, momentum=0.5), SGD(lr=0.2, momentum=0.5))
