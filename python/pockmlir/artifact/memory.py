"""The memory of a step in bytes: by kind, by layer, and over time."""

from __future__ import annotations

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
        kind: kind of a `Stored` tensor or a `Place`, or ``gaps``: alignment, and unused bytes of the arena.
        peak: bytes at the moment when most of the arena is live.
        most: maximum over the step. Always 0 for gaps, which are not tied to a moment.
    """

    kind: str
    peak: int
    most: int


@dataclass(frozen=True)
class LayerBytes:
    """Bytes of one layer.

    Attributes:
        layer: path of the module.
        parameters: trained and frozen parameters, buffers, and values prepared from them.
        optimizer_state: optimizer state of its parameters.
        saved: values of its forward pass that the backward pass reads, masks included.
        peak: bytes in the arena when most of the arena is live.
        most: maximum of its bytes in the arena.
    """

    layer: str
    parameters: int
    optimizer_state: int
    saved: int
    peak: int
    most: int

    @property
    def total(self) -> int:
        """Sum of parameters, optimizer state, and bytes in the arena when most of it is live."""
        return self.parameters + self.optimizer_state + self.peak


@dataclass(frozen=True)
class Memory:
    """The memory of a step, in bytes; a run uses exactly this.

    Attributes:
        constants: frozen parameters and buffers that are never written.
        state: trained parameters, written buffers, prepared values, optimizer state.
        arena: all transient values.
        lower_bound: no plan for this order of launches has a smaller arena: the maximum of live bytes,
            alignment between them included.
        saved: values of the forward pass that the backward pass reads, masks included.
        gradients: maximum of live bytes that the backward pass has made, gradients of activations included.
        workspace: the largest scratch of a kernel.
        parameters: trained and frozen parameters.
        optimizer_state: optimizer state, such as momenta.
        timeline: (operation, live bytes of the arena), in order of execution.
        places: the values in the arena, with offset and lifetime.
        tensors: the tensors that outlive the step.
        least_peak: no order of the step's launches has a smaller peak; 0 if no order was searched for.
        recomputed: number of launches that run again because of a memory limit.
        recomputed_flops: operations of these launches, on floats and integers.
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
        """All memory of a running step, without inputs and outputs."""
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
        """Return the values that are live in the arena during a launch, the largest first."""
        live = [place for place in self.places if place.begin <= moment <= place.end]
        return sorted(live, key=lambda place: (-place.bytes, place.offset))

    @property
    def launches(self) -> int:
        """Number of launches of a step."""
        return len(self.timeline)

    def by_kind(self) -> list[KindBytes]:
        """Sum up persistent tensors, live values and gaps, by kind."""
        kinds = [KindBytes(kind, count, count) for kind, count in _stored(self.tensors).items()]
        for kind, live in self.live_by_kind.items():
            kinds.append(KindBytes(kind, live[self.peak] if live else 0, max(live, default=0)))
        return [*kinds, KindBytes("gaps", self.total - sum(entry.peak for entry in kinds), 0)]

    def by_layer(self) -> list[LayerBytes]:
        """Sum up the bytes of each module, the largest first; gaps belong to no module."""
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
    sums = dict.fromkeys(("parameter", "buffer", "state", "prepared", "constant"), 0)
    for tensor in tensors:
        sums[tensor.kind] += tensor.bytes
    return sums


def read_limit_error(facts: Sequence[Mapping[str, Any]]) -> MemoryLimitError | None:
    """Return the error if facts of the compiler (`core.extension.facts_of`) say that a memory limit cannot be met."""
    for fact in facts:
        if fact["kind"] == "memory limit":
            tensors = [(int(count), str(what)) for count, what in fact["tensors"]]
            return MemoryLimitError(fact["limit"], fact["smallest"], fact["reason"], tensors)
    return None
