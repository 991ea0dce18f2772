"""`Case`: a model at one size with its data, its loss and its sparse scheme; and the registry of cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

__all__ = [
    "ARCHITECTURES",
    "SCHEMES",
    "Architecture",
    "Case",
    "Indices",
    "Loss",
    "Normal",
    "architecture",
    "transformer_scheme",
]

#: Names of the schemes of every case.
SCHEMES = ("full", "sparse")

Loss = str | Callable[[Any, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Normal:
    """A float tensor of normally distributed entries."""

    shape: tuple[int, ...]

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        return torch.randn(*self.shape, generator=generator)


@dataclass(frozen=True)
class Indices:
    """An int64 tensor of tokens or classes in [low, high)."""

    shape: tuple[int, ...]
    high: int
    low: int = 0

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        return torch.randint(self.low, self.high, self.shape, generator=generator)


@dataclass(frozen=True)
class Mask:
    """An int64 mask of sequences of different lengths, 1 for a token: [batch, length]."""

    shape: tuple[int, int]

    def draw(self, generator: torch.Generator) -> torch.Tensor:
        batch, length = self.shape
        ends = torch.randint(length // 2, length + 1, (batch, 1), generator=generator)
        return (torch.arange(length) < ends).long()


Data = Normal | Indices | Mask


@dataclass(frozen=True)
class Case:
    """A model at one size, with its data, loss and sparse scheme.

    Attributes:
        build: makes the model; its initial values follow the global seed.
        inputs: the inputs of the model, by position.
        target: the target of the loss.
        sparse: the sparse scheme, by globs over parameter names.
        loss: as for ``pockmlir.compile``.
        unused: parameters that the loss does not depend on, frozen in every scheme.
        frozen_norm: whether batch norm is in inference mode, with statistics of some batches. Deep networks whose
            batch norm sees few entries have exploding gradients, for which float32 is meaningless.
        lr: a rate at which five steps of SGD with momentum 0.9 change every parameter noticeably, and stably.
    """

    build: Callable[[], nn.Module]
    inputs: tuple[Data, ...]
    target: Data
    sparse: Mapping[str, float]
    loss: Loss = "cross_entropy"
    unused: tuple[str, ...] = ()
    frozen_norm: bool = False
    lr: float = 0.01

    def scheme(self, name: str) -> dict[str, float]:
        """Return the scheme ``full`` or ``sparse``, by globs over parameter names."""
        return dict(self.sparse) if name == "sparse" else {"*": 1.0} | dict.fromkeys(self.unused, 0.0)

    def model(self) -> nn.Module:
        """Return the model in training mode; its parameters are the same in every call.

        Parameters that start constant get some noise, because a bias of zeros is a poor measure of errors,
        and equal scales hide exchanged channels.
        """
        torch.manual_seed(0)
        model = self.build()
        with torch.no_grad():
            for value in model.parameters():
                if value.numel() > 1 and (value == value.flatten()[0]).all():
                    value += 0.1 * torch.randn_like(value)
        model.train()
        if self.frozen_norm:
            norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
            for norm in norms:
                norm.momentum = 0.1  # of PyTorch; gentler than statistics that fit
            with torch.no_grad():
                for seed in range(1000, 1008):
                    model(*self.batch(seed)[0])
            for norm in norms:
                norm.eval()
        return model

    def batch(self, seed: int) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        """Return the inputs and the target of one step."""
        generator = torch.Generator().manual_seed(seed)
        return tuple(data.draw(generator) for data in self.inputs), self.target.draw(generator)


@dataclass(frozen=True)
class Architecture:
    """A family of models.

    Attributes:
        case: makes a case of the family.
        sizes: name of a size → the arguments of `case`; ``small`` compiles in seconds, ``real`` is what people train.
    """

    case: Callable[..., Case]
    sizes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def at(self, size: str, **changes: Any) -> Case:
        """Return the case of a size; `changes` override arguments."""
        return self.case(**{**self.sizes[size], **changes})


ARCHITECTURES: dict[str, Architecture] = {}


def architecture(**sizes: Mapping[str, Any]) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    """Register a function that makes cases, under its name with dashes, at the given sizes."""

    def register(case: Callable[..., Case]) -> Callable[..., Case]:
        ARCHITECTURES[case.__name__.replace("_", "-")] = Architecture(case, sizes)
        return case

    return register


def transformer_scheme(block: str, count: int, weights: Sequence[str], *heads: str) -> dict[str, float]:
    """Return PockEngine's scheme for transformers.

    The biases of the last half of the blocks, attention and first feed-forward weights of the last third, and
    the head: six and four of BERT's twelve blocks.

    Args:
        block: glob of one block's parameters up to its index, such as ``*.layer.``.
        count: the number of blocks of the model.
        weights: globs of the weights to train, below the block.
        heads: globs of the parameters after the blocks.
    """
    biases = {f"{block}{index}.*bias": 1.0 for index in range(count - max(1, count // 2), count)}
    last = range(count - max(1, count // 3), count)
    return (
        biases | {f"{block}{index}.{weight}": 1.0 for index in last for weight in weights} | dict.fromkeys(heads, 1.0)
    )
