"""Transformers for text: encoders with a classifier, decoders with a language-model head."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .case import Case, Indices, Mask, architecture, transformer_scheme
from .hugging_face import VOCABULARY, classification_loss, hugging_face, token_loss

CLASSES = 4
SMALL = {"layers": 2, "width": 32, "heads": 2, "batch": 2, "length": 8}
#: BERT-mini's depth and width, at the length of a sentence.
MINI = {"layers": 4, "width": 256, "heads": 4, "batch": 8, "length": 64}
#: BERT-base's.
BASE = {"layers": 12, "width": 768, "heads": 12, "batch": 2, "length": 64}


def _config(layers: int, width: int, heads: int, **more: Any) -> dict[str, Any]:
    common = {
        "vocab_size": VOCABULARY,
        "num_hidden_layers": layers,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_attention_heads": heads,
        "num_labels": CLASSES,
    }
    return common | more


def _classifier(model: str, sparse: dict[str, float], batch: int, length: int, **config: Any) -> Case:
    """A case of sequence classification, without a mask."""
    inputs = (Indices((batch, length), config["vocab_size"], low=3),)
    return Case(hugging_face(model, **config), inputs, Indices((batch,), CLASSES), sparse, classification_loss)


def _language_model(model: str, sparse: dict[str, float], batch: int, length: int, **config: Any) -> Case:
    """A case of next-token prediction; the target is the text one token later."""
    tokens = Indices((batch, length), VOCABULARY, low=3)
    return Case(hugging_face(model, use_cache=False, **config), (tokens,), tokens, sparse, token_loss)


def _bert_scheme(layers: int, *heads: str) -> dict[str, float]:
    return transformer_scheme("*.layer.", layers, ("attention.*.weight", "intermediate.dense.weight"), *heads)


@architecture(small=SMALL, real=MINI, base=BASE)
def bert(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """BERT with an attention mask."""
    inputs = (Indices((batch, length), VOCABULARY), Mask((batch, length)))
    build = hugging_face("BertForSequenceClassification", **_config(layers, width, heads))
    return Case(build, inputs, Indices((batch,), CLASSES), _bert_scheme(layers, "classifier.*"), classification_loss)


@architecture(small=SMALL, real=MINI, base={**BASE, "layers": 6, "batch": 4, "length": 128, "vocabulary": 30522})
def distilbert(layers: int, width: int, heads: int, batch: int, length: int, vocabulary: int = VOCABULARY) -> Case:
    """DistilBERT: no token types, no pooler; ``base`` is DistilBERT-base."""
    config = {"n_layers": layers, "dim": width, "hidden_dim": 4 * width, "n_heads": heads}
    weights = ("attention.*.weight", "ffn.lin1.weight")
    sparse = transformer_scheme("*.layer.", layers, weights, "pre_classifier.*", "classifier.*")
    more = {"vocab_size": vocabulary, "num_labels": CLASSES}
    return _classifier("DistilBertForSequenceClassification", sparse, batch, length, **config, **more)


@architecture(small=SMALL, real=MINI)
def roberta(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """RoBERTa: positions are counted from the tokens that are not padding."""
    sparse = _bert_scheme(layers, "classifier.*")
    return _classifier("RobertaForSequenceClassification", sparse, batch, length, **_config(layers, width, heads))


@architecture(small=SMALL, real=MINI)
def electra(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """ELECTRA: embeddings narrower than the blocks."""
    config = _config(layers, width, heads, embedding_size=width // 2)
    sparse = _bert_scheme(layers, "classifier.*")
    return _classifier("ElectraForSequenceClassification", sparse, batch, length, **config)


@architecture(small=SMALL, real=MINI)
def albert(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """ALBERT: all blocks share their parameters, so the sparse scheme trains every block's biases."""
    config = _config(layers, width, heads, embedding_size=width // 2)
    sparse = {"*albert_layers.0.*bias": 1.0, "*albert_layers.0.attention.*.weight": 1.0, "classifier.*": 1.0}
    return _classifier("AlbertForSequenceClassification", sparse, batch, length, **config)


@architecture(small=SMALL, real=MINI)
def deberta_v2(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """DeBERTa-v2: attention to relative positions, by gathering."""
    config = _config(layers, width, heads, relative_attention=True, pos_att_type=["p2c", "c2p"], type_vocab_size=0)
    sparse = _bert_scheme(layers, "classifier.*")
    return _classifier("DebertaV2ForSequenceClassification", sparse, batch, length, **config)


@architecture(small=SMALL, real=MINI)
def modernbert(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """ModernBERT: rotary positions, gated feed-forward, local attention."""
    config = _config(layers, width, heads, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1)
    sparse = {f"model.layers.{layers - 1}.attn.*": 1.0, f"model.layers.{layers - 1}.mlp.Wi.weight": 1.0}
    return _classifier(
        "ModernBertForSequenceClassification", sparse | {"classifier.*": 1.0}, batch, length, sep_token_id=2, **config
    )


@architecture(small=SMALL, real=MINI)
def mobilebert(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """MobileBERT: bottlenecks, stacked feed-forward parts, scale and shift for normalisation."""
    config = _config(layers, width, heads, embedding_size=width // 2, intra_bottleneck_size=width // 2)
    sparse = _bert_scheme(layers, "classifier.*")
    return _classifier(
        "MobileBertForSequenceClassification", sparse, batch, length, true_hidden_size=width // 2, **config
    )


@architecture(small=SMALL, real=MINI)
def fnet(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """FNet: a Fourier transform in place of attention."""
    config = _config(layers, width, heads)
    sparse = transformer_scheme("*.layer.", layers, ("intermediate.dense.weight",), "classifier.*")
    return _classifier("FNetForSequenceClassification", sparse, batch, length, **config)


@architecture(small=SMALL, real=MINI)
def t5_encoder(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """T5's encoder: RMS norm, learned biases of relative positions in buckets; one class per token."""
    config = {"d_model": width, "d_ff": 4 * width, "d_kv": width // heads, "num_heads": heads, "num_layers": layers}
    last = f"*.block.{layers - 1}.*"
    sparse = {f"{last}.SelfAttention.?.weight": 1.0, f"{last}.DenseReluDense.wi.weight": 1.0, "classifier.*": 1.0}
    build = hugging_face("T5ForTokenClassification", vocab_size=VOCABULARY, num_labels=CLASSES, **config)
    tokens = Indices((batch, length), VOCABULARY, low=3)
    return Case(build, (tokens,), Indices((batch, length), CLASSES), sparse, token_loss)


@architecture(small=SMALL, real=MINI, base=BASE)
def gpt2(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """GPT-2; the head is the embedding."""
    config = {"n_layer": layers, "n_embd": width, "n_head": heads, "n_positions": length, "vocab_size": VOCABULARY}
    sparse = transformer_scheme("transformer.h.", layers, ("attn.*.weight", "mlp.c_fc.weight"))
    return _language_model("GPT2LMHeadModel", sparse, batch, length, **config)


def _llama_scheme(layers: int, *heads: str) -> dict[str, float]:
    """PockEngine's scheme for Llama: a sixth of the blocks, which have no biases."""
    blocks = range(layers - max(1, layers // 6), layers)
    weights = ("self_attn.*.weight", "mlp.gate_proj.weight", "mlp.up_proj.weight")
    return {f"model.layers.{block}.{weight}": 1.0 for block in blocks for weight in weights} | dict.fromkeys(heads, 1.0)


#: A Llama of 15 million parameters: small enough for a phone, and large enough to tell stories.
STORIES = {"layers": 6, "width": 288, "heads": 6, "batch": 4, "length": 128, "vocabulary": 32000, "hidden": 768}


@architecture(small=SMALL, real=MINI, stories=STORIES)
def llama(
    layers: int, width: int, heads: int, batch: int, length: int, vocabulary: int = VOCABULARY, hidden: int = 0
) -> Case:
    """Llama: rotary positions, RMS norm, gated feed-forward; ``stories`` shares its head with the embedding."""
    config = _config(layers, width, heads, vocab_size=vocabulary, intermediate_size=hidden or 4 * width)
    tied = vocabulary > VOCABULARY
    sparse = _llama_scheme(layers, *(() if tied else ("lm_head.weight",)))
    tokens = Indices((batch, length), vocabulary, low=3)
    build = hugging_face("LlamaForCausalLM", use_cache=False, tie_word_embeddings=tied, **config)
    return Case(build, (tokens,), tokens, sparse, token_loss)


@architecture(small={**SMALL, "heads": 4}, real=MINI)
def qwen2(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """Qwen2: Llama with biases of the projections, and two queries' heads for one of keys and values."""
    config = _config(layers, width, heads, num_key_value_heads=heads // 2, tie_word_embeddings=True)
    return _language_model("Qwen2ForCausalLM", _llama_scheme(layers), batch, length, **config)


@architecture(small={**SMALL, "heads": 4}, real=MINI)
def gemma2(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """Gemma 2: logits through tanh, norms on both sides, a sliding window in every other block."""
    more = {"num_key_value_heads": heads // 2, "head_dim": width // heads, "sliding_window": length // 2}
    config = _config(layers, width, heads, pad_token_id=0, **more)
    return _language_model("Gemma2ForCausalLM", _llama_scheme(layers), batch, length, **config)


@architecture(small=SMALL, real=MINI)
def opt(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """OPT: learned positions counted from the mask, ReLU."""
    config = {"ffn_dim": 4 * width, "word_embed_proj_dim": width, **_config(layers, width, heads)}
    sparse = transformer_scheme("model.decoder.layers.", layers, ("self_attn.*.weight", "fc1.weight"))
    return _language_model("OPTForCausalLM", sparse, batch, length, **config)


@architecture(small=SMALL, real=MINI)
def phi(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """Phi: attention and feed-forward side by side, rotary positions on a part of each head."""
    sparse = transformer_scheme("model.layers.", layers, ("self_attn.*.weight", "mlp.fc1.weight"), "lm_head.*")
    return _language_model("PhiForCausalLM", sparse, batch, length, **_config(layers, width, heads))


@architecture(small=SMALL, real={**MINI, "layers": 2, "width": 128, "length": 32})
def mamba(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """Mamba: a selective state space, unrolled over the tokens; `heads` has no meaning."""
    config = {"num_hidden_layers": layers, "hidden_size": width, "state_size": 8, "vocab_size": VOCABULARY}
    last = f"backbone.layers.{layers - 1}.mixer"
    sparse = {f"{last}.in_proj.weight": 1.0, f"{last}.*bias": 1.0}
    return _language_model("MambaForCausalLM", sparse, batch, length, **config)


class Encoder(nn.Module):
    """PyTorch's own transformer encoder with learned positions; classifies the mean of its tokens."""

    def __init__(self, layers: int, width: int, heads: int, length: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(torch.randn(length, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.classifier = nn.Linear(width, CLASSES)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.encoder(self.embed(tokens) + self.position).mean(1))


@architecture(small=SMALL, real=MINI)
def torch_transformer(layers: int, width: int, heads: int, batch: int, length: int) -> Case:
    """``nn.TransformerEncoder``."""
    weights = ("self_attn.*weight", "linear1.weight")
    sparse = transformer_scheme("encoder.layers.", layers, weights, "classifier.*")
    inputs = (Indices((batch, length), VOCABULARY),)
    return Case(lambda: Encoder(layers, width, heads, length), inputs, Indices((batch,), CLASSES), sparse)
