"""The features of this machine's processor, as Linux reports them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["USED", "missing_features", "reported_features"]

#: LLVM's feature → Linux's name, for features whose instructions the compiler may use.
USED = {
    # x86, where most names are equal; `lm` is a processor of 64 bits.
    **{
        name: name
        for name in (
            "adx avx avx2 avx512bw avx512cd avx512dq avx512f avx512ifma avx512vbmi avx512vl bmi2 cmov cx16 f16c fma fma4 "
            "gfni movbe popcnt sse sse2 sse4a ssse3 tbm xop"
        ).split()
    },
    "64bit": "lm",
    "avx512bf16": "avx512_bf16",
    "avx512bitalg": "avx512_bitalg",
    "avx512fp16": "avx512_fp16",
    "avx512vbmi2": "avx512_vbmi2",
    "avx512vnni": "avx512_vnni",
    "avx512vpopcntdq": "avx512_vpopcntdq",
    "avxvnni": "avx_vnni",
    "avxvnniint16": "avx_vnni_int16",
    "avxvnniint8": "avx_vnni_int8",
    "avxifma": "avx_ifma",
    "avxneconvert": "avx_ne_convert",
    "bmi": "bmi1",
    "lzcnt": "abm",
    "sahf": "lahf_lm",
    "sse3": "pni",
    "sse4.1": "sse4_1",
    "sse4.2": "sse4_2",
    # AArch64.
    "bf16": "bf16",
    "dotprod": "asimddp",
    "fp-armv8": "fp",
    "fullfp16": "asimdhp",
    "i8mm": "i8mm",
    "lse": "atomics",
    "neon": "asimd",
    "rcpc": "lrcpc",
    "rdm": "asimdrdm",
    "sve": "sve",
    "sve2": "sve2",
}


@functools.cache
def reported_features() -> frozenset[str] | None:
    """The features in /proc/cpuinfo, by Linux's names; None where there is no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return None
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else None


def missing_features(features: Iterable[str]) -> list[str]:
    """Return which of LLVM's features this processor lacks; those that code does not use do not count."""
    reported = reported_features()
    if reported is None:
        return []
    return [name for name in features if name in USED and USED[name] not in reported]
