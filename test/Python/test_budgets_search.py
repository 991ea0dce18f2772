"""`pockmlir.budgets.search` finds the best scheme, and schemes that the paper's authors found."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pockmlir as pock
import pytest
import torch
from architectures.backbones import BACKBONES, PIXELS
from pockmlir.budgets import Backbone, Conv, SparseUpdate, describe, estimate, search

EIGHTH, QUARTER, HALF = 1 / 8, 1 / 4, 1 / 2

#: MCUNet: convolution → points of accuracy for all, half, a quarter, an eighth of its channels, read off the
#: paper's plot to about 0.2; all others contribute nothing.
CONTRIBUTIONS = {
    12: (2.1, 1.2, 0.9, 0.0),
    15: (3.2, 1.9, 1.1, 0.1),
    18: (4.1, 2.2, 1.4, 0.8),
    20: (1.8, 0.7, 0.6, 0.3),
    21: (5.5, 3.4, 2.5, 1.2),
    23: (3.6, 2.4, 1.8, 0.8),
    24: (6.5, 3.7, 2.2, 1.0),
    26: (2.5, 1.0, 0.8, 0.4),
    27: (8.4, 5.6, 3.6, 1.6),
    29: (1.4, 0.9, 0.7, 0.0),
    30: (9.2, 6.1, 3.7, 2.2),
    32: (3.0, 2.1, 1.9, 0.8),
    33: (8.0, 6.1, 3.6, 2.2),
    35: (3.3, 2.3, 2.2, 0.2),
    36: (8.8, 5.5, 4.0, 2.3),
    38: (0.9, 0.8, 0.4, 0.0),
    39: (13.7, 10.2, 6.2, 3.0),
}
GAINS = {index: dict(zip((1.0, HALF, QUARTER, EIGHTH), gains, strict=True)) for index, gains in CONTRIBUTIONS.items()}

#: Three layers of which only numbers matter.
SMALL = Backbone(tuple(Conv(name, 4, 3, (3, 3), (5, 5), (5, 1)) for name in "abc"))


@pytest.fixture(scope="module")
def mcunet() -> Backbone:
    return describe(BACKBONES["mcunet-5fps"].build(), torch.zeros(1, 3, PIXELS, PIXELS))


@pytest.mark.parametrize(
    ("scheme", "budget", "gain"), [("49kb", 50, 13.9), ("99kb", 100, 38.1), ("148kb", 148.5, 48.6)]
)
def test_search_returns_published_schemes(mcunet: Backbone, scheme: str, budget: float, gain: float) -> None:
    update = BACKBONES["mcunet-5fps"].schemes[scheme]
    found = search(mcunet, int(budget * 1024), GAINS, {update.biases: 0.0}, most=6)
    assert found.update.weights == {index: fraction for index, fraction in update.weights.items() if fraction}
    assert found.gain == pytest.approx(gain)
    assert found.bytes == estimate(mcunet, update).total


@pytest.mark.parametrize(
    ("scheme", "budget", "gain", "published"),
    # The first difference is less than what the plot can be read to.
    [("74kb", 75, 26.9, 26.8), ("124kb", 125, 43.9, 42.9)],
)
def test_search_improves_other_published_schemes(
    mcunet: Backbone, scheme: str, budget: int, gain: float, published: float
) -> None:
    update = BACKBONES["mcunet-5fps"].schemes[scheme]
    found = search(mcunet, budget * 1024, GAINS, {update.biases: 0.0}, most=6)
    assert found.gain == pytest.approx(gain)
    assert estimate(mcunet, found.update).total == found.bytes <= budget * 1024
    gains = [GAINS[index][fraction] for index, fraction in update.weights.items() if fraction]
    assert sum(gains) == pytest.approx(published)


def test_search_improves_without_a_limit_on_weights(mcunet: Backbone) -> None:
    found = search(mcunet, 150 * 1024, GAINS, {23: 0.0})
    assert found.gain == pytest.approx(53.6)
    assert len(found.update.weights) == 9


def random_backbone(generator: random.Random) -> Backbone:
    def conv(index: int) -> Conv:
        inputs, outputs, pixels = (generator.choice((8, 16, 24)) for _ in range(3))
        groups = generator.choice((1, inputs))
        outputs = inputs if groups > 1 else outputs
        return Conv(str(index), inputs, outputs, (3,), (pixels,), (pixels,), groups)

    return Backbone(tuple(map(conv, range(5))))


def all_updates(weights: dict[int, dict[float, float]], biases: dict[int, float], count: int) -> list[SparseUpdate]:
    choices = itertools.product(*([(index, 0.0), *((index, f) for f in weights[index])] for index in weights))
    chosen = [{index: fraction for index, fraction in choice if fraction} for choice in choices]
    return [SparseUpdate(k, part) for k in biases for part in chosen if all(index >= count - k for index in part)]


@pytest.mark.parametrize("seed", range(20))
def test_search_finds_what_trying_everything_finds(seed: int) -> None:
    generator = random.Random(seed)
    backbone = random_backbone(generator)
    # Whole numbers, so that equal sums are equal; some contribute less than nothing.
    weights = {i: {f: float(generator.randint(-2, 9)) for f in (EIGHTH, HALF, 1.0)} for i in range(5)}
    biases = {k: float(k + generator.randint(0, 3)) for k in (2, 4, 5)}
    everything = all_updates(weights, biases, 5)
    largest = max(estimate(backbone, update).total for update in everything)
    least = min(estimate(backbone, update).total for update in everything)
    budget = generator.randint(least, largest)
    most = generator.choice((None, 0, 1, 2, 3))

    def gain(update: SparseUpdate) -> float:
        return biases[update.biases] + sum(weights[index][fraction] for index, fraction in update.weights.items())

    allowed = [u for u in everything if most is None or len(u.weights) <= most]
    allowed = [u for u in allowed if estimate(backbone, u).total <= budget]
    found = search(backbone, budget, weights, biases, most=most)
    assert found.gain == gain(found.update) == max(map(gain, allowed))
    assert found.bytes == estimate(backbone, found.update).total
    assert found.bytes == min(estimate(backbone, u).total for u in allowed if gain(u) == found.gain)
    assert found.update in allowed


@pytest.mark.parametrize(
    ("budget", "weights", "biases", "error", "message"),
    [
        (10, {}, {1: 0.0, 2: 0.0}, pock.ArgumentError, "budget: expected at least 14 bytes, for biases alone"),
        (999, {}, {}, pock.ArgumentError, "biases: expected at least one number of biases"),
        (999, {}, {4: 0.0}, pock.SchemeError, "the backbone has 3 convolutions, but got 4"),
        (
            999,
            {},
            {1: float("nan")},
            pock.ArgumentError,
            "the contribution of 1: expected a finite number, but got nan",
        ),
        (
            999,
            {0: {1: "x"}},
            {1: 0},
            pock.ArgumentError,
            "contribution of 1 of convolution 0: expected a finite number",
        ),
        (999, {5: {1: 1.0}}, {1: 0.0}, pock.SchemeError, "there are convolutions 0 to 2, but got 5"),
        (999, {0: {3: 1.0}}, {1: 0.0}, pock.SchemeError, r"must be in \[0, 1\], but got 3"),
    ],
)
def test_search_that_cannot_be(budget: int, weights: Any, biases: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        search(SMALL, budget, weights, biases)
