"""Dropout and random masks, from the counter-based generator of `pock.dropout`.

Every operator has its own stream of numbers, numbered in the order of the graph. ``@predict``
has no random numbers: a dropout whose `training` is fixed to True does nothing there. Dropout
of whole features, alpha dropout and stochastic depth are composed of `bernoulli`.
"""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Missing, Value, dtype_of, shape_of
from ..registry import HINTS, Unsupported, converts

for _name in ("rand", "randn", "rand_like", "randn_like", "randint", "randint_like", "randperm", "normal_functional",
              "uniform", "multinomial", "exponential", "poisson", "normal.Tensor_Tensor",
              "normal.Tensor_float", "normal.float_Tensor"):  # fmt: skip
    HINTS[f"aten.{_name}"] = (
        "random numbers in the model; make them outside and pass them as an input "
        "(drop path and dropout are supported as torch.nn.Dropout…, bernoulli_(p) or floor(p + rand))"
    )


@converts("aten.native_dropout")
def native_dropout(b: Builder, x: Value, p: float, train: bool | None) -> list[Value | Missing]:
    dropped = x if train is False else b.dropout(x, p)
    return [dropped, Missing("the mask of a dropout")]


def _mask(b: Builder, x: Value, p: float) -> Value:
    """Return ones with probability p, zeros elsewhere."""
    if p in (0.0, 1.0):
        return b.splat(shape_of(x), p, b.out_dtype)
    ones = b.splat(shape_of(x), 1, dtype_of(x))
    mask = b.dropout(ones, 1 - p)
    if mask is ones:
        raise Unsupported("random numbers outside of training; put them behind `if self.training`")
    return b.cast(b.compare("gt", mask, 0), b.out_dtype)


@converts("aten.bernoulli.p")
def bernoulli(b: Builder, x: Value, p: float, generator: Any) -> Value:
    return _mask(b, x, p)


@converts("aten.bernoulli")
def bernoulli_tensor(b: Builder, x: Value, generator: Any) -> Value:
    known = b.known(x)
    if known is None or known.min() != known.max():
        raise Unsupported("random numbers with a probability per entry; not planned: use one probability")
    return _mask(b, x, float(known.flat[0]))
