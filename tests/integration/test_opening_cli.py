"""``dls-zk opening``, and what ``check`` and ``prove`` say of secrets that others can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dls_zk import chain, files
from dls_zk.cli.opening import opening as opening_group
from dls_zk.groth16 import zkey
from dls_zk.groth16.zkey import ZKey
from dls_zk.statement.commitments import book_commitment, empty_commitment
from dls_zk.statement.constants import SIZES
from dls_zk.statement.model import KeptOpening, Opening
from dls_zk.storage.places import PACKAGE
from tests.support import market as markets
from tests.support.commandline import BOOK_E6, RULES, Result, human, invoke, write_inputs
from tests.support.market import Market

BOOK = Opening((*BOOK_E6.values(), 0, 0, 0, 0, 0), 0x5EED << 200)
NAMES = ("USDC", "ETH", "ETH-PERP", *[""] * 5)
HUB = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SECRETS = ("5eed", str(BOOK.salt), *(str(abs(q)) for q in BOOK_E6.values()), *(human(abs(q)) for q in BOOK_E6.values()))


def element(number: int) -> str:
    return f"0x{number:064x}"


def kept(salt: int = 0, *, vault: bytes = b"\xab" * 32, sequence: int = 1, hub: str = HUB) -> KeptOpening:
    opening = replace(BOOK, salt=BOOK.salt + salt)
    return KeptOpening(opening, book_commitment(opening), NAMES, 31337, hub, vault, sequence, 1_724_889_600)


def write(folder: Path, opening: KeptOpening, *, proof: bool = True) -> Path:
    folder.mkdir(parents=True)
    files.write_opening(folder / "opening.json", opening)
    if proof:
        (folder / "proof.json").write_text("{}")
    return folder / "opening.json"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ok(*args: str) -> str:
    result = invoke(*args)
    assert result.code == 0, result
    return result.stdout


def as_json(*args: str) -> Any:
    return json.loads(ok(*args, "--json"))


def shows_no_secret(result: Result) -> bool:
    return not any(secret in result.stdout + result.stderr for secret in SECRETS)


# --- without a chain ----------------------------------------------------------------------------------------------------


def test_list_tells_folders_apart(here: Path) -> None:
    write(here / "rounds/r1", kept())
    write(here / "rounds/r2", kept(1, sequence=2), proof=False)
    write(here / "rounds/r3", kept(2, sequence=3)).chmod(0o640)
    told = as_json("opening", "list", "rounds")["openings"]
    assert [one["file"] for one in told] == [f"rounds/r{k}/opening.json" for k in (1, 2, 3)]
    assert [one["has_proof"] for one in told] == [True, False, True]
    assert [one.get("sequence") for one in told] == [1, 2, None]
    assert told[0]["commitment"] == element(kept().commitment) and told[0]["vault"] == "0x" + "ab" * 32
    assert (told[0]["chain_id"], told[0]["hub"], told[0]["timestamp"]) == (31337, HUB, 1_724_889_600)
    assert told[0]["problem"] is None and "chmod 600" in told[2]["problem"]
    assert told[0].keys() == told[1].keys() == told[2].keys()
    shown = invoke("opening", "list", "rounds")
    assert shown.code == 0 and "2024-08-29 00:00:00" in shown.stdout and "rounds/r2/opening.json" in shown.stdout
    assert shown.stderr.startswith("warning: rounds/r3/opening.json: open to other users (mode 0640)")
    assert shows_no_secret(shown) and shows_no_secret(invoke("opening", "list", "rounds", "--json"))
    assert as_json("opening", "list", "rounds/r1")["openings"][0]["sequence"] == 1
    (here / "nothing").mkdir()
    assert as_json("opening", "list", "nothing") == {"openings": []}
    assert invoke("opening", "list", "none").refused(3) == "none: does not exist"


def test_find_prints_what_before_takes(here: Path) -> None:
    write(here / "rounds/r1", kept())
    write(here / "rounds/r2", kept(1, sequence=2))
    assert ok("opening", "find", "rounds", "--commitment", element(kept(1).commitment)) == "rounds/r2/opening.json\n"
    told = as_json("opening", "find", "rounds", "rounds/r1", "--commitment", element(kept().commitment))
    path = "rounds/r1/opening.json"
    assert told == {"before": path, "commitment": element(kept().commitment), "files": [path]}
    for slots in SIZES:
        assert ok("opening", "find", "rounds", "--commitment", element(empty_commitment(slots))) == "empty\n"
    missing = invoke("opening", "find", "rounds", "--commitment", element(7), "--json")
    assert missing.refused(3) == f"none of 2 openings here opens {element(7)}; look in your backups"
    assert json.loads(missing.stdout)["error"]["code"] == "opening_missing" and shows_no_secret(missing)


@pytest.mark.parametrize("arguments", [(), ("--commitment", element(7), "--vault", element(7)), ("--commitment", "0x7")])
def test_find_wants_one_commitment(here: Path, arguments: tuple[str, ...]) -> None:
    assert invoke("opening", "find", ".", *arguments).code == 2


def test_show_is_the_book_and_says_that_it_is_secret(here: Path) -> None:
    path = write(here / "r1", kept())
    shown = invoke("opening", "show", "r1/opening.json")
    assert shown.code == 0 and shown.stderr == "warning: this output is secret: it is the vault's book\n"
    assert all(name in shown.stdout and human(q) in shown.stdout for name, q in BOOK_E6.items())
    told = as_json("opening", "show", "r1/opening.json")
    assert told["book"] == {name: human(quantity) for name, quantity in BOOK_E6.items()}
    assert "5eed" not in json.dumps(told) + shown.stdout  # nobody needs to see a salt
    path.chmod(0o604)
    assert "chmod 600" in invoke("opening", "show", "r1/opening.json").refused(3)


def test_verify_computes_the_commitment(here: Path) -> None:
    path = write(here / "r1", kept())
    assert as_json("opening", "verify", "r1/opening.json")["commitment"] == element(kept().commitment)
    assert ok("opening", "verify", "r1/opening.json").endswith("it opens its commitment\n")
    path.write_text(path.read_text().replace("5eed", "5eee"))
    refused = invoke("opening", "verify", "r1/opening.json")
    assert "damaged: it does not open the commitment" in refused.refused(3) and shows_no_secret(refused)


def test_every_command_has_an_example() -> None:
    for command in opening_group.commands.values():
        assert command.epilog and f"dls-zk opening {command.name}" in command.epilog


# --- with one -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


def test_what_openings_are_to_a_vault(market: Market, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = market.open("openings", market.people[1])
    monkeypatch.setenv("DLS_ZK_RPC", market.chain.where)
    files.write_deployment(here / "deployment.json", market.protocol.deployment)
    on_chain = ("--vault", "0x" + vault.id.hex())
    place: dict[str, Any] = {"vault": vault.id, "hub": market.protocol.hub.address}
    (here / "rounds").mkdir()
    assert ok("opening", "find", "rounds", *on_chain) == "empty\n"

    for sequence in (1, 2):
        rebalance = vault.rebalance(market.snapshot(), after=kept(sequence).commitment)
        submission = rebalance.submission(here / f"rounds/r{sequence}")
        files.write_opening(here / f"rounds/r{sequence}/opening.json", kept(sequence, sequence=sequence, **place))
        (outcome,) = chain.submit(market.protocol, market.people[1], [submission], market.trapdoor.verifying_key)
        assert outcome.accepted.sequence == sequence
    write(here / "rounds/orphan", kept(3, sequence=2, **place), proof=False)
    write(here / "rounds/elsewhere", kept(4, sequence=9))
    (here / "rounds/backup.json").write_bytes((here / "rounds/r2/opening.json").read_bytes())
    (here / "rounds/backup.json").chmod(0o600)

    told = as_json("opening", "list", "rounds", *on_chain)["openings"]
    assert {one["file"]: one["standing"] for one in told} == {
        "rounds/r1/opening.json": "earlier",
        "rounds/r2/opening.json": "current",
        "rounds/backup.json": "current",
        "rounds/orphan/opening.json": "not accepted",
    }
    assert "not accepted" in ok("opening", "list", "rounds", *on_chain)

    (here / "rounds/backup.json").unlink()
    assert ok("opening", "find", "rounds", *on_chain) == "rounds/r2/opening.json\n"
    assert as_json("opening", "verify", "rounds/r2/opening.json", *on_chain)["held"] is True
    held = element(kept(2).commitment)
    stale = invoke("opening", "verify", "rounds/r1/opening.json", *on_chain, "--json")
    earlier = element(kept(1).commitment)
    assert stale.refused(3).startswith(f"rounds/r1/opening.json: of rebalance 1, opens {earlier}, and the")
    assert f"holds {held}; `dls-zk opening find DIR --commitment {held}`" in stale.stderr
    assert json.loads(stale.stdout)["error"]["code"] == "opening_mismatch"
    foreign = invoke("opening", "verify", "rounds/elsewhere/opening.json", *on_chain).refused(3)
    assert f"of vault 0x{'ab' * 32} on chain 31337" in foreign

    (here / "rounds/r2/opening.json").unlink()
    lost = invoke("opening", "find", "rounds", *on_chain)
    assert f"opens {held}; look in your backups" in lost.refused(3) and shows_no_secret(lost)


def test_submit_wants_the_opening_or_is_told_that_it_is_elsewhere(
    market: Market, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = market.people[1]
    vault = market.open("submit", operator)
    for name, value in (("DLS_ZK_RPC", market.chain.where), ("DLS_ZK_STATE", str(here / "state"))):
        monkeypatch.setenv(name, value)
    files.write_deployment(here / "deployment.json", market.protocol.deployment)
    key = ZKey(0, 1, (0, 0), (0, 0), market.trapdoor.vk, ())
    (here / "vk.json").write_text(zkey.verification_key_json(key, "rebalance_8", "ab" * 32))
    vault.rebalance(market.snapshot(), after=kept().commitment).write(here / "r1")
    command = ("submit", "r1", "--vkey", "vk.json", "--from", operator.address)
    refused = invoke(*command, "--json")
    assert refused.refused(3).startswith("r1/opening.json: cannot be read: No such file or directory; nobody could move the")
    (one,) = json.loads(refused.stdout)["submissions"]
    assert (one["state"], one["error"]["code"]) == ("refused", "opening_missing")
    assert market.protocol.hub.state(vault.id).sequence == 0
    (one,) = as_json(*command, "--without-opening")["submissions"]
    assert (one["state"], one["sequence"]) == ("accepted", 1)


# --- inputs that others can read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_check_warns_of_secrets_that_others_can_read(here: Path, form: tuple[str, ...]) -> None:
    write_inputs(here)
    command = ("check", *RULES, "--before", "book.csv", "--trades", "trades.csv", *form)
    assert invoke(*command).stderr == ""
    (here / "trades.csv").chmod(0o640)
    one = invoke(*command)
    assert one.code == 0
    assert one.stderr == "warning: trades.csv: open to other users (mode 0640) and secret; run `chmod 600 trades.csv`\n"
    (here / "book.csv").chmod(0o644)
    assert [line.split(":")[1] for line in invoke(*command).stderr.splitlines()] == [" book.csv", " trades.csv"]


def test_prove_warns_before_it_works(here: Path) -> None:
    """Of a book after, too, and even where it then refuses."""
    write_inputs(here)
    (here / "over.csv").chmod(0o604)
    write(here / "r1", kept())
    command = (
        "prove",
        *RULES,
        "--before",
        "r1/opening.json",
        "--trades",
        "over.csv",
        "--terms",
        "terms.yaml",
        "--out",
        "r2",
    )
    result = invoke(*command)
    assert result.refused(4) and result.stderr.splitlines()[0].startswith("warning: over.csv: open to other users")


def test_the_packages_own_examples_are_no_secrets(here: Path) -> None:
    example = PACKAGE / "examples" / "delta_neutral_eth"
    paths = [str(example / name) for name in ("policy.yaml", "prices.yaml", "book_before.csv", "trades.csv", "terms.yaml")]
    options = ("--policy", "--prices", "--before", "--trades", "--terms")
    result = invoke("check", *(word for pair in zip(options, paths, strict=True) for word in pair))
    assert (result.code, result.stderr) == (0, "")
