"""The command ``pock``: train, compile, run, inspect, tune and bench a model."""

from __future__ import annotations

import gc
import os
import sys

import click

from ..errors import PockError
from .commands import pock

__all__ = ["main", "pock"]


def main() -> None:
    """Run the command line; errors of ours are one message, not a traceback."""
    try:
        pock.main(standalone_mode=False)
    except (PockError, OSError) as error:
        click.echo(f"pock: {error}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        pass
    else:
        return
    # A native stage that does not look for signals may still run. `sys.exit` would wait for it.
    gc.collect()  # deletes temporary folders
    sys.stdout.flush()
    os._exit(130)
