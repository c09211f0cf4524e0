"""The demo, as ``scripts/demo`` runs it: the whole story on a local chain, told once and read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dls_zk import files, operations
from dls_zk.chain import local
from dls_zk.statement.commitments import policy_hash
from dls_zk.statement.relation import CHECKS
from dls_zk.storage.places import PACKAGE
from tests.support import commandline
from tests.support.commandline import Result
from tests.support.market import checked_key, trapdoor

EXAMPLE = PACKAGE / "examples" / "delta_neutral_eth"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def shown(place: Path) -> Result:
    """What the program showed."""
    result = commandline.run("demo", "--json", "summary.json", cwd=place, env=commandline.environment(place), timeout_s=600)
    assert result.code == 0, result
    return result


@pytest.fixture(scope="module")
def told(shown: Result, place: Path) -> dict[str, Any]:
    """The summary."""
    return json.loads((place / "summary.json").read_text())


def test_the_summary_has_its_parts(told: dict[str, Any]) -> None:
    assert list(told) == [
        "proven", "constraints", "verified_by", "chain", "order", "shares", "refused", "two_chains", "seconds",
        "insecure_key"
    ]  # fmt: skip


def test_the_real_example_was_proven(told: dict[str, Any]) -> None:
    proven, policy = told["proven"], files.read_policy(EXAMPLE / "policy.yaml")
    assert (proven["circuit"], proven["checks"], proven["instruments"]) == ("rebalance_16", len(CHECKS), 10)
    assert proven["policy_hash"] == f"0x{policy_hash(policy):064x}"
    assert proven["commitment_before"] != proven["commitment_after"]
    assert proven["nav_at_least_usd"] == 9_987_000
    assert 0 < told["constraints"] <= 20_480


def test_it_was_accepted_on_chain(told: dict[str, Any]) -> None:
    chain = told["chain"]
    assert (chain["chain_id"], chain["sequence"]) == (31337, 3)
    assert len(set(chain["transactions"])) == 3 and all(len(hash_) == 66 for hash_ in chain["transactions"])
    assert chain["gas"].keys() == {"submit_and_settle", "submit_first", "submit"}
    assert all(200_000 < gas < 800_000 for gas in chain["gas"].values())
    assert told["verified_by"] == list(operations.VERIFIERS)


def test_an_order_was_settled_by_the_next_proof(told: dict[str, Any], shown: Result) -> None:
    order = told["order"]
    assert (order["deposited_usdc"], order["settled_by"], order["delay_s"]) == (10_000_000, 1, local.HEARTBEAT_S)
    assert order["id"] > 0 and order["shares"] == 10_000_000
    assert "10,000,000 USDC ordered, settled by proof 1" in shown.stdout


def test_the_shares_are_worth_the_proven_floor(told: dict[str, Any]) -> None:
    price_e8 = files.read_prices(EXAMPLE / "prices.yaml", files.read_policy(EXAMPLE / "policy.yaml")).usd_e8[0]
    assert told["shares"] == {"worth_usdc": 9_987_000 * 10**8 // price_e8, "idle_usdc": 0}


def test_one_book_spans_two_chains(told: dict[str, Any]) -> None:
    two = told["two_chains"]
    assert two["chain_ids"] == [31337, 1337] and two["caps_bps"] == {"chain-31337": 16_000, "chain-1337": 3_000}
    assert two["refused"]["other_chain"].endswith("(ContextMismatch)")
    over = "refused by venue exposure (11): chain-1337"
    assert two["refused"]["over_cap"] == over
    assert two["transaction"] not in told["chain"]["transactions"]


def test_three_frauds_were_refused_for_their_own_reasons(told: dict[str, Any]) -> None:
    refused = told["refused"]
    assert refused.keys() == {"tampered", "replayed", "over_limit"}
    assert refused["tampered"].endswith("(ProofRejected)")
    assert refused["replayed"].endswith("(CommitmentMismatch)")
    assert refused["over_limit"] == "refused by factor exposure (9): ETH"


def test_the_key_is_called_insecure(told: dict[str, Any], shown: Result) -> None:
    assert told["insecure_key"] is True
    assert "INSECURE development key" in shown.stdout and "Development key (INSECURE)" in shown.stderr


def test_the_stages_are_shown_with_their_seconds(told: dict[str, Any], shown: Result) -> None:
    lines = shown.stderr.splitlines()
    assert {line.removesuffix(" …") for line in lines if line.endswith(" …")} == told["seconds"].keys()
    assert sum(line.startswith("✓ ") for line in lines) == len(lines) / 2
    assert sum(told["seconds"].values()) > 1


def test_the_summary_is_shown_whole(told: dict[str, Any], shown: Result) -> None:
    assert told["chain"]["transactions"][-1] in shown.stdout
    assert "refused: factor exposure (9): ETH" in shown.stdout
    assert shown.stdout.endswith("summary  summary.json\n")


def test_it_leaves_nothing_but_the_summary(shown: Result, place: Path) -> None:
    assert [path.name for path in place.iterdir() if path.is_file()] == ["summary.json"]
    assert not list((place / "tmp").iterdir()) and not list((place / "home").iterdir())


def test_it_shows_no_quantity(shown: Result, place: Path) -> None:
    """The example's own quantities are public; a real run of the same code must not show them."""
    text = shown.stdout + shown.stderr + (place / "summary.json").read_text()
    policy = files.read_policy(EXAMPLE / "policy.yaml")
    for name in ("book_before.csv", "trades.csv", "trades_over_limit.csv"):
        for quantity in files.read_trades(EXAMPLE / name, policy):
            written = commandline.human(abs(quantity)).rstrip("0").rstrip(".")
            assert len(written) < 6 or (written not in text and str(abs(quantity)) not in text)


def test_two_snapshots_of_the_demo_need_no_pause() -> None:
    """The oracle takes one a second, and a fast machine comes to the next one sooner."""
    policy = files.read_policy(PACKAGE / "examples" / "two_chains" / "policy.yaml")
    prices = files.read_prices(PACKAGE / "examples" / "two_chains" / "prices.yaml", policy)
    with local.people() as accounts:
        market = local.furnish(accounts, checked_key(trapdoor(policy.size.slots)), policy, prices)
        assert [market.snapshot(prices).round for _ in range(3)] == [2, 3, 4]
