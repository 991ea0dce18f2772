"""TrashNet with a small vision transformer, which is trained in float32 on half of the training photos first."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pockmlir as pock
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .photos import TEST, TRAINING, VALIDATION, Photos
from .task import Examples, Task, per_group

__all__ = ["ViT", "build", "pretrain"]

SIZE, WIDTH, DEPTH, HEADS, CLASSES = 64, 96, 4, 3, 6
PER_CLASS = 60
EPOCHS, BATCH, RATE = 40, 16, 1e-3


class Block(nn.Module):
    """Attention and feed-forward layers, each behind a layer normalisation (arXiv 2010.11929)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    """A transformer on 8x8 patches, which three convolutions embed (arXiv 2106.14881): few photos train those, too."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, WIDTH)
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.patches = nn.Sequential(*layers[:-1])
        self.positions = nn.Parameter(0.02 * torch.randn(1, (SIZE // 8) ** 2, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(DEPTH)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(x)).mean(1))


def build(folder: Path) -> Task:
    """Read the photos, and train the network on half of those for training; seeds draw from the others."""
    photos = Photos.load(folder, SIZE)

    def examples(split: int) -> Examples:
        images, labels = photos.of(split)
        return Examples(((images.transpose(0, 3, 1, 2) / np.float32(128)).astype(np.float32),), labels)

    training = examples(TRAINING)
    order = np.random.default_rng(0).permutation(len(training))
    seen, unseen = (training.at(half) for half in np.array_split(order, 2))
    model = pretrain(seen)
    return Task(
        title=f"TrashNet, ViT of {DEPTH} blocks of {WIDTH}, {SIZE} px, {PER_CLASS} new photos per class",
        model=model,
        quantized=pock.quantize(model, [torch.from_numpy(seen.inputs[0][:128])], head="float32", percentile=100),
        scheme=scheme(),
        head="head",
        training=unseen,
        draw=lambda random: per_group(unseen.labels, PER_CLASS, random),
        validation=examples(VALIDATION),
        test=examples(TEST),
        batch=BATCH,
        epochs=10,
        rates=(3e-4, 1e-3, 3e-3),
    )


def pretrain(examples: Examples, epochs: int = EPOCHS) -> ViT:
    """Train on flipped, shifted and tinted photos with AdamW in PyTorch; always with the same result."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ViT()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    images, labels = torch.from_numpy(examples.inputs[0]), torch.from_numpy(examples.labels)
    for epoch in range(epochs):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs)) * min(1.0, (epoch + 1) / 5)
        optimizer.param_groups[0]["lr"] = float(rate)
        for chosen in torch.randperm(len(labels), generator=generator).split(BATCH):
            logits = model(augmented(images[chosen], generator))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return a batch of photos, flipped and shifted together, with brightness and tint of each."""
    flips = [dim for dim in (2, 3) if torch.rand((), generator=generator) < 0.5]
    x = x.flip(flips)
    if torch.rand((), generator=generator) < 0.5:
        x = x.transpose(2, 3)
    row, column = torch.randint(17, (2,), generator=generator).tolist()
    x = F.pad(x, (8, 8, 8, 8), mode="reflect")[:, :, row : row + SIZE, column : column + SIZE]
    contrast = 0.85 + 0.3 * torch.rand(len(x), 1, 1, 1, generator=generator)
    return x * contrast + 0.3 * (torch.rand(len(x), 3, 1, 1, generator=generator) - 0.5)


def scheme() -> pock.Scheme:
    """Biases of the last half of the blocks, attention and first feed-forward weights of the last one, the classifier."""
    entries = {f"blocks.{block}.*bias": 1.0 for block in range(DEPTH // 2, DEPTH)}
    for layer in ("qkv", "out", "fc1"):
        entries[f"blocks.{DEPTH - 1}.{layer}.weight"] = 1.0
    return pock.Scheme(entries | {"head.*": 1.0})
