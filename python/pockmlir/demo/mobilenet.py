"""MobileNetV2 for small pictures, in plain PyTorch."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["InvertedResidual", "MobileNetV2"]


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of the divisor, losing at most a tenth, as the paper's authors do."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


class ConvNorm(nn.Sequential):
    """A convolution with batch norm and, unless told otherwise, relu6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, active: bool = True
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        if active:
            self.act = nn.ReLU6()


class InvertedResidual(nn.Module):
    """Expand, convolve each channel by itself, project; add the input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = ConvNorm(inputs, width) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(width, width, 3, stride, groups=width)
        self.project = ConvNorm(width, outputs, active=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """The paper's 17 blocks; pictures of 32 pixels are made smaller 16 times, not 32 times.

    Args:
        classes: outputs of the classifier.
        width: factor of all channel counts.
        last: channels before the classifier; the paper has 1280.
    """

    #: Expansion, channels, blocks, stride of the first.
    STAGES = (
        (1, 16, 1, 1),
        (6, 24, 2, 1),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self, classes: int = 10, width: float = 0.35, last: int = 320) -> None:
        super().__init__()
        channels = round_channels(32 * width)
        self.stem = ConvNorm(1, channels, 3, 2)
        self.blocks = nn.Sequential()
        for expansion, outputs, count, stride in self.STAGES:
            for index in range(count):
                block = InvertedResidual(channels, round_channels(outputs * width), 1 if index else stride, expansion)
                self.blocks.append(block)
                channels = round_channels(outputs * width)
        self.head = ConvNorm(channels, last)
        self.classifier = nn.Linear(last, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.classifier(self.head(self.blocks(self.stem(x))).mean((2, 3)))
