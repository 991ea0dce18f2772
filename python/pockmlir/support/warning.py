"""Warnings that point at the user's code, and records of them."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import FrameType

__all__ = ["recorded_warnings", "warn_user"]

_records: ContextVar[tuple[list[str], ...]] = ContextVar("records", default=())

_OWN_FOLDER = str(Path(os.path.abspath(__file__)).parents[1]) + os.sep


def warn_user(message: str) -> None:
    """Warn at the innermost line outside of this package, however many calls are between."""
    for record in _records.get():
        record.append(message)
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame and os.path.abspath(frame.f_code.co_filename).startswith(_OWN_FOLDER):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level if frame else 2)


@contextlib.contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Yield a list of the messages of `warn_user` within the context, also of those that a filter hides."""
    record: list[str] = []
    token = _records.set((*_records.get(), record))
    try:
        yield record
    finally:
        _records.reset(token)
