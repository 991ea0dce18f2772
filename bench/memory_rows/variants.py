"""The variants of our step: a scheme, and options of `pockmlir.compile`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pockmlir as pock

__all__ = ["VARIANTS", "Variant", "variant_options"]


@dataclass(frozen=True)
class Variant:
    """One way to compile a row.

    Attributes:
        scheme: ``full`` or ``sparse``.
        options: keyword arguments of `pockmlir.compile`.
    """

    scheme: str
    options: Mapping[str, Any] = field(default_factory=dict)


#: No step fits into this many bytes, so the error gives the smallest possible size.
IMPOSSIBLE = 1024

UNORDERED = {"memory": pock.MemoryOptions(reorder=False)}

VARIANTS: Mapping[str, Variant] = {
    "full": Variant("full"),
    "full-unordered": Variant("full", UNORDERED),
    "full-recompute": Variant("full", {"memory_limit": IMPOSSIBLE}),
    "sparse": Variant("sparse"),
    "sparse-unordered": Variant("sparse", UNORDERED),
}


def variant_options(name: str) -> dict[str, Any]:
    """Return the keyword arguments of `pockmlir.compile` for a variant, except those of every row."""
    return dict(VARIANTS[name].options)
