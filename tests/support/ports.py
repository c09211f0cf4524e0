"""A port for a program that cannot be told to choose one."""

from __future__ import annotations

import os
import socket

#: Below the range that the system gives to whoever asks for any port, so that no other test is given it meanwhile.
_FIRST, _COUNT = 20_000, 10_000


def free_port() -> int:
    """A port of the loopback address that nobody listens on; another for each process that asks at the same time."""
    for offset in range(_COUNT):
        port = _FIRST + (os.getpid() * 7 + offset) % _COUNT
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no port is free")
