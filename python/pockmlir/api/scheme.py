"""Sparse-update schemes: which parameters train, and which part of each.

A scheme is a list of rules over PyTorch parameter names. Every parameter starts frozen.
The rules apply in order, and a later rule wins. Resolving a scheme against a model gives
one fraction per parameter: 0 is frozen, 1 trains the whole parameter, a value between
trains the first ``round(fraction * C_in)`` input channels.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias

from ..errors import SchemeError
from ..support.json_text import parse_json

__all__ = ["ParameterInfo", "Rule", "Scheme", "no_match"]

SchemeLike: TypeAlias = "Scheme | Mapping[str, float]"


@dataclass(frozen=True)
class ParameterInfo:
    """A parameter of the model, as schemes see it.

    Attributes:
        name: PyTorch's name, for example ``features.0.weight``.
        shape: PyTorch's shape.
        module: path of the owning module; derived from ``name`` if None.
        requires_grad: False keeps the parameter frozen; a rule that matches only such parameters is an error.
        aliases: other names of a tied parameter; globs match them, too.
    """

    name: str
    shape: tuple[int, ...]
    module: str | None = None
    requires_grad: bool = True
    aliases: tuple[str, ...] = ()

    def matches(self, glob: str) -> bool:
        """Whether a glob matches one of its names."""
        return any(fnmatchcase(name, glob) for name in (self.name, *self.aliases))

    @property
    def owner(self) -> str:
        """The path of the module that owns the parameter."""
        return self.name.rpartition(".")[0] if self.module is None else self.module

    @property
    def is_bias(self) -> bool:
        """Whether this is a bias: it has one dimension, and its name ends in ``bias``."""
        return len(self.shape) == 1 and self.name.rpartition(".")[2] == "bias"


@dataclass(frozen=True)
class Rule:
    """One entry of a scheme.

    Attributes:
        kind: ``full``, ``frozen``, ``last``, ``bias_only`` or ``glob``.
        count: number of layers, for ``last`` and ``bias_only`` (None: all).
        pattern: the glob over parameter names, for ``glob``.
        fraction: the fraction of the matched parameters that trains, for ``glob``.
    """

    kind: Literal["full", "frozen", "last", "bias_only", "glob"]
    count: int | None = None
    pattern: str = ""
    fraction: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("full", "frozen", "last", "bias_only", "glob"):
            raise SchemeError(f"scheme: unknown kind of rule {self.kind!r}")
        count: object = self.count
        if count is None:
            if self.kind == "last":
                raise SchemeError("scheme: last needs the number of layers")
        elif isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise SchemeError(f"scheme: {self.kind} needs a number of layers >= 1, but got {count!r}")
        if self.kind == "glob":
            _require_glob(self.pattern, self.fraction)

    def to_json(self) -> dict[str, Any]:
        """Return the rule as plain data."""
        if self.kind == "glob":
            return {"glob": self.pattern, "fraction": self.fraction}
        return {"rule": self.kind} | ({} if self.count is None else {"count": self.count})

    def names(self, info: ParameterInfo) -> bool:
        """Whether the rule is exactly the parameter's name, not a pattern that matches it."""
        return self.kind == "glob" and self.pattern in (info.name, *info.aliases)

    def __str__(self) -> str:
        if self.kind == "glob":
            return f"{self.pattern}={self.fraction:g}"
        return self.kind if self.count is None else f"{self.kind}({self.count})"


def _require_glob(pattern: object, fraction: object) -> None:
    if not isinstance(pattern, str) or not pattern:
        raise SchemeError(f"scheme: expected a glob over parameter names, but got {pattern!r}")
    if isinstance(fraction, bool) or not isinstance(fraction, int | float):
        raise SchemeError(f"scheme: the fraction of '{pattern}' must be a number, but got {fraction!r}")
    if math.isnan(fraction) or not 0.0 <= fraction <= 1.0:
        raise SchemeError(f"scheme: the fraction of '{pattern}' must be in [0, 1], but got {fraction!r}")


class Scheme:
    """Which parameters train, and which part of each.

    >>> scheme = Scheme.bias_only(last=8) | {"classifier.*": 1.0}
    >>> Scheme.from_json(scheme.to_json()) == scheme
    True

    Args:
        fractions: glob over parameter names → fraction in [0, 1]; later entries win.
    """

    __slots__ = ("_rules",)
    _rules: tuple[Rule, ...]

    def __init__(self, fractions: Mapping[str, float] | None = None) -> None:
        if fractions is not None and not isinstance(fractions, Mapping):
            raise SchemeError(f"scheme: expected a mapping of globs to fractions, but got {fractions!r}")
        for pattern, fraction in (fractions or {}).items():
            _require_glob(pattern, fraction)
        self._rules = tuple(
            Rule("glob", pattern=pattern, fraction=float(fraction)) for pattern, fraction in (fractions or {}).items()
        )

    @classmethod
    def _of(cls, rules: Sequence[Rule]) -> Scheme:
        scheme = cls()
        scheme._rules = tuple(rules)
        return scheme

    @classmethod
    def coerce(cls, value: object) -> Scheme:
        """Return a scheme for a scheme or a mapping of globs to fractions."""
        if isinstance(value, Scheme):
            return value
        if isinstance(value, Mapping):
            return cls(value)
        raise SchemeError(f"scheme: expected a pockmlir.Scheme or a mapping, but got {value!r}")

    @classmethod
    def full(cls) -> Scheme:
        """Train every parameter."""
        return cls._of([Rule("full")])

    @classmethod
    def frozen(cls) -> Scheme:
        """Train nothing; a base to combine with others by ``|``."""
        return cls._of([Rule("frozen")])

    @classmethod
    def last(cls, n: int) -> Scheme:
        """Train the last ``n`` layers that own parameters."""
        return cls._of([Rule("last", n)])

    @classmethod
    def bias_only(cls, last: int | None = None) -> Scheme:
        """Train the biases, of all layers or of the ``last`` layers that have one."""
        return cls._of([Rule("bias_only", last)])

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in the order in which they apply."""
        return self._rules

    def __or__(self, other: SchemeLike) -> Scheme:
        if not isinstance(other, Scheme | Mapping):
            return NotImplemented
        return Scheme._of(self._rules + Scheme.coerce(other)._rules)

    def __ror__(self, other: SchemeLike) -> Scheme:
        if not isinstance(other, Scheme | Mapping):
            return NotImplemented
        return Scheme._of(Scheme.coerce(other)._rules + self._rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scheme) and self._rules == other._rules

    def __hash__(self) -> int:
        return hash(self._rules)

    def __repr__(self) -> str:
        return f"Scheme({self})"

    def __str__(self) -> str:
        return " | ".join(map(str, self._rules)) or "nothing"

    def to_json(self) -> str:
        """Return the scheme as JSON text."""
        return json.dumps({"version": 1, "rules": [rule.to_json() for rule in self._rules]})

    @classmethod
    def from_json(cls, text: str) -> Scheme:
        """Read JSON of `to_json`, or a plain object of globs to fractions.

        Raises:
            SchemeError: the text is not JSON, or not a scheme.
        """
        data = parse_json(text, "scheme: not valid JSON", SchemeError)
        if not isinstance(data, dict):
            raise SchemeError(f"scheme: expected a JSON object, but got {type(data).__name__}")
        if "rules" not in data:
            return cls(data)
        if data.get("version") != 1 or isinstance(data["version"], bool) or not isinstance(data["rules"], list):
            raise SchemeError(f"scheme: expected version 1 with a list of rules, but got {text[:120]!r}")
        return cls._of([_rule_from_json(rule) for rule in data["rules"]])

    def resolve(self, parameters: Sequence[ParameterInfo]) -> dict[str, float]:
        """Return the fraction of every parameter, in the given order.

        Args:
            parameters: the model's parameters in order of execution or registration.

        Raises:
            SchemeError: a glob matches nothing, or only parameters with
                ``requires_grad=False``, or there are fewer layers than asked for; all such
                rules are listed.
        """
        decided, problems = self.decide(parameters)
        if problems:
            raise SchemeError.of(problems)
        return {name: fraction for name, (fraction, _) in decided.items()}

    def decide(self, parameters: Sequence[ParameterInfo]) -> tuple[dict[str, tuple[float, Rule | None]], list[str]]:
        """Return fraction and rule of every parameter, and one problem per rule that does not fit."""
        decided: dict[str, tuple[float, Rule | None]] = {info.name: (0.0, None) for info in parameters}
        problems: list[str] = []
        for rule in self._rules:
            try:
                for info in _matched(rule, parameters):
                    decided[info.name] = (_fraction(rule, info), rule)
            except SchemeError as error:
                problems += error.problems
        return decided, problems

    @staticmethod
    def digest(fractions: Mapping[str, float]) -> str:
        """Return a hash of the resolved fractions, for checkpoints."""
        trained = sorted((name, fraction) for name, fraction in fractions.items() if fraction > 0)
        return hashlib.sha256(json.dumps(trained).encode()).hexdigest()[:16]


def _rule_from_json(data: object) -> Rule:
    """Read one rule; unknown keys are an error."""
    if isinstance(data, dict):
        if data.keys() == {"glob", "fraction"}:
            return Rule("glob", pattern=data["glob"], fraction=data["fraction"])
        if "rule" in data and data["rule"] != "glob" and data.keys() <= {"rule", "count"}:
            return Rule(data["rule"], data.get("count"))
    raise SchemeError(f"scheme: expected {{glob, fraction}} or {{rule, count}}, but got {json.dumps(data)}")


def _fraction(rule: Rule, info: ParameterInfo) -> float:
    """The fraction of a matched parameter."""
    if not info.requires_grad or rule.kind == "frozen":
        return 0.0
    if len(info.shape) < 2:
        # There are no input channels: the parameter trains whole or not at all.
        return 1.0 if rule.fraction > 0 else 0.0
    return rule.fraction


def _matched(rule: Rule, parameters: Sequence[ParameterInfo]) -> list[ParameterInfo]:
    """The parameters that a rule applies to."""
    if rule.kind == "glob":
        return _matched_by_glob(rule, parameters)
    if rule.kind in ("full", "frozen"):
        return list(parameters)
    candidates = [info for info in parameters if rule.kind == "last" or info.is_bias]
    if rule.count is None:
        return candidates
    layers = list(dict.fromkeys(info.owner for info in candidates))
    if rule.count > len(layers):
        what = "parameters" if rule.kind == "last" else "a bias"
        raise SchemeError(f"scheme: {rule} needs {rule.count} layers, but the model has {len(layers)} with {what}")
    chosen = set(layers[-rule.count :])
    return [info for info in candidates if info.owner in chosen]


def _matched_by_glob(rule: Rule, parameters: Sequence[ParameterInfo]) -> list[ParameterInfo]:
    matched = [info for info in parameters if info.matches(rule.pattern)]
    if not matched:
        raise SchemeError(f"scheme: {no_match(rule.pattern, [info.name for info in parameters])}")
    if rule.fraction > 0 and not any(info.requires_grad for info in matched):
        raise SchemeError(
            f"scheme: '{rule.pattern}' = {rule.fraction:g} matches only parameters with requires_grad=False: "
            + ", ".join(info.name for info in matched)
        )
    return matched


def no_match(glob: str, names: Sequence[str]) -> str:
    """Return the message that a glob matches no parameter, with similar globs."""
    close = difflib.get_close_matches(glob, [*names, *_prefix_globs(names)], n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else f"; there are {', '.join(names[:8])}"
    return f"'{glob}' matches no parameter{hint}{' …' * (not close and len(names) > 8)}"


def _prefix_globs(names: Sequence[str]) -> list[str]:
    """``a.b.weight`` → ``a.*``, ``a.b.*``: suggestions for a mistyped glob."""
    globs: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        globs.update(dict.fromkeys(".".join(parts[:end]) + ".*" for end in range(1, len(parts))))
    return list(globs)
