"""Update schemes in the paper's form, and their conversion to `Scheme`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..api.scheme import Scheme
from ..errors import SchemeError
from .backbone import Backbone, Conv

__all__ = ["SparseUpdate", "require_fit", "to_scheme", "trained_channels"]


@dataclass(frozen=True)
class SparseUpdate:
    """An update scheme: biases of the last convolutions, and fractions of some weights.

    >>> SparseUpdate(biases=22, weights={21: 1, 24: 1, 27: 1, 30: 1, 36: 1 / 8, 39: 1 / 4}).biases
    22

    Attributes:
        biases: number of last convolutions whose bias trains.
        weights: index of a convolution → fraction of its input channels that trains, the first ones;
            only for convolutions whose bias trains, too.
        classifier: whether the linear layers train.
    """

    biases: int
    weights: Mapping[int, float] = field(default_factory=dict)
    classifier: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.biases, bool) or not isinstance(self.biases, int) or self.biases < 0:
            raise SchemeError(f"update: biases: expected a number of convolutions, but got {self.biases!r}")
        if not isinstance(self.weights, Mapping):
            raise SchemeError(f"update: weights: expected a mapping of indices to fractions, but got {self.weights!r}")
        for index, fraction in self.weights.items():
            if isinstance(index, bool) or not isinstance(index, int):
                raise SchemeError(f"update: weights: expected the index of a convolution, but got {index!r}")
            if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction <= 1:
                raise SchemeError(
                    f"update: weights: the fraction of convolution {index} must be in [0, 1], but got {fraction!r}"
                )

    @classmethod
    def last(cls, backbone: Backbone, n: int) -> SparseUpdate:
        """Train all of the last ``n`` convolutions, and the classifier."""
        count = len(backbone.convs)
        return cls(n, dict.fromkeys(range(max(0, count - n), count), 1.0))

    @classmethod
    def full(cls, backbone: Backbone) -> SparseUpdate:
        """Train everything."""
        return cls.last(backbone, len(backbone.convs))


def trained_channels(conv: Conv, fraction: float) -> int:
    """Return the number of input channels of a fraction, rounded down as in the paper's code."""
    # The offset keeps whole numbers whole in spite of rounding.
    return int(conv.inputs * fraction + 1e-9)


def require_fit(backbone: Backbone, update: SparseUpdate) -> None:
    """Check that an update fits a backbone.

    Raises:
        SchemeError: a convolution or channel does not exist, or the weight of a convolution trains
            although its bias does not.
    """
    count = len(backbone.convs)
    if update.biases > count:
        raise SchemeError(f"update: biases: the backbone has {count} convolutions, but got {update.biases}")
    for index, fraction in update.weights.items():
        if not 0 <= index < count:
            raise SchemeError(f"update: weights: there are convolutions 0 to {count - 1}, but got {index}")
        conv = backbone.convs[index]
        where = f"update: weights: convolution {index} ('{conv.name}')"
        if fraction and index < count - update.biases:
            raise SchemeError(f"{where} trains, but only the last {update.biases} of {count} biases do")
        if 0 < fraction < 1 and conv.groups > 1 and not conv.is_depthwise:
            raise SchemeError(f"{where} has {conv.groups} groups: it trains whole or not, but got {fraction:g}")
        if fraction and not trained_channels(conv, fraction):
            raise SchemeError(f"{where}: {fraction:g} of {conv.inputs} input channels is none")


def to_scheme(backbone: Backbone, update: SparseUpdate) -> Scheme:
    """Return the update as a `Scheme` over the model's parameters, for `pockmlir.compile`.

    A fraction is converted through the number of channels that the memory model counts, because the two
    round differently.

    Args:
        backbone: the description of the model, see `describe`.
        update: the parts that train.

    Raises:
        SchemeError: the update does not fit the backbone, or trains something that is not a parameter.
    """
    require_fit(backbone, update)
    fractions: dict[str, float] = {}
    for index in range(len(backbone.convs) - update.biases, len(backbone.convs)):
        conv = backbone.convs[index]
        where = f"convolution {index} ('{conv.name}')"
        fractions[_named(conv.bias, "bias", where)] = 1.0
        if fraction := update.weights.get(index, 0.0):
            fractions[_named(conv.weight, "weight", where)] = trained_channels(conv, fraction) / conv.inputs
    if update.classifier:
        for layer in backbone.classifier:
            fractions |= {name: 1.0 for name in (layer.weight, layer.bias) if name}
    return Scheme(fractions)


def _named(name: str | None, what: str, where: str) -> str:
    if name is None:
        raise SchemeError(f"update: the {what} of {where} trains, but the description has no parameter for it")
    return name
