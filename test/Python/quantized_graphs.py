"""Random networks, as PyTorch modules of floats and as exact integers (`quantized_oracle`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pockmlir as pock
import quantized_oracle as oracle
import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["CLASSES", "Networks", "Step", "oracle_outputs", "random_steps"]

CLASSES = 3
Array = np.ndarray[Any, Any]
#: Clamps after a layer: name → limits.
_LIMITS = {"relu": (0.0, None), "relu6": (0.0, 6.0), "clamp": (-0.5, 0.75)}


@dataclass(frozen=True)
class Step:
    """One operator; it reads the value before it, and ``other`` (an index of a value) if it joins."""

    kind: str
    other: int = 0
    clamp: str = ""
    options: dict[str, int] = field(default_factory=dict)


def random_steps(rng: np.random.Generator, channels: int, size: int, exact: bool = False) -> list[Step]:
    """Return a network: convolutions, joins and poolings, then mean and linear layer.

    With ``exact``, the gradient of each value is a sum of at most two floats, outside of convolutions and linear layers,
    so that its bits follow from the operators.
    """
    steps: list[Step] = []
    shapes = [(channels, size)]
    for _ in range(rng.integers(3, 6)):
        count, width = shapes[-1]
        joined = {step.other for step in steps if step.kind in ("add", "mul", "cat")}
        same = [i for i, shape in enumerate(shapes[:-1]) if shape == shapes[-1] and not (exact and i in joined)]
        kinds = ["conv", "conv", "depthwise"] + ["gate"] * (not exact)
        kinds += ["add", "add", "cat"] + ["mul"] * (not exact) if same else []
        kinds += ["max_pool", "avg_pool"] if width >= 6 else []
        kind = str(rng.choice(kinds)) if steps else "conv"
        clamp = str(rng.choice(["", "relu", "relu6", "clamp"]))
        if kind in ("conv", "depthwise"):
            kernel, dilation = int(rng.choice([1, 3, 5])), int(rng.choice([1, 1, 2]))
            stride = int(rng.choice([1, 1, 2])) if width >= 6 else 1
            groups = count if kind == "depthwise" else int(rng.choice([1, 2])) if count % 2 == 0 else 1
            outputs = count if kind == "depthwise" or rng.random() < 0.5 else groups * int(rng.integers(1, 5))
            padding = dilation * (kernel // 2)
            options = {
                "kernel_size": kernel,
                "stride": stride,
                "padding": padding,
                "dilation": dilation,
                "groups": groups,
                "bias": rng.random() < 0.8,
            }
            steps.append(Step(kind, 0, clamp, {"inputs": count, "outputs": outputs, **options}))
            shapes.append((outputs, (width - 1) // stride + 1))
        elif kind in ("add", "mul", "cat"):
            other = int(rng.choice(same))
            steps.append(Step(kind, other, "" if kind == "cat" else clamp))
            shapes.append((2 * count if kind == "cat" else count, width))
        elif kind == "gate":
            steps.append(Step(kind))
            shapes.append(shapes[-1])
        else:
            steps.append(Step(kind))
            shapes.append((count, width // 2))
    return [*steps, Step("linear", options={"inputs": shapes[-1][0]})]


class Network(nn.Module):
    """A network of floats."""

    def __init__(self, steps: list[Step]) -> None:
        super().__init__()
        self.steps = steps
        self.layers = nn.ModuleDict()
        for index, step in enumerate(steps):
            options = dict(step.options)
            if step.kind == "linear":
                self.layers[str(index)] = nn.Linear(options["inputs"], CLASSES)
            elif options:
                self.layers[str(index)] = nn.Conv2d(options.pop("inputs"), options.pop("outputs"), **options)
            elif step.kind == "gate":
                self.layers[str(index)] = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for index, step in enumerate(self.steps):
            y, other = values[-1], values[step.other]
            if step.kind in ("conv", "depthwise"):
                y = self.layers[str(index)](y)
            elif step.kind == "add":
                y = other + y
            elif step.kind == "mul":
                y = other * y
            elif step.kind == "cat":
                y = torch.cat([y, other], 1)
            elif step.kind == "gate":
                y = y * self.layers[str(index)](y)
            elif step.kind == "max_pool":
                y = F.max_pool2d(y, 2)
            elif step.kind == "avg_pool":
                y = F.avg_pool2d(y, 2)
            else:
                y = self.layers[str(index)](y.mean((2, 3)))
            if step.clamp:
                y = torch.clamp(y, *_LIMITS[step.clamp])
            values.append(y)
        return values[-1]


class Networks(nn.Module):
    """Several networks with one input each, so that they are compiled at once."""

    def __init__(self, networks: list[list[Step]]) -> None:
        super().__init__()
        self.nets = nn.ModuleList([Network(steps) for steps in networks])

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(net(x) for net, x in zip(self.nets, inputs, strict=True))


# Integers -----------------------------------------------------------------------------


@dataclass
class _Value:
    integers: Tensor
    scale: float
    zero: int
    name: str


def _limit(value: float, quantization: pock.Quantization) -> int:
    steps = np.rint(np.float32(value) * np.float32(1.0 / quantization.scale)) + quantization.zero_point
    return int(np.clip(steps, -128, 127))


class _Oracle:
    """Runs one network on integers; the names of scales are those of `pockmlir.quantize`."""

    def __init__(
        self,
        prefix: str,
        scales: dict[str, pock.Quantization],
        weights: dict[str, Array],
        state: dict[str, Tensor],
        narrow: bool,
    ) -> None:
        self.prefix, self.scales, self.weights, self.state = prefix, scales, weights, state
        self.narrow = narrow
        self.seen: dict[str, int] = {}

    def count(self, name: str) -> str:
        self.seen[name] = self.seen.get(name, -1) + 1
        return f"{self.prefix}.{name}_{self.seen[name]}" if self.seen[name] else f"{self.prefix}.{name}"

    def quantized(self, acc: Tensor, scale: Any, name: str, clamp: str = "") -> _Value:
        out = self.scales[name]
        low, high = -128, 127
        if clamp:
            limits = _LIMITS[clamp]
            low = _limit(limits[0], out)
            high = 127 if limits[1] is None else _limit(limits[1], out)
        integers = oracle.requantize(acc, scale / out.scale, out.zero_point, low, high)
        return _Value(integers, float(out.scale), out.zero_point, name)

    def layer(self, x: _Value, index: int, step: Step, name: str) -> _Value:
        path = f"{self.prefix}.layers.{index}"
        weight, bias = self.state[f"{path}.weight"], self.state.get(f"{path}.bias")
        scale = x.scale * self.weights[f"{path}.weight"].astype(np.float64)
        if step.kind == "linear":
            acc = oracle.linear(x.integers, weight, bias, x.zero, self.narrow)
        else:
            options = {key: step.options[key] for key in ("stride", "padding", "dilation", "groups")}
            acc = oracle.conv(x.integers, weight, bias, x.zero, self.narrow, **options)
        return self.quantized(acc, scale, name, step.clamp)

    def moved(self, x: _Value, name: str) -> _Value:
        """The same numbers with another scale, unless it is the same."""
        out = self.scales[name]
        if (out.scale, out.zero_point) == (x.scale, x.zero):
            return x
        return self.quantized(x.integers - x.zero, x.scale, name)

    def run(self, x: Tensor, steps: list[Step], input_name: str) -> _Value:
        found = self.scales[input_name]
        values = [
            _Value(
                oracle.quantize(x, float(found.scale), found.zero_point),
                float(found.scale),
                found.zero_point,
                input_name,
            )
        ]
        for index, step in enumerate(steps):
            values.append(self.step(values, index, step, steps))
            if self.narrow and values[-1].integers.requires_grad:
                # A gradient of two readers is a sum of floats.
                values[-1].integers.register_hook(lambda g: g.float().double())
        return values[-1]

    def step(self, values: list[_Value], index: int, step: Step, steps: list[Step]) -> _Value:
        x, other = values[-1], values[step.other]
        path = f"{self.prefix}.layers.{index}"
        after = steps[index + 1] if index + 1 < len(steps) else None
        read_again = any(later.kind in ("add", "mul", "cat") and later.other == index + 1 for later in steps)
        # A part that only a concatenation reads has its scale.
        into_cat = after is not None and after.kind == "cat" and not read_again
        whole = f"{self.prefix}.cat" + (f"_{self.seen['cat'] + 1}" if "cat" in self.seen else "")
        if step.clamp and step.kind in ("add", "mul", "conv", "depthwise"):
            self.count("clamp")
        if step.kind in ("conv", "depthwise"):
            return self.layer(x, index, step, whole if into_cat else path)
        if step.kind in ("add", "mul"):
            name = self.count(step.kind)
            name = whole if into_cat else name
            out = self.scales[name]
            low, high = -128, 127
            scales, zeros = (other.scale, x.scale, float(out.scale)), (other.zero, x.zero, out.zero_point)
            combine = oracle.add if step.kind == "add" else oracle.mul
            if step.clamp:
                limits = _LIMITS[step.clamp]
                low = _limit(limits[0], out)
                high = 127 if limits[1] is None else _limit(limits[1], out)
            integers = combine(other.integers, x.integers, scales, zeros, low, high)
            return _Value(integers, float(out.scale), out.zero_point, name)
        if step.kind == "cat":
            name = self.count("cat")
            parts = [self.moved(part, name) for part in (x, other)]
            name = whole_of(self, steps, index, name)
            joined = _Value(torch.cat([part.integers for part in parts], 1), parts[0].scale, parts[0].zero, name)
            return self.moved(joined, name)
        if step.kind == "gate":
            mean = self.quantized(
                (x.integers - x.zero).sum((2, 3), keepdim=True), x.scale / x.integers[0, 0].numel(), path
            )
            name = self.count("mul")
            name = whole if into_cat else name
            out = self.scales[name]
            integers = oracle.mul(
                x.integers, mean.integers, (x.scale, mean.scale, float(out.scale)), (x.zero, mean.zero, out.zero_point)
            )
            return _Value(integers, float(out.scale), out.zero_point, name)
        if step.kind == "max_pool":
            return _Value(F.max_pool2d(x.integers, 2), x.scale, x.zero, x.name)
        if step.kind == "avg_pool":
            name = self.count("avg_pool2d")
            total = F.avg_pool2d(x.integers - x.zero, 2, divisor_override=1)
            return self.quantized(total, x.scale / 4, whole if into_cat else name)
        mean = self.quantized(
            (x.integers - x.zero).sum((2, 3)), x.scale / x.integers[0, 0].numel(), f"{self.prefix}.mean"
        )
        return self.layer(mean, index, step, path)


def whole_of(run: _Oracle, steps: list[Step], index: int, name: str) -> str:
    """The scale of a concatenation that only another one reads."""
    after = steps[index + 1] if index + 1 < len(steps) else None
    read_again = any(later.kind in ("add", "mul", "cat") and later.other == index + 1 for later in steps)
    if after is not None and after.kind == "cat" and not read_again:
        return f"{run.prefix}.cat_{run.seen['cat'] + 1}"
    return name


def oracle_outputs(
    quantized: Any, weights: dict[str, Array], state: dict[str, Tensor], inputs: list[Tensor], narrow: bool = False
) -> list[Tensor]:
    """Return the logits of each network as real numbers, with gradients to the integers in ``state``.

    Args:
        quantized: the result of `pockmlir.quantize` on `Networks`.
        weights: name of a weight → the scales of its channels.
        state: name → integers as float64.
        inputs: one per network.
        narrow: whether gradients of products are integers of 16 bits.
    """
    outputs = []
    for index, (net, x) in enumerate(zip(quantized.model.nets, inputs, strict=True)):
        run = _Oracle(f"nets.{index}", quantized.activations, weights, state, narrow)
        value = run.run(x, net.steps, f"inputs{index}")
        outputs.append(oracle.scaled(value.integers - value.zero, value.scale))
    return outputs
