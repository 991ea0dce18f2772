"""The architectures that `bench/zoo.py` compiles and `test/Python/test_zoo.py` compares with PyTorch."""

from . import (  # noqa: F401 — they register what they define
    audio,
    convolutional,
    dense,
    generative,
    mobile,
    sequence,
    text,
    tiny,
    vision,
)
from .case import ARCHITECTURES, SCHEMES, Architecture, Case

__all__ = ["ARCHITECTURES", "SCHEMES", "Architecture", "Case"]
