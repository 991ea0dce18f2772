"""Memory of a step for another machine: it can be read, written and prepared, but not called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..artifact.artifact import Artifact
from ..artifact.manifest import Manifest
from ..core.build import built_library
from ..core.extension import Core, load_core
from ..core.ir_text import retarget
from ..core.stages import PIPELINES
from ..errors import TargetError
from ..targets.target import Target
from .abi import Instance, Segments

__all__ = ["ForeignInstance", "refuse"]


def refuse(target: Target, what: str) -> TargetError:
    """Return the error for an operation that only the target can do."""
    return TargetError(
        f"{what}: compiled for {target.name}, which is not this machine: export it, or run it with `pock run`"
    )


class ForeignInstance(Segments):
    """One set of buffers in the memory layout of the target.

    The bytes are those of the target: all targets are little-endian. `prepare` runs on this
    machine: a library is compiled for it from the same plan, in portable arithmetic.

    Args:
        artifact: the compiled step.
    """

    def __init__(self, artifact: Artifact) -> None:
        super().__init__(artifact.manifest)
        self._artifact = artifact
        self._twin: Instance | None = None

    def entry(self, symbol: str, arguments: int) -> Callable[..., int]:
        """Return a function that raises the error."""

        def call(*_: int) -> int:
            raise refuse(self._artifact.target, symbol)

        return call

    def initialize(self) -> None:
        """Zero the optimizer state."""
        for slot in self.manifest.of_kind("state").values():
            self.state[slot.offset : slot.offset + slot.bytes] = 0

    def prepare(self) -> None:
        """Recompute values that depend only on frozen parameters, on this machine."""
        if not self.manifest.of_kind("prepared"):
            return
        if self._twin is None:
            self._twin = _build_twin(load_core(), self._artifact.dump("plan"), self.manifest)
        self._twin.constants, self._twin.state, self._twin.arena = self.constants, self.state, self.arena
        self._twin.prepare()


def _build_twin(core: Core, plan: str, manifest: Manifest) -> Instance:
    """Compile the functions without inputs for this machine."""
    target = replace(Target.host(), alignment=manifest.alignment, threads=1)
    passes = ("symbol-privatize{exclude=init,prepare}", "symbol-dce", PIPELINES["llvm"])
    with built_library(core, retarget(plan, target.attributes), *passes, stage="prepare", name="prepare") as library:
        return Instance(library, manifest)
