"""Targets: descriptions of the machine that a step is compiled for."""

from __future__ import annotations

from dataclasses import dataclass

from ._core_api import load_core
from .errors import ArgumentError

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """A machine to compile for.

    Attributes:
        name: how people call it.
        attributes: the module attribute ``pock.target`` as MLIR text; nothing else is
            known about the machine.
    """

    name: str
    attributes: str

    @classmethod
    def host(cls) -> Target:
        """Return the machine that runs this program, as LLVM sees it."""
        return cls("host", load_core().host_target())

    @classmethod
    def named(cls, name: str) -> Target:
        """Return the target of that name.

        Raises:
            ArgumentError: there is none.
        """
        if name != "host":
            raise ArgumentError(f"target: expected 'host' or a pockmlir.Target, but got {name!r}")
        return cls.host()
