"""The attestor's configuration, read and held against the policies that it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .. import files
from ..errors import InputError
from ..files.attest import AccountFields, AttestedVaultFields, AttestorFile
from ..files.text import read_yaml
from ..files.validation import validate
from ..statement.model import Policy
from ..statement.typed_data import Domain
from .balances import ChainBalances
from .exchange import Bybit
from .mapping import MappedAccount, require_slots
from .source import Source
from .statements import Statement


@dataclass(frozen=True)
class AttestedVault:
    """A venue of a vault that is attested. operator: address with checksum. recipients: age. Tolerances in ppm."""

    vault_id: bytes
    policy: Policy
    venue: int
    operator: str
    recipients: tuple[str, ...]
    accounts: tuple[MappedAccount, ...]
    equity_tolerance_ppm: int
    steady_tolerance_ppm: int

    @property
    def venue_name(self) -> str:
        return self.policy.name_of("venue", self.venue)


@dataclass(frozen=True)
class Configuration:
    """What an attestor attests. attestor: None for the signer's own account. record: file of its record."""

    domain: Domain
    attestor: str | None
    record: Path
    vaults: tuple[AttestedVault, ...]

    def find(self, vault_id: bytes, venue: int | str | None = None) -> AttestedVault:
        """The venue (index or name; None: the only one) of a vault. InputError if it is not attested here."""
        of_vault = [one for one in self.vaults if one.vault_id == vault_id]
        found = [one for one in of_vault if venue in (None, one.venue, one.venue_name)]
        if len(found) == 1:
            return found[0]
        named = ", ".join(one.venue_name for one in of_vault)
        if not of_vault:
            raise InputError(f"the configuration has no vault 0x{vault_id.hex()}")
        raise InputError(f"name one venue of the vault: the configuration has {named}")


def read(path: Path) -> Configuration:
    """Read an attestor's configuration (YAML). InputError."""
    file = validate(AttestorFile, read_yaml(path, secret=False), path)
    folder = path.parent
    vaults = tuple(_vault(one, folder, f"{path}: vaults[{k}]") for k, one in enumerate(file.vaults))
    return Configuration(Domain(file.chain_id, file.contract), file.attestor, folder / file.record, vaults)


def _vault(fields: AttestedVaultFields, folder: Path, where: str) -> AttestedVault:
    policy = files.read_policy(folder / fields.policy)
    if fields.venue not in policy.venue_names:
        names = ", ".join(policy.venue_names)
        raise InputError(f"{fields.venue} is no venue of the policy; it has {names}", f"{where}.venue")
    venue = policy.venue_names.index(fields.venue)
    accounts = tuple(
        MappedAccount(one.name, _source(one, folder), dict(one.slots), dict(one.units), dict(one.exclude))
        for one in fields.accounts
    )
    for account in accounts:
        require_slots(account, policy, venue, where)
    return AttestedVault(
        bytes.fromhex(fields.vault[2:]),
        policy,
        venue,
        fields.operator,
        fields.recipients,
        accounts,
        fields.equity_tolerance,
        fields.steady_tolerance,
    )


def _source(account: AccountFields, folder: Path) -> Source:
    if one := account.statement:
        return Statement(folder / one.file, one.account, one.columns)
    if at := account.chain:
        tokens = {name: (token.address, token.decimals) for name, token in at.tokens.items()}
        return ChainBalances(at.rpc, at.chain_id, at.addresses, at.coin, tokens)
    assert account.exchange is not None  # the document has one source
    return Bybit(account.exchange.account, folder / account.exchange.credentials, account.exchange.url)


#: What ``attest init`` writes.
TEMPLATE = """\
# Configuration of an attestor for `dls-zk attest`. Nothing in this file is secret; keys and balances lie elsewhere.

chain_id: 1                                                # chain of the vaults (EIP-155)
contract: "0x0000000000000000000000000000000000000000"     # contract that checks attestations, as the vault's mandate says
# attestor: "0x…"          # only if the mandate names a contract wallet (ERC-1271) that accepts your signer's signature
record: attest-record.sqlite   # what was signed, and which account belongs to which vault: secret, back it up

vaults:
  - vault: "0x0000000000000000000000000000000000000000000000000000000000000000"   # id on the hub
    policy: policy.yaml        # the vault's policy, whose hash is signed
    venue: custody             # the venue of the policy that you hold
    operator: "0x0000000000000000000000000000000000000000"   # whose requests `attest serve` answers
    recipients:                # age keys of the operator, who alone can open the attested quantities
      - age1…
    # equity_tolerance: 0.5%   # how far a margin account's equity may be from its positions and cash
    # steady_tolerance: 1%     # by how much of itself a slot may rise and still count as steady

    accounts:                  # an account belongs to one venue of one vault for good
      # A statement of account that your own system writes, CSV or JSON, read anew each time.
      - name: custody account  # public, so not its number
        statement:
          file: statement.csv
          account: ACC-0001
          # columns: {time: time, account: account, instrument: instrument, quantity: quantity}
        slots: {USDC: USDC}    # the source's name: the policy's instrument
        # units: {SHIB: 1000}  # how many units of the source make one of the slot's
        exclude:               # what the source shows and the attestation leaves out: public and signed
          LEND: worthless remainder of a closed loan

      # Addresses on a chain, at the final block nearest to the second asked for.
      # - name: cold wallets
      #   chain:
      #     rpc: $ETH_RPC        # a URL, or the environment variable that holds it
      #     chain_id: 1
      #     addresses: ["0x…"]
      #     coin: ETH
      #     tokens: {USDC: {address: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", decimals: 6}}
      #   slots: {ETH: ETH, USDC: USDC}

      # An exchange, with a key that can only read.
      # - name: trading account
      #   exchange: {exchange: bybit, account: "12345678", credentials: bybit.json}
      #   slots: {USDT: USDT-B, BTCUSDT: BTC-PERP-B}
"""
