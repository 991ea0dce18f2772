"""Twenty steps of whole networks equal PyTorch's, in every scheme."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from models import ARCHITECTURES, Architecture
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 20
#: Of the largest entry of a tensor, in float32 after twenty steps.
TOLERANCE = 2e-4

SCHEMES = ("full", "bias", "last2", "fraction", "sparse")


def scheme_of(name: str, network: Architecture) -> pock.Scheme:
    return {
        "full": pock.Scheme.full(),
        "bias": pock.Scheme.bias_only(),
        "last2": pock.Scheme.last(2),
        # Everything trains in part: no fraction of the channel counts is a half.
        "fraction": pock.Scheme({"*": 0.3}),
        # The last biases and part of the weights in the middle; frozen in front.
        "sparse": pock.Scheme.bias_only(last=2) | {network.middle: 0.7},
    }[name]


#: Adam moves an entry whose gradient is rounding noise by the rate times that noise's sign,
#: unless eps is above the noise.
OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    "nesterov": ("SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01}),
    "adam": ("Adam", {"weight_decay": 0.01, "eps": 1e-6}),
    "adamw": ("AdamW", {"weight_decay": 0.05, "betas": (0.8, 0.95), "eps": 1e-6}),
}

#: What runs always; the rest of the product is slow.
FAST = {
    ("mlp", "full", "adam"),
    ("mlp", "fraction", "momentum"),
    ("mlp", "bias", "sgd"),
    ("mlp", "last2", "nesterov"),
    ("lenet", "full", "nesterov"),
    ("resnet8", "full", "momentum"),
    ("resnet8-frozen-norm", "last2", "adamw"),
    ("ds-cnn", "fraction", "adamw"),
    ("cnn1d", "fraction", "nesterov"),
    ("unet-transposed", "fraction", "adamw"),
    ("unet-nearest", "sparse", "sgd"),
}


def _cases() -> list[Any]:
    """All architectures and schemes, optimizers in turn; the fast ones unmarked."""
    optimizers = list(OPTIMIZERS)
    chosen = dict.fromkeys(FAST)
    for row, architecture in enumerate(ARCHITECTURES):
        for column, scheme in enumerate(SCHEMES):
            if not any(case[:2] == (architecture, scheme) for case in FAST):
                chosen[architecture, scheme, optimizers[(row + column) % len(optimizers)]] = None
    return [
        pytest.param(*case, id="-".join(case), marks=() if case in FAST else pytest.mark.slow)
        for case in sorted(chosen)
    ]


@dataclass
class Reference:
    """PyTorch's training, in float64, of the parts that a compiled step trains."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    #: Parameter → the trained part.
    parts: dict[str, tuple[slice, ...]]
    initial: dict[str, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, model: nn.Module, scheme: pock.Scheme, kind: str, settings: dict[str, Any], lr: float) -> Reference:
        model = model.double()
        infos = [pock.ParameterInfo(name, tuple(value.shape)) for name, value in model.named_parameters()]
        owners = dict(model.named_modules())
        parts = {}
        for name, fraction in scheme.resolve(infos).items():
            value = model.get_parameter(name)
            value.requires_grad_(fraction > 0)
            if fraction > 0:
                parts[name] = trained_part(owners[name.rpartition(".")[0]], value, fraction)
        trained = [model.get_parameter(name) for name in parts]
        optimizer = getattr(torch.optim, kind)(trained, lr=lr, foreach=False, **settings)
        return cls(model, optimizer, parts, {name: model.get_parameter(name).detach().clone() for name in parts})

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(x.double() if x.is_floating_point() else x), y)
        loss.backward()
        for name, part in self.parts.items():
            gradient = self.model.get_parameter(name).grad
            kept = torch.zeros_like(gradient)
            kept[part] = gradient[part]
            gradient.copy_(kept)
        self.optimizer.step()
        # Weight decay reaches entries without gradient: what does not train keeps its value.
        with torch.no_grad():
            for name, part in self.parts.items():
                value = self.model.get_parameter(name)
                fresh = value[part].clone()
                value.copy_(self.initial[name])
                value[part] = fresh
        return loss.item()

    def state(self) -> dict[str, np.ndarray]:
        """Return the optimizer's state of the trained parts, under the names of a compiled step."""
        result = {}
        for name, part in self.parts.items():
            for key, value in self.optimizer.state[self.model.get_parameter(name)].items():
                if key != "step" and value is not None:
                    result[f"{name}.{key}"] = value[part].numpy()
        return result


def trained_part(owner: nn.Module, value: torch.Tensor, fraction: float) -> tuple[slice, ...]:
    """Return the part of a parameter that a fraction of it means."""
    whole = (slice(None),) * value.dim()
    if value.dim() < 2 or fraction == 1:
        return whole
    transposed = isinstance(owner, nn.modules.conv._ConvTransposeNd)
    groups = getattr(owner, "groups", 1)
    axis = 0 if groups > 1 or transposed else 1
    blocks = groups if groups > 1 else value.shape[axis]
    count = max(1, round(fraction * blocks)) * (value.shape[axis] // blocks)
    return (*whole[:axis], slice(0, count), *whole[axis + 1 :])


def compiled(network: Architecture, scheme: pock.Scheme, kind: str, **settings: Any) -> pock.Step:
    optimizer = getattr(pock, kind)(**settings)
    inputs = network.batch(0)[:1]
    return pock.compile(network.model(), inputs, loss="cross_entropy", optimizer=optimizer, scheme=scheme)


def assert_close(what: str, found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape, what
    largest = np.abs(expected).max(initial=0)
    error = np.abs(found.astype(np.float64) - expected).max(initial=0)
    assert error <= TOLERANCE * largest, (
        f"{what}: off by {error / (largest or 1):.1e} of the largest entry {largest:.1e}"
    )


@pytest.mark.parametrize(("architecture", "scheme", "optimizer"), _cases())
def test_twenty_steps_equal_pytorch(architecture: str, scheme: str, optimizer: str) -> None:
    network = ARCHITECTURES[architecture]
    kind, settings = OPTIMIZERS[optimizer]
    lr = network.lr if kind == "SGD" else 1e-3
    rules = scheme_of(scheme, network)
    step = compiled(network, rules, kind, lr=lr, **settings)
    reference = Reference.of(network.model(), rules, kind, settings, lr)
    before = {name: value.clone().numpy() for name, value in reference.model.state_dict().items()}
    for index in range(STEPS):
        x, y = network.batch(index)
        expected = reference.step(x, y)
        assert step(x, y) == pytest.approx(expected, rel=TOLERANCE), f"loss of step {index}"
    found = step.state_dict()
    assert found.keys() == before.keys()
    for name, value in reference.model.state_dict().items():
        assert_close(name, found[name], value.numpy())
        if not any(name == part or "running" in name or "num_batches" in name for part in reference.parts):
            assert np.array_equal(found[name], before[name]), f"{name} is frozen"
    state = step.optimizer_state_dict()
    expected_state = reference.state()
    assert state.keys() - {"optimizer.step"} == expected_state.keys()
    for name, value in expected_state.items():
        assert_close(name, state[name], value)
    if kind != "SGD":
        assert state["optimizer.step"] == STEPS
