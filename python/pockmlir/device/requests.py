"""File formats of requests and results: calls of a model's functions for a program on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..artifact.manifest import Array, Manifest, TensorSpec, dtype_of
from ..errors import RunError

__all__ = ["REQUESTS", "RESULTS", "STATE", "Request", "count_results", "encode", "read_results", "read_state"]

#: File names that run.c uses.
REQUESTS, RESULTS, STATE = "requests.bin", "results.bin", "state.bin"


@dataclass(frozen=True)
class Request:
    """A call: the name of the function, and all its inputs in order."""

    function: str
    inputs: Sequence[Array]


def encode(manifest: Manifest, requests: Sequence[Request]) -> bytes:
    """Return the requests in the format of run.c."""
    numbers = {name: index for index, name in enumerate(manifest.functions)}
    return b"".join(
        part
        for request in requests
        for part in (np.uint32(numbers[request.function]).tobytes(), *(value.tobytes() for value in request.inputs))
    )


def read_results(directory: Path, manifest: Manifest, requests: Sequence[Request]) -> list[dict[str, Array]]:
    """Return the outputs of every request by name, in order.

    Raises:
        RunError: results are missing, or there are too many.
    """
    path = directory / RESULTS
    data = _read(path)
    if len(data) != (expected := sum(_result_bytes(manifest, requests))):
        raise RunError(f"{path}: expected {expected} bytes, the results of {len(requests)} calls, but got {len(data)}")
    results, position = [], 0
    for request in requests:
        outputs = {}
        for spec in manifest.functions[request.function].outputs:
            values = np.frombuffer(data, dtype_of(spec.dtype), spec.elements, position)
            outputs[spec.name] = values.reshape(spec.shape)
            position += values.nbytes
        results.append(outputs)
    return results


def count_results(directory: Path, manifest: Manifest, requests: Sequence[Request]) -> int:
    """Return how many requests have been answered so far."""
    path = directory / RESULTS
    written = path.stat().st_size if path.exists() else 0
    ends = np.cumsum(_result_bytes(manifest, requests))
    return int(np.searchsorted(ends, written, side="right"))


def read_state(directory: Path, manifest: Manifest) -> Array:
    """Return the state that the program has written.

    Raises:
        RunError: the file is missing, or has another size.
    """
    path = directory / STATE
    data = _read(path)
    if len(data) != (expected := manifest.segments["state"]):
        raise RunError(f"{path}: expected {expected} bytes, but got {len(data)}")
    return np.frombuffer(data, np.uint8)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}: the program has not run to its end") from None


def _result_bytes(manifest: Manifest, requests: Sequence[Request]) -> list[int]:
    def size(specs: Sequence[TensorSpec]) -> int:
        return sum(spec.elements * dtype_of(spec.dtype).itemsize for spec in specs)

    sizes = {name: size(function.outputs) for name, function in manifest.functions.items()}
    return [sizes[request.function] for request in requests]
