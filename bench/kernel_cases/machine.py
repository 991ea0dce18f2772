"""Measures the limits of the machine: multiply-adds per second, and bytes copied per second."""

from __future__ import annotations

import ctypes
import math
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pockmlir.core.extension import load_core
from pockmlir.device.sources import find_tool
from pockmlir.runtime.abi import aligned_bytes

__all__ = ["Machine"]

#: Bytes read and written in all, of the copies that are measured.
SIZES = tuple(2**exponent for exponent in range(16, 29))

#: Seconds that one measurement takes at least.
SECONDS = 2e-3


class Machine:
    """The limits for a number of threads; repeated measurements can raise the peak.

    Attributes:
        peak: operations on floats per second; a multiply-add counts as two.
        stream: size of a working set → bytes per second of a copy in it, reads and writes.
        clock: a clock in seconds; for one thread the thread's CPU time, so that other programs do not count.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self.clock = time.thread_time if threads == 1 else time.perf_counter
        found = re.search(r"vector_bytes = (\d+)", load_core().host_target())
        self.vector_bytes = int(found[1]) if found else 16
        self._library = _build(self.vector_bytes)
        # One thread is this one: another would take some microseconds to wake up.
        self._map = ThreadPoolExecutor(threads).map if threads > 1 else map
        self._sinks = [aligned_bytes(self.vector_bytes, 64) for _ in range(threads)]
        self._steps = self._enough(self._multiply_add)
        self.peak = 0.0
        self.measure_peak(20)
        self.stream = {size: self._copy_rate(size) for size in SIZES}

    def measure_peak(self, rounds: int = 3) -> None:
        """Measure the peak again, and keep the better value."""
        for _ in range(rounds):
            begin = self.clock()
            operations = self._multiply_add(self._steps)
            self.peak = max(self.peak, operations / (self.clock() - begin))

    def stream_at(self, size: int) -> float:
        """Return the rate of a copy whose working set is the nearest to ``size`` bytes."""
        nearest = min(SIZES, key=lambda other: abs(math.log(other / max(size, 1))))
        return self.stream[nearest]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return {"threads": self.threads, "peak": self.peak, "stream": self.stream, "vector_bytes": self.vector_bytes}

    def _multiply_add(self, steps: int) -> int:
        """Run `steps` steps in every thread; return the operations of all threads."""
        run = lambda sink: int(self._library.multiply_add(steps, sink.ctypes.data))  # noqa: E731
        return sum(self._map(run, self._sinks))

    def _copy_rate(self, size: int) -> float:
        """Return the better rate of ordinary and nontemporal copies."""
        half = size // 2 // self.threads // self.vector_bytes * self.vector_bytes
        pairs = [(aligned_bytes(half, 64), aligned_bytes(half, 64)) for _ in range(self.threads)]
        for source, target in pairs:
            source[:] = target[:] = 1
        addresses = [(target.ctypes.data, source.ctypes.data) for source, target in pairs]
        best = 0.0
        for function in (self._library.copy, self._library.copy_nontemporal):

            def run(times: int, function: Any = function) -> None:
                vectors = half // self.vector_bytes
                list(self._map(lambda pair: function(*pair, vectors, times), addresses))

            times = self._enough(run)
            seconds = min(self._seconds(run, times) for _ in range(25))
            best = max(best, 2 * half * self.threads * times / seconds)
        return best

    def _enough(self, run: Callable[[int], object]) -> int:
        """Return a number of repetitions, a power of two, that takes long enough to be measured."""
        times = 1
        # The least of some: threads that start, or wait for others, take long, too.
        while min(self._seconds(run, times) for _ in range(3)) < SECONDS:
            times *= 2
        return times

    def _seconds(self, run: Callable[[int], object], times: int) -> float:
        begin = self.clock()
        run(times)
        return self.clock() - begin


def _build(vector_bytes: int) -> ctypes.CDLL:
    """Compile and load `machine.c`."""
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory, "libmachine.so")
        flags = ["-O3", "-march=native", "-fno-builtin", "-shared", "-fPIC", f"-DVECTOR_BYTES={vector_bytes}"]
        source = Path(__file__).with_name("machine.c")
        subprocess.run([find_tool("clang-22"), *flags, source, "-o", library], check=True)
        loaded = ctypes.CDLL(str(library))
    loaded.multiply_add.argtypes = [ctypes.c_long, ctypes.c_void_p]
    loaded.multiply_add.restype = ctypes.c_long
    for copy in (loaded.copy, loaded.copy_nontemporal):
        copy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
        copy.restype = None
    return loaded
