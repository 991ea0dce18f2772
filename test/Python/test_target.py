"""The table of targets, and what `compile` is told about memory and arithmetic."""

from __future__ import annotations

import dataclasses

import pockmlir as pock
import pytest
import torch
from pockmlir.device.machines import machine_of
from pockmlir.support.sizes import parse_bytes

MICROCONTROLLERS = [name for name in pock.Target.names() if name.startswith(("cortex-m", "riscv32"))]


def test_every_name_is_a_target_and_errors_list_them():
    microcontrollers = [f"cortex-m{core}" for core in ("0plus", "3", "4", "7", "33", "55", "85")]
    assert pock.Target.names() == (
        "host",
        "aarch64-linux",
        "x86-64-linux",
        *microcontrollers,
        "riscv32imc",
        "riscv32imfc",
        "vulkan",
    )
    for name in pock.Target.names():
        assert pock.Target.named(name).name == name
    with pytest.raises(pock.ArgumentError, match=r"expected one of host, aarch64-linux, .*, but got 'cortex-m9'"):
        pock.Target.named("cortex-m9")


def test_a_processor_stands_behind_a_colon():
    target = pock.Target.named("aarch64-linux:cortex-a72")
    assert (target.cpu, target.name, target.c_flags[-1]) == (
        "cortex-a72",
        "aarch64-linux:cortex-a72",
        "-mcpu=cortex-a72",
    )
    with pytest.raises(
        pock.ArgumentError, match=r"expected one of aarch64-linux:cortex-a53, .* but got 'aarch64-linux:"
    ):
        pock.Target.named("aarch64-linux:cortex-m7")
    with pytest.raises(pock.ArgumentError, match=r"expected one of cortex-m4, but got 'cortex-m4:x'"):
        pock.Target.named("cortex-m4:x")


def test_the_host_is_what_llvm_sees():
    host = pock.Target.host()
    assert host.native
    assert not host.bare_metal
    assert host.index_bits == 64
    assert f'cpu = "{host.cpu}"' in host.attributes


@pytest.mark.parametrize(
    ("triple", "reason"),
    [
        ("nvptx64-nvidia-cuda", "expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'nvptx64-"),
        ("spirv64-unknown-vulkan", "expected a triple of an x86, .* but got 'spirv64-"),
        ("hexagon-unknown-elf", "expected a triple of an x86, .* but got 'hexagon-"),
        ("pdp11-none-none", "LLVM does not know the processor of 'pdp11-none-none'"),
    ],
)
def test_a_target_without_a_back_end_is_refused_before_the_import(triple, reason):
    target = pock.Target("other", triple=triple)
    message = rf"^target: no back end for the target '{triple}' \(cpu: {reason}"
    with pytest.raises(pock.ArgumentError, match=message):
        pock.Target.coerce(target)
    # What is no model would be refused by the import.
    with pytest.raises(pock.ArgumentError, match=message):
        pock.compile(
            torch.nn.Linear(2, 2),
            (object(),),
            loss="mse",
            optimizer=pock.SGD(lr=0.1),
            scheme=pock.Scheme.full(),
            target=target,
        )


def test_a_target_says_who_compiles_it():
    assert pock.Target.host().backend == "cpu"
    assert pock.Target.named("cortex-m7").backend == "cpu"


def test_a_description_that_is_none_is_refused():
    with pytest.raises(pock.ArgumentError, match=r"target: expected 'index_bits' to be 32 or 64, but got 16"):
        pock.Target.coerce(pock.Target("odd", index_bits=16))


def test_microcontrollers_are_not_this_machine():
    for name in MICROCONTROLLERS:
        target = pock.Target.named(name)
        assert target.bare_metal
        assert target.arithmetic == "portable"
        assert not target.native
        assert "index_bits = 32," in target.attributes
        assert "runner" not in target.attributes


@pytest.mark.parametrize(
    ("name", "unit"),
    [("host", ""), ("cortex-m4", "FPU"), ("cortex-m85", "FPU and Helium"), ("cortex-m0plus", ""), ("riscv32imc", "")],
)
def test_a_target_says_what_to_switch_on(name, unit):
    assert pock.Target.named(name).unit == unit


def test_every_microcontroller_has_an_emulated_board():
    for name in MICROCONTROLLERS:
        machine = machine_of(pock.Target.named(name))
        assert machine.ram(64 << 10)[1] == 64 << 10
    with pytest.raises(pock.PockError, match="mine: no board of that kind is known: 'breadboard'"):
        machine_of(dataclasses.replace(pock.Target.named("cortex-m4"), name="mine", runner="breadboard"))


def test_targets_can_be_made():
    board = dataclasses.replace(pock.Target.named("cortex-m7"), name="board", ram=320 << 10)
    assert pock.Target.coerce(board) == board
    assert pock.Target.coerce(board, ram="64K", flash="1M").ram == 65536
    assert pock.Target.coerce(board, arithmetic="fast").arithmetic == "fast"


@pytest.mark.parametrize(
    ("value", "bytes_"),
    [(17, 17), ("17", 17), ("256K", 256 << 10), ("1M", 1 << 20), ("320 KiB", 320 << 10), ("64kb", 65536), ("2B", 2)],
)
def test_sizes(value, bytes_):
    assert parse_bytes("ram", value) == bytes_


@pytest.mark.parametrize("value", ["", "K", "1.5.K", "-1", -1, True, "1T", None, 2.0])
def test_sizes_that_are_none(value):
    with pytest.raises(pock.ArgumentError, match="ram: expected a number of bytes"):
        parse_bytes("ram", value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"value": 3}, "target: expected a name or a pockmlir.Target, but got int"),
        ({"value": "host", "arithmetic": "exact"}, "arithmetic: expected one of fast, portable, but got 'exact'"),
        ({"value": "host", "ram": "lots"}, "ram: expected a number of bytes"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(pock.ArgumentError, match=message):
        pock.Target.coerce(options.pop("value"), **options)
