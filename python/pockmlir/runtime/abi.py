"""Calls a compiled library through its C ABI: memory, argument checks, calls.

The library owns no memory. One `Instance` is one set of constants, state and arena; two
instances of one library may run at the same time. `Segments` is such a set without a library.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact.failures import failure_error
from ..artifact.manifest import Array, Function, Manifest, TensorSpec, dtype_of
from ..errors import ArgumentError
from .threads import load_threads

__all__ = ["Call", "Instance", "Segments", "aligned_bytes", "to_array"]


def aligned_bytes(size: int, alignment: int) -> Array:
    """Return zeroed bytes that begin at a multiple of ``alignment`` bytes; at least one byte."""
    size = max(size, 1)
    raw = np.zeros(size + alignment, np.uint8)
    begin = -raw.ctypes.data % alignment
    return raw[begin : begin + size]


def to_array(name: str, value: Any) -> Array:
    """Return a numpy array over the same memory as an array or a CPU tensor.

    Raises:
        ArgumentError: the value is neither.
    """
    if isinstance(value, np.ndarray):
        return value
    if type(value).__module__.partition(".")[0] == "torch" or hasattr(value, "data_ptr"):
        try:
            if str(value.dtype) == "torch.bfloat16":  # numpy has none
                value = value.float()
            return np.asarray(value.detach().numpy())
        except (TypeError, RuntimeError) as error:
            raise ArgumentError(f"{name}: not a dense CPU tensor that numpy can read: {error}") from None
    raise ArgumentError(f"{name}: expected a numpy array or a torch tensor, but got {type(value).__name__}")


class _Input:
    """One input of a function: its checks, and a staging buffer for arrays that cannot be passed directly."""

    def __init__(self, spec: TensorSpec, alignment: int, given: str | None, arena: Array) -> None:
        self.spec = spec
        begin = spec.arena_offset
        self._placed = None if begin is None else arena[begin : begin + spec.bytes].view(dtype_of(spec.dtype))
        self.given = given
        self.dtype = dtype_of(spec.dtype)
        self.alignment = alignment
        self._staging: Array | None = None

    def bind(self, value: Any) -> Array:
        """Return memory that the library may read: the caller's own if possible, otherwise the staging buffer."""
        array = value if type(value) is np.ndarray else to_array(self.spec.name, value)
        is_own = array.dtype == self.dtype
        if not (is_own or self._is_convertible(array.dtype)) or array.shape != self.spec.shape:
            raise ArgumentError(f"expected {self.spec}, but got {array.dtype.name}{list(array.shape)}")
        if self._placed is not None:
            np.copyto(self._placed.reshape(self.spec.shape), array, casting="same_kind")
            return self._placed
        if is_own and array.flags.c_contiguous and array.ctypes.data % self.alignment == 0:
            return array
        if self._staging is None:
            size = self.spec.elements * self.dtype.itemsize
            self._staging = aligned_bytes(size, self.alignment)[:size].view(self.dtype).reshape(self.spec.shape)
        np.copyto(self._staging, array, casting="same_kind")
        return self._staging

    def _is_convertible(self, dtype: np.dtype[Any]) -> bool:
        """Whether values of this dtype are converted: the example's dtype, or a smaller one of the same kind."""
        kinds = {"i": "iu", "f": "f"}.get(self.dtype.kind, "")
        return dtype.kind in kinds and (np.can_cast(dtype, self.dtype, "safe") or dtype.name == self.given)


class Call:
    """A function of the library, bound to one instance's memory."""

    def __init__(
        self, instance: Segments, name: str, function: Function, given: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.symbol = f"{instance.manifest.name}_{name}"
        self.function = function
        self._inputs = [
            _Input(spec, instance.manifest.alignment, (given or {}).get(spec.name), instance.arena)
            for spec in function.inputs
        ]
        self._failures = instance.manifest.failures
        self._entry = instance.entry(self.symbol, 3 + len(function.inputs) + len(function.outputs))
        self._memory = (instance.constants.ctypes.data, instance.state.ctypes.data, instance.arena.ctypes.data)

    def bind(self, index: int, value: Any) -> Array:
        """Check one argument; return the memory to pass."""
        return self._inputs[index].bind(value)

    def run(self, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Call the library with arguments that `bind` returned.

        Raises:
            IndexRangeError: an index or a label is out of range; nothing has changed.
            IntegerDivisionError: integers are divided by zero; nothing has changed.
            LossNotFiniteError: the loss is not finite, and ``on_nan`` is ``error`` or ``skip``; nothing has changed.
            StepError: the library returned an unknown code.
        """
        addresses = [array.ctypes.data for array in inputs]
        addresses += [array.ctypes.data for array in outputs]
        code = self._entry(*self._memory, *addresses)
        if code:
            named = {spec.name: array for spec, array in zip(self.function.inputs, inputs, strict=True)}
            raise failure_error(self._failures, self.symbol, code, named)


class Segments:
    """One set of buffers in the layout of a compiled step.

    Args:
        manifest: the manifest of the step.
        constants: memory to use, aligned; zeroed memory if None.
        state: the same.
    """

    def __init__(self, manifest: Manifest, constants: Array | None = None, state: Array | None = None) -> None:
        self.manifest = manifest
        sizes = manifest.segments
        self.constants = aligned_bytes(sizes["constants"], manifest.alignment) if constants is None else constants
        self.state = aligned_bytes(sizes["state"], manifest.alignment) if state is None else state
        self.arena = aligned_bytes(manifest.segments["arena"], manifest.alignment)

    def entry(self, symbol: str, arguments: int) -> Callable[..., int]:
        """Return the C function of that name, taking so many pointers."""
        raise NotImplementedError

    def initialize(self) -> None:
        """Zero the optimizer state."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Recompute values that depend only on frozen parameters; needed after loading these."""
        raise NotImplementedError

    def view(self, name: str) -> Array:
        """Return a persistent tensor in PyTorch's order of dimensions: in place, or a copy if it is in two segments."""
        return self.manifest.tensors[name].read(self._segments())

    def write(self, name: str, value: Array) -> None:
        """Set a persistent tensor, given in PyTorch's order of dimensions."""
        self.manifest.tensors[name].write(self._segments(), value)

    def _check(self, name: str, code: int) -> None:
        if code:
            raise failure_error(self.manifest.failures, f"{self.manifest.name}_{name}", code, {})

    def _segments(self) -> dict[str, Array]:
        return {"constants": self.constants, "state": self.state}

    def output(self, spec: TensorSpec) -> Array:
        """Return fresh, aligned memory for an output."""
        dtype = dtype_of(spec.dtype)
        size = math.prod(spec.shape) * dtype.itemsize
        return aligned_bytes(size, self.manifest.alignment)[:size].view(dtype).reshape(spec.shape)


class Instance(Segments):
    """One set of buffers for a compiled library.

    Args:
        library: path of the shared library.
        manifest: its manifest.
        constants: memory to use, aligned; zeroed memory if None.
        state: the same.
    """

    def __init__(
        self, library: Path, manifest: Manifest, constants: Array | None = None, state: Array | None = None
    ) -> None:
        super().__init__(manifest, constants, state)
        self.library = library
        load_threads()
        self._dll = ctypes.CDLL(str(library))
        self._init = self.entry(f"{manifest.name}_init", 1)
        self._prepare = self.entry(f"{manifest.name}_prepare", 3)

    def entry(self, symbol: str, arguments: int) -> Any:
        """Return the C function of that name, taking so many pointers.

        Raises:
            ArgumentError: the library has none.
        """
        try:
            function = getattr(self._dll, symbol)
        except AttributeError:
            raise ArgumentError(f"{self.library}: no function named {symbol}") from None
        function.argtypes = [ctypes.c_void_p] * arguments
        function.restype = ctypes.c_int32
        return function

    def initialize(self) -> None:
        """Zero the optimizer state."""
        self._check("init", self._init(self.state.ctypes.data))

    def prepare(self) -> None:
        """Recompute values that depend only on frozen parameters; needed after loading these."""
        self._check(
            "prepare",
            self._prepare(self.constants.ctypes.data, self.state.ctypes.data, self.arena.ctypes.data),
        )
