"""The garbage collector runs rarely while a step is compiled, and as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pockmlir as pock
import pytest
import torch
from pockmlir.support.collection import collecting_rarely
from torch import nn


@pytest.fixture
def threshold() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(500, 7, 9)
    yield 500, 7, 9
    gc.set_threshold(*before)


def test_compiling_collects_rarely_and_restores_the_threshold(threshold: tuple[int, int, int]) -> None:
    found = []
    pock.compile(
        nn.Linear(2, 2), (torch.zeros(1, 2),), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(),
        cache=False, on_stage=lambda _: found.append(gc.get_threshold()[0]),
    )  # fmt: skip
    assert len(found) > 3
    assert min(found) > 10_000
    assert gc.get_threshold() == threshold


def test_an_error_restores_the_threshold(threshold: tuple[int, int, int]) -> None:
    with pytest.raises(pock.ArgumentError):
        pock.compile(nn.Linear(2, 2), 1.0, loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    assert gc.get_threshold() == threshold


@pytest.mark.parametrize("first", [0, 1_000_000])
def test_a_program_that_collects_more_rarely_keeps_its_setting(threshold: tuple[int, int, int], first: int) -> None:
    gc.set_threshold(first)
    with collecting_rarely():
        assert gc.get_threshold()[0] == first
    assert gc.get_threshold()[0] == first
