#!/usr/bin/env python3
"""Makes the compiled step that `pock demo` trains without PyTorch: ``tools/demo_step.py``.

The file is checked in. It is not made while a wheel is built, so that a build needs no NumPy and no second pass. It
changes only when this program is run, so that a change of the generated code does not put another binary into the
history; `test_demo.py` compares what it computes with a new one. Run it before a release, and when the format of
compiled steps changes.
"""

from __future__ import annotations

from pockmlir.demo.compiled import RATE, STEP_FILE
from pockmlir.demo.network import SCHEME, compile_step, pretrain

if __name__ == "__main__":
    print(compile_step(pretrain(), SCHEME, RATE).save_compiled(STEP_FILE), STEP_FILE)
