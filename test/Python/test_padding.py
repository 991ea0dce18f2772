"""Windows that reach beyond their input leave taps out; PyTorch, padding explicitly in float64, says what is right."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("pockmlir._core")

from kernel_cases.case import Work, nchw, nhwc
from kernel_cases.measure import Kernel
from kernel_cases.program import Program, array

KINDS = ["depthwise", "depthwise_dx", "sum_pool", "max_pool"]


@dataclass(frozen=True)
class Window:
    """A window over [batch, height, width, channels]; pairs are for height and width."""

    batch: int
    size: tuple[int, int]
    channels: int
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    low: tuple[int, int]
    high: tuple[int, int]

    @classmethod
    def random(cls, seed: int) -> Window:
        """Return one that pads, with at least one window in it."""
        choose = random.Random(seed)
        pair = lambda *values: (choose.choice(values), choose.choice(values))  # noqa: E731
        kernel, dilations = pair(1, 2, 3, 3, 5, 7), pair(1, 1, 1, 2)
        span = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
        low, high = (tuple(choose.randint(0, s) for s in span) for _ in range(2))
        shortest = [max(1, s + 1 - a - b) for s, a, b in zip(span, low, high, strict=True)]
        size = tuple(s + choose.randint(0, 12) for s in shortest)
        channels = choose.choice([1, 3, 16, 20, 48])
        return cls(choose.randint(1, 3), size, channels, kernel, pair(1, 1, 2, 3), dilations, low, high)  # type: ignore[arg-type]

    @property
    def out(self) -> tuple[int, int]:
        """The number of windows in each dimension."""
        every = zip(self.size, self.kernel, self.strides, self.dilations, self.low, self.high, strict=True)
        h, w = ((n + a + b - (k - 1) * d - 1) // s + 1 for n, k, s, d, a, b in every)
        return h, w

    @property
    def attributes(self) -> str:
        fields = {"strides": self.strides, "dilations": self.dilations, "pad_low": self.low, "pad_high": self.high}
        return ", ".join(f"{name} = {array(value)}" for name, value in fields.items()) + (
            ", layout = #pock.layout<channels_last>"
        )

    def pad(self, x: torch.Tensor, value: float = 0.0) -> torch.Tensor:
        return F.pad(x, (self.low[1], self.high[1], self.low[0], self.high[0]), value=value)

    def expected(self, kind: str, x: torch.Tensor, w: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        """Return PyTorch's result in float64."""
        x, w, g = x.double().requires_grad_(), w.double(), g.double()
        if kind == "max_pool":
            return F.max_pool2d(self.pad(x, -torch.inf), self.kernel, self.strides, 0, self.dilations)
        if kind == "sum_pool":
            w = torch.ones_like(w)
        y = F.conv2d(self.pad(x), w, None, self.strides, 0, self.dilations, self.channels)
        return torch.autograd.grad(y, x, g)[0] if kind == "depthwise_dx" else y

    def work(self, kind: str) -> tuple[Work, np.ndarray[Any, Any]]:
        """Return a program of one op, and its result."""
        torch.manual_seed(0)
        x, g = nchw(self.batch, self.channels, *self.size), nchw(self.batch, self.channels, *self.out)
        w = nchw(self.channels, 1, *self.kernel)
        expected = nhwc(self.expected(kind, x, w, g).detach()).numpy()
        program = Program()
        image = program.input(*nhwc(g if kind == "depthwise_dx" else x).shape)
        inputs, attributes = [nhwc(g if kind == "depthwise_dx" else x)], self.attributes
        if kind.startswith("depthwise"):
            inputs.append(w.permute(2, 3, 1, 0).contiguous())
            filters = program.input(*inputs[1].shape)
            op = "conv_transpose" if kind == "depthwise_dx" else "conv"
            attributes += f", groups = {self.channels} : i64" if self.channels > 1 else ""
            result = program.op(op, image, filters, shape=expected.shape, attrs=attributes)
        else:
            attributes += f", kernel = {array(self.kernel)}"
            result = program.op(kind, image, shape=expected.shape, attrs=attributes)
        program.output(result)
        return Work(program, inputs, lambda: None), expected


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(20))
def test_borders_add_nothing(seed: int, kind: str):
    work, expected = Window.random(seed).work(kind)
    kernel: Any = Kernel(work)
    kernel()
    np.testing.assert_allclose(kernel.results[0], expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("kind", ["depthwise", "depthwise_dx"])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_threads_divide_what_is_between_the_borders(strides: tuple[int, int], kind: str):
    window = Window(1, (61, 57), 48, (3, 3), strides, (1, 1), (1, 1), (1, 1))
    work, expected = window.work(kind)
    kernel: Any = Kernel(work)
    before, results = pock.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 5):
            pock.set_num_threads(threads)
            kernel.results[0][...] = np.nan
            kernel()
            results.append(kernel.results[0].copy())
    finally:
        pock.set_num_threads(before)
    np.testing.assert_allclose(results[0], expected, rtol=2e-5, atol=2e-5)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_weights_of_the_border_may_be_infinite():
    window = Window(1, (4, 4), 16, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    work, _ = window.work("depthwise")
    work.inputs[1][0] = torch.inf
    kernel: Any = Kernel(work)
    kernel()
    first_line = kernel.results[0][0, 0]
    assert np.isfinite(first_line).all()
