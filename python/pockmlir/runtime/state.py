"""Parameters, buffers and optimizer state in an instance's memory, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact.artifact import Artifact
from ..artifact.manifest import Array, TensorSlot, dtype_of
from ..errors import ArgumentError, CheckpointError
from . import checkpoint
from .abi import Segments, to_array
from .counters import Counters

__all__ = ["State"]

#: Of the dtypes that only store float32 numbers: the largest finite one.
_LARGEST = {"bf16": (2 - 2.0**-7) * 2.0**127, "f16": 65504.0}


class State:
    """The values that a step keeps between calls; not safe against concurrent calls.

    Args:
        artifact: the compiled step.
        instance: its memory.
        counters: the counters of the host.
        unused: parameters and buffers that the compiled functions do not use, by PyTorch's names.
    """

    def __init__(self, artifact: Artifact, instance: Segments, counters: Counters, unused: Mapping[str, Array]) -> None:
        self._artifact = artifact
        self._instance = instance
        self._counters = counters
        self._persistent: dict[str, TensorSlot] = artifact.manifest.of_kind("parameter", "buffer")
        self._slots = artifact.manifest.of_kind("state")
        self.unused = {name: np.array(value) for name, value in unused.items()}

    @classmethod
    def initial(cls, artifact: Artifact, instance: Segments, counters: Counters, values: Mapping[str, Array]) -> State:
        """Write parameters and buffers, by PyTorch's names, to fresh memory.

        Raises:
            ArgumentError: a value is missing, or has a wrong shape or dtype.
        """
        persistent = artifact.manifest.of_kind("parameter", "buffer")
        if missing := [name for name in persistent if name not in values]:
            raise ArgumentError(f"values: no initial value of {', '.join(missing)}")
        for name, slot in persistent.items():
            value = _checked(name, _stored(slot, values[name]), slot.torch_shape, _host_dtype(slot))
            instance.write(name, _finite(slot, value))
        for name, slot in artifact.manifest.of_kind("constant").items():
            instance.write(name, np.asarray(slot.value))
        names = artifact.state_names or list(values)
        others = [name for name in names if name in values and name not in persistent and name not in artifact.aliases]
        state = cls(artifact, instance, counters, {name: values[name] for name in others})
        state.reset_optimizer()
        instance.prepare()
        return state

    def model(self) -> dict[str, Array]:
        """Return copies of parameters and buffers, in PyTorch's layout."""
        result = {}
        for name in self._artifact.state_names or [*self._persistent, *self.unused]:
            source = self._artifact.aliases.get(name, name)
            value = self._instance.view(source) if source in self._persistent else self.unused.get(source)
            if value is not None:
                slot = self._persistent.get(source)
                result[name] = np.array(value, dtype=_host_dtype(slot) if slot else None, order="C")
        return result

    def real(self) -> dict[str, Array]:
        """Return copies of parameters and buffers like `model`, with the real numbers of quantised ones as float32."""
        values = self.model()
        for name in values:
            slot = self._persistent.get(self._artifact.aliases.get(name, name))
            if slot is not None and slot.quantization is not None:
                values[name] = slot.quantization.dequantize(values[name])
        return values

    def optimizer(self) -> dict[str, Array]:
        """Return copies of the optimizer's state, the counters included."""
        slots = {name: np.array(self._instance.view(name), order="C") for name in self._slots}
        return slots | self._counters.state()

    def reset_optimizer(self) -> None:
        """Zero momenta, accumulated gradients and the number of updates; the counters of dropout stay."""
        self._instance.initialize()
        self._counters.micro_step = 0

    def set_model(self, state_dict: object) -> None:
        """Set all parameters and buffers; real numbers for quantised ones are rounded to integers.

        Raises:
            ArgumentError: names, a shape or a dtype differ, or an index is out of range; nothing has changed.
        """
        current = self.model()
        given = _arrays("state_dict", state_dict)
        for name, value in given.items():
            slot = self._persistent.get(self._artifact.aliases.get(name, name))
            if slot is not None:
                given[name] = _stored(slot, value)
        self._write_model(_matched("state_dict", given, current), current)

    def set_optimizer(self, state_dict: object) -> None:
        """Set the whole state of the optimizer.

        Raises:
            ArgumentError: names, a shape or a dtype differ; nothing has changed.
        """
        what = "optimizer state"
        arrays = _matched(what, _arrays(what, state_dict), self.optimizer())
        self._counters.check(arrays)
        self._write_optimizer(arrays)

    def load(self, path: Path, *, optimizer_state: bool) -> None:
        """Read a checkpoint.

        Raises:
            CheckpointError: truncated, foreign, or of another model, optimizer or scheme;
                nothing has changed.
        """
        tensors, metadata = checkpoint.read(path)
        checkpoint.check_identity(path, metadata, self.identity(), optimizer_state=optimizer_state)
        model, optimizer = self.model(), self.optimizer()
        states = metadata.get("optimizer_state", ())
        own = {name: value for name, value in tensors.items() if name in model or name not in states}
        rest = {name: value for name, value in tensors.items() if name not in own}
        try:
            own = _matched("checkpoint", own, model)
            rest = _matched("checkpoint", rest, optimizer) if optimizer_state else {}
            self._counters.check(rest)
            self._write_model(own, model)
        except ArgumentError as error:
            raise CheckpointError(f"{path}: {error}") from None
        self._write_optimizer(rest)

    def identity(self) -> dict[str, Any]:
        """Return the metadata of a checkpoint."""
        artifact = self._artifact
        return {
            "model": artifact.name,
            "model_hash": artifact.fingerprint(),
            "optimizer": artifact.optimizer.to_dict(),
            "optimizer_state": sorted([*self._slots, *self._counters.state()]),
            "accumulate": artifact.training.accumulate,
            "scheme": artifact.scheme.to_json(),
            "scheme_hash": artifact.scheme.digest(artifact.fractions),
        }

    def _write_model(self, arrays: Mapping[str, Array], current: Mapping[str, Array]) -> None:
        """Write checked values and recompute values that depend on them; restore the current ones if that fails."""
        aliases = self._artifact.aliases
        for alias, source in aliases.items():
            if alias in arrays and not np.array_equal(arrays[alias], arrays[source], equal_nan=True):
                raise ArgumentError(f"state_dict: {alias} and {source} are one tensor, but their values differ")
        self._require_fixed(arrays)
        for name, value in arrays.items():
            if slot := self._persistent.get(name):
                self._instance.write(name, _finite(slot, value))
            elif name not in aliases:
                self.unused[name][...] = value
        try:
            self._instance.prepare()
        except ArgumentError:
            # Buffers may be indices: these are out of range.
            self._write_model(current, current)
            raise

    def _require_fixed(self, arrays: Mapping[str, Array]) -> None:
        """Refuse other values for buffers whose values are compiled in."""
        current = self.model()
        for name in sorted(self._artifact.fixed & arrays.keys() & current.keys()):
            if not np.array_equal(arrays[name], current[name], equal_nan=current[name].dtype.kind in "fc"):
                raise ArgumentError(
                    f"state_dict: the values of {name} were compiled in (a mask on which shapes depend, or complex "
                    "numbers); compile again with the new ones"
                )

    def _write_optimizer(self, arrays: Mapping[str, Array]) -> None:
        for name, value in arrays.items():
            if name in self._slots:
                self._instance.write(name, value)
        self._counters.load(arrays)


def _host_dtype(slot: TensorSlot) -> np.dtype[Any]:
    """Return the dtype that users see: float32 for tensors that are stored in 16 bits."""
    return np.dtype(np.float32) if slot.dtype in _LARGEST else dtype_of(slot.dtype)


def _stored(slot: TensorSlot, value: Array) -> Array:
    """Return the integers of a quantised tensor, for real numbers or integers of its shape; other values as they are."""
    if slot.quantization is None or value.shape != slot.torch_shape:
        return value
    if value.dtype.kind != "f":
        return value.clip(slot.quantization.least, slot.quantization.most)
    return slot.quantization.quantize(value, dtype_of(slot.dtype))


def _finite(slot: TensorSlot, value: Array) -> Array:
    """Return a value to store. Finite values stay finite in 16 bits: float32's minimum is not -inf."""
    if slot.dtype not in _LARGEST:
        return value
    largest = _LARGEST[slot.dtype]
    return np.where(np.isfinite(value), value.clip(-largest, largest), value)


def _arrays(what: str, value: object) -> dict[str, Array]:
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{what}: expected a mapping of names to arrays, but got {type(value).__name__}")
    return {name: to_array(name, entry) for name, entry in value.items()}


def _checked(name: str, value: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return the value if it has this shape and dtype."""
    if value.shape != shape or value.dtype != dtype:
        raise ArgumentError(
            f"{name}: expected {dtype.name}{list(shape)}, but got {value.dtype.name}{list(value.shape)}"
        )
    return value


def _matched(what: str, given: Mapping[str, Array], current: Mapping[str, Array]) -> dict[str, Array]:
    """Return the given values if they have the names, shapes and dtypes of the current ones."""
    if missing := [name for name in current if name not in given]:
        raise ArgumentError(f"{what}: missing {', '.join(missing)}")
    if unexpected := [name for name in given if name not in current]:
        raise ArgumentError(f"{what}: unexpected {', '.join(unexpected)}")
    return {name: _checked(name, given[name], value.shape, value.dtype) for name, value in current.items()}
