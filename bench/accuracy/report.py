"""Prints accuracies by seed, and what of a quantised network is not computed with integers."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence

import numpy as np
from pockmlir.report.integer_layers import LayerReport
from rich.table import Table

from .paired import Row, error_of_mean

__all__ = ["arithmetic", "table"]


def table(rows: Sequence[Row]) -> Table:
    """Return one line per seed, the means, and the standard error of the mean of each paired difference.

    Args:
        rows: at least one; variants of later rows are those of the first one, or none.
    """
    result = Table()
    variants = list(rows[0].others)
    for column in ("seed", "float32", "int8", "difference", *variants):
        result.add_column(column, justify="right")
    for row in rows:
        differences = [row.difference, *(other - row.float32 for other in row.others.values())]
        result.add_row(str(row.seed), f"{row.float32:.1f}", f"{row.int8:.1f}", *(f"{x:+.1f}" for x in differences))
    result.add_section()
    means = (f"{np.mean([getattr(row, name) for row in rows]):.1f}" for name in ("float32", "int8"))
    others = ([row.others[name] - row.float32 for row in rows if row.others] for name in variants)
    result.add_row("mean", *means, *map(_mean, ([row.difference for row in rows], *others)))
    return result


def arithmetic(layers: Iterable[LayerReport]) -> str:
    """Return the numbers of layers with integers, and the float32 operators with the number of layers that have each."""
    counts = collections.Counter(layer.arithmetic for layer in layers)
    operators = collections.Counter(
        reason.split(":")[0].split(" ")[0] for layer in layers for reason in layer.reason.split("; ") if reason
    )
    real = ", ".join(f"{name} ({count})" for name, count in operators.most_common())
    whole = f"{counts['int8']} layers with integers only, {counts['mixed']} in part, {counts['float32']} in float32"
    return f"{whole}; operators in float32, with their layers: {real or 'none'}"


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):+.2f} ± {error_of_mean(values):.2f}"
