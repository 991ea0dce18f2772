"""The error codes of compiled functions, and the Python errors for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import IndexRangeError, IntegerDivisionError, LossNotFiniteError, PockError, StepError

__all__ = ["FPU_OFF", "Failure", "failure_error"]

Array = npt.NDArray[Any]


#: What ``init`` returns on a microcontroller if the floating-point unit is off; the same for all models.
FPU_OFF = -1


@dataclass(frozen=True)
class Failure:
    """An error code of a function; after it, nothing that lasts from call to call has changed.

    Attributes:
        code: from 1.
        kind: ``index``, ``division`` or ``loss``.
        by: the operator.
        module: path of its module, ``(model)`` or ``(loss)``.
        source: file and line of the call, if known.
        expected: the allowed values, as text.
        input: the input that holds the wrong entry; None if the value is computed.
        range: (first, end) of the allowed entries of that input.
        ignored: one more allowed entry.
    """

    code: int
    kind: str
    by: str
    module: str
    source: str | None
    expected: str
    input: str | None = None
    range: tuple[int, int] | None = None
    ignored: int | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Failure:
        """Read one entry of the manifest."""
        limits = data.get("range")
        return cls(**{**data, "range": None if limits is None else (int(limits[0]), int(limits[1]))})

    @property
    def place(self) -> str:
        """Operator, module and line."""
        return f"{self.by} in {self.module or '(model)'}" + (f" at {self.source}" if self.source else "")

    def __str__(self) -> str:
        subject = f"{self.input} of {self.place}" if self.input else self.place
        return f"{subject}: expected {self.expected}"

    def error(self, inputs: Mapping[str, Array]) -> PockError:
        """Return the error for a call with these inputs."""
        if self.kind == "index":
            expected = self.expected + self._found(inputs)
            return IndexRangeError(self.by, self.module, expected, source=self.source, argument=self.input)
        if self.kind == "division":
            return IntegerDivisionError(f"{self.place}: expected {self.expected}")
        return LossNotFiniteError(f"{self.place}: expected {self.expected}")

    def _found(self, inputs: Mapping[str, Array]) -> str:
        """Describe the wrong entry of an input."""
        values = inputs.get(self.input or "")
        if values is None or self.range is None:
            return ""
        wrong = (values < self.range[0]) | (values >= self.range[1])
        if self.ignored is not None:
            wrong &= values != self.ignored
        if not wrong.any():
            return ""
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        return f", but got {int(values[place])} at {list(place)}"


def failure_error(failures: Mapping[int, Failure], function: str, code: int, inputs: Mapping[str, Array]) -> PockError:
    """Return the error for a code other than 0.

    Args:
        failures: all known failures, by code.
        function: name of the C function.
        code: the returned code.
        inputs: the inputs of the call, by name.
    """
    failure = failures.get(code)
    return StepError(function, code) if failure is None else failure.error(inputs)
