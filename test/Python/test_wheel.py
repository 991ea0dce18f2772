"""The wheels: they install where there is neither LLVM nor PyTorch, and make what the development build makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "programs" / "without_torch.py"
#: Release of Debian → the tag of the wheel for its Python.
RELEASES = {"bookworm": "cp311-cp311", "trixie": "cp312-abi3"}
MIRROR = "http://deb.debian.org/debian"


@pytest.fixture(scope="module")
def wheels() -> dict[str, Path]:
    """The wheels, by the tags of Python and ABI."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(["make", "wheel"], check=True, cwd=ROOT, env=environment)
    return {"-".join(path.stem.split("-")[2:4]): path for path in (ROOT / "dist").glob("*.whl")}


def output(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the development build makes."""
    found: dict[str, str] = json.loads(
        output(sys.executable, PROGRAM, "hashes", tmp_path_factory.mktemp("development"))
    )
    return found


def new_environment(wheels: dict[str, Path], folder: Path) -> Path:
    """Install the wheel for this Python; return the interpreter."""
    version = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    wheel = wheels.get(f"{version}-{version}") or wheels["cp312-abi3"]
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", wheel], check=True)
    return python


def test_a_wheel_has_one_library_of_the_system_only(wheels: dict[str, Path], tmp_path: Path):
    for tag, path in wheels.items():
        assert path.stat().st_size < 40e6
        shutil.unpack_archive(path, tmp_path / tag, "zip")
        (module,) = (tmp_path / tag / "pockmlir").glob("_core*.so")
        listed = output("readelf", "-d", module)
        needed = {line.split("[")[1].rstrip("]") for line in listed.splitlines() if "NEEDED" in line}
        assert needed <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}
        symbols = output("nm", "-D", "--defined-only", module).split()
        assert symbols[2::3] == ["PyInit__core"]


def test_a_new_environment_makes_the_same(wheels: dict[str, Path], expected: dict[str, str], tmp_path: Path):
    python = new_environment(wheels, tmp_path)
    assert "torch" not in output(python, "-m", "pip", "freeze")
    assert output(python, PROGRAM, "train") == "trained\n"
    assert output(python, PROGRAM, "errors", tmp_path) == "checked\n"
    assert json.loads(output(python, PROGRAM, "hashes", tmp_path)) == expected
    opt = subprocess.run(
        [python.with_name("pock-opt"), "--cse"], input="func.func @f() {return}", capture_output=True, text=True
    )
    assert "func.func @f" in opt.stdout
    assert "0.1.0" in output(python.with_name("pock"), "--version")


def test_the_demo_runs_with_and_without_pytorch(wheels: dict[str, Path], tmp_path: Path):
    torch = pytest.importorskip("torch")
    python = new_environment(wheels, tmp_path)
    demo = (python, "-m", "pockmlir.cli", "demo", "--quick", "--json", "--out", tmp_path / "out")
    assert json.loads(output(*demo))["accuracy_after"] > 0.7
    # PyTorch from this environment. (Its path file, which leads to the checkout, is not read there.)
    packages = {"PYTHONPATH": str(Path(torch.__file__).parents[1])}
    assert output(python, "-c", "import pockmlir; print(pockmlir.__file__)", **packages).startswith(str(tmp_path))
    assert list(json.loads(output(*demo, **packages))["schemes"]) == ["last", "bias", "sparse", "full"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_bare_debian_makes_the_same(release: str, wheels: dict[str, Path], expected: dict[str, str], tmp_path: Path):
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    if RELEASES[release] not in wheels:
        pytest.skip(f"no wheel {RELEASES[release]}: its Python was not found")
    root = tmp_path / release
    packages = "--include=python3,python3-venv,ca-certificates"
    subprocess.run(
        ["debootstrap", "--variant=minbase", packages, release, root, MIRROR], check=True, capture_output=True
    )
    # A proxy of this machine may have certificates of its own.
    shutil.copy("/etc/ssl/certs/ca-certificates.crt", root / "etc/ssl/certs/ca-certificates.crt")
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    wheel = shutil.copy(wheels[RELEASES[release]], root / "tmp")
    shutil.copy(PROGRAM, root / "tmp")
    script = f"""
        python3 -m venv /tmp/venv
        /tmp/venv/bin/pip install -q /tmp/{Path(wheel).name} >/dev/null 2>&1
        /tmp/venv/bin/pock demo --quick --json --out /tmp/demo >/dev/null
        OMP_NUM_THREADS=2 /tmp/venv/bin/python /tmp/{PROGRAM.name} hashes /tmp
    """
    done = subprocess.run(["chroot", root, "sh", "-ec", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == expected
    assert json.loads((root / "tmp/demo/figures.json").read_text())["accuracy_after"] > 0.7
