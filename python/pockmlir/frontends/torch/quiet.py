"""Keeps what PyTorch says about itself while it exports off the terminal: our errors say what a user can change."""

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
    """Drop graphs, logs and deprecations of PyTorch's own code; with ``TORCH_LOGS`` set, nothing."""
    if "TORCH_LOGS" in os.environ:
        yield
        return
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.startswith("torch")]
    handlers = list(dict.fromkeys(handler for logger in loggers for handler in logger.handlers))
    with warnings.catch_warnings(), contextlib.ExitStack() as stack:
        # Where the warning points to, as its code does not say where it was raised.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.|copyreg|contextlib")
        # `report_changes` says it.
        warnings.filterwarnings("ignore", message=r".* assigned during export")
        # Of a failed export, it prints the graph so far.
        stack.enter_context(replaced(torch.export._trace, "print", lambda *args, **kwargs: None))
        for handler in handlers:
            handler.addFilter(_nothing)
            stack.callback(handler.removeFilter, _nothing)
        yield


def _nothing(record: logging.LogRecord) -> bool:
    return False
