"""One library for firmware of every convention for floats, and what `init` says if the floating-point unit is off."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from test_firmware import emulate, link
from torch import nn

pytest.importorskip("pockmlir._core")

ROWS = 2


def exported(target: str, directory: Path) -> pock.Step:
    torch.manual_seed(0)
    step = pock.compile(
        nn.Linear(8, 3),
        (torch.zeros(ROWS, 8),),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=0.5, momentum=0.9),
        scheme=pock.Scheme.full(),
        name="net",
        target=target,
        arithmetic="portable",
    )
    step.export(directory)
    return step


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The bits of the first losses on this machine."""
    x = np.arange(ROWS * 8, dtype=np.float32).reshape(ROWS, 8) - 4
    step = exported("host", tmp_path_factory.mktemp("host"))
    return [f"{np.float32(step(x, np.zeros(ROWS, np.int64))).view(np.uint32):#010x}" for _ in range(3)]


TARGETS = ("cortex-m4", "cortex-m33", "cortex-m55")


@pytest.mark.parametrize("target", TARGETS)
def test_every_convention_can_be_linked(target: str, losses: list[str], tmp_path: Path) -> None:
    exported(target, tmp_path)
    for convention in ("soft", "softfp", "hard"):
        off = [] if convention == "hard" else ["FPU_OFF"]
        flags = (f"-mfloat-abi={convention}", f"-I{tmp_path}", str(tmp_path / "libnet.a"))
        for compiler in ("gcc", "clang"):
            linked = link(tmp_path, target, "conventions.c", *off, compiler=compiler, more=flags)
            assert linked.returncode == 0, linked.stderr
            assert "warning" not in linked.stderr
        result = emulate(tmp_path, target)
        text = result.stdout + result.stderr
        assert result.returncode == 0, text
        assert re.findall(r"loss (\w+)", text) == losses
        assert "init 0x00000000" in text


def test_the_other_rows_give_the_same_losses(losses: list[str], tmp_path: Path) -> None:
    """Those without a convention to choose: no unit, or one that RISC-V's linkers tell apart."""
    for target in ("cortex-m0plus", "cortex-m3", "riscv32imc", "riscv32imfc"):
        exported(target, tmp_path / target)
        flags = (f"-I{tmp_path / target}", str(tmp_path / target / "libnet.a"))
        linked = link(tmp_path, target, "conventions.c", more=flags)
        assert linked.returncode == 0, linked.stderr
        text = emulate(tmp_path, target).stderr
        assert re.findall(r"loss (\w+)", text) == losses


@pytest.mark.parametrize(
    ("target", "unit"),
    [
        ("cortex-m7", "FPU"),
        ("cortex-m85", "FPU and Helium"),
        ("riscv32imfc", "FPU"),
        ("cortex-m3", ""),
        ("riscv32imc", ""),
    ],
)
def test_header_and_manifest_name_the_unit(target: str, unit: str, tmp_path: Path) -> None:
    exported(target, tmp_path)
    header = (tmp_path / "net.h").read_text()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["target"]["unit"] == unit
    codes = [failure["code"] for failure in manifest["failures"]]
    assert (
        ("NET_ERROR_FPU_OFF (-1)" in header)
        == (f"uses registers of the {unit}," in header)
        == (-1 in codes)
        == bool(unit)
    )
