"""The tensors that a model declares: parameters, buffers, and constants too large for the IR."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._ops import _pock_ops_gen as pock
from ..._ops.ir import Attribute, Location, Operation, TensorType
from ...core.elements import element_of

__all__ = ["Declarations"]


class Declarations:
    """Tensors by name, in order of declaration.

    Attributes:
        declarations: name → (initial value, whether it is a parameter).
    """

    def __init__(self) -> None:
        self.declarations: dict[str, tuple[np.ndarray[Any, Any], bool]] = {}
        self._constants: dict[tuple[bytes, tuple[int, ...], str], str] = {}

    @property
    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """The initial values by name."""
        return {name: value for name, (value, _) in self.declarations.items()}

    def type(self, name: str) -> TensorType:
        """Return the tensor type of a declared tensor."""
        value = self.declarations[name][0]
        element = element_of(value.dtype)
        assert element is not None, "checked when it was declared"
        return TensorType(value.shape, element.name)

    def add_constant(self, array: np.ndarray[Any, Any]) -> str:
        """Declare a buffer for a constant and return its name; equal constants share a buffer."""
        key = (array.tobytes(), array.shape, str(array.dtype))
        if key not in self._constants:
            number = len(self._constants)
            while (name := f"constant_{number}") in self.declarations:
                number += 1
            self._constants[key] = name
            self.declarations[name] = (array, False)
        return self._constants[key]

    @property
    def constants(self) -> frozenset[str]:
        """Names of the buffers that `add_constant` declared."""
        return frozenset(self._constants.values())

    def operations(self) -> list[Operation]:
        """Return the declarations as operations of the module."""
        return [self._operation(name, is_parameter) for name, (_, is_parameter) in self.declarations.items()]

    def _operation(self, name: str, is_parameter: bool) -> Operation:
        kind = None if is_parameter else Attribute("#pock.kind<buffer>")
        operation: Operation = pock.ParamOp(name, self.type(name), kind=kind).operation
        operation.location = Location(name)
        return operation
