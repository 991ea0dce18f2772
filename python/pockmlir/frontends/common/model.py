"""`ModelBuilder` builds a model from pock ops for `pockmlir.plan` and `pockmlir.compile`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._ops.ir import Function, Module
from ...api.quantization import Quantization
from ...api.scheme import ParameterInfo
from ...artifact.arguments import Argument
from ...artifact.manifest import TensorSpec
from ...core.elements import computed_types, element_of, is_float, numpy_dtype
from ...errors import ArgumentError
from .builder import Builder
from .declarations import Declarations
from .emitter import RANDOM_INPUTS
from .imported import ImportedModel
from .reach import reached_parameters
from .text import write

__all__ = ["ModelBuilder"]


class ModelBuilder:
    """Builds the functions ``loss`` and ``predict`` of a model, and declares the parameters that they share.

    `pockmlir.plan` and `pockmlir.compile` verify the model.

    >>> model = ModelBuilder("net")
    >>> model.parameter("weight", np.ones((2, 3), np.float32))
    >>> for name in ("loss", "predict"):
    ...     b = model.function(name)
    ...     x = b.add_input("x", (4, 3), "f32")
    ...     y = linear(b, x, b.load("weight"))
    ...     b.returns({"loss": b.mean(y, (0, 1))} if name == "loss" else {"output": y})
    >>> imported = model.build()

    Args:
        name: the name of the model, and the default prefix of the C functions.
    """

    def __init__(self, name: str = "model") -> None:
        self._name = name
        self._declarations = Declarations()
        self._infos: list[ParameterInfo] = []
        self._builders: dict[str, Builder] = {}

    def parameter(
        self, name: str, value: npt.ArrayLike, *, trains: bool = True, quantization: Quantization | None = None,
        scales_of: str | None = None, factor: float = 1.0,
    ) -> None:  # fmt: skip
        """Declare a parameter.

        Args:
            name: the name for schemes; the part before the last dot is the path of the module.
            value: the initial value, which is copied.
            trains: False freezes the parameter in every scheme.
            quantization: stores it as integers, of which the value may consist already.
            scales_of: a quantised parameter, whose scales times ``factor`` are those of this one: of a bias.
            factor: see ``scales_of``.
        """
        array = self._declare("parameter", name, value, True)
        if quantization is not None:
            self._declarations.quantize(name, quantization, scales_of, factor)
        self._infos.append(ParameterInfo(name, array.shape, name.rpartition(".")[0], trains))

    def buffer(self, name: str, value: npt.ArrayLike) -> None:
        """Declare a buffer, which no scheme trains; a function may `store` to it."""
        self._declare("buffer", name, value, False)

    def _declare(self, what: str, name: str, value: npt.ArrayLike, is_parameter: bool) -> np.ndarray[Any, Any]:
        array = np.array(value, order="C", copy=True)
        if name in self._declarations.declarations:
            raise ArgumentError(f"model: two tensors are called '{name}'")
        element = element_of(array.dtype)
        if element is None or element.name not in computed_types():
            expected = ", ".join(str(numpy_dtype(known)) for known in computed_types())
            raise ArgumentError(f"model: {what} '{name}' has dtype {array.dtype}, but expected one of {expected}")
        self._declarations.declarations[name] = (array, is_parameter)
        return array

    def function(self, name: str) -> Builder:
        """Begin ``loss`` or ``predict``; `Builder.add_input` adds inputs, `Builder.returns` ends the function."""
        if name not in ("loss", "predict") or name in self._builders:
            raise ArgumentError(f"model: expected one function loss and at most one predict, but got '{name}'")
        self._builders[name] = Builder(name, self._declarations)
        return self._builders[name]

    def build(self, targets: Collection[str] = ("target",), *, checks_loss: bool = False) -> ImportedModel:
        """Return the finished model.

        Args:
            targets: the inputs of ``loss`` that are targets; the others are inputs of the model.
            checks_loss: whether ``loss`` checks that its result is finite (`checks.check_finite`), which the
                option ``on_nan`` of `pockmlir.compile` needs.

        Raises:
            ArgumentError: there is no loss, or the loss is not a scalar.
        """
        functions = {name: builder.function for name, builder in self._builders.items()}
        loss = functions.get("loss")
        if loss is None or len(loss.returned) != 1:
            raise ArgumentError("model: expected a function 'loss' with one result")
        if (found := loss.returned[0].type).shape != () or not is_float(found.dtype):
            raise ArgumentError(f"model: expected the loss to be a floating-point scalar, but got {found}")
        given = [spec for spec in _inputs(loss) if spec.name not in RANDOM_INPUTS]
        predict = functions.get("predict")
        outputs = [] if predict is None else list(zip(predict.result_names, predict.returned, strict=True))
        values = self._declarations.values
        return ImportedModel(
            ir=write(Module(self._declarations.operations(), list(functions.values()))),
            name=self._name,
            parameters=list(self._infos),
            values=values,
            inputs=[spec for spec in given if spec.name not in targets],
            targets=[spec for spec in given if spec.name in targets],
            arguments=[Argument(spec.name, spec.name) for spec in sorted(given, key=lambda s: s.name in targets)],
            outputs=[TensorSpec(name, value.type.shape, value.type.dtype) for name, value in outputs],
            named_outputs=len(outputs) > 1,
            norm_modes={},
            gradients=reached_parameters(loss),
            dropout_layers=tuple(self._builders["loss"].dropout_layers),
            checks_loss=checks_loss,
            saved_names=tuple(name for name in values if name not in self._declarations.constants),
        )


def _inputs(function: Function) -> list[TensorSpec]:
    pairs = zip(function.argument_names, function.arguments, strict=True)
    return [TensorSpec(name, value.type.shape, value.type.dtype) for name, value in pairs]
