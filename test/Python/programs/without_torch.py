"""Builds, compiles, trains and exports a network of two layers in a process that cannot import PyTorch."""

# ruff: noqa: E402
from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

for name in ("torch", "torch_mlir"):
    sys.modules[name] = None  # type: ignore[assignment]  # an import of it fails

import numpy as np
import pockmlir as pock
from pockmlir.frontends.common import Builder, ImportedModel, ModelBuilder, Value, cross_entropy, linear, relu

BATCH, INPUTS, HIDDEN, CLASSES = 8, 4, 16, 3
RATE, STEPS = 0.05, 20  # programs/train.c has this rate, too


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "hidden.weight": rng.normal(size=(HIDDEN, INPUTS)).astype(np.float32),
        "hidden.bias": rng.normal(size=HIDDEN).astype(np.float32),
        "output.weight": rng.normal(size=(CLASSES, HIDDEN)).astype(np.float32),
        "output.bias": rng.normal(size=CLASSES).astype(np.float32),
    }


def network(b: Builder, x: Value) -> Value:
    with b.at("hidden"):
        hidden = relu(b, linear(b, x, b.load("hidden.weight"), b.load("hidden.bias")))
    with b.at("output"):
        return linear(b, hidden, b.load("output.weight"), b.load("output.bias"))


def build() -> ImportedModel:
    model = ModelBuilder("net")
    for name, value in weights().items():
        model.parameter(name, value)
    b = model.function("loss")
    x = b.add_input("x", (BATCH, INPUTS), "f32")
    target = b.add_input("target", (BATCH,), "i64")
    b.returns({"loss": cross_entropy(b, network(b, x), target)})
    b = model.function("predict")
    b.returns({"output": network(b, b.add_input("x", (BATCH, INPUTS), "f32"))})
    return model.build(targets=["target"])


def compiled(target: str = "host") -> pock.Step:
    return pock.compile(build(), loss=None, optimizer=pock.SGD(lr=RATE), scheme=pock.Scheme.full(), target=target)


def reference(values: dict[str, np.ndarray], x: np.ndarray, target: np.ndarray) -> float:
    """One step of SGD in float64; return the loss."""
    w1, b1, w2, b2 = values.values()
    before = x @ w1.T + b1
    hidden = np.maximum(before, 0)
    logits = hidden @ w2.T + b2
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    chances = exponentials / exponentials.sum(1, keepdims=True)
    loss = -np.log(chances[np.arange(BATCH), target]).mean()
    d_logits = (chances - np.eye(CLASSES)[target]) / BATCH
    d_hidden = (d_logits @ w2) * (before > 0)
    w2 -= RATE * d_logits.T @ hidden
    b2 -= RATE * d_logits.sum(0)
    w1 -= RATE * d_hidden.T @ x
    b1 -= RATE * d_hidden.sum(0)
    return float(loss)


def batches() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [
        (rng.normal(size=(BATCH, INPUTS)).astype(np.float32), rng.integers(0, CLASSES, BATCH)) for _ in range(STEPS)
    ]


def train() -> None:
    plan = pock.plan(build(), loss=None, optimizer=pock.SGD(lr=RATE), scheme=pock.Scheme.full())
    step = compiled()
    assert plan.memory.arena == step.memory.arena > 0
    values = {name: value.astype(np.float64) for name, value in weights().items()}
    for x, target in batches():
        np.testing.assert_allclose(step(x, target), reference(values, x.astype(np.float64), target), rtol=1e-5)
    for name, value in step.state_dict().items():
        np.testing.assert_allclose(value, values[name], rtol=1e-4, atol=1e-5)
    assert step.predict(x).shape == (BATCH, CLASSES)
    message = message_of(pock.IndexRangeError, lambda: step(x, np.full(BATCH, CLASSES)))
    assert re.match(r"target: expected indices in .0, 3. .* \(cross_entropy in \(model\)\)", message)
    print("trained")


def export(folder: Path) -> None:
    """Write the files that programs/train.c reads, and the losses that it must compute."""
    step = compiled()
    step.export(folder)
    with (folder / "batches.bin").open("wb") as file:
        losses = []
        for x, target in batches():
            file.write(x.tobytes() + target.tobytes())
            losses.append(step(x, target))
    (folder / "expected.bin").write_bytes(np.float32(losses).tobytes())


def message_of(kind: type[Exception], call: Callable[[], object]) -> str:
    """The message of the error that a call raises. (Where this runs, pytest need not be installed.)"""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} expected")


class Model:
    """A class that looks like a model of PyTorch."""

    def named_parameters(self) -> list[tuple[str, object]]:
        return []


def errors(folder: Path) -> None:
    step = compiled()
    (folder / "model.pt2").write_bytes(b"")
    for call in (
        lambda: pock.compile(Model(), (np.zeros(3),), loss="mse", optimizer=pock.SGD(lr=0.1), scheme={"*": 1}),
        lambda: pock.load_exported(folder / "model.pt2"),
        lambda: pock.budgets.describe(Model(), (np.zeros(3),)),
        lambda: step.write_back(Model()),
    ):
        assert re.search(r"needs PyTorch.*pip install 'pockmlir\[torch\]'", message_of(pock.PockError, call))
    print("checked")


def hashes(folder: Path) -> None:
    """Print what every build of the package must make of the network: code, and parameters after ten steps."""
    found = {}
    for target in ("cortex-m7", "cortex-m0plus", "aarch64-linux", "riscv32imc"):
        library = compiled(target).export(folder / target)["static_library"]
        found[target] = hashlib.sha256(library.read_bytes()).hexdigest()
    step = compiled()
    for x, target in batches()[:10]:
        step(x, target)
    for name, value in step.state_dict().items():
        found[name] = hashlib.sha256(value.tobytes()).hexdigest()
    step.save_compiled(folder / "step.pock")
    x, target = batches()[0]
    assert pock.load(folder / "step.pock")(x, target) == step(x, target)
    print(json.dumps(found))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    folder = Path(rest[0]) if rest else Path()
    {
        "train": train,
        "export": lambda: export(folder),
        "errors": lambda: errors(folder),
        "hashes": lambda: hashes(folder),
    }[what]()
