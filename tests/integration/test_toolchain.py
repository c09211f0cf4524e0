"""Programs that dls-zk starts: missing, too old, hung, failing, and the circuits and chains that they make."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from dls_zk import operations
from dls_zk.errors import ArtifactError, InputError, ToolError
from dls_zk.groth16 import zkey
from dls_zk.groth16.witness import WitnessCalculator, to_wtns
from dls_zk.storage import built, places
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import circom, doctor, foundry, node, process, snarkjs, solc
from tests.integration.conftest import SMALL_INPUTS
from tests.support import commandline

PYTHON = sys.executable


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def gone(pid: int, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


# --- run --------------------------------------------------------------------------------------------


def test_run_feeds_and_returns_text() -> None:
    big = bytes(range(256)) * 8000
    program = "import sys; data = sys.stdin.buffer.read(); print(len(data)); print('note', file=sys.stderr)"
    result = process.run([PYTHON, "-c", program], stdin=big, timeout=30)
    assert (result.stdout, result.stderr) == (f"{len(big)}\n", "note\n")


def test_run_reports_lines_as_they_come() -> None:
    lines: list[str] = []
    process.run([PYTHON, "-c", "print('a'); print('b')"], timeout=30, on_line=lines.append)
    assert lines == ["a\n", "b\n"]


def test_a_failure_is_one_line_with_command_code_and_reason() -> None:
    words = "note\n" * 50 + "\x1b[31mError: it broke\x1b[0m\nthe end"
    program = f"import sys; sys.stderr.write({words!r}); sys.exit(7)"
    with pytest.raises(ToolError) as caught:
        process.run([PYTHON, "-c", program], timeout=30, advice="do this")
    message = str(caught.value)
    assert "ended with exit code 7: Error: it broke; the end; do this" in message
    assert "\n" not in message and "\x1b" not in message


def test_a_signal_is_reported() -> None:
    with pytest.raises(ToolError, match="was ended by signal 9"):
        process.run([PYTHON, "-c", "import os; os.kill(os.getpid(), 9)"], timeout=30)


def test_what_was_fed_is_in_no_message() -> None:
    for program in ("import sys; sys.stdin.read(); sys.exit(1)", "import time; time.sleep(60)"):
        with pytest.raises(ToolError) as caught:
            process.run([PYTHON, "-c", program], stdin=b"my-secret-salt", timeout=1)
        assert "my-secret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_hung_program_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    hung = script(tmp_path / "hung", f"sleep 3000 & echo $! > {tmp_path}/pid; wait")
    start = time.monotonic()
    with pytest.raises(ToolError, match="did not end within 1 s and was stopped"):
        process.run([hung], timeout=1)
    assert time.monotonic() - start < 300
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="not there to be run"):
        process.run([tmp_path / "none"], timeout=1)
    (tmp_path / "plain").write_text("x")
    with pytest.raises(ToolError, match="cannot be run: Permission denied"):
        process.run([tmp_path / "plain"], timeout=1)


def test_children_see_a_small_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "1")
    monkeypatch.setenv("NODE_OPTIONS", "--require=/x")
    result = process.run([PYTHON, "-c", "import os, json; print(json.dumps(list(os.environ)))"], timeout=30)
    seen = set(json.loads(result.stdout))
    assert seen <= {"HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "LC_CTYPE"}


# --- node ----------------------------------------------------------------------------------------------


@pytest.fixture
def fake_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "node"
    monkeypatch.setenv("DLS_ZK_NODE", str(path))
    return path


def test_node_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DLS_ZK_NODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="node is not on the PATH; install Node.js 20 or newer"):
        node.node_path()
    monkeypatch.setenv("DLS_ZK_NODE", str(tmp_path / "none"))
    with pytest.raises(ToolError, match="not there to be run"):
        node.node_path()


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ("echo v18.19.0", "is node v18.19.0, which is too old; install Node.js 20"),
        ("echo hello", "does not answer like node"),
        ("exit 3", "ended with exit code 3"),
    ],
)
def test_node_unfit(fake_node: Path, says: str, error: str) -> None:
    script(fake_node, says)
    with pytest.raises(ToolError, match=error):
        node.node_path()


def test_node_hung(fake_node: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(fake_node, "exec sleep 600")
    monkeypatch.setattr(node, "NODE_ANSWERS_WITHIN", 0.5)
    with pytest.raises(ToolError, match="did not end within 0.5 s.*install Node.js 20"):
        node.node_path()


def test_packages_are_installed_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """npm fails half-way: nothing is left that looks installed, and the message says what to look at."""
    home = tmp_path / "home"
    monkeypatch.setenv("DLS_ZK_HOME", str(home))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    os.symlink(node.node_path(), bin_folder / "node")
    script(bin_folder / "npm", "mkdir node_modules; echo 'npm error network timeout' >&2; exit 1")
    monkeypatch.setenv("DLS_ZK_NODE", str(bin_folder / "node"))
    with pytest.raises(ToolError, match="npm ci .*npm error network timeout; check the network"):
        node.ensure_node_packages()
    assert [path.name for path in (home / "node").iterdir() if not path.name.endswith(".lock")] == []


def test_scripts_follow_the_package(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = node.node_script("worker.mjs")
    assert first.read_bytes() == (places.node_sources() / "worker.mjs").read_bytes()
    assert node.node_script("worker.mjs") == first
    for path in places.node_sources().glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "worker.mjs").write_text("// another version\n")
    monkeypatch.setattr(places, "node_sources", lambda: tmp_path)
    second = node.node_script("worker.mjs")
    assert second.read_text() == "// another version\n" and first.exists() and second != first
    for path in second.parent.iterdir():
        path.unlink()
    second.parent.rmdir()


# --- circom -----------------------------------------------------------------------------------------------


def write_circuit(folder: Path, body: str) -> Path:
    (folder / "main").mkdir(parents=True, exist_ok=True)
    (folder / "main" / "tiny.circom").write_text(f"pragma circom 2.2.0;\n{body}\n")
    return folder


GOOD = "template T() { signal input a; signal output b <== a * a; } component main = T();"
UNUSED = "template T() { signal input a; signal input c; signal output b <== a * a; } component main = T();"


def test_a_circuit_is_compiled_once(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = write_circuit(tmp_path / "circuits", GOOD)
    circuit = circom.compile_circuit("tiny", sources=sources)
    assert circuit.r1cs.read_bytes()[:4] == b"r1cs" and circuit.wasm.read_bytes()[:4] == b"\0asm"
    assert circuit.sym.read_text().startswith("1,1,0,main.b\n")
    assert {"circuit", "content_key", "flags"} == set(circuit.manifest.facts)

    monkeypatch.setenv("DLS_ZK_NODE", "/nowhere")  # from here on nothing can be compiled
    assert circom.compile_circuit("tiny", sources=sources) == circuit
    write_circuit(tmp_path / "circuits", GOOD + "// changed")
    with pytest.raises(ToolError):
        circom.compile_circuit("tiny", sources=sources)


def test_force_mends_a_damaged_circuit(own_home: Path, tmp_path: Path) -> None:
    sources = write_circuit(tmp_path / "circuits", GOOD)
    circuit = circom.compile_circuit("tiny", sources=sources)
    wasm = circuit.wasm
    good = wasm.read_bytes()
    wasm.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(ArtifactError, match="--force"):
        circom.compile_circuit("tiny", sources=sources).wasm  # noqa: B018
    assert circom.compile_circuit("tiny", sources=sources, force=True).wasm.read_bytes() == good


def test_a_warning_fails_the_build_unless_it_is_explained(own_home: Path, tmp_path: Path) -> None:
    sources = write_circuit(tmp_path / "circuits", UNUSED)
    with pytest.raises(ToolError, match=r"circom warns of tiny, .*1 of 1: CA01: In template \"T\(\)\": .*\bc\b"):
        circom.compile_circuit("tiny", sources=sources)
    with pytest.raises(ToolError, match="circom warns"):
        circom.compile_circuit("tiny", sources=sources, allowed=[r"CA01", r"CA02: .*"])
    with pytest.raises(ArtifactError, match="not built"):
        built.built_circuit("tiny", sources)
    assert circom.compile_circuit("tiny", sources=sources, allowed=[r"CA01: .*Local signal c .*"])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("template T() { signal input a; b <== a; } component main = T();", r"error\[T\w+\]"),
        ('include "missing.circom"; ' + GOOD, r"error\[P1014\]: .*missing.circom"),
    ],
)
def test_a_circuit_with_an_error(own_home: Path, tmp_path: Path, body: str, error: str) -> None:
    sources = write_circuit(tmp_path / "circuits", body)
    with pytest.raises(ToolError, match=error) as caught:
        circom.compile_circuit("tiny", sources=sources)
    assert "\n" not in str(caught.value)


def test_a_circuit_that_is_not_there(own_home: Path, tmp_path: Path) -> None:
    sources = write_circuit(tmp_path / "circuits", GOOD)
    with pytest.raises(InputError, match="there is no circuit other; there are: tiny"):
        circom.compile_circuit("other", sources=sources)


def test_circomlibs_poseidon_constants_are_in_reach(own_home: Path, tmp_path: Path) -> None:
    body = (
        'include "poseidon_constants.circom"; '
        "template T() { signal input a; signal output b; var c[81] = POSEIDON_C(3); b <== a + c[0]; } "
        "component main = T();"
    )
    circom.compile_circuit("tiny", sources=write_circuit(tmp_path / "circuits", body))


# --- setup and solc ------------------------------------------------------------------------------------------------


def test_dev_setup_makes_a_key_and_tells_how_far_it_is(small: BuiltCircuit, tmp_path: Path) -> None:
    steps: list[tuple[str, int, int]] = []
    snarkjs.dev_setup(small.r1cs, tmp_path / "key.zkey", lambda *step: steps.append(step))
    assert (tmp_path / "key.zkey").read_bytes()[:4] == b"zkey"
    assert steps and all(0 <= done <= of for _, done, of in steps)
    assert os.listdir(tmp_path) == ["key.zkey"]


def test_dev_setup_of_a_damaged_circuit(small: BuiltCircuit, tmp_path: Path) -> None:
    bad = tmp_path / "bad.r1cs"
    bad.write_bytes(small.r1cs.read_bytes()[:100])
    with pytest.raises(ToolError, match="dev_setup.mjs"):
        snarkjs.dev_setup(bad, tmp_path / "key.zkey")
    assert os.listdir(tmp_path) == ["bad.r1cs"]


def test_solc_compiles() -> None:
    settings = {"outputSelection": {"*": {"*": ["evm.bytecode.object"]}}}
    source = {"a.sol": {"content": "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.0; contract A {}"}}
    output = solc.compile_standard_json({"language": "Solidity", "sources": source, "settings": settings})
    assert output["contracts"]["a.sol"]["A"]["evm"]["bytecode"]["object"]


# --- anvil ------------------------------------------------------------------------------------------------------


def rpc(url: str, method: str) -> str:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": []}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["result"]


def test_anvil_answers_on_loopback_and_ends_with_the_block() -> None:
    with foundry.anvil(chain_id=31337, accounts=1) as first, foundry.anvil(chain_id=5, accounts=1) as second:
        assert first.startswith("http://127.0.0.1:") and first != second
        assert (rpc(first, "eth_chainId"), rpc(second, "eth_chainId")) == ("0x7a69", "0x5")
    with pytest.raises(OSError):
        rpc(first, "eth_chainId")


def test_anvil_refuses_an_unknown_option() -> None:
    expected = "anvil ended with exit code 2: error: unexpected argument '--no-such-option'"
    with pytest.raises(ToolError, match=expected), foundry.anvil(no_such_option=1):
        pass


def test_anvil_refuses_a_port_that_is_taken() -> None:
    with foundry.anvil(accounts=1) as url:
        port = int(url.rsplit(":", 1)[1])
        expected = f"another program listens on port {port}; choose another port, or 0 for a free one"
        with pytest.raises(ToolError, match=expected), foundry.anvil(port, accounts=1):
            pass


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_anvil_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom dls_zk.tools import foundry\n"
        "with foundry.anvil(accounts=1) as url:\n    print(url, flush=True)\n    time.sleep(600)\n"
    )
    parent = subprocess.Popen([PYTHON, "-c", program], stdout=subprocess.PIPE, text=True, cwd=places.PACKAGE.parent)
    assert parent.stdout
    url = parent.stdout.readline().strip()
    assert rpc(url, "eth_chainId")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    with pytest.raises(OSError):
        while time.monotonic() < deadline:
            rpc(url, "eth_chainId")
            time.sleep(0.05)


# --- the worker ----------------------------------------------------------------------------------------------------


def test_the_worker_reads_a_key_once_and_answers_in_turn(small: BuiltCircuit, small_key: ProvingKey) -> None:
    with snarkjs.NodeWorker() as worker:
        assert worker.version()["snarkjs"] == "0.7.6"
        witness = to_wtns(WitnessCalculator(small).calculate(SMALL_INPUTS))
        answer = worker.prove(small_key.zkey, small_key.zkey_sha256, witness)
        signals: list[list[str]] = []

        def ask() -> None:
            signals.append(worker.prove(Path("/nowhere"), small_key.zkey_sha256, witness)["public"])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert signals == [answer["public"]] * 4


def test_the_worker_comes_back_after_it_died(small_key: ProvingKey) -> None:
    with snarkjs.NodeWorker() as worker:
        worker.version()
        process = worker._process
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        vk = zkey.verifying_key(small_key)
        assert "contract A {" in worker.verifier_source(vk.to_snarkjs(), "A")
        assert worker._process.pid != process.pid


def test_the_worker_ends_when_its_input_closes() -> None:
    worker = snarkjs.NodeWorker()
    worker.version()
    worker._process.stdin.close()
    assert worker._process.wait(60) == 0
    worker.close()


def test_the_worker_reports_without_long_numbers(tmp_path: Path) -> None:
    secret = "123456789012345678901234567890"
    with snarkjs.NodeWorker() as worker:
        with pytest.raises(ToolError, match="snarkjs refused `load`: ENOENT") as caught:
            worker.prove(tmp_path / secret, "0", b"")
        assert secret not in str(caught.value) and "\n" not in str(caught.value)
        assert worker.version()


@pytest.mark.parametrize(
    ("says", "error"),
    [
        ("exec sleep 3000", "snarkjs did not answer `version` within 0.5 s and was stopped"),
        ("exit 3", "the snarkjs process ended with exit code 3 during `version`"),
        ("echo hello; exec cat", "the snarkjs process answered nonsense during `version`"),
        ("""echo '{"id": 99}'; exec cat""", "answered nonsense"),
    ],
)
def test_a_broken_worker(fake_node: Path, own_home: Path, says: str, error: str) -> None:
    node.node_script("worker.mjs")
    script(fake_node, f'if [ "$1" = --version ]; then echo v20.0.0; else {says}; fi')
    with snarkjs.NodeWorker(timeout=0.5 if "sleep" in says else 60) as worker:
        start = time.monotonic()
        with pytest.raises(ToolError, match=error):
            worker.version()
        assert time.monotonic() - start < 300
        assert worker._process is None


# --- doctor -----------------------------------------------------------------------------------------------------------


def test_doctor_finds_everything_here() -> None:
    node.ensure_node_packages()
    findings = {finding.tool: finding for finding in doctor.examine()}
    names = "python node npm circom circomlib snarkjs solc anvil forge wasmtime py_ecc native rapidsnark "
    names += "pyrevm home disk memory clock"
    assert list(findings) == [*names.split(), "circuits", "keys", "prove", "journal", "submit"]
    assert {name for name in names.split() if not findings[name].ok} <= {"native", "rapidsnark", "pyrevm"}
    assert findings["snarkjs"].found == findings["snarkjs"].required == "0.7.6"


def test_doctor_says_what_is_missing_and_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DLS_ZK_NODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "home"))
    findings = {finding.tool: finding for finding in doctor.examine()}
    assert [findings[tool].ok for tool in ("python", "node", "npm", "snarkjs")] == [True, False, False, None]
    assert "install Node.js 20" in findings["node"].remedy
    assert not (tmp_path / "home").exists()


def test_doctor_sees_a_package_of_another_version(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own_home / "other"
    (folder / "node_modules" / "snarkjs").mkdir(parents=True)
    (folder / "node_modules" / "snarkjs" / "package.json").write_text('{"version": "0.7.0"}')
    monkeypatch.setattr(places, "node_dir", lambda: folder)
    findings = {finding.tool: finding for finding in doctor.examine()}
    assert (findings["snarkjs"].ok, findings["snarkjs"].found) == (False, "0.7.0")
    assert (findings["circom"].ok, findings["circom"].found) == (False, "missing")


def test_doctor_says_whether_prove_and_submit_would_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = commandline.spoiled_home(tmp_path / "full", commandline.flip, "no such file")
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("DLS_ZK_STATE", str(tmp_path / "state"))
    findings = {finding.tool: finding for finding in doctor.examine()}
    made = {tool: (findings[tool].found, findings[tool].ok) for tool in ("circuits", "keys", "prove")}
    assert made == {"circuits": ("none yet", None), "keys": ("none yet", None), "prove": ("not ready", None)}
    assert "`dls-zk setup dev`" in findings["prove"].remedy
    assert findings["journal"].ok and findings["submit"].found == "ready, given a chain (--rpc)"
    assert not (tmp_path / "state").exists()

    (tmp_path / "state").write_text("no folder")
    monkeypatch.setenv("DLS_ZK_HOME", str(full))
    findings = {finding.tool: finding for finding in doctor.examine()}
    made = {tool: (findings[tool].found, findings[tool].ok) for tool in ("circuits", "keys", "prove")}
    assert made == {
        "circuits": ("rebalance_8", True),
        "keys": ("rebalance_8 (INSECURE dev)", True),
        "prove": ("ready: rebalance_8", True),
    }
    assert (findings["journal"].ok, findings["submit"].ok) == (None, None)
    assert "DLS_ZK_STATE" in findings["journal"].remedy and findings["submit"].remedy == "see journal"


def test_a_home_that_others_can_write_to_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can replace a script or a key there runs programs as the user."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o777)
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "home"))
    for function in (node.ensure_node_packages, lambda: operations.build_circuit("rebalance_8"), places.home):
        with pytest.raises(InputError, match="everybody can change what runs or is believed here; run `chmod -R go-w"):
            function()
    findings = {finding.tool: finding for finding in doctor.examine()}
    assert (findings["home"].ok, findings["circom"].ok, findings["prove"].ok) == (False, None, None)
    assert findings["prove"].remedy == findings["submit"].remedy == "see home"
    assert os.listdir(tmp_path / "home") == []


def test_a_home_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path))
    owner = tmp_path.stat().st_uid
    assert places.home() == tmp_path
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # what is root's may be used by all
        assert places.home() == tmp_path
        os.chown(tmp_path, 65534, -1)
    with pytest.raises(InputError, match="belongs to another user.* set DLS_ZK_HOME"):
        places.home()


def test_without_a_home_the_variable_to_set_is_named(tmp_path: Path) -> None:
    """A user of a service or a container: the home does not exist and cannot be made."""
    (tmp_path / "closed").write_text("no folder")
    script = """
from dls_zk.errors import InputError
from dls_zk.chain import journal
from dls_zk.storage import built, places
for work in (
    lambda: journal.opened(places.state_dir(), "0x00").__enter__(),
    lambda: built.build(places.home() / "circuits" / "x", lambda folder: None),
):
    try:
        work()
    except InputError as error:
        print(error)
"""
    env = {"PATH": os.environ["PATH"], "HOME": f"{tmp_path}/closed/home", "DLS_ZK_HOME": f"{tmp_path}/closed/cache"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert "cannot be created: Not a directory; set DLS_ZK_STATE to a folder of yours that lasts" in first
    assert "cannot be created: Not a directory; set DLS_ZK_HOME to a folder of yours" in second


def test_the_first_use_says_what_it_fetches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DLS_ZK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("npm_config_registry", "http://somebody:secret@127.0.0.1:9/npm")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(ToolError, match="check the network"):
        node.ensure_node_packages()
    (said,) = [record.getMessage() for record in caplog.records]
    assert "about 220 MB of Node packages) from 127.0.0.1 into" in said and "secret" not in said


def test_the_size_of_what_is_fetched_is_about_right() -> None:
    total = sum(path.lstat().st_size for path in (node.ensure_node_packages() / "node_modules").rglob("*"))
    assert 0.8 < total / 220e6 < 1.2
