"""`Process`: the driver's view of a worker; a crash of the worker must not affect the driver."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .task import Task

__all__ = ["PEERS", "Failure", "Peer", "Process", "available_memory"]

BENCH = Path(__file__).parents[1]
ENVIRONMENTS = BENCH.parent / ".venv-peers"

#: Bytes that one peer may have resident, and that the machine must have left.
LIMIT = 12 << 30
LEFT = 1 << 30


@dataclass(frozen=True)
class Peer:
    """A framework to compare with.

    Attributes:
        title: the title in the table.
        environment: the folder in `.venv-peers` that contains it; empty for the main environment.
    """

    title: str
    environment: str = ""

    @property
    def python(self) -> Path:
        """The Python interpreter of the peer's environment."""
        return ENVIRONMENTS / self.environment / "bin" / "python" if self.environment else Path(sys.executable)


#: Module in this package → peer; in the order of the table.
PEERS: Mapping[str, Peer] = {
    "ours": Peer("ours"),
    "eager": Peer("PyTorch"),
    "torch_compile": Peer("torch.compile"),
    "aot_inductor": Peer("AOTInductor"),
    "tensorflow": Peer("TensorFlow", "tensorflow"),
    "jax": Peer("JAX", "jax"),
    "iree": Peer("IREE", "jax"),
    "onnxruntime": Peer("ONNX Runtime", "onnxruntime"),
    "executorch": Peer("ExecuTorch", "executorch"),
}


class Failure(Exception):
    """A peer failed; the text is the reason, on one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(" ".join(reason.split()))


def available_memory() -> int:
    """Bytes of available memory of the machine."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    raise KeyError("MemAvailable")


class Process:
    """One worker.

    Args:
        name: key of `PEERS`.
        task: the task to train.
        log: the file for its output.
    """

    def __init__(self, name: str, task: Task, log: Path) -> None:
        peer = PEERS[name]
        if not peer.python.exists():
            raise Failure(f"not installed: make peers ({peer.environment})")
        self.log = log
        environment = dict(os.environ) | {
            f"{library}_NUM_THREADS": str(task.threads) for library in ("OMP", "MKL", "OPENBLAS")
        }
        # Compiling is measured, too, and must not be read from a file.
        environment["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
        if peer.environment:
            environment.pop("PYTHONPATH", None)
        command = [peer.python, "-m", "peers.worker", name, task.row, task.scheme, task.threads, task.directory]
        with log.open("w") as errors:
            self.child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=BENCH,
                env=environment,
                start_new_session=True,
            )

    def ask(self, what: str, timeout: float, **arguments: Any) -> dict[str, Any]:
        """Send one command and wait for its answer.

        Raises:
            Failure: the worker exceeded its time or memory, died, or refused. It is then terminated.
        """
        end = time.monotonic() + timeout
        try:
            assert self.child.stdin
            self.child.stdin.write(json.dumps({"do": what} | arguments).encode() + b"\n")
            self.child.stdin.flush()
            answer = json.loads(self._line(what, end))
        except (OSError, ValueError):
            # It closed its end; the exit status may take a while where the machine is busy.
            self.end(patience=60)
            raise Failure(f"{what} ends with {self._status()}: {self._last_words()}") from None
        except Failure:
            self.end()
            raise
        if "error" in answer:
            self.end()
            raise Failure(answer["error"] + self._missing())
        return answer

    def _line(self, what: str, end: float) -> bytes:
        output = self.child.stdout
        assert output
        while True:
            if select.select([output], [], [], 0.2)[0]:
                return output.readline()
            if time.monotonic() > end:
                raise Failure(f"{what} takes too long")
            if self._resident() > LIMIT or available_memory() < LEFT:
                raise Failure(f"{what} takes too much memory")

    def _resident(self) -> int:
        try:
            return int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0

    def _status(self) -> str:
        status = self.child.returncode
        return signal.Signals(-status).name if status < 0 else f"status {status}"

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    def _missing(self) -> str:
        """The missing kernel according to the log of the runtime, whose exception does not name it (ExecuTorch)."""
        lines = self.log.read_text(errors="replace").splitlines()
        found = [line.split("]")[-1].strip() for line in lines if line.rstrip().endswith("not found.")]
        return f" ({found[-1]})" if found else ""

    def end(self, patience: float = 2) -> None:
        """End the worker and its child processes.

        Args:
            patience: seconds to wait for it to end by itself.
        """
        if self.child.stdin and not self.child.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self.child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.child.wait(timeout=patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
