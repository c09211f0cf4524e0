"""Deploying, and comparing what is deployed: keys that must not be, code that is not ours, and being cut off."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak
from web3.utils.address import get_create_address

from dls_zk import chain, files, operations
from dls_zk.audit.simulator import Trapdoor
from dls_zk.chain import Call, Ceremony, Protocol, Sender, ShareToken, Transcript, deployment, reconciler
from dls_zk.chain.deployment import AuditFinding, CheckedKey, checked_key, create, deploy, key_hash
from dls_zk.errors import ArtifactError, ChainError, InputError, InsecureKey
from dls_zk.groth16 import zkey
from dls_zk.groth16.binfile import BinFile
from dls_zk.statement.constants import FIELD
from dls_zk.statement.deployment import DeployedKey, Deployment
from dls_zk.statement.ethereum import NOBODY
from dls_zk.storage import built, places
from dls_zk.storage.built import BuiltCircuit, ProvingKey
from dls_zk.tools import foundry, node
from tests.support import market as markets
from tests.support.market import Market


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


def faults(protocol: Protocol) -> list[AuditFinding]:
    return [finding for finding in chain.audit(protocol) if finding.fault]


# --- keys -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def circuit() -> BuiltCircuit:
    node.ensure_node_packages()
    return operations.build_circuit("rebalance_8")


@pytest.fixture(scope="module")
def key(circuit: BuiltCircuit) -> ProvingKey:
    return operations.development_key(circuit)


def spoiled(key: ProvingKey, folder: Path, section: int, at: int, value: bytes) -> Path:
    """A copy of a zkey with some bytes of a section replaced."""
    data = bytearray(key.zkey.read_bytes())
    start = BinFile.open(key.zkey, "zkey").sections[section][0] + at
    assert data[start : start + len(value)] != value
    data[start : start + len(value)] = value
    (folder / "spoiled.zkey").write_bytes(data)
    return folder / "spoiled.zkey"


def test_a_key_is_checked_against_its_circuit(circuit: BuiltCircuit, key: ProvingKey, tmp_path: Path) -> None:
    checked = checked_key(key, circuit)
    assert checked.insecure and checked.circuit == "rebalance_8" and checked.r1cs_sha256 == circuit.r1cs_sha256
    zkey.require_for_circuit(key.zkey, circuit.r1cs)
    other = operations.build_circuit("rebalance_16")
    with pytest.raises(ArtifactError, match="another circuit.*other sizes"):
        zkey.require_for_circuit(key.zkey, other.r1cs)
    # One coefficient, its wire, its row, its matrix, and one term less.
    two = struct.pack("<I", int.from_bytes(key.zkey.read_bytes()[:0], "little") + 2)
    one_more = ((1 << 512) * 3 % FIELD).to_bytes(32, "little")
    for at, value in ((4 + 12, one_more), (4 + 8, two), (4 + 4, two), (4, struct.pack("<I", 1))):
        with pytest.raises(ArtifactError, match="another circuit.*row"):
            zkey.require_for_circuit(spoiled(key, tmp_path, 4, at, value), circuit.r1cs)


def test_a_key_that_lacks_a_term_is_refused(circuit: BuiltCircuit, key: ProvingKey, tmp_path: Path) -> None:
    whole = BinFile.open(key.zkey, "zkey")
    start, size = whole.sections[4]
    data = key.zkey.read_bytes()
    count = int.from_bytes(data[start : start + 4], "little") - 1
    section = count.to_bytes(4, "little") + data[start + 4 : start + size - 44]
    shorter = data[: start - 8] + len(section).to_bytes(8, "little") + section + data[start + size :]
    (tmp_path / "shorter.zkey").write_bytes(shorter)
    with pytest.raises(ArtifactError, match="another circuit.*lacks terms"):
        zkey.require_for_circuit(tmp_path / "shorter.zkey", circuit.r1cs)


def test_words_of_a_key_come_back(key: ProvingKey) -> None:
    vk = zkey.verifying_key(key)
    assert zkey.VerifyingKey.from_words(vk.words()) == replace(vk, development=False)
    for count in (0, 14, 17):
        with pytest.raises(ValueError, match="no verifying key"):
            zkey.VerifyingKey.from_words([1] * count)


def test_a_key_whose_verification_key_is_anothers_is_refused(key: ProvingKey, circuit: BuiltCircuit, tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "proving_key.zkey").write_bytes(key.zkey.read_bytes())
        members = json.loads(key.verification_key.read_text()) | markets.trapdoor().vk.to_snarkjs()
        (folder / "verification_key.json").write_text(json.dumps(members))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "key_dir", lambda *_: tmp_path / "keys" / "foreign")
        foreign = built.install_key(circuit, "dev", fill)
    with pytest.raises(InsecureKey, match="is not the verification key of"):
        checked_key(foreign, circuit)


def test_development_keys_and_contracts_stay_on_development_chains(tmp_path: Path) -> None:
    insecure = markets.checked_key(markets.trapdoor())
    with foundry.anvil(chain_id=1, accounts=1) as url:
        main = chain.connect(url)
        sender = markets.sender(main, url, main.accounts()[0], tmp_path, confirmations=1)
        with pytest.raises(InsecureKey, match="INSECURE"):
            deploy(sender, [insecure])
        with pytest.raises(InsecureKey, match="INSECURE"):
            reconciler.deploy(sender, [insecure])
        assert main.block_number() == 0, "something was sent"
        compiled = deployment.contracts.compile_contracts()
        for artifact, arguments in (("DevFeed", (8, "x")), ("DevAsset", ("x", "x"))):
            with pytest.raises(ChainError, match=r"\(NotDevelopmentChain\)$"):
                create(sender, compiled[artifact], *arguments)
        arguments_of_key = deployment.batch_verifier_arguments(insecure)
        with pytest.raises(ChainError, match=r"\(InsecureDevelopmentKey\)$"):
            create(sender, compiled["BatchVerifier"], *arguments_of_key)
        with pytest.raises(ChainError, match=r"\(InsecureDevelopmentKey\)$"):
            create(sender, deployment.compiled_verifier(insecure))
        # One that is not called insecure can be deployed there.
        told = deploy(sender, [replace(insecure, insecure=False)])
        assert told.chain_id == 1 and not told.keys["rebalance_8"].insecure


# --- keys by what is built here, and not by what a file says ------------------------------------------------------------


@pytest.fixture(scope="module")
def main_chain(
    key: ProvingKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Sender, DeployedKey, Deployment]]:
    """A chain that is no development chain, on which somebody put the public development key and called it a ceremony's."""
    lying = CheckedKey("rebalance_8", zkey.verifying_key(key), "00" * 32, insecure=False)
    with foundry.anvil(chain_id=1, accounts=1) as url:
        main = chain.connect(url)
        sender = markets.sender(main, url, main.accounts()[0], tmp_path_factory.mktemp("main"), confirmations=1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(deployment, "require_sound", lambda protocol: None)  # not that of whoever lies
            made = deploy(sender, [lying])
        yield sender, made.keys["rebalance_8"], made


def key_finding(chain_: chain.Chain, made: Deployment, *transcripts: Transcript, **changes: Any) -> AuditFinding:
    keys = {"rebalance_8": replace(made.keys["rebalance_8"], **changes)}
    findings = chain.audit(Protocol.on(chain_, replace(made, keys=keys)), transcripts)
    (found,) = (finding for finding in findings if finding.circuit)
    assert found.contract == "BatchVerifier of rebalance_8"
    return found


@pytest.mark.parametrize("insecure", [False, True])
@pytest.mark.parametrize("r1cs", ["the truth", "00" * 32, "ab" * 32])
def test_the_public_development_key_is_refused_whatever_the_file_says(
    main_chain: tuple[Sender, DeployedKey, Deployment], circuit: BuiltCircuit, r1cs: str, insecure: bool
) -> None:
    sender, _, made = main_chain
    said = circuit.r1cs_sha256 if r1cs == "the truth" else r1cs
    found = key_finding(sender.chain, made, r1cs_sha256=said, insecure=insecure)
    assert found.insecure and found.ceremony is Ceremony.DEVELOPMENT
    assert "an INSECURE development key, and this is no local development chain: anybody can forge proofs" in found.fault
    assert ("names another circuit than this version of dls-zk builds" in found.fault) == (r1cs != "the truth")
    with pytest.raises(ChainError, match="INSECURE development key"):
        deployment.require_sound(Protocol.on(sender.chain, made))


def test_a_mark_in_the_file_makes_no_key_secure(market: Market, circuit: BuiltCircuit) -> None:
    told = market.protocol.deployment
    found = key_finding(market.chain, told)
    assert (found.fault, found.insecure, found.ceremony) == ("", True, Ceremony.DEVELOPMENT)
    assert (found.circuit, found.key_hash) == ("rebalance_8", key_hash(market.trapdoor.vk))
    found = key_finding(market.chain, told, insecure=False)
    assert found.insecure and "says otherwise whether its key is a development key" in found.fault
    found = key_finding(market.chain, told, r1cs_sha256="ab" * 32)
    assert found.fault == "the deployment file names another circuit than this version of dls-zk builds"


@pytest.fixture(scope="module")
def foreign(circuit: BuiltCircuit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sender, Deployment]]:
    """A key of which nothing is known, on a chain that is no development chain."""
    lying = replace(markets.checked_key(markets.trapdoor()), insecure=False)
    with foundry.anvil(chain_id=1, accounts=1) as url:
        main = chain.connect(url)
        sender = markets.sender(main, url, main.accounts()[0], tmp_path_factory.mktemp("foreign"), confirmations=1)
        yield sender, deploy(sender, [lying])


def test_without_a_transcript_the_ceremony_is_not_checked(foreign: tuple[Sender, Deployment]) -> None:
    sender, made = foreign
    found = key_finding(sender.chain, made)
    assert (found.fault, found.insecure, found.ceremony, found.contributions) == ("", False, "not checked", ())


def test_a_transcript_is_verified_for_the_key_that_is_deployed(
    foreign: tuple[Sender, Deployment], circuit: BuiltCircuit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a transcript proves is ``ceremony.verify``'s matter (test_ceremony.py); here: of which key, and what is said."""
    sender, made = foreign
    transcript = Transcript(tmp_path / "final.zkey", tmp_path / "pot.ptau", "ab" * 64)
    one = zkey.Contribution("Ada", (1, 2), None)
    final = zkey.ZKey(9, 8, (1, 2), (1, 2), markets.trapdoor().vk, (one, replace(one, name="beacon")))
    monkeypatch.setattr(deployment.zkey, "read_zkey", lambda path: final)
    asked: list[Any] = []

    def verify(*paths: Path, ptau_blake2b: str | None, run: object) -> zkey.ZKey:
        asked.append((*paths, ptau_blake2b))
        return final

    monkeypatch.setattr(deployment.ceremonies, "verify", verify)
    found = key_finding(sender.chain, made, transcript)
    assert (found.fault, found.ceremony, found.contributions) == ("", Ceremony.VERIFIED, ("Ada", "beacon"))
    assert asked == [(transcript.final_key, transcript.ptau, circuit.r1cs, "ab" * 64)]

    def refuse(*_: object, **__: object) -> zkey.ZKey:
        raise InsecureKey("its transcript could not be verified")

    monkeypatch.setattr(deployment.ceremonies, "verify", refuse)
    found = key_finding(sender.chain, made, transcript)
    assert (found.fault, found.ceremony) == ("its ceremony is refused: its transcript could not be verified", "refused")
    other = markets.Trapdoor(8, Random("other")).vk
    monkeypatch.setattr(deployment.ceremonies, "verify", lambda *_, **__: replace(final, verifying_key=other))
    assert "another key by now" in key_finding(sender.chain, made, transcript).fault
    # The transcript of a key that is not deployed is no evidence for one that is.
    monkeypatch.setattr(deployment.zkey, "read_zkey", lambda path: replace(final, verifying_key=other))
    with pytest.raises(InsecureKey, match=r"final.zkey: this ceremony's key \(0x\w+\) is not deployed"):
        key_finding(sender.chain, made, transcript)


def test_a_development_keys_transcript_is_none(market: Market, key: ProvingKey, tmp_path: Path) -> None:
    (tmp_path / "pot.ptau").write_bytes(b"no powers")
    with pytest.raises(InsecureKey, match="is not deployed"):
        chain.audit(market.protocol, [Transcript(key.zkey, tmp_path / "pot.ptau")])
    with pytest.raises(ArtifactError, match="pot.ptau"):
        chain.audit(market.protocol, [Transcript(tmp_path / "pot.ptau", tmp_path / "pot.ptau")])


# --- what is deployed ------------------------------------------------------------------------------------------------


def test_deploying_again_goes_on_and_makes_nothing_new(market: Market) -> None:
    told, blocks = market.protocol.deployment, market.chain.block_number()
    again = deploy(market.owner, [markets.checked_key(market.trapdoor)])
    assert replace(again, block=told.block) == told
    assert market.chain.block_number() == blocks


def without(members: dict[str, str], name: str) -> dict[str, str]:
    return {other: value for other, value in members.items() if other != name}


def test_the_file_of_a_deployment_comes_back(market: Market, tmp_path: Path) -> None:
    path = tmp_path / "deployment.json"
    files.write_deployment(path, market.protocol.deployment)
    assert files.read_deployment(path) == market.protocol.deployment
    with pytest.raises(InputError, match="exists"):
        files.write_deployment(path, market.protocol.deployment)
    document = json.loads(path.read_text())
    for change, expected in (
        ({"hub": document["hub"].lower().replace("a", "A", 1)}, "checksum"),
        ({"block": -1}, "block"),
        ({"keys": {"rebalance_9": document["keys"]["rebalance_8"]}}, "rebalance_9"),
        ({"extra": 1}, "unknown field"),
        ({"created": document["created"] | {document["hub"]: "0x12"}}, "32 bytes"),
        *(({"created": without(document["created"], address)}, f"of {address}") for address in document["created"]),
    ):
        path.write_text(json.dumps(document | change))
        with pytest.raises(InputError, match=expected):
            files.read_deployment(path)


def test_an_honest_deployment_has_no_fault(market: Market) -> None:
    findings = chain.audit(market.protocol)
    assert [finding.contract for finding in findings] == [
        "Claims", "PoseidonT6", "Settlement", "PolicyRegistry", "PriceOracle", "RebalanceHub",
        "BatchVerifier of rebalance_8", "Groth16Verifier_rebalance_8",
    ]  # fmt: skip
    assert not faults(market.protocol)
    assert [finding.insecure for finding in findings] == [False] * 6 + [True, False]
    assert market.protocol.key_hash(market.mandate.key) == key_hash(market.trapdoor.vk)


def created(sender: Sender, code: bytes) -> tuple[str, str]:
    """A contract of any creation code: its address, and the transaction."""
    mined = sender.perform(("any", keccak(code).hex()), Call(None, code))
    assert mined and mined.contract_address
    return mined.contract_address, mined.hash


def leaving(runtime: bytes, writes: dict[int, int] | None = None, call: tuple[str, bytes] | None = None) -> bytes:
    """Creation code that writes to the storage, calls a contract, and leaves a code."""
    to, data = call or (NOBODY, b"")
    words = ((value, place) for place, value in (writes or {}).items())
    head = b"".join(b"\x7f%b\x7f%b\x55" % (value.to_bytes(32, "big"), place.to_bytes(32, "big")) for value, place in words)

    def copied(size: int, start: int) -> bytes:  # CODECOPY to memory 0
        return b"\x62%b\x62%b\x5f\x39" % (size.to_bytes(3, "big"), start.to_bytes(3, "big"))

    def code(start: int) -> bytes:  # where what follows the code starts
        called = b"\x5f\x5f\x62%b\x5f\x5f\x73%b\x5a\xf1\x50" % (len(data).to_bytes(3, "big"), bytes.fromhex(to[2:]))
        left = copied(len(runtime), start + len(data)) + b"\x62%b\x5f\xf3" % len(runtime).to_bytes(3, "big")
        return head + (copied(len(data), start) + called if call else b"") + left

    return code(len(code(0))) + data + runtime


def mapped(key: bytes, slot: int) -> int:
    """Where a mapping at a slot has the value of a key."""
    return int.from_bytes(keccak(key.rjust(32, b"\0") + slot.to_bytes(32, "big")), "big")


def changed(market: Market, **fields: Any) -> Protocol:
    """The market's contracts, with another deployment file. created: transactions of other contracts."""
    told = market.protocol.deployment
    fields["created"] = told.created | fields.get("created", {})
    return Protocol.on(market.chain, replace(told, **fields))


@pytest.mark.parametrize("name", ["PoseidonT6", "Claims", "Settlement", "policy_registry", "price_oracle", "hub"])
def test_a_contract_that_other_code_created_is_found(market: Market, name: str) -> None:
    """What lies at its address is genuine, byte by byte; and then the transaction is another, or is not there."""
    told = market.protocol.deployment
    honest = told.libraries.get(name) or getattr(told, name)
    address, transaction = created(market.owner, leaving(market.chain.code(honest)))
    assert market.chain.code(address) == market.chain.code(honest)
    replaced = {"libraries": told.libraries | {name: address}} if name in told.libraries else {name: address}
    fields: dict[str, Any] = replaced | {"created": {address: transaction}}
    if name == "hub":
        fields["keys"] = {}
    found = {finding.address: finding.fault for finding in faults(changed(market, **fields))}
    assert found.pop(address) == "its creation code is not what this version of dls-zk compiles"
    others = {"PoseidonT6": {told.policy_registry}, "policy_registry": {told.hub}, "price_oracle": {told.hub}}
    assert found.keys() == others.get(name, set())  # those that hold its address

    other = next(hash_ for address, hash_ in told.created.items() if address != honest)
    absent = "0x" + "11" * 32
    for hash_, fault in ((other, f"transaction {other} did not create it"), (absent, f"does not have {absent}")):
        (finding,) = faults(changed(market, created={honest: hash_}))
        assert finding.address == honest and fault in finding.fault


@pytest.mark.parametrize("behind", [b"\0", b"\0" * 32, b"\1" * 40])
def test_bytes_behind_the_creation_code_are_found(market: Market, behind: bytes) -> None:
    """Behind an oracle, which takes no arguments, and behind the arguments of a hub."""
    told = market.protocol.deployment
    oracle = Call.deploying(market.protocol.contracts["PriceOracle"])
    hub = Call.deploying(market.protocol.contracts["RebalanceHub"], told.price_oracle, told.policy_registry)
    for call, name in ((oracle, "price_oracle"), (hub, "hub")):
        address, transaction = created(market.owner, call.data + behind)
        protocol = changed(market, **{name: address, "keys": {}, "created": {address: transaction}})
        found = {finding.address: finding.fault for finding in faults(protocol)}
        assert found[address] == "its creation code is not what this version of dls-zk compiles"


def test_prices_that_an_oracle_was_created_with_are_found(market: Market) -> None:
    """A round that no feed ever gave: genuine code answers with it, so only the creation tells."""
    number, ahead = 1_000_000, market.chain.now() + 1000
    place = mapped(number.to_bytes(32, "big"), 3)
    writes = {place: 1 | ahead << 32 | 8 << 72, place + 1: 10**8 | 1 << 48}  # an ether for 1e-8 dollars
    writes[mapped(b"\1", 1)] = 5  # the name of the feed set
    code = leaving(market.chain.code(market.protocol.deployment.price_oracle), writes)
    address, transaction = created(market.owner, code)
    protocol = changed(market, price_oracle=address, created={address: transaction})
    assert protocol.oracle.snapshot(number).usd_e8[:2] == (10**8, 1)
    with pytest.raises(ChainError, match="PriceOracle at .*: its creation code is not"):
        deployment.require_sound(protocol)


def test_shares_that_a_token_was_created_with_are_found(market: Market) -> None:
    """Its creation opens a vault and leaves the code of an honest token, with shares that no supply counts."""
    owner, thief, protocol = market.owner, market.people[1], market.protocol
    token = create(owner, protocol.contracts["DevAsset"], "USDC", "USDC")
    mandate = protocol.hub.add_mandate(owner, market.mandate)
    honest = ShareToken.open(owner, protocol, token, "V", "V", owner.address, mandate, thief.address)
    assert ShareToken.of(protocol, honest.vault) == honest

    nonce = market.chain.transaction_count(thief.address)
    address = get_create_address(thief.address, nonce)
    hub = protocol.hub.address
    vault = keccak(encode(["uint256", "address", "address", "uint256"], [market.chain.chain_id, hub, address, 0]))
    opening = protocol.hub.call("openVault", thief.address, NOBODY, 86_400, mandate)
    code = market.chain.code(honest.address).replace(honest.vault, vault)
    writes = {mapped(bytes.fromhex(thief.address[2:]), 0): 10**40}
    assert created(thief, leaving(code, writes, (hub, opening.data)))[0] == address
    forged = ShareToken(market.chain, protocol.share_token, address)
    assert (forged.vault, forged.read("hub"), forged.read("balanceOf", thief.address)) == (vault, hub, 10**40)
    assert ShareToken.of(protocol, vault) is None
    # A vault that an account opened has none.
    assert ShareToken.of(protocol, market.open("without").id) is None


def test_a_share_token_that_a_contract_made_is_not_known(market: Market) -> None:
    """Genuine in all, but a factory made it: the transaction that opened its vault is not its own creation."""
    owner, protocol = market.owner, market.protocol
    token = create(owner, protocol.contracts["DevAsset"], "USDC", "USDC")
    mandate = protocol.hub.add_mandate(owner, market.mandate)
    roles = (owner.address, owner.address, NOBODY, 86_400, mandate)
    share = Call.deploying(protocol.share_token, protocol.hub.address, token, "F", "F", *roles)
    # CODECOPY all that follows, CREATE it, revert if that fails, and leave nothing.
    size = len(share.data).to_bytes(3, "big")
    factory = b"\x62%b\x60\x17\x5f\x39\x62%b\x5f\x5f\xf0\x60\x15\x57\x5f\x5f\xfd\x5b\x00" % (size, size)
    assert len(factory) == 0x17
    created(owner, factory + share.data)
    (*_, opened) = protocol.hub.events(0, market.chain.block_number(), [protocol.hub.topic("VaultOpened")])
    made = ShareToken(market.chain, protocol.share_token, opened.arguments["opener"])
    assert made.vault == opened.arguments["vaultId"]
    assert ShareToken.of(protocol, made.vault) is None


def test_a_verifier_of_another_key_is_found(market: Market) -> None:
    """The key is added with a batch verifier and a verifier that do not hold the same."""
    other, hub = Trapdoor(8, Random(2)), market.protocol.hub
    one = market.protocol.deployment.keys["rebalance_8"]
    verifier, mined = deployment.create_seen(market.owner, deployment.compiled_verifier(markets.checked_key(other)))
    name = hub.add_key(market.owner, verifier, one.batch_verifier, 8)
    mixed = replace(one, name=f"0x{name.hex()}", verifier=verifier)

    def found(**changes: Any) -> list[tuple[str, str]]:
        keys = {"rebalance_8": replace(mixed, **changes)}
        protocol = changed(market, keys=keys, created={verifier: mined.hash})
        return [(finding.contract, finding.fault) for finding in faults(protocol)]

    code = "its creation code is not what this version of dls-zk compiles"
    assert found() == [("Groth16Verifier_rebalance_8", code)]
    # And the file says another key than the hub has, another hash, or that it is no development key.
    batch = "BatchVerifier of rebalance_8"
    for change, expected in (
        ({"name": one.name}, f"the hub has other contracts for key {one.name}"),
        ({"key_hash": key_hash(other.vk)}, "its key is not the one of the deployment"),
        ({"insecure": False}, "the deployment file says otherwise whether its key is a development key"),
    ):
        assert (batch, expected) in found(**change)


def test_a_batch_verifier_that_other_code_created_is_found(market: Market) -> None:
    """It has the code and the words of an honest one, and so its answers."""
    one = market.protocol.deployment.keys["rebalance_8"]
    address, transaction = created(market.owner, leaving(market.chain.code(one.batch_verifier)))
    keys = {"rebalance_8": replace(one, batch_verifier=address)}
    (finding,) = faults(changed(market, keys=keys, created={address: transaction}))
    assert finding.address == address and "its creation code is not" in finding.fault


def test_a_hub_with_another_oracle_is_found(market: Market) -> None:
    told = market.protocol.deployment
    artifact = market.protocol.contracts["RebalanceHub"]
    for name, held in (
        ("oracle", (told.policy_registry, told.policy_registry)),
        ("registry", (told.price_oracle, told.price_oracle)),
    ):
        hub, mined = deployment.create_seen(market.owner, artifact, *held)
        protocol = changed(market, hub=hub, keys={}, created={hub: mined.hash})
        assert [found.fault for found in faults(protocol)] == [f"its {name} is not the one of the deployment"]


def test_another_chain_is_refused(market: Market) -> None:
    told = market.protocol.deployment
    with foundry.anvil(chain_id=31337, accounts=1) as url, pytest.raises(ChainError, match="started again"):
        Protocol.on(chain.connect(url), told)
    with pytest.raises(ChainError, match="is on chain 1, and"):
        Protocol.on(market.chain, replace(told, chain_id=1))
    with pytest.raises(ChainError, match="no key for rebalance_16"):
        market.protocol.key_for(16)


def test_a_number_that_no_contract_takes_is_bad_input(market: Market) -> None:
    """Both where a view is read and where a call is made."""
    for number in (-1, 1 << 32):
        with pytest.raises(InputError, match="does not fit the type"):
            market.protocol.oracle.snapshot(number)
        with pytest.raises(InputError, match="does not fit the type"):
            market.protocol.oracle.call("takeSnapshot", number.to_bytes(33, "big", signed=True))
