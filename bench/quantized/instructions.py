"""Prints instructions and memory of the int8 backbones on a microcontroller: a prediction and a training step.

.venv/bin/python bench/quantized/instructions.py [target] [network:scheme …]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pockmlir as pock
from pockmlir.device.build import build, write_program
from pockmlir.device.emulate import emulate
from pockmlir.device.requests import REQUESTS, Request, encode

sys.path.append(str(Path(__file__).parents[1]))
from quantized.backbones import Backbone, data_folder

CASES = ("mcunet-5fps:49kb", "mbv2-w0.35:49kb", "proxyless-w0.3:49kb")


def image() -> np.ndarray:
    """Return the pixels of the feasibility study, from a generator of its own."""
    seed, pixels = 7, []
    for _ in range(128 * 128 * 3):
        seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
        pixels.append((seed >> 24) - 128)
    return np.array(pixels, np.int8).reshape(1, 128, 128, 3)


def measure(name: str, scheme: str, target: str) -> None:
    """Compile and run a network, and print a line."""
    folder = data_folder()
    if folder is None:
        sys.exit("the networks are not here: set POCK_DATA")
    network = Backbone.load(name, folder)
    step = pock.compile(
        network.build(), loss=None, scheme=network.scheme(scheme), optimizer=pock.SGD(lr=0.01), target=target
    )
    x = image()
    requests = [Request(*step.predict_request(x=x)), Request(*step.request(x=x, target=np.array([3])))]
    manifest = step.artifact.manifest
    with tempfile.TemporaryDirectory() as directory:
        program = write_program(step, Path(directory))
        (Path(directory) / REQUESTS).write_bytes(encode(manifest, requests))
        build(program)
        found = emulate(program, lambda: None)
    counts = " ".join(f"{function} {count:,}" for function, count in found.calls or [])
    arenas = " ".join(f"{function} {manifest.functions[function].arena:,}" for function in ("predict", "step"))
    print(f"{name} {scheme} {target}: instructions {counts}; arena {arenas}; RAM {found.ram:,}, stack {found.stack:,}")


def main() -> None:
    target, *cases = sys.argv[1:] or ["cortex-m7"]
    for case in cases or CASES:
        measure(*case.split(":"), target)


if __name__ == "__main__":
    main()
