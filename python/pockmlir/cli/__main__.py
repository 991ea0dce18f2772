"""Runs ``pock`` for ``python -m pockmlir.cli``."""

from . import main

main()
