"""The networks of MLPerf Tiny (Banbury et al., arXiv 2106.07597) with their pretrained float weights.

The files are those of ``mlcommons/tiny`` (Apache-2.0), with batch normalisation folded; `backbones.data_folder` finds
them. Padding is TensorFlow's ``SAME``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["INPUTS", "NETWORKS", "load"]

#: Network → shape of one sample.
INPUTS = {
    "ad_autoencoder": (640,),
    "ic_resnet8": (3, 32, 32),
    "kws_dscnn": (1, 49, 10),
    "vww_mbv1_025_96": (3, 96, 96),
}


class Same(nn.Module):
    """A convolution with TensorFlow's padding: an odd total has its larger half at the end."""

    def __init__(self, weight: Tensor, stride: int, groups: int = 1) -> None:
        super().__init__()
        outputs, inputs, *kernel = weight.shape
        self.conv = nn.Conv2d(inputs * groups, outputs, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.conv.kernel_size[::-1], self.conv.stride, strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return self.conv(F.pad(x, pads) if any(pads) else x)


class _Network(nn.Module):
    """Layers under the names of the file: ``l00.conv``, ``l01.dw``, ``l09.fc``."""

    def __init__(self, tensors: dict[str, Tensor], strides: dict[str, int]) -> None:
        super().__init__()
        self.kinds: dict[str, str] = {}
        for name in sorted(tensors):
            layer, kind, what = name.split(".")
            if what != "weight":
                continue
            weight = tensors[name]
            self.kinds[layer] = kind
            if kind == "fc":
                made: nn.Module = nn.Linear(weight.shape[1], weight.shape[0])
            else:
                made = Same(weight, strides.get(layer, 1), weight.shape[0] if kind == "dw" else 1)
            self.add_module(layer, made)
        state = {self._target(name): value for name, value in tensors.items()}
        self.load_state_dict(state)

    def _target(self, name: str) -> str:
        layer, kind, what = name.split(".")
        return f"{layer}.{what}" if kind == "fc" else f"{layer}.conv.{what}"


class Chain(_Network):
    """Convolutions with relu, global mean, linear layer: DS-CNN and MobileNet."""

    def forward(self, x: Tensor) -> Tensor:
        *layers, head = self.kinds
        for layer in layers:
            x = torch.relu(self.get_submodule(layer)(x))
        return self.get_submodule(head)(x.mean((2, 3)))


class ResNet8(_Network):
    """Three residual blocks."""

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.l00(x))
        x = torch.relu(x + self.l02(torch.relu(self.l01(x))))
        x = torch.relu(self.l05(x) + self.l04(torch.relu(self.l03(x))))
        x = torch.relu(self.l08(x) + self.l07(torch.relu(self.l06(x))))
        return self.l09(x.mean((2, 3)))


class Autoencoder(_Network):
    """Ten linear layers."""

    def forward(self, x: Tensor) -> Tensor:
        *layers, last = self.kinds
        for layer in layers:
            x = torch.relu(self.get_submodule(layer)(x))
        return self.get_submodule(last)(x)


NETWORKS: dict[str, tuple[type[_Network], dict[str, int]]] = {
    "ad_autoencoder": (Autoencoder, {}),
    "ic_resnet8": (ResNet8, {"l03": 2, "l05": 2, "l06": 2, "l08": 2}),
    "kws_dscnn": (Chain, {"l00": 2}),
    "vww_mbv1_025_96": (Chain, {"l00": 2, "l03": 2, "l07": 2, "l11": 2, "l23": 2}),
}


def load(name: str, folder: Path) -> nn.Module:
    """Read a network in eval mode."""
    kind, strides = NETWORKS[name]
    return kind(load_file(folder / f"mlperf_{name}.safetensors"), strides).eval()
