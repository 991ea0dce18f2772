"""Runs the stages one after the other, and remembers the module after each."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ..api.resolve import read_scheme_error
from ..artifact.artifact import StageDump
from ..artifact.manifest import Manifest
from ..artifact.memory import read_limit_error
from ..core.extension import Core, facts_of, load_core
from ..core.stages import PIPELINES, anchored, with_options
from ..errors import CompileError, PockError
from ..support.files import failure_folder

__all__ = ["StageRunner"]


class StageRunner:
    """The modules of one compilation, and what belongs to its errors.

    Args:
        name: of the model, for the files of failures.
        dump_dir: folder for the module after each stage, ``NN-stage.mlir``.
        on_stage: called with each stage's name before it runs.
        core: the compiler, if not the extension module.
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
        """Say that a stage begins."""
        if self._on_stage:
            self._on_stage(stage)

    @contextlib.contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Say that a stage begins, and note the seconds that it takes if it succeeds."""
        self.begin(stage)
        begin = time.perf_counter()
        yield
        self.timings[stage] = time.perf_counter() - begin

    def verify_import(self, ir: str) -> str:
        """Return what a frontend wrote, verified and as people read it.

        Raises:
            CompileError: the module is not valid.
        """
        try:
            # The frontend writes the generic form; an empty pipeline prints it for people.
            return self.core.run_pipeline(ir, anchored(), True)
        except RuntimeError as error:
            self.record("import", ir)
            raise self.failure("import", None, error) from error

    def plan(self, stages: Sequence[str], options: Mapping[str, Mapping[str, str]]) -> tuple[Manifest, str]:
        """Run the pipelines of some stages and keep no module; return the manifest and the costs of kernels.

        Args:
            stages: their names, ``plan`` the last one.
            options: of each stage's pipeline.

        Raises:
            MemoryLimitError, SchemeError, CompileError: as `run_pipelines`.
        """
        pipelines = [(stage, anchored(with_options(PIPELINES[stage], options.get(stage, {})))) for stage in stages]
        for stage in stages:
            self.begin(stage)
        try:
            manifest, costs = self.core.plan(self.dumps[-1].ir, pipelines)
        except RuntimeError:
            # Stage by stage, for the error and the module that it is about.
            self.run_pipelines(stages, options)
            return self.manifest(), self.core.kernel_costs(self.at("plan"))
        return Manifest.from_json(manifest), costs

    def run_pipelines(self, stages: Sequence[str], options: Mapping[str, Mapping[str, str]]) -> None:
        """Run the pipelines of some stages, each on the module that the one before left.

        Args:
            stages: their names.
            options: of each stage's pipeline.

        Raises:
            MemoryLimitError: stage ``plan`` finds no way to stay within the limit.
            SchemeError: stage ``graph`` refuses the scheme.
            CompileError: a pipeline failed.
        """
        for stage in stages:
            self.begin(stage)
            ir, seconds = self._run(stage, options.get(stage, {}))
            self.timings[stage] = seconds
            self.record(stage, ir)

    def _run(self, stage: str, options: Mapping[str, str]) -> tuple[str, float]:
        """Run one pipeline on the last module; return the module that it leaves and seconds."""
        pipeline = anchored(with_options(PIPELINES[stage], options))
        try:
            # Locations travel along: a late failure can still name the model's module.
            ((_, ir, seconds),) = self.core.run_stages(self.dumps[-1].ir, [(stage, pipeline)], True)
        except RuntimeError as error:
            facts = facts_of(error)
            if known := read_limit_error(facts) or read_scheme_error(facts):
                raise known from None
            raise self.failure(stage, pipeline, error) from error
        return ir, seconds

    def record(self, stage: str, ir: str) -> None:
        """Remember the module after a stage; write it if dumps are asked for."""
        if self._dump_dir:
            self._dump_dir.mkdir(parents=True, exist_ok=True)
            (self._dump_dir / f"{len(self.dumps):02}-{stage}.mlir").write_text(ir)
        self.dumps.append(StageDump(stage, ir, self.timings.get(stage, 0.0)))

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
        """Write the stage's input to a file that survives; say how to run the stage on it."""
        ir = self.dumps[-1].ir
        name = f"{self.name}-before-{stage}"
        if self._dump_dir:
            self._dump_dir.mkdir(parents=True, exist_ok=True)
            path = self._dump_dir / f"{name}.mlir"
        else:
            # The same failure has the same file.
            path = failure_folder() / f"{name}-{hashlib.sha256(ir.encode()).hexdigest()[:12]}.mlir"
        path.write_text(ir)
        command = None
        if pipeline:
            command = f"pock-opt --pass-pipeline='{pipeline}' {shlex.quote(str(path))}"
        return CompileError(stage, str(error), reproducer=command, ir_path=str(path))
