"""The command ``pock``: demonstrate, quantise, train, compile, run, inspect, tune and bench a model."""

from __future__ import annotations

import gc
import os
import sys

import click

from ..errors import PockError
from .caching import cache_command
from .commands import pock
from .demo import demo_command
from .devices import devices_command
from .quantizing import quantize_command

__all__ = ["main", "pock"]

pock.add_command(cache_command)
pock.add_command(demo_command)
pock.add_command(devices_command)
pock.add_command(quantize_command)


def main() -> None:
    """Run the command line; print errors of this package as a message without traceback."""
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
    # A native stage may still be running, because it does not check for signals. `sys.exit` would wait for it.
    gc.collect()  # deletes temporary folders
    sys.stdout.flush()
    os._exit(130)
