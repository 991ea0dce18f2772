"""Checkpoints: safetensors files, replaced atomically, that say what they belong to."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._manifest import Array
from .errors import CheckpointError

__all__ = ["FORMAT_VERSION", "check_identity", "read", "write", "write_bytes"]

#: Raised whenever an older reader would misunderstand a newer file.
FORMAT_VERSION = 1

#: One metadata key, because safetensors does not keep several in a fixed order.
_KEY = "pockmlir"


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file's content at once: a reader sees the old or the new, never a part."""
    # Not tempfile: its files are private to the user, and the new file would be too.
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """Make the new name durable; not every file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata; equal content gives equal bytes."""
    from safetensors.numpy import save

    text = json.dumps({"format_version": FORMAT_VERSION} | dict(metadata), sort_keys=True)
    write_bytes(path, save({name: np.asarray(value, order="C") for name, value in tensors.items()}, {_KEY: text}))


def read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return a checkpoint's tensors and metadata.

    Raises:
        CheckpointError: the file is truncated, not safetensors, not ours, or too new.
        OSError: the file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):
        pass  # An unreadable file is an OSError, in the operating system's words.
    try:
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{path}: truncated, or not a safetensors file: {error}") from None
    return tensors, _parse_metadata(path, metadata)


def _parse_metadata(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    if _KEY not in metadata:
        raise CheckpointError(
            f"{path}: not a checkpoint of pockmlir; load plain weights by load_state_dict(safetensors.numpy.load_file(…))"
        )
    try:
        parsed = json.loads(metadata[_KEY])
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{path}: damaged metadata: {error}") from None
    if not isinstance(parsed, dict) or not isinstance(parsed.get("format_version"), int):
        raise CheckpointError(f"{path}: damaged metadata: no format version")
    if parsed["format_version"] > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {parsed['format_version']}, but this pockmlir reads up to {FORMAT_VERSION}"
        )
    return parsed


def check_identity(path: Path, metadata: Mapping[str, Any], own: Mapping[str, Any], *, optimizer_state: bool) -> None:
    """Refuse a checkpoint that belongs to something else, saying to what.

    Args:
        path: of the checkpoint, for messages.
        metadata: what it says of itself.
        own: what this step would write.
        optimizer_state: whether its optimizer state is to be used.

    Raises:
        CheckpointError: it is of another model, optimizer or scheme.
    """
    if metadata.get("exported"):
        raise CheckpointError(f"{path}: parameters of an export, without optimizer state; use load_state_dict")
    if metadata.get("model_hash") != own["model_hash"]:
        raise CheckpointError(
            f"{path}: belongs to another model, {metadata.get('model')!r}; this one is {own['model']!r} "
            "and has other parameters or buffers"
        )
    if optimizer_state:
        _check_optimizer(path, metadata, own)


def _check_optimizer(path: Path, metadata: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    hint = "; load(path, optimizer_state=False) takes the parameters only"
    saved = metadata.get("optimizer")
    kind = saved.get("kind") if isinstance(saved, dict) else None
    if kind != own["optimizer"]["kind"]:
        raise CheckpointError(
            f"{path}: has the state of optimizer {kind!r}, but this step uses {own['optimizer']['kind']!r}{hint}"
        )
    if metadata.get("scheme_hash") != own["scheme_hash"]:
        raise CheckpointError(
            f"{path}: has optimizer state for the scheme {metadata.get('scheme')}, "
            f"but this step trains {own['scheme']}{hint}"
        )
    if metadata.get("accumulate", 1) != own["accumulate"]:
        raise CheckpointError(
            f"{path}: accumulates {metadata.get('accumulate', 1)} call(s), but this step {own['accumulate']}{hint}"
        )
    if metadata.get("optimizer_state") != own["optimizer_state"]:
        raise CheckpointError(f"{path}: its {kind} keeps other state than this step's; other settings?{hint}")
