"""Starts other programs. Only this room does.

Each program runs in a process group of its own, with a time limit and a small environment; a program that hangs is ended
with all that it started. A failure becomes one ``ToolError``: the command, how it ended, the end of its output, and the
next step. Secrets go to programs by stdin only, or by a file in memory (``secret_file``).
"""

from __future__ import annotations

import ctypes
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ..errors import ToolError
from ..storage import disk

#: What a child may see of our environment. Nothing else: a variable can hold a key, or change what node loads.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, unless it has ended by itself."""
    if process.poll() is None:  # its id, and so the group's, cannot have gone to another process yet
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def start(argv: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    command = [str(part) for part in argv]
    try:
        return subprocess.Popen(command, start_new_session=True, **{"env": environment(), **options})
    except FileNotFoundError:
        raise ToolError(
            f"{command[0]} is not there to be run; `dls-zk doctor` says how to get it", code="tool_missing"
        ) from None
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be run: {error.strerror}") from None


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
    pass_fds: Sequence[int] = (),
    advice: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its output (``stdout``, ``stderr``: text).

    timeout: seconds. stdin: what it reads. env: its whole environment, if not the small default one.
    on_line: called, from another thread, with each line of stdout as it comes. pass_fds: open files that it inherits;
    a program that gets any ends with this process (on Linux). advice: the next step for a person, added to the error.
    ToolError if the program cannot be started, does not end in time, or ends with another exit
    code than 0; the error shows ``argv`` and lines of the output, so neither may hold a secret.
    """
    process = start(
        argv,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **({} if env is None else {"env": env}),
        **({"pass_fds": pass_fds, "preexec_fn": end_with_parent} if pass_fds else {}),
    )
    output: list[str] = []
    complaints: list[str] = []

    def take(line: str) -> None:
        output.append(line)
        if on_line:
            on_line(line)

    threads = [
        threading.Thread(target=work, args=arguments, daemon=True)
        for work, arguments in (
            (_feed, (process.stdin, stdin)),
            (_drain, (process.stdout, take)),
            (_drain, (process.stderr, complaints.append)),
        )
    ]
    shown = shlex.join(_brief(part) for part in argv)
    hint = f"; {advice}" if advice else ""
    try:
        for thread in threads:
            thread.start()
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise ToolError(f"`{shown}` did not end within {timeout:g} s and was stopped{hint}", code="tool_timeout") from None
    finally:
        kill_group(process)
        for thread in threads:
            thread.join(5)  # longer only if something outlives the program and keeps its output open
    result = subprocess.CompletedProcess(process.args, code, "".join(output), "".join(complaints))
    if code != 0:
        said = gist(result.stderr) or gist(result.stdout)
        raise ToolError(f"`{shown}` {ending(code)}{f': {said}' if said else ''}{hint}")
    return result


def _feed(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:  # a program may end without reading all of its input
        stream.write(data)


def _drain(stream: IO[bytes], take: Callable[[str], None]) -> None:
    with stream:
        for line in stream:
            take(line.decode(errors="replace"))


def _brief(part: str | Path) -> str:
    """A part of a command as an error shows it: paths by their last part."""
    return os.path.basename(part) if os.path.isabs(part) else str(part)


def ending(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"


def gist(text: str) -> str:
    """Of what a program said when it failed, the first line that speaks of an error and the last one, on one line."""
    lines = [line.strip()[:200] for line in ANSI.sub("", text).splitlines() if line.strip()]
    first = next((line for line in lines if re.search(r"(?i)\berror\b", line)), None)
    return "; ".join(dict.fromkeys(line for line in (first, *lines[-1:]) if line))


_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> None:
    """In a new child on Linux: be killed when the parent dies."""
    if _libc:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def secret_file(content: bytes, folder: Path) -> Iterator[tuple[Path, Sequence[int]]]:
    """A path at which a child that inherits the descriptors beside it reads ``content``, for the length of a ``with``.

    On Linux it is memory that no folder lists, gone with the last process that has it open, however they end.
    Elsewhere it is a file in ``folder``, which only this user may enter.
    """
    if sys.platform == "linux":
        with open(os.memfd_create("dls-zk"), "wb") as file:
            file.write(content)
            file.flush()
            yield Path(f"/proc/self/fd/{file.fileno()}"), [file.fileno()]
    else:
        path = folder / "wtns"
        disk.write_secret(path, content)
        yield path, []
