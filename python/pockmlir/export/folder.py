"""Writes the files of an exported step: libraries, header, memory images, parameters, manifest."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..artifact.artifact import Artifact
from ..artifact.dispatches import Dispatches
from ..artifact.failures import FPU_OFF
from ..artifact.image import Identity, Kind, seal
from ..artifact.manifest import Array
from ..core import link
from ..core.extension import load_core
from ..runtime import checkpoint
from ..runtime.abi import Segments
from ..support.files import replaced
from ..targets.target import Target
from . import runtime
from .header import header

__all__ = ["export"]


def export(artifact: Artifact, instance: Segments, tensors: dict[str, Array], directory: Path) -> dict[str, Path]:
    """Write everything that a device needs; return the files by role.

    Args:
        artifact: the step to export.
        instance: its prepared memory, from which the images are copied.
        tensors: parameters and buffers in PyTorch's layout.
        directory: created if missing; files of the same names are replaced atomically.
    """
    name = artifact.name
    roles = {
        "static_library": f"lib{name}.a",
        "header": f"{name}.h",
        "parameters": "parameters.safetensors",
        "manifest": "manifest.json",
    }
    images = {"constants": f"{name}.constants.bin", "state": f"{name}.state.bin"}
    if artifact.library:
        roles = {"shared_library": f"lib{name}.so"} | images | roles
    if artifact.target.dispatched:
        del roles["static_library"]
        roles = {"shaders": f"{name}.spv", "dispatches": f"{name}.plan"} | images | roles
        roles |= {"runtime_header": "pock_vulkan.h", "runtime": "pock_vulkan.c"}
    with replaced(directory, list(roles.values())) as folder:
        _write(artifact, instance, tensors, {role: folder / file for role, file in roles.items()})
    return {role: directory / file for role, file in roles.items()}


def _write(artifact: Artifact, instance: Segments, tensors: dict[str, Array], paths: dict[str, Path]) -> None:
    """Write the files."""
    name = artifact.name
    segments = artifact.manifest.segments
    identity = Identity.of(artifact.manifest, instance.constants, instance.state)
    images = {
        "constants": instance.constants[: segments["constants"]].tobytes(),
        "initial_state": _state_image(instance)[: segments["state"]].tobytes(),
    }
    if artifact.target.dispatched:
        code = Dispatches.unpack(artifact.object_code)
        paths["shaders"].write_bytes(code.shaders)
        paths["dispatches"].write_bytes(code.plan)
        paths["runtime_header"].write_text(runtime.header_text())
        paths["runtime"].write_text(runtime.source_text())
    else:
        _write_libraries(artifact, images, paths)
    if "constants" in paths:
        paths["constants"].write_bytes(seal(images["constants"], Kind.CONSTANTS, identity))
        paths["state"].write_bytes(seal(images["initial_state"], Kind.STATE, identity))
    paths["header"].write_text(header(artifact, identity))
    checkpoint.write(paths["parameters"], tensors, {"model": name, "exported": True})
    paths["manifest"].write_text(json.dumps(_manifest(artifact, identity, paths), indent=1) + "\n")


def _write_libraries(artifact: Artifact, images: Mapping[str, bytes], paths: Mapping[str, Path]) -> None:
    """Write the static library, with the images if there is no file system; and the shared one, if there is one."""
    name = artifact.name
    objects = {f"{name}.o": artifact.object_code}
    if artifact.library:
        # The artifact's own library is for this process; another one takes threads from OpenMP.
        with tempfile.TemporaryDirectory(prefix="pock-export-") as directory:
            code = Path(directory, f"{name}.o")
            code.write_bytes(artifact.object_code)
            link.link_shared(code, paths["shared_library"], native=artifact.target.native, openmp=True)
    else:
        module = f"module attributes {{pock.target = {artifact.target.attributes}}} {{}}"
        arrays = {f"{name}_{key}": image for key, image in images.items()}
        objects[f"{name}_images.o"] = load_core().emit_data(module, arrays)
    link.archive(objects, paths["static_library"])


def _state_image(instance: Segments) -> Array:
    """The image of the state, without accumulated gradients: the device begins a new accumulation."""
    image = instance.state.copy()
    for slot in instance.manifest.of_kind("state").values():
        if slot.of is not None and slot.name == f"{slot.of}.grad":
            image[slot.offset : slot.offset + slot.bytes] = 0
    return image


def _torch_version() -> str | None:
    """Return the version of PyTorch; None where it is not installed."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def _manifest(artifact: Artifact, identity: Identity, paths: Mapping[str, Path]) -> dict[str, Any]:
    """Return the manifest with versions, scheme and hashes; `hash` is that of all files."""
    target = artifact.target
    files = {path.name: _digest(path) for role, path in sorted(paths.items()) if role != "manifest"}
    listed = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return dict(artifact.manifest.data) | {
        "target": {
            "name": target.name,
            "triple": target.triple,
            "cpu": target.cpu,
            "features": target.features,
            "c_flags": list(target.c_flags),
            "runner": target.runner,
            "unit": target.unit,
        },
        "failures": [*artifact.manifest.data.get("failures", ()), *_unit_failures(target)],
        "arithmetic": target.arithmetic,
        "footprint": artifact.footprint.to_dict(),
        "images": identity.to_dict(),
        "scheme": dict(artifact.fractions),
        "optimizers": [optimizer.to_dict() for optimizer in artifact.optimizers],
        "loss": artifact.loss,
        "versions": {"compiler": load_core().version(), "torch": _torch_version()},
        "files": files,
        "hash": hashlib.sha256(listed.encode()).hexdigest(),
    }


def _unit_failures(target: Target) -> list[dict[str, Any]]:
    """Return the entry of `failures` for a unit that is off."""
    if not target.unit:
        return []
    expected = f"the {target.unit} switched on"
    return [{"code": FPU_OFF, "kind": "unit", "by": "init", "module": "", "source": None, "expected": expected}]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
