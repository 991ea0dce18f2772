"""Draws calls of an operator by its schema: types and names of the arguments determine the values."""

from __future__ import annotations

import math
from typing import Any

import torch

from .draft import Draft, Reject

__all__ = ["call_of", "overload_of"]

#: Name of an argument → its possible values, if its type does not determine them.
_TEXTS = {
    "rounding_mode": ["'floor'", "'trunc'", "None"],
    "indexing": ["'ij'", "'xy'"],
    "approximate": ["'none'", "'tanh'"],
    "reduce": ["'sum'", "'mean'", "'amax'", "'amin'", "'prod'"],
    "mode": ["'constant'", "'reflect'", "'replicate'", "'circular'"],
    "padding": ["'same'", "'valid'"],
}
_NUMBERS: dict[str, list[float]] = {
    "eps": [1e-5, 1e-3, 0.1],
    "p": [1.0, 2.0, 3.0, 0.5],
    "ord": [1.0, 2.0, 3.0, 0.5],
    "beta": [1.0, 2.0, 0.5],
    "lambd": [0.5, 0.25],
    "min": [-0.75, -0.25],
    "min_val": [-0.75, -0.25],
    "max": [0.5, 1.0],
    "max_val": [0.5, 1.0],
    "exponent": [2, 3, 0.5, -1, 1.5],
    "n": [2, 3],
}
#: Argument → whole numbers that mostly fit.
_COUNTS = {
    "kernel_size": [1, 2, 3],
    "stride": [1, 1, 2],
    "padding": [0, 0, 1],
    "dilation": [1, 1, 2],
    "output_size": [1, 2, 3],
    "output_padding": [0],
    "groups": [1, 2],
    "repeats": [1, 2, 3],
    "shifts": [-2, 0, 1, 3],
    "diagonal": [-1, 0, 1],
    "offset": [-1, 0, 1],
    "correction": [0, 1],
    "decimals": [0, 1, 2],
    "step": [1, 2],
    "k": [1, 2],
    "num_classes": [-1, 7],
    "upscale_factor": [2],
    "downscale_factor": [1, 2],
    "other": [1, 2, 3],
    "end": [1, 2, 3, 100],
    "start": [0, 1, -2],
    "length": [1, 2],
    "split_size": [1, 2, 3],
    "chunks": [1, 2, 3],
    "index": [0, -1, 1],
    "size": [1, 2, 3],
    "reduction": [0, 1, 2],
}
_DIMENSIONS = {"dim", "dim0", "dim1", "dim2", "axis", "axis0", "axis1", "start_dim", "end_dim", "source", "destination"}
#: Integers to the schema, something else to PyTorch.
_LEFT_OUT = {"layout", "device", "memory_format", "pin_memory", "generator", "non_blocking"}
#: Which of equal entries they name is open in PyTorch: they take random numbers, which differ.
_ORDERING = {"sort", "argsort", "topk", "kthvalue", "median", "msort", "mode"}
_DTYPES = ["torch.int64", "torch.bool", "torch.float32", "torch.float64"]


def overload_of(name: str) -> Any:
    """Return the operator of PyTorch that has a converter's name."""
    namespace, operator, *overload = name.split(".")
    return getattr(getattr(getattr(torch.ops, namespace), operator), overload[0] if overload else "default")


def call_of(draft: Draft, name: str) -> str:
    """Return an expression that calls an operator.

    Raises:
        Reject: no valid call was found; another try may find one.
    """
    overload = overload_of(name)
    arguments = overload._schema.arguments
    drawer = _Drawer(draft, distinct_only=name.split(".")[1] in _ORDERING)
    positional, named = [], []
    for argument in arguments:
        if (argument.kwarg_only or argument.has_default_value()) and draft.random.random() < 0.4:
            continue
        text = drawer.draw(argument)
        if text is None:
            continue
        if argument.kwarg_only or len(positional) + len(named) < arguments.index(argument) or named:
            named.append(f"{argument.name}={text}")
        else:
            positional.append(text)
    operator = name if overload._overloadname != "default" else f"{name.removesuffix('.default')}.default"
    return f"torch.ops.{operator}({', '.join(positional + named)})"


class _Drawer:
    """Draws the arguments of one call; the first tensor determines the shapes of the others."""

    def __init__(self, draft: Draft, distinct_only: bool) -> None:
        self.draft, self.distinct_only = draft, distinct_only
        self.random = draft.random
        self.first: torch.Tensor | None = None

    @property
    def rank(self) -> int:
        return 1 if self.first is None else max(self.first.dim(), 1)

    @property
    def shape(self) -> tuple[int, ...]:
        return () if self.first is None else tuple(self.first.shape)

    def draw(self, argument: Any) -> str | None:
        """Return an expression for an argument, or None to leave it out."""
        kind, name, length = str(argument.type), argument.name, argument.N
        if name in _LEFT_OUT:
            return None
        if name == "dtype":
            return None if argument.has_default_value() else self.random.choice(_DTYPES)
        if kind.startswith("Optional["):
            if self.random.random() < 0.3:
                return "None"
            kind = kind.removeprefix("Optional[").removesuffix("]")
        if kind == "Tensor":
            return self._tensor(name)
        if kind == "List[Tensor]":
            shape = self.shape if self.first is not None else self.draft.shape()
            names = [self.draft.of_shape(shape) for _ in range(self.random.randint(1, 3))]
            self.first = self.draft.value(names[0])
            return f"[{', '.join(names)}]"
        if kind == "List[Optional[Tensor]]":
            return self._indices()
        if kind in ("int", "SymInt"):
            return str(self._integer(name))
        if kind in ("List[int]", "List[SymInt]"):
            return str(self._integers(name, length))
        if kind in ("float", "number", "Scalar"):
            return repr(self._number(name))
        if kind == "List[float]":
            return repr([self._number(name) for _ in range(length or self.rank)])
        if kind == "bool":
            return str(self.random.random() < 0.5)
        if kind == "str":
            if name not in _TEXTS:
                raise Reject(f"no text for {name}")
            return self.random.choice(_TEXTS[name])
        if argument.has_default_value():
            return None
        raise Reject(f"no value for {name}: {kind}")

    def _tensor(self, name: str) -> str:
        draft = self.draft
        if self.first is None:
            # Sometimes integers and booleans come first: comparisons, logic, casts.
            kind = self.random.random()
            if self.distinct_only or kind < 0.86:
                chosen = draft.tensor()
                value = draft.value(chosen)
                if self.distinct_only and value.unique().numel() < value.numel():
                    chosen = draft.add_data(self.random.choice("pppx"), tuple(value.shape))
            elif kind < 0.93:
                chosen = draft.integers(draft.shape(), -4, 9)
            else:
                chosen = draft.condition(draft.shape())
            self.first = draft.value(chosen)
            return chosen
        if name in ("index", "indices"):
            return draft.integers(self.shape, 0, max(1, min(self.shape or (1,))))
        if name in ("mask", "condition"):
            return draft.condition(draft.broadcastable(self.shape))
        # The gradient of PyTorch's losses is wrong if a target broadcasts.
        shape = self.shape if name == "target" or self.random.random() < 0.6 else draft.broadcastable(self.shape)
        if (
            name in ("source", "src", "values", "tensor1", "tensor2", "vec2", "weight", "end")
            or self.first.is_floating_point()
        ):
            return draft.of_shape(shape)
        if self.first.dtype == torch.bool:
            return draft.condition(shape)
        return draft.integers(shape, 1, 5)

    def _indices(self) -> str:
        """Return indices for the leading dimensions."""
        shape = self.draft.shape(self.random.choice([0, 1, 1, 2]))
        count = self.random.randint(1, self.rank)
        names = [
            "None" if self.random.random() < 0.3 and count > 1 else self.draft.integers(shape, -size, size)
            for size in self.shape[:count]
        ]
        if all(name == "None" for name in names):
            raise Reject("no index")
        return f"[{', '.join(names)}]"

    def _integer(self, name: str) -> int:
        if name in _DIMENSIONS:
            return self.random.randrange(-self.rank, self.rank)
        if name in _COUNTS:
            return self.random.choice(_COUNTS[name])
        return self.random.choice([0, 1, 1, 2, 3])

    def _integers(self, name: str, length: int | None) -> list[int]:
        if name in ("dim", "axis") and not length:
            return sorted(self.random.sample(range(self.rank), self.random.randint(1, self.rank)))
        if name == "dims":
            order = list(range(self.rank))
            self.random.shuffle(order)
            return order if not length else order[:length]
        if name in ("size", "shape") and self.first is not None:
            return self._shape_like()
        if name in ("split_sizes", "split_size"):
            return self._pieces()
        if name == "normalized_shape":
            return list(self.shape[self.random.randrange(max(len(self.shape), 1)) :])
        if name in ("pad", "padding") and not length:
            return [self.random.choice([0, 1, 2, -1]) for _ in range(2 * self.random.randint(1, self.rank))]
        if name == "padding":
            return [self.random.choice([0, 1]) for _ in range(length or 1)]
        count = length or (self.rank if name == "repeats" else self.random.randint(1, self.rank))
        return [self.random.choice(_COUNTS.get(name, [1, 2])) for _ in range(count)]

    def _shape_like(self) -> list[int]:
        """Return another shape with the same number of entries, or a shape to which the value expands."""
        if self.random.random() < 0.4:
            grown = [size if size != 1 else self.draft.size() for size in self.shape]
            return [self.draft.size()] * self.random.randint(0, 1) + grown
        left, shape = math.prod(self.shape), []
        while left > 1:
            size = self.random.choice([d for d in range(1, left + 1) if left % d == 0])
            shape.append(size)
            left //= size
        return shape[:5] if math.prod(shape[:5]) == math.prod(self.shape) else [math.prod(self.shape)]

    def _pieces(self) -> list[int]:
        left = self.shape[0] if self.shape else 1
        pieces = []
        while left > 0:
            pieces.append(self.random.randint(0 if pieces else 1, left))
            left -= pieces[-1]
        return pieces

    def _number(self, name: str) -> float | int:
        if name in _NUMBERS:
            return self.random.choice(_NUMBERS[name])
        if self.first is not None and not self.first.is_floating_point():
            return self.random.choice([1, 2, 3, -2])
        return self.random.choice([0.5, 1.5, -0.75, 2, 0.1])
