"""Image files: the functions of the header and `Step.set_state_image` accept their own, and refuse all others."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
import torch
from llvm_tools import find_program
from pockmlir.artifact import footprint
from torch import nn

SOURCE = Path(__file__).parent / "programs" / "image.c"
STRICT = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-O1")
FOOTER = 40

#: The codes of docs/abi.md.
FORMAT, ABI, KIND, LAYOUT, FROZEN, DAMAGED = range(-2, -8, -1)

X, Y = torch.linspace(-1, 1, 32).reshape(4, 8), torch.tensor([0, 1, 2, 0])


def network(seed: int = 0, hidden: int = 6) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(8, hidden), nn.ReLU(), nn.Linear(hidden, 3))


def compiled(model: nn.Module | None = None, trained: tuple[str, ...] = ("2.*",), **options: object) -> pock.Step:
    options = {"optimizer": pock.SGD(lr=0.1, momentum=0.9), "target": "x86-64-linux"} | options
    scheme = pock.Scheme(dict.fromkeys(trained, 1.0))
    return pock.compile(model or network(), (X,), loss="cross_entropy", scheme=scheme, name="net", **options)


def same_layout() -> nn.Module:
    """A network whose frozen layer has the values of `network`, and whose trained layer has others."""
    model = network()
    with torch.no_grad():
        model[2].weight.add_(1)
    return model


class Exported:
    """An exported step, and what the C functions of its header say."""

    def __init__(self, step: pock.Step, directory: Path, *compiler: str) -> None:
        self.directory = directory
        self.step = step
        files = step.export(directory)
        self.manifest = json.loads(files["manifest"].read_text())
        self.size = self.manifest["segments"]["state"]
        self.images = {role: files[role].read_bytes() for role in ("constants", "state") if role in files}
        defines = ["-DCONSTANTS"] * ("constants" in files)
        command = [*compiler, *STRICT, *defines, "-I", directory, SOURCE, "-o", directory / "image"]
        subprocess.run([str(word) for word in command], check=True)

    def _run(self, *arguments: str | Path) -> str:
        command = [str(self.directory / "image"), *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def code(self, image: bytes, segment: str = "state") -> int:
        path = self.directory / "given.bin"
        path.write_bytes(image)
        return int(self._run(segment, path))

    def sealed(self, state: bytes) -> bytes:
        path = self.directory / "sealed.bin"
        path.write_bytes(state)
        self._run("seal", path)
        return path.read_bytes()

    def macros(self) -> list[str]:
        return self._run("sizes").split()


def c() -> list[str]:
    return [find_program("gcc", "cc", "clang-22"), "-std=c99"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return Exported(compiled(), tmp_path_factory.mktemp("net"), *c())


@pytest.fixture(scope="module")
def cpp(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return Exported(compiled(), tmp_path_factory.mktemp("cpp"), find_program("g++", "clang++-22"), "-x", "c++")


def exported_images(step: pock.Step, directory: Path) -> dict[str, bytes]:
    files = step.export(directory)
    return {role: files[role].read_bytes() for role in ("constants", "state")}


def test_its_own_images_are_accepted(exported: Exported, cpp: Exported) -> None:
    for segment, image in exported.images.items():
        assert exported.code(image, segment) == 0
        assert cpp.code(image, segment) == 0


def test_an_image_begins_with_its_segment(exported: Exported) -> None:
    """Programs that read the segment only go on working; the footer is the documented one."""
    image = exported.images["state"]
    assert len(image) == exported.size + FOOTER
    values = np.frombuffer(image, np.uint8)
    slots = exported.step.artifact.manifest.tensors
    for name, value in exported.step.state_dict().items():
        if slots[name].segment == "state":
            np.testing.assert_array_equal(slots[name].view(values), value)
    magic, abi, kind, layout, frozen, size, crc = struct.unpack("<4sIIQQQI", image[exported.size :])
    assert (magic, kind, size, crc) == (b"pock", 2, exported.size, zlib.crc32(image[: exported.size]))
    macros = [str(abi), str(exported.size), str(len(image)), f"{layout:x}", f"{frozen:x}"]
    assert exported.macros() == macros
    described = exported.manifest["images"]
    assert described["abi_version"] == abi
    assert (int(described["layout_hash"], 16), int(described["frozen_hash"], 16)) == (layout, frozen)


WRONG: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "empty": (FORMAT, lambda image: b""),
    "without a footer": (FORMAT, lambda image: image[:-FOOTER]),
    "truncated": (FORMAT, lambda image: image[:-1]),
    "shorter in front": (FORMAT, lambda image: image[8:]),
    "longer in front": (FORMAT, lambda image: bytes(8) + image),
    "old": (ABI, lambda image: image[: -FOOTER + 4] + struct.pack("<I", 0) + image[-FOOTER + 8 :]),
    "first byte flipped": (DAMAGED, lambda image: bytes([image[0] ^ 1]) + image[1:]),
    "last byte flipped": (DAMAGED, lambda image: image[: -FOOTER - 1] + b"\xa5" + image[-FOOTER:]),
    "checksum flipped": (DAMAGED, lambda image: image[:-1] + bytes([image[-1] ^ 128])),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_images_are_refused(case: str, exported: Exported, cpp: Exported) -> None:
    code, change = WRONG[case]
    image = change(exported.images["state"])
    assert exported.code(image) == code
    assert cpp.code(image) == code


def test_every_flipped_byte_is_found(exported: Exported) -> None:
    image = exported.images["state"]
    for place in (*range(0, len(image) - FOOTER, 37), *range(len(image) - FOOTER, len(image))):
        assert exported.code(image[:place] + bytes([image[place] ^ 16]) + image[place + 1 :]) != 0, place


OTHERS: dict[str, tuple[int, Callable[[], pock.Step]]] = {
    "scheme": (LAYOUT, lambda: compiled(trained=("0.bias", "2.*"))),
    "shape": (LAYOUT, lambda: compiled(network(hidden=5))),
    "optimizer": (LAYOUT, lambda: compiled(optimizer=pock.SGD(lr=0.1))),
    "frozen values": (FROZEN, lambda: compiled(network(seed=1))),
    "trained values": (0, lambda: compiled(same_layout())),
}


@pytest.mark.parametrize("other", OTHERS)
def test_the_state_of_another_step(other: str, exported: Exported, tmp_path: Path) -> None:
    code, make = OTHERS[other]
    assert exported.code(exported_images(make(), tmp_path)["state"]) == code


def test_segments_do_not_replace_each_other(exported: Exported) -> None:
    assert exported.code(exported.images["constants"]) == KIND
    assert exported.code(exported.images["state"], "constants") == KIND


def test_constants_with_other_values_are_refused(exported: Exported, tmp_path: Path) -> None:
    images = exported_images(compiled(network(seed=1)), tmp_path)
    assert exported.code(images["constants"], "constants") == FROZEN


def test_prepared_values_in_the_state_are_frozen_ones(tmp_path: Path) -> None:
    """Two models with the same constants, whose code prepares other values of them: a state has these."""

    def normalised(epsilon: float) -> pock.Step:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6, eps=epsilon), nn.Linear(6, 3)).eval()
        return compiled(model)

    step = normalised(1e-5)
    assert any(slot.segment == "state" for slot in step.artifact.manifest.of_kind("prepared").values())
    exported = Exported(step, tmp_path / "net", *c())
    assert exported.code(exported.images["state"]) == 0
    assert exported.code(exported_images(normalised(1e-5), tmp_path / "same")["state"]) == 0
    assert exported.code(exported_images(normalised(1e-1), tmp_path / "other")["state"]) == FROZEN


@pytest.mark.parametrize("target", ["x86-64-linux", "cortex-m7"])
def test_a_trained_state_is_sealed_in_c_and_read_in_python(target: str, tmp_path: Path) -> None:
    """A microcontroller seals its state; another step of the same model continues from it."""
    trained = compiled()
    for _ in range(3):
        trained(X.numpy(), Y.numpy())
    exported = Exported(compiled(target=target), tmp_path, *c())
    # The device's state: the trained values at the places of its layout.
    state = np.zeros(exported.size, np.uint8)
    values = trained.state_dict() | trained.optimizer_state_dict()
    for slot in exported.step.artifact.manifest.tensors.values():
        if slot.segment == "state" and slot.name in values:
            slot.view(state)[...] = values[slot.name]
    image = exported.sealed(state.tobytes())
    assert image[: exported.size] == state.tobytes()
    assert exported.code(image) == 0
    fresh = compiled(target=target)
    before = fresh.state_dict()["2.weight"]
    fresh.set_state_image(image)
    np.testing.assert_array_equal(fresh.state_dict()["2.weight"], trained.state_dict()["2.weight"])
    assert not np.array_equal(before, fresh.state_dict()["2.weight"])


def test_a_microcontroller_checks_no_constants(tmp_path: Path) -> None:
    """They are in its library, and so is its first state: neither has a footer."""
    header = compiled(target="cortex-m7").export(tmp_path)["header"].read_text()
    assert "net_check_state" in header
    assert "net_check_constants" not in header


def board_functions() -> str:
    """The C code of docs/board.md."""
    page = (Path(__file__).parents[2] / "docs" / "board.md").read_text()
    (block,) = re.findall(r"^```c\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return str(block)


def test_the_code_of_the_page_needs_no_library(tmp_path: Path) -> None:
    """As firmware: no headers but the compiler's own, and no function but memcpy's kind and the board's."""
    compiled(target="cortex-m0plus").export(tmp_path)
    (tmp_path / "string.h").write_text("#include <stddef.h>\nvoid *memcpy(void *, const void *, size_t);\n")
    source = "int flash_write(const void *, unsigned long);\n" + board_functions().replace("digits", "net")
    (tmp_path / "keep.c").write_text(source.replace("DIGITS", "NET"))
    command = [find_program("clang-22"), "--target=thumbv6m-none-eabi", "-ffreestanding", "-std=c99", *STRICT, "-Os"]
    subprocess.run([*command, "-c", "-I", tmp_path, tmp_path / "keep.c", "-o", tmp_path / "keep.o"], check=True)
    called = set(footprint.undefined_symbols((tmp_path / "keep.o").read_bytes()))
    called = {symbol for symbol in called if not footprint.LIBRARY.fullmatch(symbol)}
    assert called == {"flash_write", "net_initial_state"}


def test_two_models_in_one_program(tmp_path: Path) -> None:
    for name in ("net", "pock_net"):
        pock.compile(
            network(),
            (X,),
            loss="cross_entropy",
            optimizer=pock.SGD(lr=0.1),
            scheme=pock.Scheme.full(),
            name=name,
            target="cortex-m7",
        ).export(tmp_path)
    source = (
        '#include "net.h"\n#include "pock_net.h"\nint main(void) { return POCK_NET_LAYOUT_HASH != NET_LAYOUT_HASH; }\n'
    )
    (tmp_path / "two.c").write_text(source)
    subprocess.run([*c(), *STRICT, "-I", tmp_path, tmp_path / "two.c", "-o", tmp_path / "two"], check=True)
    subprocess.run([tmp_path / "two"], check=True)


def test_python_names_what_differs(exported: Exported, tmp_path: Path) -> None:
    step = exported.step
    before = step.images.state
    image = exported.images["state"]
    refused = {
        "state image: damaged: its bytes do not have the CRC": WRONG["first byte flipped"][1](image),
        "another version of the ABI: expected 1, but got 0": WRONG["old"][1](image),
        "another segment: expected state, but got constants": exported.images["constants"],
        r"another layout \(another model, scheme, .*: expected 0x\w{16}, but got 0x\w{16}": exported_images(
            OTHERS["scheme"][1](), tmp_path / "scheme"
        )["state"],
        "another frozen values": exported_images(compiled(network(seed=1)), tmp_path / "frozen")["state"],
        f"expected {exported.size} bytes, or {exported.size + FOOTER} with a footer": image[:-1],
        f"expected {exported.size} bytes in front of the footer, but got": bytes(8) + image,
    }
    for message, wrong in refused.items():
        with pytest.raises(pock.ArgumentError, match=message):
            step.set_state_image(wrong)
    np.testing.assert_array_equal(step.images.state, before)


def test_python_takes_the_bytes_of_the_segment_alone(exported: Exported) -> None:
    step, image = compiled(), exported.images["state"]
    step.set_state_image(image[:-FOOTER])
    assert step.images.state[: exported.size].tobytes() == image[:-FOOTER]
    step.set_state_image(np.frombuffer(image, np.uint8))
    assert step.images.state[: exported.size].tobytes() == image[:-FOOTER]


def test_the_page_has_the_codes(exported: Exported) -> None:
    page = (Path(__file__).parents[2] / "docs" / "abi.md").read_text()
    codes = {name: int(code) for name, code in re.findall(r"`NAME_ERROR_IMAGE_(\w+)` \| (-\d)", page)}
    header = (exported.directory / "net.h").read_text()
    assert codes == {n: int(code) for n, code in re.findall(r"NET_ERROR_IMAGE_(\w+) \((-\d)\)", header)}
    assert codes == {"FORMAT": -2, "ABI": -3, "KIND": -4, "LAYOUT": -5, "FROZEN": -6, "DAMAGED": -7}
