"""The time of each kernel of a compiled step, with operations and bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact.launches import Launch, grouped
from ..support.sizes import format_bytes
from ..support.tables import as_text, make_table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

__all__ = ["Profile", "Share", "TimedLaunch"]

#: Maximum number of rows of a printed table.
_ROWS = 25


@dataclass(frozen=True)
class TimedLaunch(Launch):
    """One launch of a kernel with its time.

    Attributes:
        seconds: median over the runs, without the cost of reading the clock.
    """

    seconds: float


@dataclass(frozen=True)
class Share:
    """Sums over several launches.

    Attributes:
        name: name of the kernel, layer or phase.
        launches: number of launches.
        seconds: their total time.
        share: their share of the time of all launches of the function, between 0 and 1.
        flops: their floating-point operations.
        bytes: the bytes that they read and write.
        layers: the layers that they belong to.
    """

    name: str
    launches: int
    seconds: float
    share: float
    flops: int
    bytes: int
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """Times of every launch of a function; ``print`` it, or take ``to_dict()``.

    Attributes:
        name: the model's name.
        function: ``step`` or ``predict``.
        runs: number of runs of which the medians are taken.
        seconds: median of a whole run, without reading the clock. It exceeds the sum of the launches'
            medians if other programs disturbed most runs, each at another launch.
        clock_seconds: median time of reading the clock once; subtracted everywhere.
        launches: in the order of execution.
    """

    name: str
    function: str
    runs: int
    seconds: float
    clock_seconds: float
    launches: tuple[TimedLaunch, ...]

    def by_kernel(self) -> list[Share]:
        """Sum up launches of the same kernel, the longest first."""
        return self._shares(lambda launch: launch.kernel)

    def by_layer(self) -> list[Share]:
        """Sum up launches of the same layer, in all phases, the longest first."""
        return self._shares(lambda launch: launch.layer)

    def by_phase(self) -> list[Share]:
        """Sum up launches of the same phase, the longest first."""
        return self._shares(lambda launch: launch.phase)

    def _shares(self, key: Callable[[TimedLaunch], str]) -> list[Share]:
        total = sum(launch.seconds for launch in self.launches)
        shares = []
        for name, members in grouped(self.launches, key).items():
            seconds = sum(launch.seconds for launch in members)
            shares.append(
                Share(
                    name=name,
                    launches=len(members),
                    seconds=seconds,
                    share=seconds / total if total else 0.0,
                    flops=sum(launch.flops for launch in members),
                    bytes=sum(launch.bytes for launch in members),
                    layers=tuple(dict.fromkeys(launch.layer for launch in members)),
                )
            )
        return sorted(shares, key=lambda share: -share.seconds)

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain data, fit for JSON."""
        return asdict(self) | {
            "by_kernel": [asdict(share) for share in self.by_kernel()],
            "by_layer": [asdict(share) for share in self.by_layer()],
            "by_phase": [asdict(share) for share in self.by_phase()],
        }

    def write_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a trace for Perfetto and ``chrome://tracing``: one run, made of medians.

        Phases, layers and kernels are three tracks over the same time.
        """
        begins = [0.0, *accumulate(launch.seconds for launch in self.launches)]
        spans = [(launch, begins[launch.index], begins[launch.index + 1]) for launch in self.launches]
        events = [_named("process_name", 0, f"{self.name}_{self.function}")]
        for track, title in enumerate(("phase", "layer", "kernel")):
            events.append(_named("thread_name", track, title))
        for phase, members in groupby(spans, key=lambda span: span[0].phase):
            events.append(_event(0, phase, phase, list(members), {}))
        for (layer, phase), members in groupby(spans, key=lambda span: (span[0].layer, span[0].phase)):
            events.append(_event(1, layer, phase, list(members), {}))
        for launch, begin, end in spans:
            events.append(_event(2, launch.kernel, launch.phase, [(launch, begin, end)], _arguments(launch)))
        Path(path).write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}) + "\n")

    def tables(self, rows: int = _ROWS) -> list[Table]:
        """Return tables of the longest launches, kernels and layers, and of the phases.

        Args:
            rows: maximum number of rows of each table.
        """
        longest = sorted(self.launches, key=lambda launch: -launch.seconds)[:rows]
        total = sum(launch.seconds for launch in self.launches)
        launches = [
            (f"#{launch.index}", launch.kernel, _layers(launch.layers), launch.phase, *_figures(launch, total))
            for launch in longest
        ]
        title = f"{len(longest)} longest of {len(self.launches)} launches"
        tables = [_table(title, ("", "kernel", "layer", "phase"), launches)]
        for what, shares in (("kernel", self.by_kernel()), ("layer", self.by_layer()), ("phase", self.by_phase())):
            cells = [(share.name, str(share.launches), *_figures(share, total)) for share in shares[:rows]]
            tables.append(_table(f"{len(cells)} longest of {len(shares)} {what}s", (what, "launches"), cells))
        return tables

    def __str__(self) -> str:
        return as_text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        flops = sum(launch.flops for launch in self.launches)
        total = sum(launch.seconds for launch in self.launches)
        yield (
            f"{self.name}_{self.function}: {1e3 * self.seconds:.3f} ms as a whole, {1e3 * total:.3f} ms as the sum of "
            f"{len(self.launches)} launches, {_rate(flops, total)} GFLOP/s; medians of {self.runs} runs, without "
            f"{1e9 * self.clock_seconds:.0f} ns per reading of the clock"
        )
        yield from self.tables()


def _event(
    track: int, name: str, phase: str, spans: Sequence[tuple[TimedLaunch, float, float]], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """A complete event from the first to the last of the spans; viewers count in microseconds."""
    begin, end = round(1e6 * spans[0][1], 3), round(1e6 * spans[-1][2], 3)
    place = {"pid": 0, "tid": track, "ts": begin, "dur": round(end - begin, 3)}
    return {"name": name, "cat": phase, "ph": "X"} | place | {"args": dict(arguments)}


def _named(what: str, track: int, name: str) -> dict[str, Any]:
    """A metadata event: the name of a process or of a track."""
    return {"name": what, "ph": "M", "pid": 0, "tid": track, "args": {"name": name}}


def _arguments(launch: TimedLaunch) -> dict[str, Any]:
    """The details of a launch in a viewer."""
    return {
        "index": launch.index,
        "layers": ", ".join(launch.layers),
        "flops": launch.flops,
        "bytes": launch.bytes,
        "GFLOP/s": _rate(launch.flops, launch.seconds),
        "GB/s": _rate(launch.bytes, launch.seconds),
    }


def _rate(count: int, seconds: float) -> str:
    """Billions per second; empty if the time is zero."""
    return f"{1e-9 * count / seconds:.1f}" if seconds > 0 and count else "-"


def _layers(layers: Sequence[str]) -> str:
    """The first layer, and the number of others."""
    return layers[0] if len(layers) == 1 else f"{layers[0]} (+{len(layers) - 1})"


def _figures(item: TimedLaunch | Share, total: float) -> tuple[str, ...]:
    """Time, share, operations and bytes."""
    share = item.seconds / total if total else 0.0
    return (
        f"{1e6 * item.seconds:,.1f}",
        f"{100 * share:.1f} %",
        _rate(item.flops, item.seconds),
        format_bytes(item.bytes),
        _rate(item.bytes, item.seconds),
    )


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = make_table(title, (*columns, "µs", "share", "GFLOP/s", "bytes", "GB/s"), rows)
    for column in table.columns:
        column.overflow = "fold"  # names are never truncated
        column.no_wrap = column.header not in ("kernel", "layer")
        if column.header not in ("", "kernel", "layer", "phase"):
            column.justify = "right"
    return table
