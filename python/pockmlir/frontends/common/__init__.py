"""What all front ends share: the builder of pock ops, and what a finished model is. It needs no PyTorch.

A front end declares parameters, builds the functions ``loss`` and ``predict``, and gives an `ImportedModel`,
which `pockmlir.plan`, `pockmlir.compile` and `pockmlir.import_model` take in place of a PyTorch model.
`ModelBuilder` does that for a model that is written by hand; `Builder` has the ops, `layers` what is
composed of them, `checks` the errors that a call ends with.
"""

from __future__ import annotations

from .builder import Builder, Number, Unsupported, Value, dtype_of, is_float, rank_of, shape_of
from .imported import Conversion, ImportedModel, TensorSpec
from .layers import cross_entropy, linear, mse_loss, relu
from .model import ModelBuilder

__all__ = [
    "Builder",
    "Conversion",
    "ImportedModel",
    "ModelBuilder",
    "Number",
    "TensorSpec",
    "Unsupported",
    "Value",
    "cross_entropy",
    "dtype_of",
    "is_float",
    "linear",
    "mse_loss",
    "rank_of",
    "relu",
    "shape_of",
]
