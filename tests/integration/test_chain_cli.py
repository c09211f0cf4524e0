"""The chain side from the command line, as processes: a local chain, a vault, two proven rebalances, and what is refused.

Proofs are real ones of the small circuit. Everything happens in one story, which the tests read.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address

from dls_zk import chain, files
from dls_zk.files.values import time_text
from dls_zk.solidity import contracts
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.ethereum import checksum_address
from dls_zk.statement.model import Round
from tests.support import commandline, nodes
from tests.support.commandline import Result, unwrapped, write_inputs
from tests.support.sending import deployed

#: A name that no feed set has.
FEED_SET = "0x" + "5e" * 32
OPERATOR = Account.from_key("0x" + "11" * 32)  # not one of the node's own
PASSWORD = "correct horse"

VAULT = """\
name: Small vault
operator: "{operator}"
guardian: "{guardian}"
loosening_delay: 86400 s
mandate:
  policy: policy.yaml
  feeds: feeds.json
  grace: 3600 s
  min_interval: 0 s
  max_proof_age: 172800 s
  write_down: 1%
  gain: {{per_day: 0.05%, cap: 0.2%, step: 0.001%}}
  loss: {{per_day: 0.1%, cap: 0.5%, step: 0.01%}}
  turnover: {{per_day: 100%, cap: 400%, step: 5%}}
  orders: {{delay: 3600 s, redemption_period: 604800 s, least: 1, cap: 100000000, levy: 0%}}
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

    def snapshot(self) -> Any:
        """A round, a second after the one before."""
        self.ok("chain", "wait", "1")
        return self.json("oracle", "snapshot", self.up["feed_set"])


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
    prove = ("prove", "--policy", "policy.yaml", "--prices")
    place.snapshot()
    place.ok("vault", "terms", vault, "--out", "terms0.yaml", "--prices-out", "now0.yaml")
    place.ok(*prove, "now0.yaml", "--before", "empty", "--heartbeat", "--terms", "terms0.yaml", "--out", "r0")
    said["empty"] = place.json("submit", "r0", *SIGNED)
    said["drawn"] = place.json("vault", "draw", vault, "10000000")
    said["drawn again"] = place.json("vault", "draw", vault, "10000000")

    said["snapshot"] = place.snapshot()
    place.ok("oracle", "show", place.up["feed_set"], "--policy", vault, "--out", "now.yaml")
    place.ok("vault", "terms", vault, "--out", "terms1.yaml")
    said["prove"] = place.json(
        *prove, "now.yaml", "--before", "r0/opening.json", "--after", "book.csv", "--terms", "terms1.yaml", "--out", "r1"
    )
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
    assert (first["vault"], first["sequence"], first["accepted_before"]) == (story.vault, 2, False)
    assert first["gas_used"] > 200_000
    assert said["first again"]["submissions"] == [first | {"accepted_before": True, "gas_used": None}]
    assert (before["accepted_before"], second["accepted_before"], second["sequence"]) == (True, False, 3)
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


def test_terms_of_a_deadline_that_has_passed_are_not_written(story: Story) -> None:
    place = story.place
    late = place.run("vault", "terms", story.vault, "--out", "late.yaml", "--deadline", "1700000000").refused(3)
    assert late.startswith("--deadline: 2023-11-14") and "has passed" in late and not (place.folder / "late.yaml").exists()


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
    assert names == ["VaultOpened", "MandateActivated", "Rebalanced", "FlowRecorded", "Rebalanced", "Rebalanced"]
    shown = story.place.ok("vault", "history", story.vault)
    assert "allowances (gain ppb 0, loss ppb" in shown and "UTC" in shown


def test_a_rebalance_names_the_least_that_it_needs_in_steps(story: Story) -> None:
    """Of 10 million, 0.03% are lost on the way into the book, and 61% are turned over."""
    folder = story.place.folder
    held, named = files.read_terms(folder / "terms1.yaml"), files.read_terms(folder / "r1" / "terms.yaml")
    assert held.buckets and held.allowances == Allowances(2_000_000, 5_000_000, 4_000_000)
    assert (named.buckets, named.allowances.gain_ppb, named.allowances.write_down_steps) == (None, 0, 0)
    assert named.allowances.loss_ppb == 300_000 and named.allowances.turnover_ppm % 50_000 == 0
    assert story.said["prove"]["signals"]["allowances"] == asdict(named.allowances)
    later = files.read_terms(folder / "terms2.yaml").allowances
    assert later.turnover_ppm == 4_000_000 - named.allowances.turnover_ppm + (later.turnover_ppm % 50_000)


def test_status(story: Story) -> None:
    told = story.place.json("vault", "status", story.vault)
    assert (told["status"], told["sequence"], told["pending_flow"]) == ("active", 3, "0")
    assert told["nav_at_least_usd"] == "9996000" and told["contracts"] == "as compiled"
    assert told["opened_by"] == "an account: there is no share token"
    assert told["roles"]["operator"] == OPERATOR.address and told["shares"] is None
    assert told["waiting"] == {"mandate": None, "operator": None, "write_down": None, "prices": None}
    key = json.loads((story.place.folder / "deployment.json").read_text())["keys"]["rebalance_8"]
    assert told["key"] == {
        "name": key["name"],
        "circuit": "rebalance_8",
        "key_hash": key["key_hash"],
        "insecure": True,
        "ceremony": "none: a development key",
        "contributions": [],
    }
    assert told["stale_from"] == told["proven_at_prices_of"] + 172_801
    assert told["mandate"]["version"] == 1 and told["mandate"]["feed_set"] == story.place.up["feed_set"]
    assert [feed["description"] for feed in told["feeds"]] == ["USDC / USD", "ETH / USD", "ETH-PERP / USD"]
    (label,) = told["policy"]["labels"]
    assert label == {"by": story.place.up["account"], "name": "Small vault"}
    loss = told["buckets"]["loss"]
    assert loss["cap_ppb"] == 5_000_000 > loss["level_ppb"] and loss["full_at"] > told["proven_at_prices_of"]
    take = told["operator_can_take"]
    assert (take["price_lag_ppm"], take["first_day"]["cost_ppb"]) == (5_000, 6_000_000)
    assert take["each_further_day"]["from_book_ppb"] == 1_000_000 + 5_000_000, "a turnover of NAV at 0.5%"
    assert "is not a plain decimal" in story.place.run("vault", "status", story.vault, "--price-lag", "1").stderr
    shown = story.place.ok("vault", "status", story.vault)
    for row in (
        "roles operator",
        "stale from",
        "buckets loss cap",
        "waiting mandate",
        "operator can take first day from book",
    ):
        assert row in shown
    assert OPERATOR.address in shown and "UTC" in shown and "0.5%" in shown


def test_check_of_the_deployment(place: Place) -> None:
    findings = place.json("deploy", "--check")["contracts"]
    assert len(findings) == 8 and not any(finding["fault"] for finding in findings)
    assert [finding["ceremony"] for finding in findings] == [None] * 6 + ["none: a development key", None]
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
    taken, name = story.said["snapshot"], story.place.up["feed_set"]
    shown = story.place.json("oracle", "show", name, "--round", str(taken["round"]), "--policy", "policy.yaml")
    assert shown["feed_set"] == taken["feed_set"] == name and shown["words"] == taken["words"]
    assert shown["prices_usd"] == {"USDC": "0.999919", "ETH": "2528.4155", "ETH-PERP": "2528.4155"}
    policy = files.read_policy(story.place.folder / "policy.yaml")
    now, posted = (files.read_prices(story.place.folder / name, policy) for name in ("now.yaml", "prices.yaml"))
    assert now.usd_e8 == posted.usd_e8
    assert story.place.run("oracle", "show", "0x" + "07" * 32).refused(9).endswith("(UnknownFeedSet)")
    add = ("oracle", "add", "--policy", "policy.yaml", "--yes")
    assert story.place.ok(*add, "feeds.json").strip() == name  # the set of `chain up`, whoever adds it


def test_a_late_first_snapshot_is_taken_at_the_second_look(place: Place) -> None:
    feeds = json.loads((place.folder / "feeds.json").read_text())
    (place.folder / "slower.json").write_text(json.dumps(feeds | {"deviation_period": "7200 s"}))
    name = place.json("oracle", "add", "--policy", "policy.yaml", "--yes", "slower.json")["feed_set"]
    assert name != place.up["feed_set"]
    assert "there is no snapshot of this feed set yet" in place.run("oracle", "show", name).refused(9)
    place.ok("chain", "wait", "301")
    waits = place.run("oracle", "snapshot", name, "--json")
    assert waits.code == 75 and "or there is none to compare it with" in waits.stderr
    shown = place.json("oracle", "feeds", name, "--policy", "policy.yaml")
    assert [feed["instrument"] for feed in shown["feeds"]] == ["USDC", "ETH", "ETH-PERP"]
    assert shown["anchor"] is None and shown["deviation_period_s"] == 7200
    assert "prices wait for their confirmation" in place.ok("oracle", "feeds", name)
    place.ok("chain", "wait", "300")
    taken = place.json("oracle", "snapshot", name)
    assert taken["timestamp"] >= shown["confirmable_at"]
    assert place.json("oracle", "feeds", name)["anchor"] == {"round": taken["round"], "timestamp": taken["timestamp"]}


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
        feed_set = place.up["feed_set"]
        for command in (("deploy", "--check"), ("oracle", "show", feed_set), ("oracle", "snapshot", feed_set)):
            assert place.run(*command, DLS_ZK_RPC=node.url).code == 0, command
    for reply, code in ((nodes.Reply(b"", 429), 75), (nodes.Reply(b"<html>", 502), 75), (nodes.Reply(b"", 401), 9)):
        with nodes.node(place.up["rpc"], lambda _, reply=reply: reply) as node:
            refused = place.run("oracle", "show", place.up["feed_set"], "--rpc", node.url, "--timeout", "1").refused(code)
            assert nodes.SECRET not in refused
            also = f"{node.url},{place.up['rpc']}"
            assert place.run("oracle", "show", place.up["feed_set"], DLS_ZK_RPC=also, DLS_ZK_TIMEOUT="5").code == 0


def test_policies(story: Story) -> None:
    place = story.place
    text = (place.folder / "policy.yaml").read_text()
    (place.folder / "tighter.yaml").write_text(text.replace("max_leverage: 2.5x", "max_leverage: 2x"))
    (place.folder / "looser.yaml").write_text(text.replace("max_leverage: 2.5x", "max_leverage: 3x"))
    (place.folder / "other.yaml").write_text(text.replace("nav_step: 1000 USD", "nav_step: 500 USD"))
    shown = place.json("policy", "show", story.vault)
    assert shown["name"] == "" and shown["max_leverage_bps"] == 25_000
    author = place.up["account"]
    assert shown["labels"] == [{"by": author, "name": "Small vault"}]
    assert place.json("policy", "show", shown["policy_hash"]) == shown
    labelled = place.json("policy", "show", story.vault, "--labels-by", author)
    assert labelled | {"labels": []} == place.json("policy", "show", "policy.yaml")

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


def test_a_vault_of_its_own_moves_to_other_mandates(place: Place) -> None:
    (place.folder / "moving.yaml").write_text(
        VAULT.format(operator=place.up["account"], guardian=OPERATOR.address).replace("Small vault", "Moving vault")
    )
    vault = place.json("vault", "open", "moving.yaml")["vault"]
    first = place.json("vault", "mandate", "show", vault, "--out", "first.yaml")
    mandate = json.loads((place.folder / "first.yaml").read_text())

    def written(name: str, **changes: object) -> str:
        (place.folder / name).write_text(json.dumps(mandate | changes))
        return name

    text = (place.folder / "policy.yaml").read_text()
    (place.folder / "t.yaml").write_text(text.replace("max_turnover: 100%", "max_turnover: 90%"))
    (place.folder / "other.yaml").write_text(text.replace("nav_step: 1000 USD", "nav_step: 500 USD"))
    propose = ("vault", "mandate", "propose", vault)
    told = place.json(*propose, written("tighter.json", policy="t.yaml", grace="1800 s"), "--yes")
    assert told["active"] and told["verdict"] == "tighter" and told["active_from"] is None
    assert [(one["term"], one["effect"]) for one in told["changes"]] == [
        ("grace_s", "tighter"), ("policy: max_turnover_bps", "tighter")
    ]  # fmt: skip
    unasked = place.run(*propose, "first.yaml", "--json")
    assert unasked.code == 2 and "pass --yes" in unasked.stderr and "grace: from 1800 s to 3600 s (looser)" in unasked.stderr
    shown = json.loads(unasked.stdout)
    assert (shown["verdict"], shown["mandate"], shown["error"]["code"]) == ("looser", first["name"], "usage")
    assert ["grace_s", "looser"] in [[one["term"], one["effect"]] for one in shown["changes"]]
    assert place.json("vault", "status", vault)["waiting"]["mandate"] is None, "proposed without a yes"
    waiting = place.json(*propose, "first.yaml", "--yes")
    assert (waiting["active"], waiting["verdict"], waiting["mandate"]) == (False, "looser", first["name"])
    assert waiting["lapses_at"] == waiting["active_from"] + 7 * 86_400
    assert place.json(*propose, "first.yaml", "--yes") == waiting, "the clock was started again"
    status = place.json("vault", "status", vault)["waiting"]["mandate"]
    assert (status["mandate"], status["active_from"]) == (first["name"], waiting["active_from"])
    assert "looser" in place.ok(*propose, "first.yaml", "--yes")
    activate = ("vault", "mandate", "activate", vault)
    assert place.run(*activate, first["name"]).refused(75).endswith("(TooEarly)")
    assert place.run(*activate, told["mandate"]).code == 0, "it is active"
    assert "already" in place.run(*propose, "tighter.json", "--yes").refused(3)
    forbidden = place.run(*propose, written("forbidden.json", policy="other.yaml"), "--yes")
    assert "a change is forbidden" in forbidden.refused(3) or "forbidden" in forbidden.stdout
    forbidden = place.run(*propose, "forbidden.json", "--yes", "--json")
    assert json.loads(forbidden.stdout)["verdict"] == "forbidden", "what is forbidden is shown"
    unknown = place.run(*propose, written("key.json", key="0x" + "77" * 32), "--yes")
    assert unknown.refused(9).endswith("(UnknownKey)")
    assert "bad.json: grace" in place.run(*propose, written("bad.json", grace="soon"), "--yes").refused(3)

    assert place.run("vault", "pause", vault).refused(9).endswith("(NotGuardian)")
    key = {"DLS_ZK_PRIVATE_KEY": OPERATOR.key.hex()}
    assert place.json("vault", "mandate", "withdraw", vault, **key)["mandate"] == first["name"]
    assert "no mandate is proposed" in place.run("vault", "mandate", "withdraw", vault, **key).refused(9)
    assert place.json("vault", "pause", vault, **key)["status"] == "paused"
    assert "paused it until" in place.json("vault", "status", vault)["reason"]
    assert "while the vault is paused" in place.run("vault", "pause", vault, **key).refused(9)
    assert place.json("vault", "unpause", vault, **key)["status"] == "active"
    assert "pass --yes" in place.run("vault", "wind-down", vault).stderr
    assert "status" in place.json("vault", "wind-down", vault, "--yes")
    result = place.run("watch", vault, "--from-block", "0", "--once", "--json")
    assert "is winding down" in result.refused(10)
    *events, last = map(json.loads, result.stdout.splitlines())
    assert events[-1]["event"] == "StatusChanged" and "MandateWithdrawn" in [event["event"] for event in events]
    assert (last["error"]["code"], last["error"]["exit_code"]) == ("vault_stale", 10)


def test_a_loss_is_announced(place: Place) -> None:
    (place.folder / "losing.yaml").write_text(
        VAULT.format(operator=place.up["account"], guardian=OPERATOR.address).replace("Small vault", "Losing vault")
    )
    vault = place.json("vault", "open", "losing.yaml")["vault"]
    command = ("vault", "write-down")
    assert "pass --yes" in place.run(*command, "announce", vault, "5").stderr
    told = place.json(*command, "announce", vault, "5", "--yes")["write_down"]
    assert told["nav_steps"] == 5 and told["usable_from"] < told["lapses_at"] <= told["next_from"]
    assert place.json("vault", "status", vault)["waiting"]["write_down"] == told
    key = {"DLS_ZK_PRIVATE_KEY": OPERATOR.key.hex()}
    assert place.run(*command, "approve", vault, "5").refused(9).endswith("(NotGuardian)")
    approved = place.json(*command, "approve", vault, "5", **key)["write_down"]
    assert approved["usable_from"] <= told["usable_from"]
    refused = place.run(*command, "announce", vault, "6", "--yes").refused(75)
    lapses, next_from = (time_text(approved[when]) for when in ("lapses_at", "next_from"))
    assert f"a write-down of 5 NAV steps is open until a proof carries it, or until {lapses} UTC; " in refused
    assert refused.endswith(f"the next may be announced from {next_from} UTC on (TooEarly)")
    assert "no write-down is open" in place.ok(*command, "withdraw", vault)
    assert "nothing to withdraw" in place.run(*command, "withdraw", vault).refused(9)
    assert place.run(*command, "announce", vault, "1", "--yes").refused(75).endswith("(TooEarly)")
    for wrong in ("0", str(2**30), "x"):
        assert place.run(*command, "announce", vault, wrong, "--yes").code == 2


def test_orders_draws_and_claims_of_a_vault_with_a_share_token(place: Place) -> None:
    operator = place.up["account"]
    depositor, heir = (to_checksum_address(account) for account in place.rpc("eth_accounts")[2:4])
    terms = VAULT.format(operator=operator, guardian=OPERATOR.address).replace("Small vault", "Share vault")
    (place.folder / "share.yaml").write_text(terms + SHARE.format(asset=place.up["asset"], custody=OPERATOR.address))
    opened = place.json("vault", "open", "share.yaml")
    assert place.json("vault", "open", "share.yaml") == opened and opened["share"]
    vault, who = opened["vault"], ("--from", depositor)
    on = chain.connect(place.up["rpc"])
    protocol = chain.Protocol.on(on, files.read_deployment(place.folder / "deployment.json"))
    share = chain.ShareToken.of(protocol, bytes.fromhex(vault[2:]))
    assert share and share.address == opened["share"] and share.vault.hex() == vault[2:]

    order = ("vault", "order")
    assert "pass --yes" in place.run(*order, "deposit", vault, "3", *who).stderr
    assert place.run(*order, "deposit", vault, "0.5", *who, "--yes").refused(9).endswith("(OrderTooSmall)")
    assert place.run(*order, "deposit", vault, "0.0000001", *who, "--yes").code == 2
    told = place.json(*order, "deposit", vault, "3", *who, "--yes")
    (first,) = told["orders"]
    assert (first["kind"], first["pending"], first["claimable"]) == ("deposit", "3", "0")
    assert place.json(*order, "deposit", vault, "3", *who, "--yes") == told, "ordered twice"
    (second,) = place.json(*order, "deposit", vault, "2.5", *who, "--label", "b", "--yes")["orders"]
    assert second["pending"] == "5.5" and second["id"] == first["id"], "orders of one id are one"
    cancelled = place.json(*order, "cancel", vault, str(first["id"]), *who)
    assert cancelled["orders"] == []
    assert "no open order" in place.run(*order, "cancel", vault, "999", *who).refused(9)
    (third,) = place.json(*order, "deposit", vault, "4", *who, "--yes")["orders"]
    (moved,) = place.json(*order, "transfer", vault, str(third["id"]), heir, *who, "--yes")["orders"]
    assert moved["pending"] == "4" and place.json(*order, "list", vault, depositor)["orders"] == []
    (fourth,) = place.json(*order, "deposit", vault, "3.5", *who, "--yes")["orders"]

    waits = place.json("vault", "status", vault)["shares"]
    assert (waits["pending_deposits"], waits["settled"], waits["idle"]) == ("7.5", None, "0")
    place.snapshot()
    place.ok("chain", "wait", "3600")
    place.json("oracle", "snapshot", place.up["feed_set"])
    place.ok("vault", "terms", vault, "--out", "share_terms.yaml", "--prices-out", "share_prices.yaml")
    place.ok(
        "prove", "--policy", "policy.yaml", "--prices", "share_prices.yaml", "--before", "empty", "--heartbeat",
        "--terms", "share_terms.yaml", "--out", "s0"
    )  # fmt: skip
    assert place.json("submit", "s0")["submissions"][0]["state"] == "accepted"
    (settled,) = place.json(*order, "list", vault, depositor)["orders"]
    assert (settled["id"], settled["pending"], settled["claimable"]) == (fourth["id"], "0", "3.5")
    assert "3.5" in place.ok(*order, "list", vault, depositor)
    claimed = place.json("vault", "claim", vault, *who)
    assert (claimed["receiver"], claimed["shares"], claimed["assets"]) == (depositor, "3.5", "0")
    assert "nothing to claim" in place.ok("vault", "claim", vault, *who)
    assert "4 shares" in place.ok("vault", "claim", vault, "--from", heir)
    assert place.json("vault", "settle", vault)["settled"]["price"] == "1"

    assert place.json("vault", "draw", vault, "2.5")["pending_flow"] == "2.5"
    assert share.asset.balance(OPERATOR.address) == 2_500_000
    assert place.json("vault", "give-back", vault, "1.25")["pending_flow"] == "1.25"
    assert place.json("vault", "give-back", vault, "1.25")["pending_flow"] == "1.25"
    assert place.json("vault", "give-back", vault, "0.25", "--label", "b")["pending_flow"] == "1"
    assert "lie idle" in place.run("vault", "draw", vault, "100").refused(9)
    place.json(*order, "redeem", vault, "2", *who, "--yes")
    assert "pass --yes" in place.run("vault", "contribute", vault, "1").stderr
    assert place.json("vault", "contribute", vault, "1", "--yes", *who)["amount"] == "1"
    status = place.json("vault", "status", vault)
    told = status["shares"]
    assert status["opened_by"] == "its share token, as compiled"
    assert (told["asset"], told["custody"], told["token"]) == (place.up["asset"], OPERATOR.address, share.address)
    assert (told["exits"]["shares"], told["exits"]["owed_shares"], told["settled"]["price"]) == ("2", "0", "1")
    (waits,) = told["exits"]["waiting"]
    assert (waits["controller"], waits["owner"]) == (depositor, depositor) and waits["since"] == told["exits"]["since"]
    assert (waits["pending_shares"], waits["claimable_shares"], told["exits"]["unlisted_shares"]) == ("2", "0", "0")
    assert f"{depositor}, {depositor}, pending shares 2, claimable shares 0, since " in unwrapped(
        place.ok("vault", "status", vault)
    )
    assert told["exits"]["since"] and told["supply"] == "7.5" and told["withdrawable_ppm"] > 800_000
    names = [event["event"] for event in place.json("vault", "history", vault)["events"]]
    for name in ("DepositRequest", "CancelDepositRequest", "TransferDepositRequest", "Settled", "Drawn", "Contributed"):
        assert name in names, name
    assert "Settled" in place.ok("vault", "history", vault)
    seen = place.run("watch", vault, "--from-block", "0", "--once", "--json")
    assert seen.code == 0
    watched = [json.loads(line) for line in seen.stdout.splitlines()]
    assert [one["event"] for one in watched] == names, "the share's events among the hub's, as they happened"
    assert {one["arguments"]["vault"] for one in watched} == {vault}
    assert {"Deposit", "CancelDepositClaim", "Rebalanced"} <= {one["event"] for one in watched}
    assert next(one for one in watched if one["event"] == "DepositRequest")["arguments"]["assets"] == "3"
    assert "DepositRequest  " in place.run("watch", "--from-block", "0", "--once").stdout, (
        "without a name, those of all vaults"
    )
    assert place.run("vault", "collect-fees", vault, *who).refused(9).endswith("(NotOperator)")
    assert place.json("vault", "collect-fees", vault)["shares"] == "0"
    (place.folder / "plain.yaml").write_text(terms.replace("Share vault", "Plain vault"))
    other = place.json("vault", "open", "plain.yaml")["vault"]
    assert chain.ShareToken.of(protocol, bytes.fromhex(other[2:])) is None
    assert "no share token" in place.run("vault", "settle", other).refused(9)


def test_commands_that_are_ended_before_they_say_how_it_went(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended when all is done and nothing said; another command of the account follows; run again, they say it."""
    from dls_zk.cli import mandate, orders, write_down

    monkeypatch.chdir(place.folder)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    holder = to_checksum_address(place.rpc("eth_accounts")[2])
    terms = VAULT.format(operator=place.up["account"], guardian=OPERATOR.address).replace("Small vault", "Cut vault")
    (place.folder / "cut.yaml").write_text(terms + SHARE.format(asset=place.up["asset"], custody=OPERATOR.address))
    vault = place.json("vault", "open", "cut.yaml")["vault"]
    shown = place.json("vault", "mandate", "show", vault, "--out", "cut_first.yaml")
    looser = json.loads((place.folder / "cut_first.yaml").read_text()) | {"grace": "7200 s"}
    (place.folder / "looser.json").write_text(json.dumps(looser))
    who, plain, other = ("--from", holder), terms, []

    def ended(where: Any, name: str, *command: str) -> Any:
        def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(where, name, cut)
            assert commandline.invoke(*command).code == 130
        signer = command[command.index("--from") :][:2] if "--from" in command else ()
        account = signer[1] if signer else place.up["account"]
        other.append(f"Other vault {len(other)}")
        (place.folder / "other.yaml").write_text(plain.replace("Cut vault", other[-1]))
        place.ok("vault", "open", "other.yaml", "--from", account)  # a command of the same account
        count = place.rpc("eth_getTransactionCount", account, "latest")
        result = commandline.invoke(*command, *([] if "--json" in command else ["--json"]))
        assert result.code == 0 and "note: already done in transaction 0x" in result.stderr, result
        assert place.rpc("eth_getTransactionCount", account, "latest") == count
        return json.loads(result.stdout)

    (order,) = ended(orders, "_print_orders", "vault", "order", "deposit", vault, "7", "--yes", *who)["orders"]
    assert order["pending"] == "7"
    cancel = ("vault", "order", "cancel", vault, str(order["id"]), *who)
    assert ended(orders, "_print_orders", *cancel)["orders"] == []
    assert "no open order" in place.run(*cancel).refused(9), "told, so that it is done no second time"
    place.json("vault", "order", "deposit", vault, "8", "--yes", *who)
    assert ended(mandate, "_print_proposal", "vault", "mandate", "propose", vault, "looser.json", "--yes")["active_from"]
    withdrawn = ended(mandate, "print_json", "vault", "mandate", "withdraw", vault, "--json")["mandate"]
    assert withdrawn != shown["name"]
    assert "no mandate is proposed" in place.run("vault", "mandate", "withdraw", vault).refused(9)
    looser["grace"] = "1800 s"  # tightens, so it is active when it is said
    (place.folder / "tight.json").write_text(json.dumps(looser))
    assert ended(mandate, "_print_proposal", "vault", "mandate", "propose", vault, "tight.json", "--yes")["active"]
    assert ended(write_down, "_show", "vault", "write-down", "announce", vault, "3", "--yes")["write_down"]["nav_steps"] == 3
    assert ended(write_down, "_show", "vault", "write-down", "withdraw", vault)["write_down"]["nav_steps"] == 0
    assert "nothing to withdraw" in place.run("vault", "write-down", "withdraw", vault).refused(9)
    place.snapshot()
    place.ok("chain", "wait", "3600")
    place.json("oracle", "snapshot", place.up["feed_set"])
    place.ok("vault", "terms", vault, "--out", "cut_terms.yaml", "--prices-out", "cut_prices.yaml")
    place.ok(
        "prove", "--policy", "policy.yaml", "--prices", "cut_prices.yaml", "--before", "empty", "--heartbeat",
        "--terms", "cut_terms.yaml", "--out", "cut0"
    )  # fmt: skip
    place.json("submit", "cut0")
    claimed = ended(orders, "print_json", "vault", "claim", vault, *who, "--json")
    assert (claimed["assets"], claimed["shares"], len(claimed["transactions"])) == ("0", "8", 1), (
        "a tightening returns nothing"
    )
    assert place.json("vault", "claim", vault, *who)["transactions"] == []


def test_stale(place: Place, story: Story) -> None:
    """Last: it moves the clock by two days."""
    assert place.run("watch", story.vault, "--once").code == 0
    place.ok("chain", "wait", "172900")
    assert f"vault {story.vault} is stale" == place.run("watch", story.vault, "--once").refused(10)
    assert "older than 172800 s" in place.json("vault", "status", story.vault)["reason"]
    assert place.run("vault", "draw", story.vault, "1").refused(9).endswith("(WrongStatus)")


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
        (("oracle", "show", FEED_SET, "--rpc", "http://127.0.0.1:1/secret"), 75, "http://127.0.0.1:1 does not answer"),
        (("oracle", "show", FEED_SET, "--deployment", "nothing.json"), 3, "nothing.json: cannot be read"),
        (("oracle", "show", FEED_SET, "--out", "x.yaml"), 2, "--out needs --policy"),
        (("vault", "draw", "0x" + "00" * 32, "-5"), 2, "No such option"),
        (("vault", "draw", "0x" + "00" * 32, "1.0000001"), 2, "more than 6 decimals"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml"), 9, "(UnknownVault)"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml", "--deadline", "-1"), 2, "'--deadline': -1 is not in"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml", "--deadline", "253402300800"), 2, "is not in the range"),
        (("vault", "terms", "0x" + "00" * 32, "--out", "t.yaml", "--deadline", "253402300799"), 9, "(UnknownVault)"),
        (("oracle", "show", FEED_SET, "--round", str(2**32)), 2, "'--round': 4294967296 is not in the range"),
        (("oracle", "show", FEED_SET, "--round", str(2**32 - 1)), 9, "(UnknownRound)"),
        (("oracle", "show", FEED_SET, "--round", "0"), 2, "'--round': 0 is not in the range"),
        (("oracle", "show", "1"), 2, "0x and 64 hex digits"),
        (("vault", "mandate", "propose", "0x" + "00" * 32, "nothing.yaml"), 3, "nothing.yaml: cannot be read"),
        (("vault", "mandate", "propose", "0x" + "00" * 32, "policy.yaml"), 3, "policy.yaml: "),
        (("vault", "mandate", "activate", "0x" + "00" * 32, "1"), 2, "'1' is no mandate (0x and 64 hex digits)"),
        (("vault", "mandate", "show", "0x" + "00" * 32), 9, "(UnknownVault)"),
        (("vault", "write-down", "announce", "0x" + "00" * 32, "5", "--yes"), 9, "(UnknownVault)"),
        (("vault", "order", "deposit", "0x" + "00" * 32, "-1"), 2, "No such option"),
        (("vault", "order", "redeem", "0x" + "00" * 32, "1e5"), 2, "not a plain decimal"),
        (("vault", "order", "cancel", "0x" + "00" * 32, "0"), 2, "is not in the range"),
        (("vault", "order", "transfer", "0x" + "00" * 32, "1", "0x12"), 2, "not an address"),
        (("vault", "order", "list", "0x" + "00" * 32, "me"), 2, "not an address"),
        (("vault", "claim", "0x" + "00" * 32), 9, "was not opened"),
        (("chain", "wait", "0"), 2, "is not in the range"),
        (("watch", "--every", "nan"), 2, "'nan' is no number of seconds"),
        (("watch", "--every", "inf"), 2, "is not in the range"),
        (("watch", "--timeout", "nan"), 2, "'nan' is no number of seconds"),
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


def test_rotation_takes_two_steps_and_a_day(story: Story) -> None:
    place, vault = story.place, story.vault
    heir = place.up["account"]
    told = place.json("vault", "propose-operator", vault, heir, *SIGNED)
    assert (told["operator"], told["proposed"]["operator"]) == (OPERATOR.address, heir)
    assert told["proposed"]["lapses_at"] == told["proposed"]["acceptable_from"] + 7 * 86_400
    assert place.json("vault", "status", vault)["waiting"]["operator"] == told["proposed"]
    stranger = place.rpc("eth_accounts")[3]
    assert "NotProposedOperator" in place.run("vault", "accept-operator", vault, "--from", stranger).refused(9)
    assert "TooEarly" in place.run("vault", "accept-operator", vault).refused(75)
    place.ok("chain", "wait", "86400")
    assert place.json("vault", "accept-operator", vault) == {"operator": heir, "proposed": None}
    assert "NotOperator" in place.run("vault", "propose-operator", vault, stranger, *SIGNED).refused(9)
    assert "from 20" in place.ok("vault", "propose-operator", vault, stranger)
    assert place.json("vault", "propose-operator", vault, "0x" + "00" * 20)["proposed"] is None
    assert place.run("vault", "propose-operator", vault, "0x12").code == 2


def test_a_policy_registered_under_other_names_is_told(place: Place) -> None:
    """An account gives a policy its names once, and nobody else's names are in its way."""
    text = (place.folder / "policy.yaml").read_text().replace("max_leverage: 2.5x", "max_leverage: 2.4x")
    (place.folder / "theirs.yaml").write_text(text.replace("name: Small vault", "name: Another vault"))
    (place.folder / "ours.yaml").write_text(text)
    theirs, ours = place.json("policy", "register", "theirs.yaml"), place.run("policy", "register", "ours.yaml", "--json")
    assert ours.code == 0 and "registered this policy before" in ours.stderr
    told = json.loads(ours.stdout)
    assert (theirs["names_as_given"], told["names_as_given"]) == (True, False)
    assert told["policy_hash"] == theirs["policy_hash"]

    first, second = place.up["account"], checksum_address(place.rpc("eth_accounts")[3])
    assert place.json("policy", "register", "ours.yaml", "--from", second)["names_as_given"]
    shown = place.json("policy", "show", told["policy_hash"], "--labels-by", second)
    assert shown["name"] == "Small vault"
    assert shown["labels"] == [{"by": first, "name": "Another vault"}, {"by": second, "name": "Small vault"}]
    assert f"registered by {second}, who calls it 'Small vault'" in place.ok("policy", "show", told["policy_hash"])
