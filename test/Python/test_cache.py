"""The compile cache: hits give equal steps, values come from the model, and entries are only ever a help."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner
from pockmlir import cache
from pockmlir.cache import identity, store
from pockmlir.cli import pock as command
from pockmlir.errors import ArgumentError
from pockmlir.frontends.torch import importer
from torch import nn

STAGES_OF_HITS = {"import", "cache"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache that is on."""
    monkeypatch.setenv("POCK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def imports(monkeypatch):
    """The imports by PyTorch's exporter, counted."""
    made = []
    original = importer.import_model
    monkeypatch.setattr(importer, "import_model", lambda *args, **kwargs: made.append(1) or original(*args, **kwargs))
    return made


class Masked(nn.Module):
    """A model with a mask on which a shape depends, a buffer that trains along, and a large constant."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
        self.register_buffer("mask", torch.tensor([True, False, True, True, True, True]))
        self.table = torch.arange(4096.0).reshape(1024, 4) / 4096

    def forward(self, x):
        return self.last(self.norm(self.first(x[:, self.mask])) + self.table.sum(0))


def make() -> Masked:
    torch.manual_seed(0)
    return Masked()


X, Y = torch.linspace(-1, 1, 18).reshape(3, 6), torch.tensor([0, 1, 1])


def compiled(model: nn.Module, **options) -> pock.Step:
    return pock.compile(
        model, (X,), loss="cross_entropy", **{"optimizer": pock.SGD(lr=0.1), "scheme": {"*": 1.0}, **options}
    )


def entries(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder.glob("*.entry"))


def test_second_compilation_is_the_same_step(folder, imports):
    first = compiled(make())
    second = compiled(make())
    assert entries(folder) == ["code", "import"]
    assert len(imports) == 1
    assert set(first.timings) == {*pock.STAGES, "object", "link"}
    assert set(second.timings) == STAGES_OF_HITS
    assert second.library_path.read_bytes() == first.library_path.read_bytes()
    assert second.artifact.object_code == first.artifact.object_code
    assert [second.ir(stage) for stage in second.stages] == [first.ir(stage) for stage in first.stages]
    one, other = first.report().to_dict(), second.report().to_dict()
    assert one | {"timings": 0} == other | {"timings": 0}
    assert [first(X, Y) for _ in range(3)] == [second(X, Y) for _ in range(3)]
    for name, value in first.state_dict().items():
        np.testing.assert_array_equal(second.state_dict()[name], value)


def test_values_come_from_the_model_that_is_given(folder, imports):
    compiled(make())
    model = make()
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.linspace(-0.5, 0.5, value.numel()).reshape(value.shape))
        model.norm.running_mean.fill_(0.25)
    step = compiled(model)
    assert len(imports) == 1
    np.testing.assert_allclose(step.predict(X), model.eval()(X).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_values_that_are_compiled_in_are_compared(folder, imports):
    compiled(make())
    for name in ("mask", "table"):
        model = make()
        with torch.no_grad():
            if name == "mask":
                model.mask.copy_(torch.tensor([True, True, True, True, True, False]))
            else:
                model.table.mul_(2)
        step = compiled(model)
        np.testing.assert_allclose(step.predict(X), model.eval()(X).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert len(imports) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"scheme": pock.Scheme.last(1)},
        {"optimizer": pock.Adam(lr=0.1)},
        {"accumulate": 2},
        {"memory": pock.MemoryOptions(reuse=False)},
        {"arithmetic": "portable"},
        {"name": "other"},
        {"target": "cortex-m7"},
    ],
    ids=lambda options: next(iter(options)),
)
def test_another_step_of_the_same_import_has_code_of_its_own(options, folder, imports):
    compiled(make())
    step = compiled(make(), **options)
    assert len(imports) == 1
    assert "object" in step.timings
    again = compiled(make(), **options)
    assert set(again.timings) == STAGES_OF_HITS
    assert again.artifact.object_code == step.artifact.object_code


def test_learning_rate_of_the_step_is_that_of_the_request(folder):
    slow = compiled(make())
    fast = compiled(make(), optimizer=pock.SGD(lr=0.5))
    assert set(fast.timings) == STAGES_OF_HITS  # the rate is an input of the code
    slow(X, Y), fast(X, Y)
    before = make().last.weight.detach().numpy()
    moved = [step.state_dict()["last.weight"] - before for step in (slow, fast)]
    np.testing.assert_allclose(moved[1], 5 * moved[0], rtol=1e-3, atol=1e-7)


def test_limits_are_checked_for_cached_code(folder):
    compiled(make(), target="cortex-m7")
    with pytest.raises(pock.SizeError, match="flash"):
        compiled(make(), target="cortex-m7", flash="1K")


def test_warnings_are_repeated(folder):
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.calls = nn.Linear(6, 2), 0

        def forward(self, x):
            self.calls += 1
            return self.fc(x)

    for _ in range(2):
        with pytest.warns(UserWarning, match="calls"):
            step = compiled(Counting())
    assert set(step.timings) == STAGES_OF_HITS


def test_model_without_identity_is_exported_again(folder, imports):
    class Reading(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(6, 2)

        def forward(self, x):
            return self.fc(x) * float(os.environ.get("POCK_TEST_SCALE", 1))

    for _ in range(2):
        torch.manual_seed(0)
        step = compiled(Reading())
    assert len(imports) == 2
    assert entries(folder) == ["code"]
    assert set(step.timings) == STAGES_OF_HITS  # the graph was the same


def test_cache_that_is_off_is_not_used(folder, imports, monkeypatch, tmp_path):
    for _ in range(2):
        compiled(make(), cache=False)
    assert not folder.exists()
    # Whoever asks for the stages wants them to run.
    compiled(make())
    step = compiled(make(), dump_ir_dir=tmp_path / "ir")
    assert "plan" in step.timings
    assert (tmp_path / "ir" / "01-graph.mlir").exists()
    monkeypatch.setenv("POCK_CACHE", "off")
    assert "plan" in compiled(make()).timings
    assert str(cache.info()) == "off"
    assert len(imports) == 4


def test_folder_belongs_to_the_user_alone(folder):
    compiled(make())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    store._warn_once.cache_clear()
    with pytest.warns(UserWarning, match=f"the compile cache is off: .* {folder}"):
        step = compiled(make())
    assert "plan" in step.timings


def test_folder_that_cannot_be_made_is_no_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POCK_CACHE", str(tmp_path / "file" / "cache"))
    compiled(make())
    assert cache.info().entries == 0


@pytest.mark.parametrize("damage", ["truncated", "one byte", "empty", "a folder"])
def test_damaged_entries_are_replaced(damage, folder):
    expected = compiled(make()).artifact.object_code
    for path in folder.glob("*.entry"):
        data = bytearray(path.read_bytes())
        if damage == "truncated":
            data = data[: len(data) // 2]
        elif damage == "one byte":
            data[len(data) // 2] ^= 1
        elif damage == "empty":
            data = bytearray()
        path.unlink()
        if damage == "a folder":
            path.mkdir()
        else:
            path.write_bytes(data)
    step = compiled(make())
    assert step.artifact.object_code == expected
    assert "plan" in step.timings
    if damage != "a folder":
        assert set(compiled(make()).timings) == STAGES_OF_HITS


def test_least_recently_used_entries_go_first(tmp_path):
    tmp_path.chmod(0o700)
    kept = store.Store(tmp_path, limit=3500)
    for index, key in enumerate("abc"):
        kept.put(key, {"part": bytes(1000)})
        os.utime(tmp_path / f"{key}.entry", (index, index))
    assert kept.get("a")  # now it is the youngest
    kept.put("d", {"part": bytes(1000)})
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]
    kept.put("e", {"part": bytes(5000)})
    assert not kept.get("e")
    assert [key for key in "abcd" if kept.get(key)] == ["a", "c", "d"]


def test_another_compiler_has_other_keys(folder, imports, monkeypatch):
    compiled(make())
    monkeypatch.setattr(identity.load_core(), "build_id", lambda: "another")
    identity.compiler_identity.cache_clear()
    try:
        assert "plan" in compiled(make()).timings
        monkeypatch.setattr(identity.load_core(), "build_id", lambda: "")
        identity.compiler_identity.cache_clear()
        before = entries(folder)
        assert "plan" in compiled(make()).timings
        assert entries(folder) == before
    finally:
        identity.compiler_identity.cache_clear()
    assert len(imports) == 3


PROGRAM = """
import sys
import torch
sys.path.insert(0, sys.argv[1])
import pockmlir as pock
from network import Network, loss
torch.manual_seed(0)
model = Network()
step = pock.compile(model, (torch.ones(3, 6),), loss=loss, example_target=torch.zeros(3, 4),
                    optimizer=pock.SGD(lr=0.1), scheme={"*": 1.0})
print(",".join(step.timings), step(torch.ones(3, 6), torch.zeros(3, 4)))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True)


def test_other_processes_find_the_entries_and_edits_of_files_miss(folder, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(Path(__file__).parent / "cached_model", model)

    def run() -> tuple[set[str], float]:
        process = start(model)
        timings, loss = process.communicate()[0].split()
        assert process.returncode == 0
        return set(timings.split(",")), float(loss)

    # Two at once write the same entries.
    both = [start(model) for _ in range(2)]
    assert len({process.communicate()[0].split()[1] for process in both}) == 1
    first = run()
    assert first[0] == STAGES_OF_HITS
    path = model / "numerics.py"
    path.write_text(path.read_text().replace("DIVISOR = 2", "DIVISOR = 4"))
    second = run()
    assert "plan" in second[0]
    assert second[1] != first[1]


def test_command_line(folder, tmp_path):
    (tmp_path / "model.py").write_text("from torch import nn\n\ndef make():\n    return nn.Linear(4, 2)\n")
    arguments = ["compile", f"{tmp_path}/model.py:make", "--input", "3x4", "-o", str(tmp_path / "out")]
    run = CliRunner()
    for options, count in ((["--no-cache"], 0), ([], 2), ([], 2)):
        assert run.invoke(command, [*arguments, *options], catch_exceptions=False).exit_code == 0
        assert cache.info().entries == count
    shown = run.invoke(command, ["cache"], catch_exceptions=False).output
    assert shown.startswith(f"{folder}: 2 entries, ")
    assert shown.rstrip().endswith("of 1.0 GiB")
    assert run.invoke(command, ["cache", "--clear"], catch_exceptions=False).output.startswith("removed: ")
    assert cache.info().entries == 0


def test_limit_that_is_no_size_is_an_error(monkeypatch):
    monkeypatch.setenv("POCK_CACHE", "")
    monkeypatch.setenv("POCK_CACHE_LIMIT", "much")
    with pytest.raises(ArgumentError, match=r"POCK_CACHE_LIMIT: expected a number of bytes"):
        cache.info()


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("POCK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.info().folder == tmp_path / "pockmlir" / "compiled"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.info().folder == tmp_path / "home" / ".cache" / "pockmlir" / "compiled"
    monkeypatch.setenv("POCK_CACHE_LIMIT", "0")
    assert cache.info().folder is None


def test_no_warning_without_reason(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        compiled(make())
        compiled(make())
