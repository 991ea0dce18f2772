"""Custom gradients of the model, from hooks and `torch.autograd.Function`."""

from __future__ import annotations

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Value
from ..registry import converts


@converts("pockmlir.custom_gradient")
def custom_gradient(
    b: Builder, values: list[Value], inputs: list[Value], number: int, index: int, in_place: bool
) -> list[Value]:
    # The operator occurs once per value, but a single op has all values.
    if number not in b.given:
        types = [value.type for value in values]
        b.given[number] = b.emit(pock.CustomGradientOp, types + types, inputs, values)
    results = b.given[number]
    return [results[index], results[len(values) + index]]


@converts("pockmlir.set_gradients")
def set_gradients(b: Builder, of: Value, gradients: list[Value | None], number: int) -> None:
    b.append(pock.SetGradientsOp(b.given[number][0], [gradient for gradient in gradients if gradient is not None]))
