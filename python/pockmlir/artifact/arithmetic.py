"""The arithmetic of a step's code, as found in the code itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api.options import Training
from ..targets.target import Target
from .manifest import Manifest, dtype_of

__all__ = ["arithmetic_of"]


def arithmetic_of(manifest: Manifest, training: Training, target: Target, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return properties of the arithmetic and what they are, for reports.

    Args:
        manifest: the layout of the step.
        training: the options of the step.
        target: the target of the compilation.
        facts: what the compiler has found in the code; see `Pock/Target/CodeFacts.h`.
    """
    dtypes = sorted({dtype_of(slot.dtype).name for slot in manifest.of_kind("parameter").values()})
    result = {"element types": ", ".join(dtypes)}
    if training.precision == "bf16":
        result["stored between kernels"] = "bfloat16, computed in float32"
    if training.precision == "f16":
        result["stored between kernels"] = "float16, gradients float32; computed in float32"
    if any(slot.quantization for slot in manifest.tensors.values()):
        result["changes of integers"] = f"rounded: {training.rounding}"
    if training.gradients == "int16":
        result["products of gradients and integers"] = "of int16, with one power of two for a tensor; sums exact"
    if training.gradients == "float16":
        result["products of gradients and integers"] = "of float16, with one power of two for a tensor; sums in float16"
    if facts["bf16_products"]:
        result["products of matrices"] = "of bfloat16, sums in float32"
    rounded = "fused" if facts["fused"] else "two roundings"
    if target.dispatched:
        exact = target.arithmetic == "portable"
        rounded = "fused in sums, else two roundings" if exact else "one or two roundings, as the driver chooses"
    result["multiply-add"] = rounded
    library = ", ".join(facts["libm"])
    result["exp, log, tanh, pow, erf"] = f"libm: {library}" if library else "polynomials, same on every target"
    result["reordering by the compiler"] = "allowed" if facts["reassociated"] else "none"
    portable = target.arithmetic == "portable" and training.gradients != "float16"
    result["results"] = "portable: the same bits on every target" if portable else "fast: may depend on the processor"
    return result
