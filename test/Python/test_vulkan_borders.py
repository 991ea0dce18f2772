"""Windows that reach into a border, which has no memory on Vulkan."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from vulkan_cases import compiled, needs_device, require_steps_of_pytorch


class Scaled(nn.Module):
    """Scales the channels first, so that the gradient of the input is needed."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.scale, self.layer = nn.Parameter(torch.ones(1, 4, 1, 1)), layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x * self.scale)


@needs_device
@pytest.mark.parametrize(
    "pool",
    [nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 2, 1, count_include_pad=False)],
    ids=["maximum", "mean", "mean of entries"],
)
def test_pooling_with_a_border_at_special_points(pool: nn.Module) -> None:
    x = torch.randn(2, 4, 7, 5, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0, 0], x[0, 1], x[1, 2, 3, 3], x[1, 3] = torch.nan, -torch.inf, torch.inf, -0.0
    model = Scaled(pool)
    step = compiled(model, x, torch.zeros_like(model(x)))
    assert "pock.padded_view" in step.ir("plan")
    np.testing.assert_allclose(step.predict(x), model(x).detach().numpy(), rtol=1e-6)


@needs_device
@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, 2, 1, groups=4),
        nn.Conv2d(4, 4, 3, 1, 2, dilation=2, groups=4),
        nn.Conv2d(4, 6, 5, 2, 4),
        nn.Conv2d(4, 6, (1, 3), 1, (0, 1)),
        nn.Conv2d(4, 4, 4, padding="same"),
    ],
    ids=["depthwise", "dilated", "wide", "one dimension", "same"],
)
def test_convolutions_with_a_border_train(layer: nn.Module) -> None:
    model = Scaled(layer)
    x = torch.randn(2, 4, 7, 5)
    y = torch.randn_like(model(x))
    step = compiled(model, x, y)
    assert "pock.padded_view" in step.ir("plan")
    require_steps_of_pytorch(step, model, x, y)
