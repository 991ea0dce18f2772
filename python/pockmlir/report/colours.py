"""The colours of the kinds of memory, in pictures and in the map of the arena."""

from __future__ import annotations

from collections.abc import Mapping

from ..artifact.places import ArenaKind

__all__ = ["COLOURS"]

#: Distinguishable with any colour vision (Okabe and Ito).
COLOURS: Mapping[ArenaKind, str] = {
    "saved": "#0072b2",
    "mask": "#56b4e9",
    "gradient": "#d55e00",
    "activation": "#009e73",
    "workspace": "#999999",
}
