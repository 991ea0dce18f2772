"""What the frontend hands to the compiler: tensor specifications and the imported model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from .._arguments import Argument
from ..scheme import ParameterInfo

__all__ = [
    "CONVERTED",
    "DTYPES",
    "NARROW",
    "Conversion",
    "ImportedModel",
    "TensorSpec",
    "dtype_name",
    "numpy_dtype",
    "spell_dtype",
]

#: The element types of the pock dialect (docs/Architecture.md) by their PyTorch type.
DTYPES: dict[torch.dtype, str] = {
    torch.float32: "f32",
    torch.float64: "f64",
    torch.bool: "i1",
    torch.int8: "i8",
    torch.int32: "i32",
    torch.int64: "i64",
}
#: Integers that are computed in a wider type, and brought back into their range after every operator.
NARROW: dict[torch.dtype, str] = {torch.uint8: "i32", torch.int16: "i32"}
#: Inputs that are converted before the model sees them: no code computes in these types.
CONVERTED: dict[torch.dtype, torch.dtype] = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.uint16: torch.int32,
    torch.uint32: torch.int64,
}
_NUMPY: dict[str, type[np.generic]] = {
    "f32": np.float32,
    "f64": np.float64,
    "i1": np.bool_,
    "i8": np.int8,
    "i32": np.int32,
    "i64": np.int64,
}


def dtype_name(dtype: torch.dtype) -> str | None:
    """Return the dialect's type for values of a PyTorch element type, None if there is none."""
    return DTYPES.get(dtype) or NARROW.get(dtype)


def spell_dtype(dtype: torch.dtype) -> str:
    """Return PyTorch's name of an element type, for example ``float32``."""
    return str(dtype).removeprefix("torch.")


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return the numpy type of one of the dialect's element types."""
    dtype: np.dtype[Any] = np.dtype(_NUMPY[name])
    return dtype


@dataclass(frozen=True)
class TensorSpec:
    """Name, shape and element type (``f32``, ``i64``, …) of an input or output."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Conversion:
    """An input whose values are converted: the dtype of its example, and that in which the step takes it."""

    given: str
    used: str


@dataclass(frozen=True)
class ImportedModel:
    """A model as pock IR at stage ``import``, and what belongs to it but is not IR.

    Attributes:
        ir: the module, generic form, with locations; without the attributes that the
            compiler adds (name, target, scheme, optimizer).
        parameters: the model's parameters in registration order, aliases left out.
        values: initial values of parameters, buffers and large constants by name.
        inputs: the tensors that the model takes.
        targets: those that the loss takes; none if the model computes its loss itself.
        arguments: how a caller gives inputs and target: by which names, nested how.
        outputs: what ``@predict`` returns.
        named_outputs: whether the model returns a mapping or a dataclass.
        gradients: the parameters that the loss reads → whether they have a gradient, in PyTorch's
            sense: not if only what is not differentiated reads them.
        norm_modes: path of each batch normalisation → ``training`` or ``inference``.
        converted: name of an input → what becomes of its element type, where that is another.
        fixed: buffers whose values are compiled in, as they decide on shapes.
        aliases: other names of shared parameters and buffers → the name in the IR.
    """

    ir: str
    parameters: list[ParameterInfo]
    values: dict[str, np.ndarray[Any, Any]]
    inputs: list[TensorSpec]
    targets: list[TensorSpec]
    arguments: list[Argument]
    outputs: list[TensorSpec]
    named_outputs: bool
    norm_modes: dict[str, str]
    gradients: Mapping[str, bool]
    converted: dict[str, Conversion] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    aliases: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> TensorSpec | None:
        """The target, if the loss takes exactly one tensor."""
        return self.targets[0] if len(self.targets) == 1 else None
