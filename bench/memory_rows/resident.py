"""Memory of a step in a process without PyTorch and compiler: ``python -m memory_rows.resident DIRECTORY STEPS``.

This module only imports Python's standard library. It runs in `bench/` on the files of `ours`, and prints one JSON
object with sizes in bytes:

* `resident`: growth of the resident set from before the library is loaded and its memory allocated to the peak of the
  steps;
* `anonymous`: the part of it that is memory; the rest is code that has run, in pages of the library's file;
* `losses`: the losses of the first steps.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import struct
import sys
from pathlib import Path
from typing import Any

from peers.worker import forget_peak, resident


def memory(size: int, image: Path | None = None) -> mmap.mmap:
    """Return private pages, which become resident when they are written; fill them from a file if one is given."""
    pages = mmap.mmap(-1, max(size, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if image and size:
        with image.open("rb", buffering=0) as file:
            file.readinto(memoryview(pages)[:size])
    return pages


def address(pages: mmap.mmap) -> ctypes.c_void_p:
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(pages)))


def exact(field: str) -> int:
    """Bytes from ``smaps_rollup``, which counts every page, while ``VmRSS`` may lag behind by some pages."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise KeyError(field)


def measure(directory: Path, steps: int) -> dict[str, Any]:
    """Run some steps on private memory; inputs and outputs belong to the caller, and do not count."""
    manifest = json.loads((directory / "manifest.json").read_text())
    name, function, segments = manifest["name"], manifest["functions"]["step"], manifest["segments"]
    files = [directory / f"input-{index}.bin" for index in range(len(function["inputs"]))]
    callers = [memory(file.stat().st_size, file) for file in files]
    callers += [memory(8) for _ in function["outputs"]]
    before, anonymous = exact("Rss"), exact("Anonymous")
    forget_peak()
    library = ctypes.CDLL(str(directory / f"lib{name}.so"))
    constants = memory(segments["constants"], directory / f"{name}.constants.bin")
    state = memory(segments["state"], directory / f"{name}.state.bin")
    arena = memory(segments["arena"])
    arguments = [address(pages) for pages in (constants, state, arena, *callers)]
    losses = []
    for _ in range(steps):
        if code := library[f"{name}_step"](*arguments):
            raise SystemExit(f"{name}_step returns {code}")
        losses += struct.unpack_from("f", callers[len(files)])
    # No memory is returned to the system during the steps, so the current size is the peak. Take the larger count.
    return {
        "resident": max(exact("Rss"), resident()) - before,
        "anonymous": exact("Anonymous") - anonymous,
        "losses": losses,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
