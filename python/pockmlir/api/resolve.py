"""Resolves a scheme against a model: which parameters train, and which cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import SchemeError
from ..support.warning import warn_user
from .scheme import ParameterInfo, Scheme

__all__ = ["read_scheme_error", "resolve_scheme"]


def resolve_scheme(
    scheme: Scheme, parameters: Sequence[ParameterInfo], gradients: Mapping[str, bool]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the fraction of every parameter, and the parameters that would train if they had a gradient.

    A rule for many parameters (``full``, ``last``, ``bias_only``, a glob that also matches others)
    leaves out parameters without gradient, with a warning. They get neither weight decay nor
    optimizer state, as in PyTorch's optimizers. A rule that names such a parameter is an error,
    and so is a glob that matches only such parameters.

    Args:
        scheme: the user's scheme.
        parameters: the model's parameters.
        gradients: the parameters that the loss reads → whether they have a gradient.

    Raises:
        SchemeError: rules do not fit the model, or nothing would train; it lists all problems.
    """
    decided, problems = scheme.decide(parameters)
    fractions = {name: fraction for name, (fraction, _) in decided.items()}
    without = [info for info in parameters if fractions[info.name] > 0 and not gradients.get(info.name)]
    useful = {id(rule) for name, (fraction, rule) in decided.items() if fraction > 0 and gradients.get(name)}
    alone: dict[str, list[str]] = {}
    for info in without:
        rule = decided[info.name][1]
        assert rule is not None
        if rule.names(info) or (rule.kind == "glob" and id(rule) not in useful):
            alone.setdefault(rule.pattern, []).append(info.name)
        fractions[info.name] = 0.0
    for pattern, names in alone.items():
        problems.append(
            f"'{pattern}': there is no gradient: {_reasons(names, gradients)}; freeze by requires_grad_(False), or in "
            f"the scheme: … | {{'{pattern}': 0}}"
        )
    if not problems and not any(fractions.values()):
        problems.append(_nothing(scheme, parameters, len(without)))
    if problems:
        raise SchemeError.of(problems)
    names = [info.name for info in without]
    if names:
        warn_user(
            f"scheme: parameters without gradient do not train: {_reasons(names, gradients)}; they get no update, weight "
            "decay or optimizer state, as in PyTorch; freeze them in the scheme to say that this is meant",
        )
    return fractions, tuple(names)


def _reasons(names: Sequence[str], gradients: Mapping[str, bool]) -> str:
    """Return the reasons why parameters have no gradient, as text."""
    unread = [name for name in names if name not in gradients]
    cut = [name for name in names if name in gradients]
    reasons = [f"the loss does not depend on {', '.join(unread)}"] if unread else []
    if cut:
        reasons.append(f"{', '.join(cut)}: read only under torch.no_grad, behind detach, or as integers or conditions")
    return "; ".join(reasons)


def _nothing(scheme: Scheme, parameters: Sequence[ParameterInfo], without: int) -> str:
    frozen = sum(not info.requires_grad for info in parameters)
    reasons = [f"{frozen} of {len(parameters)} parameters have requires_grad=False"] if frozen else []
    if without:
        reasons.append(f"the loss does not depend on {without} of them")
    return "; ".join([f"nothing to train with {scheme}", *reasons])


def read_scheme_error(facts: Sequence[Mapping[str, Any]]) -> SchemeError | None:
    """Return the error if facts of the compiler (`core.extension.facts_of`) say that parameters cannot train."""
    problems = []
    for fact in facts:
        if fact["kind"] == "scheme":
            reader = f"; one that does not: {fact['reader']}" if "reader" in fact else ""
            problems.append(f"'{fact['parameter']}' {fact['reason']}{reader}")
    return SchemeError.of(problems) if problems else None
