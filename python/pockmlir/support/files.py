"""Atomic replacement of files and folders, and the folder for inputs of failed compilations."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["failure_folder", "find_library", "replaced", "write_bytes"]

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
#: How many inputs of failed compilations are kept.
_KEPT = 16


_PACKAGE = Path(__file__).resolve().parents[1]


def find_library(name: str) -> Path:
    """Return the path of a library that comes with the package, or is in the build tree of a checkout.

    Raises:
        FileNotFoundError: there is none.
    """
    build = Path(os.environ.get("POCK_BUILD", _PACKAGE.parents[1] / "build"))
    for directory in (_PACKAGE / "lib", build / "lib"):
        if (directory / name).exists():
            return directory / name
    raise FileNotFoundError(f"{name} not found: build it with 'make build'")


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file's content atomically: a reader sees the old or the new content, never a part.

    The new file has no name while it is written, so a killed writer leaves nothing behind. If the file system does not
    support that, the file has a temporary name that the next writer reuses.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    temporary = path.parent / f".{path.name}.tmp"
    try:
        # Not tempfile: its files are private to the user, and the new file would be, too.
        descriptor, named = _new_file(path.parent, directory, temporary)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(descriptor)
                if not named:
                    fcntl.flock(directory, fcntl.LOCK_EX)
                    temporary.unlink(missing_ok=True)
                    # With a directory argument, os.link follows the link in /proc.
                    os.link(f"/proc/self/fd/{descriptor}", temporary, src_dir_fd=directory)
            os.replace(temporary, path)
        except BaseException:
            if named:
                temporary.unlink(missing_ok=True)
            raise
        with contextlib.suppress(OSError):  # Make the new name durable; not every file system can.
            os.fsync(directory)
    finally:
        os.close(directory)


def _new_file(parent: Path, directory: int, temporary: Path) -> tuple[int, bool]:
    """Return a new file, open for writing, and whether it has the temporary name; if so, the directory is locked."""
    if os.path.exists("/proc/self/fd"):
        with contextlib.suppress(OSError):
            return os.open(parent, os.O_WRONLY | os.O_TMPFILE, 0o666), False
    with contextlib.suppress(OSError):
        fcntl.flock(directory, fcntl.LOCK_EX)
    temporary.unlink(missing_ok=True)
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), True


@contextlib.contextmanager
def replaced(directory: Path, names: list[str]) -> Iterator[Path]:
    """Yield a folder to write files into; at the end, they replace the files of another folder atomically.

    If the process is killed, the directory has all of its old files or all of the new ones. Its other files stay. A
    killed process may leave a folder ``.<name>.tmp`` beside it, which the next writer removes.

    Args:
        directory: the folder whose files are replaced; created if missing.
        names: the files that are replaced.
    """
    directory = directory.resolve()
    directory.parent.mkdir(parents=True, exist_ok=True)
    beside = not directory.exists() or _can_move(directory)
    staged = directory.parent / f".{directory.name}.tmp" if beside else directory / ".pock.tmp"
    with _locked(staged.parent):
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            yield staged
            if not directory.exists():
                staged.rename(directory)
            elif not (beside and _exchange_keeping(staged, directory, names)):
                for name in names:  # as close together as can be
                    os.replace(staged / name, directory / name)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _can_move(directory: Path) -> bool:
    """Whether a folder may be replaced as a whole: it is no mount point, and no current directory is in it."""
    parent = directory.parent
    same_device = directory.stat().st_dev == parent.stat().st_dev
    return same_device and os.access(parent, os.W_OK) and not Path.cwd().is_relative_to(directory)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Exclude other processes from replacing a folder in this one at the same time."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _exchange_keeping(staged: Path, directory: Path, names: list[str]) -> bool:
    """Link the old folder's other files into the new one, and exchange both; return whether that was possible."""
    try:
        for entry in directory.iterdir():
            if entry.name in names:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.copytree(entry, staged / entry.name, symlinks=True, copy_function=os.link)
            else:
                os.link(entry, staged / entry.name, follow_symlinks=False)
        shutil.copystat(directory, staged)
    except (OSError, shutil.Error):
        return False
    rename = ctypes.CDLL(None, use_errno=True).renameat2
    return bool(rename(_AT_FDCWD, os.fsencode(staged), _AT_FDCWD, os.fsencode(directory), _RENAME_EXCHANGE) == 0)


def failure_folder() -> Path:
    """Return the user's folder for inputs of failed compilations, with room for one more."""
    folder = Path(tempfile.gettempdir(), f"pock-failed-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022:
        # The folder of this name may belong to somebody else.
        return Path(tempfile.mkdtemp(prefix="pock-failed-"))
    entries = sorted(folder.glob("*.mlir"), key=_age)
    for old in entries[: max(len(entries) + 1 - _KEPT, 0)]:
        old.unlink(missing_ok=True)
    return folder


def _age(path: Path) -> int:
    """When a file was written; 0 if it is gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
