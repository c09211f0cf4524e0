"""Deploying, and comparing what is deployed: keys that must not be, code that is not ours, and being cut off."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import market as markets
import pytest
from market import Market, rpc
from trapdoor import Trapdoor

from dls_zk import artifacts, chain, files, operations, toolchain, zkey
from dls_zk.artifacts import BuiltCircuit, ProvingKey
from dls_zk.binfile import BinFile
from dls_zk.chain import Protocol, deployment
from dls_zk.chain.deployment import Finding, checked_key, create, deploy, key_hash
from dls_zk.constants import FIELD
from dls_zk.errors import ArtifactError, ChainError, InputError, InsecureKey


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    with markets.market(tmp_path_factory.mktemp("journal")) as found:
        yield found


def faults(protocol: Protocol) -> list[Finding]:
    return [finding for finding in chain.audit(protocol) if finding.fault]


# --- keys -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def circuit() -> BuiltCircuit:
    toolchain.ensure_node_packages()
    return operations.build_circuit(8)


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
    other = operations.build_circuit(16)
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
    vk = operations.verifying_key(key)
    assert zkey.VerifyingKey.from_words(vk.words()) == replace(vk, development=False)
    for count in (0, 14, 17):
        with pytest.raises(ValueError, match="no verifying key"):
            zkey.VerifyingKey.from_words([1] * count)


def test_a_key_whose_verification_key_is_anothers_is_refused(key: ProvingKey, circuit: BuiltCircuit, tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "proving_key.zkey").write_bytes(key.zkey.read_bytes())
        members = json.loads(key.verification_key.read_text()) | Trapdoor(8).vk.to_snarkjs()
        (folder / "verification_key.json").write_text(json.dumps(members))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "key_dir", lambda *_: tmp_path / "keys" / "foreign")
        foreign = artifacts.install_key(circuit, "dev", fill)
    with pytest.raises(InsecureKey, match="is not the verification key of"):
        checked_key(foreign, circuit)


def test_development_keys_and_contracts_stay_on_development_chains(tmp_path: Path) -> None:
    insecure = Trapdoor(8).key
    with toolchain.anvil(chain_id=1, accounts=1) as url:
        main = chain.connect(url)
        sender = markets.sender(main, url, main.accounts()[0], tmp_path, confirmations=1)
        with pytest.raises(InsecureKey, match="INSECURE"):
            deploy(sender, [insecure])
        assert main.block_number() == 0, "something was sent"
        compiled = deployment.contracts.compile_contracts()
        for artifact, arguments in (("DevFeed", (8, "x")), ("DevAsset", ("x", "x"))):
            with pytest.raises(ChainError, match=r"\(NotDevelopmentChain\)$"):
                create(sender, compiled[artifact], *arguments)
        struct_ = deployment._struct(insecure.vk)
        with pytest.raises(ChainError, match=r"\(InsecureDevelopmentKey\)$"):
            create(sender, compiled["BatchVerifier"], struct_, True)
        with pytest.raises(ChainError, match=r"\(InsecureDevelopmentKey\)$"):
            create(sender, deployment._compiled_verifier(insecure))
        # One that is not called insecure can be deployed there.
        told = deploy(sender, [replace(insecure, insecure=False)])
        assert told.chain_id == 1 and not told.keys["rebalance_8"].insecure


# --- what is deployed ------------------------------------------------------------------------------------------------


def test_deploying_again_goes_on_and_makes_nothing_new(market: Market) -> None:
    told, blocks = market.protocol.deployment, market.chain.block_number()
    again = deploy(market.owner, [market.trapdoor.key])
    assert again.model_copy(update={"block": told.block}) == told
    assert market.chain.block_number() == blocks


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
    ):
        path.write_text(json.dumps(document | change))
        with pytest.raises(InputError, match=expected):
            files.read_deployment(path)


def test_an_honest_deployment_has_no_fault(market: Market) -> None:
    findings = chain.audit(market.protocol)
    assert [finding.contract for finding in findings] == [
        "PoseidonT6", "PolicyRegistry", "PriceOracle", "RebalanceHub", "BatchVerifier of rebalance_8", "Groth16Verifier_8"
    ]  # fmt: skip
    assert not faults(market.protocol)
    assert [finding.insecure for finding in findings] == [False] * 4 + [True, False]
    held = deployment.held_key(market.protocol, market.protocol.deployment.keys["rebalance_8"].batch_verifier)
    assert held == market.trapdoor.vk
    assert market.protocol.key_hash(market.mandate.key) == key_hash(market.trapdoor.vk)


@pytest.mark.parametrize("name", ["poseidon", "policy_registry", "price_oracle", "hub"])
def test_other_code_at_an_address_is_found(market: Market, name: str) -> None:
    """One byte of the code is changed; then there is none."""
    address = getattr(market.protocol.deployment, name)
    honest = market.chain.code(address)
    changed = bytearray(honest)
    changed[len(changed) // 2] ^= 1
    try:
        rpc(market.chain, "anvil_setCode", address, "0x" + changed.hex())
        assert [(finding.address, finding.fault) for finding in faults(market.protocol)] == [
            (address, "its code is not what this version of dls-zk compiles")
        ]
        rpc(market.chain, "anvil_setCode", address, "0x")
        first = next(finding for finding in faults(market.protocol) if finding.address == address)
        assert first.fault == "there is no contract"
    except ChainError as error:
        assert name == "hub" and "no such contract" in str(error)
    finally:
        rpc(market.chain, "anvil_setCode", address, "0x" + honest.hex())
    assert not faults(market.protocol)


def test_a_verifier_of_another_key_is_found(market: Market) -> None:
    """The key is added with a batch verifier and a verifier that do not hold the same."""
    other = Trapdoor(8)
    told = market.protocol.deployment
    one = told.keys["rebalance_8"]
    verifier = create(market.owner, deployment._compiled_verifier(other.key))
    number = market.protocol.hub.add_key(market.owner, verifier, one.batch_verifier, 8)
    mixed = one.model_copy(update={"number": number, "verifier": verifier})
    protocol = Protocol.on(market.chain, told.model_copy(update={"keys": {"rebalance_8": mixed}}))
    assert [(found.contract, found.fault) for found in faults(protocol)] == [
        ("Groth16Verifier_8", "its code is not what this version of dls-zk compiles")
    ]
    # And the file says another key than the hub has, or another hash.
    for change, expected in (
        ({"number": one.number}, "the hub has other contracts for key 0"),
        ({"key_hash": key_hash(other.vk)}, "its key is not the one of the deployment"),
    ):
        keys = {"rebalance_8": mixed.model_copy(update=change)}
        protocol = Protocol.on(market.chain, told.model_copy(update={"keys": keys}))
        assert expected in [found.fault for found in faults(protocol)]


def test_a_batch_verifier_that_lies_about_its_key_is_found(market: Market) -> None:
    """Its words are put in by hand: the hash of the honest key, and the data of another."""
    told = market.protocol.deployment
    address = told.keys["rebalance_8"].batch_verifier
    artifact = market.protocol.artifacts["BatchVerifier"]
    struct_ = deployment._struct(Trapdoor(8).vk)
    other = market.chain.code(create(market.owner, artifact, struct_, True))
    honest = market.chain.code(address)
    known = {(9).to_bytes(32, "big"), bytes.fromhex(told.keys["rebalance_8"].key_hash[2:])}
    (places,) = (places for places in artifact.immutables if honest[places[0] : places[0] + 32] not in known)
    lying = bytearray(honest)
    for start in places:
        lying[start : start + 32] = other[start : start + 32]
    half = bytearray(honest)
    hash_places = next(places for places in artifact.immutables if len(places) > 1)
    half[hash_places[-1] : hash_places[-1] + 32] = other[hash_places[-1] : hash_places[-1] + 32]
    try:
        rpc(market.chain, "anvil_setCode", address, "0x" + lying.hex())
        with pytest.raises(ChainError, match="a key of another hash than it says"):
            chain.audit(market.protocol)
        if half != honest:  # one word in two places, and they differ
            rpc(market.chain, "anvil_setCode", address, "0x" + half.hex())
            assert any("its code is not" in found.fault for found in faults(market.protocol))
    finally:
        rpc(market.chain, "anvil_setCode", address, "0x" + honest.hex())


def test_a_hub_with_another_oracle_is_found(market: Market) -> None:
    told = market.protocol.deployment
    artifact = market.protocol.artifacts["RebalanceHub"]
    hub = create(market.owner, artifact, told.policy_registry, told.policy_registry)
    protocol = Protocol.on(market.chain, told.model_copy(update={"hub": hub, "keys": {}}))
    assert [found.fault for found in faults(protocol)] == ["its oracle is not the one of the deployment"]


def test_another_chain_is_refused(market: Market) -> None:
    told = market.protocol.deployment
    with toolchain.anvil(chain_id=31337, accounts=1) as url, pytest.raises(ChainError, match="started again"):
        Protocol.on(chain.connect(url), told)
    with pytest.raises(ChainError, match="is on chain 1, and"):
        Protocol.on(market.chain, told.model_copy(update={"chain_id": 1}))
    with pytest.raises(ChainError, match="no key for rebalance_16"):
        market.protocol.key_for(16)
