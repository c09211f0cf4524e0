"""Feeds that must not be added: in another currency, stuck at a bound, or no feeds; and what is shown of the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dls_zk import files
from dls_zk.chain.feeds import FeedReport, decimals, report
from dls_zk.chain.local import wait
from dls_zk.errors import ChainError
from dls_zk.solidity.contracts import CompiledContract
from dls_zk.tools import foundry, node, solc
from tests.support import market as markets
from tests.support.market import HEARTBEAT_S, Market
from tests.support.sending import deployed

#: A feed behind a proxy, as Chainlink's are: the bounds are the aggregator's.
SOURCE = """
contract Aggregator {
    int192 public immutable minAnswer;
    int192 public immutable maxAnswer;

    constructor(int192 least, int192 most) {
        (minAnswer, maxAnswer) = (least, most);
    }
}

contract Feed {
    string public description;
    uint8 public constant decimals = 8;
    address public immutable aggregator;
    int256 private immutable answer;

    constructor(string memory text, int256 value, address behind) {
        (description, answer, aggregator) = (text, value, behind);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (1, answer, 7, 7, 1);
    }
}
"""


@pytest.fixture(scope="module")
def feeds() -> dict[str, CompiledContract]:
    settings = {"evmVersion": "cancun", "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}}}
    request = {"language": "Solidity", "sources": {"F": {"content": SOURCE}}, "settings": settings}
    return {
        name: CompiledContract(name, compiled["abi"], "0x" + compiled["evm"]["bytecode"]["object"])
        for name, compiled in solc.compile_standard_json(request)["contracts"]["F"].items()
    }


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Market]]:
    node.ensure_node_packages()
    with foundry.anvil(chain_id=31337, accounts=1) as url:
        yield url, markets.on(url, tmp_path_factory.mktemp("journal"))


#: Description, answer, bounds → faults and doubts.
CASES: dict[str, tuple[str, int, tuple[int, int], list[str], list[str]]] = {
    "good": ("ETH / USD", 7, (1, 9), [], []),
    "calculated": ("Calculated X/USD", 7, (1, 9), [], []),
    "other currency": ("ETH / BTC", 7, (1, 9), ["it prices in BTC, not in USD"], []),
    "lower bound": ("ETH / USD", 1, (1, 9), ["its answer is stuck at its lower bound"], []),
    "just above": ("ETH / USD", 2, (1, 9), [], []),
    "upper bound": ("ETH / USD", 9, (1, 9), ["its answer is stuck at its upper bound"], []),
    "no words": ("", 7, (1, 9), [], ["it does not say which currency it prices in"]),
    "no answer": ("ETH / USD", 0, (1, 9), [], ["it has no answer yet"]),
    "control": ("ETH\x1b[31m / USD", 7, (1, 9), [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_feed_says(market: tuple[str, Market], feeds: dict[str, CompiledContract], case: str) -> None:
    text, answer, bounds, faults, doubts = CASES[case]
    chain = market[1].chain
    address = deployed(chain, feeds["Feed"], text, answer, deployed(chain, feeds["Aggregator"], *bounds))
    said = report(chain, address)
    assert (said.answer, said.least, said.most, said.decimals, said.updated_at) == (answer, *bounds, 8, 7)
    assert list(said.faults()) == faults and list(said.doubts()) == doubts and said.description.isprintable()


def test_what_is_no_feed(market: tuple[str, Market]) -> None:
    for address in (market[1].owner.address, market[1].protocol.hub.address):
        said = report(market[1].chain, address)
        assert list(said.faults()) == ["it is no price feed (AggregatorV3Interface)"]
        with pytest.raises(ChainError, match="it is no price feed"):
            decimals(market[1].chain, address)


def test_a_development_feed_has_no_bounds(market: tuple[str, Market]) -> None:
    market[1].snapshot()
    said = report(market[1].chain, market[1].feeds["ETH"].address)
    assert isinstance(said, FeedReport) and (said.quote, said.least, said.most) == ("USD", None, None)
    assert not [*said.faults(), *said.doubts()]


# --- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(market: tuple[str, Market], tmp_path: Path) -> Any:
    url, on = market
    files.write_deployment(tmp_path / "deployment.json", on.protocol.deployment)
    environment = os.environ | {"DLS_ZK_RPC": url, "DLS_ZK_STATE": str(tmp_path / "state")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dls_zk", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
        )

    return run


def test_oracle_feeds(market: tuple[str, Market], run: Any) -> None:
    on = market[1]
    taken = on.snapshot()
    name = f"0x{on.feed_set.hex()}"
    shown = json.loads(run("oracle", "feeds", name, "--json").stdout)
    (dollar, ether) = shown["feeds"]
    assert (ether["slot"], ether["instrument"]) == (1, None)
    assert (ether["description"], ether["quote"], ether["faults"], ether["answer"]) == ("ETH / USD", "USD", [], "2500")
    assert (ether["decimals"], ether["dead"], ether["age_s"] < 60) == (8, False, True)
    assert dollar["heartbeat_s"] == HEARTBEAT_S and shown["sequencer_feed"] is None
    assert shown["latest_round"] == taken.round and shown["anchor"]["round"] <= taken.round
    assert (shown["feed_set"], shown["deviation_period_s"], shown["confirmable_at"]) == (name, 60, None)
    text = run("oracle", "feeds", name).stdout
    assert f'slot 1: {ether["address"]} "ETH / USD", answers 2500, 8 decimals, no bounds' in text
    assert f"prices are compared with those of round {shown['anchor']['round']} of" in text and "dead" not in text


def test_oracle_feeds_says_which_are_dead(market: tuple[str, Market], run: Any) -> None:
    on = market[1]
    on.snapshot()
    wait(on.chain, HEARTBEAT_S + 1)
    name = f"0x{on.feed_set.hex()}"
    assert "dead: the oracle does not take its answer" in run("oracle", "feeds", name).stdout
    assert all(feed["dead"] for feed in json.loads(run("oracle", "feeds", name, "--json").stdout)["feeds"])


@pytest.mark.parametrize("command", ["feeds", "snapshot", "show"])
def test_a_feed_set_is_no_number(run: Any, command: str) -> None:
    refused = run("oracle", command, "1")
    assert refused.returncode == 2 and "is no name of a feed set (0x and 64 hex digits)" in refused.stderr


def test_deploy_check_shows_the_hash_of_each_key(market: tuple[str, Market], run: Any) -> None:
    (key,) = market[1].protocol.deployment.keys.values()
    assert key.key_hash in run("deploy", "--check").stdout
