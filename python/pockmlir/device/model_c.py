"""Generates the C source that connects a model to the program that runs it."""

from __future__ import annotations

from collections.abc import Iterable

from ..artifact.manifest import Function, Manifest, TensorSpec, dtype_of

__all__ = ["model_source"]


def model_source(manifest: Manifest, *, bare_metal: bool) -> str:
    """Return ``run_model.c``: the model's memory, buffers, and one call per function.

    Args:
        manifest: the manifest of the exported step.
        bare_metal: whether the images are constants of the library instead of files.
    """
    name, upper = manifest.name, manifest.name.upper()
    # Functions share buffers of equal specification, such as the input of step and predict.
    distinct = _distinct(manifest.functions.values())
    specs = {spec: f"buffer_{i}" for i, spec in enumerate(s for s in distinct if s.arena_offset is None)}
    placed = {spec: f"(arena + {spec.arena_offset})" for spec in distinct if spec.arena_offset is not None}
    lines = [
        f"/* The memory of {name}, and how its functions are called. Generated; do not edit. */",
        f'#include "{name}.h"',
        '#include "run.h"',
        "",
        f"#define ALIGNED __attribute__((aligned({upper}_ALIGNMENT)))",
        *_memory(name, upper, bare_metal=bare_metal),
        "",
        f"const struct run_buffer run_state = {{state, {upper}_STATE_BYTES}};",
        "",
        *(f"static unsigned char {buffer}[{_bytes(spec)}] ALIGNED; /* {spec} */" for spec, buffer in specs.items()),
    ]
    for key, function in manifest.functions.items():
        arguments = (*function.inputs, *function.outputs)
        entries = (f"    {{{(specs | placed)[spec]}, {_bytes(spec)}}}," for spec in arguments)
        lines += ["", f"static const struct run_buffer {key}_buffers[] = {{", *entries, "};"]
    lines += ["", "const struct run_function run_functions[] = {"]
    lines += [f"    {{{len(f.inputs)}, {len(f.outputs)}, {key}_buffers}}," for key, f in manifest.functions.items()]
    lines += ["};", f"const uint32_t run_function_count = {len(manifest.functions)};", "", *_CALL]
    for index, (key, function) in enumerate(manifest.functions.items()):
        passed = "".join(f", (void *){(specs | placed)[spec]}" for spec in (*function.inputs, *function.outputs))
        call = f"    code = {name}_{key}(constants, state, arena{passed});"
        lines += [f"  case {index}:", call, "    break;"]
    lines += ["  }", '  __asm__ volatile("" ::: "memory");', "  return code;", "}"]
    return "\n".join(lines) + "\n"


_CALL = (
    "/* A call is counted from the function's entry until this one goes on, so none may be its last deed. */",
    "__attribute__((noinline)) int32_t run_call(uint32_t function) {",
    "  int32_t code = -1;",
    "  switch (function) {",
)


def _distinct(functions: Iterable[Function]) -> list[TensorSpec]:
    return list(dict.fromkeys(spec for function in functions for spec in (*function.inputs, *function.outputs)))


def _bytes(spec: TensorSpec) -> int:
    return spec.elements * dtype_of(spec.dtype).itemsize


def _memory(name: str, upper: str, *, bare_metal: bool) -> list[str]:
    """Return the segments and ``run_load``. C has no empty arrays, so each has at least one byte."""

    def array(segment: str, attribute: str = "") -> str:
        size = f"{upper}_{segment.upper()}_BYTES"
        return f"static unsigned char {segment}[{size} ? {size} : 1] {attribute}ALIGNED;"

    if bare_metal:
        return [
            f"static const unsigned char *const constants = {name}_constants;",
            array("state", '__attribute__((section(".model.state"))) '),
            array("arena", '__attribute__((section(".model.arena"))) '),
            "",
            "int run_load(void) {",
            f"  for (uint32_t index = 0; index < {upper}_STATE_BYTES; ++index)",
            f"    state[index] = {name}_initial_state[index];",
            "  return 0;",
            "}",
        ]
    images = ("constants", "state")
    loaded = [f'!file_load("{name}.{image}.bin", {image}, sizeof {image})' for image in images]
    checked = [f"{name}_check_{image}({image}, sizeof {image})" for image in images]
    return [
        *(f"static unsigned char {image}[{upper}_{image.upper()}_IMAGE_BYTES] ALIGNED;" for image in images),
        array("arena"),
        "",
        "int run_load(void) {",
        "  return " + " ||\n         ".join(loaded + checked) + ";",
        "}",
    ]
