"""A model that is imported once, and planned and compiled any number of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from ..api.keywords import Options
from ..api.optimizer_groups import OptimizerGroups
from ..api.request import Request, require_rules
from ..api.resolve import resolve_scheme
from ..api.scheme import ParameterInfo, Scheme
from ..api.source import Source, TorchSource
from ..artifact.artifact import Artifact
from ..cache.store import Store
from ..core.ir_text import add_module_attributes, scheme_attr
from ..core.stages import PLAN_STAGES
from ..errors import ArgumentError
from ..report.plan import Plan
from ..runtime.torch_state import TorchState
from ..step import Step
from .code import Code, generate
from .runner import StageRunner
from .torch_import import import_torch

if TYPE_CHECKING:
    from .built import BuiltSource

__all__ = ["Imported"]


@dataclass(frozen=True)
class _Chosen:
    """A module at stage ``import`` with all choices for one step."""

    request: Request
    scheme: Scheme
    fractions: Mapping[str, float]
    without_gradient: tuple[str, ...]
    groups: OptimizerGroups
    taken: TorchState | None
    runner: StageRunner


class Imported:
    """An imported model with its loss, returned by `import_model`.

    Parameters and buffers are copies: compiled steps start with the values at the time of the import, even if the
    model changes later. The import does not depend on the scheme, the target or a limit.

    >>> imported = pock.import_model(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1))     # doctest: +SKIP
    >>> plan = imported.plan(pock.Scheme.last(2), memory_limit="64KB")                        # doctest: +SKIP
    >>> step = imported.compile(pock.Scheme.last(2), memory_limit="64KB")                     # doctest: +SKIP
    """

    def __init__(
        self, source: TorchSource | BuiltSource, request: Request, runner: StageRunner, store: Store | None = None
    ) -> None:
        with runner.timed("import"):
            if isinstance(source, TorchSource):
                self._model = import_torch(source, runner, store)
            else:
                self._model = replace(source.model, ir=runner.verify_import(source.model.ir))
        self._seconds = runner.timings["import"]
        self._store = store
        self._source: Source = source
        self._request = request
        self._tensors = tuple(source.named_parameters())
        self._require_precision(request)

    @property
    def parameters(self) -> tuple[ParameterInfo, ...]:
        """The model's parameters in its order, to which schemes refer."""
        return tuple(self._model.parameters)

    def plan(
        self,
        scheme: Scheme | Mapping[str, float],
        *,
        optimizer: Any = None,
        on_stage: Callable[[str], None] | None = None,
        **options: Unpack[Options],
    ) -> Plan:
        """Return the costs of a step with this scheme, without generating code.

        Args:
            scheme: as for `compile`.
            optimizer: overrides the optimizer of the import.
            on_stage: called with each stage's name before it runs.
            options: options of `compile` from ``target`` on; they override those of the import.

        Raises:
            ArgumentError, SchemeError, MemoryLimitError, CompileError: as `compile`.
        """
        chosen = self._choose(scheme, optimizer, options, None, on_stage)
        manifest, costs = chosen.runner.plan(PLAN_STAGES, chosen.request.memory.pipeline_options())
        return Plan.of(manifest, costs, chosen.scheme, chosen.fractions, chosen.without_gradient)

    def compile(
        self,
        scheme: Scheme | Mapping[str, float],
        *,
        optimizer: Any = None,
        dump_ir_dir: str | Path | None = None,
        on_stage: Callable[[str], None] | None = None,
        **options: Unpack[Options],
    ) -> Step:
        """Compile a step; it raises the errors of `pockmlir.compile`.

        Args:
            scheme: the parameters that train, and the fraction of each.
            optimizer: overrides the optimizer of the import.
            dump_ir_dir: folder for the module after every stage, ``NN-stage.mlir``.
            on_stage: called with each stage's name before it runs.
            options: options of `compile` from ``target`` on; they override those of the import.
        """
        chosen = self._choose(scheme, optimizer, options, dump_ir_dir, on_stage)
        # Whoever wants to see the stages wants them to run.
        code = generate(chosen.runner, chosen.request, None if dump_ir_dir else self._store)
        step = Step(self._artifact(chosen, code), self._model.values, chosen.request.torch_optimizer)
        if chosen.taken is not None:
            step.load_optimizer_state_dict(chosen.taken.arrays(code.manifest, step.optimizer_state_dict()))
        return step

    def _choose(
        self,
        scheme: Scheme | Mapping[str, float],
        optimizer: Any,
        options: Options,
        dump_ir_dir: str | Path | None,
        on_stage: Callable[[str], None] | None,
    ) -> _Chosen:
        """Resolve all choices for a step, and add them to the module at stage ``import``."""
        request = self._request.changed(self._source, optimizer, **options)
        self._require_precision(request)
        rules = require_rules(scheme)
        fractions, without_gradient = resolve_scheme(rules, self._model.parameters, self._model.gradients)
        trained = [name for name, fraction in fractions.items() if fraction > 0]
        groups = OptimizerGroups.resolve(request.optimizer, self._model.parameters, trained, self._tensors)
        taken = self._optimizer_state(request, groups, trained)
        runner = StageRunner(request.name, dump_ir_dir, on_stage)
        runner.timings["import"] = self._seconds
        attributes = request.attributes() | groups.attributes() | {"pock.scheme": scheme_attr(fractions)}
        attributes |= request.memory.attributes([spec.name for spec in self._model.inputs])
        runner.record("import", add_module_attributes(self._model.ir, attributes))
        return _Chosen(request, rules, fractions, without_gradient, groups, taken, runner)

    def _require_precision(self, request: Request) -> None:
        if request.training.precision == "int8" and not self._model.is_quantized:
            raise ArgumentError(
                "precision: 'int8' needs a quantised model, but this one has real numbers only; quantise it with data "
                "for its ranges, pock.quantize(model, batches), or with scales, pock.quantize(model, qparams=…)"
            )
        if (gradients := request.training.gradients) != "float32" and not self._model.is_quantized:
            raise ArgumentError(
                f"gradients: {gradients!r} needs a quantised model, but this one has real numbers only, whose products "
                "are float32"
            )

    def _optimizer_state(self, request: Request, groups: OptimizerGroups, trained: list[str]) -> TorchState | None:
        """Return the moments of a torch optimizer that has already trained."""
        if request.torch_optimizer is None:
            return None
        settings = {name: groups.optimizers[groups.of.get(name, 0)] for name in trained}
        state = TorchState.of(request.torch_optimizer, settings, self._tensors)
        if state is not None and (changed := self._changed(trained)):
            raise ArgumentError(
                f"model: '{changed}' has changed since the import, which has its values of then; the optimizer's state "
                "belongs to those of now: import the model again"
            )
        return state

    def _changed(self, trained: list[str]) -> str | None:
        """Return a trained parameter whose value has changed since the import."""
        from ..frontends.torch.parameters import array_of

        tensors = dict(self._tensors)
        for name in trained:
            if array_of(tensors[name]).tobytes() != self._model.values[name].tobytes():
                return name
        return None

    def _artifact(self, chosen: _Chosen, code: Code) -> Artifact:
        """Return all parts of the step, except its memory."""
        model, request, runner = self._model, chosen.request, chosen.runner
        aliases = {alias: name for alias, name in model.aliases.items() if alias in model.saved_names}
        return Artifact(
            manifest=code.manifest,
            library=code.library,
            object_code=code.object_code,
            optimizer=request.optimizer if request.torch_optimizer is None else chosen.groups.optimizers[0],
            groups=chosen.groups,
            scheme=chosen.scheme,
            fractions=chosen.fractions,
            without_gradient=chosen.without_gradient,
            parameters=self.parameters,
            target=request.target,
            training=request.training,
            dropout=model.dropout_layers,
            arguments=tuple(model.arguments),
            named_outputs=model.named_outputs,
            loss=self._source.loss_name,
            norm_modes=dict(model.norm_modes),
            converted={name: (found.given, found.used) for name, found in model.converted.items()},
            state_names=model.saved_names,
            aliases=aliases,
            fixed=model.fixed,
            arithmetic=code.arithmetic,
            dumps=tuple(runner.dumps),
            timings=runner.timings,
            print_ir=runner.core.parse_check,
            directory=code.directory,
        )
