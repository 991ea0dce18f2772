"""Arithmetic on pairs of real tensors in a graph.

A part that is known to be zero is None: a real tensor costs nothing in complex arithmetic, and no product with zeros
is computed. PyTorch computes them, so that the product of infinity and a real number has the imaginary part
``inf * 0``, which is NaN; here it is the real product, as in C99.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensorMode

__all__ = ["REAL", "Complex", "Part", "Writer", "shape_of"]

_aten = torch.ops.aten

#: Complex types → the type of their parts.
REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}
#: One part of a complex tensor: a node, a number that all entries have, or None for zero.
Part: TypeAlias = "fx.Node | float | None"


@dataclass(frozen=True)
class Complex:
    """A complex tensor as two real ones.

    Attributes:
        real: the real part.
        imag: the imaginary part.
        shape: the shape that both are broadcast to.
    """

    real: Part
    imag: Part
    shape: tuple[int, ...] = ()

    @classmethod
    def of(cls, parts: Iterable[Part], shape: tuple[int, ...] = ()) -> Complex:
        """Return the tensor with a real and an imaginary part."""
        real, imag = parts
        return cls(real, imag, shape)

    @property
    def parts(self) -> tuple[Part, Part]:
        """Both parts."""
        return self.real, self.imag


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """Return the shape of a node's value."""
    return tuple(node.meta["val"].shape)


class Writer:
    """Writes nodes in front of a node of the graph, with its source location.

    Attributes:
        dtype: the type of real parts.
        constants: the values of the placeholders that were added.
    """

    def __init__(self, graph: fx.Graph, mode: FakeTensorMode) -> None:
        self.dtype = torch.float32
        self.constants: dict[fx.Node, torch.Tensor] = {}
        self._graph = graph
        self._mode = mode
        self._node: fx.Node = next(iter(graph.nodes))
        self._known: dict[Any, fx.Node] = {}

    def at(self, node: fx.Node) -> None:
        """Write in front of a node from now on."""
        self._node = node

    def call(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> fx.Node:
        """Call an operator."""
        with self._graph.inserting_before(self._node):
            made = self._graph.call_function(target, args, kwargs)
        known_args, known_kwargs = fx.node.map_arg((args, kwargs), lambda arg: arg.meta["val"])
        with self._mode:
            made.meta = {**self._node.meta, "val": target(*known_args, **known_kwargs)}
        return made

    def constant(self, key: Any, make: Callable[[], torch.Tensor]) -> fx.Node:
        """Return a constant; it is made at the first use of its key."""
        if key not in self._known:
            value = make()
            with self._graph.inserting_before(next(iter(self._graph.nodes))):
                made = self._graph.placeholder(f"complex_{len(self._known)}")
            made.meta = {**self._node.meta, "val": self._mode.from_tensor(value, static_shapes=True)}
            self._known[key] = made
            self.constants[made] = value
        return self._known[key]

    # Real tensors -------------------------------------------------------------------

    def add(self, x: Part, y: Part) -> Part:
        """Return x + y."""
        if x is None or y is None:
            return y if x is None else x
        if isinstance(x, float):
            return x + y if isinstance(y, float) else self.call(_aten.add.Tensor, y, x)
        return self.call(_aten.add.Tensor, x, y)

    def sub(self, x: Part, y: Part) -> Part:
        """Return x - y."""
        if x is None or y is None:
            return self.neg(y) if x is None else x
        if isinstance(x, float):
            return x - y if isinstance(y, float) else self.call(_aten.rsub.Scalar, y, x)
        return self.call(_aten.sub.Tensor, x, y)

    def mul(self, x: Part, y: Part) -> Part:
        """Return x y."""
        if x is None or y is None:
            return None
        if isinstance(x, float):
            x, y = y, x
        if isinstance(x, float):
            assert isinstance(y, float)
            return x * y
        if isinstance(y, float) and y in (1.0, -1.0):
            return x if y == 1.0 else self.neg(x)
        return self.call(_aten.mul.Tensor, x, y)

    def neg(self, x: Part) -> Part:
        """Return -x."""
        if x is None or isinstance(x, float):
            return None if x is None else -x
        return self.call(_aten.neg.default, x)

    def tensor(self, x: Part, shape: Sequence[int]) -> fx.Node:
        """Return a part as a tensor of this shape."""
        if not isinstance(x, fx.Node):
            return self.call(_aten.full.default, list(shape), 0.0 if x is None else x, dtype=self.dtype)
        return x if shape_of(x) == tuple(shape) else self.call(_aten.expand.default, x, list(shape))

    def cast(self, x: fx.Node) -> fx.Node:
        """Return a real tensor in the type of parts."""
        return x if x.meta["val"].dtype == self.dtype else self.call(_aten._to_copy.default, x, dtype=self.dtype)

    def choose(self, condition: fx.Node, x: fx.Node | float, y: fx.Node | float) -> fx.Node:
        """Return x where a condition holds, else y."""
        scalar = {(True, False): _aten.where.ScalarOther, (False, True): _aten.where.ScalarSelf}
        kinds = isinstance(x, fx.Node), isinstance(y, fx.Node)
        return self.call(scalar.get(kinds, _aten.where.self), condition, x, y)

    def reshape(self, x: fx.Node, shape: Sequence[int]) -> fx.Node:
        """Return a real tensor with another shape."""
        if shape_of(x) == tuple(shape):
            return x
        # Graphs are also run, and PyTorch's view depends on the layout of the memory.
        return self.call(_aten.view.default, self.contiguous(x), list(shape))

    def contiguous(self, x: fx.Node) -> fx.Node:
        """Return a real tensor whose dimensions are in order in memory."""
        if x.meta["val"].is_contiguous():
            return x
        return self.call(_aten.clone.default, x, memory_format=torch.contiguous_format)

    # Complex tensors ----------------------------------------------------------------

    def lift(self, x: Complex | fx.Node | complex) -> Complex:
        """Return a complex or real tensor, or a number, as a complex tensor with parts of the right type."""
        if isinstance(x, Complex):
            real, imag = (self.cast(part) if isinstance(part, fx.Node) else part for part in x.parts)
            return Complex(real, imag, x.shape)
        if isinstance(x, fx.Node):
            return Complex(self.cast(x), None, shape_of(x))
        if isinstance(x, complex):
            return Complex(x.real or None, x.imag or None)
        return Complex(float(x), None)

    def apply(self, function: Callable[[Part], Part], x: Complex) -> Complex:
        """Apply a linear function, which returns None for None, to both parts."""
        return Complex(function(x.real), function(x.imag), x.shape)

    def mapped(self, x: Complex, shape: tuple[int, ...], function: Callable[[fx.Node], fx.Node]) -> Complex:
        """Apply a linear function of tensors to both parts, which have this shape afterwards; zero stays zero."""
        return Complex.of((None if part is None else function(self.tensor(part, x.shape)) for part in x.parts), shape)

    def scale(self, x: Complex, factor: Part) -> Complex:
        """Return the product with a real number."""
        return self.apply(lambda part: self.mul(part, factor), x)

    def sum_of(self, x: Complex, y: Complex) -> Complex:
        """Return x + y."""
        return Complex(self.add(x.real, y.real), self.add(x.imag, y.imag), _broadcast(x, y))

    def difference(self, x: Complex, y: Complex) -> Complex:
        """Return x - y."""
        return Complex(self.sub(x.real, y.real), self.sub(x.imag, y.imag), _broadcast(x, y))

    def product(self, x: Complex, y: Complex, multiply: Callable[[Part, Part], Part] | None = None) -> Complex:
        """Return x y, as PyTorch without special cases for infinities.

        Args:
            x: the first factor.
            y: the second one.
            multiply: the product of real tensors, None if it is that of entries; None times anything is None.
        """
        times = multiply or self.mul
        real = self.sub(times(x.real, y.real), times(x.imag, y.imag))
        imag = self.add(times(x.real, y.imag), times(x.imag, y.real))
        return Complex(real, imag, () if multiply else _broadcast(x, y))

    def conjugate(self, x: Complex) -> Complex:
        """Return the conjugate."""
        return Complex(x.real, self.neg(x.imag), x.shape)

    def quotient(self, x: Complex, y: Complex) -> Complex:
        """Return x / y by Smith's method, as PyTorch; the square of the divisor is never computed."""
        if y.imag is None:
            divisor = self.tensor(y.real, y.shape)
            return Complex.of((self._ratio(part, divisor) for part in x.parts), _broadcast(x, y))
        c, d = (self.tensor(part, y.shape) for part in y.parts)
        width, height = self.call(_aten.abs.default, c), self.call(_aten.abs.default, d)
        wide = self.call(_aten.ge.Tensor, width, height)
        large, small = self.choose(wide, c, d), self.choose(wide, d, c)
        zero = self.call(_aten.eq.Scalar, large, 0.0)
        # Where the divisor is zero, the parts are divided by zero. Elsewhere this branch must not have a NaN as
        # derivative.
        none = self.choose(zero, width, 1.0)
        large = self.choose(zero, 1.0, large)
        ratio = self._ratio(small, large)
        # PyTorch multiplies by the reciprocal, whose derivative overflows earlier.
        size = self._node_of(self.add(large, self.mul(small, ratio)))
        shape = _broadcast(x, y)
        a, b = (self.tensor(part, shape) for part in x.parts)
        p, q = self.choose(wide, a, b), self.choose(wide, b, a)
        real = self._node_of(self.add(p, self.mul(q, ratio)))
        difference = self._node_of(self.sub(q, self.mul(p, ratio)))
        turned = self.choose(wide, difference, self._node_of(self.neg(difference)))
        pairs = ((real, a), (turned, b))
        return Complex.of(
            (self.choose(zero, self._divide(part, none), self._divide(value, size)) for value, part in pairs), shape
        )

    def magnitude(self, x: Complex) -> fx.Node:
        """Return the absolute value, without overflow; its derivative at zero is zero, as PyTorch's."""
        if x.imag is None or x.real is None:
            return self.call(_aten.abs.default, self.tensor(x.real if x.imag is None else x.imag, x.shape))
        real, imag = (self.tensor(part, x.shape) for part in x.parts)
        zero = self.is_zero(real, imag)
        one = self.choose(zero, 1.0, real)
        return self.choose(zero, 0.0, self.call(_aten.hypot.default, one, imag))

    def is_zero(self, real: fx.Node, imag: fx.Node) -> fx.Node:
        """Return whether both parts are zero."""
        zeros = (self.call(_aten.eq.Scalar, part, 0.0) for part in (real, imag))
        return self.call(_aten.logical_and.default, *zeros)

    def _ratio(self, x: Part, y: fx.Node) -> Part:
        return None if x is None else self._divide(self.tensor(x, ()) if isinstance(x, float) else x, y)

    def _divide(self, x: fx.Node, y: fx.Node) -> fx.Node:
        return self.call(_aten.div.Tensor, x, y)

    def _node_of(self, x: Part) -> fx.Node:
        assert isinstance(x, fx.Node)
        return x


def _broadcast(x: Complex, y: Complex) -> tuple[int, ...]:
    return tuple(torch.broadcast_shapes(x.shape, y.shape))
