"""What a front end hands to the compiler: the imported model, and what becomes of its inputs."""

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
        dropout_layers: module of each active dropout of the loss, in order of execution.
        converted: name of an input → what becomes of its element type, where that is another.
        fixed: buffers whose values are compiled in, as they decide on shapes.
        aliases: other names of shared parameters and buffers → the name in the IR.
        name: what the C functions' prefix is made of if the compilation is given none.
        checks_loss: whether ``@loss`` fails where its result is not finite.
        saved_names: names of the tensors that belong to the model's saved state, other names of shared ones included.
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
