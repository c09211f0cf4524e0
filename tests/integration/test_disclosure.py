"""An operator discloses, and an auditor or a lender checks: both sides of each."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dls_zk import chain, covenant, files
from dls_zk.errors import ProofInvalid
from dls_zk.statement.circuits import of_size
from dls_zk.statement.commitments import book_commitment
from dls_zk.statement.model import KeptOpening, Opening
from dls_zk.statement.relation import evaluate
from tests.support import market as markets
from tests.support.attesting import identity
from tests.support.commandline import BOOK_E6, Result, human, installed_key, invoke, write_inputs
from tests.support.market import Market

BOOK = Opening((*BOOK_E6.values(), 0, 0, 0, 0, 0), 0x5EED << 200)
HUB = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
NAMES = ("USDC", "ETH", "ETH-PERP", *[""] * 5)
SECRETS = ("5eed", str(BOOK.salt), *(str(abs(q)) for q in BOOK_E6.values()), *(human(abs(q)) for q in BOOK_E6.values()))


def kept(salt: int = 0, **changes: Any) -> KeptOpening:
    opening = replace(BOOK, salt=BOOK.salt + salt)
    place = {"chain_id": 31337, "hub": HUB, "vault_id": b"\xab" * 32, "sequence": 1} | changes
    return KeptOpening(opening, book_commitment(opening), NAMES, created_s=1_724_889_600, **place)


def element(number: int) -> str:
    return f"0x{number:064x}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_inputs(tmp_path))
    files.write_opening(tmp_path / "opening.json", kept())
    return tmp_path


def ok(*args: str) -> Any:
    done = invoke(*args, "--json")
    assert done.code == 0, done
    return json.loads(done.stdout)


def shows_no_secret(result: Result) -> bool:
    return not [secret for secret in SECRETS if secret in result.stdout + result.stderr]


# --- a book, to an auditor ----------------------------------------------------------------------------------------------


def test_a_book_is_for_the_auditor_alone(here: Path) -> None:
    (_, auditor), (_, second), (_, _) = (identity(here, name) for name in ("auditor", "second", "stranger"))
    done = invoke("disclose", "book", "opening.json", "--to", auditor, "--to", second, "--out", "book.age")
    assert done.code == 0 and shows_no_secret(done)
    sealed = (here / "book.age").read_bytes()
    assert not [secret for secret in SECRETS if secret.encode() in sealed]
    assert stat.S_IMODE((here / "book.age").stat().st_mode) == 0o600
    commitment = element(kept().commitment)
    for name in ("auditor", "second"):
        told = ok("audit", "open", "book.age", "--identity", f"{name}.age", "--commitment", commitment)
        assert told["book"] == {name: human(q).rstrip("0").rstrip(".") for name, q in BOOK_E6.items()}
        assert (told["commitment"], told["standing"]) == (commitment, None)
    text = invoke("audit", "open", "book.age", "--identity", "auditor.age", "--commitment", commitment)
    assert text.code == 0 and "warning: this output is secret" in text.stderr and "it opens the commitment" in text.stdout
    stranger = invoke("audit", "open", "book.age", "--identity", "stranger.age", "--commitment", commitment)
    assert "no identity of stranger.age opens it" in stranger.refused(3)
    other = invoke("audit", "open", "book.age", "--identity", "auditor.age", "--commitment", element(5), "--json")
    assert other.refused(3) and json.loads(other.stdout)["error"]["code"] == "opening_mismatch" and shows_no_secret(other)
    assert "exists" in invoke("disclose", "book", "opening.json", "--to", auditor, "--out", "book.age").refused(3)
    damaged = json.loads((here / "opening.json").read_text()) | {"salt": element(7)}
    (here / "opening.json").write_text(json.dumps(damaged))
    refused = invoke("disclose", "book", "opening.json", "--to", auditor, "--out", "other.age")
    assert "damaged" in refused.refused(3) and not (here / "other.age").exists() and shows_no_secret(refused)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("market")) as market:
        yield market


def test_an_auditor_compares_with_the_chain(market: Market, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = market.open("audit", market.people[1])
    monkeypatch.setenv("DLS_ZK_RPC", market.chain.where)
    files.write_deployment(here / "deployment.json", market.protocol.deployment)
    place: dict[str, Any] = {"vault_id": vault.id, "hub": market.protocol.hub.address}
    auditor, vk = identity(here, "auditor")[1], market.trapdoor.verifying_key
    for number in (1, 2, 3):
        one = kept(number, sequence=number, **place)
        files.write_opening(here / f"o{number}.json", one)
        assert ok("disclose", "book", f"o{number}.json", "--to", auditor, "--out", f"b{number}.age")["file"]
        if number < 3:
            rebalance = vault.rebalance(market.snapshot(), after=one.commitment)
            submission = rebalance.submission(here / f"r{number}")
            files.write_opening(here / f"r{number}/opening.json", one)
            chain.submit(market.protocol, market.people[1], [submission], vk)
    command = ("--identity", "auditor.age", "--vault", "0x" + vault.id.hex())
    assert [ok("audit", "open", f"b{k}.age", *command)["standing"] for k in (1, 2)] == ["earlier", "current"]
    never = invoke("audit", "open", "b3.age", *command)
    assert "has never committed" in never.refused(3) and shows_no_secret(never)


# --- a covenant, to a lender --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a covenant that was proven. Not to be changed."""
    installed_key()
    folder = write_inputs(tmp_path_factory.mktemp("covenant"))
    files.write_opening(folder / "opening.json", kept())
    paths = [str(folder / name) for name in ("opening.json", "policy.yaml", "prices.yaml", "covenant.json")]
    opening, policy, prices, out = paths
    done = invoke("disclose", "covenant", opening, "--policy", policy, "--prices", prices, "--out", out)
    assert done.code == 0 and shows_no_secret(done), done
    return folder


def audited(folder: Path, *extra: str, commitment: int | None = None, policy: str = "policy.yaml") -> Result:
    held = element(kept().commitment if commitment is None else commitment)
    command = ["audit", "covenant", str(folder / "covenant.json"), "--policy", str(folder / policy)]
    return invoke(*command, "--prices", str(folder / "prices.yaml"), "--commitment", held, *extra)


def test_a_lender_learns_that_the_book_keeps_its_policy_and_nothing_else(proven: Path) -> None:
    done = audited(proven)
    assert done.code == 0 and "keeps the policy Small vault at these prices" in done.stdout, done
    text = (proven / "covenant.json").read_text()
    assert not [secret for secret in SECRETS if secret in text]
    assert {path.name for path in proven.iterdir()} >= {"covenant.json"} and not (proven / "terms_after.json").exists()
    assert not [path for path in proven.iterdir() if path.name not in INPUTS]  # and no second opening


INPUTS = {"policy.yaml", "prices.yaml", "deposit.yaml", "terms.yaml", "book.csv", "trades.csv", "over.csv"} | {
    "opening.json",
    "covenant.json",
}


def test_a_covenant_is_about_one_book_policy_and_price(proven: Path, tmp_path: Path) -> None:
    assert "another book" in audited(proven, commitment=5).refused(7)
    policy, prices = ((proven / name).read_text() for name in ("policy.yaml", "prices.yaml"))
    (tmp_path / "covenant.json").write_bytes((proven / "covenant.json").read_bytes())
    (tmp_path / "policy.yaml").write_text(policy.replace("max_leverage: 2.5x", "max_leverage: 2x"))
    (tmp_path / "prices.yaml").write_text(prices)
    assert "another policy" in audited(tmp_path).refused(7)
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "prices.yaml").write_text(prices.replace("0.999919", "0.99"))
    assert "other prices" in audited(tmp_path).refused(7)
    (tmp_path / "prices.yaml").write_text(prices)
    document = json.loads((tmp_path / "covenant.json").read_text())
    document["proof"]["pi_a"], document["proof"]["pi_c"] = document["proof"]["pi_c"], document["proof"]["pi_a"]
    (tmp_path / "covenant.json").write_text(json.dumps(document))
    audited(tmp_path).refused(7)


def test_a_book_that_breaks_a_covenant_is_refused_by_name(here: Path) -> None:
    policy = (here / "policy.yaml").read_text()
    (here / "lender.yaml").write_text(policy.replace("max_leverage: 2.5x", "max_leverage: 0.1x"))
    command = ("disclose", "covenant", "opening.json", "--prices", "prices.yaml", "--out", "c.json", "--policy")
    refused = invoke(*command, "lender.yaml")
    assert "leverage" in refused.refused(4) and "does not keep this policy" in refused.stderr and shows_no_secret(refused)
    moved = policy.replace("name: ETH,  ", "name: WETH,")
    (here / "lender.yaml").write_text(moved)
    (here / "prices.yaml").write_text((here / "prices.yaml").read_text().replace(" ETH:", " WETH:"))
    assert "other instruments" in invoke(*command, "lender.yaml").refused(3)
    assert not (here / "c.json").exists()


def test_no_hub_takes_the_proof_of_a_covenant_and_it_binds_the_book(here: Path) -> None:
    """Its operator is nobody and its deadline long past. With its terms no other book follows: not by the least trade."""
    holding = covenant.statement(here / "opening.json", here / "policy.yaml", here / "prices.yaml")
    context = holding.rebalance.terms.known_context()
    assert int(context.operator, 16) == 0 and context.deadline == 0
    assert holding.rebalance.after.quantities_e6 == BOOK.quantities_e6 and holding.rebalance.after.salt != BOOK.salt
    for slot in range(3):
        for step in (1, -1):
            quantities = list(BOOK.quantities_e6)
            quantities[slot] += step
            other = replace(holding.rebalance, after=Opening(tuple(quantities), 5))
            assert not evaluate(other).holds, (slot, step)
    balanced = list(BOOK.quantities_e6)
    balanced[0] += 2528  # sells a millionth of an ether, and keeps the value but for a fraction
    balanced[1] -= 1
    assert not evaluate(replace(holding.rebalance, after=Opening(tuple(balanced), 5))).holds


@pytest.mark.parametrize("change", [{"flow": 1}, {"allowances": 1}, {"allowances": 1 << 30}, {"allowances": 1 << 60}])
def test_a_proof_that_lets_the_book_change_is_no_covenant(here: Path, change: dict[str, int]) -> None:
    """A valid proof of such a statement, which only a trapdoor gives at once, is refused for what it states."""
    holding = covenant.statement(here / "opening.json", here / "policy.yaml", here / "prices.yaml")
    trapdoor = markets.trapdoor()
    elements = list(holding.signals.to_field())
    for name, value in change.items():
        elements[of_size(8).signals.index(name)] = value
    proof = trapdoor.prove(elements)
    policy = files.read_policy(here / "policy.yaml")
    with pytest.raises(ProofInvalid, match="lets the book change"):
        covenant.require(proof, policy, here / "prices.yaml", kept().commitment)
    same = trapdoor.prove(list(holding.signals.to_field()))
    assert covenant.require(same, policy, here / "prices.yaml", kept().commitment) == holding.signals
