"""Standard streams of other encodings, closed, or without a reader: the same work, the same exit code, no traceback."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dls_zk.storage.places import PACKAGE
from tests.support.commandline import FIRST, SECOND, environment, write_inputs

CHECK = ("check", *FIRST)
OVER = {"r1/opening.json": "book.csv", "trades.csv": "over.csv"}
REFUSED = ("check", *(OVER.get(word, word) for word in SECOND))
DAMAGED = ("check", *(word.replace("prices.yaml", "book.csv") for word in FIRST))
#: Command lines, the exit code of each, and whether it prints on stdout.
RUNS = {
    "holds": (CHECK, 0, True),
    "holds, JSON": ((*CHECK, "--json"), 0, True),
    "refused": (REFUSED, 4, True),
    "bad input": (DAMAGED, 3, False),
    "bad usage": (("check", "--colour"), 2, False),
    "help": (("--help",), 0, True),
    "help of verify": (("verify", "--help"), 0, True),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("streams"))


def run_with(place: Path, words: tuple[str, ...], shell: str = '"$@"', **changes: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command line in a shell that treats its streams as told. The exit code is that of ``dls-zk``."""
    command = ["bash", "-c", f"set -o pipefail; {shell}", "bash", sys.executable, "-m", "dls_zk", *words]
    env: Mapping[str, str] = environment(place, **changes)
    return subprocess.run(command, cwd=place, env=env, capture_output=True, timeout=120)


def said_no_traceback(done: subprocess.CompletedProcess[bytes]) -> bool:
    text = (done.stdout + done.stderr).decode(errors="replace")
    return not any(word in text for word in ("Traceback", "unexpected ", "Exception ignored"))


@pytest.mark.parametrize("name", ["refused", "help of verify"])
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-16"])
def test_output_that_is_not_utf8(place: Path, name: str, encoding: str) -> None:
    words, code, prints = RUNS[name]
    done = run_with(place, words, PYTHONIOENCODING=encoding)
    assert done.returncode == code and said_no_traceback(done), done
    assert bool(done.stdout) == prints
    if (encoding, name) == ("latin-1", "refused"):
        table = done.stdout.decode("latin-1")
        assert re.search("^ ok +4 quantities", table, re.M) and re.search("^ no .*<= 2% of NAV", table, re.M)
        assert ">= 1.5x" in table and "\n ----" in table and table.isascii() and table.endswith("\n")


def test_every_character_of_the_program_can_be_printed(place: Path) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    beyond = "".join(sorted({character for character in texts if not character.isascii()})) + "\udce4\U0001f600"
    script = "from dls_zk.cli import streams; import sys; streams.prepare(); print(eval(sys.argv[1]), flush=True)"
    for encoding in ("ascii", "latin-1", "utf-8"):
        command = [sys.executable, "-c", script, ascii(beyond)]
        env = environment(place, PYTHONIOENCODING=encoding, PYTHONPATH=str(PACKAGE.parent))
        done = subprocess.run(command, env=env, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "\\udce4" in done.stdout.decode(encoding)


@pytest.mark.parametrize("name", RUNS)
def test_closed_streams(place: Path, name: str) -> None:
    words, code, prints = RUNS[name]
    for shell in ('"$@" >&-', '"$@" 2>&- <&-'):
        done = run_with(place, words, shell)
        assert done.returncode == code and said_no_traceback(done), (shell, done)
        assert bool(done.stdout) == (prints and " >&-" not in shell)


@pytest.mark.parametrize("name", ["holds, JSON", "refused", "help"])
def test_nobody_reads_to_the_end(place: Path, name: str) -> None:
    words, code, _ = RUNS[name]
    for shell in ('"$@" | true', '"$@" 2>&1 | true'):
        done = run_with(place, words, shell)
        assert done.returncode == code and said_no_traceback(done), (shell, done)


def test_a_full_disk_is_one_line(place: Path) -> None:
    done = run_with(place, (*CHECK, "--json"), '"$@" > /dev/full')
    assert done.returncode == 3 and said_no_traceback(done)
    assert done.stderr.decode() == "error: standard output: No space left on device\n"


def test_a_closed_descriptor_is_never_a_file_of_ours(place: Path) -> None:
    """The next file that a process opens takes the number of a closed stream, and what is printed would go into it."""
    script = "from dls_zk.cli import streams; streams.prepare(); print(open('book.csv').fileno(), file=open('number', 'w'))"
    run = ["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", script]
    env = environment(place, PYTHONPATH=str(PACKAGE.parent))
    assert subprocess.run(run, cwd=place, env=env, timeout=60).returncode == 0
    assert int((place / "number").read_text()) > 2
