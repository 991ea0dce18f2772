"""Compiled functions write their own bytes and no others: memory with margins, and free bytes between all places."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from architectures import ARCHITECTURES
from guarded_memory import GuardedStep
from training_reference import Net, batch

pytest.importorskip("pockmlir._core")
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore")]

APART = pock.MemoryOptions(reuse=False, guard=64)
PACKED = pock.MemoryOptions()
#: The second makes every float a NaN that is read before it is written.
PATTERNS = (0xA5, 0xFF)

FAST = {"resnet8", "ds-cnn", "lstm", "densenet", "autoencoder", "gru"}

SCALARS = {"lr": np.float32(0.01), "random_seed": np.int64(3), "random_step": np.int64(0)}


def check(step: pock.Step, inputs: tuple[torch.Tensor, ...], target: torch.Tensor, exact: bool) -> None:
    """Run every function on memory of each pattern: nothing else is written, and what is does not depend on it."""
    results = []
    for pattern in PATTERNS:
        guarded = GuardedStep(step, pattern)
        names = [spec.name for spec in step.inputs]
        tensors = [*inputs, target][: len(names)]
        values: dict[str, Any] = dict(zip(names, (tensor.numpy() for tensor in tensors), strict=True))
        values |= {name: np.asarray(value) for name, value in SCALARS.items()}
        places = [(place.offset, place.bytes) for place in step.memory.places] if exact else []
        found = [guarded.run(name, values) for name in guarded.calls if name != "step"]
        for _ in range(2):
            found.append(guarded.run("step", values, places))
        results.append((found, guarded.state()))
    assert results[0] == results[1], "something is read before it is written"
    assert results[0][1] != {}, "nothing trains"


def zoo() -> list[Any]:
    names = sorted(ARCHITECTURES)
    return [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", zoo())
@pytest.mark.parametrize("memory", [APART, PACKED], ids=["apart", "packed"])
def test_zoo_writes_its_own_bytes_only(name: str, memory: pock.MemoryOptions) -> None:
    case = ARCHITECTURES[name].at("small")
    inputs, target = case.batch(0)
    step = pock.compile(
        case.model(),
        inputs,
        loss=case.loss,
        optimizer=pock.SGD(lr=case.lr, momentum=0.9),
        scheme=case.scheme("full"),
        example_target=target if callable(case.loss) else None,
        memory=memory,
    )
    if memory is APART:
        assert_apart(step)
    check(step, inputs, target, exact=memory is APART)


def assert_apart(step: pock.Step) -> None:
    """At least 64 free bytes lie between any two places that are not one over the other."""
    ranges = sorted({(place.offset, place.offset + place.bytes) for place in step.memory.places})
    assert ranges[0][0] >= 64
    for (_, end), (begin, _) in itertools.pairwise(ranges):
        assert begin - end >= 128, "a guard of 64 bytes behind one and in front of the next"
    assert step.memory.arena - ranges[-1][1] >= 64


@pytest.mark.parametrize("memory", [APART, PACKED], ids=["apart", "packed"])
@pytest.mark.parametrize(
    "options",
    [
        {"accumulate": 3, "clip_grad_norm": 1.0},
        {"scheme": {"*.bias": 1.0}},
        {"scheme": {"fc.*": 1.0, "conv.weight": 0.5}},
        {"precision": "bf16"},
    ],
    ids=["accumulate", "bias", "sparse", "bf16"],
)
def test_other_modes_write_their_own_bytes_only(options: dict[str, Any], memory: pock.MemoryOptions) -> None:
    x, y = batch(0)
    options = {"scheme": pock.Scheme.full()} | options
    step = pock.compile(Net(), (x,), loss="cross_entropy", optimizer=pock.Adam(), memory=memory, **options)
    check(step, (x,), y, exact=memory is APART)


def test_memory_limit_writes_its_own_bytes_only() -> None:
    case = ARCHITECTURES["ds-cnn"].at("small")
    inputs, target = case.batch(0)
    options: dict[str, Any] = {"loss": case.loss, "optimizer": pock.SGD(), "scheme": pock.Scheme.full()}
    with pytest.raises(pock.MemoryLimitError) as error:
        pock.compile(case.model(), inputs, memory_limit=1, **options)
    step = pock.compile(case.model(), inputs, memory_limit=error.value.smallest, **options)
    assert step.memory.recomputed > 0
    check(step, inputs, target, exact=False)


def test_the_check_sees_a_write_too_many() -> None:
    """A step told of one place less than it has writes outside."""
    x, y = batch(0)
    step = pock.compile(
        Net(), (x,), loss="cross_entropy", optimizer=pock.SGD(), scheme=pock.Scheme.full(), memory=APART
    )
    guarded = GuardedStep(step, 0xA5)
    values: dict[str, Any] = {"target": y.numpy(), "lr": np.asarray(np.float32(0.1)), step.inputs[0].name: x.numpy()}
    places = [(place.offset, place.bytes) for place in step.memory.places]
    guarded.run("step", values, places)
    with pytest.raises(AssertionError, match="between its places"):
        guarded.run("step", values, places[1:])
