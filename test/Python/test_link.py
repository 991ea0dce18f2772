"""Code that is generated in parts becomes one object file, always the same."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pockmlir as pock
import pytest
from models import ARCHITECTURES

pytest.importorskip("pockmlir._core")

from pockmlir.core import link
from pockmlir.core.extension import load_core
from pockmlir.core.stages import PIPELINES


@pytest.fixture(scope="module")
def lowered() -> str:
    """A module of many kernels at stage ``llvm``."""
    architecture = ARCHITECTURES["mobilenetv2"]
    x, _ = architecture.batch(0)
    sgd, scheme = pock.SGD(lr=0.1), pock.Scheme.bias_only()
    step = pock.compile(architecture.model(), (x,), loss="cross_entropy", optimizer=sgd, scheme=scheme, name="net")
    return load_core().run_pipeline(step.ir("plan"), f"builtin.module({PIPELINES['llvm']})")


def symbols(path: Path) -> list[list[str]]:
    nm = link.find_program("llvm-nm-22", "llvm-nm", "nm")
    listed = subprocess.run([nm, str(path)], check=True, capture_output=True, text=True).stdout
    return [line.split()[-2:] for line in listed.splitlines()]


def test_what_parts_share_is_local(lowered: str, tmp_path: Path):
    parts = load_core().emit_objects(lowered)
    assert len(parts) > 1
    path = tmp_path / "model.o"
    link.write_object(parts, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.o"]
    defined = {name for kind, name in symbols(path) if kind.isupper() and kind not in "UW"}
    assert defined == {"net_init", "net_prepare", "net_predict", "net_step"}


def test_bytes_do_not_depend_on_the_number_of_cores(lowered: str, tmp_path: Path):
    core, cores = load_core(), os.sched_getaffinity(0)
    first = core.emit_objects(lowered)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert core.emit_objects(lowered) == first
    finally:
        os.sched_setaffinity(0, cores)
    written = []
    for name in ("a", "b"):
        path = tmp_path / name / "model.o"
        path.parent.mkdir()
        link.write_object(first, path)
        written.append(path.read_bytes())
    assert written[0] == written[1]
