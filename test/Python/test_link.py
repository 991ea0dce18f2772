"""Code that is generated in parts becomes one object file, always the same."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pockmlir as pock
import pytest
from models import ARCHITECTURES

pytest.importorskip("pockmlir._core")

from llvm_tools import find_program
from pockmlir.core import link
from pockmlir.core.extension import load_core
from pockmlir.core.stages import PIPELINES, anchored


@pytest.fixture(scope="module")
def lowered() -> str:
    """A module of many kernels at stage ``llvm``."""
    architecture = ARCHITECTURES["mobilenetv2"]
    x, _ = architecture.batch(0)
    sgd, scheme = pock.SGD(lr=0.1), pock.Scheme.bias_only()
    step = pock.compile(architecture.model(), (x,), loss="cross_entropy", optimizer=sgd, scheme=scheme, name="net")
    return load_core().run_pipeline(step.ir("plan"), f"builtin.module({PIPELINES['llvm']})")


def symbols(path: Path) -> list[list[str]]:
    nm = find_program("llvm-nm-22", "llvm-nm", "nm")
    listed = subprocess.run([nm, str(path)], check=True, capture_output=True, text=True).stdout
    return [line.split()[-2:] for line in listed.splitlines()]


def test_what_parts_share_is_local(lowered: str, tmp_path: Path):
    parts = load_core().generate(lowered, anchored())[0]
    assert len(parts) > 1
    path = tmp_path / "model.o"
    link.write_object(parts, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.o"]
    defined = {name for kind, name in symbols(path) if kind.isupper() and kind not in "UW"}
    assert defined == {"net_init", "net_prepare", "net_predict", "net_step"}


def test_bytes_do_not_depend_on_the_number_of_cores(lowered: str, tmp_path: Path):
    core, cores = load_core(), os.sched_getaffinity(0)
    first = core.generate(lowered, anchored())[0]
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert core.generate(lowered, anchored())[0] == first
    finally:
        os.sched_setaffinity(0, cores)
    written = []
    for name in ("a", "b"):
        path = tmp_path / name / "model.o"
        path.parent.mkdir()
        link.write_object(first, path)
        written.append(path.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("triple", ["thumbv7em-none-eabi", "riscv32-unknown-elf", "aarch64-linux-gnu"])
def test_objects_are_described_as_llvm_readobj_does(triple: str, tmp_path: Path):
    source = """
        int ext(int);
        __attribute__((visibility("hidden"), noinline)) int inner(int x) { volatile int a[20]; a[0] = x; return ext(a[0]) + 1; }
        int outer(int x) { volatile int b[10]; b[1] = x; return inner(b[1]) + 1; }
    """
    (tmp_path / "a.c").write_text(source)
    flags = [f"--target={triple}", "-O1", "-ffunction-sections", "-fstack-size-section", "-c"]
    subprocess.run([find_program("clang-22"), *flags, "a.c"], check=True, cwd=tmp_path)
    command = [find_program("llvm-readobj-22"), "--elf-output-style=JSON", "--sections", "--stack-sizes", "a.o"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    (expected,) = json.loads(told)

    core, code = load_core(), (tmp_path / "a.o").read_bytes()
    found = json.loads(core.describe_object(code))
    sections = [entry["Section"] for entry in expected["Sections"]]
    assert [(s["name"], s["bytes"]) for s in found["sections"]] == [(s["Name"]["Name"], s["Size"]) for s in sections][
        -len(found["sections"]) :
    ]
    loaded = [s["Name"]["Name"] for s in sections if any(f["Name"] == "SHF_ALLOC" for f in s["Flags"]["Flags"])]
    assert [s["name"] for s in found["sections"] if s["loaded"]] == loaded
    stacks = [entry["Entry"] for entry in expected["StackSizes"]]
    assert found["frames"] == {name: entry["Size"] for entry in stacks for name in entry["Functions"]}
    assert set(found["frames"]) == {"inner", "outer"}
    assert found["undefined"] == ["ext"]
    assert found["references"][".text.outer"] in (["inner"], [".text.inner"])
    assert found["references"][".text.inner"] == ["ext"]

    fewer = json.loads(core.describe_object(core.remove_sections(code, [".stack*", ".rel*.stack*"])))
    assert not fewer["frames"]
    assert ".stack_sizes" not in {section["name"] for section in fewer["sections"]}


def test_archives_are_those_of_llvm_ar(tmp_path: Path):
    members = {}
    for name in ("first", "second"):
        (tmp_path / f"{name}.c").write_text(f"int {name}(void) {{ return 1; }}")
        subprocess.run([find_program("clang-22"), "-c", f"{name}.c"], check=True, cwd=tmp_path)
        members[f"{name}.o"] = (tmp_path / f"{name}.o").read_bytes()
    command = [find_program("llvm-ar-22"), "rcsD", "expected.a", *members]
    subprocess.run(command, check=True, cwd=tmp_path)
    link.archive(members, tmp_path / "found.a")
    assert sorted(symbols(tmp_path / "found.a")) == sorted(symbols(tmp_path / "expected.a"))
    assert load_core().make_archive(list(members.items())) == (tmp_path / "expected.a").read_bytes()
