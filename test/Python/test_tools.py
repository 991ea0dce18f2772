"""Finding and running pock-opt."""

import subprocess
import sys
from pathlib import Path

import pytest
from pockmlir.core import tools


def test_the_environment_variable_comes_first(monkeypatch):
    monkeypatch.setenv("POCK_OPT", sys.executable)
    assert tools.find_tool() == Path(sys.executable)


def test_a_wrong_environment_variable_is_an_error(monkeypatch):
    monkeypatch.setenv("POCK_OPT", "/nowhere/pock-opt")
    with pytest.raises(FileNotFoundError, match="POCK_OPT is set to '/nowhere/pock-opt'"):
        tools.find_tool()


def test_the_console_script_does_not_find_itself(monkeypatch, tmp_path):
    monkeypatch.delenv("POCK_OPT", raising=False)
    monkeypatch.setenv("POCK_BUILD", str(tmp_path))
    monkeypatch.setattr(tools, "_PACKAGE", tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(FileNotFoundError, match="make build"):
        tools.find_tool()


def test_running_gives_output_or_diagnostics():
    assert "func.func @f" in tools.run_tool(["--cse"], "func.func @f() { return }")
    with pytest.raises(subprocess.CalledProcessError) as error:
        tools.run_tool([], "func.func @f( {")
    assert "error: " in error.value.stderr
