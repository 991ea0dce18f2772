"""`memory_limit=` and `MemoryOptions`: the same numbers with less memory, limits that hold, errors that help."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from architectures import ARCHITECTURES
from pockmlir.artifact.memory import read_limit_error
from pockmlir.core.extension import facts_of, load_core
from pockmlir.support.sizes import parse_bytes
from torch import nn
from torch.nn import functional
from training_reference import assert_same, torch_step

pytest.importorskip("pockmlir._core")
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore")]

STEPS = 5

VARIANTS: dict[str, pock.MemoryOptions] = {
    "unordered": pock.MemoryOptions(reorder=False),
    "kept": pock.MemoryOptions(recompute=False),
    "not-in-place": pock.MemoryOptions(in_place=False),
    "apart": pock.MemoryOptions(reuse=False, guard=64),
}

SCHEMES: dict[str, Any] = {
    "full": {"*": 1.0},
    "sparse": {"head.*": 1.0, "second.weight": 0.5, "*bias": 1.0},
    "bias": {"*bias": 1.0},
}


class Convolutional(nn.Module):
    """Batch norm in training mode, clamped activations, dropout; pictures of 7 x 9: no multiple of a vector."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm = nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12)
        # Values of one size that wait for the backward pass: something to compute again.
        self.deep = nn.Sequential(*[layer for _ in range(3) for layer in (nn.Conv2d(12, 12, 3, 1, 1), nn.Tanh())])
        self.second, self.norm2 = nn.Conv2d(12, 24, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(24)
        self.third = nn.Conv2d(24, 16, 1)
        self.drop, self.head = nn.Dropout(0.2), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.deep(functional.relu6(self.norm(self.first(x))))
        x = functional.hardtanh(self.norm2(self.second(x)), -0.5, 2.0)
        x = functional.silu(self.third(x))
        return self.head(self.drop(x.mean((2, 3))))


def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(8, 3, 7, 9, generator=generator), torch.randint(0, 4, (8,), generator=generator)


def compiled(scheme: str = "full", **options: Any) -> pock.Step:
    return pock.compile(
        Convolutional(),
        batch(0)[:1],
        loss="cross_entropy",
        optimizer=pock.SGD(lr=0.05, momentum=0.9),
        scheme=SCHEMES[scheme],
        **options,
    )


def bits(step: pock.Step, batches: Any = batch) -> tuple[list[float], dict[str, bytes]]:
    """Losses of five steps, and the bytes of parameters, buffers and optimizer state behind them."""
    losses = []
    for seed in range(STEPS):
        inputs, target = batches(seed)
        inputs = inputs if isinstance(inputs, tuple) else (inputs,)
        losses.append(step(*[*inputs, target][: len(step.inputs)]))
    tensors = step.artifact.manifest.tensors.values()
    trained = {slot.name for slot in tensors if slot.kind == "state"}
    values = dict(step.state_dict())
    values |= {name: step._instance.view(name) for name in trained}
    assert not any(np.isnan(losses))
    return losses, {name: value.tobytes() for name, value in values.items()}


def smallest_of(compile_with: Any) -> pock.MemoryLimitError:
    with pytest.raises(pock.MemoryLimitError) as error:
        compile_with(memory_limit=0)
    return error.value


@pytest.fixture(
    scope="module", params=["full", *(pytest.param(name, marks=pytest.mark.slow) for name in ("sparse", "bias"))]
)
def scheme(request: Any) -> tuple[str, pock.Step, Any]:
    step = compiled(request.param)
    return request.param, step, bits(step)


@pytest.mark.parametrize("variant", VARIANTS)
def test_training_is_the_same_without(variant: str, scheme: Any) -> None:
    name, _, expected = scheme
    assert bits(compiled(name, memory=VARIANTS[variant])) == expected


def test_training_is_the_same_within_limits(scheme: Any) -> None:
    name, default, expected = scheme
    smallest = smallest_of(lambda **limit: compiled(name, **limit)).smallest
    for limit in {smallest, (smallest + default.memory.total) // 2}:
        step = compiled(name, memory_limit=limit)
        assert step.memory.total <= limit
        assert bits(step) == expected
        assert (step.memory.recomputed > 0) == (step.memory.recomputed_flops > 0) == (limit < default.memory.total)


def test_the_smallest_limit_is_the_smallest() -> None:
    found = smallest_of(compiled)
    step = compiled(memory_limit=found.smallest)
    assert step.memory.total <= found.smallest < compiled().memory.total
    assert 0 < step.memory.recomputed_flops < step.memory.flops
    again = smallest_of(lambda **_: compiled(memory_limit=found.smallest - 1))
    assert (again.limit, again.smallest) == (found.smallest - 1, found.smallest)


def test_a_limit_that_holds_anyway_changes_nothing() -> None:
    default = compiled()
    step = compiled(memory_limit=default.memory.total)
    assert step.ir("plan").replace(f"pock.memory_limit = {default.memory.total} : i64, ", "") == default.ir("plan")
    assert (step.memory.recomputed, step.memory.recomputed_flops) == (0, 0)
    assert step.memory.flops == default.memory.flops > 0


def test_the_limit_counts_guards_and_what_is_not_shared() -> None:
    apart = pock.MemoryOptions(reuse=False, in_place=False, guard=64)
    total = compiled(memory=apart).memory.total
    assert compiled(memory=apart, memory_limit=total).memory.total == total
    assert smallest_of(lambda **_: compiled(memory=apart, memory_limit=total - 1)).smallest == total


def test_reorder_false_keeps_the_order_under_a_limit() -> None:
    """What runs first, runs first: without the repeated launches, the order is the one without a limit."""
    options = pock.MemoryOptions(reorder=False)
    limit = smallest_of(lambda **limit: compiled(memory=options, **limit)).smallest
    step, default = compiled(memory=options, memory_limit=limit), compiled(memory=options)
    assert step.memory.recomputed > 0
    labels = [label for label, _ in step.memory.timeline]
    rest = iter(labels)
    assert all(label in rest for label, _ in default.memory.timeline)


def test_no_order_beats_the_least_peak() -> None:
    for step in (compiled(), compiled(memory_limit=smallest_of(compiled).smallest)):
        assert 0 < step.memory.least_peak <= step.memory.lower_bound <= step.memory.arena
    assert compiled(memory=VARIANTS["unordered"]).memory.least_peak == 0


def test_each_switch_brings_something() -> None:
    arena = compiled().memory.arena
    for name in ("kept", "apart", "unordered"):
        assert compiled(memory=VARIANTS[name]).memory.arena > arena, name
    together = compiled(memory=pock.MemoryOptions(reuse=False)).memory.arena
    assert compiled(memory=pock.MemoryOptions(reuse=False, in_place=False)).memory.arena > together


# Masks ----------------------------------------------------------------------------------------


class Clamped(nn.Module):
    """Linear layers, so that what is kept for biases is masks: of relu6, of hardtanh, of relu."""

    def __init__(self, width: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b, c, d = self.layers
        x = functional.relu6(a(x) * 5)
        x = functional.hardtanh(b(x))
        return d(functional.relu(c(x)))


@pytest.mark.parametrize(("rows", "width"), [(64, 33), (8, 131), (128, 64), (1, 1024)])
def test_packed_masks_train_like_pytorch(rows: int, width: int) -> None:
    """One bit per entry, for last dimensions that are no multiple of 8 or of a vector."""

    def data(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(rows, width, generator=generator)
        return x, torch.randint(0, 4, (rows,), generator=generator)

    model = Clamped(width)
    step = pock.compile(model, data(0)[:1], loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme={"*.bias": 1.0})
    masks = [place for place in step.memory.places if place.kind == "mask"]
    # Where there are many classes, that of the labels is one, too.
    assert len(masks) >= 3
    assert {place.bytes for place in masks} == {rows * width // 8}
    assert step.ir("schedule").count("pock.unpack_bits") == len(masks)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for seed in range(STEPS):
        loss = step(*data(seed))
        np.testing.assert_allclose(loss, torch_step(model, optimizer, data(seed))[0], rtol=1e-4)
    assert_same(step, model)


def test_masks_of_odd_size_stay_as_they_are() -> None:
    model = nn.Sequential(nn.Linear(5, 205), nn.ReLU(), nn.Linear(205, 3))
    step = pock.compile(
        model, (torch.zeros(5, 5),), loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme={"*bias": 1.0}
    )
    assert 5 * 205 in [place.bytes for place in step.memory.places if place.kind == "mask"]
    assert "pock.pack_bits" not in step.ir("schedule")


# Arguments and errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (65536, 65536),
        ("65536", 65536),
        ("256K", 256 << 10),
        ("256 kB", 256 << 10),
        ("256KiB", 256 << 10),
        ("1.5MB", 3 << 19),
        (" 2g ", 2 << 30),
        ("100b", 100),
        ("0.1K", 102),
        ("9007199254740993", 9007199254740993),
        (2**63 - 1, 2**63 - 1),
    ],
)
def test_bytes_as_people_write_them(value: Any, count: int) -> None:
    assert parse_bytes("ram", value) == count


@pytest.mark.parametrize(
    "value",
    [-1, "-1", 1.5, True, None, "", "K", "1e6", "64 XB", "64KBit", "1,000", "½K", [64], 2**63, "8589934592G", b"64"],
)
def test_other_bytes_are_refused(value: Any) -> None:
    with pytest.raises(pock.ArgumentError, match=r"^ram: expected a number of bytes, as 65536 or '64KB', but got"):
        parse_bytes("ram", value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_limit": "64 cows"}, "memory_limit: expected a number of bytes"),
        ({"memory_limit": -1}, "memory_limit: expected a number of bytes"),
        ({"memory": {"reorder": False}}, "memory: expected a pockmlir.MemoryOptions, but got dict"),
        ({"memory": pock.MemoryOptions(limit=1), "memory_limit": 1}, "memory_limit: there is another one in memory"),
    ],
)
def test_bad_arguments_of_compile(options: dict[str, Any], message: str) -> None:
    with pytest.raises(pock.ArgumentError, match=message):
        compiled(**options)


@pytest.mark.parametrize("name", ["reorder", "recompute", "in_place", "reuse"])
def test_switches_are_true_or_false(name: str) -> None:
    with pytest.raises(pock.ArgumentError, match=f"memory.{name}: expected True or False, but got 1"):
        pock.MemoryOptions(**{name: 1})  # type: ignore[arg-type]


def test_guards_are_bytes() -> None:
    assert pock.MemoryOptions(guard="1K").pipeline_options() == {"plan": {"guard": "1024"}}  # type: ignore[arg-type]
    with pytest.raises(pock.ArgumentError, match=r"memory\.guard"):
        pock.MemoryOptions(guard=-8)


def test_options_are_those_of_the_pipelines() -> None:
    assert pock.MemoryOptions().pipeline_options() == {}
    options = pock.MemoryOptions(None, False, False, False, False, 8)
    assert options.pipeline_options() == {
        "schedule": {"reorder": "false", "recompute": "false"},
        "kernels": {"reorder": "false"},
        "plan": {"reorder": "false", "in-place": "false", "reuse": "false", "guard": "8"},
    }


def test_limit_in_the_options() -> None:
    options = pock.MemoryOptions(limit="1K")
    assert options.limit == 1024
    with pytest.raises(pock.MemoryLimitError, match="memory_limit: 1024 bytes are not enough"):
        compiled(memory=options)


def test_error_names_what_stands_in_the_way() -> None:
    step = compiled()
    error = smallest_of(lambda **_: compiled(memory_limit=100))
    stored = step.memory.constants + step.memory.state
    assert (error.limit, error.smallest > stored) == (100, True)
    assert isinstance(error, pock.PockError)
    arena = error.smallest - stored
    assert f"parameters and optimizer state {stored}, arena {arena}" in str(error)
    assert 0 < len(error.tensors) <= 8
    counts = [count for count, _ in error.tensors]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) <= arena
    layers = {name.rpartition(".")[0] for name, _ in Convolutional().named_parameters()}
    assert any(what.endswith(f" in {layer}") for _, what in error.tensors for layer in layers)
    assert f"{counts[0]:,} bytes: {error.tensors[0][1]}" in str(error)


def test_facts_become_the_error() -> None:
    fact = {"kind": "memory limit", "limit": 9, "smallest": 12, "reason": "no", "tensors": [[8, "of k in a"]]}
    error = read_limit_error([{"kind": "scheme"}, fact])
    assert error is not None
    assert (error.limit, error.smallest, error.tensors) == (9, 12, ((8, "of k in a"),))
    assert str(error) == "memory_limit: 9 bytes are not enough: no\n             8 bytes: of k in a"
    assert read_limit_error([{"kind": "scheme"}]) is None


def test_other_failures_are_not_about_limits() -> None:
    module = "module attributes {pock.memory_limit = 1.0} {}"
    with pytest.raises(RuntimeError, match="to be a number of bytes") as error:
        load_core().run_pipeline(module, "builtin.module(pock-fit-memory)")
    assert facts_of(error.value) == []


# The zoo ------------------------------------------------------------------------------------------


def zoo() -> list[Any]:
    names = sorted(ARCHITECTURES)
    return [pytest.param(name, scheme, id=f"{name}-{scheme}") for name in names for scheme in ("full", "sparse")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme"), zoo())
def test_zoo_trains_the_same(name: str, scheme: str) -> None:
    case = ARCHITECTURES[name].at("small")
    inputs, target = case.batch(0)

    def train(**options: Any) -> tuple[pock.Memory, Any]:
        step = pock.compile(
            case.model(),
            inputs,
            loss=case.loss,
            optimizer=pock.SGD(lr=case.lr, momentum=0.9),
            scheme=case.scheme(scheme),
            example_target=target if callable(case.loss) else None,
            # Fast arithmetic may sum in another order where memory is short: Winograd's algorithm needs much.
            arithmetic="portable",
            **options,
        )
        return step.memory, bits(step, case.batch)

    default, expected = train()
    for variant, memory in VARIANTS.items():
        assert train(memory=memory)[1] == expected, variant
    smallest = smallest_of(train).smallest
    for limit in {smallest, (smallest + default.total) // 2}:
        memory, found = train(memory_limit=limit)
        assert memory.total <= limit
        assert found == expected, limit
