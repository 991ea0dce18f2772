"""The program pock-opt, as the package and as the build tree have it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from llvm_tools import find_tool

SOURCE = "func.func @f() { return }"
#: The console script, and the program that `ninja pock-opt` builds.
PROGRAMS = {
    "package": [sys.executable, "-c", "from pockmlir.core.opt import main; main()"],
    "build tree": [str(find_tool())],
}


@pytest.mark.parametrize("command", PROGRAMS.values(), ids=PROGRAMS)
def test_runs_passes_and_prints_ir_or_diagnostics(command: list[str]):
    done = subprocess.run([*command, "--cse"], input=SOURCE, capture_output=True, text=True, check=True)
    assert "func.func @f" in done.stdout
    done = subprocess.run(command, input="func.func @f( {", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: " in done.stderr
    done = subprocess.run([*command, "--no-such-pass"], input=SOURCE, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "no-such-pass" in done.stderr


def test_both_know_the_same_passes():
    pages = [
        subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
        for command in PROGRAMS.values()
    ]
    assert "--pock-plan-memory" in pages[0]
    assert pages[0] == pages[1]


def test_an_interrupt_ends_the_console_script():
    script = (
        "import os, signal; from pockmlir.core import opt\n"
        "class Core:\n"
        "    def pock_opt(self, arguments): os.kill(os.getpid(), signal.SIGINT)\n"
        "opt.load_core = Core; opt.main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert not done.stderr
