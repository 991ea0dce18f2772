"""Networks whose output is a picture: U-Net for segmentation, U-Net for diffusion, a variational autoencoder."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from .case import Case, Indices, Normal, architecture


class UNet(nn.Module):
    """Two levels; up by transposed convolution or by nearest upsampling.

    Args:
        transposed: how it goes up.
        classes: of each pixel.
        widths: channels of the two levels and of the bottom.
        channels: of the input.
    """

    def __init__(
        self, transposed: bool, classes: int = 3, widths: tuple[int, int, int] = (8, 12, 20), channels: int = 2
    ) -> None:
        super().__init__()
        first, second, bottom = widths
        self.down1, self.down2 = self.unit(channels, first), self.unit(first, second)
        self.bottom = self.unit(second, bottom)
        self.up2, self.up1 = (self.up(bottom, second, transposed), self.up(second, first, transposed))
        self.join2, self.join1 = self.unit(2 * second, second), self.unit(2 * first, first)
        self.out = nn.Conv2d(first, classes, 1)

    @staticmethod
    def unit(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU())

    @staticmethod
    def up(inputs: int, outputs: int, transposed: bool) -> nn.Module:
        if transposed:
            return nn.ConvTranspose2d(inputs, outputs, 3, 2, padding=1, output_padding=1)
        return nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = self.down1(x)
        second = self.down2(functional.max_pool2d(first, 2))
        bottom = self.bottom(functional.max_pool2d(second, 2))
        second = self.join2(torch.cat([self.up2(bottom), second], 1))
        return self.out(self.join1(torch.cat([self.up1(second), first], 1)))


@architecture(
    small={"widths": (8, 12, 20), "rows": 16, "columns": 20, "batch": 2},
    real={"widths": (32, 64, 128), "rows": 96, "columns": 96, "batch": 2},
)
def unet(widths: tuple[int, int, int], rows: int, columns: int, batch: int) -> Case:
    """U-Net for segmentation, up by transposed convolution."""
    inputs = (Normal((batch, 2, rows, columns)),)
    sparse = {"join?.*": 1.0, "up?.bias": 1.0, "out.*": 1.0}
    build = lambda: UNet(True, widths=widths)  # noqa: E731
    return Case(build, inputs, Indices((batch, rows, columns), 3), sparse, lr=0.05)


class ResidualUnit(nn.Module):
    """Group norm, SiLU and convolution twice; the time is added between."""

    def __init__(self, inputs: int, outputs: int, time: int, groups: int = 4) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(time, outputs)
        self.norm2, self.conv2 = nn.GroupNorm(groups, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        y = self.conv1(functional.silu(self.norm1(x))) + self.time(functional.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(functional.silu(self.norm2(y)))


class PixelAttention(nn.Module):
    """Self-attention over all pixels."""

    def __init__(self, channels: int, groups: int = 4) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=-1)
        y = functional.scaled_dot_product_attention(q, k, v)
        return x + self.out(y.transpose(1, 2).reshape(x.shape))


class DiffusionUNet(nn.Module):
    """Predicts the noise in a picture at a time, which it takes as sines and cosines."""

    def __init__(self, width: int, channels: int = 3) -> None:
        super().__init__()
        self.width = width
        time = 4 * width
        self.time = nn.Sequential(nn.Linear(width, time), nn.SiLU(), nn.Linear(time, time))
        self.enter = nn.Conv2d(channels, width, 3, padding=1)
        self.down1, self.shrink = ResidualUnit(width, width, time), nn.Conv2d(width, width, 3, 2, 1)
        self.down2 = ResidualUnit(width, 2 * width, time)
        self.middle, self.attention = ResidualUnit(2 * width, 2 * width, time), PixelAttention(2 * width)
        self.up2 = ResidualUnit(4 * width, width, time)
        self.grow = nn.Conv2d(width, width, 3, padding=1)
        self.up1 = ResidualUnit(2 * width, width, time)
        self.norm, self.out = nn.GroupNorm(4, width), nn.Conv2d(width, channels, 3, padding=1)

    def embedding(self, time: torch.Tensor) -> torch.Tensor:
        half = self.width // 2
        rates = torch.exp(-math.log(10000.0) * torch.arange(half) / half)
        angles = time[:, None].float() * rates
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        emb = self.time(self.embedding(time))
        first = self.down1(self.enter(x), emb)
        second = self.down2(self.shrink(first), emb)
        y = self.attention(self.middle(second, emb))
        y = self.up2(torch.cat([y, second], 1), emb)
        y = self.grow(functional.interpolate(y, scale_factor=2.0, mode="nearest"))
        return self.out(functional.silu(self.norm(self.up1(torch.cat([y, first], 1), emb))))


@architecture(small={"width": 8, "pixels": 8, "batch": 2}, real={"width": 64, "pixels": 32, "batch": 4})
def diffusion(width: int, pixels: int, batch: int) -> Case:
    """The network of a diffusion model; the loss is the squared error of the noise."""
    picture = Normal((batch, 3, pixels, pixels))
    sparse = {"up?.*bias": 1.0, "up?.conv1.weight": 1.0, "attention.qkv.*": 1.0, "out.*": 1.0}
    inputs = (picture, Indices((batch,), 1000))
    return Case(lambda: DiffusionUNet(width), inputs, picture, sparse, "mse", lr=0.02)


class Vae(nn.Module):
    """A variational autoencoder; the noise is an input, so that it is repeatable."""

    def __init__(self, features: int, width: int, latent: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(features, width), nn.Softplus(), nn.Linear(width, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, width), nn.ELU(), nn.Linear(width, features))

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return self.decoder(mean + noise * torch.exp(0.5 * log_variance)), mean, log_variance


def elbo(output: tuple[torch.Tensor, torch.Tensor, torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """Squared error of the decoded target [batch, features], and the distance of the code from noise."""
    decoded, mean, log_variance = output
    distance = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(1).mean()
    return functional.mse_loss(decoded, target) + 0.1 * distance


@architecture(
    small={"features": 12, "width": 16, "latent": 4, "batch": 4},
    real={"features": 784, "width": 400, "latent": 20, "batch": 32},
)
def vae(features: int, width: int, latent: int, batch: int) -> Case:
    """A variational autoencoder with a loss of three outputs."""
    inputs = (Normal((batch, features)), Normal((batch, latent)))
    build = lambda: Vae(features, width, latent)  # noqa: E731
    return Case(build, inputs, Normal((batch, features)), {"decoder.*": 1.0, "encoder.*bias": 1.0}, elbo)
