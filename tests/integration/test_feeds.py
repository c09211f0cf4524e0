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
from dls_zk.chain.feeds import FeedReport, report
from dls_zk.solidity.contracts import CompiledContract
from dls_zk.tools import foundry, node, solc
from tests.support import market as markets
from tests.support.market import Market
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
    market[1].snapshot()
    shown = json.loads(run("oracle", "feeds", "1", "--json").stdout)
    (dollar, ether) = shown["feeds"].values()
    assert (ether["description"], ether["quote"], ether["faults"], ether["answer"]) == ("ETH / USD", "USD", [], 2500 * 10**8)
    assert dollar["heartbeat_s"] == 30 * 86_400 and shown["sequencer_feed"] is None
    text = run("oracle", "feeds", "1").stdout
    assert f'slot 1: {ether["address"]} "ETH / USD", answers 2500, 8 decimals, no bounds' in text


def test_deploy_check_shows_the_hash_of_each_key(market: tuple[str, Market], run: Any) -> None:
    (key,) = market[1].protocol.deployment.keys.values()
    assert key.key_hash in run("deploy", "--check").stdout
