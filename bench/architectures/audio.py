"""Networks for sound, as `transformers` defines them."""

from __future__ import annotations

from typing import Any

from .case import Case, Indices, Normal, architecture, transformer_scheme
from .hugging_face import classification_loss, hugging_face

CLASSES = 10


@architecture(
    small={"layers": 1, "width": 32, "heads": 2, "frames": 16, "batch": 2},
    real={"layers": 4, "width": 384, "heads": 6, "frames": 200, "batch": 2},
)
def whisper_encoder(layers: int, width: int, heads: int, frames: int, batch: int) -> Case:
    """Whisper's encoder with a classifier of sounds; ``real`` is Whisper-tiny on four seconds."""
    config: dict[str, Any] = {
        "d_model": width,
        "encoder_layers": layers,
        "encoder_ffn_dim": 4 * width,
        "decoder_layers": 1,
    }
    config |= {"encoder_attention_heads": heads, "max_source_positions": frames, "num_labels": CLASSES}
    config |= {"decoder_attention_heads": heads, "decoder_ffn_dim": width, "classifier_proj_size": 16}
    weights = ("self_attn.*.weight", "fc1.weight")
    sparse = transformer_scheme("encoder.layers.", layers, weights, "projector.*", "classifier.*")
    build = hugging_face("WhisperForAudioClassification", **config)
    inputs = (Normal((batch, 80, 2 * frames)),)
    return Case(build, inputs, Indices((batch,), CLASSES), sparse, classification_loss)


@architecture(
    small={"layers": 1, "width": 32, "heads": 2, "channels": 8, "samples": 400, "batch": 2},
    real={"layers": 4, "width": 256, "heads": 4, "channels": 128, "samples": 8000, "batch": 2},
)
def wav2vec2(layers: int, width: int, heads: int, channels: int, samples: int, batch: int) -> Case:
    """wav2vec 2.0 with a classifier: strided convolutions of sound, weight-normalised positions."""
    config: dict[str, Any] = {"hidden_size": width, "num_hidden_layers": layers, "intermediate_size": 4 * width}
    config |= {"num_attention_heads": heads, "conv_dim": [channels] * 4, "conv_stride": [5, 2, 2, 2]}
    config |= {"conv_kernel": [10, 3, 3, 2], "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
    config |= {"num_feat_extract_layers": 4, "num_labels": CLASSES, "classifier_proj_size": 16, "vocab_size": 32}
    config |= {"apply_spec_augment": False, "layerdrop": 0.0}
    weights = ("attention.*.weight", "feed_forward.intermediate_dense.weight")
    sparse = transformer_scheme("*encoder.layers.", layers, weights, "projector.*", "classifier.*")
    build = hugging_face("Wav2Vec2ForSequenceClassification", **config)
    unused = ("wav2vec2.masked_spec_embed",)
    inputs = (Normal((batch, samples)),)
    return Case(build, inputs, Indices((batch,), CLASSES), sparse, classification_loss, unused=unused)
