"""Graphs of PT2E quantisation: those of torchao, and handwritten ones with pairs that no integer op replaces."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import Tensor, nn
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (registers the operators)

Q = torch.ops.quantized_decomposed


class Net(nn.Module):
    """Layers that quantisers fuse, a residual, a concatenation, and a softmax, which they leave."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.BatchNorm2d(8)
        self.wide = nn.Conv2d(8, 12, 1)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(20, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        y = x + self.norm(self.depthwise(x))
        y = self.pool(torch.cat([y, torch.relu(self.wide(y))], 1))
        return y, self.head(torch.nn.functional.adaptive_avg_pool2d(y, 1).flatten(1))


def second_loss(outputs: Any, target: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(outputs[1], target)


def quantized_graph(*, fold: bool = True) -> Any:
    """Return torchao's graph of the network."""
    pytest.importorskip("torchao", reason="torchao is not installed")
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.testing.pt2e._xnnpack_quantizer import XNNPACKQuantizer, get_symmetric_quantization_config

    torch.manual_seed(0)
    model = Net()
    for _ in range(4):
        model(torch.randn(8, 3, 16, 16))
    x = torch.randn(8, 3, 16, 16)
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(torch.export.export(model.eval(), (x,)).module(), quantizer)
    prepared(x)
    return convert_pt2e(prepared, fold_quantize=fold)


@pytest.fixture(scope="module")
def torchao_program() -> torch.export.ExportedProgram:
    return torch.export.export(quantized_graph(), (torch.randn(8, 3, 16, 16),))


def apart(found: np.ndarray[Any, Any], expected: Tensor) -> float:
    """The fraction of entries that differ; by a step of 0.02 at most."""
    wrong = np.abs(found - expected.detach().numpy())
    assert wrong.max() < 0.02
    return float((wrong > 1e-5).mean())


def options() -> dict[str, Any]:
    """What the graph of `quantized_graph` is compiled with, apart from the scheme."""
    return {
        "loss": second_loss,
        "example_target": torch.zeros(8, dtype=torch.int64),
        "optimizer": pock.SGD(lr=0.05),
        "precision": "int8",
    }


def steps_apart(found: np.ndarray[Any, Any], expected: Tensor) -> np.ndarray[Any, Any]:
    """The difference in steps of the integers that both stand for."""
    reference = expected.detach().numpy()
    scale = np.diff(np.unique(reference)).min()
    return np.abs(np.rint((found - reference) / scale))


@pytest.mark.filterwarnings("ignore")
def test_torchaos_graph_has_its_integers_and_trains(torchao_program: torch.export.ExportedProgram) -> None:
    x = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    step = pock.compile(
        torchao_program,
        (x,),
        scheme=pock.Scheme.full(),
        **options(),
    )
    features, logits = step.predict(x.numpy())
    # The step has biases of whole steps of the sums, which the graph has as float32.
    assert apart(features, torchao_program.module()(x)[0]) <= 0.003
    rounded = copy.deepcopy(torchao_program)
    step.write_back(rounded)
    reference = rounded.module()(x)
    assert apart(features, reference[0]) <= 0.001
    assert apart(logits, reference[1]) <= 0.001
    report = step.report()
    names = ["stem.0.weight", "stem.0.bias", "depthwise.weight", "depthwise.bias"]
    names += ["wide.weight", "wide.bias", "head.weight", "head.bias"]
    assert [entry.name for entry in report.parameters] == names
    assert {entry.dtype for entry in report.parameters} == {"int8", "int32"}
    arithmetic = {entry.layer: entry.arithmetic for entry in report.layers}
    assert [arithmetic[name] for name in ("stem.0", "depthwise", "wide", "head")] == ["int8"] * 4
    y = np.arange(8) % 5
    first = step(x.numpy(), y)
    for _ in range(8):
        last = step(x.numpy(), y)
    assert last < first


def test_a_quantised_program_is_read_from_a_file(torchao_program: torch.export.ExportedProgram, tmp_path: Path) -> None:
    torch.export.save(torchao_program, tmp_path / "net.pt2")
    program = pock.load_exported(tmp_path / "net.pt2")
    imported = pock.import_model(
        program,
        (torch.zeros(8, 3, 16, 16),),
        **options(),
    )
    assert "stem.0.bias" in [info.name for info in imported.parameters]
    assert all(info.requires_grad for info in imported.parameters)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", ["graph", "program", "weights that are not folded"])
def test_trained_integers_are_written_back(form: str) -> None:
    graph = quantized_graph(fold=form != "weights that are not folded")
    x = torch.randn(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    model = torch.export.export(graph, (x,)) if form == "program" else graph
    step = pock.compile(
        model,
        (x,),
        scheme=pock.Scheme.full(),
        **options(),
    )
    before = {name: value.clone() for name, value in model.state_dict.items()} if form == "program" else {}
    for _ in range(5):
        step(x.numpy(), np.arange(8) % 5)
    step.write_back(model)
    if before:
        changed = [name for name, value in model.state_dict.items() if not torch.equal(value, before[name])]
        assert any(model.state_dict[name].dtype == torch.int8 for name in changed)
    run = model.module() if form == "program" else model
    _, logits = run(x)
    found = step.predict(x.numpy())[1]
    assert steps_apart(found, logits).max() <= 1
    assert (steps_apart(found, logits) > 0).mean() <= 0.05
    # Compiled again, the graph has the trained integers.
    again = pock.import_model(
        model,
        (x,),
        **options(),
    ).compile(pock.Scheme.full())
    trained = step.quantized_state_dict()
    for name, value in again.quantized_state_dict().items():
        np.testing.assert_array_equal(value, trained[name], err_msg=name)


def test_integers_that_cannot_hold_a_value_are_refused() -> None:
    model = Handwritten()
    x = torch.randn(2, 2, 6, 6)
    program = torch.export.export(model, (x,))
    step = pock.compile(
        program, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(), precision="int8"
    )
    step.write_back(program)  # untrained, all values are those of integers
    step(x.numpy(), np.array([0, 1]))
    with pytest.raises(pock.ArgumentError, match=r"'head\._frozen' with their scales .* values of 'head\.weight'"):
        step.write_back(program)
    other = torch.export.export(nn.Linear(3, 2), (torch.ones(1, 3),))
    with pytest.raises(pock.ArgumentError, match=r"no tensor of the graph is called 'conv\.weight'"):
        step.write_back(other)


def test_exported_programs_are_written_to() -> None:
    layer = nn.Linear(3, 2)
    program = torch.export.export(layer, (torch.ones(4, 3),))
    step = pock.compile(program, (torch.ones(4, 3),), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    x = np.ones((4, 3), np.float32)
    step(x, np.zeros((4, 2), np.float32))
    step.write_back(program)
    np.testing.assert_allclose(program.module()(torch.ones(4, 3)).detach().numpy(), step.predict(x), rtol=1e-6)
    wide = torch.export.export(nn.Linear(4, 2), (torch.ones(4, 4),))
    with pytest.raises(pock.ArgumentError, match=r"'weight' has the shape \[2, 4\], but expected \[2, 3\]"):
        step.write_back(wide)


# Handwritten graphs -------------------------------------------------------------------


class Handwritten(nn.Module):
    """A convolution of uint8, a pair around a sigmoid, and weights with zero points."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv, self.head = nn.Module(), nn.Module()
        for module, shape in ((self.conv, (4, 2, 3, 3)), (self.head, (3, 4))):
            module.register_buffer("_frozen", torch.randint(-127, 128, shape, generator=generator, dtype=torch.int8))
            module.register_buffer("_scale", 0.002 + 0.004 * torch.rand(shape[0], generator=generator))
        self.conv.register_buffer("_zero", torch.zeros(4, dtype=torch.int64))
        self.head.register_buffer("_zero", torch.tensor([3, -5, 0]))
        self.conv.forward = self._conv
        self.head.forward = self._head

    def _conv(self, x: Tensor) -> Tensor:
        c = self.conv
        weight = Q.dequantize_per_channel(c._frozen, c._scale, c._zero, 0, -127, 127, torch.int8)
        return torch.nn.functional.conv2d(x, weight, padding=1)

    def _head(self, x: Tensor) -> Tensor:
        h = self.head
        return torch.nn.functional.linear(
            x, Q.dequantize_per_channel(h._frozen, h._scale, h._zero, 0, -127, 127, torch.int8)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = Q.quantize_per_tensor(x, 0.03, 120, 0, 255, torch.uint8)
        x = self.conv(Q.dequantize_per_tensor(x, 0.03, 120, 0, 255, torch.uint8))
        x = Q.quantize_per_tensor(x, 0.02, 0, 0, 255, torch.uint8)
        x = torch.sigmoid(Q.dequantize_per_tensor(x, 0.02, 0, 0, 255, torch.uint8))
        x = Q.dequantize_per_tensor(
            Q.quantize_per_tensor(x, 1 / 255, -128, -128, 127, torch.int8), 1 / 255, -128, -128, 127, torch.int8
        )
        return self.head(x.mean((2, 3)))


def test_unmatched_pairs_are_conversions_and_the_report_says_so() -> None:
    model = Handwritten()
    x = torch.randn(2, 2, 6, 6)
    step = pock.compile(
        model, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(), precision="int8"
    )
    np.testing.assert_allclose(step.predict(x.numpy()), model(x).numpy(), atol=2e-3)
    layers = {entry.layer: entry for entry in step.report().layers}
    assert layers["conv"].arithmetic == "int8"
    assert layers["head"].arithmetic == "float32"
    assert "weight is float32" in layers["head"].reason
    assert "sigmoid" in layers["(model)"].reason
    before = step.state_dict()
    first = step(x.numpy(), np.array([0, 1]))
    for _ in range(5):
        last = step(x.numpy(), np.array([0, 1]))
    assert last < first
    assert not np.array_equal(before["conv.weight"], step.state_dict()["conv.weight"])


def pair(scale: float, zero: int, least: int, most: int, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        stored = Q.quantize_per_tensor(x, scale, zero, least, most, dtype)
        return Q.dequantize_per_tensor(stored, scale, zero, least, most, dtype)

    return run


def grouped(x: Tensor) -> Tensor:
    return (
        Q.dequantize_per_channel_group(
            torch.ones(3, 4, dtype=torch.int8), torch.ones(3, 2), torch.zeros(3, 2), -8, 7, torch.int8, 2, torch.float32
        ).sum()
        + x
    )


def dynamic(x: Tensor) -> Tensor:
    scale, zero = Q.choose_qparams.tensor(x, -128, 127, 1e-6, torch.int8)
    stored = Q.quantize_per_tensor.tensor(x, scale, zero, -128, 127, torch.int8)
    return Q.dequantize_per_tensor.tensor(stored, scale, zero, -128, 127, torch.int8)


REFUSALS = {
    "zero": (pair(0.0, 0, -128, 127, torch.int8), "positive and finite"),
    "nan": (pair(float("nan"), 0, -128, 127, torch.int8), "positive and finite"),
    "infinite": (pair(float("inf"), 0, -128, 127, torch.int8), "positive and finite"),
    "nibble": (pair(0.1, 0, -8, 7, torch.int8), "4 bits or fewer"),
    "word": (pair(0.1, 0, -32768, 32767, torch.int16), "expected int8 or uint8"),
    "groups": (grouped, "a scale per group"),
    "dynamic": (dynamic, "depend on the data"),
}


class Refused(nn.Module):
    """Calls functions on a trained parameter, each in a module of its own."""

    class Call(nn.Module):
        def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.function = function

        def forward(self, x: Tensor) -> Tensor:
            return self.function(x)

    def __init__(self, functions: dict[str, Callable[[Tensor], Tensor]]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 4))
        self.calls = nn.ModuleDict({name: self.Call(function) for name, function in functions.items()})

    def forward(self, x: Tensor) -> Tensor:
        x = x @ self.weight.t()
        return torch.stack([call(x) for call in self.calls.values()])


def test_other_quantisation_is_refused_by_name() -> None:
    model = Refused({name: function for name, (function, _) in REFUSALS.items()})
    with pytest.raises(pock.UnsupportedOpsError) as error:
        pock.import_model(model, (torch.ones(2, 4),), loss="mse", optimizer=pock.SGD(lr=0.1))
    for name, (_, message) in REFUSALS.items():
        reasons = [op.reason for op in error.value.ops if op.module == f"calls.{name}"]
        assert any(message in str(reason) for reason in reasons), (name, reasons)
