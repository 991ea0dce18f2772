"""What a step costs in bytes: of which kind, for which layer, and when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, TypeVar

from ..errors import MemoryLimitError
from .places import ARENA_KINDS, ArenaKind, Place, Stored, read_places, read_stored

__all__ = ["KindBytes", "LayerBytes", "Memory", "read_limit_error", "read_memory"]

_Item = TypeVar("_Item", Place, Stored)


@dataclass(frozen=True)
class KindBytes:
    """Bytes of one kind; those at the peak add up to `Memory.total`.

    Attributes:
        kind: of a `Stored` tensor or a `Place`, or ``gaps``: alignment, and what of the arena nothing uses then.
        peak: when most of the arena is live.
        most: at any moment of the step; of gaps 0, as they are none of a moment's.
    """

    kind: str
    peak: int
    most: int


@dataclass(frozen=True)
class LayerBytes:
    """Bytes of one layer.

    Attributes:
        layer: path of the module.
        parameters: trained and frozen, buffers, and values prepared from them.
        optimizer_state: of its parameters.
        saved: what the backward pass reads of its forward pass, masks included.
        peak: of the arena, when most of it is live.
        most: of the arena, at any moment.
    """

    layer: str
    parameters: int
    optimizer_state: int
    saved: int
    peak: int
    most: int

    @property
    def total(self) -> int:
        """Of parameters, optimizer state, and the arena when most of it is live."""
        return self.parameters + self.optimizer_state + self.peak


@dataclass(frozen=True)
class Memory:
    """What a step costs, in bytes; the run keeps to it exactly.

    Attributes:
        constants: frozen parameters and buffers nobody writes.
        state: trained parameters, written buffers, prepared values, optimizer state.
        arena: all transient values.
        lower_bound: no plan for this order of operations can need a smaller arena: most bytes live at
            one time, with what alignment adds between them.
        saved: activations kept from the forward for the backward pass, masks too.
        gradients: most bytes made by the backward pass that live at one time, of activations too.
        workspace: scratch of kernels.
        parameters: trained and frozen.
        optimizer_state: momenta and the like.
        timeline: (operation, live bytes of the arena), in order of execution.
        places: what lives in the arena, where and when.
        tensors: what outlives the step.
        least_peak: no order of the step's launches has a smaller peak; 0 if none was looked for.
        recomputed: launches that run again in the backward pass because of a memory limit.
        recomputed_flops: their operations on floats and integers.
        flops: operations of the step, those included.
    """

    constants: int
    state: int
    arena: int
    lower_bound: int
    saved: int
    gradients: int
    workspace: int
    parameters: int
    optimizer_state: int
    timeline: tuple[tuple[str, int], ...] = ()
    places: tuple[Place, ...] = ()
    tensors: tuple[Stored, ...] = ()
    least_peak: int = 0
    recomputed: int = 0
    recomputed_flops: int = 0
    flops: int = 0

    @property
    def total(self) -> int:
        """All memory of a running step, inputs and outputs excepted."""
        return self.constants + self.state + self.arena

    @cached_property
    def peak(self) -> int:
        """The launch during which most bytes of the arena are live, the first of several; 0 if there is none."""
        return max(range(len(self.timeline)), key=lambda now: self.timeline[now][1], default=0)

    @cached_property
    def live_by_kind(self) -> Mapping[ArenaKind, tuple[int, ...]]:
        """Live bytes of each kind at each launch; they add up to the timeline."""
        return {
            kind: _live([place for place in self.places if place.kind == kind], len(self.timeline))
            for kind in ARENA_KINDS
        }

    def at(self, moment: int) -> list[Place]:
        """Return what lives in the arena during a launch, the largest first."""
        live = [place for place in self.places if place.begin <= moment <= place.end]
        return sorted(live, key=lambda place: (-place.bytes, place.offset))

    @property
    def launches(self) -> int:
        """How many kernels a step runs."""
        return len(self.timeline)

    def by_kind(self) -> list[KindBytes]:
        """Sum up what is stored, what is live, and what is lost to gaps."""
        kinds = [KindBytes(kind, count, count) for kind, count in _stored(self.tensors).items()]
        for kind, live in self.live_by_kind.items():
            kinds.append(KindBytes(kind, live[self.peak] if live else 0, max(live, default=0)))
        return [*kinds, KindBytes("gaps", self.total - sum(entry.peak for entry in kinds), 0)]

    def by_layer(self) -> list[LayerBytes]:
        """Sum up what belongs to each module, the largest first; gaps belong to none."""
        tensors, places = _by_layer(self.tensors), _by_layer(self.places)
        layers = []
        for layer in dict.fromkeys((*tensors, *places)):
            stored = _stored(tensors.get(layer, ()))
            transient = places.get(layer, [])
            live = _live(transient, len(self.timeline))
            layers.append(
                LayerBytes(
                    layer=layer,
                    parameters=sum(stored.values()) - stored["state"],
                    optimizer_state=stored["state"],
                    saved=sum(place.bytes for place in transient if place.kind in ("saved", "mask")),
                    peak=live[self.peak] if live else 0,
                    most=max(live, default=0),
                )
            )
        return sorted(layers, key=lambda layer: (-layer.total, -layer.most))

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return asdict(self) | {
            "total": self.total,
            "timeline": [list(entry) for entry in self.timeline],
            "peak": self.peak,
            "by_kind": [asdict(entry) for entry in self.by_kind()],
            "by_layer": [asdict(entry) | {"total": entry.total} for entry in self.by_layer()],
        }


def read_memory(data: Mapping[str, Any]) -> Memory:
    """Read the figures of a manifest."""
    segments = {name: int(data["segments"][name]) for name in ("constants", "state", "arena")}
    memory = data.get("memory", {})
    names = (
        "lower_bound",
        "saved",
        "gradients",
        "workspace",
        "parameters",
        "optimizer_state",
        "least_peak",
        "recomputed",
        "recomputed_flops",
        "flops",
    )
    figures = {name: int(memory.get(name, 0)) for name in names}
    timeline = tuple((str(label), int(live)) for label, live in memory.get("timeline", ()))
    return Memory(
        **segments,
        **figures,
        timeline=timeline,
        places=read_places(memory, [label for label, _ in timeline], data["tensors"]),
        tensors=read_stored(data["tensors"]),
    )


def _live(places: Sequence[Place], moments: int) -> tuple[int, ...]:
    """Live bytes at each moment."""
    changes = [0] * (moments + 1)
    for place in places:
        changes[place.begin] += place.bytes
        changes[place.end + 1] -= place.bytes
    return tuple(accumulate(changes[:-1]))


def _by_layer(items: Iterable[_Item]) -> dict[str, list[_Item]]:
    """The items of each layer."""
    groups: dict[str, list[_Item]] = {}
    for item in items:
        groups.setdefault(item.layer, []).append(item)
    return groups


def _stored(tensors: Iterable[Stored]) -> dict[str, int]:
    """Bytes of each kind."""
    sums = dict.fromkeys(("parameter", "buffer", "state", "prepared"), 0)
    for tensor in tensors:
        sums[tensor.kind] += tensor.bytes
    return sums


#: What `pock-fit-memory` says where nothing fits, and its notes.
_LIMIT = re.compile(r"memory limit of (\d+) bytes: (the smallest that fits is (\d+) bytes.*)")
_IN_THE_WAY = re.compile(r"note: (\d+) bytes (.*)")


def read_limit_error(diagnostics: str) -> MemoryLimitError | None:
    """Return the error that the compiler's diagnostics stand for, if they say that a memory limit cannot be kept."""
    if (limit := _LIMIT.search(diagnostics)) is None:
        return None
    tensors = [(int(count), what) for count, what in _IN_THE_WAY.findall(diagnostics)]
    return MemoryLimitError(int(limit[1]), int(limit[3]), limit[2], tensors)
