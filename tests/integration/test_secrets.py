"""No quantity, trade or salt is in any output, file or process list, whether a rebalance is proven, refused, or cut off.

The book, the trades and the salts are numbers that occur nowhere else. They are looked for in every form in which they
pass through the program: as a person writes them, scaled, in hex, and as the bytes of a machine word or a field element.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dls_zk import files
from dls_zk.statement.constants import FIELD
from tests.support import commandline
from tests.support.commandline import BOOK_E6, FIRST, OVER_LIMIT_E6, REFUSED, SECOND, TRADES_E6, Result, human

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the process list is read from /proc")


# --- what to look for ---------------------------------------------------------------------------------------


def forms(secret: int) -> Iterator[bytes]:
    """A quantity (in 1e-6) or a salt as text and as bytes."""
    magnitude = abs(secret)
    numbers = {magnitude, secret % FIELD}
    if magnitude < 1 << 64:
        whole, _, fraction = human(magnitude).partition(".")
        yield f"{whole}.{fraction}".encode()
        yield f"{int(whole):,}.{fraction}".encode()
        numbers.add(secret % (1 << 64))
    for number in numbers:
        yield str(number).encode()
        if number >= 1 << 32:  # fewer digits are found by chance
            yield f"{number:x}".encode()
            yield f"{number:X}".encode()
        for size in (8, 32):
            if number < 1 << 8 * size:
                yield number.to_bytes(size, "little")
                yield number.to_bytes(size, "big")


def quantities() -> list[int]:
    """Every secret quantity of the story: held, traded, and held after."""
    after = [BOOK_E6[name] + trades.get(name, 0) for trades in (TRADES_E6, OVER_LIMIT_E6) for name in BOOK_E6]
    return [*BOOK_E6.values(), *TRADES_E6.values(), *OVER_LIMIT_E6.values(), *after]


@dataclass
class Story:
    """What was run, what was seen while it ran, and where."""

    place: Path
    env: dict[str, str]
    results: dict[str, Result] = field(default_factory=dict)
    processes: set[bytes] = field(default_factory=set)
    seen_in_files: set[str] = field(default_factory=set)
    salts: list[int] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.place / "vault"

    def needles(self) -> list[bytes]:
        return sorted({form for secret in (*quantities(), *self.salts) for form in forms(secret)})

    def run(self, name: str, *args: str) -> Result:
        with self.watched():
            self.results[name] = commandline.run(*args, cwd=self.folder, env=self.env)
        return self.results[name]

    def interrupt(self, name: str, act: Callable[[subprocess.Popen[bytes], int], None], *args: str) -> Result:
        """Run until the proof is being made, then ``act`` on the program and its node process."""
        command = [sys.executable, "-m", "dls_zk", *args]
        with (
            self.watched(),
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            ) as process,
        ):
            assert process.stderr
            said = b""
            while not said.endswith("Proof …\n".encode()):
                line = process.stderr.readline()
                assert line, said
                said += line
            node = busy_node(process.pid)
            act(process, node)
            out, rest = process.communicate(timeout=300)
            self.results[name] = Result(process.returncode, out.decode(), (said + rest).decode())
        deadline = time.monotonic() + 120
        while Path(f"/proc/{node}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(f"/proc/{node}").exists(), "the node process outlives the program"
        return self.results[name]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sample every process's arguments and environment, and the names of all files, until the block ends."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.02):
                for process in Path("/proc").glob("[0-9]*"):
                    for name in ("cmdline", "environ"):
                        with suppress(OSError):  # it has ended, or is somebody else's
                            self.processes.add((process / name).read_bytes())
                self.seen_in_files.update(str(path) for path in self.place.rglob("*"))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def busy_node(parent: int) -> int:
    """The node process that the program started, once it has worked for a second: it is in the middle of the proof."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = status.read_text().rpartition(")")[2].split()  # from the third on: see proc(5)
                seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                if int(fields[1]) == parent and b"worker.mjs" in (status.parent / "cmdline").read_bytes() and seconds > 1:
                    return int(status.parent.name)
        time.sleep(0.02)
    raise AssertionError("no node process was started, or it did nothing")


def kill_node(process: subprocess.Popen[bytes], node: int) -> None:
    os.kill(node, signal.SIGKILL)


# --- the story -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    place = tmp_path_factory.mktemp("secrets")
    commandline.write_inputs(place / "vault")
    home = commandline.spoiled_home(place / "built", lambda path: None, "")
    story = Story(place, commandline.environment(place, DLS_ZK_HOME=str(home)))

    story.run("check", "check", *FIRST)
    story.run("check as JSON", "check", *FIRST, "--json")
    story.run("first", "prove", *FIRST, "--out", "r1")
    story.run("second", "prove", *SECOND, "--out", "r2", "--json")
    story.run("verified", "verify", "r2/proof.json", "--verifier", "snarkjs", "--policy", "policy.yaml")
    story.run("exported", "export", "calldata", "r2/proof.json")
    story.run("refused", "prove", *REFUSED, "--out", "none")
    story.run("check refused", "check", *REFUSED, "--json")
    by_snarkjs = ("prove", *SECOND, "--out", "none", "--backend", "snarkjs")
    story.interrupt("node killed", kill_node, *by_snarkjs)
    story.interrupt("interrupted", lambda process, _: process.send_signal(signal.SIGINT), *by_snarkjs)
    story.interrupt("killed", lambda process, _: process.kill(), *by_snarkjs)
    (story.folder / "swapped.csv").write_text(f"instrument,quantity\n{human(BOOK_E6['ETH'])},ETH\n")
    story.run("swapped columns", "prove", *(w.replace("book.csv", "swapped.csv") for w in FIRST), "--out", "none")
    spoiled = commandline.spoiled_home(place / "spoiled", commandline.flip, "proving_key.zkey")
    story.env["DLS_ZK_HOME"] = str(spoiled)
    story.run("damaged key", "prove", *SECOND, "--out", "none")

    for name in ("r1", "r2"):
        story.salts.append(files.read_opening(story.folder / name / "opening.json").opening.salt)
    return story


def test_the_runs_ended_as_they_should(story: Story) -> None:
    codes = {name: result.code for name, result in story.results.items()}
    assert codes == {
        "check": 0, "check as JSON": 0, "first": 0, "second": 0, "verified": 0, "exported": 0,
        "refused": 4, "check refused": 4, "swapped columns": 3, "damaged key": 6,
        "node killed": 5, "interrupted": 130, "killed": -signal.SIGKILL,
    }  # fmt: skip
    assert story.results["node killed"].refused(5).startswith("the snarkjs process was ended by signal 9 during `prove`")
    assert story.results["interrupted"].stderr.splitlines()[-1] == "error: interrupted"


def test_the_secrets_are_where_they_belong(story: Story) -> None:
    """So that the tests below cannot pass because they look for the wrong thing."""
    opening = (story.folder / "r2/opening.json").read_bytes()
    after = BOOK_E6["ETH"] + TRADES_E6["ETH"]
    assert {str(after).encode(), f"{story.salts[1]:x}".encode()} <= set(story.needles())
    assert str(after).encode() in opening and f"{story.salts[1]:064x}".encode() in opening
    assert len(set(story.salts)) == 2 and all(salt > 1 << 200 for salt in story.salts)
    assert all(len(needle) >= 8 for needle in story.needles())


def test_no_output_shows_them(story: Story) -> None:
    """But the standard output of ``check``, which is as secret as the book and says so."""
    for name, result in story.results.items():
        text = (result.stderr if name.startswith("check") else result.stdout + result.stderr).encode()
        assert not [needle for needle in story.needles() if needle in text], name
        assert "Traceback" not in result.stderr


def test_no_file_holds_them_but_those_that_must(story: Story) -> None:
    allowed = {f"vault/{name}" for name in ("book.csv", "trades.csv", "over.csv", "swapped.csv")}
    allowed |= {"vault/r1/opening.json", "vault/r2/opening.json"}
    looked_at = set()
    for path in story.place.rglob("*"):
        name = str(path.relative_to(story.place))
        if path.is_file() and not path.is_symlink() and name not in allowed:
            looked_at.add(name)
            content = path.read_bytes()
            assert not [needle for needle in story.needles() if needle in content], name
    assert {"vault/r1/proof.json", "vault/r2/proof.json"} <= looked_at


def test_no_process_was_given_them(story: Story) -> None:
    assert any(b"worker.mjs" in process for process in story.processes)
    assert any(b"opening.json" in process for process in story.processes)
    assert any(b"DLS_ZK_HOME=" in process for process in story.processes)
    everything = b"\0".join(story.processes)
    assert not [needle for needle in story.needles() if needle in everything]


def test_no_file_was_named_after_them(story: Story) -> None:
    everything = "\n".join(story.seen_in_files).encode()
    assert not [needle for needle in story.needles() if needle in everything]


def test_openings_are_the_users_alone(story: Story) -> None:
    for name in ("r1", "r2"):
        assert (story.folder / name).stat().st_mode & 0o777 == 0o700
        assert (story.folder / name / "opening.json").stat().st_mode & 0o777 == 0o600


def test_nothing_outlives_the_runs(story: Story) -> None:
    assert not list((story.place / "tmp").iterdir()) and not list((story.place / "home").iterdir())
    assert not (story.folder / "none").exists()
    assert {path.name for path in (story.folder / "r1").iterdir()} == {"opening.json", "terms.yaml", "proof.json"}
    assert not [name for name in os.listdir("/dev/shm") if name.startswith("dls-zk-")]


@pytest.mark.parametrize("where", ["operations.check", "operations.prove_statement", "files.write_opening"])
def test_an_unexpected_exception_does_not_show_what_it_carries(
    story: Story, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    secret = human(BOOK_E6["ETH"])

    def broken(*_: object) -> None:
        try:
            raise ValueError(f"inner {secret}")
        except ValueError as error:
            error.add_note(secret)
            raise RuntimeError(f"outer {secret}") from error

    monkeypatch.setattr(f"dls_zk.{where}", broken)
    monkeypatch.chdir(story.folder)
    result = commandline.invoke("prove", *FIRST, "--out", "none")
    assert result.refused(1).startswith("unexpected RuntimeError at test_secrets.py:")
    assert not [needle for needle in story.needles() if needle in (result.stdout + result.stderr).encode()]
    assert secret not in result.stdout + result.stderr
