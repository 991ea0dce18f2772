"""The typed manifest of a compiled step: everything that a host needs to run the library."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..api.quantization import Quantization
from ..core.elements import ElementType, element_types
from ..errors import ArgumentError
from ..support.json_text import parse_json
from .failures import Failure
from .memory import Memory, read_memory

__all__ = ["RESERVED", "SCALARS", "Function", "Manifest", "TensorSlot", "TensorSpec", "Update", "dtype_of"]

Array = npt.NDArray[Any]
Update = Literal["none", "full"] | tuple[int, int]


def _element(name: str) -> ElementType:
    try:
        return element_types()[name]
    except KeyError:
        raise ValueError(f"manifest: unknown element type '{name}'") from None


def dtype_of(name: str) -> np.dtype[Any]:
    """Return numpy's dtype for an MLIR element type."""
    return _element(name).numpy


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of a function.

    Attributes:
        arena_offset: the place in the arena of an input that the caller writes there.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    arena_offset: int | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TensorSpec:
        """Read one entry of the manifest."""
        return cls(data["name"], tuple(data["shape"]), data["dtype"], data.get("arena_offset"))

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """The number of bytes."""
        return self.elements * _element(self.dtype).bytes

    def __str__(self) -> str:
        return f"{self.name}: {dtype_of(self.dtype).name}{list(self.shape)}"


#: Inputs of a training function that do not belong to the model; the host fills them in, in this order.
SCALARS = ("random_seed", "random_step", "lr")

#: Names that no input of a model may have: those, and the other keywords of a call.
RESERVED = (*SCALARS, "seed")


@dataclass(frozen=True)
class Function:
    """The arguments of a function, after constants, state and arena."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    arena: int

    @cached_property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The inputs that the user passes."""
        return tuple(spec for spec in self.inputs if spec.name not in SCALARS)

    @cached_property
    def scalars(self) -> tuple[TensorSpec, ...]:
        """The inputs that the host fills in, after the others."""
        return tuple(spec for spec in self.inputs if spec.name in SCALARS)


@dataclass(frozen=True)
class Rest:
    """Where the frozen entries of a parameter are, if only the trained ones are in the state.

    Attributes:
        segment: ``constants``.
        offset: bytes from the beginning of the segment.
        bytes: number of bytes.
    """

    segment: str
    offset: int
    bytes: int


@dataclass(frozen=True)
class TensorSlot:
    """A tensor that lives in a persistent segment.

    Attributes:
        name: PyTorch's name; optimizer state is ``<parameter>.<state>``.
        kind: ``parameter``, ``buffer``, ``state``, ``prepared`` or ``constant``.
        segment: ``constants`` or ``state``.
        offset: bytes from the beginning of the segment.
        bytes: number of bytes there, without those of `rest`.
        shape: the stored shape, `rest` included.
        dtype: MLIR's element type.
        permutation: source dimension of each stored dimension; None is the identity.
        update: ``none``, ``full``, or (axis, size) in PyTorch's dimensions.
        of: for optimizer state, the parameter it belongs to.
        quantization: what the integers of a parameter stand for, with PyTorch's dimensions.
        value: the content of a ``constant``, which never changes.
        rest: the entries behind those of `update`, if they are elsewhere.
    """

    name: str
    kind: str
    segment: str
    offset: int
    bytes: int
    shape: tuple[int, ...]
    dtype: str
    permutation: tuple[int, ...] | None
    update: Update
    of: str | None
    quantization: Quantization | None = None
    value: Array | None = None
    rest: Rest | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], constants: Mapping[str, Array]) -> TensorSlot:
        """Read one entry of the manifest; ``constants`` has the values of constants."""
        permutation = data.get("permutation")
        update = data.get("update", "none")
        if isinstance(update, Mapping):
            # The manifest has stored dimensions, users see PyTorch's.
            axis = permutation[update["axis"]] if permutation else update["axis"]
            update = (int(axis), int(update["size"]))
        return cls(
            name=data["name"],
            kind=data["kind"],
            segment=data["segment"],
            offset=data["offset"],
            bytes=data["bytes"],
            shape=tuple(data["shape"]),
            dtype=data["dtype"],
            permutation=None if permutation is None else tuple(permutation),
            update=update,
            of=data.get("of"),
            quantization=_quantization(data.get("quantization"), permutation, constants),
            value=constants.get(data["name"]),
            rest=Rest(**data["rest"]) if data.get("rest") else None,
        )

    @property
    def torch_shape(self) -> tuple[int, ...]:
        """The shape in PyTorch's order of dimensions."""
        if self.permutation is None:
            return self.shape
        return tuple(self.shape[i] for i in _inverse(self.permutation))

    def check(self, segments: Mapping[str, int]) -> None:
        """Refuse a place outside of the segment, and a number of bytes that does not match the shape."""
        for place, shape in self._places():
            needed = math.prod(shape) * _element(self.dtype).bytes
            if min((*shape, place.offset)) < 0 or place.bytes != needed:
                raise ValueError(f"{self.name}: {place.bytes} bytes at {place.offset} for the shape {list(shape)}")
            if place.offset + place.bytes > segments[place.segment]:
                raise ValueError(f"{self.name}: ends behind {place.segment}")

    def view(self, segment: Array) -> Array:
        """Return the tensor in its segment's bytes, without `rest`, in PyTorch's order of dimensions."""
        place, shape = self._places()[0]
        return self._view(segment, place, shape)

    def read(self, segments: Mapping[str, Array]) -> Array:
        """Return the tensor in PyTorch's order of dimensions: in place, or a copy if it has a `rest`."""
        parts = self._parts(segments)
        return parts[0] if self.rest is None else np.concatenate(parts, self._slice[0])

    def write(self, segments: Mapping[str, Array], value: Array) -> None:
        """Set the tensor, given in PyTorch's order of dimensions."""
        values = [value]
        if self.rest is not None:
            axis, size = self._slice
            values = np.split(value, [size], axis)
        for part, entries in zip(self._parts(segments), values, strict=True):
            part[...] = entries

    @property
    def _slice(self) -> tuple[int, int]:
        """The dimension, and the number of entries, in front of `rest`."""
        if isinstance(self.update, str):
            raise ValueError(f"{self.name}: expected a slice in front of the rest, but got the update '{self.update}'")
        return self.update

    def _places(self) -> list[tuple[TensorSlot | Rest, tuple[int, ...]]]:
        """Return the places of the tensor's bytes, and the stored shape of each."""
        if self.rest is None:
            return [(self, self.shape)]
        axis, size = self._slice
        stored = self.permutation.index(axis) if self.permutation else axis
        head, tail = self.shape[:stored], self.shape[stored + 1 :]
        return [(self, (*head, size, *tail)), (self.rest, (*head, self.shape[stored] - size, *tail))]

    def _parts(self, segments: Mapping[str, Array]) -> list[Array]:
        return [self._view(segments[place.segment], place, shape) for place, shape in self._places()]

    def _view(self, segment: Array, place: TensorSlot | Rest, shape: tuple[int, ...]) -> Array:
        stored = segment[place.offset : place.offset + place.bytes].view(dtype_of(self.dtype)).reshape(shape)
        return stored if self.permutation is None else stored.transpose(_inverse(self.permutation))


def _quantization(
    data: Mapping[str, Any] | None, permutation: Sequence[int] | None, constants: Mapping[str, Array]
) -> Quantization | None:
    """Read the quantization of a tensor; its axis is a stored dimension."""
    if data is None:
        return None
    scale, axis = data["scale"], data["axis"]
    if data["scales"] is not None:
        scale = scale * constants[data["scales"]].astype(np.float64)
        axis = permutation[axis] if permutation else axis
    return Quantization(scale, data["zero_point"], axis, data["min"], data["max"])


def _constant(data: Mapping[str, Any]) -> Array:
    """Read the value of a constant."""
    return np.frombuffer(bytes.fromhex(data["value"]), dtype_of(data["dtype"])).reshape(data["shape"])


def _inverse(permutation: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(permutation.index(i) for i in range(len(permutation)))


@dataclass(frozen=True)
class Manifest:
    """The parsed manifest; `data` is the original JSON."""

    name: str
    alignment: int
    segments: Mapping[str, int]
    functions: Mapping[str, Function]
    tensors: Mapping[str, TensorSlot]
    memory: Memory
    failures: Mapping[int, Failure]
    data: Mapping[str, Any]

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse the JSON that ``_core.manifest`` returns.

        Raises:
            ArgumentError: the JSON is damaged.
        """
        data = parse_json(text, "manifest: not JSON")
        try:
            return cls._of(data)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ArgumentError(f"manifest: damaged: {type(error).__name__}: {error}") from None

    @classmethod
    def _of(cls, data: Mapping[str, Any]) -> Manifest:
        segments = {name: int(data["segments"][name]) for name in ("constants", "state", "arena")}
        functions = {
            name: Function(
                tuple(map(TensorSpec.from_dict, function["inputs"])),
                tuple(map(TensorSpec.from_dict, function["outputs"])),
                int(function.get("arena", segments["arena"])),
            )
            for name, function in data["functions"].items()
            if name != "prepare"
        }
        constants = {entry["name"]: _constant(entry) for entry in data["tensors"] if "value" in entry}
        # A constant without a segment is read here only: scales of integers that no function reads.
        placed = [entry for entry in data["tensors"] if entry["segment"]]
        tensors = {entry["name"]: TensorSlot.from_dict(entry, constants) for entry in placed}
        for slot in tensors.values():
            slot.check(segments)
        return cls(
            name=data["name"],
            alignment=int(data["alignment"]),
            segments=segments,
            functions=functions,
            tensors=tensors,
            memory=read_memory({**data, "tensors": placed}),
            failures={entry["code"]: Failure.from_dict(entry) for entry in data.get("failures", ())},
            data=data,
        )

    def of_kind(self, *kinds: str) -> dict[str, TensorSlot]:
        """Return the tensors of these kinds, in the manifest's order."""
        return {name: slot for name, slot in self.tensors.items() if slot.kind in kinds}
