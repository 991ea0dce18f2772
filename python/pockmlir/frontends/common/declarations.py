"""The tensors that a model declares: parameters, buffers, and constants too large for the IR."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._ops import _pock_ops_gen as pock
from ..._ops.ir import Attribute, Location, Operation, TensorType, symbol
from ...api.quantization import Quantization
from ...core.elements import element_of
from ...core.ir_text import mlir_float

__all__ = ["Declarations"]


class Declarations:
    """Tensors by name, in order of declaration.

    Attributes:
        declarations: name → (initial value, whether it is a parameter).
        quantizations: name → what the integers of a parameter stand for.
    """

    def __init__(self) -> None:
        self.declarations: dict[str, tuple[np.ndarray[Any, Any], bool]] = {}
        self.quantizations: dict[str, Quantization] = {}
        self._constants: dict[tuple[bytes, tuple[int, ...], str], str] = {}
        self._known: dict[str, np.ndarray[Any, Any]] = {}
        # Quantised parameter → the buffer of its scales, and the factor that they are multiplied by.
        self._scales: dict[str, tuple[str, float]] = {}

    @property
    def values(self) -> dict[str, np.ndarray[Any, Any]]:
        """The initial values by name."""
        return {name: value for name, (value, _) in self.declarations.items()}

    def type(self, name: str) -> TensorType:
        """Return the tensor type of a declared tensor."""
        value = self._known[name] if name in self._known else self.declarations[name][0]
        element = element_of(value.dtype)
        assert element is not None, "checked when it was declared"
        return TensorType(value.shape, element.name)

    def quantize(
        self, name: str, quantization: Quantization, scales_of: str | None = None, factor: float = 1.0
    ) -> None:
        """Store a declared parameter as integers; real numbers are rounded to them.

        The scales of channels become the buffer ``<name>.scale``, whose values the compiler knows.

        Args:
            name: the parameter.
            quantization: what the integers stand for.
            scales_of: another parameter, whose scales times ``factor`` are those of this one.
            factor: see ``scales_of``.
        """
        value, is_parameter = self.declarations[name]
        if value.dtype.kind == "f":
            value = quantization.quantize(value)
        self.declarations[name] = (value, is_parameter)
        self.quantizations[name] = quantization
        if quantization.axis is not None:
            self._scales[name] = (f"{scales_of or name}.scale", factor)
            self._known.setdefault(self._scales[name][0], np.asarray(quantization.scale, np.float32))

    def scales(self, name: str) -> tuple[str, float]:
        """Return the buffer with the scales of a parameter's channels, and the factor that they are multiplied by."""
        return self._scales[name]

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
        declared = [self._operation(name, is_parameter) for name, (_, is_parameter) in self.declarations.items()]
        return declared + [self._known_operation(name, value) for name, value in self._known.items()]

    def _operation(self, name: str, is_parameter: bool) -> Operation:
        kind = None if is_parameter else Attribute("#pock.kind<buffer>")
        quantization = self.quantizations.get(name)
        attribute = None if quantization is None else self._attribute(name, quantization)
        op: Operation = pock.ParamOp(name, self.type(name), kind=kind, quantization=attribute).operation
        op.location = Location(name)
        return op

    def _known_operation(self, name: str, value: np.ndarray[Any, Any]) -> Operation:
        entries = Attribute(f'dense<"0x{value.tobytes().hex().upper()}"> : {self.type(name)}')
        op: Operation = pock.ParamOp(
            name, self.type(name), kind=Attribute("#pock.kind<buffer>"), value=entries
        ).operation
        op.location = Location(name)
        return op

    def _attribute(self, name: str, quantization: Quantization) -> Attribute:
        """The attribute of a parameter."""
        channels, factor = "", quantization.scale
        if quantization.axis is not None:
            buffer, factor = self._scales[name]
            channels = f", scales = {symbol(buffer)}, axis = {quantization.axis}"
        return Attribute(
            f"#pock.quantization<scale = {mlir_float(float(factor))}, zero_point = {quantization.zero_point}, "
            f"min = {quantization.least}, max = {quantization.most}{channels}>"
        )
