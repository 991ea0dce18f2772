"""A frozen depthwise convolution and what makes its input: one kernel, which holds few channels at a time."""

from __future__ import annotations

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn


def bottleneck(channels: int, stride: int, kernel: int = 3) -> nn.Sequential:
    torch.manual_seed(0)
    expansion = [nn.Conv2d(8, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU6()]
    depthwise = nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3)]
    model = nn.Sequential(*expansion, depthwise, nn.Hardswish(), *head)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return model.eval()


def compiled(model: nn.Module, x: torch.Tensor) -> pock.Step:
    return pock.compile(model, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.last(1))


@pytest.mark.parametrize(
    ("batch", "channels", "stride", "kernel"),
    [(1, 48, 1, 3), (1, 48, 2, 3), (2, 40, 1, 5), (3, 33, 2, 3)],
)
def test_results_are_those_of_the_layers(batch: int, channels: int, stride: int, kernel: int) -> None:
    model = bottleneck(channels, stride, kernel)
    x = torch.randn(batch, 8, 40, 36)
    step = compiled(model, x)
    assert "pock.channel_blocks" in step.ir("kernels")
    expected = model.double()(x.double()).detach().numpy()
    np.testing.assert_allclose(step.predict(x), expected, rtol=1e-5, atol=1e-5)


def test_the_expanded_activation_is_never_whole() -> None:
    x = torch.randn(1, 8, 64, 64)
    step = compiled(bottleneck(96, 2), x)
    expanded = 64 * 64 * 96 * 4
    result = 32 * 32 * 96 * 4
    image = 64 * 64 * 8 * 4
    # A quarter of it at most, whatever the length of a vector.
    assert step.memory.arena <= expanded // 4 + result + image + 4096


def test_what_trains_is_kept_whole() -> None:
    x = torch.randn(1, 8, 64, 64)
    model = bottleneck(48, 2)
    full = pock.compile(model, (x,), loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    assert full.memory.saved >= 64 * 64 * 48 * 4
