"""Suppresses PyTorch's messages during export, because our errors say what a user can change."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator

import torch.export._trace

from .traced_gradients import replaced

__all__ = ["quiet_export"]


@contextlib.contextmanager
def quiet_export() -> Iterator[None]:
    """Suppress graphs, logs and deprecation warnings of PyTorch's own code, unless ``TORCH_LOGS`` is set."""
    if "TORCH_LOGS" in os.environ:
        yield
        return
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.startswith("torch")]
    handlers = list(dict.fromkeys(handler for logger in loggers for handler in logger.handlers))
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        # `module` is the module that the warning points to, which need not be the one that raises it.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.|copyreg|contextlib")
        # `report_changes` warns about it instead.
        warnings.filterwarnings("ignore", message=r".* assigned during export")
        # It prints the incomplete graph of a failed export.
        stack.enter_context(replaced(torch.export._trace, "print", lambda *args, **kwargs: None))
        for handler in handlers:
            handler.addFilter(_nothing)
            stack.callback(handler.removeFilter, _nothing)
        yield


def _nothing(record: logging.LogRecord) -> bool:
    return False
