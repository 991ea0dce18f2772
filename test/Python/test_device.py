"""Training runs on emulated devices: one hash of all parameters everywhere, and PyTorch's numbers."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from device_models import CASES, Case, digits, pretrained_ds_cnn, user_digits
from pockmlir.loop.batches import batch_indices
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 50
TARGETS = ("aarch64-linux", "cortex-m4", "cortex-m7", "cortex-m55")
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


@pytest.mark.parametrize("name", CASES)
def test_one_hash_everywhere(name):
    case, data = CASES[name], data_of(name)
    host = compiled(case, "host")
    expected = pock.run(host, data, steps=STEPS)
    runs = {target: pock.run(compiled(case, target), data, steps=STEPS) for target in TARGETS}
    assert {target: run.state_hash for target, run in runs.items()} == dict.fromkeys(TARGETS, expected.state_hash)
    for run in runs.values():
        assert run.losses == expected.losses
        assert run.accuracy == expected.accuracy
        assert run.uncounted or len(run.instructions) == STEPS

    model, losses = train_with_torch(case, host, data)
    np.testing.assert_allclose(expected.losses, losses, rtol=2e-3, atol=2e-4)
    for key, value in model.state_dict().items():
        scale = max(float(value.abs().max()), 1e-3)
        np.testing.assert_allclose(host.state_dict()[key], value.numpy(), rtol=0, atol=2e-3 * scale, err_msg=key)

    assert_counts_are_golden(name, runs)


def assert_counts_are_golden(name: str, runs: dict[str, pock.Run]) -> None:
    if uncounted := next((run.uncounted for run in runs.values() if run.uncounted), None):
        pytest.skip(f"hashes agree, but instructions are not counted: {uncounted}")
    golden = json.loads(GOLDEN.read_text())
    if golden["tools"] != tools_of(runs):
        pytest.skip(f"hashes agree, but instructions were counted with other tools: {golden['tools']}")
    counts = {target: sum(run.instructions) for target, run in runs.items()}
    assert counts == golden["instructions"][name], (
        "if that is meant, write the file again: test/Python/device_counts.py"
    )


class TestDsCnn:
    """The keyword spotter trains, all of it, in 256 KB of RAM and 1 MB of flash."""

    @pytest.fixture(scope="class")
    def data(self):
        return digits()

    def compiled(self, data, **options) -> pock.Step:
        model = pretrained_ds_cnn(data)
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
