"""Mutants of IR: what parses must not kill pock-opt.

A mutant is a piece of a lit test (or a module of a real model) with one to three edits: types, sizes,
attributes, operands and symbols changed, operations deleted, repeated and exchanged. The test's own RUN line
says what runs on it. By itself, this file runs many and prints the crashes, each kind once:
``python test/Python/mutants.py --count 1000 --first 0``.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import resource
import shlex
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from llvm_tools import find_tool

TESTS = Path(__file__).resolve().parents[1]
#: Frames of crashes that mlir-opt has on the same input, with that input.
UPSTREAM = Path(__file__).with_name("upstream_crashes.txt")

#: Seconds of CPU, bytes of address space.
CPU, MEMORY = 20, 6 << 30

_SIZES = ("0", "1", "2", "3", "7", "64", "4294967296", "4611686018427387904", "9223372036854775807", "?")
_ELEMENTS = (
    *("f16", "bf16", "f32", "f64", "f128", "f8E4M3FN", "i1", "i8", "i16", "i32", "i64", "i128", "ui8", "si32"),
    *("index", "complex<f32>", "vector<4xf32>", "none", "tuple<>", "memref<2xf32>", "!pock.nothing"),
)
_NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "3",
    "5",
    "100",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "0.5",
    "0x7FC00000",
)
_MODULE_ATTRIBUTES = tuple(
    f"pock.{name}"
    for name in (
        *("target", "arithmetic", "precision", "memory_limit", "optimizer", "optimizer_group", "scheme", "accumulate"),
        *("clip_grad_norm", "clip_grad_value", "tuning", "name"),
    )
)
_VALUES = (
    *(
        '"portable"',
        '"bf16"',
        "2 : i64",
        "-1 : i64",
        "1.0 : f64",
        "#pock.sgd",
        "[#pock.adam, #pock.sgd]",
        "{}",
        "[]",
        "unit",
    ),
    *(
        "{w = 1.0 : f64}",
        "{w = 1 : i64}",
        "#pock.target<vector_bytes = 0>",
        "#pock.target<index_bits = 32, vector_bytes = 32>",
    ),
    *(
        "#pock.target<l1_bytes = 0, l2_bytes = 1>",
        "9223372036854775807 : i64",
        "#pock.target<threads = 0, alignment = 4096>",
    ),
)
_TYPE = re.compile(r"(?<=[x<:( ,])(?:[fi]\d+|bf16|index)(?=[>,) \n}])")
_SIZE = re.compile(r"(?<=[<x])\d+(?=x)")
_NUMBER = re.compile(r"(?<=[ =:,(\[<])-?\d+(?:\.\d+(?:e[+-]?\d+)?)?(?=[ ,:>\])\n])")
_VALUE = re.compile(r"%[\w#:-]+")
_SYMBOL = re.compile(r'@(?:[\w.$]+|"[^"]+")')
_ATTRIBUTE = re.compile(r"[\w.]+ = [^,{}<>\[\]]+(?:<[^<>]*>)?(?:, )?|, (?:unit|pock\.\w+)(?=[,}])")
_OPERATION = re.compile(r"\bpock\.\w+|\blinalg\.\w+|\barith\.\w+|\btensor\.\w+|\bmemref\.\w+")
_MAP = re.compile(r"affine_map<\([^)]*\) -> \([^)]*\)>|#\w+")
_CONTAINER = re.compile(r"\b(?:tensor|memref|vector)(?=<)")


@dataclass(frozen=True)
class Source:
    """IR that tools accept, and the arguments to run on it."""

    name: str
    text: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Crash:
    """A mutant that crashed the tool."""

    source: Source
    seed: int
    text: str
    status: int
    frames: tuple[str, ...]

    @property
    def kind(self) -> str:
        """A key that crashes with the same cause share."""
        return " < ".join(self.frames[:3])


def lit_sources() -> list[Source]:
    """The pieces of all lit tests, with the arguments of their RUN lines."""
    sources = []
    for path in sorted(TESTS.glob("*/**/*.mlir")):
        if "Python" in path.parts:
            continue
        text = path.read_text()
        runs = re.findall(r"RUN: pock-opt %s (.*)", text)
        for number, piece in enumerate(text.split("// -----")):
            piece = re.sub(r"//.*", "", piece)
            for run in runs:
                flags = [flag for flag in shlex.split(run.split("|")[0]) if _is_kept(flag)]
                sources.append(Source(f"{path.relative_to(TESTS)}#{number}", piece, tuple(flags)))
    return sources


def _is_kept(flag: str) -> bool:
    return flag.startswith("--") and flag not in ("--split-input-file", "--verify-diagnostics", "--verify-roundtrip")


def model_sources() -> list[Source]:
    """The modules of small models after every stage, with the pipeline that comes next."""
    import pockmlir as pock
    import torch
    from pockmlir.core.stages import PIPELINES, STAGES
    from torch import nn

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(11, 8)
            self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.head(self.layer(self.table(ids)).mean(1))

    pictures = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU6(), nn.MaxPool2d(2)),
        *(
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 3),
        ),
    )
    cases = {
        "pictures": (pictures, torch.randn(2, 2, 6, 6), pock.SGD(lr=0.1, momentum=0.9), pock.Scheme({"*": 0.5})),
        "words": (Words(), torch.randint(0, 11, (2, 5)), pock.AdamW(lr=0.1), pock.Scheme.full()),
    }
    sources = []
    for name, (model, inputs, optimizer, scheme) in cases.items():
        step = pock.compile(
            model, (inputs,), loss="cross_entropy", optimizer=optimizer, scheme=scheme, accumulate=2, clip_grad_norm=1.0
        )
        for stage, following in zip(STAGES, PIPELINES.values(), strict=False):
            sources.append(Source(f"{name}-{stage}", step.ir(stage), (f"--{following}",)))
    return sources


def mutate(text: str, random_: random.Random) -> str:
    """Return the text with one to three edits."""
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        text = random_.choice(_EDITS)(text, random_)
    return text


def _one_or_all(pattern: re.Pattern[str], choices: Sequence[str] | None) -> Callable[[str, random.Random], str]:
    """Replace one match, or all matches with the same text, by one of the choices or of the other matches."""

    def edit(text: str, random_: random.Random) -> str:
        matches = list(pattern.finditer(text))
        if not matches:
            return text
        match = random_.choice(matches)
        new = random_.choice(choices or sorted({other.group() for other in matches}))
        if random_.random() < 0.3:  # seldom valid IR
            return text[: match.start()] + new + text[match.end() :]
        return pattern.sub(lambda other: new if other.group() == match.group() else other.group(), text)

    return edit


def _lines(change: Callable[[list[str], int, int], None]) -> Callable[[str, random.Random], str]:
    def edit(text: str, random_: random.Random) -> str:
        lines = text.split("\n")
        wanted = [i for i, line in enumerate(lines) if (line.startswith(" ") and " = " in line) or "pock." in line]
        if wanted:
            change(lines, random_.choice(wanted), random_.choice(wanted))
        return "\n".join(lines)

    return edit


def _swap(lines: list[str], one: int, other: int) -> None:
    lines[one], lines[other] = lines[other], lines[one]


def _drop_attribute(text: str, random_: random.Random) -> str:
    matches = list(_ATTRIBUTE.finditer(text))
    if not matches:
        return text
    match = random_.choice(matches)
    return text[: match.start()] + text[match.end() :]


def _add_attribute(text: str, random_: random.Random) -> str:
    """Add an attribute that the pipelines read to the module, with a valid or an invalid value."""
    name = random_.choice(_MODULE_ATTRIBUTES)
    return f"module attributes {{{name} = {random_.choice(_VALUES)}}} {{\n{text}\n}}"


def _nest(text: str, random_: random.Random) -> str:
    return f"module {{\n{text}\n}}\nfunc.func private @other()" if random_.random() < 0.5 else f"module {{\n{text}\n}}"


_EDITS: tuple[Callable[[str, random.Random], str], ...] = (
    _one_or_all(_TYPE, _ELEMENTS),
    _one_or_all(_TYPE, _ELEMENTS),
    _one_or_all(_SIZE, _SIZES),
    _one_or_all(_SIZE, _SIZES),
    _one_or_all(_NUMBER, _NUMBERS),
    _one_or_all(_VALUE, None),
    _one_or_all(_VALUE, None),
    _one_or_all(_SYMBOL, None),
    _one_or_all(_OPERATION, None),
    _one_or_all(_MAP, None),
    _one_or_all(_CONTAINER, ("tensor", "memref", "vector")),
    _lines(lambda lines, one, _: lines.pop(one) and None),
    _lines(lambda lines, one, other: lines.insert(other, lines[one])),
    _lines(_swap),
    _drop_attribute,
    _add_attribute,
    _nest,
)


def run(tool: Path, source: Source, text: str) -> tuple[int, str]:
    """Run the tool; return its status and its output."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    command = [str(tool), *source.flags, "--mlir-disable-threading", "-o", "/dev/null", "-"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, preexec_fn=limit, check=False)
    return done.returncode, done.stderr.decode(errors="replace")


def is_crash(status: int, errors: str) -> bool:
    """Whether the tool crashed instead of refusing: by a signal, a fatal error, or without a message."""
    return (
        status < 0 or "LLVM ERROR" in errors or "PLEASE submit a bug report" in errors or (status != 0 and not errors)
    )


def frames(errors: str) -> tuple[str, ...]:
    """The functions of a stack trace, innermost first, without those of signal handling and memory."""
    found = re.findall(r"^ *#\d+ 0x[0-9a-f]+ (.+?)(?: \(|\n| /)", errors, re.MULTILINE)
    if fatal := re.search(r"LLVM ERROR: .*|terminate called.*", errors):
        found.insert(0, fatal.group()[:80])
    skipped = re.compile(r"llvm::sys::|SignalHandler|__restore_rt|^raise|^abort|gsignal|pthread_kill|\(|^0x|^std::|__")
    names = [re.sub(r"\(.*|<.*", "", name) for name in found]
    kept = tuple(name for name in names if name and not skipped.search(name))[:12]
    # A call of nothing leaves no frame, but LLVM says what it was doing.
    return kept or tuple(reversed(re.findall(r"^[1-9]\d*\.\s+(.+?) *$", errors, re.MULTILINE)))[:1]


def crash_of(tool: Path, sources: Sequence[Source], seed: int) -> Crash | None:
    """Run the mutant of a seed."""
    random_ = random.Random(seed)
    source = random_.choice(sources)
    text = mutate(source.text, random_)
    status, errors = run(tool, source, text)
    return Crash(source, seed, text, status, frames(errors)) if is_crash(status, errors) else None


def known_upstream() -> list[str]:
    """Innermost frames, as `Crash.kind` has them, of crashes that are not ours."""
    lines = UPSTREAM.read_text().splitlines() if UPSTREAM.exists() else []
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def crashes(sources: Sequence[Source], seeds: Sequence[int], jobs: int = 1) -> Iterator[Crash]:
    """Run the mutants of these seeds; yield the crashes, except known ones of upstream."""
    tool, known = find_tool(), known_upstream()
    with ThreadPoolExecutor(jobs) as pool:
        for crash in pool.map(lambda seed: crash_of(tool, sources, seed), seeds):
            if crash and not any(crash.kind.startswith(kind) for kind in known):
                yield crash


def main() -> None:
    """Run many mutants and print the crashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--nice", type=int, default=19)
    parser.add_argument("--models", action="store_true", help="modules of real models instead of lit tests")
    parser.add_argument("--keep", type=Path, help="folder for one input of each kind")
    options = parser.parse_args()
    os.nice(options.nice)
    sources = model_sources() if options.models else lit_sources()
    seen: dict[str, int] = {}
    seeds = range(options.first, options.first + options.count)
    for crash in crashes(sources, seeds, options.jobs):
        seen[crash.kind] = seen.get(crash.kind, 0) + 1
        if seen[crash.kind] > 1:
            continue
        print(
            f"seed {crash.seed}, {crash.status}, {crash.source.name}, {' '.join(crash.source.flags)}: {crash.kind}",
            flush=True,
        )
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(crash.kind.encode()).hexdigest()[:8]
            (options.keep / f"{name}.mlir").write_text(
                f"// {shlex.join(crash.source.flags)}\n// {crash.kind}\n{crash.text}"
            )
    print(f"{len(seeds)} mutants, {sum(seen.values())} crashes of {len(seen)} kinds")


if __name__ == "__main__":
    main()
