"""From sentences to token indices: a tokenizer learnt from the training text, and batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from corpus import Sentence
from numpy.typing import NDArray
from pockmlir.loop.batches import batch_indices
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

__all__ = ["Batch", "Tokens", "encode", "train_tokenizer"]

#: What a model of transformers takes, by name.
Batch = dict[str, NDArray[np.int64]]

_SPECIAL = ("[PAD]", "[CLS]", "[SEP]")


@dataclass(frozen=True)
class Tokens:
    """Sentences of equal length, padded.

    Attributes:
        input_ids: [sentence, token].
        attention_mask: 1 where there is a token.
        labels: [sentence].
    """

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, chosen: NDArray[np.int64] | slice) -> Batch:
        """Return some of the sentences."""
        return {
            "input_ids": self.input_ids[chosen],
            "attention_mask": self.attention_mask[chosen],
            "labels": self.labels[chosen],
        }

    def batches(self, size: int, count: int, seed: int) -> Iterator[Batch]:
        """Yield whole batches, each epoch in another order."""
        return map(self.at, islice(batch_indices(len(self), size, seed), count))

    def in_order(self, size: int) -> Iterator[Batch]:
        """Yield every sentence once.

        Raises:
            ValueError: the number of sentences is no multiple of the batch's size.
        """
        if len(self) % size:
            raise ValueError(f"{len(self)} sentences are no whole batches of {size}")
        return (self.at(slice(begin, begin + size)) for begin in range(0, len(self), size))


def train_tokenizer(texts: Sequence[str], entries: int, length: int) -> Tokenizer:
    """Learn byte pairs of lower-case text, up to that many entries; the tokenizer pads and cuts to ``length``.

    Not BERT's WordPiece: the trainer of that numbers equally frequent pairs differently every time.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=entries,
        special_tokens=list(_SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(token, _SPECIAL.index(token)) for token in ("[CLS]", "[SEP]")]
    )
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=_SPECIAL.index("[PAD]"), pad_token="[PAD]")
    return tokenizer


def encode(tokenizer: Tokenizer, sentences: Sequence[Sentence]) -> Tokens:
    """Return the sentences as token indices."""
    encodings = tokenizer.encode_batch([sentence.text for sentence in sentences])
    return Tokens(
        np.array([encoding.ids for encoding in encodings], np.int64),
        np.array([encoding.attention_mask for encoding in encodings], np.int64),
        np.array([sentence.label for sentence in sentences], np.int64),
    )
