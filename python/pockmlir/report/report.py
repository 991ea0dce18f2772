"""The contract of a compiled step: what trains, in which mode, at what cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..artifact.manifest import TensorSlot, dtype_of
from ..artifact.memory import Memory
from ..support.tables import as_text, make_table
from .integer_layers import LayerReport, layers_of
from .memory_table import memory_table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    from ..api.scheme import ParameterInfo
    from ..artifact.artifact import Artifact

__all__ = ["LayerReport", "ParameterReport", "Report"]


@dataclass(frozen=True)
class ParameterReport:
    """How the step treats one parameter.

    Attributes:
        name: PyTorch's name.
        shape: PyTorch's shape.
        dtype: numpy's name of the element type.
        trains: ``all``, ``slice``, ``frozen`` or ``without gradient``.
        slice: for a slice, (dimension, number of first entries that train).
        trained_elements: number of elements that the step changes.
        detail: the reason why it is frozen, or a description of the slice; other names of a tied parameter.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    trains: Literal["all", "slice", "frozen", "without gradient"]
    slice: tuple[int, int] | None
    trained_elements: int
    detail: str

    @classmethod
    def of(cls, info: ParameterInfo, fraction: float, slot: TensorSlot | None) -> ParameterReport:
        """Combine the scheme's fraction with the result of the compiler."""
        shape = tuple(info.shape)
        elements = _product(shape)
        dtype = dtype_of(slot.dtype).name if slot else ""
        update = slot.update if slot else "none"
        if isinstance(update, tuple):
            axis, size = update
            what = "input channels" if axis == 1 else f"in dimension {axis}"
            detail = f"{size} of {shape[axis]} {what}"
            return cls(info.name, shape, dtype, "slice", update, elements // shape[axis] * size, detail)
        if update == "full":
            return cls(info.name, shape, dtype, "all", None, elements, "")
        if fraction > 0:
            return cls(info.name, shape, dtype, "without gradient", None, 0, "the loss does not depend on it")
        detail = "" if info.requires_grad else "requires_grad=False"
        return cls(info.name, shape, dtype, "frozen", None, 0, detail)

    def with_names(self, aliases: Sequence[str]) -> ParameterReport:
        """Return the entry with the other names of a tied parameter."""
        if not aliases:
            return self
        return replace(self, detail="; ".join(filter(None, [self.detail, f"also {', '.join(aliases)}"])))


def _product(shape: Sequence[int]) -> int:
    result = 1
    for size in shape:
        result *= size
    return result


@dataclass(frozen=True)
class Report:
    """The contract; ``print`` it, or take ``to_dict()``.

    Attributes:
        name: the model's name.
        target: name of the target.
        optimizer: kind and settings.
        groups: settings and trained parameters of each group, if there are several.
        training: settings of accumulation and clipping that are in use.
        dropout: seed and layers of active dropout; empty if there is none.
        loss: name of the loss.
        scheme: the scheme as the user wrote it.
        parameters: one entry per parameter of the model.
        norm_modes: path of each normalisation layer → its mode.
        converted: name of an input → the dtypes of its example and of the step, if they differ.
        arithmetic: element types, fused multiply-add, mathematical functions.
        memory: memory of the step.
        kernels: number of launches, of distinct kernels, and of kernels with a tuning.
        timings: seconds per compiler stage.
        layers: the arithmetic of each layer of a quantised model; empty for others.
    """

    name: str
    target: str
    optimizer: Mapping[str, Any]
    groups: tuple[Mapping[str, Any], ...]
    training: Mapping[str, float]
    dropout: Mapping[str, Any]
    loss: str
    scheme: str
    parameters: tuple[ParameterReport, ...]
    norm_modes: Mapping[str, str]
    converted: Mapping[str, tuple[str, str]]
    arithmetic: Mapping[str, str]
    memory: Memory
    kernels: Mapping[str, int]
    timings: Mapping[str, float]
    layers: tuple[LayerReport, ...] = ()

    @classmethod
    def of(cls, artifact: Artifact) -> Report:
        """Make the report of a compilation."""
        tensors = artifact.manifest.tensors
        wanted = {**artifact.fractions, **dict.fromkeys(artifact.without_gradient, 1.0)}
        return cls(
            name=artifact.name,
            target=artifact.target.name,
            optimizer=artifact.optimizer.to_dict(),
            groups=_groups(artifact),
            training=artifact.training.used(),
            dropout={"seed": artifact.training.seed, "layers": list(artifact.dropout)} if artifact.dropout else {},
            loss=artifact.loss,
            scheme=str(artifact.scheme),
            parameters=tuple(
                ParameterReport.of(info, wanted[info.name], tensors.get(info.name)).with_names(info.aliases)
                for info in artifact.parameters
            ),
            norm_modes=dict(artifact.norm_modes),
            converted=dict(artifact.converted),
            arithmetic=artifact.arithmetic,
            memory=artifact.manifest.memory,
            kernels=dict(artifact.manifest.data.get("kernels", {})),
            timings=dict(artifact.timings),
            layers=layers_of(_dumped(artifact, "graph"), _dumped(artifact, "training")),
        )

    @property
    def trained_elements(self) -> int:
        """Number of elements that the step changes."""
        return sum(entry.trained_elements for entry in self.parameters)

    @property
    def elements(self) -> int:
        """Number of elements of the model's parameters."""
        return sum(_product(entry.shape) for entry in self.parameters)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, fit for JSON."""
        return {
            "name": self.name,
            "target": self.target,
            "optimizer": dict(self.optimizer),
            "groups": [dict(group) for group in self.groups],
            "training": dict(self.training),
            "dropout": dict(self.dropout),
            "loss": self.loss,
            "scheme": self.scheme,
            "trained_elements": self.trained_elements,
            "elements": self.elements,
            "parameters": [asdict(entry) for entry in self.parameters],
            "norm_modes": dict(self.norm_modes),
            "converted": {name: list(dtypes) for name, dtypes in self.converted.items()},
            "arithmetic": dict(self.arithmetic),
            "memory": self.memory.to_dict(),
            "kernels": dict(self.kernels),
            "timings": dict(self.timings),
            "layers": [asdict(entry) for entry in self.layers],
        }

    def __str__(self) -> str:
        return as_text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        settings = ", ".join(f"{key}={value}" for key, value in self.optimizer.items() if key not in ("kind", "groups"))
        yield f"{self.name} for {self.target}: {self.loss}, {self.optimizer['kind']} ({settings})"
        if self.training:
            yield ", ".join(f"{key}={value}" for key, value in self.training.items())
        yield f"scheme: {self.scheme}"
        yield (
            f"trains {self.trained_elements:,} of {self.elements:,} parameters "
            f"({100 * self.trained_elements / max(self.elements, 1):.1f} %)"
        )
        if tuned := self.kernels.get("tuned"):
            yield f"{tuned} of {self.kernels['distinct']} kernels are tuned"
        if self.converted:
            texts = (f"{name} from {given} to {used}" for name, (given, used) in self.converted.items())
            yield f"inputs are converted: {', '.join(texts)}"
        yield self._parameter_table()
        if self.groups:
            yield self._group_table()
        if self.dropout:
            layers = list(dict.fromkeys(self.dropout["layers"]))
            yield f"dropout, seed {self.dropout['seed']}: {', '.join(layers)}"
        if self.norm_modes:
            yield make_table("normalisation", ("layer", "mode"), self.norm_modes.items())
        if self.layers:
            rows = [(entry.layer, entry.arithmetic, _bits(entry), entry.reason) for entry in self.layers]
            yield make_table("layers", ("layer", "arithmetic", "gradients", "why not integers"), rows)
        yield make_table("arithmetic", ("", ""), self.arithmetic.items())
        yield memory_table(self.memory)

    def _parameter_table(self) -> Table:
        rows = [
            (entry.name, "x".join(map(str, entry.shape)) or "scalar", entry.trains, entry.detail)
            for entry in self.parameters
        ]
        return make_table("parameters", ("parameter", "shape", "trains", ""), rows)

    def _group_table(self) -> Table:
        rows = []
        for index, group in enumerate(self.groups):
            settings = {key: value for key, value in group.items() if key not in ("kind", "parameters")}
            text = ", ".join(f"{key}={value}" for key, value in settings.items())
            rows.append((index, text, ", ".join(group["parameters"])))
        return make_table("parameter groups", ("group", "settings", "trains"), rows)


def _groups(artifact: Artifact) -> tuple[Mapping[str, Any], ...]:
    """Settings and trained parameters of each group; empty if there is one group."""
    if artifact.groups is None or len(artifact.groups.optimizers) == 1:
        return ()
    trained = [name for name, fraction in artifact.fractions.items() if fraction > 0]
    members = artifact.groups.members(trained)
    return tuple(
        optimizer.to_dict() | {"parameters": names}
        for optimizer, names in zip(artifact.groups.optimizers, members, strict=True)
    )


def _dumped(artifact: Artifact, stage: str) -> str:
    """The module after a stage; empty if there is none."""
    return next((dump.ir for dump in artifact.dumps if dump.name == stage), "")


def _bits(layer: LayerReport) -> str:
    """The bits of the gradients that a layer's integers are multiplied by."""
    counts = Counter(layer.gradients)
    return ", ".join(f"{bits} bits" + f" x {n}" * (n > 1) for bits, n in counts.items())
