"""Writes a step for firmware: libraries, header, memory images, parameters, manifest."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from . import _checkpoint, _link
from ._abi import Instance
from ._artifact import Artifact
from ._manifest import Array, Function, TensorSpec
from .errors import ArgumentError

__all__ = ["c_identifier", "export", "require_c_identifier"]

_C_TYPES = {"f32": "float", "f64": "double", "i1": "uint8_t", "i8": "int8_t", "i32": "int32_t", "i64": "int64_t"}

_KEYWORDS = """auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
bool true false nullptr class delete new private public this virtual template operator"""
_C_KEYWORDS = frozenset(_KEYWORDS.split())


def c_identifier(text: str) -> str:
    """Return the nearest valid C identifier in lower case.

    >>> c_identifier("MobileNetV2")
    'mobile_net_v2'
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text).lower()
    name = re.sub(r"\W+", "_", snake, flags=re.ASCII).strip("_") or "model"
    name = f"m{name}" if name[0].isdigit() else name
    return f"{name}_" if name in _C_KEYWORDS else name


def require_c_identifier(name: object) -> str:
    """Return the name, or raise an error: it becomes the prefix of C functions."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, flags=re.ASCII) or name in _C_KEYWORDS:
        raise ArgumentError(f"name: expected a C identifier, the prefix of the exported functions, but got {name!r}")
    return name


def export(artifact: Artifact, instance: Instance, tensors: dict[str, Array], directory: Path) -> dict[str, Path]:
    """Write everything that a device needs; return what was written, by role.

    Args:
        artifact: what to export.
        instance: its memory, prepared: the images are taken from it.
        tensors: parameters and buffers in PyTorch's layout.
        directory: made if missing; files of the same name are replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    name = artifact.name
    paths = {
        "shared_library": directory / f"lib{name}.so",
        "static_library": directory / f"lib{name}.a",
        "header": directory / f"{name}.h",
        "constants": directory / f"{name}.constants.bin",
        "state": directory / f"{name}.state.bin",
        "parameters": directory / "parameters.safetensors",
        "manifest": directory / "manifest.json",
    }
    shutil.copyfile(artifact.library, paths["shared_library"])
    object_file = directory / f"{name}.o"
    object_file.write_bytes(artifact.object_code)
    _link.archive(object_file, paths["static_library"])
    object_file.unlink()
    paths["header"].write_text(header(artifact))
    segments = artifact.manifest.segments
    paths["constants"].write_bytes(instance.constants[: segments["constants"]].tobytes())
    paths["state"].write_bytes(_state_image(instance)[: segments["state"]].tobytes())
    _checkpoint.write(paths["parameters"], tensors, {"model": name, "exported": True})
    paths["manifest"].write_text(json.dumps(artifact.manifest.data, indent=1) + "\n")
    return paths


def header(artifact: Artifact) -> str:
    """Return the C header: sizes, and the documented functions."""
    manifest = artifact.manifest
    name, upper = manifest.name, manifest.name.upper()
    guard = f"POCK_{upper}_H"
    lines = [
        f"/* {name}: a training step compiled by pockmlir for {artifact.target.name}. Generated; do not edit.",
        " *",
        f" * Loss: {artifact.loss}. Optimizer: {artifact.optimizers[0]}.",
        *(f" * Parameter group {index}: {o}." for index, o in enumerate(artifact.optimizers[1:], start=1)),
        " *",
        f" * All memory is the caller's and aligned to {upper}_ALIGNMENT bytes. No function allocates, keeps a",
        " * pointer or uses a global: two sets of memory are two independent models. All return 0 on success.",
        " *",
        f" * Load {name}.constants.bin to `constants` (it is only read: flash will do) and {name}.state.bin to",
        " * `state`; both are already prepared. The arena needs no content and keeps none between calls.",
        " */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdint.h>",
        "",
        f"#define {upper}_ALIGNMENT {manifest.alignment}",
    ]
    lines += [f"#define {upper}_{key.upper()}_BYTES {size}" for key, size in manifest.segments.items()]
    lines += [f"#define {upper}_{key.upper()}_ARENA_BYTES {f.arena}" for key, f in manifest.functions.items()]
    lines += ["", "#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    lines += [
        "/* Zero the optimizer's state. */",
        f"int32_t {name}_init(void *state);",
        "",
        "/* Compute what depends on frozen parameters only; call it after changing any. */",
        f"int32_t {name}_prepare(const void *constants, void *state, void *arena);",
    ]
    for key, function in manifest.functions.items():
        lines += _declaration(artifact, key, function)
    lines += ["", "#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {guard} */"]
    return "\n".join(lines) + "\n"


def _state_image(instance: Instance) -> Array:
    """The state, without gradients of an accumulation under way: the device begins with the first call of one."""
    image = instance.state.copy()
    for slot in instance.manifest.of_kind("state").values():
        if slot.of is not None and slot.name == f"{slot.of}.grad":
            image[slot.offset : slot.offset + slot.bytes] = 0
    return image


def _declaration(artifact: Artifact, key: str, function: Function) -> list[str]:
    """Return the lines that document and declare a function."""
    name = f"{artifact.name}_{key}"
    used = {"constants", "state", "arena"}
    arguments = [_argument(spec, "const ", used) for spec in function.inputs]
    arguments += [_argument(spec, "", used) for spec in function.outputs]
    documentation = {
        "step": ["One training step: parameters and optimizer state in `state` change in place."],
        "accumulate": [
            "Add this batch's gradients to those in `state`; parameters stay as they are.",
            f"Of {artifact.training.accumulate} calls, the last one is {artifact.name}_step: it updates with the mean.",
        ],
        "predict": ["Forward only, with the parameters as they are."],
    }
    lines = documentation.get(key, [key]) + [argument[1] for argument in arguments]
    if any(spec.name == "dropout_step" for spec in function.scalars):
        lines.append("Dropout's masks depend on dropout_seed and dropout_step only: count the calls in the latter.")
    if any(spec.name == "lr" and spec.shape for spec in function.scalars):
        lines.append("lr has one entry per parameter group.")
    return [
        "",
        f"/* {lines[0]}",
        *(f" * {line}" for line in lines[1:]),
        " */",
        f"int32_t {name}(const void *constants, void *state, void *arena,",
        "    " + ",\n    ".join(argument[0] for argument in arguments) + ");",
    ]


def _argument(spec: TensorSpec, qualifier: str, used: set[str]) -> tuple[str, str]:
    """Return the declaration of an argument and a line that documents it."""
    name = c_identifier(spec.name)
    while name in used:
        name += "_"
    used.add(name)
    shape = "".join(f"[{size}]" for size in spec.shape) or " (one value)"
    return f"{qualifier}{_C_TYPES[spec.dtype]} *{name}", f"{name}: {_C_TYPES[spec.dtype]}{shape}"
