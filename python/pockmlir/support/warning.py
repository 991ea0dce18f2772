"""Warnings that point at the user's code."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from types import FrameType

__all__ = ["warn_user"]

_OWN_FOLDER = str(Path(os.path.abspath(__file__)).parents[1]) + os.sep


def warn_user(message: str) -> None:
    """Warn at the innermost line outside of this package, however many calls are between."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame and os.path.abspath(frame.f_code.co_filename).startswith(_OWN_FOLDER):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level if frame else 2)
