"""Emits the operations of one function: parameters, constants, types, locations."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, overload

import numpy as np

from ..._ops import _pock_ops_gen as pock
from ..._ops.ir import Attribute, Function, Location, Operation, TensorType, Value
from ...core.elements import is_float, numpy_dtype
from ...core.ir_text import mlir_float
from .declarations import Declarations

__all__ = [
    "RANDOM_INPUTS",
    "Emitter",
    "Number",
    "Unsupported",
    "Value",
    "dtype_of",
    "is_float",
    "rank_of",
    "shape_of",
]

Number: TypeAlias = bool | int | float

#: The last inputs of ``@loss`` if the model has an active dropout.
RANDOM_INPUTS = ("random_seed", "random_step")


class Unsupported(Exception):
    """A requested operation cannot be expressed; the text gives the reason."""


def shape_of(value: Value) -> tuple[int, ...]:
    """Return the shape of a value."""
    return value.type.shape


def rank_of(value: Value) -> int:
    """Return the rank of a value."""
    return value.type.rank


def dtype_of(value: Value) -> str:
    """Return the element type of a value, for example ``f32``."""
    return value.type.dtype


@functools.cache
def _takes_result_type(op_class: Any) -> bool:
    return "result" in inspect.signature(op_class.__init__).parameters


def _wrapped(value: int, dtype: np.dtype[Any]) -> int:
    """Return an integer wrapped around into the range of a type, as PyTorch converts scalars."""
    half = 1 << (8 * dtype.itemsize - 1)
    return (value + half) % (2 * half) - half


#: Constants with more entries are written as bytes.
_READABLE = 16


def _entries(array: np.ndarray[Any, Any]) -> str:
    """Return the entries of a constant as MLIR text, readable if there are few."""
    if array.size > _READABLE or not np.all(np.isfinite(array)):
        return f'"0x{array.tobytes().hex().upper()}"'
    if array.ndim:
        return f"[{', '.join(map(_entries, array))}]"
    entry = array.item()
    return mlir_float(entry) if isinstance(entry, float) else str(entry).lower()


class Emitter:
    """Emits operations into a function, in order.

    The emitter neither infers nor verifies types: the caller gives the type of the result, and the
    extension module verifies the finished text.

    Args:
        name: the name of the function, ``loss`` or ``predict``.
        declarations: the parameters and buffers that the function may read.

    Attributes:
        function: the function under construction.
        location: the location of every emitted operation; see `at`.
        operator: the operator that is being emitted, for the errors of checks at run time.
        module: the path of the operator's module.
        inputs: the names of the function's inputs.
        dropout_layers: the module of each active dropout, in order of execution.
    """

    #: Larger constants become buffers, so that they are stored like parameters.
    INLINE_ELEMENTS = 1024

    def __init__(self, name: str, declarations: Declarations) -> None:
        self.function = Function(name)
        self.location = Location("(model)")
        self.operator = ""
        self.module = ""
        self.inputs: dict[Value, str] = {}
        self.dropout_layers: list[str] = []
        self._declarations = declarations
        self._loads: dict[str, Value] = {}
        self._known: dict[Value, np.ndarray[Any, Any]] = {}
        self._seed: tuple[Value, Value] | None = None

    # Function -----------------------------------------------------------------------

    def add_input(self, name: str, shape: Iterable[int], dtype: str) -> Value:
        """Add an input to the function."""
        value = self.function.add_argument(name, self.type(shape, dtype))
        self.inputs[value] = name
        return value

    @property
    def is_random(self) -> bool:
        """Whether the function may use random numbers; ``predict`` has no dropout."""
        return self.function.name == "loss"

    def random_inputs(self) -> tuple[Value, Value]:
        """Return the seed and the step of the random numbers; the first call adds them as inputs."""
        if self._seed is None:
            seed, step = (self.function.add_argument(name, self.type((), "i64")) for name in RANDOM_INPUTS)
            self._seed = seed, step
        return self._seed

    def load(self, name: str) -> Value:
        """Return the value of a parameter or buffer at the function's entry."""
        if name not in self._loads:
            with self.at(name):
                self._loads[name] = self.emit(pock.LoadParamOp, self._declarations.type(name), param=name)
        return self._loads[name]

    def store(self, name: str, value: Value) -> None:
        """Set the value of a buffer at the function's return."""
        with self.at(name):
            self.append(pock.StoreParamOp(name, value))

    def returns(self, results: Mapping[str, Value]) -> Function:
        """End the function with its named results, and return it."""
        self.function.result_names, self.function.returned = list(results), list(results.values())
        return self.function

    # Emission -----------------------------------------------------------------------

    @contextlib.contextmanager
    def at(self, name: str, file: str | None = None, line: int = 0) -> Iterator[None]:
        """Set the location of operations that are emitted inside: the path of a module, and the user's line."""
        before = self.location, self.module
        self.location, self.module = Location(name, file, line), name
        try:
            yield
        finally:
            self.location, self.module = before

    @contextlib.contextmanager
    def doing(self, operator: str) -> Iterator[None]:
        """Set the operator's name for operations that are emitted inside, unless one is set already."""
        before, self.operator = self.operator, self.operator or operator
        try:
            yield
        finally:
            self.operator = before

    def append(self, op: Any) -> Operation:
        """Append an operation, made by a class of `pockmlir._ops`, to the function."""
        operation: Operation = op.operation
        operation.location = self.location
        self.function.operations.append(operation)
        return operation

    @overload
    def emit(self, op_class: Any, types: TensorType, *operands: Any, **attributes: Any) -> Value: ...

    @overload
    def emit(self, op_class: Any, types: list[TensorType], *operands: Any, **attributes: Any) -> list[Value]: ...

    def emit(
        self, op_class: Any, types: TensorType | list[TensorType], *operands: Any, **attributes: Any
    ) -> Value | list[Value]:
        """Create an op; return its result, or the list of its results if a list of types is given."""
        if isinstance(types, list):
            return list(self.append(op_class(*operands, **attributes, results=types)).results)
        if _takes_result_type(op_class):
            return self.append(op_class(types, *operands, **attributes)).results[0]
        return self.append(op_class(*operands, **attributes, results=[types])).results[0]

    def type(self, shape: Iterable[int], dtype: str) -> TensorType:
        """Return a tensor type."""
        return TensorType(tuple(shape), dtype)

    def enum(self, text: str) -> Attribute:
        """Return an attribute of the dialect, such as ``cmp<gt>``."""
        return Attribute(f"#pock.{text}")

    # Constants ----------------------------------------------------------------------

    def constant(self, array: np.ndarray[Any, Any], dtype: str) -> Value:
        """Return a constant tensor; large constants become buffers unless they are splats."""
        array = np.asarray(array, dtype=numpy_dtype(dtype), order="C")
        first = array.reshape(-1)[:1]
        if array.size > 0 and array.tobytes() == first.tobytes() * array.size:
            return self.splat(array.shape, first[0].item(), dtype)
        if array.size > self.INLINE_ELEMENTS:
            value = self.load(self._declarations.add_constant(array))
        elif dtype == "i1":
            # numpy stores a boolean in a byte, MLIR's text of i1 data in a bit.
            value = self.cast(self.constant(array, "i8"), "i1")
        else:
            value = self._constant(array.shape, dtype, _entries(array))
        self._known[value] = array
        return value

    def splat(self, shape: Iterable[int], value: Number, dtype: str) -> Value:
        """Return a constant tensor whose entries are equal."""
        shape, element = tuple(shape), numpy_dtype(dtype)
        if not is_float(dtype):
            value = bool(value) if dtype == "i1" else _wrapped(int(value), element)
        with np.errstate(over="ignore"):
            array, entry = np.full(shape, value, element), np.full((), value, element)
        constant = self._constant(shape, dtype, _entries(entry))
        self._known[constant] = array
        return constant

    def _constant(self, shape: Sequence[int], dtype: str, entries: str) -> Value:
        type = self.type(shape, dtype)
        value = Attribute(f"dense<{'' if 0 in type.shape else entries}> : {type}")
        return self.emit(pock.ConstantOp, type, value=value)

    def known(self, value: Value) -> np.ndarray[Any, Any] | None:
        """Return the entries of a constant, None for any other value."""
        return self._known.get(value)

    def iota(self, shape: Sequence[int], dim: int, dtype: str = "i64") -> Value:
        """Return a tensor whose entries are their index along a dimension."""
        return self.emit(pock.IotaOp, self.type(shape, dtype), dim=dim)

    def lift(self, value: Value | Number, dtype: str) -> Value:
        """Return a tensor of an element type for a tensor or a Python number."""
        if isinstance(value, bool | int | float):
            return self.splat((), value, dtype)
        return self.cast(value, dtype)

    def cast(self, x: Value, dtype: str) -> Value:
        """Convert the element type, if it differs."""
        if dtype_of(x) == dtype:
            return x
        return self.emit(pock.CastOp, self.type(shape_of(x), dtype), x)
