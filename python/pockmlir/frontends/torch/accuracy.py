"""Compares the outputs of a float model and of its quantised form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch

__all__ = ["AccuracyReport", "call_of", "compare"]


@dataclass(frozen=True)
class AccuracyReport:
    """What quantisation costs; ``print`` it, or take ``to_dict()``.

    Attributes:
        samples: number of samples.
        error: the root mean square of the difference of outputs, as a fraction of that of the float outputs.
        agreement: the fraction of samples whose largest output is at the same place; None if outputs are no vectors.
        before: accuracy of the float model, None without labels.
        after: accuracy of the quantised model.
    """

    samples: int
    error: float
    agreement: float | None
    before: float | None
    after: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, fit for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"{self.samples} samples: outputs differ by {100 * self.error:.2f} % of their size"]
        if self.agreement is not None:
            parts.append(f"same class {100 * self.agreement:.1f} %")
        if self.before is not None and self.after is not None:
            parts.append(f"accuracy {100 * self.before:.1f} % before, {100 * self.after:.1f} % after")
        return ", ".join(parts)


def compare(
    model: Callable[..., Any], quantized: Callable[..., Any], batches: Iterable[Any], labels: Iterable[Any] | None
) -> AccuracyReport:
    """Run batches through both models; see `QuantizedModel.compare`."""
    samples = same = right_before = right_after = 0
    power = difference = 0.0
    vectors = True
    given = iter(labels) if labels is not None else None
    for batch in batches:
        args, kwargs = call_of(batch)
        with torch.no_grad():
            before, after = _first(model(*args, **kwargs)), _first(quantized(*args, **kwargs))
        samples += len(before)
        power += float(before.double().square().sum())
        difference += float((before.double() - after.double()).square().sum())
        vectors = vectors and before.dim() == 2
        if vectors:
            classes = before.argmax(1), after.argmax(1)
            same += int((classes[0] == classes[1]).sum())
            if given is not None:
                truth = torch.as_tensor(next(given))
                right_before += int((classes[0] == truth).sum())
                right_after += int((classes[1] == truth).sum())
    count = max(samples, 1)
    labelled = vectors and given is not None
    return AccuracyReport(
        samples=samples,
        error=(difference / power) ** 0.5 if power else 0.0,
        agreement=same / count if vectors else None,
        before=right_before / count if labelled else None,
        after=right_after / count if labelled else None,
    )


def call_of(batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return positional and keyword arguments of a batch: a tensor or array, a tuple of them, or a mapping."""
    if isinstance(batch, Mapping):
        return (), {name: _tensor(value) for name, value in batch.items()}
    values = batch if isinstance(batch, tuple | list) else (batch,)
    return tuple(map(_tensor, values)), {}


def _tensor(value: Any) -> Any:
    return torch.from_numpy(value) if hasattr(value, "__array__") and not isinstance(value, torch.Tensor) else value


def _first(output: Any) -> torch.Tensor:
    if isinstance(output, torch.Tensor):
        return output
    parts = list(output.values()) if isinstance(output, dict) else list(output)
    result: torch.Tensor = parts[0]
    return result
