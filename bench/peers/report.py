"""The table of `bench/train.py`, for the terminal and as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from .contest import Cell
from .process import PEERS

__all__ = ["TABLES", "Line", "as_markdown", "as_table", "best", "markdown", "mean_ratio", "table"]

Figure = Callable[[Cell], float]


@dataclass(frozen=True)
class Line:
    """One row of the table."""

    row: str
    scheme: str
    threads: int
    cells: Mapping[str, Cell]


#: Title → the figure of a cell, in the unit of the title; of the first two there is a ratio.
TABLES: Mapping[str, Figure] = {
    "training step, ms": lambda cell: 1e3 * cell.step,
    "forward only, ms": lambda cell: 1e3 * cell.forward,
    "compilation, s": lambda cell: cell.compile or math.nan,
    "peak resident memory, MiB": lambda cell: (cell.peak or math.nan) / 2**20,
    "of it while training, MiB": lambda cell: (cell.training_peak or math.nan) / 2**20,
}


def best(line: Line, figure: Figure) -> str:
    """Return the peer with the lowest figure among those with a whole and correct step."""
    fit = {
        name: figure(cell)
        for name, cell in line.cells.items()
        if name != "ours" and cell.whole and cell.agrees is not False and not math.isnan(figure(cell))
    }
    return min(fit, key=fit.__getitem__) if fit else ""


def ratio(line: Line, figure: Figure) -> float:
    """Ours divided by the best peer's, or NaN: below 1, ours is better."""
    winner = best(line, figure)
    if not winner or "ours" not in line.cells:
        return math.nan
    return figure(line.cells["ours"]) / figure(line.cells[winner])


def mean_ratio(lines: Sequence[Line], figure: Figure) -> float:
    """Return the geometric mean over the lines that have a ratio."""
    logs = [math.log(value) for line in lines if not math.isnan(value := ratio(line, figure))]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _cell(cell: Cell, figure: Figure) -> str:
    value = figure(cell)
    if cell.fails and math.isnan(value):
        return "fails"
    if math.isnan(value):
        return "-"
    marks = ("" if cell.whole else "†") + ("≠" if cell.agrees is False else "")
    return _number(value) + marks


def grid(lines: Sequence[Line], names: Sequence[str], title: str) -> list[list[str]]:
    """Return a table as text, its header first; `title` is one of `TABLES`."""
    figure = TABLES[title]
    compared = title.endswith("ms")
    result = [["row", "scheme", "threads", *(PEERS[name].title for name in names)]]
    result[0] += ["best peer", "ours / best"] * compared
    for line in lines:
        cells = [_cell(line.cells[name], figure) for name in names]
        result.append([line.row, line.scheme, str(line.threads), *cells])
        if compared:
            value = ratio(line, figure)
            winner = best(line, figure)
            result[-1] += [PEERS[winner].title if winner else "-", "-" if math.isnan(value) else f"{value:.2f}"]
    if compared and not math.isnan(mean := mean_ratio(lines, figure)):
        result.append(["geometric mean", *[""] * (len(result[0]) - 2), f"{mean:.2f}"])
    return result


def notes(lines: Sequence[Line]) -> list[str]:
    """Return the explanations of the marks, and the reasons of failures."""
    cells = [(line, name, cell) for line in lines for name, cell in line.cells.items()]
    result = []
    if any(not cell.whole for _, _, cell in cells):
        result.append("† forward and backward only, no update; not counted as best peer")
    if any(cell.agrees is False for _, _, cell in cells):
        result.append("≠ its first losses are not PyTorch's; not counted as best peer")
    for line, name, cell in cells:
        where = f"{PEERS[name].title}, {line.row}, {line.scheme}, {line.threads} thread(s)"
        if cell.fails:
            result.append(f"{where} fails: {cell.fails[:200]}")
        if cell.forward_fails:
            result.append(f"{where}, forward only, fails: {cell.forward_fails[:200]}")
    return result


def as_table(title: str, cells: Sequence[Sequence[str]], left: Sequence[str]) -> Table:
    """Return text, its header first, for the terminal; `left` are the left-aligned columns."""
    head, *rows = cells
    result = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in head:
        result.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    for row in rows:
        result.add_row(*row)
    return result


def as_markdown(cells: Sequence[Sequence[str]]) -> list[str]:
    """Return text, its header first, as the lines of a Markdown table."""
    head, *rows = cells
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def table(lines: Sequence[Line], names: Sequence[str], title: str) -> Table:
    """Return one of `TABLES` for the terminal."""
    return as_table(title, grid(lines, names, title), left=("row", "scheme", "best peer"))


def markdown(lines: Sequence[Line], names: Sequence[str], titles: Sequence[str]) -> str:
    """Return tables and notes as Markdown."""
    parts = []
    for title in titles:
        parts += [f"**{title}**\n", *as_markdown(grid(lines, names, title)), ""]
    return "\n".join([*parts, *(f"* {note}" for note in notes(lines))]) + "\n"
