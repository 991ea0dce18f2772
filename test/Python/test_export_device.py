"""What `export` writes for microcontrollers: code, images, header, manifest; and what does not fit is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from llvm_tools import find_program
from models import ARCHITECTURES
from pockmlir.artifact import footprint
from torch import nn
from torch.nn import functional

DEVICES = ("cortex-m4", "cortex-m7", "cortex-m55")

#: Those that call functions for what they have no instructions.
SOFT = ("cortex-m0plus", "riscv32imc")

#: All that code for a microcontroller may want of a library.
LIBRARY = re.compile(r"__aeabi_mem(cpy|move|set|clr)[48]?|mem(cpy|move|set)")


def compiled(name: str, target: object = "cortex-m7", **options: object) -> pock.Step:
    """A sparse scheme, so that there are frozen parameters, and prepared values with frozen batch norm."""
    architecture = ARCHITECTURES[name]
    options = {"optimizer": pock.SGD(lr=architecture.lr, momentum=0.9)} | options
    scheme = pock.Scheme({"*bias": 1.0, architecture.middle: 1.0})
    x, _ = architecture.batch(0)
    return pock.compile(
        architecture.model(), (x,), loss="cross_entropy", scheme=scheme, target=target, name="net", **options
    )


@pytest.fixture(scope="module", params=DEVICES)
def step(request: pytest.FixtureRequest) -> pock.Step:
    return compiled("lenet", request.param)


def tool(name: str, *arguments: str | Path) -> str:
    command = [find_program(f"llvm-{name}-22", f"llvm-{name}"), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_library_has_code_and_images(step: pock.Step, tmp_path: Path) -> None:
    files = step.export(tmp_path)
    assert set(files) == {"static_library", "header", "parameters", "manifest"}
    symbols = [
        line.split()[-2:] for line in tool("nm", files["static_library"]).splitlines() if line.startswith(("0", " "))
    ]
    public = {name: kind for kind, name in symbols if kind.isupper() and kind != "U"}
    functions = {f"net_{name}": "T" for name in ("init", "prepare", "step", "predict")}
    assert public == functions | {"net_constants": "R", "net_initial_state": "R"}
    assert not [name for kind, name in symbols if kind in "bBdDcC"], "a variable"


def test_images_are_what_the_manifest_says(step: pock.Step, tmp_path: Path) -> None:
    files = step.export(tmp_path)
    manifest = json.loads(files["manifest"].read_text())
    for segment, symbol in (("constants", "constants"), ("state", "initial_state")):
        image = tmp_path / f"{symbol}.bin"
        tool(
            "objcopy",
            "-O",
            "binary",
            f"--dump-section=.rodata.net_{symbol}={image}",
            member(files, tmp_path, "net_images.o"),
        )
        content = np.frombuffer(image.read_bytes(), np.uint8)
        assert content.size == manifest["segments"][segment] > 0
        tensors = [slot for slot in step.artifact.manifest.tensors.values() if slot.segment == segment]
        values = step.state_dict()
        for slot in tensors:
            if slot.name in values:
                np.testing.assert_array_equal(slot.view(content), values[slot.name], slot.name)
            elif slot.kind == "state":
                assert not slot.view(content).any(), slot.name


def member(files: dict[str, Path], directory: Path, name: str) -> Path:
    """An object file of the archive."""
    command = [find_program("llvm-ar-22", "llvm-ar"), "x", str(files["static_library"]), name]
    subprocess.run(command, check=True, cwd=directory)
    return directory / name


@pytest.mark.parametrize("name", ["mlp", "lenet", "cnn1d", "ds-cnn"])
@pytest.mark.parametrize("target", DEVICES)
def test_code_needs_no_library_and_no_double_precision(name: str, target: str, tmp_path: Path) -> None:
    step = compiled(name, target, optimizer=pock.AdamW(lr=1e-3))
    unexpected = [s for s in footprint.undefined_symbols(step.artifact.object_code) if not LIBRARY.fullmatch(s)]
    assert not unexpected
    listing = disassembly(step, tmp_path)
    assert ".f32" in listing
    assert ".f64" not in listing
    if target == "cortex-m55":
        assert re.search(r"vfma\.f32\s+q\d", listing), "no vectors"


class Functions(nn.Module):
    """Every elementary function there is, on numbers that all of them take."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x).sigmoid() * 0.9 + 0.05
        values = [y.exp(), y.log(), y.sin(), y.cos(), y.tanh(), y.erf(), y.sqrt(), y.rsqrt(), y.expm1(), y.log1p()]
        values += [y.atan(), y**1.7, y.reciprocal(), functional.gelu(y), functional.softplus(y), functional.elu(y)]
        values += [functional.silu(y), functional.mish(y), x.floor() * y, x.round() * y, x.ceil() * y, x.trunc() * y]
        return torch.stack(values).mean(0)


class Divisions(nn.Module):
    """Divides integers of 64 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 4)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.embedding((ids * 7) // (ids % 5 + 1) % 50).mean(1)


class Words(nn.Module):
    """Embedding, attention, layer norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.1, activation="gelu", batch_first=True)
        self.head = nn.Linear(16, 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.block(self.embedding(ids)).mean(1))


MODELS = {"functions": Functions, "words": Words, "divisions": Divisions}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        *((name, target) for name in ("functions", "words") for target in DEVICES),
        *(("divisions", target) for target in ("cortex-m7", *SOFT)),
        *(pytest.param(name, target, marks=pytest.mark.slow) for name in ("functions", "words") for target in SOFT),
    ],
)
def test_no_function_comes_from_a_library(name: str, target: str) -> None:
    x = torch.randn(3, 6) if name == "functions" else torch.randint(0, 50, (2, 7))
    options = {"optimizer": pock.Adam(), "scheme": pock.Scheme.full(), "clip_grad_norm": 1.0}
    step = pock.compile(MODELS[name](), (x,), loss="cross_entropy", target=target, **options)
    needed = footprint.undefined_symbols(step.artifact.object_code)
    assert not [symbol for symbol in needed if not LIBRARY.fullmatch(symbol)]


@pytest.mark.parametrize("target", SOFT)
def test_what_is_brought_along_is_weak_and_counted(target: str, tmp_path: Path) -> None:
    """A program may define the functions itself; flash counts them."""
    step = compiled("mlp", target)
    files = step.export(tmp_path)
    kinds = {line.split()[-1]: line.split()[-2] for line in tool("nm", member(files, tmp_path, "net.o")).splitlines()}
    assert kinds["fmaf"] == "W"
    assert kinds["__aeabi_fadd" if target == "cortex-m0plus" else "__addsf3"] == "W"
    # Nothing that it does not call.
    assert "sqrtf" not in kinds
    sizes = re.findall(r"^\.text\S*\s+(\d+)", tool("size", "-A", "-d", tmp_path / "net.o"), re.MULTILINE)
    assert step.footprint.code >= sum(map(int, sizes))


def test_double_precision_is_refused_by_name() -> None:
    model = nn.Linear(6, 3).double()
    options = {"loss": "cross_entropy", "optimizer": pock.SGD(), "scheme": pock.Scheme.full()}
    with pytest.raises(pock.CompileError, match="needs f64, but the target has only f32"):
        pock.compile(model, (torch.randn(2, 6, dtype=torch.float64),), target="cortex-m7", **options)


def disassembly(step: pock.Step, directory: Path) -> str:
    path = directory / "net.o"
    path.write_bytes(step.artifact.object_code)
    return tool("objdump", "-d", f"--mcpu={step.artifact.target.cpu}", path)


def test_the_instructions_are_those_of_the_processor(step: pock.Step, tmp_path: Path) -> None:
    """Nothing that the disassembler of exactly this processor does not know."""
    assert "<unknown>" not in disassembly(step, tmp_path)


def test_linkers_accept_any_convention_for_floats(step: pock.Step, tmp_path: Path) -> None:
    """GNU's refuses to put objects together that say otherwise than the firmware does, unless they say nothing."""
    files = step.export(tmp_path)
    for name in ("net.o", "net_images.o"):
        attributes = tool("readelf", "-A", member(files, tmp_path, name))
        assert re.search(r"Value: 3\s+TagName: ABI_VFP_args", attributes), attributes


@pytest.mark.parametrize("language", ["c", "c++"])
def test_the_header_is_c_and_cxx(step: pock.Step, tmp_path: Path, language: str) -> None:
    header = step.export(tmp_path)["header"]
    source = tmp_path / ("use.c" if language == "c" else "use.cpp")
    source.write_text(
        '#include "net.h"\n#include "net.h"\n'
        "static unsigned char state[NET_STATE_BYTES], arena[NET_ARENA_BYTES];\n"
        "static float x[NET_STEP_IMAGE_ELEMENTS];\n"
        "int main(void) { return (int)(net_init(state) + net_constants[0] + arena[0] + x[0]) + NET_STEP_IMAGE_DIM_0; }\n"
    )
    compiler = find_program("clang-22", "clang")
    flags = [
        "-std=c99" if language == "c" else "-std=c++11",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-fsyntax-only",
    ]
    target = f"--target={step.artifact.target.triple}"
    subprocess.run([compiler, "-x", language, target, "-ffreestanding", *flags, str(source)], check=True)
    assert header.read_text().count("#define NET_RAM_BYTES") == 1


def test_the_manifest_says_where_it_comes_from(step: pock.Step, tmp_path: Path) -> None:
    files = step.export(tmp_path)
    manifest = json.loads(files["manifest"].read_text())
    assert manifest["target"]["name"] == step.artifact.target.name
    assert manifest["arithmetic"] == "portable"
    assert manifest["scheme"]["features.3.weight"] == 1.0
    assert manifest["versions"].keys() == {"compiler", "torch"}
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert manifest["footprint"] == step.footprint.to_dict()


def test_the_same_model_gives_the_same_files(step: pock.Step, tmp_path: Path) -> None:
    again = compiled("lenet", step.artifact.target.name)
    first, second = step.export(tmp_path / "a"), again.export(tmp_path / "b")
    for role, path in first.items():
        assert path.read_bytes() == second[role].read_bytes(), role


def test_it_can_be_looked_at_but_not_called(step: pock.Step) -> None:
    x, y = ARCHITECTURES["lenet"].batch(0)
    name = step.artifact.target.name
    for call in (lambda: step(x, y), lambda: step.predict(x), lambda: step.profile(x, y)):
        with pytest.raises(pock.TargetError, match=f"compiled for {name}, which is not this machine: export it"):
            call()
    with pytest.raises(pock.TargetError, match="no shared libraries"):
        _ = step.library_path
    values = step.state_dict()
    model = ARCHITECTURES["lenet"].model()
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(values[key], value.numpy())
    assert step.memory.arena == step.artifact.manifest.segments["arena"]
    assert f"for {name}" in str(step.report())
    assert "llvm.func" in step.ir("llvm")
    assert not any(value.any() for value in step.optimizer_state_dict().values())


def test_prepared_values_are_those_of_the_host() -> None:
    """Batch norm in inference mode is folded into constants by `prepare`, for a device by its twin."""
    device, host = compiled("ds-cnn"), compiled("ds-cnn", "host", arithmetic="portable")
    prepared = device.artifact.manifest.of_kind("prepared")
    assert prepared
    for name in prepared:
        ours, theirs = (step._instance.view(name) for step in (device, host))
        assert ours.any(), name
        np.testing.assert_array_equal(ours, theirs, name)


# What does not fit ------------------------------------------------------------------------


def test_the_last_byte_decides() -> None:
    need = compiled("lenet").footprint
    step = compiled("lenet", ram=need.ram, flash=need.flash)
    assert step.footprint == need
    with pytest.raises(pock.SizeError) as refused:
        compiled("lenet", ram=need.ram - 1, flash=str(need.flash))
    assert list(refused.value.exceeded) == ["RAM"]
    parts = {"state": need.state, "arena": need.arena, "stack": need.stack}
    assert refused.value.exceeded["RAM"] == (need.ram - 1, need.ram, parts)
    for figure in (need.ram, need.ram - 1, need.state, need.arena):
        assert f"{figure:,}" in str(refused.value)
    assert "1 too many" in str(refused.value)
    with pytest.raises(pock.SizeError, match="flash"):
        compiled("lenet", ram=need.ram, flash=need.flash - 1)


def test_limits_of_a_target_count() -> None:
    board = dataclasses.replace(pock.Target.named("cortex-m7"), name="board", ram=16 << 10)
    with pytest.raises(pock.SizeError, match="does not fit into board's memory"):
        compiled("lenet", board)
    with pytest.raises(pock.SizeError, match="stack"):
        compiled("lenet", dataclasses.replace(board, ram=None, stack_bytes=16))


def test_footprint_is_what_the_object_has(step: pock.Step, tmp_path: Path) -> None:
    """Against llvm-size on what a linker would load."""
    files = step.export(tmp_path)
    sections: dict[str, int] = {}
    for line in tool("size", "-A", "-d", files["static_library"]).splitlines():
        if (match := re.match(r"(\.\S+)\s+(\d+)\s+0$", line)) and match[1].startswith((".text", ".rodata", ".ARM.ex")):
            sections[match[1]] = sections.get(match[1], 0) + int(match[2])
    need = step.footprint
    assert sections[".rodata.net_constants"] == need.constants
    assert sections[".rodata.net_initial_state"] == need.initial_state == need.state
    # Functions are aligned to four bytes at most.
    assert 0 <= need.flash - sum(sections.values()) <= 4 * len(sections)
    assert ".stack_sizes" not in sections
