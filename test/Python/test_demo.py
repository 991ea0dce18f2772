"""`pock demo` runs with and without PyTorch, and its schemes learn as much as they should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest

pytest.importorskip("pockmlir._core")

from pockmlir.artifact import compiled_file
from pockmlir.demo import compiled, digits, network
from pockmlir.demo.training import SEED, accuracy

#: Runs the command line as where only the package's own dependencies are installed.
BARE = """
import sys
for name in ("torch", "matplotlib", "sklearn"):
    sys.modules[name] = None
from pockmlir.cli import main
main()
"""


def run(*command: str | Path) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_with_torch(tmp_path: Path) -> None:
    schemes = json.loads(run("-m", "pockmlir.cli", "demo", "--quick", "--json", "--out", tmp_path))["schemes"]

    assert list(schemes) == ["last", "bias", "sparse", "full"]
    for name, figures in schemes.items():
        assert figures["accuracy_after"] > figures["accuracy_before"] + 0.1, name
    accuracies = {name: figures["accuracy_after"] for name, figures in schemes.items()}
    assert accuracies["full"] >= accuracies["last"]
    assert accuracies["sparse"] >= accuracies["last"]
    # What the scheme freezes is not paid for.
    saved = {name: figures["saved_bytes"] for name, figures in schemes.items()}
    assert saved["last"] < saved["sparse"] < saved["bias"] < saved["full"]

    assert (tmp_path / "demo.png").stat().st_size > 10_000
    for name in schemes:
        for file in ("checkpoint.safetensors", "report.txt", "export"):
            assert (tmp_path / name / file).exists()


def test_without_torch(tmp_path: Path) -> None:
    figures = json.loads(run("-c", BARE, "demo", "--json", "--out", tmp_path))
    assert figures["accuracy_after"] > 0.9 > 0.3 > figures["accuracy_before"]
    assert 0 < figures["trained_parameters"] < sum(value.size for value in network.initial().values())
    assert figures["optimizer_bytes"] == 4 * figures["trained_parameters"]  # a momentum for each
    assert json.loads((tmp_path / "figures.json").read_text()) == figures

    step = compiled.load_step()
    data = digits.load(network.PIXELS, SEED)
    assert accuracy(step, data.held_out) == figures["accuracy_before"]
    step.load(tmp_path / "checkpoint.safetensors")
    assert accuracy(step, data.held_out) == figures["accuracy_after"]


def test_without_torch_it_says_how_to_get_the_whole_demo(tmp_path: Path) -> None:
    shown = run("-c", BARE, "demo", "--quick", "--out", tmp_path)
    assert "pip install 'pockmlir[torch]' --extra-index-url https://download.pytorch.org/whl/cpu" in shown


def test_the_picture_needs_matplotlib_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from pockmlir.demo import schemes

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert schemes.draw({}, tmp_path / "demo.png").endswith("pip install 'pockmlir[plot]'")
    assert not list(tmp_path.iterdir())


def test_the_shipped_step_is_what_its_program_makes() -> None:
    """All bits of its numbers; its code may be that of an older compiler."""
    shipped = compiled.load_step()
    made = network.compile_step(network.pretrain(), network.SCHEME, compiled.RATE)
    assert shipped.artifact.target.name == "x86-64-linux"
    for x, y in digits.load(network.PIXELS, SEED).user.batches(shipped.inputs[0].shape[0], 3, SEED):
        assert shipped(x, y) == made(x, y)
    expected = made.state_dict()
    assert shipped.state_dict().keys() == expected.keys()
    for name, value in shipped.state_dict().items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_the_shipped_step_reads_upright_digits() -> None:
    assert accuracy(compiled.load_step(), digits.load(network.PIXELS, SEED).factory) > 0.98


def test_an_older_processor_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_file, "missing_features", lambda used: [name for name in used if name == "avx2"])
    message = "digits.pock: compiled for a processor with avx2, which this one lacks; with PyTorch.*pip install"
    with pytest.raises(pock.TargetError, match=message):
        compiled.load_step()


def test_digits_are_those_of_scikit_learn() -> None:
    expected = pytest.importorskip("sklearn.datasets").load_digits()
    pictures, labels = digits.scans()
    np.testing.assert_array_equal(pictures, expected.images)
    np.testing.assert_array_equal(labels, expected.target)


@pytest.mark.parametrize("size", [8, 16, 20, 32])
def test_pictures_are_enlarged_as_pytorch_does(size: int) -> None:
    torch = pytest.importorskip("torch")
    pictures = digits.scans()[0][:50]
    given = torch.from_numpy((pictures / 8 - 1).astype(np.float32))[:, None]
    expected = torch.nn.functional.interpolate(given, (size, size), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(digits.enlarge(pictures, size), expected.numpy(), rtol=0, atol=0 if size != 20 else 1e-6)
