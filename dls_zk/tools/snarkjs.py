"""snarkjs: as a command, and in a worker process that keeps proving keys in memory."""

from __future__ import annotations

import atexit
import base64
import json
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

from ..errors import ToolError
from .node import node_path, node_script, package_file, run_node
from .process import ending, kill_group, start


def run_command(args: Sequence[str | Path], *, stdin: bytes = b"") -> object:
    """``snarkjs <args>`` as a command, for a ceremony. It can take as long as it needs, up to a day."""
    return run_node([package_file("snarkjs", "build/cli.cjs"), *args], stdin=stdin, timeout=86_400)


def dev_setup(r1cs: Path, zkey: Path, on_progress: Callable[[str, int, int], None] | None = None) -> None:
    """Write an INSECURE single-party proving key for ``r1cs`` to ``zkey``.

    on_progress: called with (stage, done, of) as the work goes on.
    """

    def report(line: str) -> None:
        if on_progress:
            step = json.loads(line)
            on_progress(step["stage"], step["done"], step["of"])

    run_node([node_script("dev_setup.mjs"), r1cs, zkey], timeout=900, on_line=report)


class NodeWorker:
    """A Node process with snarkjs and the proving keys in memory (see worker.mjs). Use it in a ``with``.

    It is started with the first request, and again if it has died. Requests from several threads take turns.
    timeout: seconds that an answer may take.
    """

    def __init__(self, timeout: float = 600) -> None:
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: SimpleQueue[bytes | None] = SimpleQueue()
        self._loaded: set[str] = set()
        self._count = 0
        self._lock = threading.Lock()

    def __enter__(self) -> NodeWorker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process. A later request starts a new one."""
        if self._process:
            kill_group(self._process)
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    if stream:
                        stream.close()
        self._process = None
        self._loaded.clear()

    def version(self) -> dict[str, str]:
        """The versions of snarkjs and node."""
        return self._ask("version")

    def prove(self, zkey: Path, zkey_sha256: str, wtns: bytes) -> dict[str, Any]:
        """``{"proof", "public"}`` as snarkjs makes them. Not verified: a damaged key gives an invalid proof."""
        return self._ask("prove", (zkey, zkey_sha256), wtns=base64.b64encode(wtns).decode())

    def verify(self, vk: dict[str, Any], public: list[str], proof: dict[str, Any]) -> bool:
        """snarkjs's own verdict. It takes forms that other verifiers refuse: see verifier.py."""
        return self._ask("verify", vk=vk, public=public, proof=proof)

    def verifier_source(self, vk: dict[str, Any], contract: str) -> str:
        """Solidity source of the verifier for a key, as a contract of this name."""
        return self._ask("verifier_source", vk=vk, contract=contract)

    def _ask(self, op: str, key: tuple[Path, str] | None = None, **fields: Any) -> Any:
        """Send a request, with its key loaded before, and wait for the answer."""
        with self._lock:
            process = self._process
            if process is None or process.poll() is not None:
                process = self._restart()
            if key:
                path, fields["key"] = key
                if fields["key"] not in self._loaded:
                    self._exchange(process, "load", {"key": fields["key"], "path": str(path)})
                    self._loaded.add(fields["key"])
            return self._exchange(process, op, fields)

    def _restart(self) -> subprocess.Popen[bytes]:
        self.close()
        self._answers = SimpleQueue()
        # Its stderr is dropped: what a crash prints there is nothing that a person can use, and might hold secrets.
        self._process = process = start(
            [node_path(), node_script("worker.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        threading.Thread(target=_queue_lines, args=(process.stdout, self._answers), daemon=True).start()
        return process

    def _exchange(self, process: subprocess.Popen[bytes], op: str, fields: dict[str, Any]) -> Any:
        self._count += 1
        request = json.dumps({"id": self._count, "op": op, **fields}) + "\n"
        # Feeding is another thread's work, so that a worker that reads nothing cannot hold us past the time limit.
        threading.Thread(target=_write, args=(process.stdin, request.encode()), daemon=True).start()
        try:
            line = self._answers.get(timeout=self._timeout)
        except Empty:
            self.close()
            raise ToolError(
                f"snarkjs did not answer `{op}` within {self._timeout:g} s and was stopped", code="tool_timeout"
            ) from None
        except BaseException:
            self.close()  # e.g. Ctrl-C: the answer that is still to come belongs to nobody
            raise
        if line is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            self.close()
            raise ToolError(
                f"the snarkjs process {ending(process.returncode)} during `{op}`; "
                "is there enough memory? `dls-zk doctor` looks at the rest"
            )
        try:
            answer = json.loads(line)
            if answer["id"] != self._count:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            self.close()
            raise ToolError(f"the snarkjs process answered nonsense during `{op}`; is DLS_ZK_NODE node?") from None
        if "error" in answer:
            raise ToolError(f"snarkjs refused `{op}`: {answer['error']}")
        return answer["result"]


@cache
def worker() -> NodeWorker:
    """The worker that this process shares. It ends with the process."""
    worker = NodeWorker()
    atexit.register(worker.close)
    return worker


def _queue_lines(stream: IO[bytes], queue: SimpleQueue[bytes | None]) -> None:
    with suppress(ValueError, OSError):  # closed under us: the worker has been ended
        for line in stream:
            queue.put(line)
    queue.put(None)


def _write(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError, ValueError):
        stream.write(data)
        stream.flush()
