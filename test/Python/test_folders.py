"""Folders that are replaced at once, and those of failed compilations."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from fake_step import X, Y, make_step
from pockmlir.support.files import failure_folder, replaced


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, text: str) -> None:
    with replaced(folder, ["a", "b"]) as staged:
        (staged / "a").write_text(text)
        (staged / "b").write_text(text)


def test_makes_and_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    write(folder, "1")
    assert content(folder) == {"a": "1", "b": "1"}
    (folder / "own").write_text("mine")
    (folder / "sub").mkdir()
    (folder / "sub" / "own").write_text("mine")
    folder.chmod(0o750)
    write(folder, "2")
    assert content(folder) == {"a": "2", "b": "2", "own": "mine", "sub/own": "mine"}
    assert folder.stat().st_mode & 0o777 == 0o750
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


def test_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"
    write(folder, "1")
    monkeypatch.chdir(folder)
    write(Path(), "2")
    assert content(Path.cwd()) == content(folder) == {"a": "2", "b": "2"}


def test_failure_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write(folder, "1")
    with pytest.raises(FileNotFoundError), replaced(folder, ["a", "b"]) as staged:
        (staged / "a" / "b").write_text("2")
    assert content(folder) == {"a": "1", "b": "1"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("moment", ["link.archive", "checkpoint.write", "json.dumps"])
def test_killed_export_leaves_the_old_folder_whole(tmp_path: Path, moment: str) -> None:
    folder = tmp_path / "out"
    step = make_step()
    step.export(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    program = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from fake_step import X, Y, make_step
        from pockmlir.export import folder
        step = make_step()
        step(X, Y)
        folder.{moment} = lambda *arguments, **named: os.kill(os.getpid(), signal.SIGKILL)
        step.export({str(folder)!r})
    """)
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    step(X, Y)
    step.export(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} != before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_failures_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for number in range(40):
        path = failure_folder() / f"{number}.mlir"
        path.write_text("")
        os.utime(path, (number, number))
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{number}.mlir" for number in range(24, 40))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / f"pock-failed-{os.getuid()}").symlink_to(elsewhere)
    assert failure_folder().parent == tmp_path
    assert not list(elsewhere.iterdir())
    assert failure_folder() != elsewhere
