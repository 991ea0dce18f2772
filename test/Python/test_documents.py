"""The code blocks of the pages run, and the commands in them have the options that they use."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

pytest.importorskip("pockmlir._core")

from pockmlir.cli import pock

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", pytest.param("docs/Guide.md", marks=pytest.mark.slow)])
def test_python_blocks_run(page: str, tmp_path: Path) -> None:
    program = "\n".join(blocks(ROOT / page, "python"))
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_have_their_options(page: Path) -> None:
    for block in blocks(page, "console"):
        for line in re.findall(r"^\$ pock (.*)", block, re.MULTILINE):
            name, *words = shlex.split(line, comments=True)
            command = pock.get_command(click.Context(pock), name)
            assert command, line
            known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
            assert {word for word in words if re.match(r"--?[a-zA-Z]", word)} <= known, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
