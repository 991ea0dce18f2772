"""Reads exported programs (``.pt2``) of unknown origin without running code from the file.

`torch.export.load` unpickles objects, evaluates expressions, and looks functions up by the names in the file.
This module reads the archive as data: tensors are raw bytes, and an allow-list (`graph`) checks the graph
before PyTorch reads it. Example inputs are made from the graph's signature instead of their pickle.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from ...errors import ArgumentError
from ...support.needs import require_torch

__all__ = ["load_exported"]

#: A model inside the archive's root folder, whose name is arbitrary.
_MODEL = re.compile(r"models/(\w+)\.json")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
#: Limit for tensors that are larger than their bytes, such as expanded buffers.
_EXPANSION = 64 << 20


def load_exported(path: str | Path) -> Any:
    """Load an exported program that ``torch.export.save`` wrote, from an untrusted source.

    Unlike ``torch.export.load``, this runs no code from the file. It therefore refuses pickled objects,
    custom operators, dynamic shapes (expressions), and compiled code.

    Args:
        path: the ``.pt2`` file.

    Returns:
        A ``torch.export.ExportedProgram``. Its ``example_inputs`` are zeros with the shapes and dtypes of the
        original ones.

    Raises:
        ArgumentError: the file is damaged, or contains something that cannot be loaded safely.
        OSError: the file cannot be read.
    """
    require_torch("reading an exported program")
    path = Path(path)
    data = path.read_bytes()
    try:
        return _load(data)
    except ArgumentError as error:
        raise ArgumentError(f"{path}: {error}") from None
    except RecursionError:
        raise ArgumentError(f"{path}: damaged: nested too deeply") from None
    except Exception as error:
        # The file is well-formed but not a valid program, for example because a name is undefined.
        reason = (str(error).strip().splitlines() or [""])[-1]
        raise ArgumentError(f"{path}: damaged: {type(error).__name__}: {reason[:300]}") from None


def _load(data: bytes) -> Any:
    import torch
    from torch._export.serde import schema
    from torch._export.serde.serialize import ExportedProgramDeserializer, _dict_to_dataclass
    from torch.utils import _pytree as pytree

    from . import graph

    files = read_archive(data)
    name = _model_name(files)
    program = graph.checked_program(_parsed(files, f"models/{name}.json"))
    weights = _tensors(files, "data/weights", f"{name}_weights_config.json")
    constants = _tensors(files, "data/constants", f"{name}_constants_config.json")
    leaves = [
        torch.zeros(leaf.sizes, dtype=leaf.dtype) if isinstance(leaf, graph.Meta) else leaf
        for leaf in graph.example_leaves(program)
    ]
    in_spec = pytree.treespec_loads(graph.input_structure(program))
    examples = pytree.tree_unflatten(leaves, in_spec)
    return ExportedProgramDeserializer().deserialize(
        _dict_to_dataclass(schema.ExportedProgram, program), weights, constants, examples
    )


def read_archive(data: bytes) -> dict[str, bytes]:
    """Return the files of an archive without the root folder.

    Raises:
        ArgumentError: the archive is damaged, or does not have the form that PyTorch writes.
    """
    import io

    files: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            # The total size of stored, non-overlapping entries is limited by the size of the file.
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise ArgumentError("has compressed entries, which torch.export.save does not write")
            if sum(entry.file_size for entry in entries) > len(data):
                raise ArgumentError("damaged: its entries are larger than the file")
            for entry in entries:
                name = entry.filename.partition("/")[2]
                if name in files:
                    raise ArgumentError(f"damaged: has two entries {name!r}")
                files[name] = archive.read(entry)
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"truncated, damaged, or not an exported program: {error}") from None
    if files.get("archive_format") != b"pt2":
        raise ArgumentError(
            "not an exported program in today's format; save it again by torch.export.save of PyTorch 2.8 or later"
        )
    if files.get("byteorder", b"little") != b"little":
        raise ArgumentError("expected little-endian tensors")
    return files


def _model_name(files: dict[str, bytes]) -> str:
    """Return the name of the only model, or of the one that ``torch.export.load`` would load."""
    if any(name.startswith("data/aotinductor/") for name in files):
        raise ArgumentError("holds compiled code (AOTInductor); expected a program saved by torch.export.save")
    names = [match[1] for name in files if (match := _MODEL.fullmatch(name))]
    if len(names) != 1 and "model" not in names:
        raise ArgumentError(f"expected one exported program, but it holds {len(names)}")
    return "model" if "model" in names else names[0]


def _parsed(files: dict[str, bytes], name: str) -> Any:
    if name not in files:
        raise ArgumentError(f"damaged: has no {name}")
    try:
        return json.loads(files[name])
    except ValueError as error:
        raise ArgumentError(f"damaged: {name}: {error}") from None


def _tensors(files: dict[str, bytes], folder: str, config: str) -> dict[str, Any]:
    """Return the tensors that a table of contents lists; tensors of the same file share memory, as before saving."""
    import torch

    from . import graph

    legacy = f"{folder}/{config.partition('_')[0]}.pt"
    if legacy in files:
        raise ArgumentError(f"{legacy} is a pickle, which may run code; save the program again by torch.export.save")
    made: dict[str, Any] = {}
    storages: dict[tuple[str, Any], Any] = {}
    for name, entry in graph.checked_payloads(_parsed(files, f"{folder}/{config}")).items():
        place = entry["path_name"]
        if entry["use_pickle"] or entry["tensor_meta"] is None:
            raise ArgumentError(f"{name} is a pickled object, which may run code; only plain tensors are loaded")
        if not _PLAIN_NAME.fullmatch(place) or f"{folder}/{place}" not in files:
            raise ArgumentError(f"damaged: has no file {place!r} for {name}")
        meta = graph.Meta.of(entry["tensor_meta"])
        if (place, meta.dtype) not in storages:
            content = bytearray(files[f"{folder}/{place}"])
            size = meta.dtype.itemsize
            if len(content) % size:
                raise ArgumentError(f"damaged: {name} has {len(content)} bytes, not a multiple of {size}")
            storages[place, meta.dtype] = (
                torch.frombuffer(content, dtype=meta.dtype) if content else torch.empty(0, dtype=meta.dtype)
            )
        storage = storages[place, meta.dtype]
        if meta.extent > storage.numel():
            raise ArgumentError(
                f"damaged: {name} needs {meta.extent} elements of {meta.dtype}, but its file has {storage.numel()}"
            )
        if meta.elements > max(storage.numel() * 1024, _EXPANSION):
            raise ArgumentError(f"{name}: {meta.elements} elements are made of {storage.numel()}")
        tensor = torch.as_strided(storage, meta.sizes, meta.strides, meta.offset)
        if entry["is_param"]:
            made[name] = torch.nn.Parameter(tensor, requires_grad=meta.requires_grad)
        else:
            made[name] = tensor.requires_grad_(meta.requires_grad)
    return made
