"""Runs a module of this package in a process of its own and returns its output."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from typing import Any

from peers.process import BENCH, LIMIT, Failure

__all__ = ["apart"]

#: The same for all: one heap, from which every large block comes and to which it goes back on its own (a threshold
#: that is set does not grow), and one thread.
ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(128 << 10),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 10),
} | {f"{library}_NUM_THREADS": "1" for library in ("OMP", "MKL", "OPENBLAS")}


def apart(module: str, *arguments: object, timeout: float) -> dict[str, Any]:
    """Run ``memory_rows.<module>``; return the JSON object that is the last line of its output.

    Raises:
        Failure: the process exceeded its time, or did not print a JSON object.
    """
    command = [sys.executable, "-m", f"memory_rows.{module}", *map(str, arguments)]
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))  # noqa: E731
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=BENCH,
            env=dict(os.environ) | ENVIRONMENT,
            preexec_fn=limit,
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"{module} takes too long") from None
    if done.returncode:
        words = done.stderr.strip().splitlines() or [""]
        raise Failure(f"{module} ends with status {done.returncode}: {words[-1]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result
