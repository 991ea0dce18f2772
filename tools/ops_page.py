#!/usr/bin/env python3
"""Writes docs/ops.md from the frontend's tables and the dialect's reference page.

Which ops a converter emits is read from its code: it and every function of the frontend that
it mentions are searched for op classes.

    ops_page.py REFERENCE_DIALECT_MD > docs/ops.md
"""

from __future__ import annotations

import ast
import dis
import inspect
import itertools
import re
import sys
import textwrap
import types
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pockmlir._ops import _pock_ops_gen as pock
from pockmlir.frontends.torch.builder import Builder
from pockmlir.frontends.torch.complex_numbers.rules import ON_REAL, RULES
from pockmlir.frontends.torch.decompositions import DECOMPOSED, composite_operators
from pockmlir.frontends.torch.registry import CONVERTERS, HINTS, Unsupported, operator_name

ROOT = Path(__file__).parents[1]
Function = types.FunctionType


# What a converter is made of ----------------------------------------------------------


def code_of(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from code_of(constant)


def is_op(value: Any) -> bool:
    return isinstance(value, type) and hasattr(value, "OPERATION_NAME")


def mentioned(function: Function) -> Iterator[Any]:
    """What a function refers to: op classes, functions of the frontend, methods of the builder."""
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for instruction in itertools.chain.from_iterable(map(dis.get_instructions, code_of(function.__code__))):
        name = instruction.argval
        if instruction.opname == "LOAD_GLOBAL":
            yield function.__globals__.get(name)
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            op = getattr(pock, name, None)
            yield op if is_op(op) else getattr(Builder, name, None)


def is_written(value: Any) -> bool:
    """Whether it is a function with a source: a dataclass has others."""
    return isinstance(value, Function) and not inspect.unwrap(value).__code__.co_filename.startswith("<")


def parts_of(function: Function) -> tuple[list[Function], set[str]]:
    """The functions that a converter may call, itself first, and the ops that they emit."""
    functions, found = [function], set()
    for current in functions:
        for value in mentioned(current):
            if is_op(value):
                found.add(value.OPERATION_NAME.removeprefix("pock."))
            elif inspect.isclass(value) and value.__module__.startswith("pockmlir.frontends.torch.ops"):
                functions += [m for m in vars(value).values() if is_written(m) and m not in functions]
            elif isinstance(value, Function) and value.__module__.startswith("pockmlir.frontend"):
                functions += [value] if value not in functions else []
    # Constants are everywhere and say nothing; large ones are loaded.
    return functions, found - {"constant", "load_param"}


def text_of(node: ast.expr) -> str:
    """The text of a string that may have values in it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    return str(ast.literal_eval(node)) if isinstance(node, ast.Constant) else "…"


def refusals(functions: Iterable[Function]) -> list[str]:
    """The reasons for which functions refuse a use."""
    found = []
    for function in functions:
        if function.__module__.endswith((".builder", ".emitter")):
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == Unsupported.__name__ and node.args:
                text = text_of(node.args[0])
                found += [text] if text not in ("…", "on …") else []
    return list(dict.fromkeys(found))


# The page -----------------------------------------------------------------------------


def wrapped(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def converters_by_family() -> dict[str, dict[Callable[..., Any], list[str]]]:
    families: dict[str, dict[Callable[..., Any], list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, converter in CONVERTERS.items():
        families[converter.__module__][converter].append(name)
    return families


def family(module: str, converters: dict[Callable[..., Any], list[str]]) -> Iterator[str]:
    title = (sys.modules[module].__doc__ or "").splitlines()[0].rstrip(".")
    yield f"### {title}\n"
    yield "| operator | becomes | not supported |"
    yield "|---|---|---|"
    for converter, names in sorted(converters.items(), key=lambda item: item[1]):
        assert isinstance(converter, Function)
        functions, ops = parts_of(converter)
        yield f"| {wrapped(names)} | {' '.join(sorted(ops)) or '-'} | {'; '.join(refusals(functions))} |"
    yield ""


def decomposed() -> Iterator[str]:
    yield "## Decomposed by PyTorch\n"
    yield "With a derivative of their own in PyTorch, which is that of their decomposition (tested):\n"
    yield wrapped(sorted(map(operator_name, DECOMPOSED))) + ".\n"
    composed = [operator_name(op) for op in composite_operators()]
    composed = [
        name
        for name in composed
        if name.startswith("aten.") and not re.search(r"backward|sparse|_test|fbgemm|cufft", name)
    ]
    yield f"Compositions in PyTorch itself ({len(composed)}); supported if all that they are made of is:\n"
    yield wrapped(composed) + ".\n"


def on_complex_numbers() -> Iterator[str]:
    yield "## On complex numbers\n"
    yield "Rewritten to operators on the real and the imaginary part:\n"
    yield wrapped(sorted(RULES)) + ".\n"
    yield f"On real operands, these are rewritten, too: {wrapped(sorted(ON_REAL))}.\n"


def refused() -> Iterator[str]:
    yield "## Refused\n"
    yield "| operators | why, and what to do instead |"
    yield "|---|---|"
    reasons = defaultdict(list)
    for name, reason in HINTS.items():
        if name not in CONVERTERS:
            reasons[reason].append(name)
    for reason, names in sorted(reasons.items(), key=lambda item: item[1]):
        yield f"| {wrapped(sorted(names))} | {reason} |"
    yield ""


GRADIENTS = {
    "VjpOpInterface": "rule",
    "DecomposableOpInterface": "of its parts",
    "Inactive": "zero",
}


def pock_ops(reference: str, used: set[str]) -> Iterator[str]:
    yield "## The ops that operators become\n"
    yield "Each has tests of verifier and folds, gradient and lowering in `test/Dialect/`, `test/Vjp/`, `test/Conversion/`.\n"
    yield "| op | operands | gradient | lowering |"
    yield "|---|---|---|---|"
    for section in re.split(r"^### ", reference, flags=re.M)[1:]:
        name = section.split("`")[1].removeprefix("pock.")
        if name not in used:
            continue
        facts = " ".join(re.findall(r"^(?:Traits|Interfaces): (.*)$", section, flags=re.M))
        gradient = next((text for fact, text in GRADIENTS.items() if fact in facts), "-")
        lowering = (
            "scalar by scalar"
            if "ElementwiseOpInterface" in facts
            else ("of its parts" if "DecomposableOpInterface" in facts else "pattern")
        )
        operands = section.split("#### Operands:")[1].split("####")[0] if "#### Operands:" in section else ""
        kinds = list(
            dict.fromkeys(
                re.sub(r"statically shaped tensor of | values", "", kind)
                for kind in re.findall(r"^\| `\w+` \| (.*) \|$", operands, flags=re.M)
            )
        )
        yield f"| [`{name}`](reference/Dialect.md#pock{name}-pock{camel(name)}op) | {'; '.join(kinds)} | {gradient} | {lowering} |"
    yield ""


def camel(name: str) -> str:
    return name.replace("_", "")


INTRODUCTION = """# Operators of PyTorch

Generated from the front end's tables by `make docs`; edit `python/pockmlir/frontends/torch/` instead.

A model consists of the operators of `torch.export`. Each operator is one of these:

* **Converted** to pock ops, listed below by family. Tests compare results and gradients with PyTorch's in float64 through
  the whole compiler (`test/Python/test_operators*.py`). Where PyTorch chooses a derivative (at zero, at ties, at the ends
  of an interval), that choice is the specification.
* **Decomposed** by PyTorch into operators that are converted.
* **Folded**: values that depend on no input, no parameter and no persistent buffer are computed at compile time, by
  PyTorch, with any operator: position tables, masks, index arithmetic, sorting of constants. Buffers that are not
  persistent and that the step does not change count as constants.
* **Refused**: all unsupported uses are reported at once, by module, with source line and advice.

Element types are `f32`, `f64`, `i1`, `i8`, `i32`, `i64`; PyTorch's rules of promotion apply. Shapes are static.

* **Inputs** may also be `uint8` and `int16`: they are computed in `i32`, and wrap around as in PyTorch. `float16`,
  `bfloat16`, `uint16` and `uint32` are converted before the model, and so are floating-point inputs that PyTorch does not
  mix with the parameters (`float64` into a linear layer of `float32`). A call takes either type; the report lists them.
* **Masks** that are buffers, or made of constants, may select entries (`x[mask]`, `masked_select`, `nonzero`). Their
  values are compiled in, and `load_state_dict` refuses others. Masks that depend on data have no static number of
  entries: use `torch.where`.
* **Complex numbers** (`complex64`, `complex128`) inside a model are two real tensors, from `torch.fft`, `stft`, `istft`,
  `view_as_complex`, `complex` and `polar` to `view_as_real`, `real`, `imag`, `abs` and `angle`. Gradients are PyTorch's.
  Fourier transforms are products with matrices of cosines and sines; a length of more than 128 is factorised, and a prime
  factor of more than 4096 is refused. What no result needs, such as the imaginary part of `fftn(x).real`, is not computed.
  Constants and buffers are compiled in, and `load_state_dict` refuses other values. Inputs, results and parameters are
  real: use `view_as_real`, or two parameters. Differences to PyTorch: an infinite part never makes the other one NaN in a
  sum, or in a product or quotient with a real number; the imaginary part of the first entry of a half spectrum must be
  finite; `exp` and `sgn` of infinite numbers are not specified; where the windows of `istft` add up to zero, its result is
  not finite, and there is no error.
* **Dropout** uses a counter-based generator. `@loss` then has the inputs `random_seed` and `random_step`, and the
  backward pass computes the mask again. `@predict` has no dropout, even if the model fixes `training=True`.
* **Gradients that a model gives itself** are part of the step: the backward of a `torch.autograd.Function`, hooks of
  tensors, parameters (`register_hook`) and modules (`register_full_backward_hook`, `…_pre_hook`), also global ones. They
  are traced like the forward pass, with all values that they read. Refused by name: `register_backward_hook`,
  `register_post_accumulate_grad_hook`, hooks of `grad_fn`, `register_multi_grad_hook`, `saved_tensors_hooks`,
  `mark_dirty`, and control flow that depends on values. `checkpoint(use_reentrant=True)` just runs its function:
  `memory_limit` decides what is recomputed.
* **Assignments to an index that occurs twice** have a random result in PyTorch; here the entry gets their mean.
* **Sorting** (`sort`, `topk`, `kthvalue`, `median`) keeps the order of equal entries, like PyTorch's stable sort. Where
  PyTorch does not specify their order, its indices, and so the gradient, may be those of other entries of equal value.
* **Integers** are computed exactly in all their bits and wrap around. A division by zero is an error as in PyTorch: at
  compile time if the divisor is known to be zero, else at run time. Values out of range and NaN convert to the smallest
  `i32` or `i64`, as in PyTorch on x86; `i8` is the low bits of the `i32`.
* **Losses** are NaN, infinite or zero where PyTorch's are, and so are their gradients. Ignored labels count for nothing,
  whatever is predicted for them. **Attention to nothing** (a row that is masked everywhere) is zero; its softmax is NaN.
* **Special points**: at zeros of both signs, infinities, NaN, ties and the ends of the number range, results and
  gradients are PyTorch's, too (`test/Python/test_special_points.py` has the table). Differences: `exp` of less than -87.3,
  and values computed from it, is zero instead of a number below 1e-38. Among ±0, the sign of an extremum over a dimension
  is not specified. PyTorch's sums, variances and products of `f32` over a dimension overflow later, and their gradients
  at infinite entries are not specified. An infinite or NaN pixel spreads along its row and column if windows of different
  sizes are averaged, or if an image is resized, except with `nearest`.
* **`fmod`, `remainder`, `floor_divide`** are exact; on targets without a C library, for quotients below 2^24.
"""


def main() -> None:
    reference = Path(sys.argv[1]).read_text()
    used = set().union(*(parts_of(c)[1] for c in CONVERTERS.values() if isinstance(c, Function)))
    lines = [INTRODUCTION, "## Converted\n"]
    for module, converters in sorted(converters_by_family().items()):
        lines += family(module, converters)
    lines += [*decomposed(), *on_complex_numbers(), *refused(), *pock_ops(reference, used)]
    print("\n".join(lines).rstrip())


if __name__ == "__main__":
    main()
