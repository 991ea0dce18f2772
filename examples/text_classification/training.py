"""Training of a BERT: as a compiled step, and in PyTorch with the same batches and schedule."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pockmlir as pock
import torch
from numpy.typing import NDArray
from pockmlir.demo.common import Bar, Recipe
from tokens import Batch, Tokens
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

__all__ = ["Architecture", "EagerStep", "compile_step", "predict", "train"]

_SEED = 0
_WARMUP = 0.1
_WEIGHT_DECAY = 0.01


@dataclass(frozen=True)
class Architecture:
    """The size of a BERT."""

    layers: int
    width: int
    heads: int
    length: int
    vocabulary: int

    def build(self, classes: int, body: Any = None) -> Any:
        """Return a classifier without dropout: random weights, and those of a pretrained body."""
        torch.manual_seed(_SEED)
        config = BertConfig(
            num_hidden_layers=self.layers,
            hidden_size=self.width,
            intermediate_size=4 * self.width,
            num_attention_heads=self.heads,
            max_position_embeddings=self.length,
            vocab_size=self.vocabulary,
            num_labels=classes,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            # The scale of 0.02 is for 768 channels: with fewer it takes long until anything is learnt.
            initializer_range=0.5 * self.width**-0.5,
        )
        model = BertForSequenceClassification(config)
        if body is not None:
            model.bert.load_state_dict(body.state_dict())
        return model


def _adamw(model: Any, lr: float) -> torch.optim.AdamW:
    """Return AdamW as BERT is trained: biases and norms do not decay."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": _WEIGHT_DECAY},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=lr, eps=1e-6)


def compile_step(model: Any, recipe: Recipe, example: Batch, name: str) -> tuple[pock.Step, torch.optim.Optimizer]:
    """Compile the model's own loss; return the step and the optimizer whose learning rates it reads."""
    optimizer = _adamw(model, recipe.lr)
    inputs = _tensors(example)
    step = pock.compile(model, (), inputs, loss=None, optimizer=optimizer, scheme=recipe.scheme, name=name)
    return step, optimizer


class EagerStep:
    """The same step in PyTorch, on a copy of the model.

    Args:
        model: as it is before training.
        recipe: tells the learning rate.
        fractions: parameter → 0 if it is frozen, 1 if it trains.
    """

    def __init__(self, model: Any, recipe: Recipe, fractions: Mapping[str, float]) -> None:
        self.model = copy.deepcopy(model)
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(fractions[name] == 1.0)
        self.optimizer = _adamw(self.model, recipe.lr)

    def __call__(self, **batch: NDArray[np.int64]) -> float:
        """Train on a batch; return the loss."""
        self.optimizer.zero_grad()
        loss = self.model(**_tensors(batch)).loss
        loss.backward()
        self.optimizer.step()
        return float(loss.detach())


def train(
    step: pock.Step | EagerStep, optimizer: torch.optim.Optimizer, batches: Iterable[Batch], steps: int, bar: Bar
) -> list[float]:
    """Train with a warm-up and a linear decay; return the loss of every step."""
    schedule = get_linear_schedule_with_warmup(optimizer, int(_WARMUP * steps), steps)
    losses = []
    for batch in batches:
        losses.append(step(**batch))
        schedule.step()
        bar.advance(f"loss {losses[-1]:.3f}")
    return losses


def _tensors(batch: Batch) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in batch.items()}


def predict(model: pock.Step | EagerStep, data: Tokens, size: int) -> list[int]:
    """Return the classes that a step's model sees in every sentence."""
    result: list[int] = []
    for batch in data.in_order(size):
        del batch["labels"]
        if isinstance(model, pock.Step):
            logits = model.predict(**batch)["logits"]
        else:
            with torch.no_grad():
                logits = model.model(**_tensors(batch)).logits
        result += logits.argmax(1).tolist()
    return result
