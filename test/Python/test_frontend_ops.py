"""Every converter, by family: which ops a small use of it becomes (`frontend_cases.py`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
import torch
from frontend_cases import FAMILIES, Family
from frontend_ir import count, ops, verify
from pockmlir.errors import UnsupportedOpsError
from pockmlir.frontends.torch.decompositions import DECOMPOSED
from pockmlir.frontends.torch.importer import import_model
from pockmlir.frontends.torch.registry import CONVERTERS
from torch import nn

#: Left out of the counts: where operands come from.
IGNORED = ("load_param", "constant", "func.return")


class Total(nn.Module):
    """The loss of a family: every floating-point result counts."""

    def __init__(self, family: Family) -> None:
        super().__init__()
        self.family = family

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum()
        for result in self.family(x):
            for part in result if isinstance(result, list | tuple) else [result]:
                total = total + part.float().sum()
        return total


def expected(text: str) -> Counter[str]:
    pairs = (item.partition("*") for item in text.split())
    return Counter({name: int(number or 1) for name, _, number in pairs})


def mismatches(name: str, tmp_path: Path) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Import a family; return found and expected ops of the cases where they differ."""
    result = import_model(Total(Family(FAMILIES[name])), (torch.zeros(1),), None)
    verify(result.ir, tmp_path)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for op, path, _ in ops(result.ir, "loss"):
        if path.startswith("family.cases.") and op not in IGNORED:
            found[path.split(".")[2]][op] += 1
    pairs = {case.name: (found[case.name], expected(case.ops)) for case in FAMILIES[name]}
    return {case: pair for case, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("name", FAMILIES)
def test_ops_of_small_uses(name: str, tmp_path: Path) -> None:
    assert mismatches(name, tmp_path) == {}


def test_batch_norm_module_in_training(tmp_path) -> None:
    result = import_model(nn.BatchNorm1d(4, momentum=0.25), (torch.randn(5, 4),), "mse")
    verify(result.ir, tmp_path)
    counts = count(result.ir, "loss")
    assert counts["batch_norm_train"] == 1
    assert counts["store_param"] == 3
    # variance * 5/4 is unbiased; momentum mixes both statistics.
    assert [counts["mul"], counts["add"]] == [5, 3]
    assert "dense<1.25> : tensor<f32>" in result.ir
    assert count(result.ir, "predict")["batch_norm"] == 1


@pytest.mark.parametrize(
    ("model", "shape", "operator"),
    [
        (nn.Conv3d(1, 1, 2), (1, 1, 3, 3, 3), "aten.conv3d"),
        (nn.Conv3d(1, 1, 2, padding="same"), (1, 1, 3, 3, 3), "aten.conv3d.padding"),
        (nn.ConvTranspose3d(1, 1, 2), (1, 1, 3, 3, 3), "aten.conv_transpose3d.input"),
        (nn.ConvTranspose1d(4, 4, 3, output_padding=1, dilation=2), (2, 4, 4), "aten.conv_transpose1d"),
        (nn.RReLU(), (2, 4), "aten.rrelu"),
        (nn.MaxPool3d(2), (1, 1, 4, 4, 4), "aten.max_pool3d"),
    ],
)
def test_unsupported_uses(model: nn.Module, shape: tuple[int, ...], operator: str) -> None:
    with pytest.raises(UnsupportedOpsError) as caught:
        import_model(model, (torch.zeros(shape),), "mse")
    assert {op.op for op in caught.value.ops} == {operator}
    assert all(op.reason for op in caught.value.ops)


def test_decomposed_operators_have_no_converter() -> None:
    names = {str(op).removesuffix(".default") for op in DECOMPOSED}
    assert names & set(CONVERTERS) == set()
