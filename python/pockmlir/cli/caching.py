"""The command ``pock cache``."""

from __future__ import annotations

import click

from .. import cache

__all__ = ["cache_command"]


@click.command(name="cache")
@click.option("--clear", is_flag=True, help="Remove all entries.")
def cache_command(clear: bool) -> None:
    """Show the folder with results of earlier compilations, and its size.

    POCK_CACHE names another folder, or is `off`. POCK_CACHE_LIMIT is the size of all entries, e.g. 500MB.
    """
    click.echo(f"removed: {cache.clear()}" if clear else str(cache.info()))
