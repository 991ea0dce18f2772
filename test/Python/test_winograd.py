"""Winograd's algorithm computes what direct convolutions do, for every size and padding."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("pockmlir._core")

from kernel_cases.case import Work, nchw, nhwc
from kernel_cases.convolution import FUSED, Conv
from kernel_cases.measure import Kernel, check
from kernel_cases.program import Program, window

pytestmark = pytest.mark.usefixtures("one_thread")

Shape = tuple[int, ...]


class Convolution:
    """A 3x3 convolution of float64 tensors and its gradients, and the same by our kernels."""

    def __init__(self, batch: int, height: int, width: int, channels: int, filters: int, padding: int) -> None:
        torch.manual_seed(0)
        self.padding = padding
        self.x = nchw(batch, channels, height, width)
        self.w = nchw(filters, channels, 3, 3)
        self.g = nchw(batch, filters, height + 2 * padding - 2, width + 2 * padding - 2)

    def expected(self, kind: str) -> torch.Tensor:
        """Return PyTorch's result in float64, [N, H, W, C] or [H, W, C, F]."""
        x, w, g = (t.double() for t in (self.x, self.w, self.g))
        if kind == "conv":
            return nhwc(torch.conv2d(x, w, padding=self.padding))
        if kind == "conv_transpose":
            return nhwc(torch.conv_transpose2d(g, w, padding=self.padding))
        weight: torch.Tensor = torch.nn.grad.conv2d_weight(x, w.shape, g, padding=self.padding)
        return weight.permute(2, 3, 1, 0)

    def error(self, kind: str, winograd: str) -> float:
        """Return the largest error of our kernel relative to the largest entry."""
        x, w, g = nhwc(self.x), self.w.permute(2, 3, 1, 0), nhwc(self.g)
        inputs = {"conv": [x, w], "conv_transpose": [g, w], "conv_weight_grad": [x, g]}[kind]
        expected = self.expected(kind).numpy()
        program = Program()
        values = [program.input(*tensor.shape) for tensor in inputs]
        program.output(program.op(kind, *values, shape=expected.shape, attrs=window(1, self.padding)))
        kernel: Any = Kernel(Work(program, inputs, lambda: None, winograd=winograd))
        kernel()
        return float(np.abs(kernel.results[0] - expected).max() / np.abs(expected).max())


KINDS = ["conv", "conv_transpose", "conv_weight_grad"]
#: batch, height, width, channels, filters: even and odd, one tile, few and odd channels.
SIZES = [(1, 4, 4, 16, 16), (2, 7, 9, 16, 32), (3, 8, 5, 3, 24), (5, 6, 6, 20, 7), (4, 3, 3, 16, 16)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_tiles_give_the_convolution(size: Shape, padding: int, kind: str):
    assert Convolution(*size, padding).error(kind, "always") < 2e-6


@pytest.mark.parametrize(
    ("size", "kind"),
    # Blocks of rows, of images, and rows that do not fill the last block.
    [*itertools.product([(2, 56, 56, 64, 64), (4, 14, 14, 128, 128)], KINDS), ((1, 55, 56, 64, 64), "conv")],
)
def test_rounding_errors_are_like_those_of_direct_loops(size: Shape, kind: str):
    convolution = Convolution(*size, 1)
    assert convolution.error(kind, "always") < 2 * convolution.error(kind, "never")


@pytest.mark.parametrize(("name", "build"), FUSED, ids=[name for name, _ in FUSED])
@pytest.mark.parametrize(
    ("batch", "size", "channels"),
    # One block, images one by one; blocks of images; rows; parts of a filter; an image that is cropped.
    [(8, 14, 128), (32, 8, 64), (2, 56, 64), (4, 4, 512), (3, 7, 32)],
)
def test_what_follows_runs_on_every_block(batch: int, size: int, channels: int, name: str, build: Any):
    torch.manual_seed(0)
    work: Any = build(Conv(batch, size, channels, channels, 3, algorithm="-winograd"))
    assert check(work, Kernel(work)) < 2e-5
