"""Choosing tiles by timing, with a clock that says what we like; and what comes of a tuning."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner
from pockmlir import cli
from pockmlir.api.tuning import Choice, Tuning
from pockmlir.tuning import kernel_run, tune
from torch import nn

pytest.importorskip("pockmlir._core")

MODEL = """
import torch
def net():
    return torch.nn.Sequential(torch.nn.Linear(32, 48), torch.nn.ReLU(), torch.nn.Linear(48, 3)), (torch.zeros(16, 32),)
"""


class Net(nn.Module):
    """Convolutions, plain and depthwise, with batch norm and dropout: in-place updates, masks, labels."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1, groups=16),
            nn.MaxPool2d(2),
        )
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.features(x).mean((2, 3))))


def compiled(tuning: Any = None, **options: Any) -> pock.Step:
    torch.manual_seed(0)
    optimizer = pock.SGD(lr=0.1, momentum=0.9)
    inputs = (torch.zeros(2, 3, 8, 8),)
    return pock.compile(
        Net(), inputs, loss="cross_entropy", optimizer=optimizer, scheme={"*": 1.0}, tuning=tuning, **options
    )


@pytest.fixture(scope="module")
def step() -> pock.Step:
    return compiled()


def second_wins(runs: Sequence[Any], clock: Callable[[], float], repeat: int, seconds: float) -> list[list[float]]:
    """Every kernel is twice as fast with its second candidate; all of them run once all the same."""
    for run in runs:
        run()
    return [[0.5 if run.function == "candidate_1" else 1.0] * repeat for run in runs]


@pytest.fixture
def fake_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_run, "time_in_turns", second_wins)


@pytest.fixture
def one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not about kernels is tested with one of them: that of most operations, whatever the clock says."""

    def largest(profile: pock.Profile) -> list[str]:
        return [max(profile.by_kernel(), key=lambda share: (share.flops, share.name)).name]

    monkeypatch.setattr(tune, "_longest", largest)


@pytest.fixture(scope="module")
def tuned() -> Tuning:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_run, "time_in_turns", second_wins)
        patch.setattr(tune, "_TILES", 2)
        return pock.tune(compiled(), seconds=600)


def spaces(step: pock.Step) -> dict[str, Any]:
    from pockmlir.core.extension import load_core

    space: dict[str, Any] = json.loads(load_core().tuning_space(step.ir("plan")))
    return space


def test_a_faster_tile_is_chosen(step: pock.Step, tuned: Tuning) -> None:
    space = spaces(step)
    (choices,) = tuned.targets.values()
    assert set(tuned.targets) == {space["target"]}
    tiles = {kernel["fingerprint"]: kernel["tiles"] for kernel in space["kernels"].values()}
    assert len(choices) > 3
    for fingerprint, choice in choices.items():
        assert list(choice.tile or ()) == tiles[fingerprint][1]
        assert choice.gain == 2
        assert choice.kernel in space["kernels"]


@pytest.mark.usefixtures("one_kernel")
def test_nothing_is_chosen_for_less_than_the_least_gain(step: pock.Step, monkeypatch: pytest.MonkeyPatch) -> None:
    def hardly(runs: Sequence[Any], clock: Any, repeat: int, seconds: float) -> list[list[float]]:
        return [[0.98 if run.function == "candidate_1" else 1.0] * repeat for run in runs]

    monkeypatch.setattr(kernel_run, "time_in_turns", hardly)
    assert pock.tune(step, seconds=600) == Tuning()


@pytest.mark.usefixtures("one_kernel")
@pytest.mark.slow
def test_real_times(step: pock.Step) -> None:
    for choices in pock.tune(step, threads=1).targets.values():
        assert all(choice.gain >= 1.03 for choice in choices.values())


def test_a_small_budget(step: pock.Step) -> None:
    told: list[tuple[int, int, str]] = []
    threads = pock.get_num_threads()
    pock.tune(step, seconds=1e-6, threads=1, on_kernel=lambda *call: told.append(call))
    assert told[0][0] == 0
    assert told[-1] == (told[0][1], told[0][1], "")
    assert pock.get_num_threads() == threads


@pytest.mark.usefixtures("fake_times", "one_kernel")
def test_wrong_results_are_never_chosen(step: pock.Step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune, "_agree", lambda results, expected: False)
    assert pock.tune(step, seconds=600) == Tuning()


def test_agreement_is_of_rounding() -> None:
    one = np.array([1.0, 1e-6, np.inf, np.nan], np.float32)
    assert tune._agree([one], [one * np.float32(1 + 1e-6)])
    assert not tune._agree([one], [one + np.float32(1e-2)])
    assert not tune._agree([np.array([1])], [np.array([2])])


def test_other_algorithms_are_tried_where_an_op_has_them() -> None:
    algorithms = {"pock.conv": ("winograd",)}
    text = "%0 = pock.conv %x, %w : … pock.relu %0"
    assert list(tune._choices("conv", {"tiles": [[6, 2], [4, 2]], "algorithms": []}, text, algorithms)) == [
        Choice("conv"),
        Choice("conv", tile=(4, 2)),
        Choice("conv", algorithm="winograd"),
    ]
    relu = {"tiles": [[6, 2]], "algorithms": []}
    assert list(tune._choices("relu", relu, "pock.relu", algorithms)) == [Choice("relu")]
    assert list(tune._choices("conv", {"tiles": [], "algorithms": []}, text, {})) == [Choice("conv")]
    assert list(tune._choices("sum", {"tiles": [], "algorithms": ["apart"]}, "pock.sum", algorithms)) == [
        Choice("sum"),
        Choice("sum", algorithm="apart"),
    ]


def train(step: pock.Step) -> tuple[list[float], dict[str, np.ndarray]]:
    generator = np.random.default_rng(0)
    losses = []
    for _ in range(5):
        x, y = generator.standard_normal((2, 3, 8, 8)).astype(np.float32), generator.integers(0, 4, 2)
        losses.append(step(x, y))
    return losses, step.state_dict()


def test_results_are_those_of_the_cost_model_within_rounding(tuned: Tuning) -> None:
    before, after = compiled(), compiled(tuned)
    (choices,) = tuned.targets.values()
    assert before.report().kernels["tuned"] == 0
    assert after.report().kernels["tuned"] == len(choices)
    assert f"{len(choices)} of {after.report().kernels['distinct']} kernels are tuned" in str(after.report())
    assert before.artifact.object_code != after.artifact.object_code
    losses, state = train(before)
    tuned_losses, tuned_state = train(after)
    assert tuned_losses == pytest.approx(losses, rel=1e-4)
    for name, values in state.items():
        np.testing.assert_allclose(tuned_state[name], values, rtol=1e-3, atol=1e-5)


def test_the_same_file_gives_the_same_library(tuned: Tuning, tmp_path: Path) -> None:
    path = tmp_path / "tuning.json"
    tuned.write(path)
    assert compiled(path).artifact.object_code == compiled(str(path)).artifact.object_code


@pytest.mark.usefixtures("fake_times", "one_kernel")
@pytest.mark.slow
def test_tuning_a_tuned_step_compares_with_the_cost_model(tuned: Tuning) -> None:
    again = pock.tune(compiled(tuned), seconds=600)
    assert again.targets
    assert again | tuned == tuned | again


def test_other_targets_and_unknown_kernels_are_ignored(step: pock.Step) -> None:
    other = Choice("k", 2.0, (1, 1))
    target = spaces(step)["target"]
    for tuning in (Tuning({"other-cpu": {"0" * 16: other}}), Tuning({target: {"0" * 16: other}})):
        assert compiled(tuning).artifact.object_code == step.artifact.object_code


def test_an_impossible_tile_is_ignored(step: pock.Step, tuned: Tuning) -> None:
    target, choices = next(iter(tuned.targets.items()))
    impossible = Tuning({target: {fingerprint: Choice(tile=(99, 99)) for fingerprint in choices}})
    assert compiled(impossible).artifact.object_code == step.artifact.object_code


def test_arguments_are_checked(step: pock.Step, tmp_path: Path) -> None:
    with pytest.raises(pock.ArgumentError, match="expected seconds > 0, but got 0"):
        pock.tune(step, seconds=0)
    with pytest.raises(pock.ArgumentError, match="expected an integer from 1 to 32"):
        pock.tune(step, threads=0)
    with pytest.raises(pock.ArgumentError, match="tuning: cannot read"):
        compiled(tmp_path / "gone.json")


@pytest.mark.usefixtures("fake_times", "one_kernel")
@pytest.mark.slow
def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    model, file = f"{tmp_path / 'model.py'}:net", tmp_path / "tuning.json"
    Tuning({"other-cpu": {"0" * 16: Choice("k", 2.0, (1, 1))}}).write(file)

    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli.pock, [*arguments], catch_exceptions=False).stdout

    # Enough seconds for a machine that does other things, too.
    found = Tuning.from_json(run("tune", model, "-o", str(file), "--seconds", "600", "--json"))
    assert len(found) > 0
    assert Tuning.read(file) == Tuning({"other-cpu": {"0" * 16: Choice("k", 2.0, (1, 1))}}) | found
    assert "2.00" in run("tune", model, "-o", str(file), "--seconds", "600")
    report = json.loads(run("inspect", model, "--tuning", str(file), "--json"))
    assert report["kernels"]["tuned"] == len(found)
