"""What an attestor writes and is given: configuration, statement of account, attestation, opening of an attestation."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..statement.circuits import CIRCUITS
from ..statement.field import require_canonical
from ..storage.sealed import is_recipient
from .values import (
    NAME_PATTERN,
    QUANTITY_RANGE,
    Bytes32,
    ChecksumAddress,
    Document,
    Element,
    Fixed,
    Line,
    Many,
    Name,
    RebalanceCircuitName,
    SecretAddress,
    SecretBytes32,
    SecretElement,
    Text,
    Uint256,
    Whole,
    WholeUint256,
    one_of,
)

ATTESTATION_FORMAT = "dls-zk/attestation/v1"
ATTESTATION_OPENING_FORMAT = "dls-zk/attestation-opening/v1"

#: Names of what ``attest sign`` writes into a folder.
ATTESTATION, SEALED = "attestation.json", "opening.age"

#: Exchanges whose accounts can be read. Each has its rule of what is net of debts, and its test (``attest.exchange``).
EXCHANGES = ("bybit",)


def _recipient(text: str) -> str:
    if not is_recipient(text):
        raise ValueError("not an age recipient; was it copied whole?")
    return text


Recipient = Annotated[str, Text("age1[0-9a-z]{58}", "an age recipient (age1 and 58 characters)"), AfterValidator(_recipient)]


class StatementColumns(Document):
    """The names of the columns of a CSV statement."""

    account: Line = "account"
    """column of the account; absent: account"""
    instrument: Line = "instrument"
    """column of the instrument or currency; absent: instrument"""
    quantity: Line = "quantity"
    """column of the balance, a plain decimal, negative for a debt; absent: quantity"""
    time: Line = "time"
    """column of the moment of the balance, Unix seconds or UTC such as 2026-11-28T17:50:06Z; absent: time"""


class StatementSource(Document):
    """A statement of account in a file (CSV, or JSON), which another system writes."""

    file: Line
    """file (a path from this file's folder), read anew for each attestation"""
    account: Line
    """account of the statement, as the file names it: rows of other accounts are not read"""
    columns: StatementColumns = StatementColumns()
    """names of the columns; absent: time, account, instrument, quantity"""


class TokenFields(Document):
    """An ERC-20 token."""

    address: ChecksumAddress
    """address of the token"""
    decimals: Annotated[int, Fixed(0, 0, 255)]
    """decimals that the token has to say that it has"""


class ChainSource(Document):
    """Balances of addresses on a chain, at a final block."""

    rpc: Line
    """URL of a node, or of several with commas between them, or $NAME: the environment variable that holds it"""
    chain_id: Uint256
    """EIP-155 id that the node's chain has to have"""
    addresses: Many[ChecksumAddress]
    """addresses that hold the balances"""
    coin: Name | None = None
    """name for the chain's own coin (18 decimals), such as ETH; absent: it is not read"""
    tokens: dict[str, TokenFields] = {}
    """tokens by the names for them"""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.addresses or len(set(self.addresses)) != len(self.addresses):
            raise ValueError("addresses: name each address once, and at least one")
        if not self.coin and not self.tokens:
            raise ValueError("name the coin, tokens, or both")
        places = [token.address for token in self.tokens.values()]
        if len(set(places)) != len(places) or self.coin in self.tokens:
            raise ValueError("tokens: a token, or a name, is given twice")
        return self


class ExchangeSource(Document):
    """An account of an exchange, read with a key that can only read."""

    exchange: one_of(EXCHANGES)  # type: ignore[valid-type]
    """which exchange"""
    account: Line
    """the exchange's own number of the account (its user id), which the key has to belong to"""
    credentials: Line
    """JSON file of the key, mode 0600: {"key": "…", "secret": "…"} (a path from this file's folder)"""
    url: Line | None = None
    """where the exchange's interface is; absent: its public address"""


class AccountFields(Document):
    """An account, where its balances are read, and which slot takes what."""

    name: Line
    """name of the account: public, so not its number"""
    statement: StatementSource | None = None
    """the source, if it is a statement of account"""
    chain: ChainSource | None = None
    """the source, if it is a chain"""
    exchange: ExchangeSource | None = None
    """the source, if it is an exchange"""
    slots: dict[str, Name] = {}
    """the policy's instrument that takes each instrument of the source"""
    units: dict[str, Annotated[int, Fixed(0, 1, 10**12)]] = {}
    """how many units of the source's instrument make one of the slot's, such as 1000 for SHIB in 1000SHIB; absent: 1"""
    exclude: dict[str, Line] = {}
    """what the source shows and the attestation leaves out, each with the reason: public, and part of what is signed"""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(source is not None for source in (self.statement, self.chain, self.exchange)) != 1:
            raise ValueError("name one source: statement, chain or exchange")
        for name in self.exclude:
            if name in self.slots:
                raise ValueError(f"exclude: {name} has a slot; it cannot be left out too")
        for name in self.units:
            if name not in self.slots:
                raise ValueError(f"units: {name} has no slot")
        return self


class AttestedVaultFields(Document):
    """A vault, and the venue of it that the attestor holds."""

    vault: Bytes32
    """id of the vault on the hub"""
    policy: Line
    """policy file of the vault (a path from this file's folder)"""
    venue: Name
    """venue of the policy whose slots are attested"""
    operator: ChecksumAddress
    """account of the operator, whose requests `attest serve` answers"""
    recipients: Many[Recipient]
    """age recipients of the operator, who alone can open the attested quantities"""
    accounts: Many[AccountFields]
    """accounts that the attestor holds for the vault"""
    equity_tolerance: Annotated[int, Fixed(4, 0, 10**6, "%")] = 5_000
    """how far an account's equity may be from the value of its positions and cash, of their size; absent: 0.5%"""
    steady_tolerance: Annotated[int, Fixed(4, 0, 10**6, "%")] = 10_000
    """by how much of itself a slot may rise and still count as steady; absent: 1%"""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [account.name for account in self.accounts]
        if not names or len(set(names)) != len(names):
            raise ValueError("accounts: name each account once, and at least one")
        if not self.recipients:
            raise ValueError("recipients: name at least one")
        return self


class AttestorFile(Document):
    """The configuration of an attestor."""

    chain_id: Uint256
    """EIP-155 id of the chain of the vaults"""
    contract: ChecksumAddress
    """address of the contract that checks attestations on that chain"""
    attestor: ChecksumAddress | None = None
    """the account that attests, as mandates name it, if it is a contract that accepts the signer's signature (ERC-1271);
    absent: the signer's own account"""
    record: Line = "attest-record.sqlite"
    """file of what was signed, and of which account belongs to which vault (a path from this file's folder); absent:
    attest-record.sqlite"""
    vaults: Many[AttestedVaultFields]
    """what is attested"""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        pairs = [(vault.vault.lower(), vault.venue) for vault in self.vaults]
        if not pairs or len(set(pairs)) != len(pairs):
            raise ValueError("vaults: name each venue of a vault once, and at least one")
        return self


class StatementFile(Document):
    """A statement of one account as JSON: what a custodian's own system may write for `dls-zk attest`."""

    account: Line
    """the account"""
    time: Line
    """moment of the balances: Unix seconds as text, or UTC such as 2026-11-28T17:50:06Z"""
    balances: dict[str, str] = Field(repr=False)
    """balance of each instrument as text, a plain decimal, negative for a debt"""


class AttestedAccount(Document):
    """An account that an attestation names."""

    name: Line
    """name of the account"""
    id: Bytes32
    """blinded hash of what the account is: the same in all attestations"""


class ExclusionFields(Document):
    """What an attestation leaves out."""

    account: Line
    """account that shows it"""
    instrument: Line
    """instrument, as the source names it"""
    reason: Line
    """why it is left out"""


class AttestationFile(Document):
    """An attestation: what an attestor says of a venue of a vault, without any quantity. Public."""

    format: Literal["dls-zk/attestation/v1"]
    """format and version of this file"""
    chain_id: WholeUint256
    """EIP-155 id of the chain of the vault"""
    contract: ChecksumAddress
    """address of the contract that checks attestations"""
    attestor: ChecksumAddress
    """account that attests"""
    vault_id: Bytes32
    """id of the vault"""
    venue: Annotated[int, Field(ge=0, lt=256)]
    """index of the venue in the policy"""
    policy_hash: Element
    """hash of the policy"""
    commitment: Element
    """commitment to the quantities of the venue's slots"""
    observed_at: Whole
    """second of the balances, Unix"""
    steady_since: Whole
    """since when no transfer from outside above the attestor's tolerance has come in, Unix seconds"""
    accounts: Many[AttestedAccount]
    """accounts that are attested for"""
    exclusions: Many[ExclusionFields]
    """what these accounts show and the attestation leaves out"""
    signature: Annotated[str, Text("0x(?:[0-9a-f]{2}){1,4096}", "a signature (0x and hex digits)")]
    """the attestor's signature (EIP-712)"""


class AttestationOpeningFile(Document):
    """What opens an attestation's commitment: secret. It comes encrypted to the operator's age recipients."""

    format: Literal["dls-zk/attestation-opening/v1"]
    """format and version of this file"""
    circuit: RebalanceCircuitName
    """circuit of the policy's size"""
    chain_id: WholeUint256
    """EIP-155 id of the chain of the vault"""
    contract: SecretAddress
    """address of the contract that checks attestations"""
    vault_id: SecretBytes32
    """id of the vault"""
    venue: Annotated[int, Field(ge=0, lt=256)]
    """index of the venue in the policy"""
    observed_at: Whole
    """second of the balances, Unix"""
    commitment: SecretElement
    """the commitment that the quantities and the salt open"""
    instruments: Many[Annotated[str, Text(rf"(?:{NAME_PATTERN})?", "a name, or nothing for an unused slot", secret=True)]]
    """instrument of each slot, empty for an unused one"""
    quantities: Many[Annotated[int, Fixed(0, *QUANTITY_RANGE, secret=True)]] = Field(repr=False)
    """quantity of each slot in millionths of the instrument, zero in the slots of other venues"""
    salt: SecretElement = Field(repr=False)
    """salt of the commitment"""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        slots = CIRCUITS[self.circuit].size.slots
        for field in ("quantities", "instruments"):
            if len(getattr(self, field)) != slots:
                raise ValueError(f"{field}: {len(getattr(self, field))} entries; {self.circuit} has {slots}")
        for field in ("salt", "commitment"):
            require_canonical(int(getattr(self, field), 16), field)
        return self


ATTEST_DOCUMENTS: dict[str, type[Document]] = {
    "attestor": AttestorFile,
    "statement": StatementFile,
    "attestation": AttestationFile,
    "attestation-opening": AttestationOpeningFile,
}
