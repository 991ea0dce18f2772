"""Networks without convolutions over pictures: MLP-Mixer, PointNet, a recommender."""

from __future__ import annotations

import torch
from torch import nn

from .case import Case, Indices, Normal, architecture

CLASSES = 10


class MixerBlock(nn.Module):
    """Mixes tokens, then channels."""

    def __init__(self, tokens: int, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.tokens = nn.Sequential(nn.Linear(tokens, width // 2), nn.GELU(), nn.Linear(width // 2, tokens))
        self.channels = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, width: int, layers: int, patch: int, pixels: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, patch, patch)
        self.blocks = nn.Sequential(*[MixerBlock((pixels // patch) ** 2, width) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.norm(self.blocks(self.embed(x).flatten(2).transpose(1, 2))).mean(1))


@architecture(
    small={"width": 16, "layers": 2, "patch": 8, "pixels": 32, "batch": 2},
    real={"width": 256, "layers": 8, "patch": 8, "pixels": 64, "batch": 8},
)
def mixer(width: int, layers: int, patch: int, pixels: int, batch: int) -> Case:
    """MLP-Mixer."""
    last = range(layers - max(1, layers // 2), layers)
    sparse = {f"blocks.{block}.*bias": 1.0 for block in last} | {f"blocks.{block}.*.0.weight": 1.0 for block in last}
    inputs = (Normal((batch, 3, pixels, pixels)),)
    build = lambda: Mixer(width, layers, patch, pixels)  # noqa: E731
    return Case(build, inputs, Indices((batch,), CLASSES), sparse | {"fc.*": 1.0})


class PointNet(nn.Module):
    """One network for each point, the largest of every feature, a classifier; the input is turned first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.turn = self.features(3, width)
        self.turn_fc = nn.Linear(2 * width, 9)
        self.points = self.features(3, width)
        self.fc = nn.Sequential(
            nn.Linear(2 * width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, CLASSES)
        )

    @staticmethod
    def features(inputs: int, width: int) -> nn.Module:
        first = (nn.Conv1d(inputs, width, 1), nn.BatchNorm1d(width), nn.ReLU())
        return nn.Sequential(*first, nn.Conv1d(width, 2 * width, 1), nn.BatchNorm1d(2 * width))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        turn = self.turn_fc(self.turn(points).max(dim=2)[0]).view(-1, 3, 3) + torch.eye(3)
        turned = torch.bmm(points.transpose(1, 2), turn).transpose(1, 2)
        return self.fc(self.points(turned).max(dim=2)[0])


@architecture(small={"width": 8, "points": 24, "batch": 4}, real={"width": 64, "points": 512, "batch": 8})
def pointnet(width: int, points: int, batch: int) -> Case:
    """PointNet."""
    sparse = {"points.3.*": 1.0, "points.*bias": 1.0, "fc.*": 1.0}
    return Case(lambda: PointNet(width), (Normal((batch, 3, points)),), Indices((batch,), CLASSES), sparse)


class Recommender(nn.Module):
    """DLRM: embeddings of categories and a network of numbers, their products, a network on top."""

    def __init__(self, rows: int, width: int, tables: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(rows, width) for _ in range(tables))
        self.bottom = nn.Sequential(nn.Linear(13, 4 * width), nn.ReLU(), nn.Linear(4 * width, width), nn.ReLU())
        pairs = (tables + 1) * tables // 2
        self.top = nn.Sequential(nn.Linear(width + pairs, 4 * width), nn.ReLU(), nn.Linear(4 * width, 1))
        self.register_buffer("pairs", torch.tril_indices(tables + 1, tables + 1, -1), persistent=False)

    def forward(self, numbers: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
        dense = self.bottom(numbers)
        parts = [dense, *[table(categories[:, index]) for index, table in enumerate(self.tables)]]
        features = torch.stack(parts, 1)
        products = torch.bmm(features, features.transpose(1, 2))
        return self.top(torch.cat([dense, products[:, self.pairs[0], self.pairs[1]]], 1)).squeeze(1)


@architecture(
    small={"rows": 20, "width": 4, "tables": 3, "batch": 6}, real={"rows": 1000, "width": 16, "tables": 26, "batch": 64}
)
def dlrm(rows: int, width: int, tables: int, batch: int) -> Case:
    """A recommender of DLRM's kind; squared error of a score."""
    inputs = (Normal((batch, 13)), Indices((batch, tables), rows))
    sparse = {"top.*": 1.0, "bottom.*bias": 1.0}
    return Case(lambda: Recommender(rows, width, tables), inputs, Normal((batch,)), sparse, "mse", lr=0.05)
