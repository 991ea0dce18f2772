"""Code as shaders and the plan of their dispatches, in place of an object file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["Dispatches"]

_HEADER = struct.Struct("<8sQQ")
_MAGIC = b"POCKDISP"


@dataclass(frozen=True)
class Dispatches:
    """The code of a target whose form is ``dispatches``.

    Attributes:
        shaders: a module with all shaders.
        plan: for each function, which shaders run on which parts of memory.
    """

    shaders: bytes
    plan: bytes

    def pack(self) -> bytes:
        """Return both as one text of bytes."""
        return _HEADER.pack(_MAGIC, len(self.shaders), len(self.plan)) + self.shaders + self.plan

    @classmethod
    def unpack(cls, code: bytes) -> Dispatches:
        """Read the bytes of `pack`.

        Raises:
            ValueError: they are something else, or truncated.
        """
        if len(code) < _HEADER.size:
            raise ValueError("shaders and a plan: truncated")
        magic, shaders, plan = _HEADER.unpack_from(code)
        if magic != _MAGIC or len(code) != _HEADER.size + shaders + plan:
            raise ValueError("not shaders and a plan, or truncated")
        return cls(code[_HEADER.size : _HEADER.size + shaders], code[_HEADER.size + shaders :])
