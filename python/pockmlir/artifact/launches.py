"""The launches of a function: what each of them computes and moves, known without running it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Launch", "Work", "grouped", "read_launches", "sum_up"]


@dataclass(frozen=True)
class Launch:
    """One launch of a kernel.

    Attributes:
        index: its place in the order of execution.
        kernel: the kernel's name; launches of one kernel have the same.
        layer: path of the module whose op the kernel begins with; ``(loss)``, ``(model)``.
        layers: the modules of all ops that the kernel was made of.
        phase: ``forward``; ``backward``, behind the loss; ``update``, if it changes a parameter
            or the optimizer's state, also where it computes the gradient on the way.
        flops: operations on floats and integers: a multiply-add is two, a function such as exp one.
        bytes: what it must at least read and write of its arguments.
    """

    index: int
    kernel: str
    layer: str
    layers: tuple[str, ...]
    phase: str
    flops: int
    bytes: int


AnyLaunch = TypeVar("AnyLaunch", bound=Launch)


@dataclass(frozen=True)
class Work:
    """What several launches do together.

    Attributes:
        name: of the layer, kernel or phase.
        launches: how many there are.
        flops: operations of all of them.
        bytes: read and written by all of them.
    """

    name: str
    launches: int
    flops: int
    bytes: int


def read_launches(costs: str, function: str) -> tuple[Launch, ...]:
    """Return the launches of a function, in the order of execution.

    Args:
        costs: what `Core.kernel_costs` gives, JSON.
        function: ``step``, ``predict`` or ``accumulate``.
    """
    data = json.loads(costs)
    return tuple(
        _launch(index, entry, data["kernels"][entry["kernel"]])
        for index, entry in enumerate(data["functions"][function])
    )


def _launch(index: int, entry: Mapping[str, Any], cost: Mapping[str, int]) -> Launch:
    layers = tuple(layer or "(model)" for layer in entry["layers"]) or ("(model)",)
    return Launch(
        index=index,
        kernel=entry["kernel"],
        layer=layers[0],
        layers=layers,
        phase=entry["phase"],
        flops=cost["flops"],
        bytes=cost["bytes_read"] + cost["bytes_written"],
    )


def grouped(launches: Iterable[AnyLaunch], key: Callable[[AnyLaunch], str]) -> dict[str, list[AnyLaunch]]:
    """Return launches by key, in the order of their first ones."""
    groups: dict[str, list[AnyLaunch]] = {}
    for launch in launches:
        groups.setdefault(key(launch), []).append(launch)
    return groups


def sum_up(launches: Iterable[Launch], key: Callable[[Launch], str]) -> list[Work]:
    """Sum up launches with the same key, the most operations first."""
    sums = [
        Work(name, len(members), sum(launch.flops for launch in members), sum(launch.bytes for launch in members))
        for name, members in grouped(launches, key).items()
    ]
    return sorted(sums, key=lambda work: (-work.flops, -work.bytes))
