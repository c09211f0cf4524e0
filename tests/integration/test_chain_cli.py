"""The chain side from the command line, as processes: a local chain, a vault, two proven rebalances, and what is refused.

Proofs are real ones of the small circuit. Everything happens in one story, which the tests read.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from dls_zk import chain, files
from dls_zk.chain import signers
from dls_zk.solidity import contracts
from dls_zk.statement.model import Round
from tests.support import commandline, nodes
from tests.support.commandline import Result, write_inputs
from tests.support.sending import deployed

OPERATOR = Account.from_key("0x" + "11" * 32)  # not one of the node's own
PASSWORD = "correct horse"

VAULT = """\
name: Small vault
policy: policy.yaml
operator: "{operator}"
guardian: "{guardian}"
loosening_delay: 86400 s
mandate:
  feed_set: 1
  max_snapshot_age: 3600 s
  max_proof_age: 172800 s
  accrual_rate: 500 ppm
  accrual_cap: 2000 ppm
"""
SHARE = """\
share:
  symbol: SMALL
  asset: "{asset}"
  custody: "{custody}"
"""


@dataclass(frozen=True)
class Place:
    """A folder with the small vault's files, a local chain that is up, and an environment that leads to it."""

    folder: Path
    env: dict[str, str]
    up: dict[str, Any]

    def run(self, *args: str, **changes: str) -> Result:
        return commandline.run(*args, cwd=self.folder, env=self.env | changes)

    def ok(self, *args: str, **changes: str) -> str:
        result = self.run(*args, **changes)
        assert result.code == 0, result
        return result.stdout

    def json(self, *args: str, **changes: str) -> Any:
        return json.loads(self.ok(*args, "--json", **changes))

    def rpc(self, method: str, *parameters: object) -> Any:
        return chain.connect(self.up["rpc"]).rpc.ask(method, *parameters)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    commandline.installed_key()
    root = tmp_path_factory.mktemp("chain")
    folder = write_inputs(root / "vault")
    env = commandline.environment(root)
    command = ["chain", "up", "--port", "0", "--policy", "policy.yaml", "--prices", "prices.yaml", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "dls_zk", *command], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout
        up = json.loads(process.stdout.readline())
        found = Place(folder, env | {"DLS_ZK_RPC": up["rpc"]}, up)
        found.rpc("anvil_setBalance", OPERATOR.address, hex(10**20))
        (folder / "keystore.json").write_text(json.dumps(Account.encrypt(OPERATOR.key, PASSWORD, iterations=2)))
        (folder / "password").write_text(PASSWORD + "\n")
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert not (folder / "deployment.json").exists() and not (folder / "feeds.json").exists()


SIGNED = ("--keystore", "keystore.json", "--password-file", "password")


@dataclass(frozen=True)
class Story:
    """A vault whose two rebalances were submitted. said: what the commands printed, by a name."""

    place: Place
    vault: str
    said: dict[str, Any]


@pytest.fixture(scope="module")
def story(place: Place) -> Story:
    guardian, said = place.up["account"], {}
    vault_file = VAULT.format(operator=OPERATOR.address, guardian=guardian)
    (place.folder / "vault.yaml").write_text(vault_file)
    vault = place.ok("vault", "open", "vault.yaml").strip()
    said["again"] = place.json("vault", "open", "vault.yaml")
    said["drawn"] = place.json("vault", "draw", vault, "10000000")
    said["drawn again"] = place.json("vault", "draw", vault, "10000000")

    said["snapshot"] = place.json("oracle", "snapshot", "1")
    place.ok("oracle", "show", "1", "--policy", vault, "--out", "now.yaml")
    place.ok("vault", "terms", vault, "--out", "terms1.yaml")
    prove = ("prove", "--policy", "policy.yaml", "--prices", "now.yaml")
    place.ok(*prove, "--before", "empty", "--after", "book.csv", "--terms", "terms1.yaml", "--out", "r1")
    said["first"] = place.json("submit", "r1", *SIGNED)
    said["first again"] = place.json("submit", "r1", *SIGNED)

    said["terms"] = place.json(
        "vault", "terms", vault, "--valid-for", "600", "--out", "terms2.yaml", "--prices-out", "now2.yaml"
    )
    second = ("--policy", "policy.yaml", "--prices", "now2.yaml", "--trades", "trades.csv", "--terms", "terms2.yaml")
    place.ok("prove", *second, "--before", "r1/opening.json", "--out", "r2")
    said["of another book"] = place.run("prove", *second, "--before", "empty", "--out", "none")
    key = {"DLS_ZK_PRIVATE_KEY": OPERATOR.key.hex()}
    said["second"] = place.json("submit", "r1", "r2", **key)
    return Story(place, vault, said)


# --- the story ------------------------------------------------------------------------------------------------------


def test_what_is_up(place: Place) -> None:
    assert place.up.keys() == {
        "rpc", "chain_id", "deployment", "feeds", "hub", "asset", "feed_set", "account"
    }  # fmt: skip
    told = files.read_deployment(place.folder / "deployment.json")
    assert (told.chain_id, told.hub, list(told.keys)) == (31337, place.up["hub"], ["rebalance_8"])
    policy = files.read_policy(place.folder / "policy.yaml")
    assert files.read_feeds(place.folder / "feeds.json", policy).feeds.keys() == {"USDC", "ETH", "ETH-PERP"}
    again = place.run("chain", "up", "--port", "0").refused(3)
    assert again.startswith("deployment.json: exists")


def test_two_rebalances_were_accepted(story: Story) -> None:
    said = story.said
    (first,), (before, second) = said["first"]["submissions"], said["second"]["submissions"]
    assert (first["vault"], first["sequence"], first["accepted_before"]) == (story.vault, 1, False)
    assert first["gas_used"] > 200_000
    assert said["first again"]["submissions"] == [first | {"accepted_before": True, "gas_used": None}]
    assert (before["accepted_before"], second["accepted_before"], second["sequence"]) == (True, False, 2)
    commitment = files.read_opening(story.place.folder / "r2" / "opening.json").commitment
    assert second["commitment_after"] == f"0x{commitment:064x}"


def test_terms_and_prices_are_of_one_snapshot(story: Story) -> None:
    folder, said = story.place.folder, story.said
    assert (said["terms"]["terms"], said["terms"]["prices"]) == ("terms2.yaml", "now2.yaml")
    policy = files.read_policy(folder / "policy.yaml")
    terms, prices = files.read_terms(folder / "terms2.yaml"), files.read_prices(folder / "now2.yaml", policy)
    number = terms.known_context().round
    oracle = files.read_deployment(folder / "deployment.json").price_oracle
    assert prices.round == Round(31337, oracle, number)
    assert terms.oracle == oracle and said["terms"]["round"] == number
    assert prices == files.read_prices(folder / "now.yaml", policy)  # `oracle show` writes the same of the same round
    assert terms.commitment_before == files.read_opening(folder / "r1" / "opening.json").commitment


def test_terms_without_their_prices_are_not_left_behind(story: Story) -> None:
    place, folder = story.place, story.place.folder
    taken = place.run("vault", "terms", story.vault, "--out", "terms2.yaml", "--prices-out", "fresh.yaml").refused(3)
    assert taken.startswith("terms2.yaml: exists") and not (folder / "fresh.yaml").exists()
    taken = place.run("vault", "terms", story.vault, "--out", "fresh.yaml", "--prices-out", "now2.yaml").refused(3)
    assert taken.startswith("now2.yaml: exists") and not (folder / "fresh.yaml").exists()


def test_another_book_than_the_vaults_is_not_proven(story: Story) -> None:
    commitment = files.read_opening(story.place.folder / "r1" / "opening.json").commitment
    message = story.said["of another book"].refused(3)
    assert message.startswith(f"the vault is not empty any more; the vault of these terms holds 0x{commitment:064x}")
    assert "Proof" not in story.said["of another book"].stderr and not (story.place.folder / "none").exists()


def test_what_is_done_again_is_done_once(story: Story) -> None:
    said = story.said
    assert said["again"]["vault"] == story.vault
    assert said["drawn"]["pending_flow"] == said["drawn again"]["pending_flow"] == "10000000"
    names = [event["event"] for event in story.place.json("vault", "history", story.vault)["events"]]
    assert names == ["VaultOpened", "MandateActivated", "FlowRecorded", "Rebalanced", "Rebalanced"]


def test_status(story: Story) -> None:
    told = story.place.json("vault", "status", story.vault)
    assert (told["status"], told["sequence"], told["pending_flow"]) == ("active", 2, "0")
    assert told["nav_at_least_usd"] == "9996000" and told["contracts"] == "as compiled"
    assert told["opened_by"] == "an account: there is no share token"
    assert told["roles"]["operator"] == OPERATOR.address and told["shares"] is None and told["proposal"] is None
    key = json.loads((story.place.folder / "deployment.json").read_text())["keys"]["rebalance_8"]
    assert told["key"] == {
        "circuit": "rebalance_8",
        "hash": key["key_hash"],
        "insecure": True,
        "ceremony": "none: a development key",
        "contributions": [],
    }
    assert told["stale_from"] == told["proven_at_prices_of"] + 172_801
    shown = story.place.ok("vault", "status", story.vault)
    assert "roles operator" in shown and OPERATOR.address in shown


def test_check_of_the_deployment(place: Place) -> None:
    findings = place.json("deploy", "--check")["contracts"]
    assert len(findings) == 6 and not any(finding["fault"] for finding in findings)
    assert [finding["ceremony"] for finding in findings] == [None] * 4 + ["none: a development key", None]
    assert "ceremony none: a development key" in " ".join(place.ok("deploy", "--check").split())
    for arguments in (("--ceremony", "final.zkey"), ("--ptau", "pot.ptau"), ("--ptau-blake2b", "ab")):
        assert place.run("deploy", "--check", *arguments).code == 2
    named = "--ceremony", "none.zkey", "--ptau", "none.ptau"
    assert place.run("deploy", "--out", "x.json", *named).code == 2
    assert "none.zkey" in place.run("deploy", "--check", *named).refused(6)
    told = json.loads((place.folder / "deployment.json").read_text())
    mixed = {"price_oracle": told["policy_registry"]}
    (place.folder / "mixed.json").write_text(json.dumps(told | mixed))
    result = place.run("deploy", "--check", "--deployment", "mixed.json")
    assert "are not as they should be" in result.refused(9)
    assert "its creation code is not what this version of dls-zk compiles" in result.stdout


def test_deploying_again_finds_the_same(place: Place, tmp_path: Path) -> None:
    told = place.json("deploy", "--size", "8", "--out", "again.json", "--from", place.up["account"])
    again = place.json("deploy", "--size", "8", "--out", "third.json")
    assert told["hub"] == again["hub"] and told["keys"] == again["keys"]


def test_oracle(story: Story) -> None:
    taken = story.said["snapshot"]
    shown = story.place.json("oracle", "show", "1", "--policy", "policy.yaml")
    assert shown["round"] == taken["round"] == 2 and shown["words"] == taken["words"]
    assert shown["prices_usd"] == {"USDC": "0.999919", "ETH": "2528.4155", "ETH-PERP": "2528.4155"}
    policy = files.read_policy(story.place.folder / "policy.yaml")
    now, posted = (files.read_prices(story.place.folder / name, policy) for name in ("now.yaml", "prices.yaml"))
    assert now.usd_e8 == posted.usd_e8
    assert story.place.run("oracle", "show", "7").refused(9).endswith("(UnknownFeedSet)")
    number = story.place.ok("oracle", "add", "feeds.json", "--policy", "policy.yaml", "--yes").strip()
    assert story.place.ok("oracle", "add", "feeds.json", "--policy", "policy.yaml", "--yes").strip() == number
    assert "no snapshot of feed set" in story.place.run("oracle", "show", number).refused(9) or number == "1"


def test_feeds_are_added_by_whoever_has_seen_them(place: Place) -> None:
    """Without a terminal only with --yes, and one that prices in another currency not at all."""
    add = ("oracle", "add", "--policy", "policy.yaml")
    asked = place.run(*add, "feeds.json")
    assert asked.code == 2 and '"ETH / USD", answers 2528.4155, 8 decimals, no bounds' in asked.stderr
    on = chain.connect(place.up["rpc"])
    other = deployed(on, contracts.compile_contracts()["DevFeed"], 8, "ETH / BTC")
    feeds = json.loads((place.folder / "feeds.json").read_text())
    feeds["feeds"]["ETH"]["aggregator"] = other
    (place.folder / "others.json").write_text(json.dumps(feeds))
    refused = place.run(*add, "others.json", "--yes")
    assert refused.code == 3
    assert f"the feed {other} of ETH must not be added: it prices in BTC, not in USD" in refused.stderr


def test_nodes_of_other_kinds(place: Place) -> None:
    """Proof of authority, no pending block, no tip, events of ten blocks: the commands are as always; and by exit codes."""
    limit = nodes.logs_of_at_most(10, lambda request: request.error("up to a 10 block range", -32600))
    behaves = nodes.both(nodes.without_pending, nodes.without_tip, limit)
    place.rpc("evm_increaseTime", 5)  # at the newest block, whose clock stands still on an idle chain
    place.rpc("evm_mine")
    with nodes.node(place.up["rpc"], behaves, nodes.proof_of_authority) as node:
        for command in (("deploy", "--check"), ("oracle", "show", "1"), ("oracle", "snapshot", "1")):
            assert place.run(*command, DLS_ZK_RPC=node.url).code == 0, command
    for reply, code in ((nodes.Reply(b"", 429), 75), (nodes.Reply(b"<html>", 502), 75), (nodes.Reply(b"", 401), 9)):
        with nodes.node(place.up["rpc"], lambda _, reply=reply: reply) as node:
            refused = place.run("oracle", "show", "1", "--rpc", node.url, "--timeout", "1").refused(code)
            assert nodes.SECRET not in refused
            also = f"{node.url},{place.up['rpc']}"
            assert place.run("oracle", "show", "1", DLS_ZK_RPC=also, DLS_ZK_TIMEOUT="5").code == 0


def test_policies(story: Story) -> None:
    place = story.place
    text = (place.folder / "policy.yaml").read_text()
    (place.folder / "tighter.yaml").write_text(text.replace("max_leverage: 2.5x", "max_leverage: 2x"))
    (place.folder / "looser.yaml").write_text(text.replace("max_leverage: 2.5x", "max_leverage: 3x"))
    (place.folder / "other.yaml").write_text(text.replace("nav_step: 1000 USD", "nav_step: 500 USD"))
    shown = place.json("policy", "show", story.vault)
    assert shown["name"] == "Small vault" and shown["max_leverage_bps"] == 25_000
    assert place.json("policy", "show", shown["policy_hash"]) == shown == place.json("policy", "show", "policy.yaml")

    told = place.json("policy", "diff", story.vault, "tighter.yaml")
    assert told["verdict"] == "tighter"
    assert [(one["field"], one["old"], one["new"]) for one in told["changes"]] == [("max_leverage_bps", 25_000, 20_000)]
    assert place.json("policy", "diff", "policy.yaml", "looser.yaml")["verdict"] == "looser"
    assert place.json("policy", "diff", "policy.yaml", "other.yaml")["verdict"] == "forbidden"
    assert place.json("policy", "diff", "policy.yaml", story.vault) == {"verdict": "tighter", "changes": []}

    first = place.ok("policy", "register", "tighter.yaml").strip()
    assert place.json("policy", "register", "tighter.yaml")["policy_hash"] == first


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [(signal.SIGHUP, 129, "hung_up"), (signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_a_command_with_its_code(place: Place, number: signal.Signals, code: int, name: str) -> None:
    (place.folder / "watched.yaml").write_text(
        VAULT.format(operator=place.up["account"], guardian=OPERATOR.address).replace("Small vault", "Watched vault")
    )
    vault = place.json("vault", "open", "watched.yaml")["vault"]
    command = [sys.executable, "-m", "dls_zk", "watch", vault, "--from-block", "0", "--json"]
    process = subprocess.Popen(command, cwd=place.folder, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    first = json.loads(process.stdout.readline())  # from here on it watches until something ends it
    process.send_signal(number)
    output, complaint = process.communicate(timeout=60)
    assert (first["event"], process.returncode) == ("VaultOpened", code)
    error = json.loads(output.splitlines()[-1])["error"]
    assert (error["code"], error["exit_code"], error["retryable"]) == (name, code, True)
    assert complaint.decode() == f"error: {name.replace('_', ' ')}\n"


def test_a_vault_of_its_own_moves_to_other_policies(place: Place, story: Story) -> None:
    (place.folder / "moving.yaml").write_text(
        VAULT.format(operator=place.up["account"], guardian=OPERATOR.address).replace("Small vault", "Moving vault")
    )
    vault = place.json("vault", "open", "moving.yaml")["vault"]
    text = (place.folder / "policy.yaml").read_text()
    (place.folder / "t.yaml").write_text(text.replace("max_turnover: 100%", "max_turnover: 90%"))
    told = place.json("policy", "activate", vault, "--policy", "t.yaml")
    assert told["active"] and told["active_from"] is None
    waiting = place.json("policy", "activate", vault, "--policy", "policy.yaml")
    assert not waiting["active"]
    assert place.json("policy", "activate", vault, "--policy", "policy.yaml") == waiting, "the clock was started again"
    assert "can be activated" not in place.ok("policy", "activate", vault, "--policy", "policy.yaml", "--key", "0")
    refused = place.run("policy", "activate", vault, "--key", "7").refused(9)
    assert refused.endswith("(UnknownKey)")
    assert place.run("vault", "pause", vault).refused(9).endswith("(NotGuardian)")
    key = {"DLS_ZK_PRIVATE_KEY": OPERATOR.key.hex()}
    assert place.json("vault", "pause", vault, **key)["status"] == "paused"
    assert "while the vault is paused" in place.run("vault", "pause", vault, **key).refused(9)
    assert place.json("vault", "unpause", vault, **key)["status"] == "active"
    assert place.json("vault", "withdraw-mandate", vault, **key)["status"] == "active"
    assert "pass --yes" in place.run("vault", "wind-down", vault).stderr
    assert "status" in place.json("vault", "wind-down", vault, "--yes")
    result = place.run("watch", vault, "--from-block", "0", "--once", "--json")
    assert "is winding down" in result.refused(10)
    *events, last = map(json.loads, result.stdout.splitlines())
    assert [event["event"] for event in events][-2:] == ["MandateWithdrawn", "StatusChanged"]
    assert (last["error"]["code"], last["error"]["exit_code"]) == ("vault_stale", 10)


def test_a_vault_with_a_share_token_is_drawn_from_and_given_back_to(place: Place) -> None:
    """A vault with a share token: deposited in Python, drawn and given back by command."""
    operator = place.up["account"]
    terms = VAULT.format(operator=operator, guardian=operator).replace("Small vault", "Share vault")
    (place.folder / "share.yaml").write_text(terms + SHARE.format(asset=place.up["asset"], custody=OPERATOR.address))
    opened = place.json("vault", "open", "share.yaml")
    assert place.json("vault", "open", "share.yaml") == opened and opened["share"]

    on = chain.connect(place.up["rpc"])
    protocol = chain.Protocol.on(on, files.read_deployment(place.folder / "deployment.json"))
    sender = chain.Sender(on, signers.from_url(place.up["rpc"], operator), place.folder / "journal", chain.Delivery.on(on))
    vault = bytes.fromhex(opened["vault"][2:])
    share = chain.ShareToken.of(protocol, vault)
    assert share and share.address == opened["share"] and share.vault == vault
    chain.Asset(on, protocol.contracts["DevAsset"], place.up["asset"]).mint(sender, operator, 5_000_000)
    share.deposit(sender, 3_000_000)
    assert share.holdings().assets == share.holdings().idle == 3_000_000 and share.holdings().deposits_open

    assert place.json("vault", "draw", opened["vault"], "2.5")["pending_flow"] == "2.5"
    assert share.asset.balance(OPERATOR.address) == 2_500_000
    assert place.json("vault", "give-back", opened["vault"], "1.25")["pending_flow"] == "1.25"
    assert place.json("vault", "give-back", opened["vault"], "1.25")["pending_flow"] == "1.25"
    assert place.json("vault", "give-back", opened["vault"], "0.25", "--label", "b")["pending_flow"] == "1"
    assert "lie idle" in place.run("vault", "draw", opened["vault"], "100").refused(9)
    status = place.json("vault", "status", opened["vault"])
    told = status["shares"]
    assert status["opened_by"] == "its share token, as compiled"
    assert (told["asset"], told["custody"]) == (place.up["asset"], OPERATOR.address)
    assert (told["token"], told["idle"], told["price"]) == (share.address, "2", "1")
    assert chain.ShareToken.of(protocol, bytes.fromhex(place.json("vault", "open", "vault.yaml")["vault"][2:])) is None


def test_stale(place: Place, story: Story) -> None:
    """Last: it moves the clock by two days."""
    assert place.run("watch", story.vault, "--once").code == 0
    assert place.run("vault", "call-stale", story.vault).refused(9).endswith("(WrongStatus)")
    place.rpc("evm_increaseTime", 172_900)
    place.rpc("evm_mine")
    assert f"vault {story.vault} is stale" == place.run("watch", story.vault, "--once").refused(10)
    assert place.json("vault", "call-stale", story.vault)["status"] == "stale"


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (("vault", "status", "0x12"), 2, "is no vault id"),
        (("vault", "status", "0x" + "00" * 32), 9, r"(UnknownVault)"),
        (("policy", "show", "0x" + "00" * 32), 9, "(UnknownVault)"),
        (("policy", "show", "nothing.yaml"), 3, "nothing.yaml: cannot be read"),
        (("submit", "nothing"), 3, "nothing/proof.json: cannot be read"),
        (("deploy",), 2, "Give one of --out and --check"),
        (("deploy", "--out", "policy.yaml"), 3, "policy.yaml: exists"),
        (("vault", "open", "policy.yaml"), 3, "policy.yaml: "),
        (("vault", "open", "vault.yaml", "--keystore", "k", "--signer", "http://x"), 2, "Give one of --keystore"),
        (("vault", "open", "vault.yaml", "--keystore", "policy.yaml"), 3, "policy.yaml: "),
        (("oracle", "show", "1", "--rpc", "http://127.0.0.1:1/secret"), 75, "http://127.0.0.1:1 does not answer"),
        (("oracle", "show", "1", "--deployment", "nothing.json"), 3, "nothing.json: cannot be read"),
        (("oracle", "show", "1", "--out", "x.yaml"), 2, "--out needs --policy"),
        (("vault", "draw", "0x" + "00" * 32, "-5"), 2, "No such option"),
        (("vault", "draw", "0x" + "00" * 32, "1.0000001"), 2, "more than 6 decimals"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml"), 9, "(UnknownVault)"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml", "--deadline", "-1"), 2, "'--deadline': -1 is not in"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml", "--deadline", "253402300800"), 2, "is not in the range"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml", "--deadline", "253402300799"), 9, "(UnknownVault)"),
        (("oracle", "show", "1", "--round", str(2**32)), 2, "'--round': 4294967296 is not in the range"),
        (("oracle", "show", "1", "--round", str(2**32 - 1)), 9, "(UnknownRound)"),
        (("oracle", "show", "1", "--round", "0"), 2, "'--round': 0 is not in the range"),
        (("oracle", "show", str(2**32)), 2, "is not in the range"),
        (("policy", "activate", "0x" + "00" * 32, "--key", "-1"), 2, "'--key': -1 is not in the range"),
        (("policy", "activate", "0x" + "00" * 32, "--key", str(2**24)), 2, "'--key': 16777216 is not in the range"),
        (("policy", "activate", "0x" + "00" * 32, "--accrual-rate", str(2**24)), 2, "is not in the range"),
        (("policy", "activate", "0x" + "00" * 32, "--accrual-cap", str(2**20)), 2, "is not in the range"),
        (("policy", "activate", "0x" + "00" * 32, "--accrual-cap", str(2**20 - 1)), 9, "(UnknownVault)"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_refused_in_a_line(story: Story, line: tuple[str, ...], code: int, said: str) -> None:
    result = story.place.run(*line)
    assert result.code == code and said in result.stderr, result
    assert "Traceback" not in result.stderr and "secret" not in result.stderr
    assert result.stdout == ""


def test_nobody_signs_off_a_development_chain(place: Place) -> None:
    from dls_zk.tools import foundry

    with foundry.anvil(chain_id=1, accounts=1) as url:
        said = place.run("deploy", "--size", "8", "--out", "one.json", DLS_ZK_RPC=url).refused(3)
    assert said.startswith("no account to sign with: pass --keystore")


# --- no secret in what is written -----------------------------------------------------------------------------------


def test_no_secret_reaches_what_is_written(story: Story) -> None:
    """Journal, deployment, terms and proofs hold neither the keys nor the book. Quantities as in 1e-6 and as written."""
    secrets = [OPERATOR.key.hex(), PASSWORD]
    for quantity in [*commandline.BOOK_E6.values(), *commandline.TRADES_E6.values()]:
        secrets += [str(abs(quantity)), commandline.human(abs(quantity))]
    opening = files.read_opening(story.place.folder / "r1" / "opening.json").opening
    secrets += [str(opening.salt), f"{opening.salt:064x}"]
    looked_at = 0
    for path in Path(story.place.env["HOME"]).rglob("*"):
        if path.is_file():
            looked_at += 1
            data = path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0 or not data, path
            assert not any(secret.encode() in data for secret in secrets), path
            assert OPERATOR.key not in data and opening.salt.to_bytes(32, "big") not in data, path
    assert looked_at >= 1, "there is no journal"
    for name in ("deployment.json", "terms1.yaml", "r1/terms.yaml", "r1/proof.json", "vault.yaml", "now.yaml", "feeds.json"):
        text = (story.place.folder / name).read_text()
        assert not any(secret in text for secret in secrets), name


def test_rotation_takes_two_steps(story: Story) -> None:
    place, vault = story.place, story.vault
    heir = place.up["account"]
    told = place.json("vault", "propose-operator", vault, heir, *SIGNED)
    assert told == {"operator": OPERATOR.address, "proposed_operator": heir}
    stranger = place.rpc("eth_accounts")[3]
    assert "NotProposedOperator" in place.run("vault", "accept-operator", vault, "--from", stranger).refused(9)
    assert place.json("vault", "accept-operator", vault)["operator"] == heir
    assert "NotOperator" in place.run("vault", "propose-operator", vault, stranger, *SIGNED).refused(9)
    assert place.run("vault", "propose-operator", vault, "0x12").code == 2


def test_a_policy_registered_under_other_names_is_told(place: Place) -> None:
    """Whoever comes first names what the hash does not bind."""
    text = (place.folder / "policy.yaml").read_text().replace("max_leverage: 2.5x", "max_leverage: 2.4x")
    (place.folder / "theirs.yaml").write_text(text.replace("name: Small vault", "name: Another vault"))
    (place.folder / "ours.yaml").write_text(text)
    theirs, ours = place.json("policy", "register", "theirs.yaml"), place.run("policy", "register", "ours.yaml", "--json")
    assert ours.code == 0 and "registered this policy before" in ours.stderr
    told = json.loads(ours.stdout)
    assert (theirs["names_as_given"], told["names_as_given"]) == (True, False)
    assert told["policy_hash"] == theirs["policy_hash"]
