"""The arithmetic of a step's code, as found in the code itself."""

from __future__ import annotations

from ..api.options import Training
from ..targets.target import Target
from .manifest import Manifest, dtype_of

__all__ = ["arithmetic_of"]


def arithmetic_of(manifest: Manifest, training: Training, target: Target, code: str | None) -> dict[str, str]:
    """Return properties of the arithmetic and what they are, for reports.

    Args:
        manifest: the layout of the step.
        training: the options of the step.
        target: the target of the compilation.
        code: the module at stage ``llvm``; None if there is none.
    """
    dtypes = sorted({dtype_of(slot.dtype).name for slot in manifest.of_kind("parameter").values()})
    result = {"element types": ", ".join(dtypes)}
    if training.precision == "bf16":
        result["stored between kernels"] = "bfloat16, computed in float32"
    if any(slot.quantization for slot in manifest.tensors.values()):
        result["changes of integers"] = f"rounded: {training.rounding}"
    if code is None:
        return result
    if "dpbf16ps" in code:
        result["products of matrices"] = "of bfloat16, sums in float32"
    fused = "llvm.intr.fma" in code or "llvm.intr.fmuladd" in code
    result["multiply-add"] = "fused" if fused else "two roundings"
    library = [name for name in ("exp", "log", "tanh", "pow", "erf") if _calls_libm(code, name)]
    polynomials = "polynomials, same on every target"
    result["exp, log, tanh, pow, erf"] = f"libm: {', '.join(library)}" if library else polynomials
    reordering = "fastmath<" in code and ("reassoc" in code or "<fast>" in code)
    result["reordering by the compiler"] = "allowed" if reordering else "none"
    portable = target.arithmetic == "portable"
    result["results"] = "portable: the same bits on every target" if portable else "fast: may depend on the processor"
    return result


def _calls_libm(code: str, name: str) -> bool:
    return any(pattern in code for pattern in (f"llvm.intr.{name}(", f"call @{name}(", f"call @{name}f("))
