"""The demo runs, and its schemes learn as much as they should."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pockmlir._core")

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


@pytest.mark.slow
def test_demo(tmp_path: Path) -> None:
    command = [sys.executable, str(DEMO), "--quick", "--json", "--out", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stderr
    schemes = json.loads(run.stdout)["schemes"]

    assert list(schemes) == ["last", "bias", "sparse", "full"]
    for name, figures in schemes.items():
        assert figures["accuracy_after"] > figures["accuracy_before"] + 0.1, name
    accuracy = {name: figures["accuracy_after"] for name, figures in schemes.items()}
    assert accuracy["full"] >= accuracy["last"]
    assert accuracy["sparse"] >= accuracy["last"]
    # What the scheme freezes is not paid for.
    saved = {name: figures["saved_bytes"] for name, figures in schemes.items()}
    assert saved["last"] < saved["sparse"] < saved["bias"] < saved["full"]

    assert (tmp_path / "demo.png").stat().st_size > 10_000
    for name in schemes:
        for file in ("checkpoint.safetensors", "report.txt", "export"):
            assert (tmp_path / name / file).exists()
