"""Compiled steps as files, pickles and copies: the same numbers go on; what is damaged or foreign is refused."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from click.testing import CliRunner
from pockmlir.artifact import compiled_file
from pockmlir.cli import pock as command
from pockmlir.runtime.abi import Segments
from pockmlir.targets import processor
from torch import nn

pytest.importorskip("pockmlir._core")

FOREIGN = "aarch64-linux"


class Net(nn.Module):
    """Dropout, which counts calls; a frozen and a partly trained layer; a parameter and a buffer that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.second = nn.Conv2d(8, 16, 3)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(16 * 16, 5)
        self.unused = nn.Parameter(torch.arange(3.0))
        self.register_buffer("seen", torch.tensor(7))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.drop(self.second(self.first(x).relu()).relu().flatten(1)))


def batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(4, 3, 8, 8)).astype(np.float32), np.array([0, 1, 2, 4])


def compiled(target: str = "host") -> pock.Step:
    torch.manual_seed(0)
    groups = [{"params": "last.*", "lr": 0.02}]
    return pock.compile(
        Net().train(),
        (torch.zeros(4, 3, 8, 8),),
        loss="cross_entropy",
        optimizer=pock.AdamW(lr=0.01, groups=groups),
        scheme={"second.weight": 0.5, "last.*": 1.0},
        accumulate=2,
        target=target,
    )


@pytest.fixture(scope="module")
def step() -> pock.Step:
    """A step in the middle of an accumulation."""
    step = compiled()
    for _ in range(3):
        step(*batch())
    return step


@pytest.fixture(scope="module")
def file(step: pock.Step, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compiled") / "net.pock"
    step.save_compiled(path)
    return path


def copies(step: pock.Step, file: Path) -> dict[str, pock.Step]:
    return {
        "file": pock.load(file),
        "pickle": pickle.loads(pickle.dumps(step)),
        "deepcopy": copy.deepcopy(step),
    }


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy"])
def test_a_copy_goes_on_with_the_same_bits_and_memory_of_its_own(step: pock.Step, file: Path, way: str):
    original = pickle.loads(pickle.dumps(step))
    before = step.state_dict()
    found = copies(step, file)[way]
    assert list(found.state_dict()) == list(before)
    for _ in range(4):
        assert found(*batch()) == original(*batch())
    for mine, theirs in (
        (found.state_dict(), original.state_dict()),
        (found.optimizer_state_dict(), original.optimizer_state_dict()),
    ):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            np.testing.assert_array_equal(value, theirs[name], name)
    assert not np.array_equal(found.state_dict()["last.weight"], before["last.weight"])
    for name, value in step.state_dict().items():
        np.testing.assert_array_equal(value, before[name], name)
    x, _ = batch()
    np.testing.assert_array_equal(found.predict(x), original.predict(x))


def test_a_loaded_step_does_what_the_other_does(step: pock.Step, file: Path, tmp_path: Path):
    found = pock.load(file)
    assert found.plan == step.plan
    mine, theirs = found.report().to_dict(), step.report().to_dict()
    assert mine | {"timings": 0} == theirs | {"timings": 0}
    assert found.stages == tuple(stage for stage in step.stages if stage != "llvm")
    assert found.ir("plan") == step.ir("plan")
    with pytest.raises(pock.ArgumentError, match=r"stage: expected one of import.* but got 'llvm'"):
        found.ir("llvm")
    for name, path in found.export(tmp_path / "a").items():
        assert path.read_bytes() == step.export(tmp_path / "b")[name].read_bytes(), name
    found.save(tmp_path / "checkpoint.safetensors")
    copy.deepcopy(step).load(tmp_path / "checkpoint.safetensors")
    assert found.profile(*batch(), runs=1, warmup=0).to_dict()


def test_equal_steps_give_equal_bytes(step: pock.Step, file: Path, tmp_path: Path):
    name = step.save_compiled(tmp_path / "again.pock")
    assert (tmp_path / "again.pock").read_bytes() == file.read_bytes()
    assert name == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    pock.load(file).save_compiled(tmp_path / "loaded.pock")
    assert (tmp_path / "loaded.pock").read_bytes() == file.read_bytes()


def test_every_compilation_gives_the_same_file(file: Path, tmp_path: Path):
    again = compiled()
    for _ in range(3):
        again(*batch())
    again.save_compiled(tmp_path / "again.pock")
    assert (tmp_path / "again.pock").read_bytes() == file.read_bytes()


def test_constants_are_the_files_own_pages_and_the_file_does_not_change(file: Path):
    before = file.read_bytes()
    found = pock.load(file)
    maps = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if str(file) in line]
    assert maps, "not mapped"
    ranges = [tuple(int(part, 16) for part in fields[0].split("-")) for fields in maps]
    memory: Segments = found._instance
    for segment in (memory.constants, memory.state):
        assert any(begin <= segment.ctypes.data < end for begin, end in ranges)
    values = found.state_dict()
    found.load_state_dict({name: np.asarray(value + 1) for name, value in values.items()})
    found(*batch())
    assert file.read_bytes() == before


PROGRAM = """
import sys
for name in ("torch", "pockmlir._core"):
    sys.modules[name] = None
import numpy as np
import pockmlir as pock

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) << 10

step = pock.load(sys.argv[1])
rng = np.random.default_rng(3)
x, y = rng.normal(size=(4, 3, 8, 8)).astype(np.float32), np.array([0, 1, 2, 4])
losses = [step(x, y) for _ in range(4)]
print(resident(), *losses)
"""


def test_a_process_trains_without_torch_and_compiler_in_60_megabytes(step: pock.Step, file: Path):
    done = subprocess.run([sys.executable, "-c", PROGRAM, file], capture_output=True, text=True, check=True)
    resident, *losses = done.stdout.split()
    segments = sum(step.artifact.manifest.segments.values())
    assert int(resident) - segments < 60e6
    other = copy.deepcopy(step)
    assert list(map(float, losses)) == [other(*batch()) for _ in losses]


def test_another_file_than_expected_is_refused(file: Path):
    name = compiled_file.digest(file.read_bytes())
    pock.load(file, expect=name)
    with pytest.raises(pock.CompiledFileError, match=f"expected sha256:0+, but it has {name}"):
        pock.load(file, expect="sha256:" + 64 * "0")
    with pytest.raises(pock.ArgumentError, match="expect: expected 'sha256:' and 64 hexadecimal digits"):
        pock.load(file, expect="1234")


def test_damage_is_found_wherever_it_is(file: Path, tmp_path: Path):
    """Every bit counts but the filler between entries and fields of the directory that only other programs read."""
    good = file.read_bytes()
    path = tmp_path / "damaged.pock"
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
    for name, info in entries.items():
        size = 30 + len(name) + len(info.extra)
        # (The end of a compressed entry may have bits without meaning.)
        last = info.compress_size - 1 if info.compress_type == zipfile.ZIP_STORED else 1
        for place in (0, info.compress_size // 2, last):
            data = bytearray(good)
            data[info.header_offset + size + place] ^= 16
            path.write_bytes(data)
            with pytest.raises(pock.CompiledFileError, match=r"damaged\.pock: (damaged|truncated)"):
                pock.load(path)
    rng = np.random.default_rng(0)
    for cut in (0, 1, 30, *rng.integers(31, len(good) - 1, 40), len(good) - 1):
        path.write_bytes(good[:cut])
        with pytest.raises(pock.CompiledFileError, match=r"damaged\.pock: (empty|truncated|damaged)"):
            pock.load(path)
    for place in rng.integers(0, len(good), 200):
        data = bytearray(good)
        data[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        try:
            found = pock.load(path)
        except pock.CompiledFileError:
            continue
        assert found.save_compiled(tmp_path / "same.pock") == compiled_file.digest(good)


def test_what_is_no_compiled_step_is_refused(tmp_path: Path):
    path = tmp_path / "x.pock"
    with pytest.raises(FileNotFoundError):
        pock.load(path)
    path.write_bytes(b"")
    with pytest.raises(pock.CompiledFileError, match=r"x\.pock: empty"):
        pock.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "hello")
    with pytest.raises(pock.CompiledFileError, match=r"not a compiled step"):
        pock.load(path)


def rewritten(file: Path, path: Path, **changes: object) -> Path:
    """The same file with other facts in its description."""
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(path, "w") as copied:
        for info in archive.infolist():
            data = archive.read(info)
            if info.filename == "step.json":
                data = json.dumps(json.loads(data) | changes).encode()
                copied.comment = hashlib.sha256(data).hexdigest().encode()
            copied.writestr(info.filename, data)
    return path


def test_other_versions_and_other_machines_are_refused(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    described = json.loads(zipfile.ZipFile(file).read("step.json"))
    assert pock.load(rewritten(file, tmp_path / "a.pock"))(*batch()) > 0
    for changes, error, message in (
        ({"format_version": 99}, pock.CompiledFileError, "version 99 of the format; this pockmlir reads up to 1"),
        ({"abi_version": 99}, pock.CompiledFileError, "version 99 of the ABI; this pockmlir calls version 1"),
        (
            {"target": described["target"] | {"triple": "sparc-sun-linux"}},
            pock.TargetError,
            r"compiled for host \(sparc-sun-linux\), which is not this machine",
        ),
        ({"processor_features": ["avx512vnni", "64bit"]}, pock.TargetError, "a processor with avx512vnni, which"),
        ({"manifest": {}}, pock.PockError, "damaged"),
        ({"optimizer": {"kind": "x"}}, pock.CompiledFileError, "damaged: KeyError"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(processor, "reported_features", lambda: frozenset({"lm"}))
            if "processor_features" not in changes:
                changes = {"processor_features": [], **changes}
            with pytest.raises(error, match=message):
                pock.load(rewritten(file, tmp_path / "b.pock", **changes))


def test_every_feature_of_this_processor_is_known():
    """LLVM's vector extensions have a name that Linux reports: none is forgotten."""
    host = pock.Target.host()
    assert not processor.missing_features(host.features_in_use)
    assert not processor.missing_features(["no such feature"])
    for name in host.features.split(","):
        if name.startswith(("+avx", "+sse", "+fma", "+bmi", "+f16c")):
            assert name[1:] in processor.USED
    assert "dotprod" in pock.Target.named("aarch64-linux:cortex-a76").features_in_use
    assert "dotprod" not in pock.Target.named("aarch64-linux").features_in_use


def test_a_step_for_another_machine_is_written_for_it_and_refused_here(tmp_path: Path):
    foreign = compiled(FOREIGN)
    foreign.save_compiled(tmp_path / "arm.pock")
    with pytest.raises(pock.TargetError, match="compiled for aarch64-linux"):
        pock.load(tmp_path / "arm.pock")
    board = compiled("cortex-m7")
    with pytest.raises(pock.TargetError, match="save_compiled: cortex-m7 has no shared libraries; export the step"):
        board.save_compiled(tmp_path / "board.pock")
    assert not (tmp_path / "board.pock").exists()
    for name, value in copy.deepcopy(board).state_dict().items():
        np.testing.assert_array_equal(value, board.state_dict()[name])


def test_a_copy_follows_the_same_torch_optimizer_and_a_file_has_none(tmp_path: Path):
    torch.manual_seed(0)
    model, x, y = nn.Linear(3, 2), torch.randn(4, 3), torch.tensor([0, 1, 0, 1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    step = pock.compile(model, (x,), loss="cross_entropy", optimizer=optimizer, scheme=pock.Scheme.full())
    step.save_compiled(tmp_path / "a.pock")
    optimizer.param_groups[0]["lr"] = 0.0
    follower, loaded = copy.deepcopy(step), pock.load(tmp_path / "a.pock")
    for found, moves in ((follower, False), (loaded, True)):
        found(x, y)
        assert np.array_equal(found.state_dict()["weight"], step.state_dict()["weight"]) != moves


def test_inspecting_runs_nothing(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ctypes.CDLL", None)
    result = CliRunner().invoke(command, ["inspect", str(file)])
    assert result.exit_code == 0, result.output
    assert compiled_file.digest(file.read_bytes()) in result.output
    assert "cross_entropy" in result.output
    described = json.loads(CliRunner().invoke(command, ["inspect", str(file), "--json"]).output)
    assert described["functions"]["step"]["inputs"] == ["x: float32[4, 3, 8, 8]", "target: int64[4]"]
    assert described["scheme"]["rules"][0] == {"glob": "second.weight", "fraction": 0.5}
    for arguments, message in (
        (["--scheme", "full"], "--scheme: .* is compiled already"),
        (["--profile"], "--profile: .* is only read"),
    ):
        refused = CliRunner().invoke(command, ["inspect", str(file), *arguments])
        assert refused.exit_code == 2
        assert pytest.importorskip("re").search(message, refused.output)


def test_training_from_the_command_line(file: Path, tmp_path: Path):
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "data.npz", x=rng.normal(size=(8, 3, 8, 8)).astype(np.float32), y=rng.integers(0, 5, 8))
    arguments = ["train", str(file), str(tmp_path / "data.npz"), "--epochs", "2", "--json"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert [epoch["epoch"] for epoch in figures["epochs"]] == [1, 2]


def test_a_step_for_processors_with_avx2_runs_on_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    name = "x86-64-linux"
    if not pock.Target.named(name).native:
        pytest.skip("this machine is no x86-64")
    compiled(name).save_compiled(tmp_path / "a.pock")
    described = compiled_file.describe(np.frombuffer((tmp_path / "a.pock").read_bytes(), np.uint8), "a.pock")
    assert {"avx2", "fma"} <= set(described["processor_features"])
    assert not [feature for feature in described["processor_features"] if feature.startswith("avx512")]
    if not processor.missing_features(described["processor_features"]):
        assert pock.load(tmp_path / "a.pock")(*batch()) > 0
    monkeypatch.setattr(processor, "reported_features", lambda: frozenset({"lm", "sse2"}))
    with pytest.raises(pock.TargetError, match=r"compiled for a processor with .*avx2"):
        pock.load(tmp_path / "a.pock")
