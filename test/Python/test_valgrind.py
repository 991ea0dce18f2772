"""Exported steps run under Valgrind: every segment an allocation of its exact size, the arena never initialised."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from architectures import ARCHITECTURES
from architectures.case import Case
from llvm_tools import find_program
from pockmlir.artifact.manifest import Function, Manifest, dtype_of

pytest.importorskip("pockmlir._core")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed"),
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore"),
]

ERROR = 99

HARNESS = """
#include "net.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *take(size_t bytes) {
  void *memory;
  if (posix_memalign(&memory, NET_ALIGNMENT, bytes ? bytes : 1))
    exit(2);
  return memory;
}

static void *load(const char *name, size_t bytes) {
  void *memory = take(bytes);
  FILE *file = fopen(name, "rb");
  if (!file || fread(memory, 1, bytes, file) != bytes)
    exit(3);
  fclose(file);
  return memory;
}

/* A system call that reads what nobody wrote is an error, too. */
static void show(const void *memory, size_t bytes) {
  for (const char *next = memory; bytes;) {
    ssize_t written = write(1, next, bytes);
    if (written <= 0)
      exit(4);
    next += written, bytes -= (size_t)written;
  }
}

int main(void) {
  void *constants = load("net.constants.bin", NET_CONSTANTS_BYTES);
  void *state = load("net.state.bin", NET_STATE_BYTES);
  void *arena = take(NET_ARENA_BYTES);
  int code = net_init(state) || net_prepare(constants, state, arena);
  free(arena);
%(calls)s
  show(state, NET_STATE_BYTES);
  free(constants), free(state);
  return code;
}
"""


def old_host() -> pock.Target:
    """The host without what Valgrind does not know: vectors of 32 bytes at most."""
    host = pock.Target.host()
    if "x86_64" not in host.triple:
        return host
    features = "+avx,+avx2,+fma,+f16c,+bmi,+bmi2,+lzcnt,+movbe,+popcnt,+cx16,+sse4.2"
    return replace(host, name="haswell", cpu="haswell", features=features, vector_bytes=32, vector_registers=16)


def call_of(name: str, function: Function, missing: int) -> str:
    """Return C that calls a function on files named ``<position>.bin``, and shows its outputs."""
    sizes = [spec.elements * dtype_of(spec.dtype).itemsize for spec in (*function.inputs, *function.outputs)]
    inputs = len(function.inputs)
    lines = [f"    arena = take(NET_{name.upper()}_ARENA_BYTES - {missing});"]
    lines += [
        f'    void *a{i} = load("{name}-{i}.bin", {size});' if i < inputs else f"    void *a{i} = take({size});"
        for i, size in enumerate(sizes)
    ]
    arguments = "".join(f", a{i}" for i in range(len(sizes)))
    lines.append(f"    code = code || net_{name}(constants, state, arena{arguments});")
    lines += [f"    show(a{i}, {size});" for i, size in enumerate(sizes) if i >= inputs]
    lines += [f"    free(a{i});" for i in range(len(sizes))]
    return "\n".join(["  {", *lines, "    free(arena);", "  }"])


def run(step: pock.Step, values: Mapping[str, Any], directory: Path, missing: int = 0) -> bytes:
    """Export a step, call predict, accumulate and step under Valgrind; return what they make and the state.

    Args:
        step: named ``net``.
        values: inputs by name.
        directory: gets the export, the program and its inputs.
        missing: so many bytes of the arena are not there.
    """
    step.export(directory)
    manifest: Manifest = step.artifact.manifest
    names = [name for name in ("predict", "accumulate", "step") if name in manifest.functions]
    for name in names:
        for i, spec in enumerate(manifest.functions[name].inputs):
            (directory / f"{name}-{i}.bin").write_bytes(np.ascontiguousarray(values[spec.name]).tobytes())
    calls = "\n".join(call_of(name, manifest.functions[name], missing) for name in names)
    (directory / "main.c").write_text(HARNESS % {"calls": calls})
    compiler = find_program("clang-22", "clang", "gcc")
    command = [
        compiler,
        "-std=c11",
        "-D_POSIX_C_SOURCE=200809L",
        "-gdwarf-4",
        "-o",
        "main",
        "main.c",
        "libnet.a",
        "-lm",
    ]
    subprocess.run(command, cwd=directory, check=True)
    command = ["valgrind", "--quiet", f"--error-exitcode={ERROR}", "--leak-check=full", "./main"]
    done = subprocess.run(command, cwd=directory, capture_output=True, timeout=1200)
    errors = done.stderr.decode(errors="replace")
    if "Illegal opcode" in errors or "unrecognised instruction" in errors:
        pytest.skip("this Valgrind does not know an instruction (3.19: vmovq between registers)")
    assert done.returncode == 0, errors[-4000:]
    return done.stdout


def compiled(case: Case, **options: Any) -> pock.Step:
    inputs, target = case.batch(0)
    options = {"optimizer": pock.SGD(lr=case.lr, momentum=0.9), "scheme": case.scheme("full")} | options
    return pock.compile(
        case.model(),
        inputs,
        loss=case.loss,
        example_target=target if callable(case.loss) else None,
        target=old_host(),
        name="net",
        **options,
    )


def values_of(step: pock.Step, inputs: tuple[torch.Tensor, ...], target: torch.Tensor) -> dict[str, Any]:
    names = [spec.name for spec in step.inputs]
    values: dict[str, Any] = {
        name: tensor.numpy() for name, tensor in zip(names, [*inputs, target][: len(names)], strict=True)
    }
    return values | {"lr": np.float32(0.01), "random_seed": np.int64(0), "random_step": np.int64(0)}


def check(step: pock.Step, inputs: tuple[torch.Tensor, ...], target: torch.Tensor, directory: Path) -> None:
    """Run under Valgrind, and compare the last loss with that of this process."""
    values = values_of(step, inputs, target)
    shown = run(step, values, directory)
    manifest = step.artifact.manifest
    # Behind the loss come other outputs of the step, and the state.
    behind = 4 * len(manifest.functions["step"].outputs) + manifest.segments["state"]
    loss = np.frombuffer(shown, np.float32, count=1, offset=len(shown) - behind)[0]
    arguments = [*inputs, target][: len(step.inputs)]
    calls = 2 if "accumulate" in manifest.functions else 1
    assert loss == np.float32([step(*arguments, lr=0.01, seed=0) for _ in range(calls)][-1])


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_zoo(name: str, tmp_path: Path) -> None:
    case = ARCHITECTURES[name].at("small")
    check(compiled(case), *case.batch(0), tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"accumulate": 2, "clip_grad_norm": 1.0},
        {"scheme": {"*bias": 1.0}},
        {"memory": pock.MemoryOptions(reorder=False, recompute=False, in_place=False)},
        {"precision": "bf16"},
    ],
    ids=["accumulate", "bias", "unordered", "bf16"],
)
def test_modes(options: dict[str, Any], tmp_path: Path) -> None:
    case = ARCHITECTURES["ds-cnn"].at("small")
    check(compiled(case, **options), *case.batch(0), tmp_path)


def test_memory_limit(tmp_path: Path) -> None:
    case = ARCHITECTURES["ds-cnn"].at("small")
    with pytest.raises(pock.MemoryLimitError) as error:
        compiled(case, memory_limit=1)
    step = compiled(case, memory_limit=error.value.smallest)
    assert step.memory.recomputed > 0
    check(step, *case.batch(0), tmp_path)


def test_an_arena_too_small_is_seen(tmp_path: Path) -> None:
    """The check can fail: with eight bytes less, something is written behind the arena."""
    case = ARCHITECTURES["resnet8"].at("small")
    step = compiled(case)
    with pytest.raises(AssertionError, match=r"Invalid (read|write)"):
        run(step, values_of(step, *case.batch(0)), tmp_path, missing=8)
