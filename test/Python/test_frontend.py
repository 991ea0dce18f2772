"""Whole models through the frontend: names, values, modes, locations, both functions."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest
import torch
from frontend_ir import count, ops, params, stores, verify
from frontend_models import Function, InvertedResidual, LeNet, MobileNetV2, mlp
from pockmlir.errors import ArgumentError
from pockmlir.frontends.common import ImportedModel, TensorSpec
from pockmlir.frontends.common.emitter import RANDOM_INPUTS
from pockmlir.frontends.torch.importer import import_model
from torch import nn
from torch.nn import functional as F

MODELS = {
    "mlp": (mlp, (torch.randn(3, 8),)),
    "lenet": (LeNet, (torch.randn(2, 1, 28, 28),)),
    "mobilenet": (MobileNetV2, (torch.randn(2, 3, 32, 32),)),
}


@pytest.fixture(scope="module")
def imported() -> dict[str, tuple[nn.Module, ImportedModel]]:
    torch.manual_seed(0)
    result = {}
    for name, (factory, inputs) in MODELS.items():
        model = factory()
        result[name] = (model, import_model(model, inputs, "cross_entropy"))
    return result


@pytest.mark.parametrize("name", MODELS)
def test_names_and_values_are_pytorchs(imported, name) -> None:
    model, result = imported[name]
    named = dict(model.named_parameters())
    assert [info.name for info in result.parameters] == list(named)
    assert all(info.shape == tuple(named[info.name].shape) for info in result.parameters)
    kinds = params(result.ir)
    assert list(kinds) == [*named, *dict(model.named_buffers())]
    assert {key for key, kind in kinds.items() if kind == "buffer"} == set(dict(model.named_buffers()))
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(result.values[key], value.numpy())


@pytest.mark.parametrize("name", MODELS)
def test_pock_opt_verifies(imported, name, tmp_path) -> None:
    verify(imported[name][1].ir, tmp_path)


def test_no_weight_enters_the_ir(imported) -> None:
    assert "dense_resource" not in imported["mobilenet"][1].ir
    assert 'dense<"0x' not in imported["mobilenet"][1].ir


def test_lenet_ops(imported) -> None:
    result = imported["lenet"][1]
    counts = count(result.ir, "loss")
    expected = {"conv": 2, "linear": 2, "relu": 2, "max_pool": 1, "avg_pool": 1, "tanh": 1, "cross_entropy": 1}
    assert {name: counts[name] for name in expected} == expected
    assert "cross_entropy" not in count(result.ir, "predict")
    assert result.inputs == [TensorSpec("image", (2, 1, 28, 28), "f32")]
    assert result.target == TensorSpec("target", (2,), "i64")
    assert result.outputs == [TensorSpec("output", (2, 10), "f32")]
    assert 'pock.name = "image"' in result.ir
    assert 'pock.name = "loss"' in result.ir


def test_mobilenet_trains_its_statistics(imported) -> None:
    model, result = imported["mobilenet"]
    norms = [name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert result.norm_modes == dict.fromkeys(norms, "training")
    assert count(result.ir, "loss")["batch_norm_train"] == len(norms)
    assert count(result.ir, "predict")["batch_norm"] == len(norms)
    assert sorted(stores(result.ir, "loss")) == sorted(dict(model.named_buffers()))
    assert stores(result.ir, "predict") == []


def test_locations_name_module_and_line(imported) -> None:
    found = ops(imported["mobilenet"][1].ir, "loss")
    paths = {path for name, path, _ in found if name == "conv"}
    assert {"features.0.0", "features.3.conv.0", "features.18.0"} <= paths
    lines = {line for name, _, line in found if name == "conv"}
    assert all(line is not None and "frontend_models.py:" in line for line in lines)
    assert [path for name, path, _ in found if name == "cross_entropy"] == ["(loss)"]


def test_same_import_twice_is_identical() -> None:
    model, inputs = mlp(), (torch.randn(2, 8),)
    assert import_model(model, inputs, "cross_entropy").ir == import_model(model, inputs, "cross_entropy").ir


class Modes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.BatchNorm1d(4)
        self.second = nn.BatchNorm1d(4).eval()
        self.third = nn.BatchNorm1d(4, track_running_stats=False).eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.third(self.second(self.first(x)))


def test_modes_are_the_models_own_and_come_back() -> None:
    model = Modes()
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    result = import_model(model, (torch.randn(3, 4),), "mse")
    assert result.norm_modes == {"first": "training", "second": "inference", "third": "training"}
    assert stores(result.ir, "loss") == ["first.running_mean", "first.running_var", "first.num_batches_tracked"]
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_modes_come_back_after_a_failure() -> None:
    model = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.0), nn.BatchNorm1d(4).eval())
    with pytest.raises(ArgumentError, match=r"(?s)does not run with the example inputs .* in module '0'.*do not fit"):
        import_model(model, (torch.randn(3, 4),), "mse")
    assert [module.training for module in model] == [True, True, False]


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
        self.b.weight = self.a.weight
        self.c, self.d = nn.Linear(4, 4), nn.Linear(4, 4)
        self.d.load_state_dict(self.c.state_dict())
        self.unused = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.d(self.c(self.b(self.a(x))))


def test_tied_parameters_are_one_and_equal_ones_are_not() -> None:
    result = import_model(Shared(), (torch.randn(2, 4),), "mse")
    assert result.aliases == {"b.weight": "a.weight"}
    names = ["a.weight", "c.weight", "c.bias", "d.weight", "d.bias", "unused.weight", "unused.bias"]
    assert list(params(result.ir)) == names
    assert [info.name for info in result.parameters] == names
    assert count(result.ir, "loss")["load_param"] == 5
    assert count(result.ir, "loss")["linear"] == 4


def test_float64_everywhere() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.LayerNorm(4)).double()
    result = import_model(model, (torch.randn(3, 4, dtype=torch.float64),), "mse")
    assert "f32" not in result.ir
    assert "eps = 1.0e-05 : f64" in result.ir
    assert {spec.dtype for spec in [*result.inputs, *result.outputs, result.target]} == {"f64"}


@pytest.mark.parametrize(
    ("loss", "shape", "dtype"),
    [("cross_entropy", (3,), "i64"), ("mse", (3, 4), "f32"), ("bce_with_logits", (3, 4), "f32"), ("l1", (3, 4), "f32")],
)
def test_losses_by_name(loss, shape, dtype) -> None:
    result = import_model(nn.Linear(8, 4), (np.zeros((3, 8), np.float32),), loss)
    assert result.target == TensorSpec("target", shape, dtype)
    names = {"mse": "mse_loss", "l1": "l1_loss"}
    assert count(result.ir, "loss", "(loss)")[names.get(loss, loss)] == 1


def test_dense_cross_entropy_targets() -> None:
    result = import_model(nn.Conv2d(3, 5, 1), (torch.randn(2, 3, 4, 6),), "cross_entropy")
    assert result.target == TensorSpec("target", (2, 4, 6), "i64")


def test_loss_module_keeps_its_tensors() -> None:
    loss = nn.CrossEntropyLoss(weight=torch.rand(4), label_smoothing=0.1)
    result = import_model(nn.Linear(8, 4), (torch.randn(3, 8),), loss)
    assert params(result.ir) == {"weight": "parameter", "bias": "parameter", "loss.weight": "buffer"}
    assert [info.name for info in result.parameters] == ["weight", "bias"]
    assert "label_smoothing = 0.1 : f64" in result.ir


def test_callable_loss_and_named_outputs() -> None:
    model = Function(lambda x, w: {"logits": x * w, "parts": [x + w, None]})
    loss = lambda output, target: F.smooth_l1_loss(output["logits"], target)  # noqa: E731
    result = import_model(model, (torch.randn(2, 4),), loss, target_example=torch.zeros(2, 4))
    assert [spec.name for spec in result.outputs] == ["logits", "parts_0"]
    assert result.target == TensorSpec("target", (2, 4), "f32")


class WithLoss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(self.layer(x), target)


def test_model_that_returns_its_loss() -> None:
    result = import_model(WithLoss(), (torch.randn(2, 4), torch.randn(2, 4)), None)
    assert result.target is None
    assert [spec.name for spec in result.inputs] == ["x", "target"]
    assert count(result.ir, "loss")["mse_loss"] == 1


class Statistics(nn.Module):
    """Keeps a buffer up to date under no_grad, and has a constant tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("average", torch.zeros(4), persistent=False)
        self.scale = torch.tensor([1.0, 2.0, 3.0, 4.0])
        self.table = torch.randn(4, 2000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        if self.training:
            with torch.no_grad():
                self.average.mul_(0.9).add_(y.mean(0) * 0.1)
        return y * self.scale + (y @ self.table).sum() + torch.arange(4).cumsum(0)


def test_buffers_constants_and_folding() -> None:
    model = Statistics()
    result = import_model(model, (torch.randn(2, 4),), "mse")
    assert stores(result.ir, "loss") == ["average"]
    assert params(result.ir) == {
        "layer.weight": "parameter", "layer.bias": "parameter", "average": "buffer", "constant_0": "buffer",
    }  # fmt: skip
    np.testing.assert_array_equal(result.values["constant_0"], model.table.numpy())
    assert "dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>" in result.ir
    assert "dense<[0, 1, 3, 6]> : tensor<4xi64>" in result.ir


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = InvertedResidual(8, 8, 1, 2)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(x).mean((2, 3)))


@pytest.mark.parametrize("core", [False, True])
def test_exported_program(core, tmp_path) -> None:
    model, x = Block(), torch.randn(2, 8, 6, 6)
    program = torch.export.export(model if not core else model.eval(), (x,))
    if core:
        program = program.run_decompositions()
    result = import_model(program, (x,), "cross_entropy")
    verify(result.ir, tmp_path)
    assert [info.name for info in result.parameters] == [name for name, _ in model.named_parameters()]
    assert set(result.norm_modes.values()) == {"inference" if core else "training"}
    assert len(result.norm_modes) == sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    assert bool(stores(result.ir, "loss")) is not core
    assert stores(result.ir, "predict") == []
    found = ops(result.ir, "predict")
    assert ("conv", "block.conv.0") in {(name, path) for name, path, _ in found}
    assert all("frontend_models.py" in str(line) for name, _, line in found if name == "conv")


class Rotary(nn.Module):
    """Has a table that no state_dict has, and one that it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))
        self.register_buffer("frequency", torch.tensor([1.0, 0.1]), persistent=False)
        self.register_buffer("steps", torch.zeros(4), persistent=False)
        self.register_buffer("scale", torch.ones(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            with torch.no_grad():
                self.steps.add_(1)
        angles = torch.outer(torch.arange(2.0), self.frequency).flatten()
        return x * self.weight * angles.cos() * self.scale.exp() + self.steps


def test_folds_through_buffers_that_are_constants() -> None:
    result = import_model(Rotary(), (torch.randn(3, 4),), "mse")
    for function in ("loss", "predict"):
        counts = count(result.ir, function)
        assert counts["cos"] == 0
        assert counts["exp"] == 1, "a persistent buffer is a value of the run"
        assert counts["load_param"] == 3
    assert stores(result.ir, "loss") == ["steps"]


def test_constants_of_no_grad_regions_have_no_gradient() -> None:
    def function(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            mean = (x * w).mean()
        return x * w - mean + (x * w).detach()

    result = import_model(Function(function), (torch.randn(2, 4),), "mse")
    assert count(result.ir, "loss")["stop_gradient"] == 2
    assert count(result.ir, "predict")["stop_gradient"] == 0


class DropPath(nn.Module):
    """Stochastic depth as timm, torchvision and transformers write it."""

    def __init__(self, by_hand: bool) -> None:
        super().__init__()
        self.layer, self.by_hand = nn.Linear(4, 4), by_hand

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        if not self.training:
            return x + y
        if self.by_hand:
            return x + y / 0.75 * (0.75 + torch.rand(x.shape[0], 1)).floor_()
        return x + y * y.new_empty(x.shape[0], 1).bernoulli_(0.75).div_(0.75)


def dropouts(text: str) -> list[tuple[int, float, str]]:
    """Stream, probability and strides of the dropouts of a module."""
    found = []
    for line in text.splitlines():
        if '"pock.dropout"' in line:
            p, stream, strides = re.search(
                r"p = ([\d.e+-]+) : f64, stream = (\d+) : i64, strides = (array<[^>]*>)", line
            ).groups()
            found.append((int(stream), float(p), strides))
    return found


def test_dropout_takes_its_seed_as_an_input(tmp_path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.25), nn.Dropout2d(0.5), nn.Flatten(), nn.Dropout(0.0))
    result = import_model(model, (torch.randn(2, 3, 5, 5),), "mse")
    verify(result.ir, tmp_path)
    inputs = re.findall(r"arg_attrs = (\[.*?\])", result.ir)
    assert [re.findall(r'"(\w+)"', names) for names in inputs] == [["input", "target", *RANDOM_INPUTS], ["input"]]
    assert dropouts(result.ir) == [(0, 0.25, "array<i64: 100, 25, 5, 1>"), (1, 0.5, "array<i64: 4, 1, 1, 1>")]
    assert [spec.name for spec in result.inputs] == ["input"]
    assert "random_seed" not in import_model(model.eval(), (torch.randn(2, 3, 5, 5),), "mse").ir


def test_dropout_inside_attention_and_recurrent_layers(tmp_path) -> None:
    attention = import_model(
        nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True), (torch.randn(2, 5, 8),), "mse"
    )
    verify(attention.ir, tmp_path)
    # The probabilities', and three of the layer's own.
    assert [strides for _, _, strides in dropouts(attention.ir)] == [
        "array<i64: 50, 25, 5, 1>", "array<i64: 40, 8, 1>", "array<i64: 80, 16, 1>", "array<i64: 40, 8, 1>",
    ]  # fmt: skip
    assert [count(attention.ir, name)["attention"] for name in ("loss", "predict")] == [0, 1]
    recurrent = nn.GRU(4, 3, 3, dropout=0.2)
    loss = lambda output, target: output[0].sum() + target  # noqa: E731
    result = import_model(recurrent, (torch.randn(5, 2, 4),), loss, target_example=torch.zeros(()))
    assert [p for _, p, _ in dropouts(result.ir)] == [0.2, 0.2]


@pytest.mark.parametrize("by_hand", [False, True])
def test_drop_path(by_hand, tmp_path) -> None:
    result = import_model(DropPath(by_hand), (torch.randn(3, 4),), "mse")
    verify(result.ir, tmp_path)
    assert dropouts(result.ir) == [(0, 0.25, "array<i64: 1, 1>")]
    assert count(result.ir, "predict")["dropout"] == 0


def test_attention_of_frozen_encoders_stays_whole() -> None:
    model = (
        nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval().requires_grad_(False)
    )
    result = import_model(nn.Sequential(model, nn.Linear(8, 3)), (torch.randn(2, 5, 8),), "mse")
    assert count(result.ir, "predict")["attention"] == 2
    assert torch.backends.mha.get_fastpath_enabled()
