"""Figures of int8 training steps on emulated devices: ``bench/int8.py --network mcunet-5fps --scheme 49kb``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

import click
import numpy as np
import pockmlir as pock
import torch
from pockmlir.api.options import GRADIENTS
from quantized import mlperf
from quantized.backbones import SCHEMES, Backbone, data_folder
from rich.console import Console
from rich.progress import track
from rich.table import Table

#: (Network, scheme) → what Tiny Training Engine (gcc -Ofast) needs for it on the same emulator: instructions of a step
#: and of an inference, bytes of RAM with the stack, bytes of flash.
REFERENCE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("mcunet-5fps", "49kb"): (106_370_000, 65_040_000, 252_560, 662_972),
}


@dataclass(frozen=True)
class Row:
    """Figures of one network, scheme and target.

    Attributes:
        step_instructions: of a training step of batch 1.
        inference_instructions: of a prediction.
        ram_bytes: as linked: state, arena with the image in it, outputs; and the deepest use of the stack.
        flash_bytes: as linked: code, constants, initial state.
        gradients: what products of gradients read them as: float32, int16 or float16.
        same_bits: whether parameters and results have the bits of this machine; None for float16, which it does not
            compute with.
        tools: versions of what the counts depend on.
        reference_step_instructions: of Tiny Training Engine, as the others from here on; None if unknown.
    """

    network: str
    scheme: str
    target: str
    gradients: str
    step_instructions: int | None
    inference_instructions: int | None
    ram_bytes: int | None
    flash_bytes: int | None
    same_bits: bool | None
    tools: dict[str, str]
    reference_step_instructions: int | None = None
    reference_inference_instructions: int | None = None
    reference_ram_bytes: int | None = None
    reference_flash_bytes: int | None = None


def image(size: int, seed: int = 7) -> np.ndarray[Any, Any]:
    """Return the bytes of a pseudo-random image ``[1, size, size, 3]``: a linear congruential generator."""
    state, pixels = seed, np.empty(size * size * 3, np.int8)
    for index in range(pixels.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        pixels[index] = (state >> 24) - 256 if state >> 31 else state >> 24
    return pixels.reshape(1, size, size, 3)


#: The keyword spotter of MLPerf Tiny, quantised here, for processors that are too small for a backbone: the last two
#: blocks train, or all.
SPOTTER = "kws-dscnn"
SPOTTER_SCHEMES = {"last": pock.Scheme({f"l{i:02}.*": 1.0 for i in range(5, 10)}), "full": pock.Scheme.full()}
NETWORKS = {**{name: tuple(schemes) for name, schemes in SCHEMES.items()}, SPOTTER: tuple(SPOTTER_SCHEMES)}


@dataclass(frozen=True)
class _Subject:
    """A model with its arguments of `pockmlir.compile`, and a sample."""

    model: Any
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    x: np.ndarray[Any, Any]


def _subject(network: str, scheme: str) -> _Subject:
    folder = data_folder()
    if folder is None:
        raise click.ClickException("no weights: set POCK_DATA to the folder with mcunet-5fps.npz")
    if network != SPOTTER:
        net = Backbone.load(network, folder)
        return _Subject(net.build(), (), {"loss": None, "scheme": net.scheme(scheme)}, image(128))
    sound = torch.randn(8, *mlperf.INPUTS["kws_dscnn"], generator=torch.Generator().manual_seed(0))
    model = pock.quantize(mlperf.load("kws_dscnn", folder), [sound])
    options = {"loss": "cross_entropy", "scheme": SPOTTER_SCHEMES[scheme]}
    return _Subject(model, (sound[:1],), options, sound[:1].numpy())


def measure(network: str, scheme: str, target: str, gradients: str = "float32") -> Row:
    """Compile a step for a device, run it once in the emulator, and compare with this machine."""
    subject = _subject(network, scheme)
    options = subject.options | {"optimizer": pock.SGD(lr=0.01), "gradients": gradients}
    memory = pock.MemoryOptions(inputs_in_arena=True)
    step = pock.compile(subject.model, *subject.arguments, **options, target=target, memory=memory)
    host = None
    if gradients != "float16":
        host = pock.compile(subject.model, *subject.arguments, **options, arithmetic="portable")
    x, y = subject.x, np.array([3])
    run = pock.run(step, {"x": x, "y": y, "x_test": x, "y_test": y}, steps=1, reference=host)
    compared = run.comparison
    return Row(
        network,
        scheme,
        target,
        gradients,
        run.instructions[0] if run.instructions else None,
        run.predict_instructions,
        run.peak_ram_bytes,
        run.flash_bytes,
        compared and compared.state_equal and compared.outputs_equal,
        dict(run.tools),
        *REFERENCE.get((network, scheme), (None,) * 4),
    )


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _table(rows: list[Row]) -> Table:
    table = Table(title="int8, batch 1: instructions and bytes")
    texts = ("network", "target", "gradients", "bits")
    for column in ("network", "target", "gradients", "step", "inference", "RAM", "flash", "bits"):
        table.add_column(column, justify="left" if column in texts else "right")
    names = ("step_instructions", "inference_instructions", "ram_bytes", "flash_bytes")
    for row in rows:
        label = f"{row.network} {row.scheme}"
        figures = [_number(getattr(row, name)) for name in names]
        bits = {None: "-", True: "same", False: "DIFFERENT"}[row.same_bits]
        table.add_row(label, row.target, row.gradients, *figures, bits)
        if row.reference_step_instructions:
            figures = [_number(getattr(row, f"reference_{name}")) for name in names]
            table.add_row(label, "TinyEngine, M7", "float32", *figures, "")
    return table


@click.command()
@click.option("--network", "networks", multiple=True, type=click.Choice(list(NETWORKS)), help="Backbones by default.")
@click.option("--scheme", "schemes", multiple=True, help="A shipped scheme, e.g. 49kb; all by default.")
@click.option("--target", "targets", multiple=True, default=["cortex-m7"], help="A target with an emulator.")
@click.option("--gradients", "kinds", multiple=True, default=["float32"], type=click.Choice(GRADIENTS))
@click.option("--json", "as_json", is_flag=True, help="Print one list of flat rows.")
def main(
    networks: tuple[str, ...], schemes: tuple[str, ...], targets: tuple[str, ...], kinds: tuple[str, ...], as_json: bool
) -> None:
    """Print instructions, RAM and flash of int8 training steps, beside the reference engine's."""
    cases = [
        (network, scheme, target, gradients)
        for network in networks or SCHEMES
        for scheme in NETWORKS[network]
        for target in targets
        for gradients in kinds
        if not schemes or scheme in schemes
    ]
    if not cases:
        raise click.ClickException(f"no network has a scheme called {', '.join(schemes)}")
    rows = []
    for case in track(cases, "compiling and running", console=Console(stderr=True), disable=not sys.stderr.isatty()):
        try:
            rows.append(measure(*case))
        except pock.PockError as error:
            raise click.ClickException(f"{' '.join(case)}: {error}") from None
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        Console().print(_table(rows))


if __name__ == "__main__":
    main()
