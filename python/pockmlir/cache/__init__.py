"""The compile cache: results of compilations in a folder of the user, found again by what they depend on.

It has two kinds of entries. `codes` keeps the code for a module at stage ``import`` with all choices for a step.
`imports` keeps the module for a PyTorch model that is certainly unchanged, so that PyTorch need not export it again.

The variable ``POCK_CACHE`` names the folder, or is ``off``. The default is ``pockmlir/compiled``
in ``$XDG_CACHE_HOME`` or ``~/.cache``. ``POCK_CACHE_LIMIT`` is the size of all entries, such as ``500MB``; the default is 1 GB.
"""

from __future__ import annotations

from .store import CacheInfo, clear, info

__all__ = ["CacheInfo", "clear", "info"]
