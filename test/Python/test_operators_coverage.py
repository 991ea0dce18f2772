"""Every converter, and every decomposition that is listed, is used by a case with numbers or with ops."""

from __future__ import annotations

import frontend_cases
import pytest
import test_integers
import test_operators_math
import test_operators_nn
import test_operators_shape
import test_operators_sorting
import torch
from operator_cases import Batch
from pockmlir.frontends.torch import decompositions
from pockmlir.frontends.torch.decompositions import DECOMPOSED
from pockmlir.frontends.torch.registry import CONVERTERS, operator_name
from pockmlir.frontends.torch.substitutes import substituted

#: Uses of batch normalisation and dropout in training, refusals, and what other tests of the frontend are for.
TESTED_APART = {
    "aten._native_batch_norm_legit_functional",
    "aten.bernoulli",
    "aten.bernoulli.p",
    "aten.conv3d",
    "aten.conv3d.padding",
    "aten.conv_transpose3d.input",
    "aten.native_dropout",
    "pockmlir.custom_gradient",
    "pockmlir.set_gradients",
    *(name for name in CONVERTERS if name.startswith("quantized_decomposed.")),
}
#: Parts of other operators, and seen only inside them.
PARTS = {"aten._weight_norm_interface", "aten.count_nonzero.dim_IntList", "aten.grid_sampler_2d"}


def operators(model: torch.nn.Module) -> tuple[set[str], set[str]]:
    """The operators of a model before and after decomposition."""
    with substituted():
        exported = torch.export.export(model, (torch.zeros(1),))
    before = {operator_name(node.target) for node in exported.graph.nodes}
    after = exported.run_decompositions(dict(decompositions.decomposition_table()))
    return before, {operator_name(node.target) for node in after.graph.nodes}


@pytest.mark.slow
def test_every_converter_has_a_case() -> None:
    modules = (test_operators_math, test_operators_nn, test_operators_shape, test_operators_sorting)
    groups = [group for module in modules for group in module.GROUPS.values()]
    models = [Batch(group) for group in [*groups, test_integers.CASES]]
    models += [frontend_cases.Family(cases) for cases in frontend_cases.FAMILIES.values()]
    before, after = set(), set()
    for model in models:
        first, last = operators(model)
        before |= first
        after |= last
    assert set(CONVERTERS) - after == TESTED_APART
    assert {operator_name(op) for op in DECOMPOSED} - before == PARTS
