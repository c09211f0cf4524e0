"""The command line from outside: help, the shapes of its JSON, and each way to fail with its exit code and its one line."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dls_zk import files, operations
from dls_zk.cli.main import EPILOG, main
from dls_zk.cli.report import signals_json
from dls_zk.errors import CODES, InputError
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.zkey import MARKER, VerifyingKey
from dls_zk.operations import Proven
from dls_zk.solidity.calldata import ProofArguments
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.constants import SIZES
from dls_zk.statement.relation import CHECKS
from dls_zk.statement.signals import PublicSignals
from dls_zk.statement.verdict import Report
from dls_zk.storage import disk, places
from dls_zk.storage.built import BuiltCircuit
from dls_zk.tools import revm, snarkjs
from tests.support import commandline
from tests.support.commandline import FIRST, REFUSED, RULES, SECOND, Result, flip, invoke, snapshot, unwrapped, write_inputs
from tests.support.json_shape import require_shape

WARNING = f"warning: {MARKER}\n"


class Vault:
    """A folder with the small vault's inputs, in which the program runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_inputs(folder / "vault")
        self.place = folder

    def run(self, *args: str, stdin: bytes = b"", **env: str) -> Result:
        return commandline.run(*args, cwd=self.folder, env=commandline.environment(self.place, **env), stdin=stdin)

    def invoke(self, *args: str, stdin: bytes = b"") -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            return invoke(*args, stdin=stdin)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert text.count(old) == 1, f"{name} has {text.count(old)} of {old!r}"
        (self.folder / name).write_text(text.replace(old, new))

    def spoil(self, name: str, change: Callable[[Path], None] = flip) -> dict[str, str]:
        """Variables of a home in which the file of this name is spoiled."""
        return {"DLS_ZK_HOME": str(commandline.spoiled_home(self.place / "spoiled", change, name))}


@pytest.fixture(scope="session")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Vault, Result]:
    """A vault whose first rebalance has been proven into r1, and what the program said. Not to be changed."""
    commandline.installed_key()
    vault = Vault(tmp_path_factory.mktemp("accepted"))
    return vault, vault.run("prove", *FIRST, "--out", "r1", "--json")


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault before its first rebalance."""
    return Vault(tmp_path)


@pytest.fixture
def proven(accepted: tuple[Vault, Result], vault: Vault) -> Vault:
    """A vault of the test's own after its first rebalance."""
    shutil.copytree(accepted[0].folder / "r1", vault.folder / "r1")
    return vault


# --- help -------------------------------------------------------------------------------------------------------------


def commands(group: click.Group = main, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its path, groups included."""
    yield path, group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


@pytest.mark.parametrize(("path", "command"), [pytest.param(*found, id=" ".join(found[0])) for found in commands()])
def test_every_command_explains_itself(path: tuple[str, ...], command: click.Command) -> None:
    for flag in ("--help", "-h"):
        shown = invoke(*path, flag)
        assert (shown.code, shown.stderr) == (0, "")
        assert shown.stdout.startswith("Usage: ")
    first_line = (command.help or "").splitlines()[0]
    assert re.fullmatch(r"[A-Z].*[^.]*[.:,\w`]", first_line) and len(first_line) > 20
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    if isinstance(command, click.Group):
        return
    (example,) = re.findall(r"^Example:\n +(dls-zk .*)\Z", shown.stdout.split("\n\n  ")[-1].strip(), re.MULTILINE)
    words = shlex.split(example)
    assert words[1 : 1 + len(path)] == list(path)
    command.make_context(words[0], words[1 + len(path) :])  # it parses


def test_the_exit_codes_are_in_the_help() -> None:
    assert sorted(map(int, re.findall(r"\b\d+\b", EPILOG))) == sorted({0, *(code.exit_code for code in CODES.values())})
    assert "Exit codes:" in invoke("--help").stdout


def test_the_script_and_the_module_are_the_same_program(vault: Vault) -> None:
    module = vault.run("--version")
    assert module.code == 0 and re.fullmatch(r"dls-zk, version \d+\.\d+\.\d+\n", module.stdout)
    script = Path(sys.executable).with_name("dls-zk")
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout == module.stdout


@pytest.mark.parametrize(
    ("path", "command"),
    [pytest.param(*one, id=" ".join(one[0])) for one in commands() if not isinstance(one[1], click.Group)],
)
def test_every_command_says_a_failure_in_json(path: tuple[str, ...], command: click.Command) -> None:
    """A wrong option is one JSON object on stdout, and the line for people on stderr; so for a command of another name."""
    flags = [option for option in command.params if isinstance(option, click.Option) and option.is_flag]
    as_json = any("--json" in option.opts for option in flags)
    done = CliRunner().invoke(main, [*path, "--no-such-option", "--json"], prog_name="dls-zk")
    assert done.exit_code == 2 and "Error: " in done.stderr
    assert bool(done.stdout) == as_json
    if as_json:
        require_shape(done.stdout, 2)
        assert json.loads(done.stdout)["error"]["code"] == "usage"
    unknown = CliRunner().invoke(main, [*path[:-1], "nonsense", "--json"], prog_name="dls-zk")
    require_shape(unknown.stdout, 2)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "prove",
        "prove --nonsense",
        "circuits build --size 9",
        "export vkey",
        "check --policy policy.yaml --prices prices.yaml",
        "verify proof.json --verifier nonsense",
        "verify proof.json --prices prices.yaml",
        "setup ceremony start --ptau p --out o",
        "setup ceremony start --ptau p --out o --size 8 --r1cs r",
    ],
)
def test_exit_2_usage(line: str) -> None:
    result = invoke(*line.split())
    assert result.code == 2 and "Usage: " in result.stdout + result.stderr
    assert not line or re.search(r"^Error: .*\. ?", result.stderr, re.MULTILINE)


# --- what goes well ---------------------------------------------------------------------------------------------------


def test_check_says_the_headroom_of_every_limit(vault: Vault) -> None:
    result = vault.invoke("check", *FIRST, "--json")
    assert (result.code, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert report["holds"] is True
    assert [(check["number"], check["name"]) for check in report["checks"]] == list(enumerate(CHECKS, start=1))
    assert all(check.keys() == {"number", "name", "holds", "limits", "broken"} for check in report["checks"])
    (eth, *unused) = report["checks"][CHECKS.index("factor exposure")]["limits"]
    assert len(unused) == 3
    assert eth == {
        "subject": "ETH", "holds": True, "limited": True, "value": "0.00541934", "bound": "0.02", "slack": "0.01458066",
        "unit": "of NAV", "at_least": False,
    }  # fmt: skip
    assert not any(limit["limited"] for limit in unused)


def test_check_as_a_table(vault: Vault) -> None:
    result = vault.run("check", *FIRST)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.count("✓") + result.stdout.count("no limit") == len(CHECKS)
    assert "✗" not in result.stdout and "…" not in result.stdout
    assert re.search(r"✓ +9 factor exposure +ETH +0\.54193316% of NAV +≤ 2% of NAV +1\.45806684% of NAV", result.stdout)


def test_check_takes_a_book_or_an_opening_for_what_was_before(proven: Vault) -> None:
    from_opening = proven.invoke("check", *SECOND, "--json")
    from_book = proven.invoke("check", *(word.replace("r1/opening.json", "book.csv") for word in SECOND), "--json")
    assert from_opening.code == 0 and from_book == from_opening


def test_a_book_without_trades_is_a_heartbeat(proven: Vault) -> None:
    without = proven.invoke("check", *RULES, "--before", "book.csv")
    assert without.code == 2 and "Give one of --trades, --after and --heartbeat." in without.stderr
    result = proven.invoke("check", *RULES, "--before", "book.csv", "--heartbeat", "--json")
    limits = json.loads(result.stdout)["checks"][CHECKS.index("turnover")]["limits"]
    assert result.code == 0 and {limit["subject"]: limit["value"] for limit in limits}["traded"] == "0"


def test_prove_writes_a_proof_and_an_opening(accepted: tuple[Vault, Result]) -> None:
    vault, result = accepted
    assert (result.code, result.stderr) == (0, WARNING)
    told = json.loads(result.stdout)
    assert told.keys() == {"proof", "opening", "terms", "circuit", "insecure", "signals", "seconds"}
    assert (told["proof"], told["opening"], told["terms"]) == ("r1/proof.json", "r1/opening.json", "r1/terms.yaml")
    assert files.read_terms(vault.folder / "r1/terms.yaml") == files.read_terms(vault.folder / "deposit.yaml")
    assert (told["circuit"], told["insecure"]) == ("rebalance_8", True)
    assert told["seconds"].keys() == {"Circuit", "Relation", "Witness", "Proof"}

    public = PublicSignals.from_field(SIZES[8], Proof.read(vault.folder / "r1/proof.json").signals)
    commitment = files.read_opening(vault.folder / "r1/opening.json").commitment
    policy = files.read_policy(vault.folder / "policy.yaml")
    assert (public.commitment_after, public.policy_hash) == (commitment, policy_hash(policy))
    assert (public.flow, public.nav_floor) == (10_000_000 * 10**6, 9996)
    assert told["signals"] == signals_json(public)
    assert [len(word) for word in told["signals"]["prices"]] == [66, 66]
    assert {path.name: path.stat().st_mode & 0o777 for path in (vault.folder / "r1").iterdir()} == {
        "opening.json": 0o600,
        "proof.json": 0o644,
        "terms.yaml": 0o644,
    }


def test_verify_by_all(proven: Vault) -> None:
    result = proven.run("verify", "r1/proof.json", "--verifier", "all", *RULES, "--json")
    assert (result.code, result.stderr) == (0, WARNING)
    told = json.loads(result.stdout)
    assert told.keys() == {"holds", "verifiers", "insecure", "circuit", "not_compared", "signals", "seconds"}
    assert told["not_compared"] == ["terms"]
    assert (told["holds"], told["insecure"], told["circuit"]) == (True, True, "rebalance_8")
    assert told["verifiers"] == ["pyecc", "snarkjs", "evm"]
    by = ["pyecc", "snarkjs", f"evm in {'pyrevm' if revm.found() else 'anvil'}"]
    assert told["seconds"].keys() == {"Key"} | {f"Verified by {name}" for name in by}
    assert told["signals"]["nav_floor_steps"] == 9996


def test_pyecc_needs_no_other_program(proven: Vault) -> None:
    result = proven.run("verify", "r1/proof.json", PATH="")
    assert result.code == 0 and "the proof holds" in result.stdout and "10,000,000 of slot 0" in result.stdout
    assert "✓ Verified by pyecc" in result.stderr and WARNING in result.stderr
    assert "not compared with what it should be about: --policy, --prices, --terms" in result.stderr


def test_verify_compares_with_what_it_should_be_about(proven: Vault) -> None:
    result = proven.invoke("verify", "r1/proof.json", *RULES, "--terms", "deposit.yaml")
    assert result.code == 0 and "note:" not in result.stderr
    shown = json.loads(proven.invoke("verify", "r1/proof.json", *RULES, "--terms", "deposit.yaml", "--json").stdout)
    assert shown["not_compared"] == []
    assert json.loads(proven.invoke("verify", "r1/proof.json", "--json").stdout)["not_compared"] == [
        "policy",
        "prices",
        "terms",
    ]
    proven.edit("deposit.yaml", "sequence: 1", "sequence: 2")
    false = proven.invoke("verify", "r1/proof.json", "--terms", "deposit.yaml", "--json")
    assert false.code == 7 and "its context is not the one of the file" in false.stderr
    told = json.loads(false.stdout)
    assert told["holds"] is False and told["error"]["code"] == "proof_invalid" and "context" in told["error"]["message"]


def test_verify_with_a_given_key(proven: Vault) -> None:
    assert proven.invoke("export", "vkey", "--size", "8", "--out", "vk.json").code == 0
    result = proven.run("verify", "r1/proof.json", "--vkey", "vk.json", "--json", DLS_ZK_HOME=str(proven.place / "none"))
    assert result.code == 0 and json.loads(result.stdout)["insecure"] is True
    assert not (proven.place / "none").exists()


def test_export(proven: Vault) -> None:
    vkey = proven.invoke("export", "vkey", "--size", "8")
    assert (vkey.code, vkey.stderr) == (0, WARNING)
    assert VerifyingKey.from_json(vkey.stdout).development

    assert proven.invoke("export", "verifier", "--size", "8", "--key", "dev", "--out", "V.sol") == Result(0, "", WARNING)
    source = (proven.folder / "V.sol").read_text()
    assert source.startswith(f"// {MARKER}\n") and "contract Groth16Verifier_rebalance_8 {" in source

    calldata = proven.invoke("export", "calldata", "r1/proof.json")
    assert (calldata.code, calldata.stderr) == (0, "")
    arguments = ProofArguments.from_proof(Proof.read(proven.folder / "r1/proof.json"))
    told = json.loads(calldata.stdout)
    assert told["arguments"] == json.loads(f"[{arguments.to_solidity()}]")
    assert told["calldata"] == "0x" + arguments.verify_calldata().hex()
    assert proven.invoke("export", "calldata", "r1/proof.json", "--out", "c.json") == Result(0, "", "")
    assert (proven.folder / "c.json").read_text() == calldata.stdout


def test_what_is_built_already_is_named() -> None:
    built = invoke("circuits", "build", "--family", "rebalance", "--size", "8", "--json")
    assert (built.code, built.stderr) == (0, "")
    told = json.loads(built.stdout)
    assert told.keys() == {"circuits", "seconds"} and told["seconds"].keys() == {"Circuit rebalance_8"}
    (circuit,) = told["circuits"]
    assert circuit.keys() == {"circuit", "r1cs", "r1cs_sha256"} and circuit["circuit"] == "rebalance_8"
    assert disk.sha256_file(Path(circuit["r1cs"])) == circuit["r1cs_sha256"]

    made = invoke("setup", "dev", "--family", "rebalance", "--size", "8", "--json")
    assert (made.code, made.stderr) == (0, WARNING)
    (key,) = json.loads(made.stdout)["keys"]
    assert key.keys() == {"circuit", "zkey", "zkey_sha256", "insecure"} and key["insecure"] is True
    assert disk.sha256_file(Path(key["zkey"])) == key["zkey_sha256"]


def test_a_ceremony(vault: Vault, small: BuiltCircuit) -> None:
    """All of it on a small circuit; `finish`, which takes circuits of the package only, as far as the size of the ptau."""
    ptau = vault.folder / "final.ptau"
    snarkjs.run_command(["powersoftau", "new", "bn128", "8", vault.place / "0.ptau"])
    snarkjs.run_command(["powersoftau", "contribute", vault.place / "0.ptau", vault.place / "1.ptau"], stdin=b"any\n")
    snarkjs.run_command(["powersoftau", "prepare", "phase2", vault.place / "1.ptau", ptau])
    origin = ("--ptau", "final.ptau", "--ptau-blake2b", hashlib.blake2b(ptau.read_bytes()).hexdigest())
    r1cs = ("--r1cs", str(small.r1cs))

    def step(*args: str, stdin: bytes = b"") -> Result:
        return vault.invoke("setup", "ceremony", *args, stdin=stdin)

    started = step("start", *r1cs, *origin, "--out", "0.zkey")
    assert started == Result(0, "0.zkey: no contribution yet, and no use before the first\n", "")
    assert "nobody has contributed" in step("verify", "0.zkey", *r1cs, *origin).refused(8)
    contributed = step("contribute", "0.zkey", "1.zkey", "--name", "Ada", stdin=b"unguessable\n")
    assert contributed == Result(0, "  1  Ada\n", "")
    closed = step("beacon", "1.zkey", "2.zkey", "--beacon", "0102", "--iterations", "10")
    assert closed == Result(0, "  1  Ada\n  2  final beacon\n", "")
    verified = step("verify", "2.zkey", *r1cs, *origin)
    assert verified == Result(0, f"{closed.stdout}the transcript holds\n", "")

    before = snapshot(vault.folder)
    for code, said, *args in (
        (3, "2.zkey: is there already; choose another name", "beacon", "1.zkey", "2.zkey", "--beacon", "01"),
        (3, "beacon: must be 1 to 255 bytes in hex", "beacon", "1.zkey", "3.zkey", "--beacon", "0x"),
        (3, "entropy: must be one line of text and not empty", "contribute", "1.zkey", "3.zkey", "--name", "Bob"),
        (3, "final.ptau: has 2^8 powers; this circuit needs 2^", "finish", "2.zkey", "--size", "8", *origin),
        (6, "final.ptau is not the expected", "start", *r1cs, *origin[:3], "00" * 64, "--out", "3.zkey"),
    ):
        assert step(*args).refused(code).startswith(said)
    assert snapshot(vault.folder) == before


def test_doctor_as_json_says_that_all_is_there(vault: Vault) -> None:
    result = vault.run("doctor", "--json")
    assert (result.code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told["ready"] is True and {"python", "node", "snarkjs", "anvil"} <= {row["tool"] for row in told["tools"]}
    assert all(row.keys() == {"tool", "found", "required", "ok", "remedy"} for row in told["tools"])


def test_doctor_in_words_whatever_the_home_is_called(vault: Vault) -> None:
    home = vault.place / "a [/b] home"
    (home / "node" / places.node_dir().name).mkdir(parents=True)
    result = vault.run("doctor", DLS_ZK_HOME=str(home))
    assert result.refused(5) == "the main job cannot run; see the rows that are not ok"
    assert re.search(r"snarkjs +missing +\S+ +missing: remove .*/a \[/b\] home/node/", unwrapped(result.stdout))


# --- 1: a bug ---------------------------------------------------------------------------------------------------------


def test_exit_1_a_bug_says_where_and_nothing_of_what_it_worked_on(vault: Vault) -> None:
    program = """
import sys
from dls_zk import checking
from dls_zk.cli.main import main
def broken(rebalance):
    raise RuntimeError(f"secret: {rebalance.after.quantities_e6}")
checking.check = broken
main(sys.argv[1:])
"""
    env = commandline.environment(vault.place)
    command = [sys.executable, "-c", program, "check", *FIRST]
    done = subprocess.run(command, cwd=vault.folder, env=env, capture_output=True, text=True)
    said = Result(done.returncode, done.stdout, done.stderr).refused(1)
    assert said == "unexpected RuntimeError at <string>:6; set DLS_ZK_TRACEBACK=1 to see it (may show secrets)"
    shown = subprocess.run(command, cwd=vault.folder, env=env | {"DLS_ZK_TRACEBACK": "1"}, capture_output=True, text=True)
    assert shown.returncode == 1 and "Traceback" in shown.stderr


# --- 3: bad input -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("policy.yaml", "  slippage: 0.1%\n", "", "policy.yaml: limits.slippage: missing; expected: what a rebal"),
        ("policy.yaml", "0.1%", "10 bps", "policy.yaml: limits.slippage: '10 bps' is not a plain .* by '%'"),
        ("policy.yaml", "0.1%", "1e-1%", "policy.yaml: limits.slippage: '1e-1%' is not a plain decimal .*no exponent"),
        ("policy.yaml", "0.1%", "0.125%", "policy.yaml: limits.slippage: '0.125%' has more than 2 decimals"),
        ("policy.yaml", "2.5x", "250%", "policy.yaml: limits.max_leverage: '250%' is not a plain decimal .* by 'x'"),
        ("policy.yaml", "slippage", "slipage", r"policy.yaml: limits.slipage: unknown field; did you mean slippage\?"),
        ("policy.yaml", "name: Small vault", "name: Small\nvault: 1", "policy.yaml: vault: unknown field; known here: name"),
        ("policy.yaml", "size: 8", "size: 9", "policy.yaml: size: expected '8', '16' or '32'"),
        ("policy.yaml", "size: 8", "size: [8", "policy.yaml: not YAML at line 3"),
        ("prices.yaml", "ETH: 2528.4155,", "ETH: 2.5284155e3,", "prices.yaml: prices.ETH: '2.5284155e3' is not a plain"),
        ("prices.yaml", "ETH: 2528.4155,", "", "prices.yaml: no price for ETH; every instrument of the policy needs one"),
        ("prices.yaml", "ETH-PERP:", "ETH-PREP:", "prices.yaml: .*unknown instrument 'ETH-PREP'; the policy has USDC, "),
        ("prices.yaml", "2024-08-28", "2024-02-30", "prices.yaml: date: "),
        (
            "deposit.yaml",
            "gain: 0 ppb",
            "gain: 0",
            "deposit.yaml: allowances.gain: '0' is not a whole number followed by ' ppb'",
        ),
        ("deposit.yaml", "5FbDB2", "5FbdB2", "deposit.yaml: context: .*checksum"),
        ("book.csv", "ETH-PERP,", "ETH-PREP,", "book.csv: row 4: unknown instrument; the policy has USDC, ETH, ETH-PERP$"),
        ("book.csv", "ETH,1234.567891", "ETH,1.234567891e3", r"book.csv: book.ETH: the value is not a plain decimal"),
        ("book.csv", "ETH,1234.567891", "ETH,1234.5678915", r"book.csv: book.ETH: the value has more than 6 decimals"),
        ("book.csv", "ETH,1234.567891", '"1,234.567891",ETH', r"book.csv: row 3: unknown instrument; the policy has"),
        ("book.csv", "ETH,1234.567891", "ETH,1234.567891,1", r"book.csv: row 3: 3 cells; expected 2"),
        ("book.csv", "instrument,quantity\n", "", r"book.csv: row 1: the first row is not instrument,quantity"),
    ],
)
def test_exit_3_a_file_that_is_not_right(vault: Vault, name: str, old: str, new: str, said: str) -> None:
    vault.edit(name, old, new)
    before = snapshot(vault.folder)
    message = vault.invoke("prove", *FIRST, "--out", "r1").refused(3)
    assert re.match(said, message), message
    assert "1234" not in message and "1,234" not in message
    assert snapshot(vault.folder) == before


def test_exit_3_files_that_do_not_belong_together(proven: Vault) -> None:
    def refused(*args: str) -> str:
        return proven.invoke(*args).refused(3)

    (proven.folder / "large.yaml").write_text((proven.folder / "policy.yaml").read_text().replace("size: 8", "size: 16"))
    before = snapshot(proven.folder)
    missing = refused("check", *(word.replace("book.csv", "none.csv") for word in FIRST))
    assert missing == "none.csv: cannot be read: No such file or directory"
    folder = refused("check", *(word.replace("book.csv", "r1") for word in FIRST))
    assert folder.startswith("r1: expected a file that ends in")
    book = [word.replace("r1/opening.json", "book.csv") for word in SECOND]
    assert refused("prove", *book, "--out", "r2").startswith("book.csv: an opening (.json) is needed, which has the salt")
    other_size = [word.replace("policy.yaml", "large.yaml") for word in SECOND]
    assert refused("prove", *other_size, "--out", "r2") == "r1/opening.json: for 8 slots, and the policy has 16"
    assert snapshot(proven.folder) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text[:200], r"not JSON: .*line \d+, column \d+\)$"),
        (lambda text: text.replace("9943210123457", "9943210123458"), "damaged: it does not open the commitment"),
        (lambda text: text.replace('"9943210123457"', "9943210.123457"), "not accepted: a number that is not an int"),
        (lambda text: text.replace("rebalance_8", "rebalance_16"), "quantities: 8 entries; rebalance_16 has 16"),
        (lambda text: re.sub('"salt": "0x..', '"salt": "0xff', text), "salt is not a canonical element"),
    ],
    ids=["cut short", "another book", "a float", "another size", "salt out of range"],
)
def test_exit_3_an_opening_that_is_not_right(proven: Vault, change: Callable[[str], str], said: str) -> None:
    opening = proven.folder / "r1/opening.json"
    text = opening.read_text()
    assert change(text) != text
    opening.write_text(change(text))
    before = snapshot(proven.folder)
    message = proven.invoke("prove", *SECOND, "--out", "r2").refused(3)
    assert re.match(rf"r1/opening.json: {said}", message), message
    assert "99432" not in message
    assert snapshot(proven.folder) == before


def test_exit_3_an_opening_that_others_can_read(proven: Vault) -> None:
    opening = proven.folder / "r1/opening.json"
    for mode in (0o640, 0o604, 0o620, 0o644):
        opening.chmod(mode)
        message = proven.invoke("prove", *SECOND, "--out", "r2").refused(3)
        assert message.startswith(f"r1/opening.json: open to other users (mode {mode:04o}) and secret; run `chmod 600 ")
        assert opening.stat().st_mode & 0o777 == mode and not (proven.folder / "r2").exists()


def test_exit_3_an_opening_is_never_overwritten(proven: Vault) -> None:
    """Refused before anything is done: there is no circuit and no node here."""
    nothing = {"PATH": "", "DLS_ZK_HOME": str(proven.place / "none")}
    before = snapshot(proven.folder)
    for present in operations.PROVEN_FILES:
        absent = [name for name in operations.PROVEN_FILES if name != present]
        for name in absent:
            (proven.folder / "r1" / name).rename(proven.folder / f"away.{name}")
        message = proven.run("prove", *FIRST, "--out", "r1", **nothing).refused(3)
        assert message.startswith(f"r1/{present}: exists; choose another folder, or move it away")
        for name in absent:
            (proven.folder / f"away.{name}").rename(proven.folder / "r1" / name)
    assert proven.invoke("prove", *FIRST, "--out", "book.csv").refused(3) == "book.csv: is not a folder"
    assert snapshot(proven.folder) == before
    assert not (proven.place / "none").exists()


@pytest.mark.parametrize(("end_at", "name"), [(3, "terms.yaml"), (5, "proof.json")])
@pytest.mark.parametrize("interrupted", [False, True], ids=["full disk", "Ctrl-C"])
def test_an_end_after_the_opening_leaves_nothing(
    accepted: tuple[Vault, Result],
    vault: Vault,
    monkeypatch: pytest.MonkeyPatch,
    end_at: int,
    name: str,
    interrupted: bool,
) -> None:
    proof = Proof.read(accepted[0].folder / "r1/proof.json")
    kept = files.read_opening(accepted[0].folder / "r1/opening.json")
    terms = files.read_terms(accepted[0].folder / "r1/terms.yaml")
    signals = PublicSignals.from_field(SIZES[8], proof.signals)
    proven = Proven(proof, signals, terms, kept.opening, kept.instruments, Report(()), True)
    calls = 0

    def fsync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == end_at:  # after the opening and its folder, after the terms and theirs
            raise KeyboardInterrupt if interrupted else OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    expected = KeyboardInterrupt if interrupted else InputError
    with pytest.raises(expected, match=None if interrupted else f"{name}: cannot be written: No space left on device"):
        operations.write_proven(proven, vault.folder / "r1")
    assert calls == end_at and not list((vault.folder / "r1").iterdir())


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda text: text[:700], 3, r"bad.json: not JSON: "),
        (lambda text: "", 3, r"bad.json: not JSON: "),
        (lambda text: text.replace("dls-zk/proof/v1", "dls-zk/proof/v2"), 3, "bad.json: format is not 'dls-zk/proof/v1'"),
        (lambda text: text.replace("rebalance_8", "mixer_8"), 3, "unknown circuit 'mixer_8'; this version knows"),
        (lambda text: text.replace("rebalance_8", "../../x"), 3, "circuit: not a circuit's name"),
        (lambda text: text.replace('"9996"', "9996.0"), 3, "bad.json: not accepted: a number that is not an integer"),
        (lambda text: text.replace('"9996"', '"09996"'), 3, r"bad.json, public\[5\]: a decimal number with leading zeros"),
        (lambda text: text.replace('    "9996",\n', ""), 3, "8 public signals"),
        (lambda text: re.sub(r'("pi_a": \[\s+"\d+)\d"', r'\1"', text), 7, "point A of the proof is not on the curve"),
        (lambda text: text.replace('"9996"', '"9997"'), 7, r"the proof does not hold for its public signals .*\(pyecc\)"),
        (lambda text: text.replace("pi_a", "pi_x").replace("pi_c", "pi_a").replace("pi_x", "pi_c"), 7, r".*\(pyecc\)"),
    ],
    ids=[
        "cut short", "empty", "format", "unknown circuit", "path as circuit", "float", "leading zero", "signal missing",
        "digit missing", "signal changed", "points swapped",
    ],
)  # fmt: skip
def test_exit_3_and_7_a_proof_that_is_not_right(proven: Vault, change: Callable[[str], str], code: int, said: str) -> None:
    text = (proven.folder / "r1/proof.json").read_text()
    changed = change(text)
    assert changed != text
    (proven.folder / "bad.json").write_text(changed)
    message = proven.invoke("verify", "bad.json", "--json").refused(code)
    assert re.match(said, message), message
    if code == 3 and "circuit" not in said:
        assert proven.invoke("export", "calldata", "bad.json", "--out", "c.json").refused(3) == message
        assert not (proven.folder / "c.json").exists()


# --- 4: the statement does not hold -----------------------------------------------------------------------------------


def test_exit_4_a_book_over_a_limit_is_refused_by_name_before_the_circuit(proven: Vault) -> None:
    """There is no circuit, no key and no node here, so nothing but the relation can have been looked at."""
    before = snapshot(proven.folder)
    for arguments in ((), ("--json",)):
        result = proven.run("prove", *REFUSED, "--out", "r2", *arguments, PATH="", DLS_ZK_HOME=str(proven.place / "none"))
        advice = "`dls-zk check` with the same files shows the values"
        assert result.refused(4) == f"refused by factor exposure (9): ETH; {advice}"
        said = json.loads(result.stdout)["error"] if arguments else {"code": "statement_refused"}
        assert said["code"] == "statement_refused" and (arguments or result.stdout == "")
    assert snapshot(proven.folder) == before
    assert not (proven.place / "none").exists() and not list((proven.place / "tmp").iterdir())


def test_exit_4_check_shows_the_report_as_well(proven: Vault) -> None:
    said = "refused by factor exposure (9): ETH"
    table = proven.invoke("check", *REFUSED)
    assert table.refused(4) == said and table.stdout.count("✗") == 1 and "5.53817918% of NAV" in table.stdout
    report = proven.invoke("check", *REFUSED, "--json")
    assert report.refused(4) == said
    told = json.loads(report.stdout)
    assert not told["holds"] and '"value": "0.0553818"' in report.stdout
    assert [check["name"] for check in told["checks"] if not check["holds"]] == ["factor exposure"]


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("book.csv", "9943210", "9953210", "value conservation (5): unexplained gain"),
        ("book.csv", "9943210", "9933210", "value conservation (5): cost, loss"),
        ("policy.yaml", "cap: 40%", "cap: 31.22%", "concentration (10): ETH"),
        ("policy.yaml", "2.5x", "0.6x", "gross leverage (8)"),
        ("policy.yaml", "min_reserve: 10%", "min_reserve: 70%", "liquidity reserve (15)"),
    ],
)
def test_exit_4_other_checks(vault: Vault, name: str, old: str, new: str, said: str) -> None:
    vault.edit(name, old, new)
    message = vault.invoke("prove", *FIRST, "--out", "r1").refused(4)
    assert message.startswith("refused by ") and said in message.partition(" by ")[2].split("; ")
    assert not (vault.folder / "r1").exists()


def test_exit_4_more_than_a_commitment_can_hold(vault: Vault) -> None:
    """Twice the least quantity that a file may hold, -2^56, is outside even of what a commitment can tell apart."""
    for trade, said in (
        ("-0.000001", r"quantities \(4\): quantity of slot 0 in range; value conservation \(5\)"),
        ("-72057594037.927936", r"commitments \(1\): commitment after; quantities \(4\): quantity of slot 0 in range"),
    ):
        (vault.folder / "trade.csv").write_text(f"instrument,quantity\nUSDC,{trade}\n")
        (vault.folder / "least.csv").write_text("instrument,quantity\nUSDC,-72057594037.927936\n")
        message = vault.invoke("check", *RULES, "--before", "least.csv", "--trades", "trade.csv").refused(4)
        assert re.match(rf"refused by {said}", message), message


# --- 5: a tool is missing or fails ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"PATH": ""}, "node is not on the PATH; install Node.js 20 or newer, or set DLS_ZK_NODE"),
        ({"DLS_ZK_NODE": "/nowhere/node"}, "/nowhere/node is not there to be run; `dls-zk doctor` says how to get it"),
        ({"DLS_ZK_NODE": "/etc/passwd"}, "/etc/passwd cannot be run: Permission denied"),
        ({"DLS_ZK_NODE": "{old}"}, "{old} is node v18.0.0, which is too old; install Node.js 20 or newer"),
        ({"DLS_ZK_NODE": "{broken}"}, "the snarkjs process ended with exit code 3 during `load`; is there enough memory?"),
    ],
    ids=["PATH is empty", "DLS_ZK_NODE is not there", "no program", "too old", "fails"],
)
def test_exit_5_node_is_missing_or_fails(vault: Vault, env: dict[str, str], said: str) -> None:
    commandline.installed_key()
    places = {}
    for name, script in (("old", "echo v18.0.0"), ("broken", '[ "$1" = --version ] && echo v22.0.0 || exit 3')):
        places[name] = vault.place / name
        places[name].write_text(f"#!/bin/sh\n{script}\n")
        places[name].chmod(0o755)
    before = snapshot(vault.folder)
    changes = {name: value.format(**places) for name, value in env.items()}
    message = vault.run("prove", *FIRST, "--out", "r1", "--backend", "snarkjs", **changes).refused(5)
    assert message.startswith(said.format(**places))
    assert snapshot(vault.folder) == before and not list((vault.place / "tmp").iterdir())


def test_exit_5_doctor_without_node(vault: Vault) -> None:
    result = vault.run("doctor", "--json", PATH="")
    result.refused(5)
    told = json.loads(result.stdout)
    missing = {row["tool"]: row["remedy"] for row in told["tools"] if row["ok"] is False}
    assert told["ready"] is False and missing.keys() == {"node", "npm"} and "install Node.js 20" in missing["node"]


def test_exit_5_nothing_can_be_built_without_node(vault: Vault) -> None:
    home = vault.place / "none"
    for command in (("circuits", "build"), ("setup", "dev"), ("demo", "--json", "told.json")):
        vault.run(*command, PATH="", DLS_ZK_HOME=str(home)).refused(5)
    assert not [path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert not (vault.folder / "told.json").exists() and not list((vault.place / "tmp").iterdir())


def test_exit_5_no_rapidsnark(vault: Vault) -> None:
    commandline.installed_key()
    message = vault.run("prove", *FIRST, "--out", "r1", "--backend", "rapidsnark", PATH="/nowhere").refused(5)
    assert message == "rapidsnark is not on the PATH (as `rapidsnark` or `prover`); use the snarkjs prover"
    assert not (vault.folder / "r1").exists()


# --- 6: what was built is damaged -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "command", "remedy"),
    [
        ("rebalance_8.wasm", "prove", "run `dls-zk circuits build --force`"),
        ("rebalance_8.r1cs", "circuits", "run `dls-zk circuits build --force`"),
        ("proving_key.zkey", "prove", "run `dls-zk setup dev --size 8 --force`"),
        ("verification_key.json", "export", "run `dls-zk setup dev --size 8 --force`"),
        ("verification_key.json", "prove", "run `dls-zk setup dev --size 8 --force`"),
        ("verification_key.json", "verify", "run `dls-zk setup dev --size 8 --force`"),
    ],
)
def test_exit_6_one_bit_of_a_built_file(proven: Vault, name: str, command: str, remedy: str) -> None:
    home = proven.spoil(name)
    for compiled in Path(home["DLS_ZK_HOME"]).rglob("*.cwasm"):
        compiled.unlink()  # made from the wasm while it was whole, and used instead of it as long as it is there
    before = snapshot(proven.folder)
    line = {
        "prove": ("prove", *SECOND, "--out", "r2"),
        "circuits": ("circuits", "build", "--family", "rebalance", "--size", "8", "--json"),
        "export": ("export", "verifier", "--size", "8", "--out", "V.sol"),
        "verify": ("verify", "r1/proof.json"),
    }[command]
    message = proven.run(*line, **home).refused(6)
    assert re.fullmatch(rf".*/{name} is damaged \(sha256 differs from its manifest\); {remedy}", message), message
    assert snapshot(proven.folder) == before


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("proving_key.zkey", lambda path: path.write_bytes(path.read_bytes()[:-500]), "proving_key.zkey is damaged"),
        ("proving_key.zkey", Path.unlink, r"proving_key.zkey cannot be read \(No such file or directory\)"),
        ("manifest.json", lambda path: path.write_text("{}"), "manifest.json is missing or damaged; run `dls-zk circuits"),
    ],
    ids=["cut short", "gone", "no manifest"],
)
def test_exit_6_other_damage(vault: Vault, name: str, spoil: Callable[[Path], None], said: str) -> None:
    message = vault.run("prove", *FIRST, "--out", "r1", **vault.spoil(name, spoil)).refused(6)
    assert re.search(said, message), message
    assert not (vault.folder / "r1").exists()


def test_exit_6_no_key(vault: Vault) -> None:
    commandline.installed_key()
    message = vault.invoke("prove", *FIRST, "--out", "r1", "--key", "ceremony").refused(6)
    assert message == "there is no ceremony key for rebalance_8 as it is built now; run `dls-zk setup ceremony`"
    home = vault.spoil("proving_key.zkey")
    shutil.rmtree(Path(home["DLS_ZK_HOME"]) / "keys")
    message = vault.run("prove", *FIRST, "--out", "r1", **home).refused(6)
    assert message.endswith("run `dls-zk setup dev --size 8`")
    assert not (vault.folder / "r1").exists()


# --- 7, 8: proofs and keys that do not hold ---------------------------------------------------------------------------


@pytest.mark.parametrize("verifier", ["pyecc", "snarkjs", "evm", "all"])
def test_exit_7_every_verifier_refuses_a_changed_signal(proven: Vault, verifier: str) -> None:
    proof = proven.folder / "r1/proof.json"
    proof.write_text(proof.read_text().replace('"9996"', '"9997"'))
    name = operations.verifier_in_full("pyecc" if verifier == "all" else verifier)
    expected = f"the proof does not hold for its public signals under this key ({name})"
    assert proven.invoke("verify", "r1/proof.json", "--verifier", verifier).refused(7) == expected


def test_exit_7_a_proof_of_something_else(proven: Vault) -> None:
    proven.edit("policy.yaml", "limit: 2%", "limit: 3%")
    message = proven.invoke("verify", "r1/proof.json", "--policy", "policy.yaml").refused(7)
    assert message == "the proof is about another policy: its policy_hash is not the one of the file"
    proven.edit("policy.yaml", "limit: 3%", "limit: 2%")
    proven.edit("prices.yaml", "ETH: 2528.4155,", "ETH: 2528.4156,")
    message = proven.invoke("verify", "r1/proof.json", *RULES).refused(7)
    assert message == "the proof is at other prices than those of the file"


def swap_signals(vk: dict) -> None:
    vk["IC"][1], vk["IC"][2] = vk["IC"][2], vk["IC"][1]


def skip_second_phase(vk: dict) -> None:
    vk["vk_delta_2"] = vk["vk_gamma_2"]


def leave_the_curve(vk: dict) -> None:
    vk["IC"][1][0] = str(int(vk["IC"][1][0]) ^ 1)


def bind_signals_together(vk: dict) -> None:
    vk["IC"][1] = vk["IC"][2]


def lose_a_member(vk: dict) -> None:
    del vk["vk_beta_2"]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (swap_signals, 7, r"the proof does not hold for its public signals under this key \(pyecc\)"),
        (skip_second_phase, 8, "the key must not be used: the generator and δ are small multiples of one another"),
        (leave_the_curve, 8, r"the key must not be used: IC\[1\] is not on the curve"),
        (bind_signals_together, 8, "the key must not be used: public signals 0 and 1 are bound only together"),
        (lose_a_member, 6, "vk.json is not a Groth16 verification key: vk_beta_2 is missing"),
    ],
)
def test_exit_6_7_and_8_a_key_that_was_tampered_with(
    proven: Vault, change: Callable[[dict], None], code: int, said: str
) -> None:
    vk = json.loads(commandline.installed_key().verification_key.read_text())
    change(vk)
    (proven.folder / "vk.json").write_text(json.dumps(vk))
    message = proven.invoke("verify", "r1/proof.json", "--vkey", "vk.json").refused(code)
    assert re.match(said, message), message


def test_exit_2_evm_takes_an_installed_key_only(proven: Vault) -> None:
    proven.invoke("export", "vkey", "--size", "8", "--out", "vk.json")
    for verifier in ("evm", "all"):
        result = proven.invoke("verify", "r1/proof.json", "--vkey", "vk.json", "--verifier", verifier)
        assert result.code == 2 and "leave --vkey out" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["export", "vkey", "--size", "8", "--out"],
        ["export", "verifier", "--size", "8", "--out"],
        ["export", "calldata", "r1/proof.json", "--out"],
        ["demo", "--json"],
    ],
)
def test_exit_3_no_output_replaces_an_opening(proven: Vault, command: list[str]) -> None:
    before = snapshot(proven.folder)
    message = proven.invoke(*command, "r1/opening.json").refused(3)
    assert message.startswith("r1/opening.json: exists")
    assert snapshot(proven.folder) == before


def test_exit_8_a_development_key_proves_for_development_chains_only(vault: Vault) -> None:
    vault.edit("deposit.yaml", "chain_id: 31337", "chain_id: 1")
    before = snapshot(vault.folder)
    assert vault.invoke("prove", *FIRST, "--out", "r1").refused(8).startswith("the terms are for chain 1, and the only key")
    assert snapshot(vault.folder) == before


def test_exit_8_no_contribution_makes_a_development_key_secure(vault: Vault) -> None:
    zkey = str(commandline.installed_key().zkey)
    entropy = b"some entropy that must not show\n"
    result = vault.run("setup", "ceremony", "contribute", zkey, "next.zkey", "--name", "Ada", stdin=entropy)
    assert result.refused(8).endswith("is a development key: no contribution makes it secure")
    assert "entropy" not in result.stdout + result.stderr and not (vault.folder / "next.zkey").exists()


def test_exit_3_entropy_that_is_no_text(vault: Vault) -> None:
    zkey = str(commandline.installed_key().zkey)
    result = vault.run("setup", "ceremony", "contribute", zkey, "next.zkey", "--name", "Ada", stdin=b"\xff\xfe\n")
    assert result.refused(3) == "entropy: must be one line of text, and not raw bytes"


# --- 9: the chain -----------------------------------------------------------------------------------------------------


def test_exit_9_a_chain_that_does_not_answer(proven: Vault) -> None:
    """An anvil that says where it listens, and does not."""
    home = proven.place / "chainless"
    real = places.node_dir()
    packages = home / "node" / real.name / "node_modules"
    packages.mkdir(parents=True)
    for path in (real / "node_modules").iterdir():
        if path.name != "@foundry-rs":
            (packages / path.name).symlink_to(path)
    for path in real.iterdir():
        if path.name != "node_modules":
            (home / "node" / real.name / path.name).symlink_to(path)
    for name in ("circuits", "keys"):
        (home / name).symlink_to(places.home() / name)
    (proven.place / "anvil").write_text("#!/bin/sh\necho Listening on 127.0.0.1:1\nexec sleep 60\n")
    (proven.place / "anvil").chmod(0o755)
    (proven.place / "without").mkdir()
    (proven.place / "without" / "pyrevm.py").write_text("raise ImportError\n")
    path = f"{proven.place}:{commandline.environment(proven.place)['PATH']}"
    message = proven.run(
        "verify",
        "r1/proof.json",
        "--verifier",
        "evm",
        DLS_ZK_HOME=str(home),
        PATH=path,
        PYTHONPATH=str(proven.place / "without"),
    ).refused(75)
    assert message == "http://127.0.0.1:1 does not answer; is the node running?"


# --- a place that cannot be written -----------------------------------------------------------------------------------


def test_exit_3_a_place_that_cannot_be_written(vault: Vault) -> None:
    commandline.installed_key()
    message = vault.invoke("export", "vkey", "--size", "8", "--out", "none/vk.json").refused(3)
    assert message == "none/vk.json: cannot be written: No such file or directory"
    (vault.place / "file").write_text("")
    message = vault.run("circuits", "build", DLS_ZK_HOME=str(vault.place / "file")).refused(3)
    assert message.startswith(f"{vault.place}/file/") and "Not a directory" in message
