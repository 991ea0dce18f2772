"""The typed interface of the compiler's extension module, whose functions take and return text."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from ..errors import PockError

__all__ = ["Core", "facts_of", "load_core"]


class Core(Protocol):
    """The functions of ``pockmlir._core``."""

    def run_pipeline(self, ir: str, pipeline: str, print_locations: bool = False) -> str:
        """Run a pipeline ``builtin.module(…)``; a failure is a RuntimeError with the diagnostics."""

    def run_stages(
        self, ir: str, stages: Sequence[tuple[str, str]], print_locations: bool = False
    ) -> list[tuple[str, str, float]]:
        """Run the stages (name, pipeline) in order; return (name, IR, seconds) of each.

        A failure is a RuntimeError with the diagnostics.
        """

    def plan(self, ir: str, stages: Sequence[tuple[str, str]]) -> tuple[str, str]:
        """Run the stages (name, pipeline) in order; return `manifest` and `kernel_costs` of the result.

        A failure is a RuntimeError with the diagnostics.
        """

    def parse_check(self, ir: str) -> str:
        """Parse and verify; return the module without source locations."""

    def generate(self, ir: str, pipeline: str) -> tuple[list[bytes], str, float, float]:
        """Run a pipeline to stage ``llvm``, and generate code.

        Returns:
            Object files that together contain the code, facts about their arithmetic as JSON, and the seconds of the pipeline and
            of the generation.
        """

    def emit_data(self, ir: str, arrays: Mapping[str, bytes]) -> bytes:
        """Return an object file with constant arrays, by name, for the target of a module."""

    def manifest(self, ir: str) -> str:
        """Return the manifest of a module at stage ``plan`` as JSON."""

    def kernel_costs(self, ir: str) -> str:
        """Return the operations, traffic and launches of the kernels of a module at stage ``plan`` as JSON."""

    def tuning_space(self, ir: str) -> str:
        """Return the target's key, and the fingerprints and tiles of a module's kernels at stage ``plan``, as JSON."""

    def host_target(self) -> str:
        """Return the target attribute of this machine."""

    def describe_target(self, ir: str) -> str:
        """Return the back end for the target of a module, and the form of its code, as JSON.

        A RuntimeError gives the reason if no back end supports the target.
        """

    def pock_opt(self, arguments: Sequence[str]) -> int:
        """Be the program ``pock-opt``, and return its exit status; ``arguments`` begin with its name."""

    def link(self, arguments: Sequence[str]) -> None:
        """Link files, with the arguments of ``ld.lld``; a failure is a RuntimeError with the linker's messages."""

    def localize_hidden(self, object: bytes) -> bytes:
        """Return an object file with its hidden symbols made local."""

    def remove_sections(self, object: bytes, patterns: Sequence[str]) -> bytes:
        """Return an object file without the sections with names that match one of the glob patterns."""

    def make_archive(self, members: Sequence[tuple[str, bytes]]) -> bytes:
        """Return a static library of files (name, bytes), without times and owners."""

    def describe_object(self, object: bytes) -> str:
        """Return sections, undefined symbols, frames and references of an object file as JSON."""

    def element_types(self) -> str:
        """Return name, bits, bytes and kind of each element type as JSON."""

    def version(self) -> str:
        """Return the version of this package and of the MLIR it is linked with."""

    def build_id(self) -> str:
        """Return the linker's build identifiers of the compiler and of LLVM, or an empty text if one is missing."""


def load_core() -> Core:
    """Return the extension module.

    Raises:
        PockError: the extension module is not built, or its libraries are missing.
    """
    try:
        return cast(Core, importlib.import_module("pockmlir._core"))
    except ImportError as error:
        raise PockError(
            f"the compiler (pockmlir._core) cannot be loaded: {error}; build and install it first"
        ) from error


def facts_of(error: RuntimeError) -> list[dict[str, Any]]:
    """Return the data of the compiler's diagnostics: one dictionary for each diagnostic with facts.

    The entry ``kind`` determines the meaning of the others; see `dialect/Pock/IR/DiagnosticFacts.h`.
    """
    facts: list[dict[str, Any]] = json.loads(getattr(error, "facts", "[]"))
    return facts
