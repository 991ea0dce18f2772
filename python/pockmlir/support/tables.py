"""Printed tables, made with rich."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["as_text", "make_table"]


def as_text(renderable: RenderableType) -> str:
    """Render with rich as text, in colour only if the terminal has colours."""
    from rich.console import Console

    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    text = io.StringIO()
    width = None if colour else 100
    Console(file=text, force_terminal=colour, no_color=not colour, width=width).print(renderable)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def make_table(title: str, columns: Sequence[str], rows: Any) -> Table:
    """Make a table whose cells are literal text: names may contain rich's markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=any(columns))
    for column in columns:
        table.add_column(column, justify="right" if column == "bytes" else "left")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table
