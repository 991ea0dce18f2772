"""Cost of depth: equal blocks share their kernels, frozen first blocks have no backward pass."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pockmlir as pock

from .case import ARCHITECTURES
from .compare import kernels, operations

__all__ = ["DEPTHS", "deep", "frozen"]

DEPTHS = (2, 24)
MODEL = "torch-transformer"
FROZEN_LAYERS = 8


@dataclass(frozen=True)
class Depth:
    """The cost of one step.

    Attributes:
        layers: blocks of the model.
        frozen: the number of first blocks that are frozen; if not zero, the embeddings are frozen, too.
        operations: pock ops of the step at stage ``training``.
        launches: number of kernel launches.
        kernels: number of different kernels.
        codegen: seconds in stages ``llvm`` and ``object``.
        rest: seconds in all other stages.
        saved: bytes of activations kept for the backward pass.
    """

    layers: int
    frozen: int
    operations: int
    launches: int
    kernels: int
    codegen: float
    rest: float
    saved: int


def deep() -> list[dict[str, Any]]:
    """Compile transformers of few and of many blocks, in which everything trains."""
    return [_compile(layers, 0) for layers in DEPTHS]


def frozen() -> list[dict[str, Any]]:
    """Compile a transformer with an increasing number of frozen blocks."""
    return [_compile(FROZEN_LAYERS, count) for count in range(0, FROZEN_LAYERS + 1, 2)]


def _compile(layers: int, count: int) -> dict[str, Any]:
    case = ARCHITECTURES[MODEL].at("small", layers=layers, width=64, length=16)
    front = {"embed.*": 0.0, "position": 0.0} if count else {}
    scheme = {"*": 1.0} | front | {f"encoder.layers.{index}.*": 0.0 for index in range(count)}
    inputs, _ = case.batch(0)
    optimizer = pock.SGD(lr=0.01)
    step = pock.compile(
        case.model(), inputs, loss=case.loss, optimizer=optimizer, scheme=scheme, name="deep", cache=False
    )
    seconds = step.timings
    codegen = seconds["llvm"] + seconds["object"]
    rest = sum(seconds.values()) - codegen
    return asdict(Depth(layers, count, operations(step), *kernels(step), codegen, rest, step.memory.saved))
