"""Packages that only some entry points need."""

from __future__ import annotations

import importlib

from ..errors import PockError

__all__ = ["require_torch"]


def require_torch(what: str) -> None:
    """Import PyTorch.

    Args:
        what: what needs it, for the message.

    Raises:
        PockError: it is not installed; the message says how to install it.
    """
    try:
        importlib.import_module("torch")
    except ImportError as error:
        raise PockError(
            f"{what} needs PyTorch, which cannot be imported ({error}); install it with: pip install torch==2.13.0 "
            "--index-url https://download.pytorch.org/whl/cpu"
        ) from None
