"""`bench/memory.py` measures what it says: PyTorch's peak is that counted by hand, ours what the manifest plans."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import memory
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner
from memory_rows import ours
from memory_rows.apart import apart
from memory_rows.live import LiveBytes, allocated
from memory_rows.report import Line, markdown
from memory_rows.variants import VARIANTS
from peers.process import BENCH, Failure
from peers.rows import MODELS, ROWS, find
from peers.task import Task
from torch import nn

pytestmark = pytest.mark.usefixtures("one_thread")

KIB = 1024
#: What the library takes beside the plan: pages that it writes when it is linked, and Python's objects for the calls.
ANONYMOUS_SLACK = 96 * KIB
#: And pages of its code, of libm's and of libgomp's.
CODE_SLACK = 2048 * KIB


class Mlp:
    """A step of two layers without biases, batch 8, widths 32, 64 and 4; the loss is a sum of squares."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(32, 64, bias=False), nn.ReLU(), nn.Linear(64, 4, bias=False))
        self.x = torch.randn(8, 32)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

    def step(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.model(self.x).square().sum().backward()
        self.optimizer.step()


def test_live_bytes_of_two_layers_are_those_counted_by_hand() -> None:
    mlp = Mlp()
    with LiveBytes([*mlp.model.parameters(), mlp.x]) as tensors:
        mlp.step()
    # The peak is when the last gradient, the first weight's, is there: with it live the other weight's, that of the
    # hidden layer before its ReLU, the loss, and the loss's gradient, which is one.
    weights, hidden, scalars = 4 * (64 * 32 + 4 * 64), 4 * (8 * 64), 4 + 4
    assert tensors.peak == weights + hidden + scalars
    assert tensors.live == weights
    # The allocator, which is asked otherwise, says the same: no operator here takes anything for itself.
    mlp.optimizer.zero_grad(set_to_none=True)
    assert allocated(mlp.step) == tensors.peak


def test_live_bytes_count_views_once_and_known_tensors_not_at_all() -> None:
    known = torch.zeros(16)
    with LiveBytes([known]) as tensors:
        made = known + 1
        views = [made[:4], made.view(4, 4), known.view(4, 4).add_(1)]
        assert tensors.live == 4 * 16
        del made, views
        assert tensors.live == 0
    assert tensors.peak == 4 * 16


def test_resident_memory_is_what_the_manifest_plans(tmp_path: Path) -> None:
    pytest.importorskip("pockmlir._core")
    (line,) = memory.measured("tiny-cnn", 1, ["full"], tmp_path, steps=3, timeout=250)
    assert not line.remarks
    manifest = json.loads((tmp_path / "full" / "manifest.json").read_text())
    segments, planned = manifest["segments"], manifest["memory"]
    total = sum(segments.values())
    assert {name: line.ours[name] for name in segments} == segments
    for name in ("lower_bound", "saved", "gradients", "workspace", "parameters", "optimizer_state"):
        assert line.ours[name] == planned[name]
    assert line.ours["total"] == total
    # Every byte of state is loaded, and at its peak the step writes as many of the arena as are live.
    least = segments["constants"] + segments["state"] + planned["lower_bound"]
    assert least <= line.ours["anonymous"] <= total + ANONYMOUS_SLACK
    assert line.ours["anonymous"] <= line.ours["resident"] <= total + ANONYMOUS_SLACK + CODE_SLACK
    # It was a training step: the losses are PyTorch's, and fall.
    assert line.agrees
    assert line.ours["losses"][0] > line.ours["losses"][3]

    assert line.to_bound == segments["arena"] / planned["lower_bound"]
    assert line.to_eager == segments["arena"] / line.eager["live"]
    assert line.eager["live"] <= line.eager["allocated"]
    # Blocks this small may come from what the heap had left.
    assert 0.5 * line.eager["live"] <= line.eager["resident_step"] <= line.eager["resident"]
    # Gradients of all parameters live at its end.
    assert line.eager["live"] > planned["parameters"]


def test_resident_memory_is_measured_without_frameworks() -> None:
    code = "import sys, memory_rows.resident; print({'torch', 'numpy', 'pockmlir'} & set(sys.modules) or 'none')"
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCH, capture_output=True, text=True, check=True)
    assert done.stdout == "none\n"


class TooSmall(pock.PockError):
    smallest = 4096


def test_a_limit_that_nothing_keeps_to_becomes_the_smallest(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def compiled(task: Task, **options: Any) -> str:
        asked.append(options)
        if options.get("memory_limit", 4096) < 4096:
            raise TooSmall("no step fits 1024 bytes")
        if "memory" in options:
            raise pock.PockError("something else")
        return "step"

    monkeypatch.setattr(ours, "compiled", compiled)
    task = Task("tiny-cnn", "full", 1, Path())
    assert ours.fitted(task, {"memory_limit": 1024}) == "step"
    assert asked == [{"memory_limit": 1024}, {"memory_limit": 4096}]
    with pytest.raises(pock.PockError, match="something else"):
        ours.fitted(task, {"memory": pock.MemoryOptions(reorder=False)})
    assert ours.missing({"loss": "mse", "no_such_argument": 1}) == "no_such_argument"
    assert ours.missing({"loss": "mse"}) == ""


def test_rows_exist_at_every_batch() -> None:
    for name in ROWS:
        assert find(name) is ROWS[name]
    for model in MODELS:
        for batch in memory.BATCHES:
            assert {data.shape[0] for data in find(f"{model}-b{batch}").case().inputs} == {batch}
    for name in ("mcunet-128", "mcunet-128-bx", "nothing-b1"):
        with pytest.raises(KeyError, match=name):
            find(name)


def _apart(module: str, *arguments: Any, timeout: float) -> dict[str, Any]:
    """Figures of a machine on which full takes 600, sparse 100, and PyTorch 1200; recomputation does not exist."""
    if module == "eager":
        return {"live": 1200 * KIB, "allocated": 1, "resident_step": 2, "resident": 3, "losses": [3.0, 2.0, 1.0]}
    if module == "resident":
        return {"resident": 9, "anonymous": 8, "losses": [3.0, 2.0, 1.0 if "sparse" in str(arguments[0]) else 1.1]}
    _, variant, _ = arguments
    if variant == "full-recompute":
        return {"missing": "memory_limit"}
    if variant == "full-unordered":
        raise Failure("ours takes too long")
    arena = (600 if variant == "full" else 100) * KIB
    return dict.fromkeys(("parameters", "optimizer_state", "total"), 0) | {"arena": arena, "lower_bound": arena}


def test_ratios_and_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "apart", _apart)
    lines = {line.variant: line for line in memory.measured("tiny-cnn", 4, [*VARIANTS], tmp_path, 3, 1.0)}
    assert [*lines] == [*VARIANTS]
    assert (lines["full"].to_eager, lines["sparse"].full_to_sparse) == (0.5, 6.0)
    assert math.isnan(lines["full"].full_to_sparse)
    assert (lines["full"].agrees, lines["sparse"].agrees, lines["full-recompute"].agrees) == (False, True, None)
    assert lines["full-recompute"].to_dict()["to_bound"] is None
    text = markdown([*lines.values()])
    assert "| tiny-cnn | 4 | full≠ | 600.0 | 600.0 |" in text
    assert "* tiny-cnn-b4, full-recompute: pockmlir.compile has no argument memory_limit" in text
    assert "* tiny-cnn-b4, full-unordered: ours takes too long" in text


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(Failure, match="eager ends with status 1: KeyError: 'unknown-b1'"):
        apart("eager", "unknown-b1", "full", 3, timeout=100)
    with pytest.raises(Failure, match="eager takes too long"):
        apart("eager", "tiny-cnn-b1", "full", 3, timeout=0.05)


def test_command_lists_models_and_refuses_others() -> None:
    listed = CliRunner().invoke(memory.main, ["--list"])
    assert listed.exit_code == 0
    assert listed.output.split() == [*MODELS, *VARIANTS]
    refused = CliRunner().invoke(memory.main, ["--row", "nope"])
    assert refused.exit_code == 2
    assert "mcunet-128" in refused.output


def test_lines_without_figures_have_no_ratios() -> None:
    line = Line("tiny-cnn", 1, "sparse")
    assert line.agrees is None
    assert all(math.isnan(value) for value in (line.arena, line.to_bound, line.to_eager, line.full_to_sparse))
