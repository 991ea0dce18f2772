"""The imported model, which a front end returns to the compiler, and the conversions of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...api.scheme import ParameterInfo
from ...artifact.arguments import Argument
from ...artifact.manifest import TensorSpec

__all__ = ["Conversion", "ImportedModel", "TensorSpec"]


@dataclass(frozen=True)
class Conversion:
    """The conversion of an input: the dtype of its example, and the dtype of the step's input."""

    given: str
    used: str


@dataclass(frozen=True)
class ImportedModel:
    """A model as pock IR at stage ``import``, with its initial values and the facts that the IR does not have.

    Attributes:
        ir: the module, generic form, with locations; without the attributes that the
            compiler adds (name, target, scheme, optimizer).
        parameters: the model's parameters in registration order, without aliases.
        values: initial values of parameters, buffers and large constants by name.
        inputs: the tensor inputs of the model.
        targets: the targets of the loss; empty if the model computes its loss itself.
        arguments: the names and the nesting of inputs and target in a call.
        outputs: the results of ``@predict``.
        named_outputs: whether the model returns a mapping or a dataclass.
        gradients: the parameters that the loss reads → whether they have a gradient in PyTorch's
            sense: no, if only operators that are not differentiated read them.
        norm_modes: path of each batch normalisation → ``training`` or ``inference``.
        dropout_layers: the module of each active dropout of the loss, in order of execution.
        converted: name of an input → the conversion of its element type, if there is one.
        fixed: buffers whose values are compiled in: shapes depend on them, or they are complex.
        aliases: other names of shared parameters and buffers → the name in the IR.
        name: the default for the prefix of the C functions.
        checks_loss: whether ``@loss`` fails if its result is not finite.
        saved_names: names of the tensors in the model's saved state, including aliases of shared tensors.
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
    dropout_layers: tuple[str, ...] = ()
    converted: dict[str, Conversion] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    aliases: dict[str, str] = field(default_factory=dict)
    name: str = "model"
    checks_loss: bool = False
    saved_names: tuple[str, ...] = ()

    @property
    def target(self) -> TensorSpec | None:
        """The target, if the loss takes exactly one tensor."""
        return self.targets[0] if len(self.targets) == 1 else None

    @property
    def is_quantized(self) -> bool:
        """Whether tensors are quantised, so that layers can be computed with integers."""
        return "pock.dequantize" in self.ir
