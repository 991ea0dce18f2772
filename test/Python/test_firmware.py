"""The example firmware's start-up, memory protection and linker script, and the plugin that counts: without a model."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from pockmlir.device.machines import machine_of
from pockmlir.device.sources import find_plugin, platform_sources
from pockmlir.target import Target

FIRMWARE = Path(__file__).parent / "firmware"
TARGETS = ("cortex-m4", "cortex-m7", "cortex-m55")
COMPILERS = {"gcc": ["arm-none-eabi-gcc"], "clang": ["clang-22", "-fuse-ld=lld"]}
#: Compilers of the start-up code; GCC stands for both where only its assembler could differ.
BUILDS = [
    *((target, compiler) for target in TARGETS for compiler in COMPILERS),
    ("cortex-m0plus", "gcc"),
    *((target, "clang") for target in ("cortex-m3", "cortex-m33", "riscv32imc", "riscv32imfc")),
]
DEEDS = ("RETURN", "OVERFLOW", "STORE_BEYOND", "STORE_FLASH", "EXECUTE_RAM", "LOAD_NULL_AREA")
RAM, FLASH, STACK = 32768, 65536, 2048


def link(
    directory: Path,
    target: str,
    source: str,
    *defines: str,
    compiler="clang",
    ram=RAM,
    flash=FLASH,
    stack=STACK,
    more: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    row = Target.named(target)
    machine = machine_of(row)
    platform = platform_sources(machine.family)
    sources = [str(path) for path in platform if path.suffix == ".c"]
    script = next(path for path in platform if path.suffix == ".ld")
    sizes = {"RAM_SIZE": ram, "FLASH_SIZE": flash, "STACK_SIZE": stack}
    sizes |= {"FLASH_ORIGIN": machine.flash[0], "RAM_ORIGIN": machine.ram(ram)[0]}
    if machine.vectors is not None:
        sizes["VECTORS_ORIGIN"] = machine.vectors
    flags = [*row.c_flags, *([f"--target={row.triple}"] if compiler == "clang" else [])]
    return subprocess.run(
        [
            *COMPILERS[compiler],
            *flags,
            *"-O2 -std=c11 -Wall -Wextra -Wno-unused-command-line-argument -ffreestanding -nostdlib -static".split(),
            *"-ffunction-sections -fdata-sections -Wl,--gc-sections -Wl,-z,noexecstack".split(),
            *(f"-Wl,--defsym={symbol}={value}" for symbol, value in sizes.items()),
            *(f"-D{define}" for define in defines),
            f"-I{platform[0].parent}",
            "-T",
            str(script),
            str(FIRMWARE / source),
            *sources,
            *more,
            "-o",
            str(directory / "program"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def emulate(directory: Path, target: str, *more: str) -> subprocess.CompletedProcess[str]:
    machine = machine_of(Target.named(target))
    board = [*machine.options, "-nographic", "-monitor", "none", "-serial", "none"]
    semihosting = ["-semihosting-config", "enable=on,target=native"]
    return subprocess.run(
        [machine.emulator, *board, *semihosting, *more, "-kernel", "program"],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def symbols(directory: Path) -> dict[str, tuple[int, int]]:
    lines = subprocess.run(
        ["llvm-nm-22", "--print-size", "--format=posix", str(directory / "program")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    fields = (line.split() for line in lines)
    return {f[0]: (int(f[2], 16) & ~1, int(f[3], 16) if len(f) > 3 else 0) for f in fields}


def built(directory: Path, target: str, source: str, *defines: str, **options) -> Path:
    result = link(directory, target, source, *defines, **options)
    assert result.returncode == 0, result.stderr
    assert "warning" not in result.stderr
    return directory


@pytest.mark.parametrize(("target", "compiler"), BUILDS)
class TestDeeds:
    def run(self, directory: Path, target: str, compiler: str, deed: str):
        return emulate(built(directory, target, "deeds.c", f"DEED={deed}", compiler=compiler), target)

    def test_returns_and_knows_its_stack(self, tmp_path, target, compiler):
        result = self.run(tmp_path, target, compiler, "RETURN")
        assert result.returncode == 7
        word, peak = result.stderr.split() or result.stdout.split()
        assert word == "stack"
        assert 5 * 128 < int(peak) < 1200  # five frames of an array of 128 bytes

    def test_stack_overflow(self, tmp_path, target, compiler):
        result = self.run(tmp_path, target, compiler, "OVERFLOW")
        assert result.returncode == 70
        assert "stack overflow" in result.stdout + result.stderr

    @pytest.mark.parametrize("deed", ["STORE_BEYOND", "STORE_FLASH", "EXECUTE_RAM", "LOAD_NULL_AREA"])
    def test_forbidden_access(self, tmp_path, target, compiler, deed):
        result = self.run(tmp_path, target, compiler, deed)
        text = result.stdout + result.stderr
        assert result.returncode == 70, text
        assert "stack overflow" not in text
        if deed == "STORE_BEYOND":
            begin, _ = machine_of(Target.named(target)).ram(RAM)
            assert f"address {begin + RAM:#010x}" in text


@pytest.mark.parametrize("compiler", COMPILERS)
class TestLimits:
    """What the linker gives away is what it was allowed to, to the byte."""

    def test_ram(self, tmp_path, compiler):
        rest = RAM - STACK
        free = self.free(built(tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", compiler=compiler), 1024)
        assert 0 < free < rest
        built(tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", f"RAM_ARRAY={free}", compiler=compiler)
        assert emulate(tmp_path, "cortex-m7").returncode == 7
        result = link(tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", f"RAM_ARRAY={free + 1}", compiler=compiler)
        assert result.returncode != 0
        assert "RAM" in result.stderr
        assert "overflowed by 1 byte" in result.stderr
        result = link(
            tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", f"RAM_ARRAY={free}", compiler=compiler, ram=RAM - 1
        )
        assert "overflowed by 1 byte" in result.stderr

    def free(self, directory: Path, array: int) -> int:
        """What the array could have, given how much it has."""
        table = symbols(directory)
        return table["ram_end"][0] - table["ram_used_end"][0] + array

    def test_flash(self, tmp_path, compiler):
        table = symbols(built(tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", compiler=compiler))
        used = table["flash_used_end"][0]
        built(tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", compiler=compiler, flash=used + used % 2)
        result = link(tmp_path, "cortex-m7", "deeds.c", "DEED=RETURN", compiler=compiler, flash=used - 2)
        assert result.returncode != 0
        assert "FLASH" in result.stderr


def emulate_counting(directory: Path, target: str, options: str) -> subprocess.CompletedProcess[str]:
    """Run the image with the plugin that counts; skip the test if this QEMU cannot load it."""
    result = emulate(directory, target, "-plugin", f"{find_plugin()},{options}")
    if "Could not load plugin" in result.stderr and "undefined symbol" in result.stderr:
        pytest.skip(f"instructions are not counted: {result.stderr.strip()}")
    return result


@pytest.mark.parametrize("target", TARGETS)
def test_counts_are_exact(tmp_path, target):
    table = symbols(built(tmp_path, target, "counted.c"))
    begin, size = table["caller"]
    options = f"out=counts.txt,caller={begin}:{begin + size},entry={table['turns'][0]},entry={table['nested'][0]}"
    for _ in range(2):
        assert emulate_counting(tmp_path, target, options).returncode == 0
        calls = [tuple(map(int, line.split())) for line in (tmp_path / "counts.txt").read_text().splitlines()]
        # The call from main lasts until the caller is next: it is what the caller's own call interrupts.
        assert calls[1:] == [(0, 4), (0, 2002), (1, 5 + 22)]


def test_plugin_refuses_what_it_does_not_know(tmp_path):
    built(tmp_path, "cortex-m7", "counted.c")
    result = emulate_counting(tmp_path, "cortex-m7", "out=counts.txt,nonsense=1")
    assert result.returncode != 0
    assert "cannot use the argument 'nonsense=" in result.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_platform_sources_are_the_examples():
    assert {path.parent.name for path in platform_sources("cortex-m")} == {"cortex-m"}
    assert {path.parent.name for path in platform_sources("riscv")} == {"cortex-m", "riscv"}
