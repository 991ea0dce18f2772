"""The random numbers of dropout, as the compiled step makes them."""

from .runtime.dropout import dropout_mask, philox2x32

__all__ = ["dropout_mask", "philox2x32"]
