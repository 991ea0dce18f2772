"""`pockmlir.quantize`: folding, ranges, names, refusals, and the compiled step."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.frontends.torch.quantized_model import scales_of_weight
from pockmlir.frontends.torch.ranges import Range
from torch import Tensor, nn


class Net(nn.Module):
    """Integer layers, and a hardswish and a layer normalisation, which stay float32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.mix = nn.Conv2d(8, 8, 1)
        self.norm = nn.BatchNorm2d(8)
        self.swish = nn.Hardswish()
        self.last = nn.Conv2d(8, 12, 3, stride=2)
        self.layer_norm = nn.LayerNorm(12)
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.norm(self.mix(x))
        x = torch.relu(self.last(self.swish(x))).mean((2, 3))
        return self.head(self.layer_norm(x))


@pytest.fixture(scope="module")
def net() -> Net:
    torch.manual_seed(0)
    model = Net()
    for _ in range(5):
        model(torch.randn(16, 3, 8, 8))
    return model.eval()


@pytest.fixture(scope="module")
def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(count, 3, 8, 8, generator=generator) for count in (8, 8, 5)]


@pytest.fixture(scope="module")
def quantized(net: Net, batches: list[Tensor]) -> Any:
    return pock.quantize(net, batches)


def test_scales_have_the_names_of_layers(quantized: Any) -> None:
    # Nothing reads the integers of the addition and of the last convolution: these results stay real.
    assert set(quantized.activations) == {"x", "stem.0", "swish", "layer_norm", "head"}
    relu6 = quantized.activations["stem.0"]
    assert (relu6.scale, relu6.zero_point) == (float(np.float32(6 / 255)), -128)


def test_batch_normalisation_is_folded_and_names_stay(net: Net, quantized: Any, batches: list[Tensor]) -> None:
    names = [name for name, _ in quantized.named_parameters()]
    layers = ["stem.0", "mix", "last", "layer_norm", "head"]
    assert names == [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]
    torch.testing.assert_close(quantized.model(batches[0]), net(batches[0]), atol=1e-5, rtol=1e-5)
    assert isinstance(net.norm, nn.BatchNorm2d)


def test_accuracy_before_and_after(quantized: Any, batches: list[Tensor]) -> None:
    labels = [quantized.model(batch).argmax(1) for batch in batches]
    report = quantized.compare(batches[:2], labels)
    assert report.samples == 16
    assert report.before == 1.0
    assert report.error < 0.1
    assert "accuracy 100.0 % before" in str(report)
    assert report.to_dict()["after"] == report.agreement


def test_the_compiled_step_has_the_integers_and_says_what_they_are(quantized: Any, batches: list[Tensor]) -> None:
    # Another batch size than those of calibration.
    x = batches[0][:4]
    step = pock.compile(
        quantized,
        (x,),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=0.01),
        scheme={"head.*": 1.0, "last.weight": 0.5, "mix.bias": 1.0},
        precision="int8",
    )
    apart = np.rint((step.predict(x.numpy()) - quantized(x).numpy()) / quantized.activations["head"].scale)
    assert np.abs(apart).max() <= 1
    assert (apart != 0).mean() <= 0.05
    report = step.report()
    layers = {entry.layer: entry for entry in report.layers}
    assert [layers[name].arithmetic for name in ("stem.0", "mix", "last", "head")] == ["int8"] * 4
    assert "hardswish" in layers["swish"].reason
    assert layers["layer_norm"].arithmetic == "float32"
    assert "normalize has real operands" in layers["layer_norm"].reason  # an op with two results
    assert report.to_dict()["layers"][0]["layer"] == "stem.0"
    assert "why not integers" in str(report)
    assert report.arithmetic["changes of integers"] == "rounded: stochastic"
    assert report.name.lower() == "net"
    y = np.array([0, 1, 2, 3])
    first = step(x.numpy(), y)
    for _ in range(10):
        last = step(x.numpy(), y)
    assert last < first
    step.write_back(quantized)
    state = step.state_dict()
    np.testing.assert_array_equal(state["head.weight"], quantized.state_dict()["head.weight"].numpy())
    step.load_state_dict(state)
    np.testing.assert_array_equal(step.state_dict()["last.weight"], state["last.weight"])
    # A wrong shape is not broadcast along the scales.
    for shape in ((7, *state["last.weight"].shape[1:]), (1,)):
        with pytest.raises(pock.ArgumentError, match=r"last\.weight: expected int8\["):
            step.load_state_dict(state | {"last.weight": np.ones(shape, np.float32)})
    np.testing.assert_array_equal(step.state_dict()["last.weight"], state["last.weight"])


def test_an_exported_model_trains_to_the_same_bits(quantized: Any, batches: list[Tensor], tmp_path: Any) -> None:
    """Through a file; the exported graph computes in PyTorch what the quantised model does."""
    x = batches[0][:4]
    exported = quantized.export(x)
    torch.testing.assert_close(exported.module()(x), quantized(x), atol=0, rtol=0)
    torch.export.save(exported, tmp_path / "net.pt2")
    options: dict[str, Any] = {
        "loss": "cross_entropy",
        "optimizer": pock.SGD(lr=0.01),
        "scheme": pock.Scheme.full(),
        "precision": "int8",
    }
    steps = [pock.compile(model, (x,), **options) for model in (quantized, pock.load_exported(tmp_path / "net.pt2"))]
    y = np.array([0, 1, 2, 3])
    for _ in range(3):
        assert steps[0](x.numpy(), y) == steps[1](x.numpy(), y)
    states = [step.quantized_state_dict() for step in steps]
    assert list(states[0]) == list(states[1]) == [name for name, _ in quantized.named_parameters()]
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)
    steps[1].write_back(copy.deepcopy(quantized))


def test_exported_inputs_may_be_bytes_and_names_stay() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.unread = nn.Linear(3, 2), nn.Linear(2, 2)
            self.second = nn.Linear(3, 2)
            self.second.weight = self.first.weight

        def forward(self, a: Tensor, *, b: Tensor) -> dict[str, Tensor]:
            return {"left": self.first(a), "right": self.second(b)}

    a, b = torch.randn(2, 3), torch.randn(2, 3)
    quantized = pock.quantize(Named(), [{"a": a, "b": b}], input="int8")
    program = quantized.export(a=a, b=b)
    assert [value.dtype for value in program.example_inputs[1].values()] == [torch.int8, torch.int8]
    names = {"first.weight", "first.bias", "second.weight", "second.bias", "unread.weight", "unread.bias"}
    assert program.state_dict.keys() == names
    stored = {name: quantized.activations[name].quantize(value.numpy()) for name, value in {"a": a, "b": b}.items()}
    outputs = program.module()(**{name: torch.from_numpy(value) for name, value in stored.items()})
    assert list(outputs) == ["left", "right"]
    torch.testing.assert_close(outputs["right"], quantized(a=a, b=b)[1])
    with pytest.raises(pock.ArgumentError, match="inputs: expected tensors only, but got int"):
        quantized.export(3)


def test_precision_int8_needs_scales() -> None:
    with pytest.raises(pock.ArgumentError, match=r"pock\.quantize\(model, batches\)"):
        pock.import_model(
            nn.Linear(2, 2), (torch.ones(1, 2),), loss="mse", optimizer=pock.SGD(lr=0.1), precision="int8"
        )
    with pytest.raises(pock.ArgumentError, match="rounding: expected one of stochastic, nearest"):
        pock.import_model(nn.Linear(2, 2), (torch.ones(1, 2),), loss="mse", optimizer=pock.SGD(lr=0.1), rounding="up")


# Given scales -------------------------------------------------------------------------


class Small(nn.Module):
    """A convolution whose mean is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 1)
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).mean((2, 3)))


GIVEN = {"x": (0.1, 3), "conv": (0.2, -5), "head": (0.3, 0)}


def test_given_scales_are_used_and_a_mean_takes_its_operands() -> None:
    weight = pock.Quantization(np.float32([0.01, 0.02, 0.03]), axis=0, least=-127)
    quantized = pock.quantize(Small(), qparams=GIVEN | {"conv.weight": weight})
    imported = pock.import_model(quantized, (torch.ones(2, 2, 4, 4),), loss="mse", optimizer=pock.SGD(lr=0.1))
    assert imported._model.ir.count("scale = 2.000000e-01 : f64, zero_point = -5") == 8


def test_inputs_may_be_bytes_and_heads_real() -> None:
    # With a real head, nothing reads integers of the convolution's result.
    quantized = pock.quantize(Small(), qparams={"x": GIVEN["x"]}, input="int8", head="float32")
    imported = pock.import_model(quantized, (torch.ones(2, 2, 4, 4),), loss="mse", optimizer=pock.SGD(lr=0.1))
    assert [spec.dtype for spec in imported._model.inputs] == ["i8"]
    assert "pock.load_param @head.weight : tensor<2x3xf32>" in imported._model.ir
    assert "pock.load_param @conv.weight : tensor<3x2x1x1xi8>" in imported._model.ir
    bytes_in = torch.zeros(1, 2, 4, 4, dtype=torch.int8)
    torch.testing.assert_close(quantized(bytes_in), quantized(torch.full((1, 2, 4, 4), -0.3)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": (0.0, 0)}, r"qparams\['x'\]: expected scales that are positive and finite, but got 0.0"),
        ({"x": (math.nan, 0)}, "positive and finite, but got nan"),
        ({"x": (math.inf, 0)}, "positive and finite, but got inf"),
        ({"x": (1e300, 0)}, r"between 2\^-100 and 2\^100, but got 1e\+300"),
        ({"x": (0.1, 300)}, "zero point from -128 to 127, but got 300"),
        ({"x": 0.1}, r"expected \(scale, zero point\)"),
        (
            {"y": (0.1, 0)},
            "no quantised tensor is called y; expected some of x, conv, mean, head, conv.weight, head.weight",
        ),
        ({"conv": None}, "missing conv"),
        (
            {"conv.weight": pock.Quantization(np.float32([0.1, 0.2]), axis=0)},
            "'conv.weight' has 2 scales along dimension 0, but expected 3",
        ),
        ({"conv.weight": pock.Quantization(0.1, 4)}, "zero point 4, but weights are symmetric"),
    ],
)
def test_wrong_scales_are_refused(change: dict[str, Any], message: str) -> None:
    given = {name: value for name, value in (GIVEN | change).items() if value is not None}
    with pytest.raises(pock.ArgumentError, match=message):
        pock.quantize(Small(), qparams=given, inputs=torch.ones(2, 2, 4, 4))


# Data ---------------------------------------------------------------------------------


def test_one_constant_batch_gives_scales() -> None:
    quantized = pock.quantize(Small(), [torch.zeros(1, 2, 4, 4)])
    assert quantized.activations["x"].scale == float(np.float32(1 / 255))
    assert torch.isfinite(quantized(torch.ones(1, 2, 4, 4))).all()


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "at least one batch"),
        (None, "at least one batch"),
        (torch.ones(1, 2, 4, 4), "one batch is"),
        ([torch.full((1, 2, 4, 4), math.nan)], "'x' has entries that are NaN or infinite"),
        ([torch.full((1, 2, 4, 4), 1e38)], "NaN or infinite|too large"),
    ],
)
def test_wrong_batches_are_refused(batches: Any, message: str) -> None:
    with pytest.raises(pock.ArgumentError, match=message):
        pock.quantize(Small(), batches)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"head": "int4"}, "head: expected one of int8, float32"),
        ({"input": "int4"}, "input: expected one of float32, int8"),
        ({"room": 0.5}, "room: expected a factor >= 1"),
        ({"percentile": 10}, "percentile: expected a number above 50"),
    ],
)
def test_wrong_options_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(pock.ArgumentError, match=message):
        pock.quantize(Small(), [torch.ones(1, 2, 4, 4)], **option)


def test_other_models_are_refused() -> None:
    with pytest.raises(
        pock.ArgumentError, match=r"expected a torch\.nn\.Module or an exported program of float32, but got str"
    ):
        pock.quantize("model", [])
    with pytest.raises(pock.ArgumentError, match=r"'conv\.weight' has another type"):
        pock.quantize(Small().double(), [torch.ones(1, 2, 4, 4)])
    broken = Small()
    broken.head.bias.data[0] = math.inf
    with pytest.raises(pock.ArgumentError, match=r"'head\.bias' has entries that are NaN or infinite"):
        pock.quantize(broken, [torch.ones(1, 2, 4, 4)])


def test_dead_channels_get_a_scale_that_can_train() -> None:
    weight = np.array([[1.27, -0.5], [1e-9, 0.0], [0.0, 0.0]])
    scales = scales_of_weight(weight, 0)
    np.testing.assert_allclose(scales, [0.01, 0.01 / 4096, 0.01 / 4096], rtol=1e-6)
    np.testing.assert_allclose(scales_of_weight(0 * weight, 0), 1 / 127, rtol=1e-6)
    # A bias of more than 24 bits of the sum makes the scale larger.
    np.testing.assert_allclose(scales_of_weight(weight, 0, 1.0, np.array([0, 0, 0.5]))[2], 0.5)
    with pytest.raises(pock.ArgumentError, match="not finite"):
        scales_of_weight(np.array([[np.nan]]), 0)


def test_ranges_leave_out_rare_numbers() -> None:
    found = Range()
    for part in torch.randn(40, 1000, generator=torch.Generator().manual_seed(0)):
        found.add("x", part)
    found.add("x", torch.tensor([1e4]))
    assert found.limits(100)[1] == 1e4
    low, high = found.limits(99.9)
    assert -12 < low < -2
    assert 2 < high < 12
    assert Range.affine(-1.0, 1.55).zero_point == -28
    assert Range.affine(0.0, 6.0).zero_point == -128
