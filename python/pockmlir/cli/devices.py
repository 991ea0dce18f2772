"""The command ``pock devices``."""

from __future__ import annotations

import click

from ..runtime.vulkan import list_devices

__all__ = ["devices_command"]


@click.command(name="devices")
def devices_command() -> None:
    """List the Vulkan devices of this machine, on which models with `--target vulkan` run.

    POCK_VULKAN_DEVICE, a part of a name, chooses one; it is the first that computes otherwise.
    """
    for name in list_devices():
        click.echo(name)
