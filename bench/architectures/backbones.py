"""The backbones of "On-Device Training Under 256KB Memory", and its authors' update schemes.

Lin et al., arXiv 2206.15472; the schemes are those of ``compilation/mcu_ir_gen.py`` in their repository
``tiny-training``, which names them after their memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pockmlir.budgets import SparseUpdate

from .mobile import MCUNET, PROXYLESS, Block, MobileNet, mobilenet_v2

__all__ = ["BACKBONES", "PIXELS", "Published"]

#: Height and width of the pictures.
PIXELS = 128


@dataclass(frozen=True)
class Published:
    """A backbone and its schemes.

    Attributes:
        stem: channels of the first convolution.
        blocks: the blocks after it; no convolution follows them.
        schemes: the authors' name → the update.
    """

    stem: int
    blocks: Sequence[Block]
    schemes: Mapping[str, SparseUpdate]

    def build(self) -> MobileNet:
        """Return the network in eval mode, with random weights; batch norm is not folded."""
        return MobileNet(self.stem, self.blocks).eval()


def _update(biases: int, indices: str, fractions: str) -> SparseUpdate:
    """Return an update; `indices` lists convolutions, `fractions` the trained part of each in eighths."""
    eighths = (int(eighth) / 8 for eighth in fractions.split())
    return SparseUpdate(biases, dict(zip(map(int, indices.split()), eighths, strict=True)))


BACKBONES: Mapping[str, Published] = {
    "mbv2-w0.35": Published(
        *mobilenet_v2(0.35),
        {
            "49kb": _update(16, "36 39 40 41 42 45 48 49", "8 8 0 2 1 1 1 1"),
            "73kb": _update(20, "32 33 36 39 41 42 45 48", "1 4 4 8 2 1 1 8"),
            "99kb": _update(25, "27 30 33 36 39 42 45 48", "8 8 8 8 8 1 4 8"),
            "123kb": _update(31, "27 30 33 36 39 42 45 48", "8 8 8 8 8 4 8 8"),
            "138kb": _update(34, "27 30 33 36 39 42 45 48", "8 8 8 8 8 8 8 8"),
        },
    ),
    "mcunet-5fps": Published(
        16,
        MCUNET,
        {
            "49kb": _update(20, "23 24 27 30 33 39", "0 2 4 4 0 0"),
            "74kb": _update(21, "21 23 24 26 27 30", "8 0 8 0 4 8"),
            "99kb": _update(22, "21 24 27 30 36 39", "8 8 8 8 1 2"),
            "124kb": _update(24, "21 24 27 30 33 39", "2 8 8 8 4 4"),
            "148kb": _update(23, "21 24 27 30 36 39", "8 8 8 8 8 4"),
        },
    ),
    "proxyless-w0.3": Published(
        16,
        PROXYLESS,
        {
            "49kb": _update(21, "39 42 44 45 50 51 54 57", "2 8 0 8 0 1 2 2"),
            "74kb": _update(28, "33 36 39 42 45 51 54 57", "4 2 8 8 8 4 2 4"),
            "98kb": _update(25, "36 39 42 45 48 51 54 57", "8 4 8 8 2 4 8 8"),
            "120kb": _update(32, "36 39 42 45 48 51 54 57", "8 8 8 8 4 8 8 8"),
            "148kb": _update(45, "36 39 42 45 48 51 54 57", "8 8 8 8 8 8 8 8"),
        },
    ),
}
