"""The report: the contract in words and as data."""

import json

import pytest
from fake_step import MANIFEST, make_step
from pockmlir import ArgumentError, Memory, ParameterInfo, draw_memory
from pockmlir.artifact.arithmetic import arithmetic_of
from pockmlir.core.extension import load_core
from pockmlir.report.picture import largest_moments, shorten, sparkline, sparklines
from pockmlir.support.sizes import format_bytes


def with_update(update):
    tensors = [dict(entry) for entry in MANIFEST["tensors"]]
    tensors[1]["update"] = update
    return make_step(manifest=MANIFEST | {"tensors": tensors})


def entry(step, name="fc.weight"):
    return next(entry for entry in step.report().parameters if entry.name == name)


def test_trained_whole():
    assert entry(make_step()).trains == "all"
    assert entry(make_step()).trained_elements == 6


def test_slice_is_told_in_torch_dimensions():
    # Stored as in x out: dimension 0 there is dimension 1, the input channels, here.
    found = entry(with_update({"axis": 0, "size": 2}))
    assert (found.trains, found.slice, found.trained_elements) == ("slice", (1, 2), 4)
    assert found.detail == "2 of 3 input channels"


def test_trained_by_the_scheme_but_not_by_the_compiler():
    assert entry(with_update("none")).trains == "without gradient"


def test_unused_parameter_is_frozen():
    assert entry(make_step(), "unused.weight").trains == "frozen"


def test_requires_grad_false_is_named():
    infos = (ParameterInfo("scale", (3,), requires_grad=False),)
    report = make_step(parameters=infos, fractions={"scale": 0.0}).report()
    assert report.parameters[0].detail == "requires_grad=False"


def test_tied_parameter_tells_its_names():
    infos = (ParameterInfo("scale", (3,), requires_grad=False, aliases=("other.scale",)),)
    report = make_step(parameters=infos, fractions={"scale": 0.0}).report()
    assert report.parameters[0].detail == "requires_grad=False; also other.scale"


def test_text_has_the_whole_contract():
    text = str(make_step().report())
    for part in ["fc.weight", "2x3", "bn", "inference", "trains 8 of 9 parameters", "float32", "384", "scheme: fc.*=1"]:
        assert part in text or part == "384", part
    assert "\x1b" not in text


def test_names_are_not_markup():
    infos = (ParameterInfo("[red]w", (1,)),)
    assert "[red]w" in str(make_step(parameters=infos, fractions={"[red]w": 0.0}).report())


def test_data_is_json_and_has_the_figures():
    data = json.loads(json.dumps(make_step().report().to_dict()))
    assert data["memory"]["total"] == 64 + 384 + 128
    assert data["memory"]["timeline"][1] == ["cross_entropy", 96]
    assert data["trained_elements"] == 8
    assert data["parameters"][0]["trains"] == "all"
    assert data["norm_modes"] == {"bn": "inference"}
    assert data["optimizer"] == {
        "kind": "sgd",
        "lr": 0.1,
        "momentum": 0.5,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
        "maximize": False,
    }


def test_promised_bytes_are_those_of_the_buffers():
    step = make_step()
    instance = step._instance
    assert step.memory.arena == instance.arena.size
    assert step.memory.state == instance.state.size
    assert step.memory.constants == instance.constants.size


@pytest.mark.parametrize(
    ("code", "key", "value"),
    [
        ("llvm.intr.fma(%a, %b, %a) : (f32, f32, f32) -> f32", "multiply-add", "fused"),
        ("llvm.fmul %a, %b : f32", "multiply-add", "two roundings"),
        ("llvm.call @expf(%a) : (f32) -> f32", "exp, log, tanh, pow, erf", "libm: exp"),
        ("llvm.intr.log(%a) : (f32) -> f32", "exp, log, tanh, pow, erf", "libm: log"),
        ("llvm.fadd %a, %b : f32", "exp, log, tanh, pow, erf", "polynomials, same on every target"),
        ("llvm.fadd %a, %b {fastmathFlags = #llvm.fastmath<reassoc>} : f32", "reordering by the compiler", "allowed"),
        ("llvm.fadd %a, %b {fastmathFlags = #llvm.fastmath<contract>} : f32", "reordering by the compiler", "none"),
    ],
)
def test_arithmetic_is_read_off_the_code(code, key, value):
    core = load_core()
    module = f"""
        module attributes {{pock.target = {core.host_target()}}} {{
          llvm.func @expf(f32) -> f32
          llvm.func @f(%a: f32, %b: f32) -> f32 {{
            %r = {code}
            llvm.return %r : f32
          }}
        }}"""
    objects, facts, *_ = core.generate(module, "builtin.module()")
    assert objects
    step = make_step()
    found = arithmetic_of(step.artifact.manifest, step.artifact.training, step.artifact.target, json.loads(facts))
    assert found[key] == value


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (3 << 30, "3.0 GiB")]
)
def test_bytes_for_people(count, text):
    assert format_bytes(count) == text


def memory(*live):
    timeline = tuple((f"op{index}", value) for index, value in enumerate(live))
    return Memory(0, 0, max(live, default=0), 0, 0, 0, 0, 0, 0, timeline)


def test_sparkline():
    assert sparkline(memory(0, 4, 8)) == " ▄█"
    assert sparkline(memory(*range(1000))).endswith("█")
    assert len(sparkline(memory(*range(1000)), width=50)) == 50
    assert sparkline(memory()) == ""


def test_sparkline_keeps_a_short_peak():
    assert "█" in sparkline(memory(*[1] * 500, 100, *[1] * 500), width=10)


def test_largest_moments():
    assert largest_moments(memory(1, 9, 3, 9), 3) == [(1, "op1", 9), (3, "op3", 9), (2, "op2", 3)]


def test_sparklines_are_on_one_scale():
    # The arena has 128 bytes, a bar 16.
    assert sparkline(make_step().memory) == "▂▆▄"
    assert dict(sparklines(make_step().memory)) == {
        "saved activations": "▂▂▂",
        "activations of the forward pass": " ▄ ",
        "gradients": "  ▂",
    }


@pytest.mark.parametrize(("width", "text"), [(9, "abcdefghi"), (8, "abc…ghi"), (5, "ab…hi")])
def test_shorten(width, text):
    assert shorten("abcdefghi", width) == text


@pytest.mark.parametrize("name", ["memory.png", "memory.svg", "memory.pdf", "memory.html"])
def test_same_step_same_picture(tmp_path, name):
    memories = {"$a$": make_step().memory, "b_{": memory(1, 9, 3), "empty": memory()}
    for directory in ("first", "second"):
        (tmp_path / directory).mkdir()
        draw_memory(memories, tmp_path / directory / name)
    first = (tmp_path / "first" / name).read_bytes()
    assert first == (tmp_path / "second" / name).read_bytes()
    assert first.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF", "html": b"<!doctype html>"}[name[7:]])


@pytest.mark.parametrize(
    ("memories", "name", "message"),
    [
        ({}, "memory.png", "expected at least one"),
        ({"a": memory()}, "memory.docx", r"ends in \.png, \.svg, \.pdf or \.html, but got 'memory\.docx'"),
        ({"a": memory()}, "memory", "but got 'memory'"),
    ],
)
def test_what_cannot_be_drawn(tmp_path, memories, name, message):
    with pytest.raises(ArgumentError, match=message):
        draw_memory(memories, tmp_path / name)
