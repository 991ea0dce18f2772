"""The profile of a compiled step: one record per launch, and what it is printed and written as. No times."""

from __future__ import annotations

import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner
from pockmlir import cli
from pockmlir.report.profile import Profile, TimedLaunch
from rich.console import Console
from torch import nn

pytest.importorskip("pockmlir._core")

MODEL = """
import torch
def net():
    return torch.nn.Sequential(torch.nn.Linear(12, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)), (torch.zeros(7, 12),)
"""


class Net(nn.Module):
    """A convolution with batch norm, and dropout: what has state beside parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.dropout(self.features(x).mean((2, 3))))


@pytest.fixture(scope="module")
def step() -> pock.Step:
    torch.manual_seed(0)
    optimizer = pock.SGD(lr=0.1, momentum=0.9)
    return pock.compile(
        Net(), (torch.zeros(2, 3, 6, 6),), loss="cross_entropy", optimizer=optimizer, scheme=pock.Scheme.full()
    )


@pytest.fixture(scope="module")
def batch() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.standard_normal((2, 3, 6, 6)).astype(np.float32), np.array([1, 3])


@pytest.fixture(scope="module")
def profile(step: pock.Step, batch: tuple[np.ndarray, np.ndarray]) -> Profile:
    return step.profile(*batch, runs=3, warmup=1)


def text_of(profile: Profile) -> str:
    text = io.StringIO()
    Console(file=text, width=200).print(profile)
    return text.getvalue()


def test_one_record_per_launch(step: pock.Step, profile: Profile) -> None:
    launches = profile.launches
    assert len(launches) == step.report().kernels["launches"]
    assert [launch.index for launch in launches] == list(range(len(launches)))
    assert (profile.function, profile.runs) == ("step", 3)
    for launch, (label, _) in zip(launches, step.memory.timeline, strict=True):
        assert label.endswith(f" {launch.kernel}")
        assert launch.seconds >= 0


def test_layers_and_phases(profile: Profile) -> None:
    phases = [launch.phase for launch in profile.launches]
    assert set(phases) == {"forward", "backward", "update"}
    assert phases[: phases.index("backward")] == ["forward"] * phases.index("backward")
    assert {"features.0", "head", "(loss)"} <= {launch.layer for launch in profile.launches}
    # A parameter's update belongs to the module that has the parameter.
    updated = {layer for launch in profile.launches if launch.phase == "update" for layer in launch.layers}
    assert {"features.0", "features.1", "head"} <= updated
    assert not any(layer.endswith((".weight", ".bias")) for layer in updated)


def test_a_step_is_left_as_it_is(step: pock.Step, batch: tuple[np.ndarray, np.ndarray]) -> None:
    model, optimizer = step.state_dict(), step.optimizer_state_dict()
    step.profile(*batch, runs=2, warmup=0)
    for before, after in ((model, step.state_dict()), (optimizer, step.optimizer_state_dict())):
        assert before.keys() == after.keys()
        assert all(np.array_equal(value, after[name]) for name, value in before.items())


def test_operations_and_bytes_of_a_linear_layer() -> None:
    model = nn.Linear(12, 5, bias=False)
    linear = pock.compile(model, (torch.zeros(7, 12),), loss="mse", optimizer=pock.SGD(lr=0.1), scheme={"*": 1.0})
    (launch,) = linear.profile(np.ones((7, 12), np.float32), predict=True, runs=1).launches
    assert launch.phase == "forward"
    assert launch.flops == 2 * 7 * 12 * 5
    assert launch.bytes == 4 * (7 * 12 + 12 * 5 + 7 * 5)


def test_predict(step: pock.Step, batch: tuple[np.ndarray, np.ndarray]) -> None:
    profile = step.profile(batch[0], predict=True, runs=1, warmup=0)
    assert {launch.phase for launch in profile.launches} == {"forward"}
    assert profile.function == "predict"


def test_sums_are_those_of_the_launches(profile: Profile) -> None:
    for shares in (profile.by_kernel(), profile.by_layer(), profile.by_phase()):
        for what in ("seconds", "flops", "bytes"):
            total = sum(getattr(launch, what) for launch in profile.launches)
            assert sum(getattr(share, what) for share in shares) == pytest.approx(total)
        assert sum(share.launches for share in shares) == len(profile.launches)
        assert sum(share.share for share in shares) == pytest.approx(1)
        assert [share.seconds for share in shares] == sorted((share.seconds for share in shares), reverse=True)


def test_tables_name_layers_and_kernels(profile: Profile) -> None:
    text = text_of(profile)
    for part in ("as a whole", "features.0", "(loss)", "head", "GFLOP/s", "GB/s", "share", "backward", "update"):
        assert part in text
    assert profile.by_kernel()[0].name in text
    assert "features.0" in str(profile)


def test_a_clock_that_has_not_moved() -> None:
    launch = TimedLaunch(0, "k", "fc", ("fc", "relu"), "forward", 10, 20, seconds=0.0)
    text = text_of(Profile("net", "step", 1, 0.0, 0.0, (launch,)))
    assert "fc (+1)" in text
    assert " - " in text


def test_plain_data(profile: Profile) -> None:
    data = json.loads(json.dumps(profile.to_dict()))
    assert data["launches"][0]["kernel"] == profile.launches[0].kernel
    assert data["by_layer"][0]["name"] == profile.by_layer()[0].name


def test_trace(profile: Profile, tmp_path: Path) -> None:
    profile.write_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = {event["args"]["name"] for event in events if event["ph"] == "M"}
    assert names == {f"{profile.name}_step", "phase", "layer", "kernel"}
    complete = [event for event in events if event["ph"] == "X"]
    for event in complete:
        assert event["dur"] >= 0
        assert event["name"]
    kernels = [event for event in complete if event["tid"] == 2]
    assert [event["name"] for event in kernels] == [launch.kernel for launch in profile.launches]
    for before, after in pairwise(kernels):
        assert after["ts"] == pytest.approx(before["ts"] + before["dur"], abs=2e-3)


def test_progress_is_told(step: pock.Step, batch: tuple[np.ndarray, np.ndarray]) -> None:
    calls: list[tuple[int, int]] = []
    step.profile(*batch, runs=2, warmup=1, on_run=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_arguments_are_checked(step: pock.Step, batch: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(pock.ArgumentError, match="expected runs >= 1"):
        step.profile(*batch, runs=0)
    with pytest.raises(pock.ArgumentError, match="expected x: float32"):
        step.profile(batch[0][:1], batch[1])
    with pytest.raises(pock.ArgumentError, match="target: expected indices"):
        step.profile(batch[0], np.array([1, 4]))


def test_command_line(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    arguments = ["inspect", f"{tmp_path / 'model.py'}:net", "--profile", "--runs", "2"]
    text = CliRunner().invoke(cli.pock, arguments, catch_exceptions=False).stdout
    assert "longest of " in text
    trace = ["--json", "--trace", str(tmp_path / "trace.json")]
    data = json.loads(CliRunner().invoke(cli.pock, arguments + trace, catch_exceptions=False).stdout)
    assert data["runs"] == 2
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert sum(event["ph"] == "X" and event["tid"] == 2 for event in events) == len(data["launches"])


def test_what_belongs_to_no_layer() -> None:
    """Adam counts steps once for all parameters."""
    model = nn.Sequential(nn.Linear(3, 2))
    adam = pock.compile(model, (torch.zeros(4, 3),), loss="mse", optimizer=pock.Adam(lr=0.1), scheme={"*": 1.0})
    profile = adam.profile(np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32), runs=1, warmup=0)
    assert {launch.layer for launch in profile.launches} == {"0", "(loss)", "(model)"}


def test_every_kind_of_step() -> None:
    """Several rates, two outputs, accumulation: the call that updates is profiled."""
    optimizer = pock.SGD(lr=0.1, groups=[{"params": ["*bias"], "lr": 0.2}])
    step = pock.compile(
        nn.Sequential(nn.Linear(3, 2)),
        (torch.zeros(4, 3),),
        loss="mse",
        optimizer=optimizer,
        scheme={"*": 1.0},
        accumulate=2,
        clip_grad_norm=1.0,
    )
    profile = step.profile(np.zeros((4, 3), np.float32), np.zeros((4, 2), np.float32), runs=1, warmup=0)
    assert len(profile.launches) == step.report().kernels["launches"]
    assert step.micro_step == 0
