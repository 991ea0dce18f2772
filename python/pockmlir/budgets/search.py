"""The best update scheme for a budget of memory, found exactly.

Contributions of layers are additive, and so are their bytes. So for each number of biases the problem is a knapsack
with at most one fraction per layer. It is solved exactly; the paper uses an evolutionary search.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from ..errors import ArgumentError
from .backbone import Backbone
from .estimate import estimate, weight_bytes
from .update import SparseUpdate, require_fit

__all__ = ["Choice", "search"]


@dataclass(frozen=True)
class Choice:
    """The result of `search`.

    Attributes:
        update: the best update.
        gain: the sum of its contributions, in the caller's unit.
        bytes: its bytes according to `estimate`.
    """

    update: SparseUpdate
    gain: float
    bytes: int


class _Weights(NamedTuple):
    """A choice of weights: bytes, contribution, and (index, fraction) of each weight."""

    bytes: int
    gain: float
    fractions: tuple[tuple[int, float], ...]


def search(
    backbone: Backbone,
    budget: int,
    weights: Mapping[int, Mapping[float, float]],
    biases: Mapping[int, float],
    *,
    most: int | None = None,
    classifier: bool = True,
) -> Choice:
    """Return the update with the largest contribution within a budget.

    The paper measures contributions as gains in accuracy: of biases over training the classifier only,
    of each weight over training the biases only.

    Args:
        backbone: the model.
        budget: limit of the bytes according to `estimate`.
        weights: index of a convolution → fraction → contribution.
        biases: number of last biases → contribution; only these numbers are tried.
        most: maximum number of weights that train; None means no limit.
        classifier: whether the classifier trains.

    Raises:
        ArgumentError: the budget is too small for biases alone, or a contribution is not a number.
        SchemeError: an index, a fraction or a number of biases does not fit the backbone.
    """
    _check(backbone, weights, biases)
    found = []
    least = math.inf
    for count, gain in biases.items():
        alone = estimate(backbone, SparseUpdate(count, classifier=classifier)).total
        least = min(least, alone)
        if alone <= budget:
            allowed = {i: weights[i] for i in sorted(weights) if i >= len(backbone.convs) - count}
            best = _best_weights(backbone, budget - alone, allowed, len(allowed) if most is None else most)
            update = SparseUpdate(count, dict(best.fractions), classifier)
            found.append(Choice(update, gain + best.gain, alone + best.bytes))
    if not found:
        raise ArgumentError(f"budget: expected at least {least} bytes, for biases alone, but got {budget}")
    return max(found, key=lambda choice: (choice.gain, -choice.bytes))


def _best_weights(backbone: Backbone, room: int, gains: Mapping[int, Mapping[float, float]], most: int) -> _Weights:
    """Return the weights with the largest contribution that fit into the room."""
    #: By number of weights: the Pareto front in bytes and contribution.
    fronts: list[list[_Weights]] = [[_Weights(0, 0.0, ())], *([] for _ in range(most))]
    for index, of_fraction in gains.items():
        options = [
            _Weights(sum(weight_bytes(backbone.convs[index], fraction)), gain, ((index, fraction),))
            for fraction, gain in of_fraction.items()
        ]
        for count in range(most, 0, -1):
            added = (
                _Weights(old.bytes + new.bytes, old.gain + new.gain, old.fractions + new.fractions)
                for old in fronts[count - 1]
                for new in options
                if old.bytes + new.bytes <= room
            )
            fronts[count] = _unbeaten(chain(fronts[count], added))
    return max(chain(*fronts), key=lambda weights: (weights.gain, -weights.bytes))


def _unbeaten(candidates: Iterable[_Weights]) -> list[_Weights]:
    kept: list[_Weights] = []
    for candidate in sorted(candidates, key=lambda weights: (weights.bytes, -weights.gain)):
        if not kept or candidate.gain > kept[-1].gain:
            kept.append(candidate)
    return kept


def _check(backbone: Backbone, weights: Mapping[int, Mapping[float, float]], biases: Mapping[int, float]) -> None:
    if not biases:
        raise ArgumentError("biases: expected at least one number of biases and its contribution")
    for count, gain in biases.items():
        require_fit(backbone, SparseUpdate(count))
        _require_number(f"biases: the contribution of {count}", gain)
    for index, of_fraction in weights.items():
        for fraction, gain in of_fraction.items():
            require_fit(backbone, SparseUpdate(len(backbone.convs), {index: fraction}))
            _require_number(f"weights: the contribution of {fraction:g} of convolution {index}", gain)


def _require_number(what: str, gain: object) -> None:
    if isinstance(gain, bool) or not isinstance(gain, int | float) or not math.isfinite(gain):
        raise ArgumentError(f"{what}: expected a finite number, but got {gain!r}")
