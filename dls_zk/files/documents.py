"""All documents but the policy. The models are both the parser and the source of the JSON schemas in ``schemas/``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    Strict,
    model_validator,
)

from ..statement.allowances import Allowances
from ..statement.buckets import Bucket, Buckets
from ..statement.circuits import CIRCUITS
from ..statement.constants import (
    ALLOWANCE_BITS,
    MOST_ORDER_LEVY_PPM,
    PPM,
    QUANTITY_DECIMALS,
)
from ..statement.context import Context
from ..statement.deployment import DeployedKey, Deployment
from ..statement.feeds import CONFIRMATION_DELAY_S, DEVIATION_PERIOD_S, GRACE_PERIOD_S, Feed, NamedFeeds
from ..statement.field import require_canonical
from .policy import PolicyFile
from .values import (
    NAME_PATTERN,
    QUANTITY_RANGE,
    Address,
    Bytes32,
    ChecksumAddress,
    CircuitName,
    Day,
    Document,
    Element,
    Fixed,
    Line,
    Many,
    Name,
    Price,
    Quantity,
    RebalanceCircuitName,
    Seconds,
    SecretAddress,
    SecretBytes32,
    SecretElement,
    SecretMoment,
    Sha256,
    Text,
    Uint256,
    Whole,
    WholeUint256,
    quote,
)

OPENING_FAMILY = "dls-zk/opening/"
DEPLOYMENT_FORMAT = "dls-zk/deployment/v1"
OPENING_FORMAT = f"{OPENING_FAMILY}v2"


class PricesFile(Document):
    """Prices of all instruments at one moment: public. As CSV: columns instrument,price,date,source."""

    date: Day
    """the day of the prices (in CSV the same in every row)"""
    source: Line
    """where they come from (in CSV the same in every row)"""
    prices: dict[str, Price]
    """USD per unit of every instrument of the policy, at most 8 decimals"""
    chain_id: Uint256 | None = None
    """EIP-155 id of the chain whose oracle took them as a snapshot; absent: they are no snapshot's (never in CSV)"""
    oracle: Address | None = None
    """address of that oracle; present where chain_id is"""
    round: Uint256 | None = None
    """round of the snapshot, as the oracle counts; present where chain_id is"""

    @model_validator(mode="after")
    def _round_is_whole(self) -> Self:
        names = ("chain_id", "oracle", "round")
        missing = [name for name in names if getattr(self, name) is None]
        if 0 < len(missing) < len(names):
            raise ValueError(f"{', '.join(missing)}: missing; give chain_id, oracle and round, or none of them")
        return self


class BookFile(Document):
    """What a vault holds: secret. As CSV: columns instrument,quantity."""

    book: dict[str, Quantity] = Field(repr=False)
    """quantity of each instrument, at most 6 decimals, negative for a short or a loan; absent: 0"""


class TradesFile(Document):
    """What a rebalance changes, after minus before: secret. As CSV: columns instrument,quantity."""

    trades: dict[str, Quantity] = Field(repr=False)
    """change of each instrument's quantity, at most 6 decimals, cash legs included; absent: 0"""


class ContextFields(Document):
    """What ties a proof to one chain, hub, vault and moment."""

    chain_id: Uint256
    """EIP-155 chain id"""
    hub: Address
    """address of the hub contract"""
    vault_id: Bytes32
    """id of the vault"""
    sequence: Uint256
    """number of this rebalance of the vault, from 1"""
    mandate_version: Uint256
    """version of the policy, as the hub counts"""
    round: Uint256
    """round of the price snapshot, as the hub counts"""
    operator: Address
    """address that submits the proof"""
    deadline: Uint256
    """last moment at which the hub accepts the proof, in Unix seconds"""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.to_context()  # refuses a wrong address checksum
        return self

    def to_context(self) -> Context:
        return Context(**(self.model_dump() | {"vault_id": bytes.fromhex(self.vault_id[2:])}))


HIGHEST_ALLOWANCE = (1 << ALLOWANCE_BITS) - 1


class AllowancesFields(Document):
    """What a rebalance may use of the vault's buckets."""

    gain: Annotated[int, Fixed(0, 0, HIGHEST_ALLOWANCE, " ppb")]
    """gains without a trade (funding, fees), in parts per billion of NAV, such as 12000 ppb"""
    loss: Annotated[int, Fixed(0, 0, HIGHEST_ALLOWANCE, " ppb")]
    """costs of all kinds, in parts per billion of NAV before what a negative flow takes out"""
    turnover: Annotated[int, Fixed(0, 0, HIGHEST_ALLOWANCE, " ppm")]
    """what is traded outside the settlement slot, in parts per million of the same; at most the policy's max_turnover"""
    write_down: Annotated[int, Fixed(0, 0, HIGHEST_ALLOWANCE, " steps")]
    """announced losses, in NAV steps of the policy"""

    def to_allowances(self) -> Allowances:
        return Allowances(self.gain, self.loss, self.turnover, self.write_down)


_RATE_PPB = Fixed(0, 0, (1 << 32) - 1, " ppb")
_RATE_PPM = Fixed(0, 0, (1 << 32) - 1, " ppm")


class CostBucketTerms(Document):
    """A bucket of gain or loss, in parts per billion of NAV."""

    per_day: Annotated[int, _RATE_PPB]
    """what it fills by in a day"""
    cap: Annotated[int, _RATE_PPB]
    """the most that it holds"""
    step: Annotated[int, _RATE_PPB]
    """a rebalance names a multiple of this"""


class TurnoverBucketTerms(Document):
    """The bucket of turnover, in parts per million of NAV."""

    per_day: Annotated[int, _RATE_PPM]
    """what it fills by in a day"""
    cap: Annotated[int, _RATE_PPM]
    """the most that it holds"""
    step: Annotated[int, _RATE_PPM]
    """a rebalance names a multiple of this"""


class BucketsFields(Document):
    """The buckets that the vault's mandate grants."""

    gain: CostBucketTerms
    """gains without a trade"""
    loss: CostBucketTerms
    """costs of all kinds"""
    turnover: TurnoverBucketTerms
    """what is traded outside the settlement slot"""

    def to_buckets(self) -> Buckets:
        parts = (self.gain, self.loss, self.turnover)
        return Buckets(*(Bucket(part.per_day, part.cap, part.step) for part in parts))


class TermsFile(Document):
    """The public terms of one rebalance."""

    flow: Annotated[int, Fixed(QUANTITY_DECIMALS, *QUANTITY_RANGE)]
    """units of the settlement instrument paid in by share holders (negative: paid out), at most 6 decimals"""
    allowances: AllowancesFields
    """what the rebalance may use of the vault's buckets"""
    buckets: BucketsFields | None = None
    """the vault's buckets, of which the allowances are what they hold: `prove` names the least that the rebalance needs;
    absent: the allowances are what the rebalance names"""
    context: ContextFields
    """where and when the proof holds"""
    commitment_before: Element | None = None
    """commitment that the vault holds, which the opening has to open; absent: not compared before the hub does"""
    policy_hash: Element | None = None
    """hash of the policy in the vault's mandate; absent: not compared before the hub does"""
    oracle: Address | None = None
    """address of the hub's price oracle; absent: not compared with that of the prices"""


class FeedEntry(Document):
    """What prices one instrument."""

    aggregator: ChecksumAddress
    """address of a Chainlink price feed (AggregatorV3Interface) in USD"""
    heartbeat: Seconds
    """an answer older than this is refused, such as 3600 s"""
    deviation: Annotated[int, Fixed(2, 1, (1 << 16) - 1, "%")]
    """largest move in a deviation period that needs no confirmation, such as 10%"""


class Sequencer(Document):
    """On a rollup: what says whether its sequencer is up."""

    feed: ChecksumAddress
    """address of Chainlink's feed of the sequencer's uptime"""
    grace_period: Annotated[int, Fixed(0, *GRACE_PERIOD_S, " s")]
    """how long after the sequencer came back prices are refused, at most a day"""


class FeedsFile(Document):
    """The price feeds of a policy's instruments: public, added to the oracle once."""

    feeds: dict[str, FeedEntry]
    """the feed of every instrument of the policy"""
    confirmation_delay: Annotated[int, Fixed(0, *CONFIRMATION_DELAY_S, " s")] = 1800
    """how long a move beyond the deviation waits for its confirmation, from 5 minutes to a day; absent: 1800 s"""
    deviation_period: Annotated[int, Fixed(0, *DEVIATION_PERIOD_S, " s")] = 3600
    """in which the deviation bounds a price's move, from a minute to a week; absent: 3600 s"""
    sequencer: Sequencer | None = None
    """on a rollup; absent: none"""

    def to_feeds(self) -> NamedFeeds:
        sequencer = (self.sequencer.feed, self.sequencer.grace_period) if self.sequencer else ()
        feeds = {name: Feed(one.aggregator, one.heartbeat, one.deviation) for name, one in self.feeds.items()}
        return NamedFeeds(feeds, self.confirmation_delay, self.deviation_period, *sequencer)


#: Shares of NAV as a person writes them, in the units that the contracts keep them in.
_PPB = Fixed(7, 0, (1 << 30) - 1, "%")
_PPM = Fixed(4, 0, (1 << 30) - 1, "%")
_PPB_A_DAY = Fixed(7, 0, (1 << 32) - 1, "%")
_PPM_A_DAY = Fixed(4, 0, (1 << 32) - 1, "%")
#: An amount of the settlement asset that a mandate may name.
_AMOUNT = Fixed(QUANTITY_DECIMALS, 0, (1 << 64) - 1)


class CostBucketFields(Document):
    """How much of NAV rebalances may gain, or cost, over time."""

    per_day: Annotated[int, _PPB_A_DAY]
    """what the bucket fills by in a day, of NAV, such as 0.03%"""
    cap: Annotated[int, _PPB]
    """the most that it holds, and so the most in one rebalance, such as 0.5%"""
    step: Annotated[int, _PPB]
    """a rebalance names a multiple of this, so that the name tells little of the book, such as 0.01%"""


class TurnoverBucketFields(Document):
    """How much of NAV rebalances may trade over time, outside the settlement asset."""

    per_day: Annotated[int, _PPM_A_DAY]
    """what the bucket fills by in a day, of NAV, such as 50%"""
    cap: Annotated[int, _PPM]
    """the most that it holds, and so the most in one rebalance, such as 200%"""
    step: Annotated[int, _PPM]
    """a rebalance names a multiple of this, such as 5%"""


class OrderFields(Document):
    """How share holders come and go."""

    delay: Seconds
    """the first proof whose prices are this much younger than an order settles it, such as 3600 s"""
    redemption_period: Seconds
    """an unpaid redemption older than this stops deposits and draws; after twice as long anybody may wind down"""
    least: Annotated[int, _AMOUNT]
    """least deposit, and least worth of a redemption, in the settlement asset"""
    cap: Annotated[int, _AMOUNT]
    """most that the shares may be worth with all pending deposits, in the settlement asset"""
    levy: Annotated[int, Fixed(4, 0, MOST_ORDER_LEVY_PPM, "%")]
    """share of each deposit and redemption that stays with those who stay, at most 2%, such as 0.5%"""


class FeeFields(Document):
    """What the operator gets, in shares that are minted when orders settle."""

    management: Annotated[int, Fixed(4, 0, (1 << 24) - 1, "%")] = 0
    """of NAV, a year, such as 1%; absent: 0%"""
    performance: Annotated[int, Fixed(4, 0, (1 << 24) - 1, "%")] = 0
    """of gains above the highest settled price, such as 10%; absent: 0%"""


class BandFields(Document):
    """How far the share price may move before it has to be confirmed by the next proof."""

    per_day: Annotated[int, Fixed(4, 1, (1 << 24) - 1, "%")]
    """greatest move of the settled price in a day, such as 10%"""
    wait: Seconds
    """a price beyond that settles at the next proof at least this much later that is near it"""


class MandateFields(Document):
    """What a vault may do: public. As a file of its own for `vault mandate propose`."""

    policy: Line
    """policy file (a path from this file's folder) or policy hash (0x and 64 hex digits) of a registered policy"""
    feeds: Line
    """feeds file (a path from this file's folder) or name (0x and 64 hex digits) of a feed set, which `oracle add` added"""
    key: Bytes32 | None = None
    """name of the verifying key on the hub; absent: the deployment's key of the policy's size"""
    grace: Seconds
    """greatest age of the price round that a rebalance uses: the time to prove and to send, such as 900 s"""
    min_interval: Seconds
    """least time between the rounds of two rebalances, such as 60 s"""
    max_proof_age: Seconds
    """a vault whose last proof's prices are older than this is stale, such as 86400 s"""
    write_down: Annotated[int, Fixed(4, 0, PPM, "%")]
    """share of the settled NAV that the operator may write down alone within 30 days, such as 1%"""
    gain: CostBucketFields
    """gains that no price explains (funding, fees, interest)"""
    loss: CostBucketFields
    """costs, of trading and others"""
    turnover: TurnoverBucketFields
    """trading outside the settlement asset"""
    orders: OrderFields
    """how share holders come and go"""
    fees: FeeFields | None = None
    """what the operator gets; absent: nothing"""
    band: BandFields | None = None
    """how far the share price may move; absent: as far as it does"""


class ShareFields(Document):
    """The ERC-7540 token of a vault's shares."""

    symbol: Name
    """symbol of the token"""
    asset: ChecksumAddress
    """ERC-20 token that the first instrument of the policy stands for, with 6 to 18 decimals"""
    custody: ChecksumAddress
    """where drawn assets go"""


#: The longest name of a share token: it signs permits with it.
SHARE_NAME_BYTES = 31


class VaultFile(Document):
    """What a vault is opened with: public."""

    name: Line
    """name of the vault, and of its share token. Opening a vault of the same name and content again opens no second one"""
    mandate: MandateFields
    """what it may do"""
    operator: ChecksumAddress
    """submits rebalances and proposes mandates"""
    guardian: ChecksumAddress | None = None
    """may pause the vault and withdraw a proposed mandate; absent: nobody"""
    loosening_delay: Seconds
    """how long a mandate that does not only tighten waits, at least 86400 s (a day)"""
    share: ShareFields | None = None
    """the share token; absent: none, and whoever opens the vault records its flows"""

    @model_validator(mode="after")
    def _token_can_keep_its_name(self) -> Self:
        if self.share and len(self.name.encode()) > SHARE_NAME_BYTES:
            raise ValueError(f"name: longer than {SHARE_NAME_BYTES} bytes, which a share token cannot keep")
        return self


class DeployedVerifiersFields(Document):
    """The contracts of a verifying key on a chain."""

    verifier: ChecksumAddress
    """contract that snarkjs generated for the key"""
    batch_verifier: ChecksumAddress
    """contract that checks many proofs at once"""
    key_hash: Bytes32
    """keccak256 of the key's words, as the batch verifier has it"""
    r1cs_sha256: Sha256
    """sha256 of the constraint system that the key is for"""
    insecure: bool
    """whether it is a development key, against which anybody can forge proofs"""


class DeployedKeyFields(DeployedVerifiersFields):
    """A verifying key on a chain."""

    name: Bytes32
    """name of the key on the hub: the hash of both contracts, their code and the size"""


class DeploymentFile(Document):
    """Where the contracts are on a chain: public."""

    format: Literal["dls-zk/deployment/v1"]
    """format and version of this file"""
    chain_id: Whole
    """EIP-155 chain id"""
    genesis: Bytes32
    """hash of the chain's first block: every local development chain has the same id"""
    block: Whole
    """block before the deployment, from which on there may be events"""
    hub: ChecksumAddress
    """RebalanceHub"""
    policy_registry: ChecksumAddress
    """PolicyRegistry"""
    price_oracle: ChecksumAddress
    """PriceOracle"""
    libraries: dict[str, ChecksumAddress]
    """the libraries that the other contracts are linked with, by their names"""
    keys: dict[str, DeployedKeyFields]
    """the verifying key of each circuit, by the circuit's name"""
    created: dict[ChecksumAddress, Bytes32]
    """hash of the transaction that created each of these contracts, by the contract's address"""

    @model_validator(mode="after")
    def _creations_are_complete(self) -> Self:
        verifiers = (address for key in self.keys.values() for address in (key.verifier, key.batch_verifier))
        for address in (self.hub, self.policy_registry, self.price_oracle, *self.libraries.values(), *verifiers):
            if address not in self.created:
                raise ValueError(f"created: the transaction of {address} is missing")
        return self

    @model_validator(mode="after")
    def _circuits_are_ours(self) -> Self:
        for circuit in self.keys:
            if circuit not in CIRCUITS:
                raise ValueError(f"keys: {quote(circuit)} is none of {', '.join(CIRCUITS)}")
        return self

    def to_deployment(self) -> Deployment:
        keys = {name: DeployedKey(**key.model_dump()) for name, key in self.keys.items()}
        return Deployment(**self.model_dump(exclude={"format", "keys"}), keys=keys)


class OpeningFile(Document):
    """What opens the commitment to a book: secret, kept at mode 0600. Lose it and the vault can never move again."""

    format: Literal["dls-zk/opening/v2"]
    """format and version of this file"""
    circuit: RebalanceCircuitName
    """circuit of the commitment"""
    chain_id: WholeUint256
    """EIP-155 chain id"""
    hub: SecretAddress
    """address of the hub contract"""
    vault_id: SecretBytes32
    """id of the vault"""
    sequence: WholeUint256
    """number of the rebalance that leads to this book, from 1"""
    created: SecretMoment
    """when this file was written, in UTC, such as 2026-11-28T17:50:06Z"""
    commitment: SecretElement
    """the commitment that the quantities and the salt open"""
    instruments: Many[Annotated[str, Text(rf"(?:{NAME_PATTERN})?", "a name, or nothing for an unused slot", secret=True)]]
    """instrument of each slot, empty for an unused one"""
    quantities: Many[Annotated[int, Fixed(0, *QUANTITY_RANGE, secret=True)]] = Field(repr=False)
    """quantity of each slot in millionths of the instrument, one per slot of the circuit"""
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


Coordinate = Annotated[str, Text("0|[1-9][0-9]{0,76}", "a field element (a whole number in decimal digits)")]
Pair = Annotated[tuple[Coordinate, Coordinate], Strict(False)]


class Groth16Proof(Document):
    """A Groth16 proof as snarkjs writes it: affine points in decimal digits, with the third coordinate one."""

    pi_a: Annotated[tuple[Coordinate, Coordinate, Literal["1"]], Strict(False)]
    """point A of G1"""
    pi_b: Annotated[
        tuple[Pair, Pair, Annotated[tuple[Literal["1"], Literal["0"]], Strict(False)]],
        Strict(False),
    ]
    """point B of G2, each coordinate as (real, imaginary)"""
    pi_c: Annotated[tuple[Coordinate, Coordinate, Literal["1"]], Strict(False)]
    """point C of G1"""
    protocol: Literal["groth16"]
    """proof system"""
    curve: Literal["bn128"]
    """curve, by snarkjs's name for BN254"""


class ProofFile(Document):
    """A proof and the public signals that it proves. Described here for its schema; ``proof.Proof`` reads it."""

    format: Literal["dls-zk/proof/v1"]
    """format and version of this file"""
    circuit: CircuitName
    """circuit of the proof"""
    proof: Groth16Proof
    """the proof"""
    public: Many[Coordinate]
    """the public signals, in the order of the statement"""


DOCUMENTS: dict[str, type[Document]] = {
    "policy": PolicyFile,
    "prices": PricesFile,
    "book": BookFile,
    "trades": TradesFile,
    "terms": TermsFile,
    "feeds": FeedsFile,
    "mandate": MandateFields,
    "vault": VaultFile,
    "deployment": DeploymentFile,
    "opening": OpeningFile,
    "proof": ProofFile,
}
