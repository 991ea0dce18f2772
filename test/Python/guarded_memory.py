"""Memory with margins, which shows where a compiled library writes: segments of a step that a test owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pockmlir as pock
from pockmlir.artifact.manifest import dtype_of
from pockmlir.runtime.abi import Call, Instance

#: Bytes before and after each segment.
MARGIN = 4096


class Segment:
    """`size` aligned bytes between margins, all filled with `pattern`."""

    def __init__(self, size: int, alignment: int, pattern: int) -> None:
        raw = np.zeros(size + 2 * MARGIN + alignment, np.uint8)
        begin = MARGIN + -(raw.ctypes.data + MARGIN) % alignment
        self.raw, self.begin, self.size, self.pattern = raw, begin, size, pattern
        raw[:] = pattern

    @property
    def bytes(self) -> np.ndarray[Any, Any]:
        return self.raw[self.begin : self.begin + self.size]

    def untouched(self, places: Iterable[tuple[int, int]]) -> bool:
        """Whether the whole segment except these (offset, bytes) still has the pattern."""
        equal = self.raw == self.pattern
        for offset, count in places:
            equal[self.begin + offset : self.begin + offset + count] = True
        return bool(equal.all())


class GuardedStep:
    """The functions of a step on segments with margins.

    Args:
        step: the step with its library, parameters and optimizer state.
        pattern: the byte that fills the memory; 0xFF makes each float a NaN.
    """

    def __init__(self, step: pock.Step, pattern: int) -> None:
        self.manifest = manifest = step.artifact.manifest
        self.segments = {name: Segment(size, manifest.alignment, pattern) for name, size in manifest.segments.items()}
        instance = Instance(step.library_path, manifest)
        given = step._instance
        stored: Mapping[str, Any] = {"constants": given.constants, "state": given.state}
        for tensor in manifest.tensors.values():
            place = slice(tensor.offset, tensor.offset + tensor.bytes)
            self.segments[tensor.segment].bytes[place] = stored[tensor.segment][place]
        instance.constants, instance.state, instance.arena = (
            self.segments[name].bytes for name in ("constants", "state", "arena")
        )
        self.instance = instance
        self.calls = {name: Call(instance, name, function) for name, function in manifest.functions.items()}

    def run(self, name: str, values: Mapping[str, Any], places: Iterable[tuple[int, int]] = ()) -> list[bytes]:
        """Call a function; check that it only writes where it may.

        Args:
            name: ``step``, ``accumulate`` or ``predict``.
            values: the function's inputs by name, and possibly others.
            places: (offset, bytes) in the arena that it may write; by default its whole part of the arena.

        Returns:
            The bytes of its outputs.
        """
        call, alignment = self.calls[name], self.manifest.alignment
        arena = self.segments["arena"]
        arena.raw[:] = arena.pattern
        inputs = [call.bind(i, values[spec.name]) for i, spec in enumerate(call.function.inputs)]
        sizes = [spec.elements * dtype_of(spec.dtype).itemsize for spec in call.function.outputs]
        outputs = [Segment(size, alignment, arena.pattern) for size in sizes]
        read = [*inputs, self.segments["constants"].raw]
        before = [value.tobytes() for value in read]
        call.run(inputs, [output.bytes for output in outputs])
        assert [value.tobytes() for value in read] == before, f"{name} writes what it may only read"
        assert arena.untouched(places or [(0, call.function.arena)]), f"{name} writes between its places in the arena"
        tensors = [tensor for tensor in self.manifest.tensors.values() if tensor.segment == "state"]
        kept = [(tensor.offset, tensor.bytes) for tensor in tensors]
        assert self.segments["state"].untouched(kept), f"{name} writes between tensors"
        for output in outputs:
            assert output.untouched([(0, output.size)]), f"{name} writes behind its outputs"
        return [output.bytes.tobytes() for output in outputs]

    def state(self) -> dict[str, bytes]:
        """Return the bytes of every tensor that a call may change."""
        held = self.segments["state"].bytes
        tensors = [tensor for tensor in self.manifest.tensors.values() if tensor.segment == "state"]
        return {tensor.name: held[tensor.offset : tensor.offset + tensor.bytes].tobytes() for tensor in tensors}
