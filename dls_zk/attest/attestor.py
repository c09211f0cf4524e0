"""The attestor: reads the accounts of a venue, commits to what they hold, signs, and seals the opening for the operator."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ..chain.signatures import is_signed
from ..chain.signers import Signer
from ..errors import InputError
from ..statement.attestation import Account, Attestation, account_id, accounts_hash, exclusions_hash
from ..statement.commitments import attestation_commitment, policy_hash
from ..statement.constants import DEVELOPMENT_CHAIN_IDS, FIELD, PPM
from ..statement.ethereum import encode_strings, keccak256
from ..statement.model import Opening, Prices
from ..storage.sealed import seal
from .configuration import AttestedVault, Configuration
from .documents import AttestationInvalid, SignedAttestation, opening_document
from .mapping import Attested, MappedAccount, attested
from .record import Place, Record
from .source import TOLERANCE_S, Reading, require_close

#: Quantities that were seen further apart than this say nothing of what came and went between.
STEADY_GAP_S = 3600


@dataclass(frozen=True)
class Signed:
    """What an operator gets: the public attestation, and its opening encrypted to the operator.

    dust: what was rounded away, in units of the instrument; empty if the attestation was signed before, ``again``.
    """

    attestation: SignedAttestation
    sealed: bytes = field(repr=False)
    dust: Mapping[str, Fraction] = field(repr=False)
    again: bool


@dataclass(frozen=True)
class Attestor:
    """Attests what a configuration says, with a signer.

    Several threads and processes may do so with one record, which decides what counts.
    """

    configuration: Configuration
    record: Record
    signer: Signer = field(repr=False)

    @classmethod
    def of(cls, configuration: Configuration, signer: Signer) -> Attestor:
        return cls(configuration, Record(configuration.record), signer)

    def place(self, vault: AttestedVault) -> Place:
        """What attestations of a venue are about."""
        domain = self.configuration.domain
        return Place(domain.chain_id, domain.verifying_contract, vault.vault_id, vault.venue, policy_hash(vault.policy))

    def attest(
        self,
        vault: AttestedVault,
        at_s: int,
        *,
        sampled: bool = False,
        prices: Prices | None = None,
        steady_since_s: int | None = None,
    ) -> Signed:
        """The attestation of a venue as of a second; what was signed for that second before, if anything was.

        sampled: take what ``sample`` kept of accounts that show only what is now, and do not ask them. prices: to compare
        margin accounts with. steady_since_s: what the attestor knows; None: what the record shows. DlsError.
        """
        place = self.place(vault)
        if kept := self.record.signed(place, at_s):
            return _again(kept)
        # A local development chain has a clock of its own, which tests and demonstrations set.
        on_a_real_chain = place.chain_id not in DEVELOPMENT_CHAIN_IDS
        if on_a_real_chain and at_s > int(time.time()) + TOLERANCE_S:
            raise InputError("the second asked for is in the future; compare the clocks", code="clock_skew")
        _require_apart(vault)
        readings = [(account, self._reading(place, account, at_s, sampled)) for account in vault.accounts]
        found = attested(readings, vault.policy, vault.venue, vault.equity_tolerance_ppm, prices)
        steady_s = self._steady_since(vault, place, at_s, found) if steady_since_s is None else steady_since_s
        if steady_s > at_s:
            raise InputError("steady_since is after the second asked for")
        return self._sign(vault, place, at_s, steady_s, self._accounts(vault, place), found)

    def sample(self, vault: AttestedVault) -> None:
        """Keep what the accounts show that cannot be asked for the past, and what the slots hold if that is all of them."""
        now, place = int(time.time()), self.place(vault)
        live = [account for account in vault.accounts if not account.source.looks_back]
        readings = [(account, account.source.balances(now)) for account in live]
        for account, reading in readings:
            self.record.sample(place, account.name, reading)
        if len(live) == len(vault.accounts):
            found = attested(readings, vault.policy, vault.venue, vault.equity_tolerance_ppm)
            self.record.saw(place, now, found.quantities_e6)

    def _accounts(self, vault: AttestedVault, place: Place) -> tuple[Account, ...]:
        """The accounts, bound to the venue of the vault, each under its blinded id."""
        named = []
        for account in vault.accounts:
            identities = account.source.identities
            blindings = self.record.bind(identities, place, account.name)
            ids = [account_id(identity, blinding) for identity, blinding in zip(identities, blindings, strict=True)]
            whole = ids[0] if len(ids) == 1 else keccak256(encode_strings([one.hex() for one in ids]))
            named.append(Account(account.name, whole))
        return tuple(named)

    def _reading(self, place: Place, account: MappedAccount, at_s: int, sampled: bool) -> Reading:
        if not sampled or account.source.looks_back:
            return account.source.balances(at_s)
        reading = self.record.nearest(place, account.name, at_s)
        if reading is None:
            raise InputError("there is no sample yet; ask again in a minute", account.name, code="stale_source")
        require_close(reading.at_s, at_s, f"{account.name}: the nearest sample")
        return reading

    def _steady_since(self, vault: AttestedVault, place: Place, at_s: int, found: Attested) -> int:
        """The first second since which no slot was seen lower than now, but for the tolerance: what is there now was there
        all the time. A trade raises a slot too, and so ends it: rather too late than too early."""
        steady_s = at_s
        for seen_s, quantities in self.record.seen_before(place, at_s):
            rose = any(
                (now - then) * PPM > vault.steady_tolerance_ppm * abs(now)
                for now, then in zip(found.quantities_e6, quantities, strict=True)
            )
            if rose or steady_s - seen_s > STEADY_GAP_S:
                break
            steady_s = seen_s
        return steady_s

    def _sign(
        self,
        vault: AttestedVault,
        place: Place,
        at_s: int,
        steady_s: int,
        accounts: tuple[Account, ...],
        found: Attested,
    ) -> Signed:
        opening = Opening(found.quantities_e6, secrets.randbelow(FIELD))
        exclusions = tuple(one for account in vault.accounts for one in account.exclusions())
        said = Attestation(
            vault_id=vault.vault_id,
            venue=vault.venue,
            policy_hash=place.policy_hash,
            commitment=attestation_commitment(opening),
            exclusions_hash=exclusions_hash(exclusions),
            accounts_hash=accounts_hash(accounts),
            observed_at_s=at_s,
            steady_since_s=steady_s,
        )
        signature = self.signer.sign_typed_data(said.typed_data(self.configuration.domain))
        attestor = self.configuration.attestor or self.signer.address
        signed = SignedAttestation(self.configuration.domain, attestor, said, accounts, exclusions, signature)
        if attestor == self.signer.address and not is_signed(signed.digest(), signature, attestor):
            raise AttestationInvalid("the signer returned no signature of its account")
        sealed = seal(opening_document(signed, vault.policy, opening), vault.recipients)
        document = json.dumps(signed.to_document(), indent=2) + "\n"
        kept = self.record.keep(place, at_s, document, sealed)
        if kept[0] != document:
            return _again(kept)
        self.record.saw(place, at_s, found.quantities_e6)
        return Signed(signed, sealed, found.dust, again=False)


def _require_apart(vault: AttestedVault) -> None:
    """InputError if two accounts of a venue are one: its balances would count twice."""
    identities = [identity for account in vault.accounts for identity in account.source.identities]
    if len(set(identities)) != len(identities):
        raise InputError("an account, or an address, is named twice, so its balances would count twice")


def _again(kept: tuple[str, bytes]) -> Signed:
    document, sealed = kept
    return Signed(SignedAttestation.of(json.loads(document), "the record"), sealed, {}, again=True)
