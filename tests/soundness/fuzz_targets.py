"""Every file that is read, for fuzzing: valid seeds, the reader, and what must hold whatever the file says.

A reader ends well or with one of our errors: one printable line, an exit code that fits, no secret, no stack trace.
What it accepts has one form and stays within its ranges.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml
from eth_utils import is_checksum_address

from dls_zk import files
from dls_zk.audit.simulator import Secrets
from dls_zk.errors import DlsError
from dls_zk.groth16 import ceremony, key_lint, zkey
from dls_zk.groth16.proof import Proof
from dls_zk.groth16.r1cs import R1CS, Header
from dls_zk.groth16.zkey import VerifyingKey, ZKey, read_zkey
from dls_zk.statement.circuits import CIRCUITS
from dls_zk.statement.commitments import book_commitment
from dls_zk.statement.constants import FIELD, PRICE_BITS
from dls_zk.statement.deployment import Deployment
from dls_zk.statement.feeds import NamedFeeds
from dls_zk.statement.field import fits_signed
from dls_zk.statement.model import KeptOpening, Opening, Policy, Prices, Terms
from dls_zk.storage import built, disk
from dls_zk.storage.places import PACKAGE
from tests.support.binfiles import container, ptau_sections, r1cs_sections, raw_point, zkey_sections
from tests.support.commandline import BOOK_E6, POLICY, PRICES, TERMS, human, table
from tests.support.corruptions import corrupt, corrupt_document

EXAMPLE = PACKAGE / "examples" / "delta_neutral_eth"
#: Longer messages are no line that a person reads.
MESSAGE_LIMIT = 2_000


@dataclass(frozen=True)
class Target:
    """A kind of file. ``holds``: what must be true of what was read, given the file's content.

    codes: exit codes of the errors that it may give. secret: no long number of the file may be in an error.
    """

    suffix: str
    seeds: tuple[bytes, ...] = field(repr=False)
    read: Callable[[Path], Any]
    holds: Callable[[Any, bytes], bool]
    codes: frozenset[int]
    secret: bool = False
    document: bool = False

    def outcome(self, data: bytes, folder: Path) -> str:
        """Read ``data`` as a file: "accepted" or the error's name. AssertionError if what must hold does not."""
        path = folder / f"file{self.suffix}"
        path.write_bytes(data)
        path.chmod(0o600)
        try:
            value = self.read(path)
        except DlsError as error:
            said = str(error)
            assert error.exit_code in self.codes, (type(error).__name__, said)
            assert said.isprintable() and 0 < len(said) < MESSAGE_LIMIT, said[:MESSAGE_LIMIT]
            assert error.__cause__ is None and (error.__context__ is None or error.__suppress_context__), said
            if self.secret:
                shown = [number for number in re.findall(rb"[0-9]{5,}", data) if number.decode() in said]
                assert not any(self._comes_from_the_file(number, data, path) for number in shown), (
                    "a secret is in the message"
                )
            return type(error).__name__
        assert self.holds(value, data), "accepted, and it should not have been"
        return "accepted"

    def _comes_from_the_file(self, number: bytes, data: bytes, path: Path) -> bool:
        """Whether a number is in the message because it is in the file: not if the message states it all the same when
        the file has another number there, as a bound that the damaged number happens to equal."""
        for other in (int(number) + 1, int(number) - 1, int(number) * 10):
            path.write_bytes(data.replace(number, str(other).encode()))
            path.chmod(0o600)
            try:
                self.read(path)
            except DlsError as error:
                if number.decode() in str(error).replace(str(other), ""):
                    return False
        return True

    def corrupted(self, rng: Random) -> bytes:
        """A seed, corrupted: its bytes, or its nodes if it is a document."""
        seed = rng.choice(self.seeds)
        if self.document and rng.random() < 0.5:
            return corrupt_document(rng, yaml.load(seed, Loader=yaml.BaseLoader)).encode(errors="replace")
        return corrupt(rng, seed)


# --- what must hold of what was accepted ---------------------------------------------------------------------------------


def policy_holds(value: Policy, _: bytes) -> bool:
    return value.slots[0].funded and len(value.slots) == value.size.slots  # the model has checked every range


def quantities_hold(value: tuple[int, ...], _: bytes) -> bool:
    return len(value) == 8 and all(fits_signed(quantity, 57) for quantity in value)


def prices_hold(value: Prices, _: bytes) -> bool:
    return len(value.usd_e8) == 8 and all(0 <= price < 1 << PRICE_BITS for price in value.usd_e8)


def terms_hold(value: Terms, _: bytes) -> bool:
    return fits_signed(value.flow_e6, 57) and 0 <= value.allowances.pack() < 1 << 120


def opening_holds(value: KeptOpening, data: bytes) -> bool:
    written = json.loads(data)
    assert [str(q) for q in value.opening.quantities_e6] == written["quantities"]
    assert list(value.instruments) == written["instruments"]
    assert bytes.fromhex(written["vault_id"][2:]) == value.vault_id
    assert (value.chain_id, value.hub, value.sequence) == tuple(written[name] for name in ("chain_id", "hub", "sequence"))
    return int(written["commitment"], 16) == value.commitment


def proof_holds(value: Proof, data: bytes) -> bool:
    return json.loads(value.to_json()) == json.loads(data)


def key_holds(value: VerifyingKey, data: bytes) -> bool:
    written = json.loads(data)
    again = json.loads(zkey.verification_key_json(ZKey(0, 1, (0, 0), (0, 0), value, ()), "x", "00"))
    return all(written[name] == again[name] for name in ("IC", "vk_alpha_1", "vk_beta_2", "vk_gamma_2", "vk_delta_2"))


def system_holds(value: R1CS, data: bytes) -> bool:
    sides = [side for constraint in value.constraints for side in constraint]
    inside = all(wire < value.header.n_wires and 0 <= factor < FIELD for side in sides for wire, factor in side.items())
    return inside and len(value.constraints) == value.header.n_constraints


def powers_hold(_: None, data: bytes) -> bool:
    return data == POWERS_FILE


def vault_holds(value: files.VaultFile, _: bytes) -> bool:
    """Addresses have their checksum; delays and rates fit the contracts' widths."""
    named = [value.operator, *([value.guardian] if value.guardian else [])]
    named += [value.share.asset, value.share.custody] if value.share else []
    return all(map(is_checksum_address, named)) and 0 <= value.loosening_delay < 1 << 32


def deployment_holds(value: Deployment, _: bytes) -> bool:
    named = [value.hub, value.policy_registry, value.price_oracle, *value.libraries.values()]
    named += [key.verifier for key in value.keys.values()] + [key.batch_verifier for key in value.keys.values()]
    return all(map(is_checksum_address, named)) and value.keys.keys() <= CIRCUITS.keys()


def feeds_hold(value: NamedFeeds, _: bytes) -> bool:
    """Addresses have their checksum, and waiting times are those that the oracle takes."""
    named = [feed.aggregator for feed in value.feeds.values()]
    waits = 300 <= value.confirmation_delay_s <= 86_400 and 60 <= value.deviation_period_s <= 604_800
    return set(value.feeds) == set(BOOK_E6) and all(map(is_checksum_address, named)) and waits


def zkey_holds(value: ZKey, data: bytes) -> bool:
    """Every point that was read is in the file as snarkjs writes it: in one form, and in the order of the file."""
    key = value.verifying_key
    header = (key.alpha1, value.beta1, key.beta2, key.gamma2, value.delta1, key.delta2)
    return all(b"".join(map(raw_point, points)) in data for points in (header, key.ic))


def manifest_holds(value: built.Manifest, data: bytes) -> bool:
    return dict(value.files) == json.loads(data)["files"]


# --- the targets ---------------------------------------------------------------------------------------------------------

RULES = files.PolicyFile.model_validate(yaml.load(POLICY, Loader=yaml.BaseLoader)).to_policy()
_HASHES = [int.from_bytes(hashlib.sha256(b"key %d" % k).digest()) % FIELD for k in range(13)]
SECRETS = Secrets(_HASHES[0], _HASHES[1], 1, _HASHES[2], tuple(_HASHES[3:]))
OPENING = Opening((*BOOK_E6.values(), 0, 0, 0, 0, 0), 0x5EED << 200)
NUMBERS = {name: human(quantity) for name, quantity in BOOK_E6.items()}
POWERS_FILE = container("ptau", ptau_sections())
POWERS_BLAKE2B = hashlib.blake2b(POWERS_FILE).hexdigest()


def _opening_json() -> bytes:
    text = {
        "format": files.OPENING_FORMAT,
        "circuit": "rebalance_8",
        "chain_id": 31337,
        "hub": SOMEBODY,
        "vault_id": "0x" + "ab" * 32,
        "sequence": 3,
        "created": "2026-11-28T17:50:06Z",
        "instruments": [*BOOK_E6, "", "", "", "", ""],
        "quantities": [str(quantity) for quantity in OPENING.quantities_e6],
        "salt": f"0x{OPENING.salt:064x}",
        "commitment": f"0x{book_commitment(OPENING):064x}",
    }
    return json.dumps(text).encode()


def _key_json() -> bytes:
    return zkey.verification_key_json(ZKey(0, 1, (0, 0), (0, 0), SECRETS.key, ()), "small", "ab" * 32).encode()


def _manifest(path: Path) -> built.Manifest:
    """The file as the manifest of its folder."""
    path.rename(path.with_name("manifest.json"))
    return built.read_manifest(path.parent, "make it again")


def _judged(path: Path) -> ZKey:
    key = read_zkey(path)
    key_lint.require_sound(key)
    return key


def _powers(path: Path) -> None:
    """As far as ``ceremony`` looks before it asks snarkjs."""
    ceremony._check_ptau(path, Header(5, 1, 1, 1, 3), POWERS_BLAKE2B)


def _person(
    read: Callable[[Path], Any], holds: Callable[[Any, bytes], bool], suffix: str, *seeds: str, secret: bool
) -> Target:
    """A file that a person writes."""
    document = suffix != ".csv"
    return Target(suffix, tuple(seed.encode() for seed in seeds), read, holds, frozenset({3}), secret, document)


def _by_policy(read: Callable[[Path, Policy], Any]) -> Callable[[Path], Any]:
    return lambda path: read(path, RULES)


SOMEBODY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
FEEDS = {
    "feeds": {name: {"aggregator": SOMEBODY, "heartbeat": "3600 s", "deviation": "10%"} for name in BOOK_E6},
    "confirmation_delay": "600 s",
    "deviation_period": "3600 s",
    "sequencer": {"feed": SOMEBODY, "grace_period": "3600 s"},
}
VAULT = (EXAMPLE / "vault.yaml").read_text()
DEPLOYED_KEY = {
    "name": "0x" + "34" * 32, "verifier": SOMEBODY, "batch_verifier": SOMEBODY, "key_hash": "0x" + "cd" * 32,
    "r1cs_sha256": "ef" * 32, "insecure": True,
}  # fmt: skip
DEPLOYMENT = {
    "format": "dls-zk/deployment/v1", "chain_id": 1, "genesis": "0x" + "ab" * 32, "block": 7, "hub": SOMEBODY,
    "policy_registry": SOMEBODY, "price_oracle": SOMEBODY, "libraries": {"PoseidonT6": SOMEBODY},
    "keys": {"rebalance_8": DEPLOYED_KEY}, "created": {SOMEBODY: "0x" + "12" * 32},
}  # fmt: skip

DATED = "instrument,price,date,source\n" + "".join(f"{name},12.5,2024-08-28,closes\n" for name in BOOK_E6)

TARGETS: dict[str, Target] = {
    "policy": _person(files.read_policy, policy_holds, ".yaml", POLICY, (EXAMPLE / "policy.yaml").read_text(), secret=False),
    "prices": _person(_by_policy(files.read_prices), prices_hold, ".yaml", PRICES, secret=False),
    "prices-csv": _person(_by_policy(files.read_prices), prices_hold, ".csv", DATED, secret=False),
    "book": _person(_by_policy(files.read_book), quantities_hold, ".yaml", json.dumps({"book": NUMBERS}), secret=True),
    "book-csv": _person(_by_policy(files.read_book), quantities_hold, ".csv", table(BOOK_E6), secret=True),
    "trades": _person(_by_policy(files.read_trades), quantities_hold, ".yaml", json.dumps({"trades": NUMBERS}), secret=True),
    "terms": _person(files.read_terms, terms_hold, ".yaml", TERMS.format(flow="12.5", sequence=1), secret=False),
    "feeds": _person(_by_policy(files.read_feeds), feeds_hold, ".yaml", json.dumps(FEEDS), secret=False),
    "vault": _person(files.read_vault, vault_holds, ".yaml", VAULT, secret=False),
    "deployment": _person(files.read_deployment, deployment_holds, ".json", json.dumps(DEPLOYMENT), secret=False),
    "opening": Target(
        ".json", (_opening_json(),), files.read_opening, opening_holds, frozenset({3}), secret=True, document=True
    ),
    "proof": Target(
        ".json",
        (SECRETS.prove(range(9), 31, 41, "rebalance_8").to_json().encode(),),
        Proof.read,
        proof_holds,
        frozenset({3}),
        document=True,
    ),
    "vkey": Target(
        ".json",
        (_key_json(),),
        lambda path: VerifyingKey.from_json(disk.read_limited(path, 1 << 20), str(path)),
        key_holds,
        frozenset({3, 6}),
        document=True,
    ),
    "manifest": Target(
        ".json",
        (b'{"format": "dls-zk/manifest/v1", "kind": "dev", "files": {"a.wasm": "00"}}',),
        _manifest,
        manifest_holds,
        frozenset({6}),
        document=True,
    ),
    "r1cs": Target(".r1cs", (container("r1cs", r1cs_sections()),), R1CS.read, system_holds, frozenset({6})),
    "zkey": Target(".zkey", (container("zkey", zkey_sections().items()),), read_zkey, zkey_holds, frozenset({6})),
    "zkey-judged": Target(".zkey", (container("zkey", zkey_sections().items()),), _judged, zkey_holds, frozenset({6, 8})),
    "ptau": Target(".ptau", (POWERS_FILE,), _powers, powers_hold, frozenset({3, 6})),
}
