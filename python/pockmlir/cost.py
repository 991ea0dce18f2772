"""The old name of `pockmlir.budgets`, for one release."""

import warnings

from .budgets import *  # noqa: F403
from .budgets import __all__ as __all__

warnings.warn("pockmlir.cost is now pockmlir.budgets; the next release has only that", FutureWarning, stacklevel=2)
