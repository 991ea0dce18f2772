"""Runs the stages in order, and keeps the module after each."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..api.resolve import read_scheme_error
from ..artifact.artifact import LazyDump, StageDump
from ..artifact.manifest import Manifest
from ..artifact.memory import read_limit_error
from ..core.extension import Core, facts_of, load_core
from ..core.stages import PIPELINES, anchored, with_options
from ..errors import CompileError, PockError
from ..support.files import failure_folder

__all__ = ["StageRunner"]


def _refusal(error: RuntimeError) -> PockError | None:
    """Return the error for a scheme or a memory limit that the compiler refuses, None if a stage has failed."""
    facts = facts_of(error)
    return read_limit_error(facts) or read_scheme_error(facts)


class StageRunner:
    """Runs the stages of one compilation; keeps the modules, and turns failures into errors.

    Args:
        name: the name of the model, for the files of failures.
        dump_dir: folder for the module after each stage, ``NN-stage.mlir``.
        on_stage: called with each stage's name before it runs.
        core: the compiler; the extension module by default.
    """

    def __init__(
        self,
        name: str,
        dump_dir: str | Path | None = None,
        on_stage: Callable[[str], None] | None = None,
        core: Core | None = None,
    ) -> None:
        self.name = name
        self.core = core or load_core()
        self.dumps: list[StageDump] = []
        self.timings: dict[str, float] = {}
        self._dump_dir = Path(dump_dir) if dump_dir else None
        self._on_stage = on_stage

    def begin(self, stage: str) -> None:
        """Report the begin of a stage."""
        if self._on_stage:
            self._on_stage(stage)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Report the begin of a stage, and record its seconds if it succeeds."""
        self.begin(stage)
        begin = time.perf_counter()
        yield
        self.timings[stage] = time.perf_counter() - begin

    def verify_import(self, ir: str) -> str:
        """Verify a front end's module, and return it in readable form.

        Raises:
            CompileError: the module is not valid.
        """
        try:
            # Front ends write the generic form; an empty pipeline prints the readable form.
            return self.core.run_pipeline(ir, anchored(), True)
        except RuntimeError as error:
            self.record("import", ir)
            raise self.failure("import", None, error) from error

    def plan(self, stages: Sequence[str], options: Mapping[str, Mapping[str, str]]) -> tuple[Manifest, str]:
        """Run the pipelines of some stages without keeping modules; return the manifest and the kernels' costs.

        Args:
            stages: the names of the stages; the last one is ``plan``.
            options: stage → options of its pipeline.

        Raises:
            MemoryLimitError, SchemeError, CompileError: as `run_pipelines`.
        """
        pipelines = [(stage, anchored(with_options(PIPELINES[stage], options.get(stage, {})))) for stage in stages]
        for stage in stages:
            self.begin(stage)
        try:
            manifest, costs = self.core.plan(self.dumps[-1].ir, pipelines)
        except RuntimeError as error:
            if refusal := _refusal(error):
                raise refusal from None
            # Run stage by stage, which finds the stage that fails and keeps its input.
            self.run_pipelines(stages, options)
            return self.manifest(), self.core.kernel_costs(self.at("plan"))
        return Manifest.from_json(manifest), costs

    def run_pipelines(self, stages: Sequence[str], options: Mapping[str, Mapping[str, str]]) -> None:
        """Run the pipelines of some stages, each on the result of the previous one.

        Args:
            stages: the names of the stages.
            options: stage → options of its pipeline.

        Raises:
            MemoryLimitError: stage ``plan`` finds no plan within the limit.
            SchemeError: stage ``graph`` refuses the scheme.
            CompileError: a pipeline failed.
        """
        for stage in stages:
            self.begin(stage)
            ir, seconds = self._run(stage, options.get(stage, {}))
            self.timings[stage] = seconds
            self.record(stage, ir)

    def _run(self, stage: str, options: Mapping[str, str]) -> tuple[str, float]:
        """Run one pipeline on the last module; return the resulting module and the seconds."""
        pipeline = anchored(with_options(PIPELINES[stage], options))
        try:
            # Keep locations, so that a late failure can name the model's module.
            ((_, ir, seconds),) = self.core.run_stages(self.dumps[-1].ir, [(stage, pipeline)], True)
        except RuntimeError as error:
            if refusal := _refusal(error):
                raise refusal from None
            raise self.failure(stage, pipeline, error) from error
        return ir, seconds

    def record(self, stage: str, ir: str) -> None:
        """Keep the module after a stage, and write it if there is a dump folder."""
        if self._dump_dir:
            self._dump_dir.mkdir(parents=True, exist_ok=True)
            (self._dump_dir / f"{len(self.dumps):02}-{stage}.mlir").write_text(ir)
        self.dumps.append(StageDump(stage, ir, self.timings.get(stage, 0.0)))

    def generate(self) -> tuple[list[bytes], Mapping[str, Any]]:
        """Run stage ``llvm`` and generate code; return object files, and facts about their arithmetic.

        The module at stage ``llvm`` is large. Its text is made only if somebody asks for it.

        Raises:
            CompileError: the pipeline or code generation failed.
        """
        plan, pipeline = self.dumps[-1].ir, anchored(PIPELINES["llvm"])
        if self._dump_dir:
            self.run_pipelines(("llvm",), {})
        self.begin("llvm")
        try:
            objects, facts, lowering, emission = self.core.generate(plan, pipeline)
        except RuntimeError as error:
            raise self.failure(getattr(error, "stage", "") or "llvm", pipeline, error) from error
        self.begin("object")
        self.timings |= {"llvm": lowering, "object": emission}
        if not self._dump_dir:
            self._add_last_stage(lowering)
        return objects, json.loads(facts)

    def restore(self, stages: Sequence[StageDump]) -> None:
        """Take the modules of the stages up to ``plan`` from an earlier compilation."""
        self.dumps += stages
        self._add_last_stage(0.0)

    def _add_last_stage(self, seconds: float) -> None:
        def lower(plan: StageDump = self.dumps[-1]) -> str:
            return self.core.run_pipeline(plan.ir, anchored(PIPELINES["llvm"]), True)

        self.dumps.append(LazyDump("llvm", lower, seconds))

    def manifest(self) -> Manifest:
        """Return the manifest of the module at stage ``plan``."""
        try:
            return Manifest.from_json(self.core.manifest(self.at("plan")))
        except RuntimeError as error:
            raise self.failure("manifest", None, error) from error

    def at(self, stage: str) -> str:
        """Return the module after a stage, with source locations."""
        return next(dump.ir for dump in self.dumps if dump.name == stage)

    def failure(self, stage: str, pipeline: str | None, error: Exception) -> PockError:
        """Write the stage's input to a permanent file; return an error with a command that reproduces the failure."""
        ir = self.dumps[-1].ir
        name = f"{self.name}-before-{stage}"
        if self._dump_dir:
            self._dump_dir.mkdir(parents=True, exist_ok=True)
            path = self._dump_dir / f"{name}.mlir"
        else:
            # The name contains a hash, so the same failure always uses the same file.
            path = failure_folder() / f"{name}-{hashlib.sha256(ir.encode()).hexdigest()[:12]}.mlir"
        path.write_text(ir)
        command = None
        if pipeline:
            command = f"pock-opt --pass-pipeline='{pipeline}' {shlex.quote(str(path))}"
        return CompileError(stage, str(error), reproducer=command, ir_path=str(path))
