"""The result of a compilation: everything of a `Step` except its memory."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..api.optim import Optimizer
from ..api.optimizer_groups import OptimizerGroups
from ..api.options import Training
from ..api.scheme import ParameterInfo, Scheme
from ..errors import ArgumentError
from ..targets.target import Target
from .arguments import Argument
from .footprint import Footprint
from .manifest import Manifest

__all__ = ["Artifact", "LazyDump", "StageDump"]


@dataclass(frozen=True)
class StageDump:
    """The module after a stage, with source locations, and the seconds it took."""

    name: str
    ir: str
    seconds: float


class LazyDump(StageDump):
    """A stage whose module is made or read when somebody asks for it, once."""

    def __init__(self, name: str, make: Callable[[], str], seconds: float = 0.0) -> None:
        self.__dict__.update(name=name, seconds=seconds, _make=make)

    @cached_property
    def ir(self) -> str:
        """The module after the stage, with source locations."""
        text: str = self.__dict__["_make"]()
        return text


@dataclass(frozen=True)
class Artifact:
    """A compiled training step, without memory.

    Attributes:
        manifest: layout of the memory and signatures of the functions.
        library: the shared library; None if the target has no shared libraries.
        object_code: the object file that it was linked from, or packed `Dispatches` if that is the target's form.
        optimizer: the update rule and its default learning rate.
        groups: the settings of every parameter group; one with all parameters if None.
        scheme: as the user wrote it.
        fractions: the resolved scheme: parameter → fraction that trains.
        without_gradient: parameters that the scheme would train, but that have no gradient.
        parameters: the model's parameters, in its order.
        target: the target of the compilation.
        training: accumulation, clipping, seed of dropout, precision.
        dropout: path of each active dropout layer.
        arguments: how the user passes the step's tensors.
        named_outputs: whether predict returns a dict.
        loss: name of the loss.
        norm_modes: path of each normalisation layer → ``training`` or ``inference``.
        state_names: PyTorch's ``state_dict`` keys, in order.
        aliases: key of a tied tensor → the key that holds its value.
        converted: name of an input → the dtypes of its example and of the step, if they differ.
        fixed: buffers whose values are compiled in.
        arithmetic: what the code computes with: property → what it is.
        dumps: the module after each stage.
        print_ir: strips source locations from a stage's text.
        directory: the temporary directory of the library, removed with the artifact.
    """

    manifest: Manifest
    library: Path | None
    object_code: bytes
    optimizer: Optimizer
    scheme: Scheme
    fractions: Mapping[str, float]
    parameters: Sequence[ParameterInfo]
    target: Target
    groups: OptimizerGroups | None = None
    training: Training = field(default_factory=Training)
    dropout: Sequence[str] = ()
    arguments: Sequence[Argument] = ()
    named_outputs: bool = False
    loss: str = ""
    norm_modes: Mapping[str, str] = field(default_factory=dict)
    state_names: Sequence[str] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    converted: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    without_gradient: Sequence[str] = ()
    arithmetic: Mapping[str, str] = field(default_factory=dict)
    dumps: Sequence[StageDump] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    print_ir: Callable[[str], str] = str
    directory: tempfile.TemporaryDirectory[str] | None = None

    @property
    def name(self) -> str:
        """The model's name, prefix of the C functions."""
        return self.manifest.name

    @property
    def optimizers(self) -> tuple[Optimizer, ...]:
        """The settings of every parameter group."""
        return self.groups.optimizers if self.groups else (self.optimizer,)

    @property
    def given_dtypes(self) -> dict[str, str]:
        """Name of an input → the dtype of its example, which the step accepts in addition to its own."""
        return {name: given for name, (given, _) in self.converted.items()}

    @cached_property
    def footprint(self) -> Footprint:
        """The RAM and flash that the step needs on a device, in bytes."""
        return Footprint.of(self.manifest, self.target, self.object_code)

    def dump(self, stage: str) -> str:
        """Return the module after a stage, with source locations."""
        for dump in self.dumps:
            if dump.name == stage:
                return dump.ir
        raise ArgumentError(f"stage: expected one of {', '.join(dump.name for dump in self.dumps)}, but got {stage!r}")

    def fingerprint(self) -> str:
        """Return a hash of the model's structure: names, shapes and types of its tensors."""
        tensors = [
            (slot.name, slot.torch_shape, slot.dtype) for slot in self.manifest.of_kind("parameter", "buffer").values()
        ]
        return hashlib.sha256(json.dumps(sorted(tensors)).encode()).hexdigest()[:16]
