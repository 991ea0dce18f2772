"""Loads compiled steps from files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .artifact import compiled_file
from .artifact.manifest import Array
from .errors import ArgumentError, CompiledFileError
from .step import Step

__all__ = ["load", "read"]


def load(path: str | os.PathLike[str], *, expect: str | None = None) -> Step:
    """Return the step of a file that `Step.save_compiled` has written, as it was then.

    It needs neither PyTorch nor the compiler. Frozen parameters are mapped from the file, which must therefore not be
    changed in place while the step lives; `Step.save_compiled` replaces files.

    The file has machine code, which the step runs: load only files that you trust. All hashes in it are compared before
    anything is mapped for running. They find damage, not intent; ``expect`` also finds another file.

    Args:
        path: the file.
        expect: the hash that `Step.save_compiled` has returned, ``sha256:…``.

    Raises:
        CompiledFileError: no compiled step, damaged, of a version that cannot be loaded, or not of the expected hash.
        TargetError: the code is for another kind of machine, or for a processor with more features.
        OSError: the file cannot be read.
    """
    if expect is not None and not (expect.startswith("sha256:") and len(expect) == len("sha256:") + 64):
        raise ArgumentError(f"expect: expected 'sha256:' and 64 hexadecimal digits, but got {expect!r}")
    data = read(path)
    if expect is not None and (found := compiled_file.digest(data)) != expect.lower():
        raise CompiledFileError(f"{path}: expected {expect}, but it has {found}")
    return Step.restore(*compiled_file.unpack(data, str(path)))


def read(path: str | os.PathLike[str]) -> Array:
    """Return the bytes of a file, mapped; changes of them stay in this process.

    Raises:
        CompiledFileError: the file is empty.
        OSError: the file cannot be read.
    """
    if Path(path).stat().st_size == 0:
        raise CompiledFileError(f"{path}: empty")
    return np.memmap(path, np.uint8, "c").view(np.ndarray)
