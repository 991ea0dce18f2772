"""Checkpoints: safetensors files, replaced atomically, that identify model, optimizer and scheme."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact.manifest import Array
from ..errors import CheckpointError
from ..support.files import write_bytes
from ..support.json_text import parse_json

__all__ = ["FORMAT_VERSION", "check_identity", "read", "write"]

#: Incremented when an older reader would misunderstand a newer file. Version 2 added a checksum.
FORMAT_VERSION = 2

#: The only metadata key: safetensors does not write several keys in a fixed order.
_KEY = "pockmlir"


def write(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, Any]) -> None:
    """Write tensors and metadata; equal content gives equal bytes."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    described = {"format_version": FORMAT_VERSION} | dict(metadata)
    described["checksum"] = _checksum(arrays, described)
    write_bytes(path, save(arrays, {_KEY: json.dumps(described, sort_keys=True)}))


def _checksum(tensors: Mapping[str, Array], metadata: Mapping[str, Any]) -> str:
    """Return a hash of all tensors and metadata."""
    described = {key: value for key, value in metadata.items() if key != "checksum"}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"\n{name}: {value.dtype.str}{list(value.shape)}\n".encode())
        digest.update(value.data if value.size else b"")
    return digest.hexdigest()


def read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return a checkpoint's tensors and metadata.

    Raises:
        CheckpointError: the file is truncated, damaged, not safetensors, not of pockmlir, or too new.
        OSError: the file cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb"):
        pass  # An unreadable file raises the OSError of the operating system.
    try:
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, ValueError, LookupError, AttributeError) as error:  # an unknown dtype, say
        raise CheckpointError(f"{path}: truncated, or not a safetensors file: {error}") from None
    described = _parse_metadata(path, metadata)
    # Files of version 1 have no checksum.
    if described["format_version"] > 1 and described.get("checksum") != _checksum(tensors, described):
        raise CheckpointError(f"{path}: damaged: its content does not have its checksum")
    return tensors, described


def _parse_metadata(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    if _KEY not in metadata:
        raise CheckpointError(
            f"{path}: not a checkpoint of pockmlir; load plain weights by load_state_dict(safetensors.numpy.load_file(…))"
        )
    parsed = parse_json(metadata[_KEY], f"{path}: damaged metadata", CheckpointError)
    if not isinstance(parsed, dict) or type(parsed.get("format_version")) is not int or parsed["format_version"] < 1:
        raise CheckpointError(f"{path}: damaged metadata: no format version")
    if parsed["format_version"] > FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {parsed['format_version']}, but this pockmlir reads up to {FORMAT_VERSION}"
        )
    return parsed


def check_identity(path: Path, metadata: Mapping[str, Any], own: Mapping[str, Any], *, optimizer_state: bool) -> None:
    """Refuse a checkpoint of another model, optimizer or scheme.

    Args:
        path: path of the checkpoint, for messages.
        metadata: the metadata of the checkpoint.
        own: the metadata that this step would write.
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
