"""Networks for pictures, as `transformers` defines them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from .case import Case, Indices, Normal, architecture, transformer_scheme
from .hugging_face import VOCABULARY, classification_loss, hugging_face

CLASSES = 10


def _pictures(
    model: str,
    config: Mapping[str, Any],
    sparse: dict[str, float],
    batch: int,
    pixels: int,
    frozen_norm: bool = False,
    lr: float = 0.01,
) -> Case:
    build = hugging_face(model, num_labels=CLASSES, **config)
    inputs, target = (Normal((batch, 3, pixels, pixels)),), Indices((batch,), CLASSES)
    return Case(build, inputs, target, sparse, classification_loss, frozen_norm=frozen_norm, lr=lr)


@architecture(
    small={"layers": 2, "width": 32, "heads": 2, "patch": 8, "batch": 2, "pixels": 16},
    real={"layers": 12, "width": 192, "heads": 3, "patch": 16, "batch": 2, "pixels": 128},
)
def vit(layers: int, width: int, heads: int, patch: int, batch: int, pixels: int) -> Case:
    """ViT; ``real`` is ViT-tiny at 128 pixels."""
    config: dict[str, Any] = {"num_hidden_layers": layers, "hidden_size": width, "intermediate_size": 4 * width}
    more = {"num_attention_heads": heads, "patch_size": patch, "image_size": pixels}
    weights = ("*attention.*.weight", "*fc1.weight")
    sparse = transformer_scheme("vit.layers.", layers, weights, "classifier.*")
    return _pictures("ViTForImageClassification", config | more, sparse, batch, pixels)


@architecture(
    small={"widths": [8, 16], "depths": [1, 1], "batch": 2, "pixels": 32},
    real={"widths": [40, 80, 160, 320], "depths": [2, 2, 6, 2], "batch": 2, "pixels": 96},
)
def convnext(widths: list[int], depths: list[int], batch: int, pixels: int) -> Case:
    """ConvNeXt; ``real`` is ConvNeXt-atto's depths and widths."""
    config: dict[str, Any] = {
        "hidden_sizes": widths,
        "depths": depths,
        "num_stages": len(widths),
        "layer_scale_init_value": 0.5,
    }
    last = f"*stages.{len(widths) - 1}.layers.*"
    sparse = {f"{last}bias": 1.0, f"{last}pwconv1.weight": 1.0, "classifier.*": 1.0}
    return _pictures("ConvNextForImageClassification", config, sparse, batch, pixels)


@architecture(
    small={"widths": [8, 16], "depths": [1, 1], "batch": 2, "pixels": 32, "layer": "basic", "frozen_norm": False},
    real={
        "widths": [64, 128, 256, 512],
        "depths": [2, 2, 2, 2],
        "batch": 4,
        "pixels": 64,
        "layer": "basic",
        "frozen_norm": True,
    },
)
def resnet(widths: list[int], depths: list[int], batch: int, pixels: int, layer: str, frozen_norm: bool) -> Case:
    """ResNet of basic blocks; ``real`` is ResNet-18."""
    config: dict[str, Any] = {
        "hidden_sizes": widths,
        "depths": depths,
        "embedding_size": widths[0],
        "layer_type": layer,
    }
    last = f"*stages.{len(widths) - 1}.layers.*"
    sparse = {f"{last}bias": 1.0, f"{last}layer.0.convolution.weight": 1.0, "classifier.*": 1.0}
    return _pictures("ResNetForImageClassification", config, sparse, batch, pixels, frozen_norm, 1e-3)


@architecture(small={"width": 0.35, "batch": 2, "pixels": 32}, real={"width": 1.0, "batch": 4, "pixels": 96})
def mobilenetv2(width: float, batch: int, pixels: int) -> Case:
    """MobileNetV2; the sparse scheme trains the last seven blocks."""
    config: dict[str, Any] = {"depth_multiplier": width, "image_size": pixels, "finegrained_output": width >= 1}
    blocks = range(9, 16)
    sparse = {f"*.layer.{block}.*bias": 1.0 for block in blocks}
    sparse |= {f"*.layer.{block}.expand_1x1.convolution.weight": 1.0 for block in blocks}
    sparse |= {"classifier.*": 1.0}
    return _pictures("MobileNetV2ForImageClassification", config, sparse, batch, pixels, frozen_norm=True, lr=1e-3)


@architecture(
    small={"width": 16, "depths": [1, 2], "heads": [2, 4], "window": 2, "patch": 4, "batch": 2, "pixels": 32},
    real={"width": 48, "depths": [2, 2, 6], "heads": [3, 6, 12], "window": 4, "patch": 4, "batch": 2, "pixels": 64},
)
def swin(width: int, depths: list[int], heads: list[int], window: int, patch: int, batch: int, pixels: int) -> Case:
    """Swin: attention in shifted windows, by rolling."""
    config: dict[str, Any] = {"embed_dim": width, "depths": depths, "num_heads": heads, "window_size": window}
    last = f"swin.encoder.layers.{len(depths) - 1}.blocks.{depths[-1] - 1}"
    sparse = {f"{last}.*bias": 1.0, f"{last}.attention.*.weight": 1.0, f"{last}.mlp.fc1.weight": 1.0}
    more = {"patch_size": patch, "image_size": pixels}
    return _pictures("SwinForImageClassification", config | more, sparse | {"classifier.*": 1.0}, batch, pixels)


@architecture(
    small={"widths": [8, 16], "depths": [1, 1], "batch": 2, "pixels": 32},
    real={"widths": [32, 64, 160, 256], "depths": [2, 2, 2, 2], "batch": 2, "pixels": 64},
)
def poolformer(widths: list[int], depths: list[int], batch: int, pixels: int) -> Case:
    """PoolFormer: average pooling in place of attention."""
    count = len(widths)
    config: dict[str, Any] = {
        "hidden_sizes": widths,
        "depths": depths,
        "num_encoder_blocks": count,
        "layer_scale_init_value": 0.5,
    }
    config |= {"patch_sizes": [7, 3, 3, 3][:count], "strides": [4, 2, 2, 2][:count], "padding": [2, 1, 1, 1][:count]}
    sparse = {f"*.block.{count - 1}.*bias": 1.0, f"*.block.{count - 1}.*conv1.weight": 1.0, "classifier.*": 1.0}
    return _pictures("PoolFormerForImageClassification", config, sparse, batch, pixels)


@architecture(
    small={"widths": [8, 16], "depths": [1, 1], "batch": 2, "pixels": 32},
    real={"widths": [32, 64, 160, 256], "depths": [2, 2, 2, 2], "batch": 2, "pixels": 64},
)
def segformer(widths: list[int], depths: list[int], batch: int, pixels: int) -> Case:
    """SegFormer's encoder: attention over reduced keys, convolution inside the feed-forward part."""
    count = len(widths)
    config: dict[str, Any] = {"hidden_sizes": widths, "depths": depths, "num_encoder_blocks": count}
    config |= {"patch_sizes": [7, 3, 3, 3][:count], "strides": [4, 2, 2, 2][:count], "sr_ratios": [8, 4, 2, 1][-count:]}
    config |= {"num_attention_heads": [1, 2, 5, 8][:count], "mlp_ratios": [4] * count}
    last = f"*stages.{count - 1}.blocks.*"
    sparse = {f"{last}bias": 1.0, f"{last}attention.*.weight": 1.0, "classifier.*": 1.0}
    return _pictures("SegformerForImageClassification", config, sparse, batch, pixels)


@architecture(
    small={"width": 0.5, "batch": 2, "pixels": 32},
    real={"width": 1.0, "batch": 2, "pixels": 64},
)
def mobilevit(width: float, batch: int, pixels: int) -> Case:
    """MobileViT: inverted residuals, and transformers over unfolded patches."""
    neck, hidden = [16, 32, 64, 96, 128, 160, 640], [144, 192, 240]
    config: dict[str, Any] = {"neck_hidden_sizes": [int(size * width) for size in neck], "image_size": pixels}
    config["hidden_sizes"] = [int(size * width) for size in hidden]
    sparse = {"*encoder.layer.4.*bias": 1.0, "*encoder.layer.4.*attention.*.weight": 1.0, "classifier.*": 1.0}
    return _pictures("MobileViTForImageClassification", config, sparse, batch, pixels)


def clip_loss(output: Any, target: torch.Tensor) -> torch.Tensor:
    """Which text belongs to a picture, and which picture to a text; target [batch]."""
    pictures = functional.cross_entropy(output.logits_per_image, target)
    return (pictures + functional.cross_entropy(output.logits_per_text, target)) / 2


@architecture(
    small={"layers": 1, "width": 32, "heads": 2, "length": 6, "patch": 8, "batch": 3, "pixels": 16},
    real={"layers": 4, "width": 256, "heads": 4, "length": 32, "patch": 16, "batch": 8, "pixels": 64},
)
def clip(layers: int, width: int, heads: int, length: int, patch: int, batch: int, pixels: int) -> Case:
    """CLIP: two towers, and the products of their normalised outputs."""
    tower = {"num_hidden_layers": layers, "hidden_size": width, "intermediate_size": 4 * width}
    tower |= {"num_attention_heads": heads}
    text = {"vocab_size": VOCABULARY, "max_position_embeddings": length, "eos_token_id": VOCABULARY - 1}
    picture = {"image_size": pixels, "patch_size": patch}
    config: dict[str, Any] = {
        "text_config": tower | text,
        "vision_config": tower | picture,
        "projection_dim": width // 2,
    }
    sparse = transformer_scheme("*encoder.layers.", layers, ("self_attn.*.weight", "mlp.fc1.weight"))
    sparse |= {"*_projection.weight": 1.0, "logit_scale": 1.0}
    inputs = (Indices((batch, length), VOCABULARY), Normal((batch, 3, pixels, pixels)))
    return Case(hugging_face("CLIPModel", **config), inputs, Indices((batch,), batch), sparse, clip_loss)
