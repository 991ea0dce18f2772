"""The stages of a compilation and their pipelines."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PIPELINES", "STAGES"]

#: Stage → the pipeline that leads to it; ``pock-opt`` has the same ones.
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
