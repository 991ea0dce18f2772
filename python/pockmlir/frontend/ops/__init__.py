"""Converters of ATen operators, by family; importing this fills `registry.CONVERTERS`."""

from __future__ import annotations

from . import (
    activation,
    attention,
    comparison,
    contraction,
    creation,
    elementwise,
    layout,
    loss,
    movement,
    normalization,
    pooling,
    reduction,
    resize,
)

__all__ = [
    "activation",
    "attention",
    "comparison",
    "contraction",
    "creation",
    "elementwise",
    "layout",
    "loss",
    "movement",
    "normalization",
    "pooling",
    "reduction",
    "resize",
]
