"""Sentences from docstrings of installed packages, labelled by package."""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SPLITS", "Package", "Sentence", "read"]

#: Part of a corpus → how many of a hundred files go there.
SPLITS: Mapping[str, int] = {"train": 70, "validation": 15, "test": 15}

_MOST_PER_FILE = 20
#: Neither the package's own text nor text about what it does.
_FOREIGN = {"tests", "testing", "_vendor", "externals", "_extern", "_numpy"}
_WORDS = range(8, 33)
_LEAST_SHARE_OF_PLAIN_WORDS = 0.85
#: Sentences that begin with the same words are taken for copies of each other.
_WORDS_OF_A_COPY = 6

_MARKUP_LINE = re.compile(r"\s*(>>>|\.\. |[-=~*^]{3}|\||:\w+)")
_ROLE = re.compile(r":[\w:]+:`~?([^`<]*)[^`]*`")
_END_OF_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_BEGINS_AS_PROSE = re.compile(r"[A-Z][a-z]*,? ")
_PLAIN_WORD = re.compile(r"\(?[A-Za-z][a-z'-]*[,.;:)]*")


@dataclass(frozen=True)
class Package:
    """A package whose docstrings are read, not imported.

    Attributes:
        folder: its name on disk.
        names: words that give it away, in lower case; a word may end in ``*``.
    """

    folder: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sentence:
    """A sentence, the index of its package, and the file that it is from."""

    text: str
    label: int
    file: Path


def read(packages: Sequence[Package], most: Mapping[str, int]) -> dict[str, list[Sentence]]:
    """Return the same sentences every time, by split.

    A file belongs to one split with all its sentences. Of sentences that begin alike only one
    is kept, and none names any of the packages.

    Args:
        packages: in the order of their labels.
        most: split → number of sentences per package, if it has as many.
    """
    taboo = _any_of([name for package in packages for name in package.names])
    seen: set[str] = set()
    result: dict[str, list[Sentence]] = {split: [] for split in most}
    for label, package in enumerate(packages):
        found: dict[str, list[Sentence]] = {split: [] for split in most}
        for file in _files(package):
            split = _split(file)
            if len(found.get(split, ())) < most.get(split, 0):
                found[split] += [Sentence(text, label, file) for text in _sentences(file, taboo, seen)]
            if all(len(found[split]) >= count for split, count in most.items()):
                break
        for split, count in most.items():
            result[split] += found[split][:count]
    return result


def _any_of(names: Sequence[str]) -> re.Pattern[str]:
    words = "|".join(re.escape(name).replace(r"\*", r"\w*") for name in names)
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def _files(package: Package) -> list[Path]:
    """Return the package's files, shuffled by the hash of their names."""
    root = Path(sysconfig.get_path("purelib"), package.folder)
    files = [file for file in root.rglob("*.py") if not _FOREIGN & set(file.relative_to(root).parts)]
    return sorted(files, key=_hash)


def _hash(file: Path) -> str:
    return hashlib.sha256(file.relative_to(sysconfig.get_path("purelib")).as_posix().encode()).hexdigest()


def _split(file: Path) -> str:
    """Return the split that a file belongs to; the order of files, which is the hash's front, must not decide."""
    place = int(_hash(file)[-8:], 16) % 100
    for split, share in SPLITS.items():
        if place < share:
            return split
        place -= share
    raise AssertionError("the shares are of a hundred")


def _sentences(file: Path, taboo: re.Pattern[str], seen: set[str]) -> list[str]:
    """Return sentences of a file's docstrings that are prose, and remember how they begin."""
    result: list[str] = []
    for docstring in _docstrings(file):
        for paragraph in re.split(r"\n\s*\n", docstring):
            if any(_MARKUP_LINE.match(line) for line in paragraph.splitlines()):
                continue
            text = " ".join(re.sub(r"[`*]", "", _ROLE.sub(r"\1", paragraph)).split())
            for sentence in _END_OF_SENTENCE.split(text):
                begin = " ".join(re.findall("[a-z]+", sentence.lower())[:_WORDS_OF_A_COPY])
                if _is_prose(sentence) and not taboo.search(sentence) and begin not in seen:
                    seen.add(begin)
                    result.append(sentence)
    return result[:_MOST_PER_FILE]


def _docstrings(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # templates, and files that are broken on purpose
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


def _is_prose(sentence: str) -> bool:
    words = sentence.split()
    plain = sum(_PLAIN_WORD.fullmatch(word) is not None for word in words)
    return (
        len(words) in _WORDS
        and _BEGINS_AS_PROSE.match(sentence) is not None
        and sentence.endswith(".")
        and plain >= _LEAST_SHARE_OF_PLAIN_WORDS * len(words)
    )
