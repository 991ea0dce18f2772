"""The stages of a compilation and their pipelines."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PIPELINES", "PLAN_STAGES", "STAGES", "anchored", "with_options"]

#: Stage → the pipeline that produces it; ``pock-opt`` has the same pipelines.
PIPELINES: Mapping[str, str] = {
    "graph": "pock-graph-pipeline",
    "training": "pock-training-pipeline",
    "schedule": "pock-schedule-pipeline",
    "kernels": "pock-kernels-pipeline",
    "plan": "pock-plan-pipeline",
    "llvm": "pock-llvm-pipeline",
}

#: The stages whose IR a step keeps, in order.
STAGES = ("import", *PIPELINES)

#: The stages after the import, up to the plan; code generation follows.
PLAN_STAGES = STAGES[1 : STAGES.index("plan") + 1]


def anchored(*passes: str) -> str:
    """Return passes and pipelines in the syntax of ``pock-opt --pass-pipeline``.

    >>> anchored("symbol-dce", "pock-llvm-pipeline")
    'builtin.module(symbol-dce,pock-llvm-pipeline)'
    """
    return f"builtin.module({','.join(passes)})"


def with_options(pipeline: str, options: Mapping[str, str]) -> str:
    """Return a pipeline with options.

    >>> with_options("pock-plan-pipeline", {"reuse": "false"})
    'pock-plan-pipeline{reuse=false}'
    """
    given = " ".join(f"{name}={value}" for name, value in options.items())
    return f"{pipeline}{{{given}}}" if given else pipeline
