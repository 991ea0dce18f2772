"""The C header of an exported step: sizes, and documented functions."""

from __future__ import annotations

from pathlib import Path

from ..artifact.artifact import Artifact
from ..artifact.failures import FPU_OFF
from ..artifact.image import ABI_VERSION, FOOTER_BYTES, Identity, ImageError, Kind
from ..artifact.manifest import Function, Manifest, TensorSpec
from ..core.elements import element_types
from ..support.c_names import c_identifier
from ..targets.target import Target

__all__ = ["header"]


#: The C code that seals and checks images, with "pock" in the place of the model's name.
_IMAGE_CODE = Path(__file__).parent / "image.h"


def header(artifact: Artifact, identity: Identity) -> str:
    """Return the C header, for C and C++."""
    manifest, target = artifact.manifest, artifact.target
    name, upper = manifest.name, manifest.name.upper()
    guard = f"POCK_{upper}_H"
    lines = [
        f"/* {name}: a training step compiled by pockmlir for {target.name}. Generated; do not edit.",
        " *",
        f" * Loss: {artifact.loss}. Optimizer: {artifact.optimizers[0]}.",
        *(f" * Parameter group {index}: {o}." for index, o in enumerate(artifact.optimizers[1:], start=1)),
        " *",
        *(_dispatch_lines(name) if target.dispatched else _contract_lines(name, upper, target)),
        " */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stddef.h>",
        "#include <stdint.h>",
        *(['#include "pock_vulkan.h"'] if target.dispatched else []),
        "",
        *_size_lines(artifact),
        "",
        *_identity_lines(upper, identity),
        "",
        *_failure_lines(manifest),
        *_unit_failure_lines(upper, target.unit),
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
    ]
    if target.bare_metal:
        lines += [
            "/* Frozen parameters: what `constants` points to. */",
            f"extern const unsigned char {name}_constants[];",
            "",
            "/* What `state` begins with; optimizer state is zero in it, and prepared values are there. */",
            f"extern const unsigned char {name}_initial_state[];",
            "",
        ]
    if not target.dispatched:
        lines += [
            "/* Zero the optimizer's state. */",
            f"int32_t {name}_init(void *state);",
            "",
            "/* Compute what depends on frozen parameters only; call it after changing any. */",
            f"int32_t {name}_prepare(const void *constants, void *state, void *arena);",
        ]
    for key, function in manifest.functions.items():
        lines += _declaration(artifact, key, function)
    lines += _image_lines(name, upper, target.bare_metal)
    lines += ["", "#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {guard} */"]
    return "\n".join(lines) + "\n"


def _contract_lines(name: str, upper: str, target: Target) -> list[str]:
    """Return the comment about memory and errors of functions in a library."""
    return [
        f" * All memory is the caller's and aligned to {upper}_ALIGNMENT bytes, inputs and outputs included. No",
        " * function allocates, keeps a pointer or uses a global: two sets of memory are two independent models.",
        " * All return 0 on success, else one of the codes below; state is then as before the call.",
        " *",
        *_memory_lines(name, target.bare_metal),
        *_unit_lines(name, target),
    ]


def _dispatch_lines(name: str) -> list[str]:
    """Return the comment about loading and calling dispatches."""
    return [
        f" * Compile pock_vulkan.c, load {name}.spv and {name}.plan (pock_vulkan_load), and write the segments of",
        f" * {name}.constants.bin and {name}.state.bin to the step (pock_vulkan_write): both are already prepared. A",
        " * file has a footer behind the segment: check it after reading. To keep a trained state, read it",
        " * (pock_vulkan_read), and seal it before it is stored.",
        " *",
        " * Functions return 0 on success, a code below, or a negative code of pock_vulkan.h; state is then as before.",
    ]


def _memory_lines(name: str, bare_metal: bool) -> list[str]:
    """Return the comment about the contents of the segments."""
    if bare_metal:
        return [
            f" * Pass {name}_constants as `constants`: it is only read, and stays in flash. Copy {name}_initial_state",
            " * to `state`: it is already prepared. The arena needs no content and keeps none between calls.",
            f" * To keep a trained state, seal it ({name}_seal_state) before it is stored, and check it when it is read.",
        ]
    return [
        f" * Load {name}.constants.bin to `constants` (it is only read: flash will do) and {name}.state.bin to",
        " * `state`; both are already prepared. The arena needs no content and keeps none between calls.",
        " * A file has a footer behind the segment: check it after reading, seal a trained state before writing it.",
    ]


def _unit_lines(name: str, target: Target) -> list[str]:
    """Return the comment about the unit that has to be on."""
    if not target.unit:
        return []
    lines = [
        " *",
        f" * The code uses registers of the {target.unit}, with all settings as after reset: switch it on before the",
        f" * first call. {name}_init says whether it is on; it must run with privileges.",
    ]
    if target.triple.startswith(("arm", "thumb")):
        lines.append(" * The program may have any convention for floats (soft, softfp, hard): arguments are pointers.")
    return lines


def _unit_failure_lines(upper: str, unit: str) -> list[str]:
    """Return the code of a unit that is off."""
    if not unit:
        return []
    return [f"/* What init returns if the {unit} is off. */", f"#define {upper}_ERROR_FPU_OFF ({FPU_OFF})", ""]


def _size_lines(artifact: Artifact) -> list[str]:
    """Return the macros: memory, then the shapes of inputs and outputs."""
    manifest, footprint = artifact.manifest, artifact.footprint
    upper = manifest.name.upper()
    lines = [f"#define {upper}_ALIGNMENT {manifest.alignment}"]
    lines += [f"#define {upper}_{key.upper()}_BYTES {size}" for key, size in manifest.segments.items()]
    lines += [f"#define {upper}_{key.upper()}_ARENA_BYTES {f.arena}" for key, f in manifest.functions.items()]
    lines += [
        "",
        "/* State and arena; the deepest stack of a call, without the C library's; code, constants and initial state. */",
        f"#define {upper}_RAM_BYTES {manifest.segments['state'] + manifest.segments['arena']}",
        f"#define {upper}_STACK_BYTES {footprint.stack}",
        f"#define {upper}_FLASH_BYTES {footprint.flash}",
    ]
    for key, function in manifest.functions.items():
        lines += ["", f"/* Inputs and outputs of {manifest.name}_{key}: elements, and sizes of the dimensions. */"]
        for spec in (*function.tensors, *function.outputs):
            prefix = f"{upper}_{key.upper()}_{c_identifier(spec.name).upper()}"
            lines.append(f"#define {prefix}_ELEMENTS {spec.elements}")
            lines += [f"#define {prefix}_DIM_{index} {size}" for index, size in enumerate(spec.shape)]
            if spec.arena_offset is not None:
                lines.append(f"#define {prefix}_OFFSET {spec.arena_offset} /* bytes from the arena's begin */")
    return lines


#: What each code of a refused image means.
_REFUSALS = {
    ImageError.FORMAT: "not an image with a footer, or truncated",
    ImageError.ABI: "of another version of the ABI",
    ImageError.KIND: "of another segment",
    ImageError.LAYOUT: "of another model, scheme, optimizer or compiler: its tensors are elsewhere",
    ImageError.FROZEN: "made with other frozen parameters",
    ImageError.DAMAGED: "its bytes do not have their CRC",
}


def _identity_lines(upper: str, identity: Identity) -> list[str]:
    """Return the macros that say what an image must be like."""
    lines = [
        "/* An image is a segment and a footer behind it. The hashes are of the places of all tensors, and of the",
        " * values that training does not change. A state is right for all steps with the same version and hashes. */",
        f"#define {upper}_ABI_VERSION {ABI_VERSION}",
        f"#define {upper}_LAYOUT_HASH UINT64_C({identity.layout:#018x})",
        f"#define {upper}_FROZEN_HASH UINT64_C({identity.frozen:#018x})",
        f"#define {upper}_IMAGE_FOOTER_BYTES {FOOTER_BYTES}",
    ]
    lines += [
        f"#define {upper}_{kind.name}_IMAGE_BYTES ({upper}_{kind.name}_BYTES + {upper}_IMAGE_FOOTER_BYTES)"
        for kind in Kind
    ]
    lines += ["", "/* Why an image is refused. */"]
    lines += [f"#define {upper}_ERROR_IMAGE_{e.name} ({e.value}) /* {text} */" for e, text in _REFUSALS.items()]
    return [*lines, ""]


def _image_lines(name: str, upper: str, bare_metal: bool) -> list[str]:
    """Return the functions that check and seal images; those of microcontrollers' constants are in the library."""
    code = _IMAGE_CODE.read_text().replace("POCK_", f"{upper}_").replace("pock_", f"{name}_")
    lines = ["", code.partition("*/\n\n")[2]]
    for kind in [Kind.STATE] if bare_metal else Kind:
        segment = kind.name.lower()
        lines += [
            f"/* Check an image of `{segment}` that was read from storage: bytes, of which the last",
            f" * {upper}_IMAGE_FOOTER_BYTES are the footer. Return 0, or {upper}_ERROR_IMAGE_...: then do not use it.",
            " */",
            f"static inline int32_t {name}_check_{segment}(const void *image, size_t bytes) {{",
            f"  return {name}_image_check(image, bytes, {kind.value}, {upper}_{kind.name}_BYTES);",
            "}",
            "",
        ]
    return [
        *lines,
        "/* Write the footer behind a state that is about to be stored: the memory has",
        f" * {upper}_STATE_IMAGE_BYTES bytes. Store all of them. */",
        f"static inline void {name}_seal_state(void *image) {{",
        f"  {name}_image_seal(image, {Kind.STATE.value}, {upper}_STATE_BYTES);",
        "}",
    ]


def _failure_lines(manifest: Manifest) -> list[str]:
    """Return the macros of error codes."""
    if not manifest.failures:
        return []
    upper = manifest.name.upper()
    lines = ["/* What functions return if they fail: the operator, its module and line, and what it expects. */"]
    for failure in manifest.failures.values():
        text = str(failure).replace("*/", "* /")
        lines.append(f"#define {upper}_ERROR_{failure.code} {failure.code} /* {text} */")
    lines += [
        f"#define {upper}_ERROR_LOSS_NOT_FINITE {failure.code}"
        for failure in manifest.failures.values()
        if failure.kind == "loss"
    ]
    return [*lines, ""]


def _declaration(artifact: Artifact, key: str, function: Function) -> list[str]:
    """Return the lines that document and declare a function."""
    name = f"{artifact.name}_{key}"
    used = {"constants", "state", "arena", "step", "arguments"}
    arguments = [_argument(spec, "const ", used, _placed(artifact, key, spec)) for spec in function.inputs]
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
    if any(spec.name == "random_step" for spec in function.scalars):
        lines.append("Dropout's masks depend on random_seed and random_step only: count the calls in the latter.")
    if any(spec.name == "lr" and spec.shape for spec in function.scalars):
        lines.append("lr has one entry per parameter group.")
    comment = ["", f"/* {lines[0]}", *(f" * {line}" for line in lines[1:]), " */"]
    if artifact.target.dispatched:
        names = ["(void *)" + argument[0].rpartition("*")[2] for argument in arguments]
        return [
            *comment,
            f"static inline int {name}(pock_vulkan_step *step,",
            "    " + ",\n    ".join(argument[0] for argument in arguments) + ") {",
            f"  void *arguments[] = {{{', '.join(names)}}};",
            f'  return pock_vulkan_call(step, "{key}", arguments, {len(names)});',
            "}",
        ]
    return [
        *comment,
        f"int32_t {name}(const void *constants, void *state, void *arena,",
        "    " + ",\n    ".join(argument[0] for argument in arguments) + ");",
    ]


def _placed(artifact: Artifact, key: str, spec: TensorSpec) -> str:
    """Return what documents an input that is in the arena."""
    if spec.arena_offset is None:
        return ""
    macro = f"{artifact.name}_{key}_{c_identifier(spec.name)}_OFFSET".upper()
    return f", at arena + {macro}; the call overwrites it"


def _argument(spec: TensorSpec, qualifier: str, used: set[str], note: str = "") -> tuple[str, str]:
    """Return the declaration of an argument and a line that documents it."""
    name = c_identifier(spec.name)
    while name in used:
        name += "_"
    used.add(name)
    shape = "".join(f"[{size}]" for size in spec.shape) or " (one value)"
    c_type = element_types()[spec.dtype].c
    return f"{qualifier}{c_type} *{name}", f"{name}: {c_type}{shape}{note}"
