"""The only table of the keywords of `compile` that are also options of the command ``pock``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict, get_args, get_type_hints

from ..targets.target import ARITHMETICS, Target
from .options import GRADIENTS, ON_NAN, PRECISIONS, ROUNDINGS, MemoryOptions, Training
from .tuning import Tuning

__all__ = ["ImportOptions", "Keyword", "Options", "keywords"]


@dataclass(frozen=True)
class Keyword:
    """The properties of a command line option, without name and type.

    Attributes:
        help: its meaning, in one line.
        default: its default value.
        metavar: the placeholder for its value in the help text.
        choices: all valid values, if they can be listed.
        least: the smallest valid number.
        path: whether it is the path of a file or of a folder, if it is a path.
    """

    help: str
    default: Any = None
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    least: int | None = None
    path: Literal["file", "folder"] | None = None


class Options(TypedDict, total=False):
    """Keyword arguments of `compile` that each plan of an import can override."""

    accumulate: Annotated[int, Keyword("Update on every n-th step.", Training.accumulate, "N", least=1)]
    clip_grad_norm: Annotated[float | None, Keyword("Largest norm of all gradients.")]
    clip_grad_value: Annotated[float | None, Keyword("Largest entry of a gradient.")]
    seed: int
    precision: Annotated[str, Keyword("Of what is stored between kernels.", Training.precision, choices=PRECISIONS)]
    rounding: Annotated[
        str, Keyword("Of changes of parameters stored as integers.", Training.rounding, choices=ROUNDINGS)
    ]
    gradients: Annotated[
        str, Keyword("As which products with quantised layers read them.", Training.gradients, choices=GRADIENTS)
    ]
    memory_limit: Annotated[
        int | str | None, Keyword("Of parameters, optimizer state and arena, e.g. 64MB.", metavar="BYTES")
    ]
    memory: MemoryOptions | None
    target: Annotated[str | Target, Keyword(f"One of {', '.join(Target.names())}; or NAME:CPU.", "host")]
    arithmetic: Annotated[str | None, Keyword("The target's if not given.", choices=ARITHMETICS)]
    ram: Annotated[int | str | None, Keyword("Refuse what needs more, e.g. 256K.", metavar="SIZE")]
    flash: Annotated[int | str | None, Keyword("Refuse what needs more, e.g. 1M.", metavar="SIZE")]
    tuning: Annotated[str | Path | Tuning | None, Keyword("What `pock tune` has written.", metavar="FILE", path="file")]
    name: Annotated[str | None, Keyword("Prefix of the C functions.")]


class ImportOptions(TypedDict, total=False):
    """Keyword arguments of `compile` that apply to the whole import."""

    on_nan: Annotated[str, Keyword("What a step does whose loss is not finite.", Training.on_nan, choices=ON_NAN)]
    dump_ir_dir: Annotated[str | Path | None, Keyword("Write NN-stage.mlir there.", path="folder")]


def keywords() -> dict[str, tuple[type, Keyword]]:
    """Return the options of the command line: name → the type of a value, and its properties."""
    result: dict[str, tuple[type, Keyword]] = {}
    for options in (Options, ImportOptions):
        for name, hint in get_type_hints(options, include_extras=True).items():
            for keyword in getattr(hint, "__metadata__", ()):
                types = {hint.__origin__, *get_args(hint.__origin__)}
                result[name] = (next(kind for kind in (float, str, int) if kind in types), keyword)
    return result
