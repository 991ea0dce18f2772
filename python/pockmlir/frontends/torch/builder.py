"""The builder for converters of PyTorch's operators, with facts about the current operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..._ops.ir import TensorType
from ..common import builder
from ..common.builder import Number, Value, dtype_of, is_float, rank_of, shape_of
from ..common.declarations import Declarations
from .dtypes import DTYPES

__all__ = ["Builder", "Lazy", "Missing", "Number", "Value", "dtype_of", "is_float", "rank_of", "shape_of"]

_TORCH = {name: dtype for dtype, name in DTYPES.items()}


@dataclass(frozen=True)
class Missing:
    """A result that a converter does not provide; only its use is an error."""

    reason: str


@dataclass(frozen=True)
class Lazy:
    """A value that is emitted at its first use."""

    make: Callable[[], Value]
    differentiable: bool = False


class Builder(builder.Builder):
    """Emits ops at the end of a function; see `common.builder.Builder`.

    Attributes:
        results: the result types of the current operator, None for a result that is not a tensor.
        norm_modes: filled by the converters of batch normalisation with their mode.
        given: number of a `pock.custom_gradient` → its results.
    """

    def __init__(self, name: str, declarations: Declarations) -> None:
        super().__init__(name, declarations)
        self.active: set[Value] = set()
        self.results: Sequence[Any] = []
        self.norm_modes: dict[str, str] = {}
        self.given: dict[int, list[Value]] = {}

    @property
    def out(self) -> TensorType:
        """The type of the operator's first result."""
        result: TensorType = self.results[0]
        return result

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the operator's first result."""
        return self.out.shape

    @property
    def out_dtype(self) -> str:
        """The element type of the operator's first result."""
        return self.out.dtype

    def promoted(self, *operands: Value | Number) -> str:
        """Return the element type to which PyTorch promotes two operands."""

        def meta(x: Value | Number) -> Any:
            if isinstance(x, bool | int | float):
                return x
            return torch.empty((1,) * rank_of(x), dtype=_TORCH[dtype_of(x)])

        return DTYPES[torch.result_type(*map(meta, operands))]
