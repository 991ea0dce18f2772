"""The values of a manifest: where each lives, its kind, and its layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

__all__ = ["ARENA_KINDS", "KIND_TITLES", "ArenaKind", "Place", "Stored", "read_places", "read_stored"]

ArenaKind = Literal["saved", "mask", "gradient", "activation", "workspace"]

#: Kinds of values in the arena; those that live longest come first.
ARENA_KINDS: tuple[ArenaKind, ...] = get_args(ArenaKind)

#: Printed names of the kinds, in the order of every list.
KIND_TITLES: Mapping[str, str] = {
    "parameter": "parameters",
    "buffer": "buffers",
    "state": "optimizer state",
    "prepared": "prepared from frozen parameters",
    "saved": "saved activations",
    "mask": "saved masks",
    "gradient": "gradients",
    "activation": "activations of the forward pass",
    "workspace": "workspace",
    "gaps": "alignment and gaps",
}

#: Layer of values that belong to no module.
_NO_LAYER = "(model)"


@dataclass(frozen=True)
class Place:
    """The bytes of the arena that one value occupies during its life.

    Attributes:
        offset: offset of the first byte in the arena.
        bytes: number of bytes.
        begin: index of the launch that writes the value.
        end: the last launch during which the bytes belong to this value.
        last_use: the last launch that reads it; after `end` if that launch overwrites it.
        kind: ``saved``, made by the forward pass and read by the backward pass; ``mask``, the same with
            one byte per element; ``activation``, of the forward pass only; ``gradient``, made by the
            backward pass; ``workspace``, scratch of one kernel.
        layer: path of the module whose kernel makes it; ``(loss)``, ``(model)``.
        kernel: the kernel that makes it.
        dtype: MLIR's element type; empty for workspace.
        shape: the stored shape; empty for workspace.
    """

    offset: int
    bytes: int
    begin: int
    end: int
    last_use: int
    kind: ArenaKind
    layer: str
    kernel: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def tensor(self) -> str:
        """Shape and element type, as ``4x8xf32``; empty for workspace."""
        return "x".join((*map(str, self.shape), self.dtype))


@dataclass(frozen=True)
class Stored:
    """A tensor that outlives the step.

    Attributes:
        name: PyTorch's name; optimizer state is ``<parameter>.<state>``.
        kind: ``parameter``, ``buffer``, ``state`` or ``prepared``.
        layer: path of the module it belongs to.
        bytes: number of bytes, without alignment.
    """

    name: str
    kind: str
    layer: str
    bytes: int


def read_stored(tensors: Sequence[Mapping[str, Any]]) -> tuple[Stored, ...]:
    """Read the tensors of a manifest."""
    return tuple(Stored(entry["name"], entry["kind"], _layer_of(entry), _bytes_of(entry)) for entry in tensors)


def read_places(
    memory: Mapping[str, Any], labels: Sequence[str], tensors: Sequence[Mapping[str, Any]]
) -> tuple[Place, ...]:
    """Read the places of a manifest's memory.

    Args:
        memory: the entry ``memory`` of the manifest.
        labels: labels of the launches.
        tensors: tensors of the manifest; a label that is a parameter's name stands for its module.
    """
    names = {entry["name"] for entry in tensors}
    makers = [_maker(label, names) for label in labels]
    loss = int(memory.get("loss", -1))
    return tuple(_place(entry, loss, makers[entry["begin"]]) for entry in memory.get("places", ()))


def _maker(label: str, parameters: set[str]) -> tuple[str, str]:
    """Layer and kernel in the label of a launch; a parameter belongs to its module."""
    layer, _, kernel = label.rpartition(" ")
    if layer in parameters:
        layer = layer.rpartition(".")[0]
    return layer or _NO_LAYER, kernel


def _bytes_of(tensor: Mapping[str, Any]) -> int:
    """The bytes of a tensor, in one segment or in two."""
    rest = tensor.get("rest")
    return int(tensor["bytes"]) + (int(rest["bytes"]) if rest else 0)


def _layer_of(tensor: Mapping[str, Any]) -> str:
    if tensor["kind"] == "prepared":
        return "(prepared)"
    name = tensor.get("of") or ("" if tensor["kind"] == "state" else tensor["name"])
    return str(name).rpartition(".")[0] or _NO_LAYER


def _place(entry: Mapping[str, Any], loss: int, maker: tuple[str, str]) -> Place:
    dtype = entry["dtype"] or ""
    begin, last_use = int(entry["begin"]), int(entry["end"])
    return Place(
        offset=int(entry["offset"]),
        bytes=int(entry["bytes"]),
        begin=begin,
        end=last_use - int(entry["overwritten"]),
        last_use=last_use,
        kind=_kind(entry, begin, last_use, loss),
        layer=maker[0],
        kernel=maker[1],
        dtype=dtype,
        shape=tuple(entry["shape"] or ()),
    )


def _kind(entry: Mapping[str, Any], begin: int, last_use: int, loss: int) -> ArenaKind:
    """The kind of a value; `loss` is the launch that ends the forward pass."""
    if not entry["dtype"]:
        return "workspace"
    if begin > loss:
        return "gradient"
    if last_use <= loss:
        return "activation"
    # Manifests of before had no entry for what is packed.
    return "mask" if entry.get("mask", entry["dtype"] in ("i1", "i8")) else "saved"
