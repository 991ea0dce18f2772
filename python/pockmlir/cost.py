"""The old name of `pockmlir.budgets`, for one release."""

import warnings

from .budgets import (
    Backbone,
    Choice,
    Conv,
    Cost,
    LayerCost,
    Linear,
    SparseUpdate,
    describe,
    estimate,
    search,
    to_scheme,
)

__all__ = [
    "Backbone",
    "Choice",
    "Conv",
    "Cost",
    "LayerCost",
    "Linear",
    "SparseUpdate",
    "describe",
    "estimate",
    "search",
    "to_scheme",
]

warnings.warn("pockmlir.cost is now pockmlir.budgets; the next release has only that", FutureWarning, stacklevel=2)
