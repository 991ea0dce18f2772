"""`quantize`: a float model after training → a model whose layers are computed with integers of 8 bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..support.needs import require_torch

if TYPE_CHECKING:
    from ..frontends.torch.quantized_model import QuantizedModel

__all__ = ["quantize"]


def quantize(
    model: Any,
    batches: Iterable[Any] | None = None,
    *,
    qparams: Mapping[str, Any] | None = None,
    inputs: Any = None,
    head: Literal["int8", "float32"] = "int8",
    room: float = 4.0,
    input: Literal["float32", "int8"] = "float32",
    percentile: float = 99.99,
) -> QuantizedModel:
    """Quantise a trained float model, for `compile`, `plan` and `import_model`; the model itself is not changed.

    Convolutions and linear layers, and what lies between them (additions, products, means, pooling, clamps,
    concatenation, movement), become integer operators. All others stay float32: `Step.report` lists them. Batch
    normalisation in eval mode is folded into the layer before, whose parameters keep their names; so schemes,
    checkpoints and `Step.write_back` have the names of the float model.

    Weights are symmetric with a scale per output channel, ``max|w| / 127``; activations have one scale and a zero
    point each, from their range over the batches. Behind relu6, the scale is 6/255. (Jacob et al. 2018, arXiv
    1712.05877; Lin et al. 2022, arXiv 2206.15472 for training with these scales.)

    >>> quantized = pock.quantize(model, [x for x, _ in loader])                                 # doctest: +SKIP
    >>> step = pock.compile(quantized, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.01),
    ...                     scheme=pock.Scheme.last(2), precision="int8")                        # doctest: +SKIP

    Args:
        model: a ``torch.nn.Module`` with float32 parameters, or an exported program of one in eval mode.
        batches: inputs of typical data, at best some hundred samples; each a tensor, a tuple of positional
            arguments, or a mapping of keyword arguments. Batches may differ in size.
        qparams: given scales: the name of a tensor → (scale, zero point) or `Quantization`. They take precedence over
            those of batches, and without batches all are needed (a mean may take that of its operand).
            The result of a layer, with its clamp, has the path of the layer's module; an operator in
            the forward of a module with children has its name, too (``block1.add``; the second one ``block1.add_1``);
            an input has its name; a weight that of its parameter, with a `Quantization` with one scale per channel.
        inputs: example inputs, if there are no batches; needed for batch normalisation only.
        head: ``int8``, or ``float32`` for last layers that stay floating-point.
        room: how much larger than observed the ranges of the last layer's weights and outputs are if ``head`` is
            ``int8``: they grow in training, and scales do not.
        input: ``float32`` for a step that quantises its inputs, ``int8`` for one whose inputs are integers.
        percentile: the percentage of an activation's entries within its range, on each side; 100 for the extremes,
            which transformers need.

    Raises:
        ArgumentError: an argument is invalid; an entry of a batch or a parameter is NaN or infinite; a scale is not
            positive and finite, is missing, or belongs to no tensor.
        CompileError: PyTorch cannot export the model.
    """
    require_torch("quantising a PyTorch model")
    from ..frontends.torch.quantize import quantize_model

    return quantize_model(
        model,
        batches,
        qparams=qparams,
        inputs=inputs,
        head=head,
        room=room,
        input=input,
        percentile=percentile,
    )
