"""The map of the arena: a page that is complete in itself, whose rectangles are the plan's."""

from html.parser import HTMLParser

import pytest
from fake_step import MANIFEST, make_step
from pockmlir import Memory
from pockmlir.artifact.memory import read_memory
from pockmlir.artifact.places import ARENA_KINDS, Place
from pockmlir.report.arena_map import arena_map
from test_memory import manifest


@pytest.fixture
def memory() -> Memory:
    return read_memory(manifest())


class Page(HTMLParser):
    """Collects the rectangles of each map, and what would be loaded from elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.maps, self.foreign, self.open, self.text = [], [], [], ""
        self.feed(text)
        assert not self.open, "every element is closed"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "svg":
            self.maps.append({"viewBox": attributes["viewbox"], "places": []})
        elif tag == "rect":
            self.add(attributes)
        self.foreign += [key for key in attributes if key in ("src", "href", "xlink:href", "srcset", "onload")]
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag == "rect":
            self.add(dict(attrs))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def add(self, attributes):
        if attributes["class"].startswith("place "):
            numbers = [int(attributes[key]) for key in ("x", "y", "width", "height")]
            self.maps[-1]["places"].append((*numbers, attributes["class"].split()[1], attributes["data-tip"]))


def overlap(a, b):
    return all(a[axis] < b[axis] + b[axis + 2] and b[axis] < a[axis] + a[axis + 2] for axis in (0, 1))


def test_map_shows_every_place(memory):
    page = Page(arena_map({"net": memory, "fake": make_step().memory}))
    assert [entry["viewBox"] for entry in page.maps] == ["0 0 9 256"] * 2
    assert len(page.maps[1]["places"]) == len(MANIFEST["memory"]["places"])
    places = page.maps[0]["places"]
    assert [entry[:5] for entry in places] == [
        (place.begin, place.offset, place.end - place.begin + 1, place.bytes, place.kind) for place in memory.places
    ]
    assert not any(overlap(a, b) for i, a in enumerate(places) for b in places[:i])
    assert all(x + width <= 9 and y + height <= 256 for x, y, width, height, *_ in places)
    assert places[0][5] == (
        "64xf32: 64 bytes (64 B) at 0\nactivations of the forward pass, layer a.conv\n"
        "made by conv in #0, last used in #3, which overwrites it"
    )


def test_map_needs_nothing_from_elsewhere(memory):
    text = arena_map({"net": memory})
    assert not Page(text).foreign
    for foreign in ("http", "url(", "@import", "import("):
        assert foreign not in text


def test_map_takes_names_literally():
    name = "<script>\"$x'&</style>"
    place = Place(0, 4, 0, 0, 0, "saved", name, name, "f32", (1,))
    memory = Memory(0, 0, 4, 4, 4, 0, 0, 0, 0, ((name, 4),), (place,))
    page = Page(arena_map({name: memory}))
    assert page.text.count(name) == 4, "title, headings, summary"
    assert name in page.maps[0]["places"][0][5]


def test_map_of_many_values():
    places = tuple(
        Place(64 * (i % 50), 64, i // 2, i // 2 + 20, i // 2 + 20, ARENA_KINDS[i % 5], "a", "k", "f32", (16,))
        for i in range(2000)
    )
    memory = Memory(0, 0, 3200, 0, 0, 0, 0, 0, 0, (("a k", 3200),) * 1020, places)
    page = Page(arena_map({"net": memory}))
    assert len(page.maps[0]["places"]) == 2000
    assert 'class="dense"' in arena_map({"net": memory})
