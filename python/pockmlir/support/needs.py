"""Packages that only some entry points need."""

from __future__ import annotations

import importlib

from ..errors import PockError

__all__ = ["TORCH_COMMAND", "require_matplotlib", "require_torch"]

#: Installs PyTorch. Of the same version, pip prefers the build for the CPU, because its name is longer.
TORCH_COMMAND = "pip install 'pockmlir[torch]' --extra-index-url https://download.pytorch.org/whl/cpu"


def _require(module: str, name: str, what: str, command: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise PockError(
            f"{what} needs {name}, which cannot be imported ({error}); install it with: {command}"
        ) from None


def require_torch(what: str) -> None:
    """Import PyTorch.

    Args:
        what: what needs it, for the message.

    Raises:
        PockError: it is not installed; the message says how to install it.
    """
    _require("torch", "PyTorch", what, TORCH_COMMAND)


def require_matplotlib(what: str) -> None:
    """Import Matplotlib.

    Args:
        what: what needs it, for the message.

    Raises:
        PockError: it is not installed; the message says how to install it.
    """
    _require("matplotlib", "Matplotlib", what, "pip install 'pockmlir[plot]'")
