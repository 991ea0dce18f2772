"""Training runs on emulated devices: one hash of all parameters everywhere, and PyTorch's numbers."""

import json
import re
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from device_models import CASES, Case
from pockmlir.loop.batches import batch_indices
from spotter import digits, pretrained, user_digits
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 50
TARGETS = ("aarch64-linux", "cortex-m4", "cortex-m7", "cortex-m55")
#: Further targets → training steps in tests: where every operation on floats is a call, fewer.
FURTHER = {
    **dict.fromkeys(("cortex-m33", "cortex-m85", "riscv32imfc"), STEPS),
    **dict.fromkeys(("cortex-m0plus", "cortex-m3", "riscv32imc"), 2),
}
#: Instructions per step, and the versions of what they depend on. `device_counts.py` writes it.
GOLDEN = Path(__file__).parent / "device_counts.json"


def compiled(case: Case, target: str, **options) -> pock.Step:
    return pock.compile(
        case.model(),
        (case.example,),
        loss="cross_entropy",
        optimizer=case.optimizer,
        scheme=case.scheme,
        name="net",
        target=target,
        arithmetic="portable",
        **options,
    )


@cache
def data_of(name: str) -> dict[str, np.ndarray]:
    # A few predictions are enough to compare them.
    return digits(CASES[name].size, CASES[name].channels, test=20)


def tools_of(runs: dict[str, pock.Run]) -> dict[str, str]:
    """Versions of all that instruction counts depend on."""
    return {program: version for run in runs.values() for program, version in run.tools.items()}


def train_with_torch(case: Case, step: pock.Step, data: dict[str, np.ndarray]) -> tuple[torch.nn.Module, list[float]]:
    """The same run by PyTorch, of all that the scheme trains wholly."""
    model, losses = case.model(), []
    trained = {entry.name for entry in step.report().parameters if entry.trains == "all"}
    parameters = [parameter for name, parameter in model.named_parameters() if name in trained]
    settings = case.optimizer.settings()
    optimizer = getattr(torch.optim, type(case.optimizer).__name__)(parameters, **settings)
    indices = batch_indices(len(data["x"]), case.batch, 0)
    for _ in range(STEPS):
        chosen = next(indices)
        loss = functional.cross_entropy(model(torch.from_numpy(data["x"][chosen])), torch.from_numpy(data["y"][chosen]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name == "mobilenet_v2" else ()) for name in CASES]
)
def test_one_hash_everywhere(name):
    case, data = CASES[name], data_of(name)
    host = compiled(case, "host")
    expected = pock.run(host, data, steps=STEPS)
    runs = {target: pock.run(compiled(case, target), data, steps=STEPS) for target in TARGETS}
    assert {target: run.state_hash for target, run in runs.items()} == dict.fromkeys(TARGETS, expected.state_hash)
    for run in runs.values():
        assert run.losses == expected.losses
        assert run.accuracy == expected.accuracy
        assert not run.denormals_flushed
        assert run.uncounted or len(run.instructions) == STEPS

    model, losses = train_with_torch(case, host, data)
    np.testing.assert_allclose(expected.losses, losses, rtol=2e-3, atol=2e-4)
    for key, value in model.state_dict().items():
        scale = max(float(value.abs().max()), 1e-3)
        np.testing.assert_allclose(host.state_dict()[key], value.numpy(), rtol=0, atol=2e-3 * scale, err_msg=key)

    assert_counts_are_golden(name, runs)


@cache
def host_run(name: str, steps: int) -> pock.Run:
    return pock.run(compiled(CASES[name], "host"), data_of(name), steps=steps)


@pytest.mark.parametrize("target", FURTHER)
@pytest.mark.parametrize(
    "name", ["mlp", *(pytest.param(name, marks=pytest.mark.slow) for name in CASES if name != "mlp")]
)
def test_further_targets_have_it_too(name, target):
    steps = FURTHER[target]
    expected = host_run(name, steps)
    step = compiled(CASES[name], target)
    run = pock.run(step, data_of(name), steps=steps)
    assert run.state_hash == expected.state_hash
    assert run.losses == expected.losses
    assert run.accuracy == expected.accuracy
    assert not run.denormals_flushed
    # The deepest path of calls, functions for floats included, and the frame of the caller.
    assert step.footprint.stack <= run.stack_bytes <= step.footprint.stack + 128
    assert_counts_are_golden(name, {target: run})


def assert_counts_are_golden(name: str, runs: dict[str, pock.Run]) -> None:
    if uncounted := next((run.uncounted for run in runs.values() if run.uncounted), None):
        pytest.skip(f"hashes agree, but instructions are not counted: {uncounted}")
    golden = json.loads(GOLDEN.read_text())
    if not tools_of(runs).items() <= golden["tools"].items():
        pytest.skip(f"hashes agree, but instructions were counted with other tools: {golden['tools']}")
    if missing := sorted(runs.keys() - golden["instructions"][name].keys()):
        pytest.skip(f"hashes agree, but device_counts.py has not counted {', '.join(missing)}")
    counts = {target: sum(run.instructions) for target, run in runs.items()}
    assert counts == {target: golden["instructions"][name][target] for target in runs}, (
        "if that is meant, write the file again: test/Python/device_counts.py"
    )


def linear(target: str | pock.Target) -> pock.Step:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    options = {"loss": "cross_entropy", "optimizer": pock.SGD(lr=0.1, momentum=0.9), "scheme": pock.Scheme.full()}
    return pock.compile(model, (torch.zeros(4, 1, 8, 8),), name="net", target=target, arithmetic="portable", **options)


def test_a_cortex_m0_runs_code_for_the_m0plus():
    """The M3 that emulates it elsewhere has instructions that it lacks; this board has 16 KB of RAM."""
    board = replace(pock.Target.named("cortex-m0plus"), name="microbit", runner="microbit")
    run = pock.run(linear(board), data_of("mlp"), steps=5)
    assert run.state_hash == pock.run(linear("host"), data_of("mlp"), steps=5).state_hash


class TestDenormals:
    """Inputs so small that gradients and momentum are denormal numbers."""

    @pytest.fixture
    def data(self):
        return {"x": data_of("mlp")["x"] * np.float32(1e-38), "y": data_of("mlp")["y"]}

    @pytest.fixture
    def expected(self, data) -> str:
        step = linear("host")
        found = pock.run(step, data, steps=3).state_hash
        momentum = np.abs(step.optimizer_state_dict()["1.weight.momentum_buffer"])
        assert ((momentum > 0) & (momentum < np.finfo(np.float32).tiny)).mean() > 0.5
        return found

    @pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m4", "cortex-m55 without vectors", "riscv32imfc"])
    def test_are_kept(self, data, expected, target):
        row = pock.Target.named(target.split()[0])
        if "without" in target:
            row = replace(row, vector_bytes=0)
        run = pock.run(linear(row), data, steps=3)
        assert run.state_hash == expected
        # Results on the scalars of an M55 set the flag as well: it may warn in vain, but is never silent.
        assert run.denormals_flushed in ((True,) if row.cpu == "cortex-m55" else (None,))

    def test_are_zeros_in_helium_which_says_so(self, data, expected):
        run = pock.run(linear("cortex-m55"), data, steps=3)
        assert run.denormals_flushed
        assert run.state_hash != expected
        assert "taken for zeros" in str(run)


class TestDsCnn:
    """The keyword spotter trains, all of it, in 256 KB of RAM and 1 MB of flash."""

    @pytest.fixture(scope="class")
    def data(self):
        return digits()

    def compiled(self, data, **options) -> pock.Step:
        model = pretrained(data)
        optimizer, scheme = pock.SGD(lr=0.02), pock.Scheme.full()
        options = {"target": "cortex-m7", "flash": "1M"} | options
        return pock.compile(
            model, (torch.zeros(2, 1, 8, 8),), loss="cross_entropy", optimizer=optimizer, scheme=scheme, **options
        )

    def test_learns_how_the_user_writes(self, data, tmp_path):
        step = self.compiled(data, ram="256K")
        run = pock.run(step, user_digits(data), steps=300, directory=tmp_path)
        assert run.accuracy["before"] < 0.2
        assert run.accuracy["after"] > 0.85
        assert run.peak_ram_bytes <= run.ram_bytes <= 256 << 10
        assert run.flash_bytes <= 1 << 20
        # Not more than was promised before anything ran.
        footprint = step.artifact.footprint
        assert run.stack_bytes <= run.stack_reserved_bytes
        assert footprint.ram <= run.ram_bytes
        # No instruction on float64, which the emulated processor would execute.
        code = subprocess.run(
            ["llvm-objdump-22", "-d", "--mcpu=cortex-m7", tmp_path / "program"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "vfma.f32" in code.stdout
        assert ".f64" not in code.stdout

    def test_one_byte_too_little(self, data, tmp_path):
        need = self.compiled(data).artifact.footprint.ram
        with pytest.raises(pock.SizeError, match="1 too many"):
            self.compiled(data, ram=need - 1)
        # It fits, says the compiler; the program's own buffers do not any more, says the linker.
        step = self.compiled(data, ram=need)
        with pytest.raises(pock.RunError, match="will not fit in region 'RAM'"):
            pock.run(step, user_digits(data), steps=1, directory=tmp_path)
        # And to the byte, if the linker is asked again.
        used = int(re.search(r"overflowed by (\d+) bytes", link_error(tmp_path, need))[1]) + need
        assert link_error(tmp_path, used) == ""
        assert "overflowed by 1 byte" in link_error(tmp_path, used - 1)


def link_error(directory: Path, ram: int) -> str:
    """What the linker says of a folder's program with so much RAM."""
    makefile = (directory / "Makefile").read_text()
    (directory / "Makefile").write_text(re.sub("RAM_SIZE=0x[0-9a-f]+", f"RAM_SIZE={ram:#x}", makefile))
    return subprocess.run(["make", "-s"], cwd=directory, capture_output=True, text=True, check=False).stderr


def test_wide_integers_are_rounded_once(tmp_path):
    """Microcontrollers have no instruction that converts 64-bit integers; the formula has to round as this machine."""

    class Scale(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.float() * self.weight

    generator = np.random.default_rng(0)
    magnitudes = 2.0 ** generator.uniform(20, 63, 1000)
    edges = [
        2**bit + low for bit in range(22, 63) for low in (-1, 0, 1, 2 ** max(bit - 24, 0), 3 * 2 ** max(bit - 24, 0))
    ]
    edges += [2**63 - 1, 0, 1, *(2**bit + 2 ** (bit - 24) + sticky for bit in range(26, 63) for sticky in (-1, 0, 1))]
    x = np.array([*magnitudes.astype(np.int64).tolist(), *edges], np.int64)
    x = np.concatenate([x, -x, [-(2**63)]])[None]
    steps = {
        target: pock.compile(
            Scale(),
            (torch.zeros(x.shape, dtype=torch.int64),),
            loss="mse",
            optimizer=pock.SGD(lr=0.0),
            scheme=pock.Scheme.full(),
            name="net",
            target=target,
            arithmetic="portable",
        )
        for target in ("cortex-m4", "cortex-m55", "host")
    }
    data = {"x": x, "y": x.astype(np.float32)}
    for target in ("cortex-m4", "cortex-m55"):
        # The loss is 0 only if every single number is what numpy says.
        assert pock.run(steps[target], data, steps=1).losses == (0.0,)
    assert steps["host"](x, data["y"]) == 0.0
