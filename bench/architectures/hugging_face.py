"""Helpers for models of `transformers`: building from a configuration, losses on their outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

__all__ = ["VOCABULARY", "classification_loss", "hugging_face", "token_loss"]

#: Small, for embeddings that are no larger than the rest.
VOCABULARY = 512


def hugging_face(model: str, /, **config: Any) -> Callable[[], nn.Module]:
    """Return a function that builds a model with random weights and without dropout.

    Args:
        model: the class's name in `transformers`, imported when the model is built.
        config: arguments of the model's configuration.
    """

    def build() -> nn.Module:
        import transformers

        cls = getattr(transformers, model)
        settings = cls.config_class(**config)
        for name, value in settings.to_dict().items():
            if isinstance(value, float) and ("dropout" in name or "pdrop" in name or "drop_path" in name):
                setattr(settings, name, 0.0)
        built: nn.Module = cls(settings)
        return built

    return build


def classification_loss(output: Any, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy of an output's logits [batch, classes]; target [batch]."""
    return functional.cross_entropy(output.logits, target)


def token_loss(output: Any, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy of each token's logits [batch, length, classes]; target [batch, length]."""
    return functional.cross_entropy(output.logits.flatten(0, 1), target.flatten())
