"""``python -m pockmlir.cli`` is ``pock``."""

from . import main

main()
