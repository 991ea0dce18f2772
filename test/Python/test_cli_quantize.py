"""``pock quantize``: what it writes, prints and refuses, and that the other commands take its program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner, Result
from pockmlir import cli

MODEL = """
import torch

def net():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, bias=False), torch.nn.BatchNorm2d(6), torch.nn.ReLU6(),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(6, 4),
    )
    for _ in range(3):
        model(torch.randn(16, 3, 8, 8))
    return model.eval(), (torch.zeros(4, 3, 8, 8),)

class Two(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = torch.nn.Linear(3, 2), torch.nn.Linear(5, 2)
    def forward(self, a, b):
        return self.left(a) + self.right(b)

def two():
    return Two(), (torch.zeros(2, 3), torch.zeros(2, 5))

def two_by_name():
    return Two(), {"a": torch.zeros(2, 3), "b": torch.zeros(2, 5)}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net_to_quantize.py").write_text(MODEL)
    generator = np.random.default_rng(0)
    x = generator.standard_normal((40, 3, 8, 8)).astype(np.float32)
    y = generator.integers(0, 4, 40)
    np.savez("data.npz", x=x[:24], y=y[:24], x_test=x[24:], y_test=y[24:])
    np.savez("two.npz", a=x[:8, 0, 0, :3], b=x[:8, 0, 0, :5].astype(np.float64))

    def call(command: str, *arguments: Any) -> Result:
        result = CliRunner().invoke(cli.pock, [command, *map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    yield call
    sys.modules.pop("net_to_quantize", None)


def test_the_program_trains_with_the_other_commands(run: Run) -> None:
    text = run("quantize", "net_to_quantize.py:net", "data.npz", "-o", "net.pt2").stdout
    assert "scales from 24 samples of data.npz" in text
    assert "test: 16 samples: outputs differ by" in text
    assert "% before" in text
    assert "net.pt2, for --precision int8" in text
    options = ("--precision", "int8", "--scheme", "last:1")
    layers = json.loads(run("inspect", "net.pt2", *options, "--json").stdout)["layers"]
    assert {layer["arithmetic"] for layer in layers} == {"int8"}
    assert "epoch 1: mean loss" in run("train", "net.pt2", "data.npz", *options).stdout
    run("compile", "net.pt2", *options, "-o", "out")
    assert list(Path("out").glob("*.a"))


def test_json_and_the_same_integers_as_in_python(run: Run) -> None:
    figures = json.loads(run("quantize", "net_to_quantize.py:net", "data.npz", "--json", "--samples", 8).stdout)
    assert figures["calibrated"] == 8
    assert figures["split"] == "test"
    assert figures["report"]["samples"] == 16
    assert figures["bytes"] == Path(figures["file"]).stat().st_size
    report = figures["report"]
    assert report["before"] is not None
    assert abs(report["before"] - report["after"]) < 0.3


@pytest.mark.parametrize("form", ["two", "two_by_name"])
def test_inputs_by_their_names(run: Run, form: str) -> None:
    figures = json.loads(run("quantize", f"net_to_quantize.py:{form}", "two.npz", "--head", "float32", "--json").stdout)
    assert (figures["calibrated"], figures["split"], figures["report"]["before"]) == (8, "training data", None)
    program = pock.load_exported("quantized.pt2")
    assert list(program.graph_signature.user_inputs) == ["a", "b"]


def test_an_exported_program_is_quantised_like_its_module(run: Run) -> None:
    sys.path.insert(0, ".")
    import net_to_quantize  # type: ignore[import-not-found]

    model, inputs = net_to_quantize.net()
    torch.export.save(torch.export.export(model, inputs), "float.pt2")
    run("quantize", "float.pt2", "data.npz", "-o", "a.pt2")
    run("quantize", "net_to_quantize.py:net", "data.npz", "-o", "b.pt2")
    programs = [pock.load_exported(name) for name in ("a.pt2", "b.pt2")]
    states = [program.state_dict for program in programs]
    assert states[0].keys() == states[1].keys() == {"0.weight", "0.bias", "5.weight", "5.bias"}
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], atol=1e-6, rtol=1e-5)
    x = torch.randn(4, 3, 8, 8)
    outputs = [program.module()(x) for program in programs]
    torch.testing.assert_close(*outputs)


def test_bytes_in(run: Run) -> None:
    run("quantize", "net_to_quantize.py:net", "data.npz", "--input-type", "int8")
    program = pock.load_exported("quantized.pt2")
    assert program.example_inputs[0][0].dtype == torch.int8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net_to_quantize.py:net", "data.npz", "-o", "net.onnx"], "--output: expected a name that ends in .pt2"),
        (["net_to_quantize.py:two", "data.npz"], "expected the arrays a, b, but it has x, y, x_test, y_test"),
        (["net_to_quantize.py:net", "data.npz", "--room", "0"], "room: expected a factor >= 1"),
        (["net_to_quantize.py:net", "data.npz", "--percentile", "3"], "percentile: expected a number above 50"),
        (["net_to_quantize.py:net", "wide.npz"], r"samples of float32 \[3, 8, 8\] in x, but got float32 \[3, 9, 9\]"),
        (["net_to_quantize.py:net", "bytes.npz"], r"samples of float32 \[3, 8, 8\] in x, but got uint8"),
        (["net_to_quantize.py:net", "few.npz"], "expected at least 4 samples, one batch, but got 2"),
        (["net_to_quantize.py:net", "nan.npz"], "'input' has entries that are NaN or infinite"),
        (["net_to_quantize.py:net", "uneven.npz"], "equal numbers of samples, but x has 8, y has 3"),
        (
            ["training.pt2", "data.npz"],
            r"exported in training mode, see aten\.batch_norm in '1'; export model\.eval\(\)",
        ),
    ],
)
def test_wrong_arguments_are_refused(run: Run, arguments: list[str], message: str) -> None:
    np.savez("wide.npz", x=np.zeros((8, 3, 9, 9), np.float32))
    np.savez("bytes.npz", x=np.zeros((8, 3, 8, 8), np.uint8))
    np.savez("few.npz", x=np.zeros((2, 3, 8, 8), np.float32))
    np.savez("nan.npz", x=np.full((8, 3, 8, 8), np.nan, np.float32))
    np.savez("uneven.npz", x=np.zeros((8, 3, 8, 8), np.float32), y=np.zeros(3, np.int64))
    if "training.pt2" in arguments:
        layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        torch.export.save(torch.export.export(layers, (torch.zeros(4, 3, 8, 8),)), "training.pt2")
    with pytest.raises(pock.ArgumentError, match=message):
        run("quantize", *arguments)
