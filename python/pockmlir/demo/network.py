"""The small network of the demo without PyTorch: built of pock ops, and pretrained by a compiled step.

The numbers that it is made of are the same everywhere: NumPy's generator, and arithmetic that does not depend on the
machine. So everybody can make `digits.pock` again (tools/demo_step.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .._ops import _pock_ops_gen as ops
from ..api.optim import SGD
from ..api.scheme import Scheme
from ..artifact.manifest import Array
from ..compiler import compile
from ..frontends.common import (
    Builder,
    ImportedModel,
    ModelBuilder,
    Value,
    cross_entropy,
    dtype_of,
    linear,
    relu,
    shape_of,
)
from ..step import Step
from . import digits
from .training import BATCH, SEED, rate

__all__ = ["PIXELS", "SCHEME", "build", "compile_step", "initial", "pretrain"]

#: Height and width of a picture.
PIXELS = 16
#: Convolutions of 3 x 3: name → input channels, output channels, stride.
_CONVOLUTIONS = {"first": (1, 16, 2), "second": (16, 32, 1), "third": (32, 32, 2), "fourth": (32, 64, 1)}
_CLASSES = 10
#: What the user's step trains.
SCHEME = Scheme.bias_only() | {"third.weight": 0.5, "fourth.weight": 1.0, "classifier.weight": 1.0}
#: Any x86-64 processor with AVX2 runs the step.
_TARGET = "x86-64-linux"
_PRETRAINING_STEPS, _PRETRAINING_RATE = 400, 0.1


def initial() -> dict[str, Array]:
    """Return the untrained parameters."""
    generator = np.random.default_rng(SEED)
    values: dict[str, Array] = {}
    for name, (inputs, outputs, _) in _CONVOLUTIONS.items():
        values[f"{name}.weight"] = generator.normal(0, (2 / (9 * inputs)) ** 0.5, (outputs, inputs, 3, 3))
        values[f"{name}.bias"] = np.zeros(outputs)
        features = outputs
    values["classifier.weight"] = generator.normal(0, features**-0.5, (_CLASSES, features))
    values["classifier.bias"] = np.zeros(_CLASSES)
    return {name: value.astype(np.float32) for name, value in values.items()}


def build(parameters: Mapping[str, Array]) -> ImportedModel:
    """Return the model."""
    model = ModelBuilder("digits")
    for name, value in parameters.items():
        model.parameter(name, value)
    b = model.function("loss")
    x, target = b.add_input("x", (BATCH, 1, PIXELS, PIXELS), "f32"), b.add_input("target", (BATCH,), "i64")
    b.returns({"loss": cross_entropy(b, _network(b, x), target)})
    b = model.function("predict")
    b.returns({"output": _network(b, b.add_input("x", (BATCH, 1, PIXELS, PIXELS), "f32"))})
    return model.build()


def _network(b: Builder, x: Value) -> Value:
    for name, (_, outputs, stride) in _CONVOLUTIONS.items():
        with b.at(name):
            size = (shape_of(x)[2] + stride - 1) // stride
            y = b.emit(
                ops.ConvOp,
                b.type([BATCH, outputs, size, size], dtype_of(x)),
                x,
                b.load(f"{name}.weight"),
                strides=[stride] * 2,
                pad_low=[1] * 2,
                pad_high=[1] * 2,
                dilations=[1] * 2,
                groups=1,
            )
            x = relu(b, b.add(y, b.reshape(b.load(f"{name}.bias"), (outputs, 1, 1))))
    with b.at("classifier"):
        return linear(b, b.mean(x, (2, 3)), b.load("classifier.weight"), b.load("classifier.bias"))


def compile_step(parameters: Mapping[str, Array], scheme: Scheme, lr: float) -> Step:
    """Compile the training step, for every processor that the demo runs on."""
    optimizer = SGD(lr=lr, momentum=0.9)
    return compile(
        build(parameters), loss=None, optimizer=optimizer, scheme=scheme, target=_TARGET, arithmetic="portable"
    )


def pretrain(on_step: Callable[[int], None] = lambda done: None) -> dict[str, Array]:
    """Train on upright digits; return the parameters, the same bits on every machine."""
    step = compile_step(initial(), Scheme.full(), _PRETRAINING_RATE)
    data = digits.load(PIXELS, SEED)
    batches = data.factory.batches(BATCH, _PRETRAINING_STEPS, SEED)
    for done, (x, y) in enumerate(batches, start=1):
        step(x, y, lr=_PRETRAINING_RATE * rate(done, _PRETRAINING_STEPS))
        on_step(done)
    return step.state_dict()
