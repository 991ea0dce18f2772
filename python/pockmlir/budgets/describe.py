"""The description of a PyTorch model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..support.needs import require_torch
from .backbone import Backbone

__all__ = ["describe"]


def describe(model: Any, inputs: Any, kwargs: Mapping[str, Any] | None = None) -> Backbone:
    """Return the convolutions of a model, in forward order, and the classifier after them.

    The classifier consists of all linear layers after the last convolution that read one vector per
    example. The model is exported in eval mode, as `pockmlir.compile` does; neither it nor its
    statistics change. The batch size does not matter.

    Args:
        model: a ``torch.nn.Module`` or a ``torch.export.ExportedProgram``.
        inputs: example inputs, as for `pockmlir.compile`.
        kwargs: keyword arguments, in addition to positional ones.

    Raises:
        ArgumentError: there is no convolution; two convolutions share a weight; or the memory model does
            not know the reader of a parameter matrix, such as a linear layer between convolutions.
        CompileError: PyTorch cannot export the model.
    """
    require_torch("describing a PyTorch model")
    # The frontend takes a second to import.
    from ..api.source import example_inputs
    from .layers import read_backbone

    return read_backbone(model, *example_inputs(inputs, kwargs))
