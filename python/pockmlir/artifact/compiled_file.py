"""Compiled steps as files: a zip archive with code, memory images, and a description of all in JSON.

The entries with memory images are stored without compression, on multiples of a page, so that they can be mapped. Nothing
in the file is executed when it is read, and nothing but the code when the step runs.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..api.optim import SGD, Adam, AdamW, Optimizer, ParamGroup
from ..api.optimizer_groups import OptimizerGroups
from ..api.options import Training
from ..api.scheme import ParameterInfo, Scheme
from ..core.extension import load_core
from ..errors import CompiledFileError, TargetError
from ..support.json_text import parse_json
from ..targets.processor import missing_features
from ..targets.target import Target
from .arguments import Argument, tree_from_json
from .artifact import Artifact, LazyDump
from .image import ABI_VERSION
from .manifest import Array, Manifest

__all__ = ["Images", "describe", "digest", "pack", "unpack"]

#: Incremented when an older reader would misunderstand a newer file.
FORMAT_VERSION = 1
#: Of entries that are mapped.
_PAGE = 4096
_DESCRIPTION = "step.json"
_LIBRARY, _OBJECT, _CONSTANTS, _STATE = "code.so", "code.o", "constants.bin", "state.bin"
#: Stages whose IR is not kept: it is large, and only code is made of it.
_LEFT_OUT = ("llvm",)
#: Identifies the filler in front of an entry, as in Android's zipalign.
_ALIGNMENT_FIELD = 0xD935


@dataclass(frozen=True)
class Images:
    """What a step has in its memory between calls.

    Attributes:
        constants: segment ``constants``.
        state: segment ``state``.
        unused: parameters and buffers that the code does not use, by PyTorch's names.
        counters: position within an accumulation, calls so far, seed of dropout.
    """

    constants: Array
    state: Array
    unused: Mapping[str, Array] = field(default_factory=dict)
    counters: tuple[int, int, int] = (0, 0, 0)


class _Reader(io.RawIOBase):
    """An array of bytes as a file, without a copy."""

    def __init__(self, data: Array) -> None:
        self._data = memoryview(data)  # type: ignore[arg-type]
        self._position = 0

    def seekable(self) -> bool:
        """Whether the position can be set."""
        return True

    def readable(self) -> bool:
        """Whether bytes can be read."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._data)}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as there are bytes."""
        part = self._data[self._position : self._position + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)


def digest(data: bytes | Array) -> str:
    """Return the hash of a file, ``sha256:…``."""
    return f"sha256:{_sha256(data)}"


def _sha256(data: bytes | Array) -> str:
    return hashlib.sha256(data).hexdigest()  # type: ignore[arg-type]


# Writing ----------------------------------------------------------------------------------------


def pack(artifact: Artifact, images: Images) -> bytes:
    """Return the file of a step; equal steps give equal bytes.

    Raises:
        TargetError: the target has no shared libraries.
    """
    if artifact.target.bare_metal:
        raise TargetError(f"save_compiled: {artifact.target.name} has no shared libraries; export the step")
    entries: dict[str, bytes] = {} if artifact.library is None else {_LIBRARY: artifact.library.read_bytes()}
    entries |= {
        _CONSTANTS: images.constants.tobytes(),
        _STATE: images.state.tobytes(),
        _OBJECT: artifact.object_code,
    }
    unused = []
    for index, (name, value) in enumerate(images.unused.items()):
        entries[f"unused/{index}.bin"] = value.tobytes()
        unused.append({"name": name, "dtype": value.dtype.str, "shape": list(value.shape)})
    for dump in artifact.dumps:
        if dump.name not in _LEFT_OUT:
            entries[f"ir/{dump.name}.mlir"] = dump.ir.encode()
    described = _to_json(artifact) | {
        "format_version": FORMAT_VERSION,
        "abi_version": ABI_VERSION,
        "unused": unused,
        "counters": list(images.counters),
        "sha256": {name: _sha256(data) for name, data in entries.items()},
    }
    description = json.dumps(described).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {_DESCRIPTION: description, **entries}.items():
            compressed = name.endswith((".json", ".mlir", ".o"))
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
            if not compressed:
                info.extra = _filler(buffer.tell(), name)
            archive.writestr(info, data)
        archive.comment = _sha256(description).encode()
    return buffer.getvalue()


def _filler(position: int, name: str) -> bytes:
    """Return an extra field with which the content of an entry begins at a multiple of a page."""
    header = position + 30 + len(name.encode()) + 4
    size = -header % _PAGE
    return struct.pack("<HH", _ALIGNMENT_FIELD, size) + bytes(size)


def _to_json(artifact: Artifact) -> dict[str, Any]:
    """Return all of an artifact that is no file."""
    optimizers = artifact.optimizers
    return {
        "manifest": artifact.manifest.data,
        "optimizer": artifact.optimizer.to_dict(),
        "groups": None
        if artifact.groups is None
        else {"optimizers": [optimizer.to_dict() for optimizer in optimizers], "of": dict(artifact.groups.of)},
        "scheme": json.loads(artifact.scheme.to_json()),
        "fractions": dict(artifact.fractions),
        "parameters": [asdict(info) for info in artifact.parameters],
        "target": asdict(artifact.target),
        "processor_features": list(artifact.target.features_in_use),
        "training": asdict(artifact.training),
        "dropout": list(artifact.dropout),
        "arguments": [
            {"name": argument.name, "tree": argument.tree, "constant": _plain(argument.constant)}
            for argument in artifact.arguments
        ],
        "named_outputs": artifact.named_outputs,
        "loss": artifact.loss,
        "norm_modes": dict(artifact.norm_modes),
        "state_names": list(artifact.state_names),
        "aliases": dict(artifact.aliases),
        "converted": {name: list(pair) for name, pair in artifact.converted.items()},
        "fixed": sorted(artifact.fixed),
        "without_gradient": list(artifact.without_gradient),
        "arithmetic": dict(artifact.arithmetic),
        "stages": [dump.name for dump in artifact.dumps if dump.name not in _LEFT_OUT],
    }


def _plain(value: object) -> object:
    """Return a compiled-in value as JSON; of what JSON has not, its text."""
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


# Reading ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """The entries of a file, checked against their hashes."""

    where: str
    data: Array
    description: dict[str, Any]
    archive: zipfile.ZipFile

    @classmethod
    def open(cls, data: Array, where: str) -> _File:
        """Read the directory and the description; check every hash.

        Raises:
            CompiledFileError: not such a file, damaged, or of a newer version.
        """
        try:
            archive = zipfile.ZipFile(_Reader(data))
            text = archive.read(_DESCRIPTION)
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, zlib.error, NotImplementedError) as error:
            raise CompiledFileError(f"{where}: truncated, or not a compiled step: {error}") from None
        if _sha256(text).encode() != archive.comment:
            raise CompiledFileError(f"{where}: damaged: {_DESCRIPTION} does not have its hash")
        described = parse_json(text.decode(), f"{where}: damaged: {_DESCRIPTION}", CompiledFileError)
        if described["format_version"] > FORMAT_VERSION:
            raise CompiledFileError(
                f"{where}: version {described['format_version']} of the format; this pockmlir reads up to {FORMAT_VERSION}"
            )
        if described["abi_version"] != ABI_VERSION:
            raise CompiledFileError(
                f"{where}: version {described['abi_version']} of the ABI; this pockmlir calls version {ABI_VERSION}"
            )
        file = cls(where, data, described, archive)
        for name, expected in described["sha256"].items():
            if _sha256(file.entry(name)) != expected:
                raise CompiledFileError(f"{where}: damaged: {name} does not have its hash")
        return file

    def entry(self, name: str) -> Array:
        """Return the content of an entry: the file's own bytes if it is stored without compression."""
        try:
            info = self.archive.getinfo(name)
            if info.compress_type != zipfile.ZIP_STORED:
                return np.frombuffer(self.archive.read(info), np.uint8)
        except (zipfile.BadZipFile, KeyError, ValueError, EOFError, zlib.error, NotImplementedError) as error:
            raise CompiledFileError(f"{self.where}: damaged: {name}: {error}") from None
        header = self.data[info.header_offset : info.header_offset + 30].tobytes()
        if len(header) < 30:
            raise CompiledFileError(f"{self.where}: truncated")
        name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
        begin = info.header_offset + 30 + name_bytes + extra_bytes
        content = self.data[begin : begin + info.file_size]
        if content.size != info.file_size:
            raise CompiledFileError(f"{self.where}: truncated: {name}")
        return content

    def text(self, name: str) -> str:
        """Return an entry as text."""
        return self.entry(name).tobytes().decode()

    def segment(self, name: str, alignment: int) -> Array:
        """Return an entry as memory of a step: in place, or a copy if its place is not aligned, or if it is empty."""
        content = self.entry(name)
        if content.size and content.ctypes.data % alignment == 0:
            return content
        raw = np.zeros(content.size + alignment, np.uint8)
        begin = -raw.ctypes.data % alignment
        copy = raw[begin : begin + max(content.size, 1)]
        copy[: content.size] = content
        return copy


def describe(data: Array, where: str) -> dict[str, Any]:
    """Return the description of a file, without the manifest's tensors, after all checks; nothing is mapped or run.

    Raises:
        CompiledFileError: the file is not a compiled step, or damaged.
    """
    return _File.open(data, where).description


def unpack(data: Array, where: str) -> tuple[Artifact, Images]:
    """Return artifact and memory of a file's bytes, which become part of the memory: changes of it change them.

    Args:
        data: the bytes; private to this process.
        where: the file, for messages.

    Raises:
        CompiledFileError: the file is not a compiled step, or damaged.
        TargetError: this machine cannot run the code.
    """
    file = _File.open(data, where)
    described = file.description
    try:
        target = Target(**_settings(described["target"]))
        if not target.native:
            raise TargetError(f"{where}: compiled for {target.name} ({target.triple}), which is not this machine")
        if missing := missing_features(described["processor_features"]):
            raise TargetError(f"{where}: compiled for a processor with {', '.join(missing)}, which this one lacks")
        manifest = Manifest.from_json(json.dumps(described["manifest"]))
        images = Images(
            file.segment(_CONSTANTS, manifest.alignment),
            file.segment(_STATE, manifest.alignment),
            {
                entry["name"]: file.entry(f"unused/{index}.bin").view(entry["dtype"]).reshape(entry["shape"])
                for index, entry in enumerate(described["unused"])
            },
            tuple(described["counters"]),
        )
        return _artifact(file, target, manifest), images
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise CompiledFileError(f"{where}: damaged: {type(error).__name__}: {error}") from None


def _artifact(file: _File, target: Target, manifest: Manifest) -> Artifact:
    described = file.description
    directory = tempfile.TemporaryDirectory(prefix="pock-")
    library = None
    if not target.dispatched:
        library = Path(directory.name, f"lib{manifest.name}.so")
        library.write_bytes(file.entry(_LIBRARY).tobytes())
    return Artifact(
        manifest=manifest,
        library=library,
        object_code=file.entry(_OBJECT).tobytes(),
        optimizer=_optimizer(described["optimizer"]),
        groups=described["groups"]
        and OptimizerGroups(
            tuple(_optimizer(entry) for entry in described["groups"]["optimizers"]), described["groups"]["of"]
        ),
        scheme=Scheme.from_json(json.dumps(described["scheme"])),
        fractions=described["fractions"],
        parameters=[
            ParameterInfo(**{**entry, "shape": tuple(entry["shape"]), "aliases": tuple(entry["aliases"])})
            for entry in described["parameters"]
        ],
        target=target,
        training=Training(**described["training"]),
        dropout=described["dropout"],
        arguments=[
            Argument(entry["name"], tree_from_json(entry["tree"]), entry["constant"])
            for entry in described["arguments"]
        ],
        named_outputs=described["named_outputs"],
        loss=described["loss"],
        norm_modes=described["norm_modes"],
        state_names=described["state_names"],
        aliases=described["aliases"],
        converted={name: (given, used) for name, (given, used) in described["converted"].items()},
        fixed=frozenset(described["fixed"]),
        without_gradient=described["without_gradient"],
        arithmetic=described["arithmetic"],
        dumps=[LazyDump(name, functools.partial(file.text, f"ir/{name}.mlir")) for name in described["stages"]],
        print_ir=lambda ir: load_core().parse_check(ir),
        directory=directory,
    )


def _optimizer(data: Mapping[str, Any]) -> Optimizer:
    kinds: dict[str, type[Optimizer]] = {kind.kind: kind for kind in (SGD, Adam, AdamW)}
    settings = _settings(data)
    groups = [ParamGroup.of("optimizer", group) for group in settings.pop("groups", ())]
    return kinds[settings.pop("kind")](**settings, groups=groups)


def _settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a dataclass; JSON has lists for tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
