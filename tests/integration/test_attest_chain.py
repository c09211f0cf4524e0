"""Balances at a final block of a real chain, and an attestor that is a contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode

from dls_zk import chain
from dls_zk.attest.balances import ChainBalances
from dls_zk.attest.client import require_signed
from dls_zk.attest.documents import SignedAttestation
from dls_zk.chain.signatures import is_signed
from dls_zk.errors import DlsError
from dls_zk.solidity import contracts
from dls_zk.statement.attestation import Attestation, AttestationRequest
from dls_zk.statement.ethereum import checksum_address, keccak256
from dls_zk.statement.typed_data import Domain
from dls_zk.tools import foundry
from tests.support import attesting
from tests.support.attesting import ATTESTOR, attestor_of, identity, now, wallet_code, write_configuration

HOLDER, EMPTY = "0x" + "a1" * 20, "0x" + "b2" * 20
TOKEN, WALLET, BROKEN = "0x" + "c3" * 20, "0x" + "d4" * 20, "0x" + "e5" * 20
#: 1.5 wei below a whole millionth, and a token of six decimals.
WEI, UNITS = 1234_567891_234567890123, 4001708_612345


def token_code(decimals: int, units: int) -> str:
    """A contract that answers decimals() with the one and anything else with the other number.

    0 CALLDATALOAD 224 SHR decimals() EQ end JUMPI units … RETURN; end: decimals … RETURN
    """
    answer = "60005260206000f3"
    head = "60003560e01c63313ce56714"
    body = f"7f{units:064x}{answer}"
    target = (len(head) + 6 + len(body)) // 2
    return f"0x{head}60{target:02x}57{body}5b60{decimals:02x}{answer}"


@dataclass(frozen=True)
class Place:
    url: str
    source: ChainBalances

    def ask(self, method: str, *parameters: Any) -> Any:
        return chain.Rpc([self.url]).ask(method, *parameters)

    def mine(self, at_s: int) -> None:
        self.ask("evm_setNextBlockTimestamp", hex(at_s))
        self.ask("evm_mine")


@pytest.fixture(scope="module")
def at_s() -> int:
    """The second that is asked for: some minutes ago."""
    return now() - 600


@pytest.fixture(scope="module")
def place(at_s: int) -> Iterator[Place]:
    with foundry.anvil(timestamp=at_s - 3000, slots_in_an_epoch=1, no_mining=True) as url:
        source = ChainBalances(url, 31337, (HOLDER, EMPTY), "ETH", {"USDC": (TOKEN, 6)})
        made = Place(url, source)
        made.ask("anvil_setBalance", HOLDER, hex(WEI))
        made.ask("anvil_setCode", TOKEN, token_code(6, UNITS))
        made.ask("anvil_setCode", WALLET, wallet_code(True))
        for off in range(-240, 121, 12):
            made.mine(at_s + off + 5)
        made.ask("anvil_setBalance", HOLDER, hex(WEI + 7 * 10**18))  # later than the second asked for
        for off in (132, 144, 156):
            made.mine(at_s + off + 5)
        yield made


def test_balances_are_those_of_the_final_block_nearest_to_the_second(place: Place, at_s: int) -> None:
    reading = place.source.balances(at_s)
    assert reading.at_s == at_s + 5
    assert reading.holdings == {"ETH": Fraction(WEI, 10**18), "USDC": Fraction(2 * UNITS, 10**6)}
    assert [place.source.balances(at_s + off).at_s - at_s for off in (-3, 4, 11, 12)] == [-7, 5, 5, 17]
    assert place.source.identities == (f"eip155:31337:{HOLDER}", f"eip155:31337:{EMPTY}")


@pytest.mark.parametrize(
    "off, code",
    [(160, "too_early"), (-240 + 5 - 61, "stale_source"), (-1500, "stale_source"), (-4000, "stale_source")],
)
def test_a_second_without_a_final_block_near_it(place: Place, at_s: int, off: int, code: str) -> None:
    with pytest.raises(DlsError) as caught:
        place.source.balances(at_s + off)
    assert caught.value.code == code
    if code == "too_early":
        assert caught.value.retryable and caught.value.after


def test_the_edge_of_the_minute(place: Place, at_s: int) -> None:
    assert place.source.balances(at_s - 240 + 5 - 60).at_s == at_s - 240 + 5


@pytest.mark.parametrize(
    "changes, code, words",
    [
        ({"chain_id": 1}, "wrong_chain", "31337"),
        ({"tokens": {"USDC": (TOKEN, 18)}}, "bad_input", "has 6 decimals, the configuration says 18"),
        ({"tokens": {"USDC": (BROKEN, 6)}}, "bad_input", "no ERC-20 token"),
        ({"rpc": "$DLS_TEST_NO_SUCH_VARIABLE"}, "bad_input", "is not set"),
        ({"rpc": "http://127.0.0.1:9"}, "node_unreachable", "does not answer"),
    ],
)
def test_what_is_declared_wrong(place: Place, at_s: int, changes: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(DlsError, match=words) as caught:
        replace(place.source, **changes).balances(at_s)
    assert caught.value.code == code


def test_the_url_may_lie_in_the_environment(place: Place, at_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETH_RPC", place.url)
    source = replace(place.source, rpc="$ETH_RPC")
    assert source.balances(at_s).holdings and place.url not in repr(source)


def test_an_attestation_of_a_chain(place: Place, at_s: int, tmp_path: Path) -> None:
    _, recipient = identity(tmp_path)
    source = {"rpc": place.url, "chain_id": 31337, "addresses": [HOLDER, EMPTY], "coin": "ETH"}
    account = {"name": "cold", "chain": source | {"tokens": {"USDC": {"address": TOKEN, "decimals": 6}}}}
    account["slots"] = {"ETH": "ETH", "USDC": "USDC"}
    attestor, vault = attestor_of(write_configuration(tmp_path, recipient, [account]))
    signed = attestor.attest(vault, at_s, sampled=True)
    assert signed.attestation.attestation.observed_at_s == at_s
    # An address that is bound to a vault is bound in whatever company.
    alone = account | {"chain": source | {"addresses": [EMPTY]}, "slots": {"ETH": "ETH"}}
    other, foreign = attestor_of(write_configuration(tmp_path, recipient, [alone], vault="0x" + "cd" * 32))
    with pytest.raises(DlsError) as caught:
        other.attest(foreign, at_s)
    assert caught.value.code == "account_bound"


def test_a_contract_that_attests_is_asked(place: Place, tmp_path: Path) -> None:
    """Where the key did not sign, the contract decides; a revert is a no. A key signs whatever code its account has."""
    _, recipient = identity(tmp_path)
    attesting.write_statement(tmp_path, {"USDC": "5"}, now())
    path = write_configuration(tmp_path, recipient)
    path.write_text(path.read_text() + f"attestor: '{attesting_address()}'\n")
    attestor, vault = attestor_of(path)
    signed = attestor.attest(vault, now()).attestation
    assert signed.attestor == attesting_address()
    connected = chain.connect(place.url)
    with pytest.raises(DlsError, match="give its chain"):
        require_signed(signed)
    require_signed(signed, connected)
    for code in (wallet_code(False), "0x60006000fd", "0x00"):
        place.ask("anvil_setCode", WALLET, code)
        with pytest.raises(DlsError):
            require_signed(signed, connected)
    place.ask("anvil_setCode", WALLET, wallet_code(True))
    place.ask("anvil_setCode", ATTESTOR.address, wallet_code(False))
    own = SignedAttestation.of(signed.to_document() | {"attestor": ATTESTOR.address}, "it")
    assert is_signed(own.digest(), own.signature, ATTESTOR.address)
    assert is_signed(own.digest(), own.signature, ATTESTOR.address, connected)
    place.ask("anvil_setCode", ATTESTOR.address, "0x")


def attesting_address() -> str:
    return checksum_address(WALLET)


def test_an_external_signer_signs_typed_data(place: Place) -> None:
    """anvil is one; what it returns is held against the hash that this package computes."""
    signer = chain.signers.from_url(place.url, chain.connect(place.url).accounts()[0])
    data = AttestationRequest(b"\xab" * 32, 1, 2, 3, int(time.time())).typed_data(Domain(31337, attesting.CONTRACT))
    assert is_signed(data.digest(), signer.sign_typed_data(data), signer.address)


def test_what_is_signed_is_what_the_reconciler_checks(place: Place) -> None:
    """Asked of the contract itself, at two addresses."""
    connected = chain.connect(place.url)
    creation = contracts.compile_contracts()["Reconciler"].creation_code()
    code = connected.call(chain.Question(None, creation))  # a creation that is called returns the contract's code
    said = Attestation(b"\xab" * 32, 3, 5 << 240, 7 << 240, b"\x0e" * 32, b"\x0a" * 32, 1_790_000_000, 1_780_000_000)
    fields = (said.venue, said.commitment, said.exclusions_hash, said.accounts_hash, said.observed_at_s, said.steady_since_s)
    types = "(uint8,uint256,bytes32,bytes32,uint40,uint40,bytes)"
    arguments = encode(["bytes32", "uint256", types], [said.vault_id, said.policy_hash, (*fields, b"")])
    data = keccak256(f"digestOf(bytes32,uint256,{types})".encode())[:4] + arguments
    for address in (attesting.CONTRACT, attesting_address()):
        digest = connected.call(chain.Question(address, data), code=code)
        assert digest == said.typed_data(Domain(31337, address)).digest()
