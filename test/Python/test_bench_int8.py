"""Figures of the int8 backbones on microcontrollers are those of ``int8_counts.json``.

After a change that is meant to change them, write the file again: the rows of ``python bench/int8.py --json``, then
those with ``--gradients int16``, of ``--network mcunet-5fps --scheme 49kb`` and of ``--network kws-dscnn --scheme full
--target cortex-m0plus --target cortex-m3``, then those of ``--network mcunet-5fps --scheme 49kb --target cortex-m55
--gradients float32 --gradients float16``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import int8 as bench
import pytest
from quantized.backbones import data_folder

pytestmark = pytest.mark.skipif(data_folder() is None, reason="no weights; POCK_DATA names their folder")
GOLDEN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "int8_counts.json").read_text())
QUICK = ("mcunet-5fps", "49kb", "cortex-m7", "float32")


def _key(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return row["network"], row["scheme"], row["target"], row["gradients"]


def _cases() -> list[Any]:
    keys = [_key(row) for row in GOLDEN]
    marks = {key: () if key == QUICK else pytest.mark.slow for key in keys}
    return [pytest.param(row, id="-".join(key), marks=marks[key]) for row, key in zip(GOLDEN, keys, strict=True)]


@pytest.mark.parametrize("golden", _cases())
def test_figures_are_golden(golden: dict[str, Any]) -> None:
    row = bench.measure(*_key(golden))
    assert row.same_bits == golden["same_bits"]
    if row.tools != golden["tools"]:
        pytest.skip(f"bits agree, but figures were taken with other tools: {golden['tools']}")
    assert asdict(row) == golden
