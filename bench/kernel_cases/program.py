"""Writes modules of pock ops at stage ``schedule``: one function ``step`` over inputs and parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from pockmlir.core import ir_text

__all__ = ["Program", "Value", "array", "window"]

_BYTES = {"f32": 4, "i64": 8, "i8": 1, "i1": 1}


def array(values: tuple[int, ...]) -> str:
    """Return an MLIR array attribute."""
    return f"array<i64: {', '.join(map(str, values))}>"


def window(
    stride: int = 1, padding: int = 0, *, kernel: int | None = None, groups: int = 1, padding_high: int | None = None
) -> str:
    """Return the attributes of a square 2-D window over channels-last tensors.

    Args:
        stride: the stride in both dimensions.
        padding: the padding at the low ends, and by default also at the high ends.
        kernel: the size of a pooling window; convolutions get it from their weight.
        groups: the groups of a convolution.
        padding_high: the padding at the high ends.
    """
    high = padding if padding_high is None else padding_high
    attributes = ["dilations = array<i64: 1, 1>", "layout = #pock.layout<channels_last>"]
    attributes += [f"pad_low = {array((padding,) * 2)}", f"pad_high = {array((high,) * 2)}"]
    attributes += [f"strides = {array((stride,) * 2)}"]
    if kernel is not None:
        attributes.append(f"kernel = {array((kernel,) * 2)}")
    if groups > 1:
        attributes.append(f"groups = {groups} : i64")
    return ", ".join(attributes)


@dataclass(frozen=True)
class Value:
    """A tensor of the program."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "f32"

    @property
    def type(self) -> str:
        return f"tensor<{''.join(f'{size}x' for size in self.shape)}{self.dtype}>"

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * _BYTES[self.dtype]


@dataclass
class Program:
    """A module under construction.

    Attributes:
        inputs: the function's arguments, in order.
        outputs: the function's results, in order.
        params: the parameters that the function loads and stores.
    """

    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    params: list[Value] = field(default_factory=list)
    _body: list[str] = field(default_factory=list)
    _stores: list[str] = field(default_factory=list)
    _count: int = 0

    def input(self, *shape: int, dtype: str = "f32") -> Value:
        """Add an argument."""
        value = Value(f"%x{len(self.inputs)}", shape, dtype)
        self.inputs.append(value)
        return value

    def param(self, *shape: int) -> Value:
        """Add a parameter and load it; `store` must follow."""
        value = Value(f"%p{len(self.params)}", shape)
        self._body.append(f"{value.name} = pock.load_param @{value.name[1:]} : {value.type}")
        self.params.append(value)
        return value

    def store(self, param: Value, value: Value) -> None:
        """Set the new value of a parameter."""
        self._stores.append(f"pock.store_param @{param.name[1:]}, {value.name} : {value.type}")

    def output(self, *values: Value) -> None:
        """Return values."""
        self.outputs += values

    def constant(self, value: float, *shape: int) -> Value:
        """Add a constant, a scalar if no shape is given."""
        result = self._fresh(shape)
        self._body.append(f"{result.name} = pock.constant dense<{value:e}> : {result.type}")
        return result

    def op(
        self, name: str, *operands: Value, shape: tuple[int, ...] | None = None, dtype: str = "f32", attrs: str = ""
    ) -> Value:
        """Add ``pock.<name>`` with one result, of the first operand's shape if none is given."""
        return self.ops(name, *operands, types=[(operands[0].shape if shape is None else shape, dtype)], attrs=attrs)[0]

    def ops(
        self, name: str, *operands: Value, types: list[tuple[tuple[int, ...], str]], attrs: str = ""
    ) -> list[Value]:
        """Add ``pock.<name>`` with one result per shape and dtype."""
        results = [self._fresh(shape, dtype) for shape, dtype in types]
        names = ", ".join(value.name for value in results)
        arguments = ", ".join(value.name for value in operands)
        before = ", ".join(value.type for value in operands)
        after = ", ".join(value.type for value in results)
        self._body.append(f"{names} = pock.{name} {arguments} {{{attrs}}} : ({before}) -> ({after})")
        return results

    def reshape(self, value: Value, *shape: int) -> Value:
        """Add ``pock.reshape``."""
        return self.op("reshape", value, shape=shape, dtype=value.dtype)

    def channels(self, value: Value) -> Value:
        """Reshape a vector of channels so that it broadcasts to channels-last activations."""
        return self.reshape(value, 1, 1, 1, *value.shape)

    def reduce(self, name: str, value: Value, *dims: int, keepdim: bool = False) -> Value:
        """Add ``pock.sum``, ``pock.mean`` or ``pock.amax``."""
        sizes = enumerate(value.shape)
        shape = tuple(1 if i in dims else size for i, size in sizes if keepdim or i not in dims)
        return self.op(
            name, value, shape=shape, attrs=f"dims = {array(dims)}" + (", keepdim = true" if keepdim else "")
        )

    def sgd(self, param: Value, gradient: Value, lr: Value) -> None:
        """Update a parameter in place."""
        attrs = "optimizer = #pock.sgd, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>"
        self.store(param, self.op("sgd_update", param, gradient, lr, attrs=attrs))

    @property
    def bytes(self) -> int:
        """Bytes that must be read or written: inputs, outputs, and parameters in both directions."""
        return sum(v.bytes for v in (*self.inputs, *self.outputs)) + 2 * sum(v.bytes for v in self.params)

    def text(self, target: str) -> str:
        """Return the module, for a target attribute."""
        arguments = ", ".join(f"{v.name}: {v.type} {{pock.name = {ir_text.quote(v.name[1:])}}}" for v in self.inputs)
        results = ", ".join(f'{v.type} {{pock.name = "y{i}"}}' for i, v in enumerate(self.outputs))
        values = ", ".join(v.name for v in self.outputs)
        types = ", ".join(v.type for v in self.outputs)
        end = f"return {values} : {types}" if self.outputs else "return"
        params = "\n".join(f"  pock.param @{v.name[1:]} {{trained}} : {v.type}" for v in self.params)
        body = "\n".join(f"    {line}" for line in (*self._body, *self._stores, end))
        return (
            f'module attributes {{pock.name = "kernel", pock.target = {target}}} {{\n{params}\n'
            f"  func.func @step({arguments}) -> ({results}) {{\n{body}\n  }}\n"
            "  func.func @prepare() { return }\n}\n"
        )

    def _fresh(self, shape: tuple[int, ...], dtype: str = "f32") -> Value:
        self._count += 1
        return Value(f"%v{self._count}", shape, dtype)
