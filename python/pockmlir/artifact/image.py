"""Image files of a step's memory: a segment's bytes, and behind them a footer that says which step they are for.

A program that knows nothing of footers reads the bytes of the segment only. `export/image.h` does in C what `seal` and
`unseal` do; docs/abi.md describes the footer.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .manifest import Array, Manifest

__all__ = ["ABI_VERSION", "FOOTER_BYTES", "Identity", "ImageError", "Kind", "seal", "unseal"]

#: The functions of the code: their names, arguments and results; see docs/abi.md.
ABI_VERSION = 1

_MAGIC = b"pock"
#: Magic, version of the ABI, kind, hashes of layout and frozen values, bytes of the segment; behind them a CRC-32.
_FOOTER = struct.Struct("<4sIIQQQI")
FOOTER_BYTES = _FOOTER.size


class Kind(IntEnum):
    """The segment of an image."""

    CONSTANTS = 1
    STATE = 2


class ImageError(IntEnum):
    """What the functions of a header return for an image that they refuse; the same for all models.

    -1 is `FPU_OFF`.
    """

    FORMAT = -2
    ABI = -3
    KIND = -4
    LAYOUT = -5
    FROZEN = -6
    DAMAGED = -7


@dataclass(frozen=True)
class Identity:
    """What makes an image right for a step, beside the version of the ABI.

    Attributes:
        layout: 64 bits of a hash of the tensors' names, kinds, shapes, types, places and quantisation; no value of a
            parameter changes it.
        frozen: 64 bits of a hash of all values that training does not change: constants, and what is prepared from
            them. A state was trained together with them, and may hold prepared ones.
    """

    layout: int
    frozen: int

    @classmethod
    def of(cls, manifest: Manifest, constants: Array, state: Array) -> Identity:
        """Return the identity of a step, of whose memory everything is prepared."""
        tensors = manifest.data["tensors"]
        places = [{key: value for key, value in tensor.items() if key != "value"} for tensor in tensors]
        sizes = {segment: manifest.segments[segment] for segment in ("constants", "state")}
        layout = json.dumps([ABI_VERSION, sizes, places], sort_keys=True).encode()
        prepared = [slot for slot in manifest.of_kind("prepared").values() if slot.segment == "state"]
        values = [
            constants[: sizes["constants"]].tobytes(),
            *(state[slot.offset : slot.offset + slot.bytes].tobytes() for slot in prepared),
            *(bytes.fromhex(tensor["value"]) for tensor in tensors if "value" in tensor),
        ]
        return cls(_hash(layout), _hash(b"".join(values)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data; the hashes as text, because not every reader of JSON has integers of 64 bits."""
        return {
            "abi_version": ABI_VERSION,
            "layout_hash": f"{self.layout:#018x}",
            "frozen_hash": f"{self.frozen:#018x}",
        }


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big")


def seal(segment: bytes, kind: Kind, identity: Identity) -> bytes:
    """Return the content of an image file."""
    fields = (_MAGIC, ABI_VERSION, kind, identity.layout, identity.frozen, len(segment))
    return segment + _FOOTER.pack(*fields, zlib.crc32(segment))


def unseal(image: bytes | Array, kind: Kind, identity: Identity, size: int) -> Array:
    """Return the segment of an image.

    Args:
        image: with a footer, which is checked, or only the bytes of the segment.
        kind: what is expected.
        identity: that of the step that will use the segment.
        size: bytes of the segment.

    Raises:
        ArgumentError: the image has another size, is another step's, or is damaged.
    """
    data = np.frombuffer(image, np.uint8)
    where = f"{kind.name.lower()} image"
    footer = data[-FOOTER_BYTES:].tobytes()
    if not (len(footer) == FOOTER_BYTES and footer.startswith(_MAGIC)):
        if len(data) != size:
            raise ArgumentError(
                f"{where}: truncated, or no image of this step: expected {size} bytes, "
                f"or {size + FOOTER_BYTES} with a footer, but got {len(data)}"
            )
        return data
    segment = data[:-FOOTER_BYTES]
    _, abi, found, layout, frozen, length, crc = _FOOTER.unpack(footer)
    kinds = {int(known): known.name.lower() for known in Kind}
    for what, expected, given in (
        ("version of the ABI", ABI_VERSION, abi),
        ("segment", kinds[kind], kinds.get(found, str(found))),
        ("layout (another model, scheme, optimizer or compiler)", f"{identity.layout:#018x}", f"{layout:#018x}"),
        ("frozen values", f"{identity.frozen:#018x}", f"{frozen:#018x}"),
        ("number of bytes", size, length),
    ):
        if expected != given:
            raise ArgumentError(f"{where}: another {what}: expected {expected}, but got {given}")
    if len(segment) != size:
        raise ArgumentError(f"{where}: expected {size} bytes in front of the footer, but got {len(segment)}")
    if zlib.crc32(segment.data) != crc:
        raise ArgumentError(f"{where}: damaged: its bytes do not have the CRC of the footer")
    return segment
