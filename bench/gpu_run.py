"""Times compiled steps on a GPU beside PyTorch: ``bench/gpu_run.py FOLDER``, of ``bench/gpu.py build``.

Needs Python, NumPy and PyTorch, and a Vulkan driver; no `pockmlir`. Where there is no CUDA, PyTorch runs on the CPU.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_rows.folder import Folder, FolderError, Row
from gpu_rows.torch_step import TorchStep, set_tf32
from gpu_rows.vulkan import Device, Step, VulkanError

#: Turns that everyone takes in one row.
ROUNDS = 5
#: Launches that a row's table of kernels has, and runs of the profile.
SLOWEST, PROFILES = 10, 5
#: Name of a column → what PyTorch does for it.
EAGER: Mapping[str, Mapping[str, bool]] = {"eager": {}, "tf32": {}, "f16": {"half": True}}

Run = Callable[[], float]


@dataclass
class Contest:
    """The steps that take turns in a row.

    Attributes:
        runs: variant → its step; the first word of its name is the column.
        failures: variant → why it has no time.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    times: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, build: Callable[[], Run]) -> None:
        """Build a step and run it twice; if that fails, it is a failure."""

        def first() -> None:
            set_tf32(_column(name) == "tf32")
            run = build()
            for _ in range(2):
                if not math.isfinite(loss := run()):
                    raise ArithmeticError(f"the loss is {loss}")
            self.runs[name] = run

        self.attempt(name, first)

    def run(self, seconds: float) -> None:
        """Let all take turns, in bursts, for so many seconds in all; a slow one has fewer turns."""
        share = seconds / max(len(self.runs), 1)
        self.times = {name: [] for name in self.runs}
        for _ in range(ROUNDS):
            for name in [*self.runs]:
                if sum(self.times[name]) < share:
                    self.attempt(name, lambda name=name: self._burst(name, share / ROUNDS))

    def attempt(self, name: str, action: Callable[[], None]) -> None:
        """Do something for a variant; if it fails, the variant has a failure and takes no part any more."""
        try:
            action()
        except Exception as error:  # a peer that cannot run must not end the table
            self.failures[name] = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self.runs.pop(name, None)
            self.times.pop(name, None)

    def best(self, column: str) -> float | None:
        """The least median of a column's variants in ms; None if all have failed."""
        found = [times for name, times in self.times.items() if _column(name) == column and times]
        return min((1e3 * statistics.median(times) for times in found), default=None)

    def _burst(self, name: str, seconds: float) -> None:
        run, times = self.runs[name], self.times[name]
        set_tf32(_column(name) == "tf32")
        run()
        end = time.perf_counter() + seconds
        while True:
            begin = time.perf_counter()
            run()
            now = time.perf_counter()
            times.append(now - begin)
            if now >= end:
                return


def _column(variant: str) -> str:
    return variant.split()[0]


@dataclass(frozen=True)
class Peak:
    """What the device does at most: operations of float32, and bytes moved, in a second."""

    flops: float
    bytes: float


def measured_peak(device: str) -> Peak:
    """Measure a large product of float32 matrices, and a large copy, by PyTorch."""
    set_tf32(False)
    size, count = (8192, 1 << 28) if device == "cuda" else (1024, 1 << 22)
    x, source = torch.randn(size, size, device=device), torch.randn(count, device=device)
    target = torch.empty_like(source)

    def least(action: Callable[[], object]) -> float:
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            action()
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - begin)
        return min(times)

    if device == "cuda":
        torch.cuda.synchronize()
    return Peak(2 * size**3 / least(lambda: x @ x), 2 * source.nbytes / least(lambda: target.copy_(source)))


def kernels(row: Row, step: Step, peak: Peak) -> tuple[float, list[dict[str, Any]]]:
    """Return the ms of all launches, and the slowest launches with what they reach of the peaks."""
    launches = row.data["launches"]
    seconds = np.median([step.profile(len(launches)) for _ in range(1 + PROFILES)][1:], axis=0)
    found = []
    for index in np.argsort(-seconds, kind="stable")[:SLOWEST]:
        launch, spent = launches[index], max(float(seconds[index]), 1e-9)
        flops, moved = launch["flops"] / spent, launch["bytes"] / spent
        figures = {"ms": 1e3 * spent, "gflops": 1e-9 * flops, "gbs": 1e-9 * moved}
        share = max(flops / peak.flops, moved / peak.bytes)
        about = {"launch": int(index)} | {key: launch[key] for key in ("kernel", "layer", "phase")}
        found.append(identity(row, "kernel") | about | figures | {"share_of_peak": share})
    return 1e3 * float(seconds.sum()), found


def identity(row: Row, kind: str) -> dict[str, Any]:
    """Return the first fields of a line."""
    return {"kind": kind} | {key: row.data[key] for key in ("row", "batch", "dtype")}


@dataclass(frozen=True)
class Bench:
    """Everything that a row needs.

    Attributes:
        device: Vulkan's.
        peer: ``cuda`` or ``cpu``, where PyTorch runs.
        about: fields of every row: both devices, PyTorch's version, and peaks.
    """

    device: Device
    peer: str
    peak: Peak
    seconds: float
    about: Mapping[str, Any]

    def load(self, row: Row) -> Step:
        """Load our step."""
        code = (row.place / "step.spv").read_bytes(), (row.place / "step.plan").read_bytes()
        return Step(self.device, code, (row.constants(), row.state()), row.inputs(), row.outputs())

    def eager(self, row: Row) -> Iterator[dict[str, Any]]:
        """Time a row beside PyTorch eager; yield its line, and those of its slowest kernels."""
        contest = Contest()
        contest.add("ours", lambda: self.load(row))
        for column, options in EAGER.items():
            if column == "tf32" and self.peer == "cpu":
                contest.failures[column] = "CPUs have no TF32"
                continue
            for layout, last in layouts(row).items():
                build = functools.partial(TorchStep, row, self.peer, channels_last=last, **options)
                contest.add(column + layout, build)
        ours = contest.runs.get("ours")
        contest.run(self.seconds)
        # A step is compared with PyTorch's in the same type.
        peer = "f16" if row.data["dtype"] == "f16" else "eager"
        line = self._line(row, contest, "row", peer, ["eager", "tf32", "f16"])
        line["kernels_ms"] = None
        table: list[dict[str, Any]] = []

        def profile() -> None:
            if isinstance(ours, Step) and "ours" in contest.runs:
                line["kernels_ms"], found = kernels(row, ours, self.peak)
                table.extend(found)

        contest.attempt("profile", profile)
        yield line
        yield from table
        self._end(contest, ours)

    def compiled(self, row: Row) -> Iterator[dict[str, Any]]:
        """Time a row beside compilers of models; yield its line."""
        contest = Contest()
        contest.add("ours", lambda: self.load(row))
        ours = contest.runs.get("ours")
        for layout, last in layouts(row).items():
            compiled = functools.partial(TorchStep, row, self.peer, channels_last=last, compiled=True)
            contest.add(f"compile{layout}", compiled)
            contest.add(f"jax{layout}", functools.partial(jax_step, row, self.peer, last))
        contest.run(self.seconds)
        yield self._line(row, contest, "compiled", "compile", ["compile", "jax"])
        self._end(contest, ours)

    def _line(self, row: Row, contest: Contest, kind: str, peer: str, columns: list[str]) -> dict[str, Any]:
        times = {f"{column}_ms": contest.best(column) for column in ("ours", *columns)}
        ours, theirs = times["ours_ms"], times[f"{peer}_ms"]
        launches = row.data["launches"]
        work = {key: sum(launch[key] for launch in launches) for key in ("flops", "bytes")}
        ratio = ours / theirs if ours and theirs else None
        counts = {"launches": len(launches), "runs": len(contest.times.get("ours", []))}
        found = identity(row, kind) | times | {"peer": peer, "ratio": ratio} | work | counts
        return found | dict(self.about) | {"failures": contest.failures}

    def _end(self, contest: Contest, ours: Run | None) -> None:
        """Give memory back, for the next row: Vulkan and CUDA share the device's."""
        contest.runs.clear()
        if isinstance(ours, Step):
            ours.unload()
        gc.collect()
        if self.peer == "cuda":
            torch.cuda.empty_cache()


def layouts(row: Row) -> dict[str, bool]:
    """Return the memory formats that peers try: a suffix of the variant's name → whether channels are last."""
    images = any(len(spec["shape"]) == 4 for spec in row.data["inputs"])
    return {"": False, " channels last": True} if images else {"": False}


def jax_step(row: Row, device: str, channels_last: bool) -> Run:
    """Return JAX's step on the row's graph; its batch stays on the device."""
    os.environ.setdefault("JAX_PLATFORMS", device)
    # Otherwise float32 is TF32 on GPUs.
    os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from peers.jax import Trained
    from peers.task import Task

    assert row.graph is not None, row.name
    return Trained(Task(row.name, "full", 1, row.graph), channels_last).step


def readable(line: Mapping[str, Any]) -> str:
    """Return a line of the output for people."""
    if line["kind"] == "kernel":
        figures = f"{line['ms']:9.3f} ms {line['gflops']:9.1f} GFLOP/s {line['gbs']:8.1f} GB/s"
        return f"  {figures} {line['share_of_peak']:6.1%} of peak  {line['kernel']}, {line['phase']} of {line['layer']}"
    times = [f"{key[:-3]} {value:.3f}" for key, value in line.items() if key.endswith("_ms") and value is not None]
    ratio = "" if line["ratio"] is None else f"; ours / {line['peer']} {line['ratio']:.2f}"
    failures = "".join(f"\n  {name}: {why}" for name, why in line["failures"].items())
    return f"{line['row']}, batch {line['batch']}, {line['dtype']}, ms: {', '.join(times)}{ratio}{failures}"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of 'bench/gpu.py build'")
    parser.add_argument("--results", type=Path, default=Path("gpu.jsonl"), help="a line for every row (gpu.jsonl)")
    parser.add_argument("--row", action="append", default=[], help="a name such as ds-cnn-b1-f32; all by default")
    parser.add_argument("--seconds", type=float, default=10.0, help="for the timed steps of one row (10)")
    parser.add_argument("--device", default="", help="a part of the Vulkan device's name; the first one by default")
    parser.add_argument("--peak-tflops", type=float, help="of float32; measured by default")
    parser.add_argument("--peak-gbs", type=float, help="of memory; measured by default")
    parser.add_argument("--no-compilers", action="store_true", help="leave out torch.compile and JAX")
    parser.add_argument("--json", action="store_true", help="print one list of flat rows")
    return parser.parse_args(arguments)


def lines(options: argparse.Namespace, folder: Folder, device: Device) -> Iterator[dict[str, Any]]:
    """Yield the lines of all rows, as soon as there are any; compilers come last, because they take long."""
    peer = "cuda" if torch.cuda.is_available() else "cpu"
    # Shapes never change, so that the search for the fastest convolutions pays.
    torch.backends.cudnn.benchmark = True
    peak = Peak(1e12 * (options.peak_tflops or 0), 1e9 * (options.peak_gbs or 0))
    if not (peak.flops and peak.bytes):
        found = measured_peak(peer)
        peak = Peak(peak.flops or found.flops, peak.bytes or found.bytes)
    about = {
        # The library opens the first one.
        "vulkan_device": next(name for name in device.names() if options.device in name),
        "peer_device": torch.cuda.get_device_name() if peer == "cuda" else "cpu",
        "torch": torch.__version__,
        "peak_tflops": 1e-12 * peak.flops,
        "peak_gbs": 1e-9 * peak.bytes,
    }
    bench = Bench(device, peer, peak, options.seconds, about)
    rows = [row for row in folder.rows if not options.row or row.name in options.row]
    for row in rows:
        yield from bench.eager(row)
    for row in rows:
        if row.graph and not options.no_compilers:
            yield from bench.compiled(row)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run with these arguments, or those of the command line."""
    options = parsed(arguments)
    try:
        folder = Folder.read(options.folder)
        device = Device(folder.library, options.device)
    except (FolderError, VulkanError) as error:
        sys.exit(f"error: {error}")
    if unknown := set(options.row) - {row.name for row in folder.rows}:
        known = ", ".join(row.name for row in folder.rows)
        sys.exit(f"error: --row: expected one of {known}, but got {', '.join(sorted(unknown))}")
    found = []
    with options.results.open("w") as results:
        for line in lines(options, folder, device):
            found.append(line)
            results.write(json.dumps(line) + "\n")
            results.flush()
            if not options.json:
                print(readable(line), flush=True)
    if options.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
