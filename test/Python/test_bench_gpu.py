"""`bench/gpu.py` writes a folder that `bench/gpu_run.py` times; the second knows nothing of `pockmlir`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pockmlir._core")

import gpu
import gpu_run
from click import ClickException
from click.testing import CliRunner
from gpu_rows.folder import Folder, FolderError
from gpu_rows.torch_step import TorchStep
from gpu_run import Contest
from pockmlir.runtime import vulkan
from vulkan_cases import devices, needs_device

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of one tiny model, and what its build printed."""
    folder = tmp_path_factory.mktemp("gpu") / "rows"
    command = ["build", "--tiny", "--row", "ds-cnn", "--batch", "1", "--output", str(folder)]
    done = CliRunner().invoke(gpu.main, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder, done.output


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@needs_device
def test_steps_take_turns_on_the_device(
    built: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.jsonl"
    only = ["--row", "ds-cnn-b1-f32", "--row", "ds-cnn-b1-f16"]
    gpu_run.main([str(built[0]), "--results", str(results), "--seconds", "0.2", "--peak-gbs", "10", "--json", *only])

    found = json.loads(capsys.readouterr().out)
    assert found == lines_of(results)
    row, *kernels = found[: len(found) // 2]
    half = found[len(found) // 2]
    assert (half["kind"], half["dtype"], half["peer"]) == ("row", "f16", "f16")
    assert half["ratio"] == pytest.approx(half["ours_ms"] / half["f16_ms"])
    assert (row["kind"], row["row"], row["batch"], row["dtype"]) == ("row", "ds-cnn", 1, "f32")
    assert min(row[key] for key in ("ours_ms", "eager_ms", "f16_ms", "kernels_ms", "flops", "bytes")) > 0
    assert row["ratio"] == pytest.approx(row["ours_ms"] / row["eager_ms"])
    assert row["peak_gbs"] == pytest.approx(10)
    assert row["peer_device"]
    assert row["vulkan_device"] in vulkan.list_devices()
    assert "f16" not in row["failures"]
    if row["peer_device"] == "cpu":
        assert row["tf32_ms"] is None
        assert row["failures"] == {"tf32": "CPUs have no TF32"}

    assert len(kernels) == 10
    times = [kernel["ms"] for kernel in kernels]
    assert times == sorted(times, reverse=True)
    assert sum(times) <= row["kernels_ms"]
    for kernel in kernels:
        assert kernel["kind"] == "kernel"
        assert min(kernel[key] for key in ("ms", "gbs", "share_of_peak")) > 0
        assert kernel["share_of_peak"] >= kernel["gbs"] / 10 * 0.999


def test_the_folder_has_no_parameters_and_a_limit(built: tuple[Path, str]) -> None:
    folder, printed = built
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
    assert f"{size:.1f} MiB, of 50 that it may have" in printed
    with pytest.raises(ClickException, match=f"has {size:.1f} MiB; expected at most 0.1"):
        gpu.checked_size(folder, 0.1)


def test_numbers_are_finite_and_the_same_every_time(built: tuple[Path, str]) -> None:
    row, half = Folder.read(built[0]).rows
    assert (row.name, half.name) == ("ds-cnn-b1-f32", "ds-cnn-b1-f16")
    assert sum(part["count"] for part in row.data["state"]) == sum(part["count"] for part in half.data["state"])
    x, target, lr = row.inputs()
    assert (x.dtype, target.dtype, lr.dtype) == (np.float32, np.int64, np.float32)
    assert 0 <= target.min() <= target.max() < 12
    assert 0 < lr < 1e-3
    state = row.state()
    np.testing.assert_array_equal(state, row.state())
    assert np.isfinite(state.view(np.float32)).all()
    assert 0 < TorchStep(row, "cpu")() < 100


@needs_device
def test_results_are_written_after_every_row(built: tuple[Path, str], tmp_path: Path) -> None:
    # The program ends at the last row, whose entry is damaged.
    folder = tmp_path / "rows"
    shutil.copytree(built[0], folder)
    index = json.loads((folder / "index.json").read_text())
    damaged = {key: value for key, value in index["rows"][0].items() if key != "launches"}
    (folder / "index.json").write_text(json.dumps({**index, "rows": [*index["rows"], damaged]}))
    results = tmp_path / "results.jsonl"
    command = [str(folder), "--results", str(results), "--seconds", "0.1", "--peak-tflops", "1", "--peak-gbs", "1"]
    with pytest.raises(KeyError, match="launches"):
        gpu_run.main(command)
    assert lines_of(results)[0]["eager_ms"] > 0


def test_a_step_that_fails_is_a_reason() -> None:
    def refuse() -> float:
        raise MemoryError("no\nmemory")

    contest = Contest()
    contest.add("eager", lambda: lambda: 1.0)
    contest.add("jax", refuse)
    contest.add("compile", lambda: lambda: float("nan"))
    contest.run(0.01)
    assert contest.failures == {"jax": "MemoryError: no memory", "compile": "ArithmeticError: the loss is nan"}
    assert contest.best("eager") is not None
    assert contest.best("jax") is None


def test_a_wrong_folder_is_an_error(built: tuple[Path, str], tmp_path: Path) -> None:
    # A machine with a GPU has no pockmlir.
    program = "import sys; sys.modules['pockmlir'] = None; import gpu_run; gpu_run.main()"
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=BENCH, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}: expected a folder of 'bench/gpu.py build'")
    (tmp_path / "index.json").write_text((built[0] / "index.json").read_text())
    with pytest.raises(FolderError, match=r"libpock-vulkan.so.*step\.spv.* missing"):
        Folder.read(tmp_path)


def test_an_unknown_row_is_an_error(built: tuple[Path, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(gpu.main, ["build", "--row", "vgg", "--output", str(tmp_path)])
    assert done.exit_code == 2
    assert "expected a glob over ds-cnn, mcunet-128, mobilenetv2-1.0-224, distilbert-128, but got vgg" in done.output
    if devices():
        with pytest.raises(SystemExit, match="expected one of ds-cnn-b1-f32, ds-cnn-b1-f16, but got vgg"):
            gpu_run.main([str(built[0]), "--row", "vgg"])
