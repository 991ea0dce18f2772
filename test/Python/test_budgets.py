"""`pockmlir.budgets` reproduces the published budgets, and counts what it says it counts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pockmlir as pock
import pytest
import torch
from architectures.backbones import BACKBONES, PIXELS
from pockmlir.budgets import Backbone, Conv, Linear, SparseUpdate, describe, estimate, to_scheme
from torch import nn

EIGHTH, QUARTER, HALF = 1 / 8, 1 / 4, 1 / 2

#: Backbone and scheme → KB of weights and biases, saved inputs, masks, all; numbers of trained weights.
BUDGETS = {
    ("mbv2-w0.35", "49kb"): (34.1, 5.8, 9.9, 49.8, 22410),
    ("mbv2-w0.35", "73kb"): (52.6, 7.1, 14.2, 73.9, 39072),
    ("mbv2-w0.35", "99kb"): (70.9, 10.5, 18.0, 99.4, 55920),
    ("mbv2-w0.35", "123kb"): (89.4, 11.3, 22.9, 123.6, 72384),
    ("mbv2-w0.35", "138kb"): (99.4, 11.7, 27.1, 138.2, 81792),
    ("mcunet-5fps", "49kb"): (29.8, 3.9, 16.1, 49.8, 12096),
    ("mcunet-5fps", "74kb"): (47.3, 10.2, 17.3, 74.8, 29440),
    ("mcunet-5fps", "99kb"): (70.0, 12.2, 17.7, 99.8, 52480),
    ("mcunet-5fps", "124kb"): (93.5, 11.3, 20.2, 125.0, 75328),
    ("mcunet-5fps", "148kb"): (115.6, 13.9, 18.9, 148.4, 98560),
    ("proxyless-w0.3", "49kb"): (33.9, 5.2, 10.6, 49.7, 20736),
    ("proxyless-w0.3", "74kb"): (51.3, 8.6, 15.0, 74.9, 36288),
    ("proxyless-w0.3", "98kb"): (76.1, 9.8, 12.6, 98.5, 62976),
    ("proxyless-w0.3", "120kb"): (91.8, 11.6, 16.9, 120.2, 76800),
    ("proxyless-w0.3", "148kb"): (106.4, 12.1, 29.7, 148.2, 89088),
}

#: KB of: everything; all biases; the last 12, 20, 30 biases; all of the last 6 and 12 layers.
OTHERS = {
    "mbv2-w0.35": (1306.4, 134.2, 16.9, 28.8, 41.4, 129.5, 223.7),
    "mcunet-5fps": (1400.4, 121.3, 22.8, 34.2, 55.7, 276.3, 448.0),
    "proxyless-w0.3": (1210.7, 113.4, 15.3, 23.2, 32.6, 139.3, 266.4),
}

#: Convolutions, numbers in their weights and biases, inputs of the classifier, residual additions.
COUNTS = {
    "mbv2-w0.35": (51, 238_688, 5_760, 112, 10),
    "mcunet-5fps": (42, 463_216, 6_008, 160, 7),
    "proxyless-w0.3": (60, 320_816, 5_416, 96, 13),
}

#: Millions of multiply-adds: forward, full backward, and the backward of three schemes.
MACS = {
    "mbv2-w0.35": (16.65, 31.52, {"49kb": 4.69, "99kb": 7.87, "138kb": 9.94}),
    "mcunet-5fps": (22.45, 43.14, {"49kb": 9.92, "99kb": 12.29, "148kb": 13.44}),
    "proxyless-w0.3": (18.62, 35.47, {"49kb": 5.91, "98kb": 7.51, "148kb": 11.80}),
}


@pytest.fixture(scope="module")
def backbones() -> dict[str, Backbone]:
    x = torch.zeros(1, 3, PIXELS, PIXELS)
    return {name: describe(published.build(), x) for name, published in BACKBONES.items()}


def kb(count: int) -> float:
    return round(count / 1024, 1)


# The paper's figures ------------------------------------------------------------------


def test_all_published_schemes_are_compared() -> None:
    assert BUDGETS.keys() == {(name, scheme) for name, published in BACKBONES.items() for scheme in published.schemes}


@pytest.mark.parametrize(("name", "scheme"), BUDGETS)
def test_published_budget(backbones: dict[str, Backbone], name: str, scheme: str) -> None:
    cost = estimate(backbones[name], BACKBONES[name].schemes[scheme])
    found = (kb(cost.weights + cost.biases), kb(cost.inputs), kb(cost.masks), kb(cost.total), cost.weights)
    assert found == BUDGETS[name, scheme]


@pytest.mark.parametrize("name", BACKBONES)
def test_published_points(backbones: dict[str, Backbone], name: str) -> None:
    backbone = backbones[name]
    count = len(backbone.convs)
    updates = [SparseUpdate.full(backbone), *map(SparseUpdate, (count, 12, 20, 30))]
    updates += [SparseUpdate.last(backbone, n) for n in (6, 12)]
    assert tuple(kb(estimate(backbone, update).total) for update in updates) == OTHERS[name]


@pytest.mark.parametrize("name", BACKBONES)
def test_published_counts(backbones: dict[str, Backbone], name: str) -> None:
    backbone = backbones[name]
    weights = sum(conv.weight_elements for conv in backbone.convs)
    biases = sum(conv.outputs for conv in backbone.convs)
    (classifier,) = backbone.classifier
    model = BACKBONES[name].build()
    residuals = sum(block.residual for block in model.blocks)
    assert (len(backbone.convs), weights, biases, classifier.inputs, residuals) == COUNTS[name]
    assert weights == sum(module.weight.numel() for module in model.modules() if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize("name", BACKBONES)
def test_published_macs(backbones: dict[str, Backbone], name: str) -> None:
    backbone = backbones[name]
    forward, full, sparse = MACS[name]
    cost = estimate(backbone, SparseUpdate.full(backbone))
    # Some of the published digits are cut off, not rounded.
    assert cost.forward / 1e6 == pytest.approx(forward, abs=0.01)
    assert cost.backward / 1e6 == pytest.approx(full, abs=0.01)
    for scheme, backward in sparse.items():
        found = estimate(backbone, BACKBONES[name].schemes[scheme])
        assert found.forward == cost.forward
        assert found.backward / 1e6 == pytest.approx(backward, abs=0.01)


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


@pytest.mark.parametrize("code", ["pockmlir.cost", "__import__('pockmlir.cost').cost"])
def test_the_old_name_warns(code: str) -> None:
    program = f"import pockmlir; assert {code}.estimate is pockmlir.budgets.estimate"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count("FutureWarning: pockmlir.cost is now pockmlir.budgets") == 1


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


def resolved(model: nn.Module, scheme: pock.Scheme) -> dict[str, float]:
    infos = [pock.ParameterInfo(name, tuple(value.shape)) for name, value in model.named_parameters()]
    return {name: fraction for name, fraction in scheme.resolve(infos).items() if fraction}


def test_scheme_of_the_published_graph(backbones: dict[str, Backbone]) -> None:
    published = BACKBONES["mcunet-5fps"]
    fractions = resolved(published.build(), to_scheme(backbones["mcunet-5fps"], published.schemes["49kb"]))
    # The authors' compiled graph has 21 gradients of biases and 4 of weights: [240, 24], [192, 24], [144, 12].
    assert sum(name.endswith("bias") for name in fractions) == 21
    assert {name: fraction for name, fraction in fractions.items() if name.endswith("weight")} == {
        "blocks.8.pw1.conv.weight": QUARTER,
        "blocks.9.pw1.conv.weight": HALF,
        "blocks.10.pw1.conv.weight": HALF,
        "classifier.weight": 1.0,
    }
    assert "blocks.7.dw.bn.bias" in fractions
    assert "blocks.7.pw1.bn.bias" not in fractions


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


# Beside what is compiled --------------------------------------------------------------


@pytest.mark.slow
def test_compiled_step_trains_what_the_model_counts(backbones: dict[str, Backbone]) -> None:
    pytest.importorskip("pockmlir._core")
    from budgets import figures

    backbone, published = backbones["mcunet-5fps"], BACKBONES["mcunet-5fps"]
    model, update = published.build(), published.schemes["49kb"]
    cost, found = estimate(backbone, update), figures(model, backbone, update)
    classifier = sum(value.numel() for value in model.classifier.parameters())
    assert found["trained_elements"] == cost.weights + cost.biases // 4 + classifier
    assert found["modelled"]["total"] == cost.total
    # In float32 an input takes four bytes for one, a mask at least as much.
    assert found["compiled"]["saved"] >= 4 * cost.inputs
    assert found["compiled"]["arena"] >= found["compiled"]["saved"]
