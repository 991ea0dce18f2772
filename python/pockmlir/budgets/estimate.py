"""The bytes that training adds to inference, and the multiply-adds of a step, by layer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .backbone import Backbone, Conv
from .update import SparseUpdate, require_fit, trained_channels

__all__ = ["Cost", "LayerCost", "estimate", "weight_bytes"]


@dataclass(frozen=True)
class LayerCost:
    """The cost of a layer: bytes for one example, and multiply-adds (MACs).

    Attributes:
        name: name of the layer.
        weights: bytes of the trained part of the weight, one per element; it cannot stay in flash.
        biases: bytes of the bias, four per output channel.
        inputs: bytes of the input that the weight's gradient reads, one per element.
        masks: bytes of the mask of clamped outputs, one bit per output.
        forward: MACs of the layer.
        input_gradient: MACs of the gradient with respect to its input.
        weight_gradient: MACs of the gradient with respect to the trained part of its weight.
    """

    name: str
    weights: int = 0
    biases: int = 0
    inputs: int = 0
    masks: int = 0
    forward: int = 0
    input_gradient: int = 0
    weight_gradient: int = 0

    @property
    def total(self) -> int:
        """All bytes."""
        return self.weights + self.biases + self.inputs + self.masks

    @property
    def backward(self) -> int:
        """The MACs of both gradients."""
        return self.input_gradient + self.weight_gradient


@dataclass(frozen=True)
class Cost(LayerCost):
    """The cost of all layers together.

    Attributes:
        layers: cost of each convolution in forward order, then of the classifier.
    """

    layers: tuple[LayerCost, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""
        return asdict(self) | {"total": self.total, "backward": self.backward}

    def __str__(self) -> str:
        parts = ", ".join(f"{part} {getattr(self, part) / 1024:.1f}" for part in _BYTES)
        macs = f"{self.forward / 1e6:.2f} M MACs forward, {self.backward / 1e6:.2f} M backward"
        return f"{self.total / 1024:.1f} KB ({parts}); {macs}"


_BYTES = ("weights", "biases", "inputs", "masks")
_MACS = ("forward", "input_gradient", "weight_gradient")


def estimate(backbone: Backbone, update: SparseUpdate) -> Cost:
    """Return the cost of an update in the paper's model.

    The bytes are those that training adds to inference of an int8 network whose weights are in flash:
    writable parameters, and values that the forward pass saves for the backward pass. Each layer is counted
    separately, although the mask of one layer may apply to the input that the next layer saves.

    Not included: the classifier's weights and MACs (only its input counts), optimizer state (the paper
    trains without momentum), gradients, and everything that inference needs anyway. So the sum is not the
    peak of memory.

    Args:
        backbone: the model.
        update: the parts that train.

    Raises:
        SchemeError: the update does not fit the backbone.
    """
    require_fit(backbone, update)
    first = len(backbone.convs) - update.biases
    layers = [_layer(conv, index - first, update.weights.get(index, 0.0)) for index, conv in enumerate(backbone.convs)]
    layers += [LayerCost(layer.name, inputs=layer.inputs * update.classifier) for layer in backbone.classifier]
    sums = {figure: sum(getattr(layer, figure) for layer in layers) for figure in (*_BYTES, *_MACS)}
    return Cost("all", **sums, layers=tuple(layers))


def _layer(conv: Conv, place: int, fraction: float) -> LayerCost:
    """The cost of a convolution; `place` is its position among those that train, negative if it does not train."""
    forward = conv.weight_elements * conv.output_pixels
    if place < 0:
        return LayerCost(conv.name, forward=forward)
    weights, inputs = weight_bytes(conv, fraction)
    return LayerCost(
        conv.name,
        weights=weights,
        biases=4 * conv.outputs,
        inputs=inputs,
        masks=-(-conv.outputs * conv.output_pixels // 8),
        forward=forward,
        input_gradient=forward if place else 0,
        weight_gradient=weights * conv.output_pixels,
    )


def weight_bytes(conv: Conv, fraction: float) -> tuple[int, int]:
    """Return the bytes of the trained part of a weight, and of the input that is saved for it."""
    channels = trained_channels(conv, fraction)
    return conv.trained_elements(channels), channels * conv.input_pixels
