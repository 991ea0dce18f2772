"""`Imported.plan`: what a compiled step will have, without code; one import for many plans."""

import random
from dataclasses import fields

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore")]

PLAN_STAGES = ["graph", "training", "schedule", "kernels", "plan"]
SCHEMES = {
    "full": pock.Scheme.full(),
    "sparse": pock.Scheme({"head.*": 1.0, "second.weight": 0.5}),
    "bias-only": pock.Scheme.bias_only(),
}


class Convolutional(nn.Module):
    """Convolutions wide enough for Winograd's algorithm, and values that can be computed again."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm = nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.second, self.third = nn.Conv2d(32, 32, 3, padding=1), nn.Conv2d(32, 32, 3, padding=1)
        self.head = nn.Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu6(self.norm(self.first(x)))
        x = torch.tanh(self.third(torch.tanh(self.second(x))))
        return self.head(x.mean((2, 3)))


def example() -> torch.Tensor:
    return torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def imported() -> pock.Imported:
    return pock.import_model(
        Convolutional(), (example(),), loss="cross_entropy", optimizer=pock.SGD(lr=0.1, momentum=0.9)
    )


@pytest.fixture(scope="module")
def steps(imported: pock.Imported) -> dict[str, pock.Step]:
    return {name: imported.compile(scheme) for name, scheme in SCHEMES.items()}


def assert_equal(plan: pock.Plan, step: pock.Step) -> None:
    for field in fields(pock.Memory):
        assert getattr(plan.memory, field.name) == getattr(step.memory, field.name), field.name
    assert plan == step.plan
    assert (plan.flops, len(plan.launches)) == (step.memory.flops, step.memory.launches)
    assert sum(work.launches for work in plan.by_layer()) == step.memory.launches
    assert sum(work.flops for work in plan.by_phase()) == step.memory.flops


def test_a_plan_has_what_the_step_has(imported, steps):
    for name, step in steps.items():
        assert_equal(imported.plan(SCHEMES[name]), step)


def test_a_step_of_an_import_is_that_of_compile(steps):
    step = pock.compile(
        Convolutional(),
        (example(),),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=0.1, momentum=0.9),
        scheme=SCHEMES["sparse"],
    )
    assert step.artifact.object_code == steps["sparse"].artifact.object_code
    assert [step.ir(stage) for stage in pock.STAGES] == [steps["sparse"].ir(stage) for stage in pock.STAGES]


def test_twenty_plans_in_any_order(imported, steps):
    order = random.Random(0).choices(list(SCHEMES), k=20)
    for name in order:
        assert imported.plan(SCHEMES[name]) == steps[name].plan


def test_plans_under_a_limit(imported):
    scheme = SCHEMES["full"]
    with pytest.raises(pock.MemoryLimitError) as planned:
        imported.plan(scheme, memory_limit=1024)
    with pytest.raises(pock.MemoryLimitError) as compiled:
        imported.compile(scheme, memory_limit=1024)
    assert str(planned.value) == str(compiled.value)
    assert planned.value.tensors == compiled.value.tensors
    assert planned.value.smallest == compiled.value.smallest
    limit = planned.value.smallest
    assert limit < imported.plan(scheme).memory.total
    plan = imported.plan(scheme, memory_limit=limit)
    assert plan.memory.total <= limit
    assert_equal(plan, imported.compile(scheme, memory_limit=limit))


def test_a_plan_stops_before_code(imported):
    seen: list[str] = []
    imported.plan(SCHEMES["sparse"], on_stage=seen.append)
    assert seen == PLAN_STAGES
    seen.clear()
    imported.compile(SCHEMES["bias-only"], on_stage=seen.append)
    assert seen == [*PLAN_STAGES, "llvm", "object", "link"]


def test_plan_imports_and_plans(imported):
    seen: list[str] = []
    plan = pock.plan(
        Convolutional(),
        (example(),),
        loss="cross_entropy",
        optimizer=pock.SGD(lr=0.1, momentum=0.9),
        scheme=SCHEMES["sparse"],
        on_stage=seen.append,
    )
    assert plan == imported.plan(SCHEMES["sparse"])
    assert seen == ["import", *PLAN_STAGES]


def test_options_of_a_plan_replace_those_of_the_import(imported):
    scheme = SCHEMES["sparse"]
    small = imported.plan(scheme, target="cortex-m7", name="small")
    assert small.name == "small"
    assert small.memory.arena != imported.plan(scheme).memory.arena
    adam = imported.plan(scheme, optimizer=pock.Adam())
    assert adam.memory.optimizer_state > imported.plan(scheme).memory.optimizer_state
    with pytest.raises(TypeError, match="unexpected keyword argument 'limit'"):
        imported.plan(scheme, limit=3)
    with pytest.raises(pock.SchemeError, match="empty"):
        imported.plan({})


def test_a_plan_is_read_by_people_and_programs(imported):
    plan = imported.plan(SCHEMES["sparse"])
    text, data = str(plan), plan.to_dict()
    for part in ("constants + state + arena", "second", "backward", f"{plan.flops:,} operations"):
        assert part in text, part
    assert data["memory"] == plan.memory.to_dict()
    assert sum(entry["flops"] for entry in data["by_layer"]) == data["flops"] == plan.flops


def test_steps_begin_with_the_values_of_the_import():
    model = nn.Sequential(nn.Linear(3, 2))
    before = {name: value.clone().numpy() for name, value in model.state_dict().items()}
    imported = pock.import_model(model, (torch.ones(4, 3),), loss="mse", optimizer=pock.SGD(lr=0.1))
    with torch.no_grad():
        model[0].weight.mul_(2.0)
    first = imported.compile(pock.Scheme.full())
    first(torch.ones(4, 3), torch.zeros(4, 2))
    second = imported.compile(pock.Scheme.full())
    for name, value in second.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
        assert not np.array_equal(first.state_dict()[name], value)


def test_moments_of_a_model_that_has_changed_are_refused():
    model = nn.Sequential(nn.Linear(3, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    imported = pock.import_model(model, (torch.ones(4, 3),), loss="mse", optimizer=optimizer)
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    with pytest.raises(pock.ArgumentError, match=r"'0\.weight' has changed since the import"):
        imported.plan(pock.Scheme.full())
