"""`bench/train.py` compares, and notices what must not be compared; its interpreter computes what the model does."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peers.contest import Budget, Cell, contest
from peers.graph import Graph
from peers.process import PEERS, Failure, Peer, Process
from peers.report import TABLES, Line, best, markdown, mean_ratio, ratio
from peers.rows import ROWS, TINY
from peers.task import Task
from peers.torch_backend import Torch

TRAIN = Path(__file__).parents[2] / "bench" / "train.py"
STEP = TABLES["training step, ms"]


class ChannelsLast(Torch):
    """PyTorch's functions on images [batch, rows, columns, channels], as TensorFlow has them."""

    channels_last = True

    def conv(self, x: Any, weight: Any, *rest: Any) -> Any:
        return super().conv(x.permute(0, 3, 1, 2), weight.permute(3, 2, 0, 1), *rest).permute(0, 2, 3, 1)

    def max_pool(self, x: Any, *rest: Any) -> Any:
        return super().max_pool(x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the graphs of the tiny rows."""
    from peers.graph_export import export

    place = tmp_path_factory.mktemp("graphs")
    for name, row in TINY.items():
        (place / name).mkdir()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export(row.case(), place / name)
    return place


@pytest.mark.parametrize("backend", [Torch(), ChannelsLast()], ids=["first", "last"])
@pytest.mark.parametrize("row", TINY)
def test_interpreter_computes_what_the_model_does(exported: Path, row: str, backend: Torch) -> None:
    case = TINY[row].case()
    inputs, target = case.batch(0)
    with torch.no_grad():
        output = case.model()(*inputs)
    logits = output if isinstance(output, torch.Tensor) else output.logits.flatten(0, 1)
    graph = Graph(exported / row)
    parameters = {name: torch.from_numpy(value) for name, value in graph.stored(backend).items()}
    batch = [torch.from_numpy(value) for value in graph.data]

    torch.testing.assert_close(graph.run(backend, "logits", parameters, batch[:-1]), logits, rtol=1e-4, atol=1e-5)
    loss = graph.run(backend, "loss", parameters, batch)
    expected = torch.nn.functional.cross_entropy(logits, target.flatten())
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)


def test_schemes_train_whole_tensors(exported: Path) -> None:
    for name in TINY:
        full, sparse = (Task(name, scheme, 1, exported / name).trained for scheme in ("full", "sparse"))
        assert set(sparse) < set(full)
        assert sorted(full) == sorted(Graph(exported / name).parameters)
    for row in ROWS.values():
        assert set(row.case().sparse.values()) == {1.0}


def test_driver_compares_with_eager(tmp_path: Path) -> None:
    pytest.importorskip("pockmlir._core")
    found, page = tmp_path / "found.json", tmp_path / "found.md"
    command = [sys.executable, TRAIN, "--tiny", "--row", "tiny-cnn", "--peer", "ours", "--peer", "eager", "--forward"]
    command += ["--scheme", "sparse", "--threads", "1", "--steps", "3", "--seconds", "0.05"]
    command += ["--json", found, "--markdown", page]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr

    (line,) = json.loads(found.read_text())["lines"]
    assert (line["row"], line["scheme"], line["threads"], line["best"]) == ("tiny-cnn", "sparse", 1, "eager")
    for figures in line["peers"].values():
        assert not figures["fails"]
        assert figures["agrees"]
        assert figures["losses"][0] > figures["losses"][2]
        assert figures["peak"] >= figures["training_peak"] > 1 << 20
        assert figures["times"]["count"] >= 3
    ours, eager = (line["peers"][name]["times"]["median"] for name in ("ours", "eager"))
    assert line["ratio"] == pytest.approx(ours / eager)
    assert "ours / best" in done.stdout
    assert "| tiny-cnn | sparse | 1 |" in page.read_text()


def test_a_peer_that_fails_is_a_cell(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first is not installed; the second takes its row's name to the worker, which does not know it.
    monkeypatch.setattr("peers.process.PEERS", PEERS | {"jax": Peer("JAX", "nowhere")})
    task = Task("unknown", "full", 1, exported / "tiny-cnn")
    cells = contest(task, ["eager", "jax"], Budget(3, 0.01), tmp_path, lambda _: None)
    assert "make peers" in cells["jax"].fails
    assert cells["eager"].fails == "build ends with status 1: KeyError: 'unknown'"
    assert math.isnan(cells["eager"].step)
    text = markdown([Line("row", "full", 1, cells)], ["eager", "jax"], [*TABLES])
    assert "| row | full | 1 | fails | fails |" in text
    assert "PyTorch, row, full, 1 thread(s) fails: build ends with status 1: KeyError: 'unknown'" in text


def test_a_peer_that_takes_too_long_is_ended(exported: Path, tmp_path: Path) -> None:
    process = Process("eager", Task("tiny-cnn", "full", 1, exported / "tiny-cnn"), tmp_path / "log")
    with pytest.raises(Failure, match="build takes too long"):
        process.ask("build", 0.1)
    assert process.child.returncode is not None


def test_a_peer_that_takes_too_much_memory_is_ended(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peers.process.LIMIT", 1 << 20)
    process = Process("eager", Task("tiny-cnn", "full", 1, exported / "tiny-cnn"), tmp_path / "log")
    with pytest.raises(Failure, match="build takes too much memory"):
        process.ask("build", 60)


def _cell(step: float, **more: Any) -> Cell:
    return Cell(times=[step], **more)


def test_best_peer_does_the_same_work() -> None:
    cells = {
        "ours": _cell(2.0, agrees=True),
        "eager": _cell(8.0, agrees=True),
        "tensorflow": _cell(4.0, agrees=True),
        "jax": _cell(1.0, agrees=False),
        "aot_inductor": _cell(1.0, whole=False),
        "iree": Cell(fails="no"),
    }
    line = Line("row", "full", 1, cells)
    assert best(line, STEP) == "tensorflow"
    assert ratio(line, STEP) == 0.5
    other = Line("other", "full", 1, {"ours": _cell(8.0), "eager": _cell(1.0)})
    assert mean_ratio([line, other], STEP) == pytest.approx(2.0)
    text = markdown([line], [*cells], [*TABLES])
    assert "1,000≠" in text
    assert "1,000†" in text


@pytest.mark.slow
@pytest.mark.parametrize("row", TINY)
@pytest.mark.parametrize("name", [name for name in PEERS if name not in ("ours", "eager")])
def test_peer_trains_as_eager(exported: Path, tmp_path: Path, name: str, row: str) -> None:
    if not PEERS[name].python.exists():
        pytest.skip(f"{PEERS[name].title} is not installed: make peers")
    if name == "executorch":
        pytest.skip("its kernels lack what these rows need")
    if (name, row) == ("aot_inductor", "tiny-llama"):
        pytest.skip("the joint graph of PyTorch does not take parameters that are shared")
    for scheme in ("full", "sparse"):
        task = Task(row, scheme, 1, exported / row)
        cells = contest(task, ["eager", name], Budget(3, 0.01), tmp_path, lambda _: None)
        assert not cells[name].fails
        assert cells[name].agrees
        assert np.isfinite(cells[name].step)
