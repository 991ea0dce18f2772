"""`pockmlir.cost` counts what it says it counts."""

from __future__ import annotations

from typing import Any

import pockmlir as pock
import pytest
from pockmlir.cost import Backbone, Conv, Linear, SparseUpdate, estimate, to_scheme

EIGHTH, QUARTER, HALF = 1 / 8, 1 / 4, 1 / 2

# The model of memory ------------------------------------------------------------------

#: Dense, depthwise, and in two groups; 15 outputs of the first do not fill the bytes of their mask.
SMALL = Backbone(
    (
        Conv("a", 4, 3, (3, 3), (5, 5), (5, 1)),
        Conv("b", 8, 8, (3,), (10,), (5,), groups=8),
        Conv("c", 8, 6, (1, 1), (4, 4), (4, 4), groups=2),
    ),
    (Linear("d", 6), Linear("e", 7)),
)


def test_bytes_and_macs_by_hand() -> None:
    cost = estimate(SMALL, SparseUpdate(3, {0: HALF, 1: QUARTER, 2: 1}))
    a, b, c, d, e = cost.layers
    # 2 of 4 channels of 3*3*3 weights, 25 pixels each; 15 bits; 3*4*9*5 multiply-adds.
    assert (a.weights, a.biases, a.inputs, a.masks, a.total) == (54, 12, 50, 2, 118)
    assert (a.forward, a.input_gradient, a.weight_gradient) == (540, 0, 270)
    # 2 of 8 channels of 3 weights, 10 pixels each; 40 bits.
    assert (b.weights, b.biases, b.inputs, b.masks) == (6, 32, 20, 5)
    assert (b.forward, b.input_gradient, b.weight_gradient) == (120, 120, 30)
    # Each of 6 outputs reads 4 channels.
    assert (c.weights, c.biases, c.inputs, c.masks) == (24, 24, 128, 12)
    assert (c.forward, c.input_gradient, c.weight_gradient) == (384, 384, 384)
    assert [d, e] == [type(d)("d", inputs=6), type(d)("e", inputs=7)]
    assert cost.total == sum(layer.total for layer in cost.layers)
    assert cost.backward == 270 + 150 + 768


def test_what_does_not_train_costs_its_forward_only() -> None:
    cost = estimate(SMALL, SparseUpdate(1, {0: 0, 1: 0}, classifier=False))
    assert [layer.total for layer in cost.layers] == [0, 0, 24 + 12, 0, 0]
    assert (cost.forward, cost.backward) == (540 + 120 + 384, 0)
    assert estimate(SMALL, SparseUpdate(0)).total == 13


def test_cost_as_text_and_data() -> None:
    cost = estimate(SMALL, SparseUpdate(3, {0: HALF}))
    assert str(cost).startswith("0.2 KB (weights 0.1, biases 0.1, inputs 0.1, masks 0.0); 0.00 M MACs forward")
    data = cost.to_dict()
    assert data["total"] == cost.total
    assert [layer["name"] for layer in data["layers"]] == list("abcde")


def test_fractions_are_rounded_down_but_not_by_rounding_errors() -> None:
    backbone = Backbone((Conv("a", 49, 1, (1,), (1,), (1,)),))
    assert int(49 * (1 / 49)) == 0
    assert estimate(backbone, SparseUpdate(1, {0: 1 / 49})).weights == 1
    assert estimate(backbone, SparseUpdate(1, {0: 0.99})).weights == 48


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": 0}, "convolution 'a': inputs: expected a positive integer, but got 0"),
        ({"outputs": 1.5}, "outputs: expected a positive integer, but got 1.5"),
        ({"groups": True}, "groups: expected a positive integer, but got True"),
        ({"groups": 2, "outputs": 3}, "outputs: expected a multiple of 2 groups, but got 3"),
        ({"groups": 3, "outputs": 3}, "inputs: expected a multiple of 3 groups, but got 4"),
        ({"kernel": ()}, "kernel: expected a tuple of some integers"),
        ({"kernel": (3,)}, r"input_size: expected a tuple of 1 integers, but got \(5, 5\)"),
        ({"output_size": [5, 5]}, r"output_size: expected a tuple of 2 integers, but got \[5, 5\]"),
        ({"output_size": (5, 0)}, "output_size: expected a positive integer, but got 0"),
    ],
)
def test_malformed_convolution(arguments: dict[str, Any], message: str) -> None:
    good = {"name": "a", "inputs": 4, "outputs": 4, "kernel": (3, 3), "input_size": (5, 5), "output_size": (5, 5)}
    with pytest.raises(pock.ArgumentError, match=message):
        Conv(**(good | arguments))


def test_malformed_description() -> None:
    with pytest.raises(pock.ArgumentError, match="expected at least one convolution"):
        Backbone(())
    with pytest.raises(pock.ArgumentError, match="linear layer 'd': inputs: expected a positive integer"):
        Linear("d", 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1,), "biases: expected a number of convolutions, but got -1"),
        ((True,), "biases: expected a number of convolutions, but got True"),
        ((1, [2]), r"weights: expected a mapping of indices to fractions, but got \[2\]"),
        ((1, {"a": 1}), "weights: expected the index of a convolution, but got 'a'"),
        ((1, {0: 2}), r"the fraction of convolution 0 must be in \[0, 1\], but got 2"),
        ((1, {0: float("nan")}), r"must be in \[0, 1\], but got nan"),
        ((1, {0: True}), r"must be in \[0, 1\], but got True"),
    ],
)
def test_malformed_update(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(pock.SchemeError, match=message):
        SparseUpdate(*arguments)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (SparseUpdate(4), "biases: the backbone has 3 convolutions, but got 4"),
        (SparseUpdate(3, {3: 1}), "weights: there are convolutions 0 to 2, but got 3"),
        (SparseUpdate(3, {-1: 1}), "there are convolutions 0 to 2, but got -1"),
        (SparseUpdate(2, {0: 1}), r"convolution 0 \('a'\) trains, but only the last 2 of 3 biases do"),
        (SparseUpdate(3, {2: HALF}), r"convolution 2 \('c'\) has 2 groups: it trains whole or not, but got 0.5"),
        (SparseUpdate(3, {0: EIGHTH}), r"convolution 0 \('a'\): 0.125 of 4 input channels is none"),
    ],
)
def test_update_that_does_not_fit(update: SparseUpdate, message: str) -> None:
    for function in (estimate, to_scheme):
        with pytest.raises(pock.SchemeError, match=message):
            function(SMALL, update)


# Schemes ------------------------------------------------------------------------------


def test_scheme_means_the_channels_that_are_counted() -> None:
    conv = Conv("a", 10, 4, (1, 1), (2, 2), (2, 2), weight="a.weight", bias="a.bias")
    backbone = Backbone((conv,), (Linear("b", 4, "b.weight"),))
    assert to_scheme(backbone, SparseUpdate(1, {0: 0.29})) == pock.Scheme(
        {"a.bias": 1.0, "a.weight": 0.2, "b.weight": 1.0}
    )
    assert to_scheme(backbone, SparseUpdate(1, {0: 0}, classifier=False)) == pock.Scheme({"a.bias": 1.0})


def test_scheme_needs_parameters() -> None:
    with pytest.raises(pock.SchemeError, match=r"the bias of convolution 1 \('b'\) trains, but the description has no"):
        to_scheme(SMALL, SparseUpdate(2))
    conv = Conv("a", 4, 4, (1, 1), (2, 2), (2, 2), bias="a.bias")
    with pytest.raises(pock.SchemeError, match=r"the weight of convolution 0 \('a'\) trains"):
        to_scheme(Backbone((conv,)), SparseUpdate(1, {0: 1}))
