"""The program ``pock-opt``: every pass and pipeline of the compiler on the command line."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

from .extension import load_core

__all__ = ["main"]


def main() -> NoReturn:
    """Run passes on IR; the entry point of the console script. ``pock-opt --help`` lists the options."""
    # Python would handle an interrupt only after the passes.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(load_core().pock_opt(["pock-opt", *sys.argv[1:]]))
