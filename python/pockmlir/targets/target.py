"""`Target`: the description of the machine that a step is compiled for."""

from __future__ import annotations

import functools
import json
import platform
import re
from dataclasses import dataclass, fields, replace
from typing import Any

from ..core.extension import load_core
from ..core.ir_text import quote
from ..errors import ArgumentError
from ..support.sizes import parse_bytes
from .processor import USED

__all__ = ["ARITHMETICS", "Target", "register"]

#: Whether results may depend on the machine (``fast``) or not (``portable``).
ARITHMETICS = ("fast", "portable")

_ENTRY = re.compile(r'(\w+) = (?:"([^"]*)"|(\d+))')


@dataclass(frozen=True)
class Target:
    """A machine to compile for; use one by name, or make your own.

    >>> Target.named("cortex-m7").index_bits
    32
    >>> board = replace(Target.named("cortex-m7"), name="my-board", ram=320 << 10)
    >>> board.ram
    327680

    Attributes:
        name: the name of the target.
        triple: LLVM's triple (processor family, system, ABI); the host's if empty.
        cpu: LLVM's name of the processor, or a family of devices.
        features: LLVM's feature string, ``+avx2,-fma``, in addition to the features of ``cpu``.
        index_bits: width of pointers and offsets in bits, 32 or 64.
        vector_bytes: size of a vector register in bytes; 0 means scalar code.
        vector_registers: number of vector registers, or of scalar registers without vectors.
        l1_bytes: size of a core's first data cache, or the working set of a kernel, in bytes.
        l2_bytes: size of a core's second cache in bytes; the working set if there is none.
        alignment: alignment of all memory that a function receives, in bytes.
        stack_bytes: stack that the whole program may use, in bytes.
        threads: 1 means serial code, 0 as many threads as the OpenMP runtime has.
        arithmetic: default arithmetic of a step, one of `ARITHMETICS`.
        ram: limit of state, arena and stack together, in bytes; None means no limit.
        flash: limit of code, constants and initial state together, in bytes; None means no limit.
        c_flags: flags of a C compiler.
        runner: the emulator: a key of `pockmlir.device.machines.MACHINES`, or a program that runs programs of the
            target.
        dispatched: whether its code is shaders and a plan of their dispatches, which a device of the machine runs; set
            by `coerce`.
        cpus: processors, or families of devices, that may follow a colon, as in ``aarch64-linux:cortex-a72``.
    """

    name: str
    triple: str = ""
    cpu: str = ""
    features: str = ""
    index_bits: int = 64
    vector_bytes: int = 16
    vector_registers: int = 16
    l1_bytes: int = 32768
    l2_bytes: int = 524288
    alignment: int = 64
    stack_bytes: int = 65536
    threads: int = 1
    arithmetic: str = "fast"
    ram: int | None = None
    flash: int | None = None
    c_flags: tuple[str, ...] = ()
    runner: str = ""
    dispatched: bool = False
    cpus: tuple[str, ...] = ()

    @classmethod
    def host(cls) -> Target:
        """Return the description of this machine, as LLVM detects it."""
        return cls("host", **_host_entries())

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all targets, without their processors."""
        return ("host", *_REGISTERED)

    @classmethod
    def named(cls, name: str) -> Target:
        """Return the target with this name, for example ``cortex-m7`` or ``aarch64-linux:cortex-a72``.

        Raises:
            ArgumentError: there is no such target.
        """
        if name == "host":
            return cls.host()
        row, _, cpu = name.partition(":")
        if row not in _REGISTERED:
            raise ArgumentError(f"target: expected one of {', '.join(cls.names())}, but got {name!r}")
        target = _REGISTERED[row]
        if cpu == "" and ":" not in name:
            return target
        if cpu not in target.cpus:
            known = ", ".join(f"{row}:{cpu}" for cpu in target.cpus) or row
            raise ArgumentError(f"target: expected one of {known}, but got {name!r}")
        c_flags = () if target.dispatched else (*target.c_flags, f"-mcpu={cpu}")
        return replace(target, name=name, cpu=cpu, c_flags=c_flags)

    @classmethod
    def coerce(
        cls,
        value: object,
        *,
        arithmetic: str | None = None,
        ram: int | str | None = None,
        flash: int | str | None = None,
    ) -> Target:
        """Return the target of a compilation.

        Args:
            value: a name or a target.
            arithmetic: one of `ARITHMETICS`; the target's if None.
            ram: limit of RAM in bytes, or text for `parse_bytes`; the target's if None.
            flash: the same for flash.

        Raises:
            ArgumentError: an argument is not acceptable, or no back end has code for the target.
        """
        target = cls.named(value) if isinstance(value, str) else value
        if not isinstance(target, Target):
            raise ArgumentError(f"target: expected a name or a pockmlir.Target, but got {type(target).__name__}")
        if arithmetic is None:
            arithmetic = target.arithmetic
        if arithmetic not in ARITHMETICS:
            raise ArgumentError(f"arithmetic: expected one of {', '.join(ARITHMETICS)}, but got {arithmetic!r}")
        described = _describe(target.attributes)
        return replace(
            target,
            arithmetic=arithmetic,
            dispatched=described["form"] == "dispatches",
            ram=target.ram if ram is None else parse_bytes("ram", ram),
            flash=target.flash if flash is None else parse_bytes("flash", flash),
        )

    @property
    def attributes(self) -> str:
        """The module attribute ``pock.target`` as MLIR text: all that passes know of the machine."""
        entries = []
        for field in fields(self):
            if field.name in _DESCRIPTION:
                value = getattr(self, field.name)
                entries.append(f"{field.name} = {quote(value) if isinstance(value, str) else value}")
        return f"#pock.target<{', '.join(entries)}>"

    @property
    def backend(self) -> str:
        """The part of the compiler that has code for it.

        Raises:
            ArgumentError: there is none.
        """
        return str(_describe(self.attributes)["backend"])

    @property
    def bare_metal(self) -> bool:
        """Whether the target has no operating system, and so no shared libraries.

        Raises:
            ArgumentError: no back end has code for the target.
        """
        return bool(_describe(self.attributes)["form"] == "object")

    @property
    def unit(self) -> str:
        """What a program switches on before it runs the code: ``FPU``, ``FPU and Helium``, or nothing.

        Raises:
            ArgumentError: no back end has code for the target.
        """
        return str(_describe(self.attributes)["unit"])

    @property
    def has_float16_vectors(self) -> bool:
        """Whether the processor has Helium's vectors of float16.

        Raises:
            ArgumentError: no back end has code for the target.
        """
        return "mve.fp" in _describe(self.attributes)["features"]

    @property
    def stores_float16(self) -> bool:
        """Whether values between kernels may be stored in float16.

        Raises:
            ArgumentError: no back end has code for the target.
        """
        return bool(_describe(self.attributes)["stores_f16"])

    @property
    def features_in_use(self) -> tuple[str, ...]:
        """LLVM's names of the features that the processor has, and that code may use.

        Raises:
            ArgumentError: no back end has code for the target.
        """
        return tuple(name for name in sorted(_describe(self.attributes)["features"]) if name in USED)

    @property
    def limited(self) -> bool:
        """Whether the memory of a step is limited."""
        return self.bare_metal or self.ram is not None or self.flash is not None

    @property
    def native(self) -> bool:
        """Whether this process can load code for the target; dispatches, if there is a device when they run."""
        own = self.triple.split("-")
        return not self.triple or self.dispatched or (own[0] == platform.machine() and platform.system().lower() in own)


#: Name → target, except ``host``, which is detected.
_REGISTERED: dict[str, Target] = {}


def register(*targets: Target) -> None:
    """Register targets by name, in this order."""
    _REGISTERED.update({target.name: target for target in targets})


@functools.cache
def _host_entries() -> dict[str, Any]:
    """The entries of ``pock.target`` that describe this machine."""
    found = _ENTRY.findall(load_core().host_target())
    return {key: int(number) if number else text for key, text, number in found}


@functools.cache
def _describe(attributes: str) -> dict[str, Any]:
    """What the compiler says of a target: its back end, and the form of its code."""
    try:
        found: dict[str, Any] = json.loads(
            load_core().describe_target(f"module attributes {{pock.target = {attributes}}} {{}}")
        )
    except RuntimeError as error:
        # Behind the place in this module, which nobody has written.
        raise ArgumentError(f"target: {str(error).partition('error: ')[2]}") from None
    return found


#: The entries of ``pock.target``.
_DESCRIPTION = frozenset(
    "triple cpu features index_bits vector_bytes vector_registers l1_bytes l2_bytes alignment stack_bytes threads".split()
)
