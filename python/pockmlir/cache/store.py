"""A folder with entries that are found by a key, each checked when it is read.

The cache is never needed: an entry that is missing, damaged or unreadable is the same as none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..support.sizes import format_bytes, parse_bytes
from ..support.warning import warn_user

__all__ = ["CacheInfo", "Entry", "Store", "clear", "info"]

_MAGIC = b"pock-cache-1\n"
_SUFFIX = ".entry"
_OFF = ("0", "off")
_LIMIT = 1 << 30
#: Seconds after which a file that a killed process has left is removed.
_ABANDONED = 3600
#: Parts with these endings are compressed.
_TEXT = (".json", ".mlir")


class Entry:
    """The parts of an entry, by name.

    Args:
        data: the content of its file, without the checksum.
    """

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self.names = self._archive.namelist()

    def read(self, name: str) -> bytes:
        """Return a part."""
        return self._archive.read(name)

    def text(self, name: str) -> str:
        """Return a part as text."""
        return self.read(name).decode()


@dataclass(frozen=True)
class CacheInfo:
    """The state of the cache.

    Attributes:
        folder: where it is; None if it is off.
        entries: the number of its entries.
        bytes: their size.
        limit: the size at which the entries that were not used for the longest time are removed, in bytes.
    """

    folder: Path | None
    entries: int
    bytes: int
    limit: int

    def __str__(self) -> str:
        if self.folder is None:
            return "off"
        entries = "1 entry" if self.entries == 1 else f"{self.entries} entries"
        return f"{self.folder}: {entries}, {format_bytes(self.bytes)} of {format_bytes(self.limit)}"


class Store:
    """Entries in a folder that only this user can read and write, since code from it is run.

    Args:
        folder: the folder.
        limit: the size of all entries, in bytes.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT) -> None:
        self.folder = folder
        self.limit = limit

    @classmethod
    def open(cls) -> Store | None:
        """Return the user's store, None if the cache is off or its folder cannot be used.

        Raises:
            ArgumentError: ``POCK_CACHE_LIMIT`` is not a size.
        """
        folder, limit = _settings()
        return cls(folder, limit) if folder is not None and _is_private(folder) else None

    def get(self, key: str) -> Entry | None:
        """Return an entry; a damaged one is removed."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            begin = len(_MAGIC) + hashlib.sha256().digest_size
            if data[:begin] != _MAGIC + hashlib.sha256(data[begin:]).digest():
                raise ValueError("damaged")
            entry = Entry(data[begin:])
            # The entries that are used stay.
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, zipfile.BadZipFile, zlib.error):
            self.remove(key)
            return None
        return entry

    def put(self, key: str, parts: Mapping[str, bytes]) -> None:
        """Write an entry, or nothing if the folder has no room for it; readers see all of it or nothing."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in parts.items():
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_DEFLATED if name.endswith(_TEXT) else zipfile.ZIP_STORED
                archive.writestr(info, data, compresslevel=1)
        content = buffer.getvalue()
        if len(content) > self.limit:
            return
        with contextlib.suppress(OSError):
            descriptor, temporary = tempfile.mkstemp(suffix=".tmp", dir=self.folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(_MAGIC + hashlib.sha256(content).digest() + content)
                os.replace(temporary, self._path(key))
            except OSError:
                Path(temporary).unlink(missing_ok=True)
                raise
            self._shrink()

    def remove(self, key: str) -> None:
        """Remove an entry, if there is one."""
        with contextlib.suppress(OSError):
            self._path(key).unlink()

    def _path(self, key: str) -> Path:
        return self.folder / (key + _SUFFIX)

    def _shrink(self) -> None:
        """Remove the entries that were not used for the longest time until the rest is within the limit."""
        found = _files(self.folder, _SUFFIX)
        size = sum(status.st_size for status in found.values())
        for path, status in sorted(found.items(), key=lambda item: item[1].st_mtime_ns):
            if size <= self.limit:
                break
            path.unlink(missing_ok=True)
            size -= status.st_size
        for path, status in _files(self.folder, ".tmp").items():
            if time.time() - status.st_mtime > _ABANDONED:
                path.unlink(missing_ok=True)


def info() -> CacheInfo:
    """Return where the cache is, and how large it is.

    Raises:
        ArgumentError: ``POCK_CACHE_LIMIT`` is not a size.
    """
    folder, limit = _settings()
    found = _files(folder, _SUFFIX) if folder is not None and folder.is_dir() else {}
    return CacheInfo(folder, len(found), sum(status.st_size for status in found.values()), limit)


def clear() -> CacheInfo:
    """Remove all entries; return what the cache was."""
    before = info()
    for path in _files(before.folder, _SUFFIX) if before.entries and before.folder else ():
        path.unlink(missing_ok=True)
    return before


def _settings() -> tuple[Path | None, int]:
    """Return the folder, None if the cache is off, and the limit."""
    limit = parse_bytes("POCK_CACHE_LIMIT", os.environ.get("POCK_CACHE_LIMIT", _LIMIT))
    given = os.environ.get("POCK_CACHE", "")
    if given.lower() in _OFF or limit == 0:
        return None, limit
    if given:
        return Path(given).absolute(), limit
    try:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:  # There is no home.
        return None, limit
    return Path(home, "pockmlir", "compiled"), limit


def _is_private(folder: Path) -> bool:
    """Create a folder for this user only; return whether it is one."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return False
    if status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077:
        return os.access(folder, os.W_OK)
    _warn_once(folder)
    return False


@functools.cache
def _warn_once(folder: Path) -> None:
    warn_user(
        f"the compile cache is off: other users may read or write {folder}; make it yours alone (chmod 700), or name "
        "another folder in POCK_CACHE"
    )


def _files(folder: Path, suffix: str) -> dict[Path, os.stat_result]:
    """Return the files with a suffix; those that vanish meanwhile are left out."""
    found = {}
    for path in folder.glob(f"*{suffix}"):
        with contextlib.suppress(OSError):
            found[path] = path.stat()
    return found
