"""The command ``pock demo``."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any, Protocol

import click

from ..demo.training import Plan
from ..runtime.threads import set_num_threads
from .options import json_option, print_json

__all__ = ["demo_command"]


class _Outcome(Protocol):
    """What a demo returns."""

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain data."""

    def show(self, figures: Path) -> None:
        """Print them for people; ``figures`` is the file that has them."""


@click.command("demo")
@click.option("--quick", is_flag=True, help="Fewer steps, for tests.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/demo"),
    show_default=True,
    help="Folder for checkpoints, figures and whatever else it makes.",
)
@json_option
def demo_command(quick: bool, out: Path, as_json: bool) -> None:
    """Fine-tune a model on handwritten digits of another kind, and say what it cost.

    With PyTorch: a MobileNetV2 under four schemes, beside PyTorch. Without: a compiled step that comes with the
    package.
    """
    set_num_threads(1)
    outcome = _run(Plan.quick() if quick else Plan(), out)
    figures = outcome.to_dict()
    file = out / "figures.json"
    file.write_text(json.dumps(figures, indent=2) + "\n")
    if as_json:
        print_json(figures)
    else:
        outcome.show(file)


def _run(plan: Plan, out: Path) -> _Outcome:
    if importlib.util.find_spec("torch"):
        from ..demo import schemes

        return schemes.run(plan, out)
    from ..demo import compiled

    return compiled.run(plan, out)
