"""Runs a function in a forked process with a limit, and reports crashes and hangs as results."""

from __future__ import annotations

import faulthandler
import math
import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

__all__ = ["isolated"]

#: Times the CPU seconds that a function may wait, for others or for nothing.
PATIENCE = 10


def isolated(function: Callable[[], Any], seconds: float) -> tuple[str, Any]:
    """Call a function with a limit in seconds of CPU time, which does not depend on the machine's load.

    Returns:
        ``("done", result)``, ``("raised", traceback)``, ``("crash", signal)`` or ``("hang", seconds)``.
    """
    reader, writer = os.pipe()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pock-random-") as scratch:
        child = os.fork()
        if child == 0:
            _child(function, writer, scratch, seconds)
        os.close(writer)
        try:
            data = _read(reader, begin + PATIENCE * seconds)
        finally:
            os.close(reader)
        if data is None:
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if data is None:
        return "hang", seconds
    if data:
        return pickle.loads(data)
    if not os.WIFSIGNALED(status):
        return "crash", f"exit {status >> 8}"
    cause = signal.Signals(os.WTERMSIG(status))
    return ("hang", seconds) if cause == signal.SIGXCPU else ("crash", cause.name)


def _child(function: Callable[[], Any], writer: int, scratch: str, seconds: float) -> None:
    """Run the function and end the process."""
    os.setpgid(0, 0)
    limit = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    faulthandler.disable()
    # Files of a killed process are removed with the folder.
    tempfile.tempdir = scratch
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        result = "done", function()
    except BaseException:
        result = "raised", traceback.format_exc()
    with os.fdopen(writer, "wb") as pipe:
        pickle.dump(result, pipe)
    sys.stdout.flush()
    os._exit(0)


def _read(reader: int, until: float) -> bytes | None:
    """Read to the end; return None if that takes too long."""
    pieces = []
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([reader], [], [], left)
        if ready:
            piece = os.read(reader, 1 << 16)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
    return None
