"""Memory by kind of compiled models: against the launches of stage ``plan``, and against figures by hand."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from itertools import pairwise

import pockmlir as pock
import pytest
from models import ARCHITECTURES
from pockmlir.artifact.manifest import dtype_of
from pockmlir.report.arena_map import arena_map
from test_arena_map import Page, overlap

torch = pytest.importorskip("torch")

VIEW = re.compile(r"(%\w+) = memref\.view %arg2\[(%\w+)\]\[\] : .* to memref<(.*?)>$")
LAUNCH = re.compile(r"pock\.launch @(\S+)(?: ins\((?P<ins>[^:)]*)[^)]*\))?(?: outs\((?P<outs>[^:)]*).*)?$")
CONSTANT = re.compile(r"(%\w+) = arith\.constant (\d+) : index$")


def compiled(name, scheme, **options):
    architecture = ARCHITECTURES[name]
    model, (x, _) = architecture.model(), architecture.batch(0)
    return pock.compile(model, (x,), loss="cross_entropy", optimizer=pock.Adam(), scheme=scheme, **options)


def step_lines(step):
    text = step.ir("plan")
    begin = text.index("func.func @step(")
    return [line.strip() for line in text[begin : text.index("\n  }", begin)].splitlines()]


def read_values(step):
    """What `@step` writes to the arena: (offset, bytes, first, last launch that has it), from its text alone."""
    constants, views, values, now = {}, {}, [], 0
    latest: dict[int, list[int]] = {}
    for line in step_lines(step):
        if match := CONSTANT.match(line):
            constants[match[1]] = int(match[2])
        elif match := VIEW.match(line):
            *shape, dtype = match[3].split("x")
            views[match[1]] = constants[match[2]], math.prod(map(int, shape)) * dtype_of(dtype).itemsize
        elif match := LAUNCH.match(line):
            ins, outs = (re.findall(r"%\w+", match[part] or "") for part in ("ins", "outs"))
            for name in ins:
                if name in views:
                    latest[views[name][0]][3] = now
            for name in outs:
                if name in views:
                    value = [*views[name], now, now]
                    latest[views[name][0]] = value
                    values.append(value)
            now += 1
    return values


CASES = [
    ("mlp", pock.Scheme.full(), {}),
    ("lenet", pock.Scheme.last(2), {"accumulate": 2, "clip_grad_norm": 1.0}),
    ("resnet8", pock.Scheme.full(), {"precision": "bf16"}),
    ("cnn1d", pock.Scheme.bias_only(), {}),
]


@pytest.fixture(scope="module", params=CASES, ids=[case[0] for case in CASES])
def step(request):
    name, scheme, options = request.param
    return compiled(name, scheme, **options)


def test_places_are_what_the_launches_write(step):
    places = sorted((place.offset, place.bytes, place.begin, place.last_use) for place in step.memory.places)
    assert places == sorted(map(tuple, read_values(step)))


def test_no_two_places_overlap(step):
    memory = step.memory
    rectangles = Page(arena_map({"step": memory})).maps[0]["places"]
    assert len(rectangles) == len(memory.places)
    assert not any(overlap(a, b) for i, a in enumerate(rectangles) for b in rectangles[:i])
    for x, y, width, height, *_ in rectangles:
        assert 0 <= x < x + width <= memory.launches
        assert 0 <= y < y + height <= memory.arena
        assert y % step.artifact.manifest.alignment == 0


def test_overwritten_places_are_followed(step):
    by_offset = defaultdict(list)
    for place in step.memory.places:
        by_offset[place.offset].append(place)
    for places in by_offset.values():
        for place, following in pairwise(sorted(places, key=lambda place: place.begin)):
            assert place.last_use == place.end or (following.begin, following.bytes) == (place.last_use, place.bytes)


def test_kinds_add_up_at_every_moment(step):
    memory = step.memory
    live = [0] * memory.launches
    for place in memory.places:
        for now in range(place.begin, place.end + 1):
            live[now] += place.bytes
    assert live == [count for _, count in memory.timeline]
    assert [sum(counts) for counts in zip(*memory.live_by_kind.values(), strict=True)] == live
    assert max(live) == live[memory.peak] <= memory.lower_bound  # which knows of alignment
    assert sum(place.bytes for place in memory.at(memory.peak)) == max(live)


def test_figures_of_the_compiler_agree(step):
    memory, data = step.memory, step.artifact.manifest.data["memory"]
    kinds = {entry.kind: entry for entry in memory.by_kind()}
    assert memory.saved == sum(place.bytes for place in memory.places if place.kind in ("saved", "mask"))
    assert memory.gradients == kinds["gradient"].most
    assert memory.workspace == max((place.bytes for place in memory.places if place.kind == "workspace"), default=0)
    assert memory.parameters == kinds["parameter"].peak + kinds["buffer"].peak
    assert memory.optimizer_state == kinds["state"].peak
    assert sum(entry.peak for entry in kinds.values()) == memory.total
    assert kinds["gaps"].peak >= memory.arena - memory.lower_bound >= data["arena"] - memory.lower_bound >= 0
    layers = memory.by_layer()
    assert sum(layer.total for layer in layers) + kinds["gaps"].peak == memory.total
    assert sum(layer.saved for layer in layers) == memory.saved


def test_layers_are_modules(step):
    modules = {info.name.rpartition(".")[0] for info in step.artifact.parameters}
    layers = {layer.layer for layer in step.memory.by_layer()}
    assert modules - {""} <= layers
    assert not {info.name for info in step.artifact.parameters} & layers


def test_small_model_by_hand():
    model = torch.nn.Sequential(torch.nn.Linear(13, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    step = pock.compile(
        model, (torch.zeros(4, 13),), loss="mse", optimizer=pock.SGD(momentum=0.9), scheme=pock.Scheme.full()
    )
    kinds = {entry.kind: entry.peak for entry in step.memory.by_kind()}
    trained = (13 * 8 + 8 + 8 * 3 + 3) * 4
    assert (kinds["parameter"], kinds["state"]) == (trained, trained)
    saved = {(place.layer, place.tensor): place.bytes for place in step.memory.places if place.kind == "saved"}
    # The result of tanh, for its own gradient and the second weight's; the output minus the target, in one kernel
    # with the second product, for the gradient of its square.
    assert saved == {("0", "4x8xf32"): 4 * 8 * 4, ("2", "4x3xf32"): 4 * 3 * 4}


def test_frozen_layers_save_nothing():
    full, last = (compiled("mlp", scheme).memory for scheme in (pock.Scheme.full(), pock.Scheme.last(1)))
    saved = {layer.layer: layer.saved for layer in full.by_layer()}
    assert {layer.layer for layer in last.by_layer() if layer.saved} < {name for name, count in saved.items() if count}
    assert last.by_kind()[2].peak < full.by_kind()[2].peak
