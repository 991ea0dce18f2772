"""Memory by kind and by layer, on figures small enough to add up by hand."""

import json

import pytest
from pockmlir import Memory
from pockmlir.artifact.memory import KindBytes, LayerBytes, read_memory
from pockmlir.artifact.places import read_places

# Nine launches, the loss is #4; (offset, bytes, begin, end, overwritten, dtype), one after the other in the arena.
PLACES = [
    (0, 64, 0, 3, True, "f32"),  # an activation that #3 overwrites …
    (0, 64, 3, 6, True, "f32"),  # … with one that is saved, which #6 overwrites …
    (0, 64, 6, 8, False, "f32"),  # … with a gradient
    (64, 64, 1, 1, False, None),
    (64, 16, 2, 7, False, "i1"),
    (128, 16, 2, 5, False, "i8"),
    (128, 128, 6, 7, False, "bf16"),
    (192, 8, 3, 4, False, "i8"),
]
LIVE = [64, 128, 96, 104, 104, 96, 208, 208, 64]
LABELS = [
    "a.conv conv",
    "a.conv conv",
    "a.relu cmp",
    "b relu",
    "(loss) sum",
    " fill",
    "b.weight conv_grad",
    "b x",
    "a y",
]


def manifest():
    keys = ("offset", "bytes", "begin", "end", "overwritten", "dtype")
    places = [dict(zip(keys, entry, strict=True)) for entry in PLACES]
    for place in places:
        place["shape"] = [place["bytes"]] if place["dtype"] else None
    memory = {"loss": 4, "places": places, "timeline": list(zip(LABELS, LIVE, strict=True))}
    names = [
        ("b.weight", "parameter", 40, None), ("b.weight.exp_avg", "state", 48, "b.weight"),
        ("scale", "buffer", 4, None), ("optimizer.step", "state", 8, None), ("$prepared_0", "prepared", 12, None),
    ]  # fmt: skip
    tensors = [{"name": name, "kind": kind, "bytes": size, "of": of} for name, kind, size, of in names]
    segments = {"constants": 64, "state": 256, "arena": 256}
    return {"segments": segments, "tensors": tensors, "memory": memory}


@pytest.fixture
def memory() -> Memory:
    return read_memory(manifest())


def test_kinds(memory):
    kinds = [place.kind for place in memory.places]
    assert kinds == ["activation", "saved", "gradient", "workspace", "mask", "mask", "gradient", "activation"]


def test_saved_bytes_are_a_mask_only_if_they_are_truth_values():
    place = {"offset": 0, "bytes": 8, "begin": 0, "end": 2, "overwritten": False, "shape": [8], "dtype": "i8"}
    memory = {"loss": 1, "places": [place | {"mask": True}, place | {"mask": False}]}
    assert [found.kind for found in read_places(memory, ["a b"] * 3, ())] == ["mask", "saved"]


def test_overwritten_bytes_count_once(memory):
    assert [(place.begin, place.end, place.last_use) for place in memory.places[:3]] == [
        (0, 2, 3),
        (3, 5, 6),
        (6, 8, 8),
    ]
    assert [sum(live) for live in zip(*memory.live_by_kind.values(), strict=True)] == LIVE


def test_live_bytes_of_each_kind(memory):
    assert dict(memory.live_by_kind) == {
        "saved": (0, 0, 0, 64, 64, 64, 0, 0, 0),
        "mask": (0, 0, 32, 32, 32, 32, 16, 16, 0),
        "gradient": (0, 0, 0, 0, 0, 0, 192, 192, 64),
        "activation": (64, 64, 64, 8, 8, 0, 0, 0, 0),
        "workspace": (0, 64, 0, 0, 0, 0, 0, 0, 0),
    }


def test_by_kind_adds_up_to_everything(memory):
    assert memory.peak == 6
    assert memory.by_kind() == [
        KindBytes("parameter", 40, 40),
        KindBytes("buffer", 4, 4),
        KindBytes("state", 56, 56),
        KindBytes("prepared", 12, 12),
        KindBytes("constant", 0, 0),
        KindBytes("saved", 0, 64),
        KindBytes("mask", 16, 32),
        KindBytes("gradient", 192, 192),
        KindBytes("activation", 0, 64),
        KindBytes("workspace", 0, 64),
        KindBytes("gaps", 64 + 256 + 256 - 112 - 208, 0),
    ]
    assert sum(entry.peak for entry in memory.by_kind()) == memory.total


def test_by_layer(memory):
    assert memory.by_layer() == [
        # The launch named by its parameter is its module's.
        LayerBytes("b", parameters=40, optimizer_state=48, saved=64, peak=192 - 64 + 64, most=192),
        LayerBytes("a.relu", parameters=0, optimizer_state=0, saved=32, peak=16, most=32),
        LayerBytes("(model)", parameters=4, optimizer_state=8, saved=0, peak=0, most=0),
        LayerBytes("(prepared)", parameters=12, optimizer_state=0, saved=0, peak=0, most=0),
        LayerBytes("a.conv", parameters=0, optimizer_state=0, saved=0, peak=0, most=128),
    ]


def test_what_lives_at_a_moment(memory):
    assert [(place.bytes, place.kernel, place.tensor) for place in memory.at(6)] == [
        (128, "conv_grad", "128xbf16"), (64, "conv_grad", "64xf32"), (16, "cmp", "16xi1"),
    ]  # fmt: skip
    assert memory.at(1)[1].tensor == ""


def test_data_is_json(memory):
    data = json.loads(json.dumps(memory.to_dict()))
    assert data["peak"] == 6
    assert data["places"][4]["kind"] == "mask"
    assert data["by_layer"][0] == {
        "layer": "b", "parameters": 40, "optimizer_state": 48, "saved": 64, "peak": 192, "most": 192, "total": 280,
    }  # fmt: skip


def test_nothing_at_all():
    memory = Memory(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert memory.by_layer() == []
    assert {entry.peak for entry in memory.by_kind()} == {0}
    assert memory.at(memory.peak) == []


def test_loss_that_is_an_argument_leaves_gradients_only():
    data = manifest()
    data["memory"]["loss"] = -1
    assert {place.kind for place in read_memory(data).places} == {"gradient", "workspace"}
