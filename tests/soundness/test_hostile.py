"""Hostile files (10 MB, a million rows, deep nesting, aliases, NaN, huge numbers) are refused in one line and 200 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soundness.hostile import attacks
from tests.support import commandline
from tests.support.commandline import Result

MEMORY_KIB = 200 * 1024
HANG_SECONDS = 300


@pytest.mark.skipif(sys.platform != "linux", reason="the memory is read from /proc")
def test_hostile_files_are_refused_in_200_mb(tmp_path: Path) -> None:
    """All in one process, so that the bound holds for their sum; what the program itself takes is 50 MB of it."""
    folder = commandline.write_inputs(tmp_path / "vault")
    here = Path(__file__).parent
    env = commandline.environment(tmp_path) | {"PYTHONPATH": os.pathsep.join((str(here), str(here.parent)))}
    command = [sys.executable, str(here / "hostile.py"), str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stderr[-2000:]
    *rows, memory_kib = map(json.loads, done.stdout.splitlines())
    assert [row["name"] for row in rows] == [attack.name for attack in attacks()]
    for row in rows:
        result = Result(**row["result"])
        assert result.code in row["codes"], row
        line = result.refused(result.code)
        assert line.isprintable() and len(line) < 1_000, row
    assert memory_kib < MEMORY_KIB
