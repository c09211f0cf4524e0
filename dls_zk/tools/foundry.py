"""Foundry's binaries: forge, and anvil as a local chain."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import ToolError
from .node import ensure_node_packages
from .process import end_with_parent, ending, gist, kill_group, start

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def foundry_path(tool: str, modules: Path) -> Path:
    """A binary of foundry: from the Node package for this platform, if it is among those of the lock file; else
    from the PATH."""
    package = f"{tool}-{sys.platform}-{_MACHINES.get(platform.machine().lower(), '')}"
    packaged = modules / "@foundry-rs" / package / "bin" / tool
    found = packaged if packaged.is_file() else shutil.which(tool)
    if not found:
        raise ToolError(
            f"there is no Node package with {tool} for this platform; put Foundry on the PATH", code="tool_missing"
        )
    return Path(found)


def forge_path() -> Path:
    """The forge binary."""
    return foundry_path("forge", ensure_node_packages() / "node_modules")


@contextmanager
def anvil(port: int = 0, **options: str | int | bool) -> Iterator[str]:
    """A local chain on the loopback address, for the length of a ``with``; yields its URL. port: 0 for a free one.

    options: anvil's flags with _ for -, e.g. chain_id=31337, accounts=3, no_mining=True. The chain ends with the
    block, and on Linux also with this process, however that ends.
    """
    flags: list[str] = []
    for name, value in options.items():
        if value is not False:
            flags += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    anvil_path = foundry_path("anvil", ensure_node_packages() / "node_modules")
    with tempfile.TemporaryFile() as log:
        process = start(
            [anvil_path, "--host", "127.0.0.1", "--port", str(port), *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        )
        try:
            yield f"http://127.0.0.1:{_listening_port(process, log, port)}"
        finally:
            kill_group(process)


def _listening_port(process: subprocess.Popen[bytes], log: IO[bytes], port: int, timeout: float = 30) -> int:
    """Wait until anvil says where it listens. port: where it was asked to."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        said = os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")
        if found := re.search(r"Listening on 127\.0\.0\.1:(\d+)\n", said):
            return int(found[1])
        if process.poll() is not None:
            if "Address already in use" in said:
                raise ToolError(f"another program listens on port {port}; choose another port, or 0 for a free one")
            raise ToolError(f"anvil {ending(process.returncode)}: {gist(said)}")
        time.sleep(0.02)
    raise ToolError(f"anvil did not answer within {timeout:g} s; is the machine overloaded?", code="tool_timeout")
