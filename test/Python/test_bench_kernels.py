"""A tiny case of every class of kernels computes what PyTorch computes."""

from __future__ import annotations

from typing import Any

import kernels
import pytest
import torch
from click.testing import CliRunner

pytest.importorskip("pockmlir._core")

from kernel_cases import CASES, Case
from kernel_cases.measure import Kernel, Mismatch, Result, check

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = [case for case in CASES if case.tiny]


def test_every_class_has_a_tiny_case():
    assert {case.name for case in TINY} == {case.name for case in CASES}


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.name} {case.shape}") for case in TINY])
def test_the_kernel_computes_what_pytorch_computes(case: Case):
    torch.manual_seed(0)
    work: Any = case.build()
    assert check(work, Kernel(work)) < 1e-4


def test_another_result_is_a_mismatch():
    work: Any = TINY[0].build()
    kernel = Kernel(work)
    work.torch = lambda: torch.zeros(work.program.outputs[0].shape)
    with pytest.raises(Mismatch, match="result 0: off by"):
        check(work, kernel)


def test_rows_say_what_went_wrong_and_means_leave_it_out():
    results = [
        Result("a", "1", ours=1e-6, torch=2e-6, ratio=2.0),
        Result("a", "2", ours=1e-6, torch=8e-6, ratio=8.0),
        Result("b", "1", failure="result 0: off by 1.0e+00 of the largest entry"),
    ]
    assert kernels.row(results[2])[-1].startswith("result 0")
    assert kernels.means(results) == pytest.approx({"a": 4.0, "all": 4.0})


def test_an_unknown_class_is_an_error_that_names_the_known_ones():
    # What the command sets is the process's; the runner puts back what it is given.
    result = CliRunner(env={"OMP_NUM_THREADS": "1"}).invoke(kernels.main, ["--class", "nope"])
    assert result.exit_code == 2
    assert "conv3x3/dw" in result.output
