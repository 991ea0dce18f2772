"""Cached imports: the modules that PyTorch models became, without the values of their tensors.

A model is found by its identity (`frontends.torch.identity`), which is computed without running PyTorch. Values of
parameters and buffers come from the model itself. Constants of the graph are part of the entry.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ..api.scheme import ParameterInfo
from ..artifact.arguments import Argument, tree_from_json
from ..artifact.manifest import TensorSpec
from ..frontends.common.imported import Conversion, ImportedModel
from .identity import compiler_identity, digest
from .store import Store

__all__ = ["import_key", "read_import", "write_import"]

Array = np.ndarray[Any, Any]

_MODEL, _IR = "model.json", "import.mlir"


def import_key(identity: str) -> str | None:
    """Return the key of a model's import, None if it cannot be cached."""
    compiler = compiler_identity()
    return None if compiler is None else "import-" + digest(compiler, identity)


def write_import(
    store: Store, key: str, model: ImportedModel, values: Mapping[str, Array], warnings: Sequence[str]
) -> None:
    """Write an import to the cache, if it has the tensors of the model as they are.

    Args:
        store: the cache.
        key: the key.
        model: the import; its module is verified and readable.
        values: parameters and buffers of the model.
        warnings: what the user was told during the import.
    """
    constants = {name: value for name, value in model.values.items() if name not in values}
    if any(not _equal(model.values[name], value) for name, value in values.items() if name in model.values):
        return
    try:
        described = json.dumps(_to_json(model, constants, warnings), allow_nan=False)
    except (TypeError, ValueError):  # A constant argument that is not JSON.
        return
    if model.is_quantized or _arguments(json.loads(described)) != list(model.arguments):
        return
    parts = {_MODEL: described.encode(), _IR: model.ir.encode()}
    store.put(key, parts | {f"constants/{index}.npy": _npy(value) for index, value in enumerate(constants.values())})


def read_import(
    store: Store, key: str, get_values: Callable[[], Mapping[str, Array]]
) -> tuple[ImportedModel, list[str]] | None:
    """Return a cached import and its warnings, None if there is none for a model with these values.

    Args:
        store: the cache.
        key: the key.
        get_values: returns copies of parameters and buffers of the model.
    """
    entry = store.get(key)
    if entry is None:
        return None
    described, values = json.loads(entry.text(_MODEL)), get_values()
    constants = {
        name: np.load(io.BytesIO(entry.read(f"constants/{index}.npy")), allow_pickle=False)
        for index, name in enumerate(described["constants"])
    }
    if any(_hash(values[name]) != expected for name, expected in described["fixed"].items()):
        return None
    model = ImportedModel(
        ir=entry.text(_IR),
        parameters=[
            ParameterInfo(**{**info, "shape": tuple(info["shape"]), "aliases": tuple(info["aliases"])})
            for info in described["parameters"]
        ],
        values={name: constants[name] if name in constants else values[name] for name in described["values"]},
        inputs=list(map(TensorSpec.from_dict, described["inputs"])),
        targets=list(map(TensorSpec.from_dict, described["targets"])),
        arguments=_arguments(described),
        outputs=list(map(TensorSpec.from_dict, described["outputs"])),
        named_outputs=described["named_outputs"],
        norm_modes=described["norm_modes"],
        gradients=described["gradients"],
        dropout_layers=tuple(described["dropout_layers"]),
        converted={name: Conversion(**conversion) for name, conversion in described["converted"].items()},
        fixed=frozenset(described["fixed"]),
        aliases=described["aliases"],
        name=described["name"],
        checks_loss=described["checks_loss"],
        saved_names=tuple(described["saved_names"]),
    )
    return model, described["warnings"]


def _to_json(model: ImportedModel, constants: Mapping[str, Array], warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "parameters": [asdict(info) for info in model.parameters],
        "values": list(model.values),
        "constants": list(constants),
        "inputs": [asdict(spec) for spec in model.inputs],
        "targets": [asdict(spec) for spec in model.targets],
        "arguments": [asdict(argument) for argument in model.arguments],
        "outputs": [asdict(spec) for spec in model.outputs],
        "named_outputs": model.named_outputs,
        "norm_modes": model.norm_modes,
        "gradients": dict(model.gradients),
        "dropout_layers": model.dropout_layers,
        "converted": {name: asdict(conversion) for name, conversion in model.converted.items()},
        "fixed": {name: _hash(model.values[name]) for name in sorted(model.fixed)},
        "aliases": model.aliases,
        "name": model.name,
        "checks_loss": model.checks_loss,
        "saved_names": model.saved_names,
        "warnings": list(warnings),
    }


def _arguments(described: Mapping[str, Any]) -> list[Argument]:
    return [
        Argument(given["name"], tree_from_json(given["tree"]), given["constant"]) for given in described["arguments"]
    ]


def _equal(one: Array, other: Array) -> bool:
    same_type = one.shape == other.shape and one.dtype == other.dtype
    return same_type and np.array_equal(one.reshape(-1).view(np.uint8), other.reshape(-1).view(np.uint8))


def _hash(value: Array) -> str:
    return hashlib.sha256(value.tobytes()).hexdigest()


def _npy(value: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()
