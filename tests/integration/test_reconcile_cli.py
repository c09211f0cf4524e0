"""``dls-zk reconcile`` on a real chain with three attestors: a statement of account, a contract wallet, and balances of a
chain behind a service. One holds less than the book says; then it has been made good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml

from dls_zk import files, operations, reconciling
from dls_zk.chain import signers
from dls_zk.chain.local import rpc
from dls_zk.chain.oracle import FeedSet, Snapshot, development_feeds
from dls_zk.chain.transactions import Delivery, Sender
from dls_zk.errors import DlsError
from dls_zk.files.attest import ATTESTATION, SEALED
from dls_zk.statement.circuits import RECONCILIATION, of_size
from dls_zk.statement.commitments import book_commitment, policy_hash
from dls_zk.statement.ethereum import checksum_address
from dls_zk.statement.model import KeptOpening, Opening
from dls_zk.storage import places
from tests.support import market as markets
from tests.support.attesting import identity, wallet_code, write_statement
from tests.support.commandline import Result, invoke
from tests.support.market import Market, Vault

ROW = of_size(8, RECONCILIATION)
POLICY = """\
name: Three venues
size: 8
venues:
  - {name: bank}
  - {name: safe, cap: 200%}
  - {name: cold, cap: 200%}
factors:
  - {name: ETH, limit: 2%, daily_volatility: 3.68%}
instruments:
  - {name: USDC, kind: funded, venue: bank, haircut: 97%, liability: 103%, cap: 150%, gross: 0%, liquid: 100%}
  - {name: USDT, kind: funded, venue: safe, haircut: 97%, liability: 103%, cap: 150%, gross: 0%, liquid: 100%}
  - {name: ETH, kind: funded, venue: cold, haircut: 80%, liability: 110%, cap: 40%, gross: 100%, loadings: {ETH: 100%}}
scenarios:
  - {name: black-thursday, date: 2020-03-12, source: "ETH/USD, close to close", shocks: {ETH: -43.05%}, max_loss: 5%}
limits:
  max_turnover: 100%
  max_leverage: 2.5x
  slippage: 0.1%
  nav_step: 1000 USD
  min_collateral_ratio: 150%
  min_reserve: 10%
"""
HOLDER, WALLET = "0x" + "a1" * 20, checksum_address("0x" + "d4" * 20)
#: The book: quantities in 1e-6 that occur nowhere else.
BOOK_E6 = (400_170_812345, 53_219_170000, 12_345678, 0, 0, 0, 0, 0)
#: What no output but the table and no file but the operator's and the attestors' own may show.
NEEDLES = ("400170", "53219", "52919", "12.345678", "52,919")
KEYS = {"bank": "01" * 32, "safe": "02" * 32, "cold": "03" * 32}


@dataclass(frozen=True)
class Scene:
    """A vault, its operator's files in a folder, and its attestors."""

    market: Market
    vault: Vault
    folder: Path
    service: str

    def options(self, *more: str) -> tuple[str, ...]:
        rules = ("--policy", str(self.folder / "policy.yaml"), "--custody", str(self.folder / "custody.yaml"))
        here = ("--reconciler", str(self.folder / "reconciler.json"), "--deployment", str(self.folder / "deployment.json"))
        return (*rules, *here, "--rpc", self.market.chain.rpc.url, *more)

    @property
    def sending(self) -> tuple[str, ...]:
        return ("--from", self.vault.operator.address)

    def rebalance(self, sequence: int) -> Snapshot:
        """The next rebalance, to the book; its opening is kept as ``r<sequence>.json``."""
        market, opening = self.market, Opening(BOOK_E6, sequence)
        snapshot = market.snapshot(after_s=markets.HEARTBEAT_S if sequence > 1 else 0)
        rebalance = self.vault.rebalance(snapshot, after=book_commitment(opening))
        at = rebalance.terms.known_context()
        arguments = markets.arguments(market.trapdoor, rebalance.signals.to_field())
        call = market.protocol.hub.submission(self.vault.id, arguments, at.round, at.deadline)
        self.vault.operator.perform(("submit", self.vault.id.hex(), sequence), call)
        names = tuple(slot.instrument for slot in market.policy.slots)
        kept = KeptOpening.at(at, opening, book_commitment(opening), names, 1_790_000_000)
        files.write_opening(self.folder / f"r{sequence}.json", kept)
        rpc(market.chain, "anvil_mine", "0x4")  # so that the round's block is final
        return snapshot

    def attest(self, venue: str, balances: dict[str, str], at_s: int, out: str) -> Path:
        """What the attestor of a venue signs by a statement of account."""
        place = self.folder / venue
        write_statement(place, balances, at_s)
        with key_in_environment(KEYS[venue]):
            signed = invoke(
                "attest", "sign", str(place / "attestor.yaml"), "0x" + self.vault.id.hex(), "--at", str(at_s), "--out",
                str(self.folder / out), "--json",
            )  # fmt: skip
        assert signed.code == 0, signed
        return self.folder / out

    def run(self, sequence: int, *more: str) -> Result:
        opening, key = self.folder / f"r{sequence}.json", self.folder / "operator.age"
        arguments = ("--opening", str(opening), "--identity", str(key), *self.sending, *more)
        return invoke("reconcile", "run", "0x" + self.vault.id.hex(), *self.options(*arguments))

    def show(self) -> dict[str, object]:
        shown = invoke("reconcile", "show", "0x" + self.vault.id.hex(), *self.options("--json"))
        assert shown.code == 0, shown
        return dict(json.loads(shown.stdout))

    def sender(self) -> Sender:
        """The operator as the command line has it: with its journal, and what it was not told the end of."""
        chain = self.market.chain
        signer = signers.from_url(chain.rpc.url, self.vault.operator.address)
        return Sender(chain, signer, places.state_dir(), Delivery.on(chain, poll_s=0.02), ends=[])

    def subject(self) -> reconciling.Subject:
        policy = files.read_policy(self.folder / "policy.yaml")
        custody = files.read_custody(self.folder / "custody.yaml", policy)
        deployment = files.read_reconciler(self.folder / "reconciler.json")
        return reconciling.Subject.of(self.market.protocol, deployment, self.vault.id, policy, custody)


@contextmanager
def key_in_environment(key: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLS_ZK_PRIVATE_KEY", key)
        yield


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("operator")
    operations.development_key(operations.build_circuit(ROW.name))
    patch = pytest.MonkeyPatch()
    patch.setenv("DLS_ZK_STATE", str(tmp_path_factory.mktemp("state")))
    with markets.market(tmp_path_factory.mktemp("journal"), slots_in_an_epoch=1) as market:
        (folder / "policy.yaml").write_text(POLICY)
        market = with_policy(market, files.read_policy(folder / "policy.yaml"))
        vault = market.open("three venues", market.people[1])
        files.write_deployment(folder / "deployment.json", market.protocol.deployment)
        url = market.chain.rpc.url
        deployed = invoke("reconcile", "deploy", "--size", "8", "--rpc", url, "--out", str(folder / "reconciler.json"))
        assert deployed.code == 0, deployed
        rpc(market.chain, "anvil_setCode", WALLET, wallet_code(True))
        rpc(market.chain, "anvil_setBalance", HOLDER, hex(BOOK_E6[2] * 10**12))
        _, recipient = identity(folder)
        write_attestors(folder, market, vault, recipient)
        with serving(folder / "cold") as service:
            made = Scene(market, vault, folder, service)
            write_custody(made)
            added = invoke("reconcile", "add", *made.options(*made.sending, "--json"))
            assert added.code == 0, added
            yield made
    patch.undo()


def with_policy(market: Market, rules: files.policy.Policy) -> Market:  # type: ignore[name-defined]
    """The market with vaults of another policy; USDT has the feed of USDC."""
    owner, oracle = market.owner, market.protocol.oracle
    addresses = {name: market.feeds["ETH" if name == "ETH" else "USDC"].address for name in ("USDC", "USDT", "ETH")}
    feed_set = oracle.add_feed_set(owner, FeedSet.of(development_feeds(addresses, markets.HEARTBEAT_S, 65_535), rules))
    market.protocol.registry.register(owner, rules)
    mandate = replace(market.mandate, policy_hash=policy_hash(rules), feed_set=feed_set)
    return replace(market, policy=rules, feed_set=feed_set, mandate=mandate)


def write_attestors(folder: Path, market: Market, vault: Vault, recipient: str) -> None:
    contract = json.loads((folder / "reconciler.json").read_text())["reconciler"]
    chain = {"rpc": market.chain.rpc.url, "chain_id": 31337, "addresses": [checksum_address(HOLDER)], "coin": "ETH"}
    statement = {"statement": {"file": "statement.csv", "account": "ACC-1"}}
    for venue, instrument in (("bank", "USDC"), ("safe", "USDT"), ("cold", "ETH")):
        source = {"chain": chain} if venue == "cold" else statement
        (folder / venue).mkdir()
        attested = {
            "vault": "0x" + vault.id.hex(),
            "policy": "../policy.yaml",
            "venue": venue,
            "operator": vault.operator.address,
            "recipients": [recipient],
            "accounts": [{"name": f"{venue} account", **source, "slots": {instrument: instrument}}],
        }
        wallet = {"attestor": WALLET} if venue == "safe" else {}
        document = {"chain_id": 31337, "contract": contract, **wallet, "vaults": [attested]}
        (folder / venue / "attestor.yaml").write_text(yaml.safe_dump(document))


@contextmanager
def serving(place: Path) -> Iterator[str]:
    """``attest serve`` of a place, as a process."""
    command = [sys.executable, "-m", "dls_zk", "attest", "serve", "attestor.yaml", "--port", "0"]
    environment = os.environ | {"DLS_ZK_PRIVATE_KEY": KEYS["cold"]}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True
        )
    try:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), (place / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def write_custody(scene: Scene) -> None:
    attestors = {venue: key_address(key) for venue, key in KEYS.items()}
    document = {
        "tolerance": "0.05%",
        "max_sequences": "2",
        "max_age": "345600 s",
        "steady_for": "0 s",
        "venues": {
            "bank": {"attestor": attestors["bank"], "attestor_class": "administrator"},
            "safe": {"attestor": WALLET, "attestor_class": "custodian"},
            "cold": {"attestor": attestors["cold"], "attestor_class": "chain state", "service": scene.service},
        },
    }
    (scene.folder / "custody.yaml").write_text(yaml.safe_dump(document))


def key_address(key: str) -> str:
    with key_in_environment(key):
        return signers.from_environment().address


def shows_nothing(*texts: str) -> None:
    assert not [needle for needle in NEEDLES for text in texts if needle in text]


def test_one_holds_less_and_is_made_good(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    assert "has no proof" in scene.run(1).refused(75)
    second = scene.rebalance(1).timestamp
    bank = scene.attest("bank", {"USDC": "400170.812345"}, second, "bank-1")
    # The safe holds 300 USDT less than the book says; of a NAV of some 484,000 USD, 0.05% is 242 USD.
    safe = scene.attest("safe", {"USDT": "52919.17"}, second, "safe-1")
    folders = ("--attested", str(bank), "--attested", str(safe))

    refused = scene.run(1, *folders)
    assert "shortfall (8): safe" in refused.refused(4)
    assert "bank" not in refused.stderr.splitlines()[-1] and "cold" not in refused.stderr.splitlines()[-1]
    shows_nothing(refused.stdout, refused.stderr)
    assert (scene.show()["last_reconciled"], scene.show()["attest_at"]) == (None, second)

    told = scene.run(1, *folders, "--json", "--amounts")
    document = json.loads(told.stdout)
    assert (told.code, document["error"]["code"], document["missing_usd"]) == (4, "statement_refused", "300")
    by_name = {slot["instrument"]: slot for slot in document["slots"]}
    assert (by_name["USDT"]["venue"], by_name["USDT"]["missing_usd"]) == ("safe", "300")
    assert by_name["USDC"]["missing_usd"] == by_name["ETH"]["missing_usd"] == "0"
    table = scene.run(1, *folders, "--amounts", "--dry-run")
    assert table.code == 4 and "missing at safe" in table.stdout and "52,919.17" in table.stdout
    quiet = json.loads(scene.run(1, *folders, "--json").stdout)
    shows_nothing(json.dumps(quiet))
    assert "slots" not in quiet

    # Made good: the next rebalance is at a later round, which the attestors attest anew.
    second = scene.rebalance(2).timestamp
    bank = scene.attest("bank", {"USDC": "400170.812345"}, second, "bank-2")
    stale = scene.run(2, *folders)
    assert "bank" in stale.refused(7) and "second" in stale.stderr
    safe = scene.attest("safe", {"USDT": "53219.17"}, second, "safe-2")
    folders = ("--attested", str(bank), "--attested", str(safe))
    assert "opens 0x" in scene.run(1, *folders).refused(3)
    missing = scene.run(2, "--attested", str(bank))
    assert "no attestation of safe" in missing.refused(3)

    dry = scene.run(2, *folders, "--dry-run", "--json")
    assert dry.code == 0 and json.loads(dry.stdout)["reconciled"] is False
    done = scene.run(2, *folders, "--json")
    said = json.loads(done.stdout)
    assert done.code == 0, done
    assert (said["sequence"], said["reconciled"], said["reconciled_before"]) == (2, True, False)
    assert said["counts_until_sequence"] == 4 and said["observed_at"] == second
    assert [venue["attestor_class"] for venue in said["venues"]] == ["administrator", "custodian", "chain state"]
    shows_nothing(done.stdout, done.stderr, *capfd.readouterr(), (scene.folder / "cold" / "log").read_text())
    shown = scene.show()
    assert (shown["sequence"], shown["last_reconciled"], shown["reconciled"]) == (2, 2, True)

    again = scene.run(2, "--json")  # nothing is collected, proven or sent
    assert json.loads(again.stdout)["reconciled_before"] is True


def test_an_interrupted_run_finds_its_transaction(scene: Scene) -> None:
    sequence = scene.market.protocol.hub.state(scene.vault.id).sequence + 1
    second = scene.rebalance(sequence).timestamp
    folders = [
        scene.attest("bank", {"USDC": "400170.812345"}, second, f"bank-{sequence}"),
        scene.attest("safe", {"USDT": "53219.17"}, second, f"safe-{sequence}"),
    ]
    subject, sender, key = scene.subject(), scene.sender(), scene.folder / "operator.age"
    collected = reconciling.collect(subject, reconciling.venues_of(folders), sender.signer, key)
    book = reconciling.read_book(scene.folder / f"r{sequence}.json", subject)
    comparison = reconciling.compare(subject, book, collected)
    assert "53219" not in repr(comparison) + repr(comparison.slots) + repr(collected)
    proven = reconciling.prove(comparison, collected, "dev", "native")
    mined = reconciling.submit(subject, collected, proven, sender)
    assert mined and mined.succeeded  # and nobody was told
    again = scene.run(sequence, *(word for folder in folders for word in ("--attested", str(folder))))
    assert again.code == 0 and mined.hash in again.stdout
    assert f"already done in transaction {mined.hash}" in again.stderr
    # Once it was told, the transaction is not spoken of again.
    assert mined.hash not in scene.run(sequence).stdout


def test_what_was_tampered_with_is_refused_before_anything_is_proven(scene: Scene, tmp_path: Path) -> None:
    sequence = scene.market.protocol.hub.state(scene.vault.id).sequence + 1
    second = scene.rebalance(sequence).timestamp
    bank = scene.attest("bank", {"USDC": "400170.812345"}, second, f"bank-{sequence}")
    safe = scene.attest("safe", {"USDT": "53219.17"}, second, f"safe-{sequence}")
    forged = json.loads((bank / ATTESTATION).read_text())
    (tmp_path / ATTESTATION).write_text(json.dumps(forged | {"steady_since": forged["steady_since"] - 1}))
    (tmp_path / SEALED).write_bytes((bank / SEALED).read_bytes())
    (tmp_path / SEALED).chmod(0o600)
    unsigned = scene.run(sequence, "--attested", str(tmp_path), "--attested", str(safe))
    assert "bank" in unsigned.refused(7)
    twice = scene.run(sequence, "--attested", str(bank), "--attested", str(tmp_path))
    assert "same venue" in twice.refused(3)
    swapped = scene.folder / "swapped"
    swapped.mkdir()
    (swapped / ATTESTATION).write_bytes((bank / ATTESTATION).read_bytes())
    (swapped / SEALED).write_bytes((safe / SEALED).read_bytes())
    assert "does not open" in scene.run(sequence, "--attested", str(swapped), "--attested", str(safe)).refused(3)
    assert scene.subject().is_reconciled is False


def test_terms_and_deployments_that_cannot_be(scene: Scene, tmp_path: Path) -> None:
    custody = yaml.safe_load((scene.folder / "custody.yaml").read_text())
    policy = files.read_policy(scene.folder / "policy.yaml")
    path = tmp_path / "custody.yaml"
    for changes, words in (
        ({"steady_for": "86401 s"}, "a quarter of max_age"),
        ({"venues": {}}, "name one at least"),
        ({"venues": {"vault": custody["venues"]["bank"]}}, "the policy has bank, safe, cold"),
        ({"tolerance": "2.01%"}, "tolerance"),
        ({"max_sequences": "0"}, "max_sequences"),
    ):
        path.write_text(yaml.safe_dump(custody | changes))
        with pytest.raises(DlsError, match=words):
            files.read_custody(path, policy)
    # Other terms, which nobody has added.
    path.write_text(yaml.safe_dump(custody | {"tolerance": "0.04%"}))
    options = [str(path) if word == str(scene.folder / "custody.yaml") else word for word in scene.options()]
    secrets = ("--opening", str(scene.folder / "r1.json"), "--identity", str(scene.folder / "operator.age"))
    unknown = invoke("reconcile", "run", "0x" + scene.vault.id.hex(), *options, *secrets)
    assert "has no terms" in unknown.refused(9)

    checked = ("reconcile", "deploy", "--rpc", scene.market.chain.rpc.url, "--json", "--check")
    good = invoke(*checked, str(scene.folder / "reconciler.json"))
    assert good.code == 0 and len(json.loads(good.stdout)["contracts"]) == 3
    wrong = json.loads((scene.folder / "reconciler.json").read_text())
    other = next(iter(scene.market.protocol.deployment.created.values()))
    for change in (
        {"created": wrong["created"] | {wrong["reconciler"]: other}},
        {"keys": {ROW.name: wrong["keys"][ROW.name] | {"key_hash": "0x" + "11" * 32}}},
    ):
        (tmp_path / "wrong.json").write_text(json.dumps(wrong | change))
        assert "should be" in invoke(*checked, str(tmp_path / "wrong.json")).refused(9)
