"""What a compiled step does not do: ops of frozen branches, saved bytes, allocation, foreign memory."""

from __future__ import annotations

import re
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from llvm_tools import find_program
from models import ARCHITECTURES
from pockmlir.runtime import abi
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")


def compiled(model: nn.Module, shape: tuple[int, ...], scheme: Any, **options: Any) -> pock.Step:
    options = {"loss": "cross_entropy", "optimizer": pock.SGD(lr=0.1)} | options
    return pock.compile(model, (torch.zeros(*shape),), scheme=scheme, **options)


def ops_of_step(step: pock.Step, stage: str = "training") -> Counter[str]:
    """Count the ops of ``@step``."""
    body = re.search(r"func\.func @step.*?\n  }\n", step.ir(stage), re.DOTALL)
    assert body
    return Counter(re.findall(r"\bpock\.(\w+)(?= [%@])", body.group()))


# Frozen parts ---------------------------------------------------------------------------


class TwoBranches(nn.Module):
    """A branch of a convolution with sigmoid and pooling, and one with a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Conv2d(2, 4, 3), nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, image: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        left = functional.max_pool2d(torch.sigmoid(self.left(image)), 2).mean((2, 3))
        return self.head(left + torch.tanh(self.right(features)))


def two_branches(scheme: dict[str, float]) -> Counter[str]:
    torch.manual_seed(0)
    inputs = torch.zeros(2, 2, 6, 6), torch.zeros(2, 6)
    optimizer = pock.SGD(lr=0.1)
    return ops_of_step(pock.compile(TwoBranches(), inputs, loss="cross_entropy", optimizer=optimizer, scheme=scheme))


def test_frozen_branch_leaves_no_op() -> None:
    everything = two_branches({"*": 1.0})
    assert everything["sparse_update"] == 6
    assert everything["conv_weight_grad"] == everything["max_pool_grad"] == everything["max_pool_index"] == 1
    # The forward pass of the left branch is all that is left of it.
    frozen = two_branches({"right.*": 1.0, "head.*": 1.0})
    assert frozen["sparse_update"] == 4
    assert frozen["conv"] == frozen["sigmoid"] == frozen["max_pool"] == 1
    assert not any(frozen[op] for op in ("conv_weight_grad", "conv_transpose", "max_pool_grad", "max_pool_index"))
    # Of the right branch: one product forward, none back.
    other = two_branches({"left.*": 1.0})
    assert other["sparse_update"] == 2
    assert other["conv_weight_grad"] == other["max_pool_grad"] == 1
    # right, head, and the gradient through head.
    assert other["matmul"] == 3
    assert two_branches({"head.bias": 1.0})["matmul"] == 2


def test_no_input_gradient_in_front_of_the_first_trained_layer() -> None:
    network = ARCHITECTURES["lenet"]
    full = ops_of_step(compiled(network.model(), network.shape, pock.Scheme.full()))
    # The first layer wants no gradient of the image.
    assert full["conv"] == full["conv_weight_grad"] == 2
    assert full["conv_transpose"] == 1
    last = ops_of_step(compiled(network.model(), network.shape, pock.Scheme.last(1)))
    assert last["conv"] == 2
    assert last["sparse_update"] == 2
    assert not any(last[op] for op in ("conv_weight_grad", "conv_transpose", "max_pool_index", "max_pool_grad"))


# Saved activations ----------------------------------------------------------------------


#: Of cross-entropy with 3 classes and batch n: log-softmax, which label, which entries count, how many.
def loss_bytes(batch: int) -> int:
    return batch * 3 * 4 + batch * 3 + 4


@pytest.mark.parametrize(
    ("scheme", "layers"),
    [
        # Batch 4: the first layer's 8 outputs are needed as values, and so is tanh's result of 16.
        (pock.Scheme.full(), 4 * 8 * 4 + 4 * 16 * 4),
        # Of relu's result only where it is positive.
        (pock.Scheme.bias_only(), 4 * 8 * 1 + 4 * 16 * 4),
        (pock.Scheme.last(2), 4 * 8 * 4 + 4 * 16 * 4),
        (pock.Scheme.last(1), 4 * 16 * 4),
        # Half of the input channels.
        ({"2.weight": 0.5}, 4 * 4 * 4 + 4 * 16 * 4),
        ({"4.bias": 1.0}, 0),
    ],
    ids=str,
)
def test_saved_bytes_of_an_mlp(scheme: Any, layers: int) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    assert compiled(model, (4, 6), scheme).memory.saved == layers + loss_bytes(4)


@pytest.mark.parametrize(
    ("scheme", "layers"),
    [
        # The first convolution's 8 channels; the second relu's 12. The channels-last image, the flattened
        # channels and the mask are made again.
        (pock.Scheme.full(), 2 * 16 * (8 * 4 + 12 * 4)),
        (pock.Scheme.bias_only(), 2 * 16 * (8 * 1 + 12 * 1)),
        (pock.Scheme.last(2), 2 * 16 * (8 * 4 + 12 * 4)),
        # And of each sample whether its label counts.
        (pock.Scheme.last(1), 2 * 16 * 12 * 4 + 2),
        # Two of eight input channels.
        ({"2.weight": 0.25}, 2 * 16 * (2 * 4 + 12 * 1) + 2),
        ({"2.weight": 0.25, "5.*": 1.0}, 2 * 16 * (2 * 4 + 12 * 4)),
        ({"5.bias": 1.0}, 0),
    ],
    ids=str,
)
def test_saved_bytes_of_a_convnet(scheme: Any, layers: int) -> None:
    convolutions = [nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()]
    model = nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(12 * 16, 3))
    assert compiled(model, (2, 2, 4, 4), scheme).memory.saved == layers + loss_bytes(2)


def test_persistent_bytes_follow_the_scheme() -> None:
    """With alignment 64: frozen parameters are constants, momenta exist of the trained part only."""
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    momentum = {"optimizer": pock.SGD(lr=0.1, momentum=0.9)}
    memory = compiled(model, (4, 6), {"2.weight": 0.5, "4.bias": 1.0}, **momentum).memory
    parameters = 6 * 8 + 8 + 8 * 16 + 16 + 16 * 3 + 3
    assert memory.parameters == parameters * 4
    assert memory.optimizer_state == (4 * 16 + 3) * 4
    # 0.weight, 0.bias, 2.bias, 4.weight.
    assert memory.constants == 192 + 64 + 64 + 192
    # 2.weight, 4.bias and their momenta.
    assert memory.state == 512 + 64 + 256 + 64


# Gradients that meet --------------------------------------------------------------------


class Joins(nn.Module):
    """One value read four times, among them twice by one op."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.branch, self.head = nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = x + torch.tanh(self.branch(x))
        return self.head(x * x + torch.relu(x) - 0.5 * x)


def test_joins_sum_gradients() -> None:
    torch.manual_seed(0)
    model = Joins().double()
    step = pock.compile(
        model,
        (torch.zeros(4, 5, dtype=torch.float64),),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=1.0),
        scheme=pock.Scheme.full(),
    )
    x, y = torch.randn(4, 5, dtype=torch.float64), torch.randint(0, 3, (4,))
    loss = functional.cross_entropy(model(x), y)
    loss.backward()
    assert step(x, y) == pytest.approx(loss.item(), rel=1e-12)
    after = step.state_dict()
    for name, parameter in model.named_parameters():
        expected = parameter.detach() - parameter.grad
        np.testing.assert_allclose(after[name], expected.numpy(), rtol=1e-9, atol=1e-12)


# The library ----------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["resnet8", pytest.param("unet-nearest", marks=pytest.mark.slow)])
def network(request: pytest.FixtureRequest) -> tuple[str, Callable[[], pock.Step], pock.Step]:
    """An architecture's name, a function that compiles it, and what that gave."""
    architecture = ARCHITECTURES[request.param]

    def make() -> pock.Step:
        optimizer = pock.AdamW(lr=1e-3)
        return compiled(architecture.model(), architecture.shape, pock.Scheme({"*": 0.6}), optimizer=optimizer)

    return request.param, make, make()


def train(name: str, step: pock.Step, steps: int = 10) -> list[float]:
    return [step(*ARCHITECTURES[name].batch(index)) for index in range(steps)]


def test_two_compilations_give_the_same_bytes(network: Any, tmp_path: Any) -> None:
    _, make, step = network
    again = make()
    assert step.library_path.read_bytes() == again.library_path.read_bytes()
    for stage in pock.STAGES:
        assert step.ir(stage) == again.ir(stage), stage


def test_two_steps_side_by_side_give_the_same_as_one_after_the_other(network: Any) -> None:
    """Two instances of one loaded library share its code, and nothing else."""
    name, _, step = network
    initial = {key: value.copy() for key, value in step.state_dict().items()}
    steps = [pock.Step(step.artifact, initial) for _ in range(3)]
    expected = train(name, steps[0])
    results: dict[int, list[float]] = {}
    threads = [
        threading.Thread(target=lambda key=key: results.update({key: train(name, steps[key])})) for key in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {1: expected, 2: expected}
    for key, value in steps[0].state_dict().items():
        assert all(np.array_equal(value, other.state_dict()[key]) for other in steps[1:]), key


def test_library_can_neither_allocate_nor_keep(network: Any) -> None:
    """It imports no function that could, and has no data of its own to write to."""
    _, _, step = network
    nm = find_program("llvm-nm-22", "llvm-nm", "nm")
    listed = subprocess.run([nm, str(step.library_path)], check=True, capture_output=True, text=True).stdout
    symbols = [line.split()[-2:] for line in listed.splitlines()]
    assert {name.partition("@")[0] for kind, name in symbols if kind == "U"} <= {"memcpy", "memmove", "memset"}
    assert not [name for kind, name in symbols if kind in "bBdDcC" and "DYNAMIC" not in name]


def test_step_stays_within_the_reported_bytes(network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards on both sides of every segment, input and output survive training and prediction."""
    name, _, step = network
    guard, allocated = 4096, []

    def guarded_bytes(size: int, alignment: int) -> np.ndarray:
        raw = np.full(size + 2 * guard + alignment, 0xA5, np.uint8)
        begin = guard + -(raw.ctypes.data + guard) % alignment
        allocated.append((raw, begin, begin + size))
        raw[begin : begin + size] = 0
        return raw[begin : begin + size]

    monkeypatch.setattr(abi, "aligned_bytes", guarded_bytes)
    watched = pock.Step(step.artifact, step.state_dict())
    memory = watched.memory
    assert {memory.constants, memory.state, memory.arena} <= {end - begin for _, begin, end in allocated}
    train(name, watched, 2)
    watched.predict(ARCHITECTURES[name].batch(0)[0])
    assert len(allocated) >= 6
    for raw, begin, end in allocated:
        assert (raw[:begin] == 0xA5).all()
        assert (raw[end:] == 0xA5).all()


def test_arena_is_as_large_as_the_timeline_says(network: Any) -> None:
    _, _, step = network
    memory = step.memory
    assert max(live for _, live in memory.timeline) <= memory.lower_bound  # which knows of alignment
    assert memory.lower_bound <= memory.arena <= 1.02 * memory.lower_bound
    assert memory.saved < memory.lower_bound
