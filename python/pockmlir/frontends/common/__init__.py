"""Parts that all front ends share: the builder of pock ops, and the finished model. They do not need PyTorch.

A front end declares parameters, builds the functions ``loss`` and ``predict``, and returns an `ImportedModel`.
`pockmlir.plan`, `pockmlir.compile` and `pockmlir.import_model` accept it in place of a PyTorch model.
`ModelBuilder` builds an `ImportedModel` for a handwritten model. `Builder` emits the ops, `layers` composes
layers of them, and `checks` emits checks that end a call with an error.
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
