"""Every converter, by family: which ops a small use of it becomes (`frontend_cases.py`)."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from frontend_cases import FAMILIES, Family
from frontend_ir import count, verify
from pockmlir.errors import UnsupportedOpsError
from pockmlir.frontend import import_model
from pockmlir.frontend.decompositions import DECOMPOSED
from pockmlir.frontend.registry import CONVERTERS
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


@pytest.fixture(scope="module")
def used() -> set[str]:
    """Names of the converters that ran so far."""
    return set()


@pytest.fixture(autouse=True)
def _record(monkeypatch: pytest.MonkeyPatch, used: set[str]) -> None:
    for name, converter in list(CONVERTERS.items()):

        def recording(builder, *args, _name=name, _converter=converter):
            used.add(_name)
            return _converter(builder, *args)

        monkeypatch.setitem(CONVERTERS, name, recording)


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name: str, tmp_path) -> None:
    cases = FAMILIES[name]
    result = import_model(Total(Family(cases)), (torch.zeros(1),), None)
    verify(result.ir, tmp_path)
    for case in cases:
        counts = count(result.ir, "loss", f"family.cases.{case.name}")
        for ignored in IGNORED:
            counts.pop(ignored, None)
        assert counts == expected(case.ops), case.name


def test_batch_norm_module_in_training(tmp_path) -> None:
    result = import_model(nn.BatchNorm1d(4, momentum=0.25), (torch.randn(5, 4),), "mse")
    verify(result.ir, tmp_path)
    counts = count(result.ir, "loss")
    assert counts["batch_norm_train"] == 1
    assert counts["store_param"] == 3
    # variance * 5/4 is unbiased; momentum mixes both statistics.
    assert [counts["mul"], counts["add"]] == [5, 3]
    assert "dense<1.250000e+00> : tensor<f32>" in result.ir
    assert count(result.ir, "predict")["batch_norm"] == 1


@pytest.mark.parametrize(
    ("model", "shape", "operator"),
    [
        (nn.Conv3d(1, 1, 2), (1, 1, 3, 3, 3), "aten.conv3d"),
        (nn.Conv3d(1, 1, 2, padding="same"), (1, 1, 3, 3, 3), "aten.conv3d.padding"),
        (nn.ConvTranspose3d(1, 1, 2), (1, 1, 3, 3, 3), "aten.conv_transpose3d.input"),
        (nn.Dropout(0.5), (2, 4), "aten.native_dropout"),
        (nn.ReflectionPad1d(1), (2, 4, 4), "aten.pad"),
        (nn.ConvTranspose1d(4, 4, 3, output_padding=1, dilation=2), (2, 4, 4), "aten.conv_transpose1d"),
        (nn.AdaptiveMaxPool1d(3), (2, 4, 4), "aten.adaptive_max_pool1d"),
    ],
)
def test_unsupported_uses(model: nn.Module, shape: tuple[int, ...], operator: str) -> None:
    with pytest.raises(UnsupportedOpsError) as caught:
        import_model(model, (torch.zeros(shape),), "mse")
    assert {op.op for op in caught.value.ops} == {operator}
    assert all(op.reason for op in caught.value.ops)


def test_every_converter_ran(used: set[str]) -> None:
    if len(used) < len(CONVERTERS) // 2:
        pytest.skip("only part of this file ran")
    assert sorted(set(CONVERTERS) - used) == []


def test_decomposed_operators_have_no_converter() -> None:
    names = {str(op).removesuffix(".default") for op in DECOMPOSED}
    assert names & set(CONVERTERS) == set()
