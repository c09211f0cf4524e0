"""What a contract refuses, in words: the custom errors of all contracts, their codes, and what to do about each.

The codes are those of ``dls_zk.errors``: what this program finds itself, before it asks, has the same code as here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..solidity.abi import Mismatch, decode, elementary
from ..statement.ethereum import keccak256
from ..statement.field import decode_signed


class Explanation(NamedTuple):
    """Why a contract refused: a code of ``errors.CODES``, and one line."""

    code: str
    text: str


#: Error, as Solidity declares it → its code, and what it means and what to do, with the error's parameters by name. A
#: contract can pass on what another one refused, so they are not sorted by contract but by what they are about.
EXPLAINED: dict[str, tuple[str, str]] = {
    # --- deploying and numbering ---
    "InsecureDevelopmentKey(uint256 chainId)": (
        "insecure_key",
        "chain {chainId} is no development chain, and against this key anybody "
        "can forge proofs; use a key from `dls-zk setup ceremony`",
    ),
    "NotDevelopmentChain(uint256 chainId)": (
        "wrong_chain",
        "a contract for development cannot be deployed on chain {chainId}; only on 31337 and 1337",
    ),
    "NoCode(address account)": ("no_contract", "there is no contract at {account}; check the address and the chain"),
    "ZeroAddress()": ("value_refused", "an address is 0 that must not be; give one"),
    "UnsupportedSlots(uint256 slots)": ("value_refused", "{slots} slots; a book has 8, 16 or 32"),
    "PointAtInfinity()": ("insecure_key", "a point of the verifying key is the point at infinity; the key must not be used"),
    "PointNotOnCurve()": ("insecure_key", "a point of the verifying key is not on its curve; the key must not be used"),
    "GammaNotGenerator()": (
        "insecure_key",
        "γ of the verifying key is not the generator, as every setup leaves it; the key must not be used",
    ),
    "RelatedPoints()": (
        "insecure_key",
        "two points of the verifying key are small multiples of one another: anyone can forge proofs; it must not be used",
    ),
    "WrongPointCount(uint256 points)": (
        "value_refused",
        "the verifying key has {points} points IC; a key of a rebalance has 10, 12 or 15",
    ),
    "KeySizeMismatch(uint256 batchSignals, uint256 signals)": (
        "value_refused",
        "the batch verifier takes {batchSignals} public signals and this size has {signals}; give the one for this size",
    ),
    "UnknownKey(uint32 key)": ("unknown_id", "the hub has no verifying key {key}; see the deployment file for those it has"),
    "UnsupportedDecimals(uint8 decimals)": (
        "value_refused",
        "the asset has {decimals} decimals; a share token takes 6 to 18",
    ),
    # --- policies ---
    "UnknownPolicy(uint256 policyHash)": (
        "unknown_id",
        "the policy {policyHash} is not registered; run `dls-zk policy register`",
    ),
    "WrongLength(string field, uint256 given, uint256 expected)": (
        "value_refused",
        "{field} has {given} entries and a policy of this size {expected}; register it with this version of dls-zk",
    ),
    "OutOfRange(string field, uint256 index)": (
        "value_refused",
        "{field} has a value out of its range at place {index}; correct the policy",
    ),
    "InvalidName(string field, uint256 index)": (
        "value_refused",
        "a name in {field} is no name at place {index}: at most 64 letters, "
        "digits or $ . _ / : + -, with a letter among them and none of . _ / : + - in front; correct the policy",
    ),
    "DuplicateInstrument(uint256 slot)": (
        "value_refused",
        "slot {slot} has an instrument that another slot has; correct the policy",
    ),
    "UnusedSlotNotEmpty(uint256 slot)": (
        "value_refused",
        "slot {slot} has no instrument, and terms other than 0; correct the policy",
    ),
    "SettlementSlotUnused()": ("value_refused", "slot 0, the settlement asset, has no instrument; correct the policy"),
    "ZeroNavStep()": ("value_refused", "the NAV step is 0; correct the policy"),
    "ScenarioBelowZero(uint256 scenario, uint256 slot)": (
        "value_refused",
        "scenario {scenario} takes slot {slot} below zero; correct the policy",
    ),
    "SizeChanged()": (
        "value_refused",
        "the policies are for books of different sizes; a vault cannot go from one to the other",
    ),
    "NavStepChanged()": ("value_refused", "the policies have different NAV steps; a vault cannot go from one to the other"),
    "InstrumentChanged(uint256 slot)": (
        "value_refused",
        "slot {slot} has another instrument in the new policy; a vault cannot go to it",
    ),
    # --- mandates and vaults ---
    "UnknownMandate(uint32 mandate)": (
        "unknown_id",
        "the hub has no mandate {mandate}; check its number and the hub's address",
    ),
    "SizeMismatch(uint8 policySlots, uint8 keySlots, uint8 feedSetSlots)": (
        "value_refused",
        "the policy is for {policySlots} slots, the "
        "key for {keySlots} and the feed set for {feedSetSlots}; use three of one size",
    ),
    "FeedsDoNotFit(uint32 named, uint32 priced)": (
        "value_refused",
        "the feed set prices other slots than the policy names (bits "
        "{priced} and {named}); add a feed set for this policy with `dls-zk oracle add`",
    ),
    "ZeroSnapshotAge()": (
        "value_refused",
        "with a greatest snapshot age of 0 seconds no rebalance could be accepted; give more",
    ),
    "ZeroProofAge()": (
        "value_refused",
        "with a greatest proof age of 0 seconds the vault would be stale at once; give more",
    ),
    "ProofAgeBelowSnapshotAge(uint32 maxProofAge, uint32 maxSnapshotAge)": (
        "value_refused",
        "the greatest proof age ({maxProofAge} s) is below the greatest snapshot age ({maxSnapshotAge} s); raise it",
    ),
    "AccrualCapOutOfRange(uint24 cap)": (
        "value_refused",
        "the accrual cap {cap} ppm is not below 1,000,000 (all of the NAV); lower it",
    ),
    "DelayTooShort(uint32 delay, uint32 least)": (
        "value_refused",
        "share holders need at least {least} s to leave before a looser mandate, and the delay is {delay} s; raise it",
    ),
    "NoMandateProposed()": ("unknown_id", "no mandate is proposed; propose one with `dls-zk policy activate`"),
    "TooEarly(uint40 possibleAt)": (
        "too_early",
        "this call is possible from {possibleAt} (Unix seconds) on; wait until then",
    ),
    "UnknownVault(bytes32 vaultId)": (
        "unknown_id",
        "the hub has no vault {vaultId}; check the vault id and the hub's address",
    ),
    "NotOperator(address caller)": (
        "not_operator",
        "{caller} is not the vault's operator; send from the operator's account",
    ),
    "NotOperatorOrGuardian(address caller)": (
        "not_authorized",
        "{caller} is neither the vault's operator nor its guardian; send from the account of one of them",
    ),
    "NotGuardian(address caller)": (
        "not_authorized",
        "{caller} is not the vault's guardian; send from the guardian's account",
    ),
    "NotOpener(address caller)": (
        "not_authorized",
        "{caller} did not open the vault; its flows are recorded by its share token or opener",
    ),
    "NotProposedOperator(address caller)": (
        "not_authorized",
        "{caller} was not named as the next operator; the operator names it first",
    ),
    "NotOwner(address caller)": (
        "not_authorized",
        "{caller} is not the feed's owner; send from the account that deployed it",
    ),
    "WrongStatus(uint8 status)": ("wrong_status", "not while the vault is {status}; see `dls-zk vault status`"),
    "FlowOutOfRange(int256 pendingFlow)": (
        "amount_too_large",
        "the pending flow would be {pendingFlow}, outside [-2^56, 2^56); submit a rebalance first",
    ),
    # --- feeds and snapshots ---
    "UnknownFeedSet(uint32 feedSet)": (
        "unknown_id",
        "the oracle has no feed set {feedSet}; add one with `dls-zk oracle add`",
    ),
    "UnknownRound(uint32 round)": ("unknown_id", "the oracle has no round {round}; take one with `dls-zk oracle snapshot`"),
    "SettlementFeedMissing()": ("value_refused", "slot 0, the settlement asset, has no feed; give it one"),
    "ZeroHeartbeat(uint256 slot)": ("value_refused", "the feed of slot {slot} has a heartbeat of 0 s; give it one"),
    "ZeroDeviation(uint256 slot)": ("value_refused", "the feed of slot {slot} has a deviation of 0; give it one"),
    "TooManyDecimals(uint256 slot, uint8 decimals)": (
        "value_refused",
        "the feed of slot {slot} has {decimals} decimals; at most 18 can be read",
    ),
    "FeedFailed(uint256 slot)": (
        "feed_not_ready",
        "the feed of slot {slot} does not answer; check its address, or wait until it does",
    ),
    "AnswerNotPositive(uint256 slot, int256 answer)": (
        "feed_not_ready",
        "the feed of slot {slot} answers {answer}, which is no price; wait until it has one",
    ),
    "AnswerTooLarge(uint256 slot, int256 answer)": (
        "value_refused",
        "the feed of slot {slot} answers {answer}, which is 2^48 · 1e-8 USD or more; check that it is a feed in USD",
    ),
    "AnswerStale(uint256 slot, uint256 updatedAt, uint32 heartbeat)": (
        "feed_not_ready",
        "the feed of slot {slot} was updated at "
        "{updatedAt} last, more than its heartbeat of {heartbeat} s ago; wait until it is updated",
    ),
    "AnswerFromFuture(uint256 slot, uint256 updatedAt)": (
        "feed_not_ready",
        "the feed of slot {slot} was updated at {updatedAt}, ahead of the chain's clock; wait, or check the feed",
    ),
    "SequencerFeedFailed()": (
        "feed_not_ready",
        "the feed of the sequencer's uptime does not answer; check its address, or wait until it does",
    ),
    "SequencerDown()": ("sequencer_down", "the rollup's sequencer is down; wait until it is back"),
    "SequencerJustBack(uint256 since, uint32 gracePeriod)": (
        "sequencer_down",
        "the rollup's sequencer is back since {since} only; wait for {gracePeriod} s from then",
    ),
    "ConfirmationTooEarly(uint40 confirmableAt)": (
        "price_moved",
        "prices that moved far wait for their confirmation; take the snapshot from {confirmableAt} (Unix seconds) on",
    ),
    "TwoSnapshotsInOneSecond()": (
        "same_second",
        "the chain's clock has not moved since the last snapshot; try again in a second",
    ),
    # --- rebalances ---
    "DeadlinePassed(uint40 deadline)": (
        "deadline_passed",
        "the deadline {deadline} has passed; prove again with a later one",
    ),
    "SnapshotTooOld(uint40 timestamp, uint32 maxSnapshotAge)": (
        "snapshot_too_old",
        "the price snapshot of {timestamp} is older than {maxSnapshotAge} s; prove at a newer round",
    ),
    "SnapshotBeforeLast(uint40 timestamp, uint40 lastTimestamp)": (
        "snapshot_too_old",
        "the price snapshot of {timestamp} is older than the "
        "last one used, or the vault, of {lastTimestamp}; prove at a newer round",
    ),
    "WrongFeedSet(uint32 given, uint32 expected)": (
        "stale_prices",
        "the price snapshot is of feed set {given} and the vault's is {expected}; prove at a round of that one",
    ),
    "WrongSignalCount(uint256 given, uint256 expected)": (
        "proof_invalid",
        "the proof has {given} public signals and the vault takes {expected}; prove with the circuit of the vault's size",
    ),
    "SignalNotInField(uint256 index)": (
        "proof_invalid",
        "public signal {index} is not below the scalar field; the proof file is damaged",
    ),
    "CommitmentMismatch(uint256 given, uint256 expected)": (
        "stale_commitment",
        "the proof starts from the commitment {given} and the vault "
        "is at {expected}; prove again from the book that was accepted last",
    ),
    "PolicyMismatch(uint256 given, uint256 expected)": (
        "stale_policy",
        "the proof is for the policy {given} and the vault's is {expected}; prove with that one",
    ),
    "FlowMismatch(uint256 given, uint256 expected)": (
        "stale_flow",
        "the proof states the flow {given} and {expected} is pending; prove again with that flow",
    ),
    "AccrualMismatch(uint256 given, uint256 expected)": (
        "stale_accrual",
        "the proof states an accrual of {given} ppm and it is {expected} ppm; prove again with that",
    ),
    "NavFloorOutOfRange(uint256 navFloor)": (
        "proof_invalid",
        "the NAV floor {navFloor} is not below 2^42; the proof file is damaged",
    ),
    "ContextMismatch(uint256 given, uint256 expected)": (
        "stale_context",
        "the proof was made for another chain, hub, vault, sequence, "
        "mandate version, round, operator or deadline; prove again with the vault's next context",
    ),
    "PriceMismatch(uint256 word, uint256 given, uint256 expected)": (
        "stale_prices",
        "price word {word} differs from the oracle's snapshot; prove again at the prices of that round",
    ),
    "ProofCoordinateNotInField()": (
        "proof_invalid",
        "a coordinate of the proof is not below the base field; the proof file is damaged",
    ),
    "NotEnoughGas()": (
        "contract_refused",
        "the transaction has too little gas left for the verifier; send it with more, or a smaller batch",
    ),
    "ProofRejected()": (
        "proof_invalid",
        "the verifier says that the proof is not valid; check that the vault's verifier belongs to the "
        "proving key, and that the proof and its signals were not changed",
    ),
    "VerifierFailed()": ("contract_refused", "the vault's verifier gave no verdict; it is no verifier of the vault's size"),
    "EmptyBatch()": ("value_refused", "the batch has no rebalance; give one"),
    "SequenceMismatch(bytes32 vaultId, uint32 given, uint32 expected)": (
        "stale_sequence",
        "rebalance {given} of vault {vaultId} was to be submitted and its next is {expected}; leave it out, or prove again",
    ),
    "WrongKey(bytes32 vaultId, uint32 given, uint32 expected)": (
        "stale_policy",
        "vault {vaultId} has verifying key {expected} and the batch is for key {given}; submit it on its own",
    ),
    # --- shares ---
    "ZeroShares()": ("value_refused", "the amount is worth no share; give more"),
    "NotRequestOwner(address caller)": ("not_authorized", "{caller} is not the request's owner, who alone can cancel it"),
    "RequestDone(uint256 id)": ("already_done", "request {id} was filled or cancelled before; nothing is left of it"),
    "NavStepTooCoarse()": (
        "contract_refused",
        "one NAV step is more than a hundredth of total assets, so the queue stands "
        "still; cancel the request and redeem what is idle",
    ),
    "NothingToClaim(address receiver)": (
        "amount_too_large",
        "nothing is set aside for {receiver}; wait until the queue is processed",
    ),
    "NotEnoughIdle(uint256 assets, uint256 available)": (
        "amount_too_large",
        "{assets} of the asset's units were asked for and {available} lie idle and are not owed to the queue; ask for less",
    ),
    "WrongAmountMoved(uint256 moved, uint256 expected)": (
        "contract_refused",
        "the asset moved {moved} instead of {expected} units; a token that takes a fee cannot be used",
    ),
    "ERC4626ExceededMaxDeposit(address receiver, uint256 assets, uint256 max)": (
        "amount_too_large",
        "{assets} units cannot be deposited, at most {max}; deposits are closed unless the vault is active",
    ),
    "ERC4626ExceededMaxMint(address receiver, uint256 shares, uint256 max)": (
        "amount_too_large",
        "{shares} share units cannot be minted, at most {max}; deposits are closed unless the vault is active",
    ),
    "ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max)": (
        "amount_too_large",
        "{assets} units cannot be withdrawn now, at most {max}; put the rest into the queue",
    ),
    "ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max)": (
        "amount_too_large",
        "{shares} share units cannot be redeemed now, at most {max}; put the rest into the queue",
    ),
    "ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)": (
        "amount_too_large",
        "{sender} has {balance} units of the token and needs {needed}",
    ),
    "ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)": (
        "amount_too_large",
        "{spender} may take {allowance} units of the token and needs {needed}; approve them first",
    ),
    "ERC20InvalidApprover(address approver)": ("value_refused", "{approver} cannot approve; the address is 0"),
    "ERC20InvalidReceiver(address receiver)": ("value_refused", "{receiver} cannot receive the token; give another address"),
    "ERC20InvalidSender(address sender)": ("value_refused", "{sender} cannot send the token; the address is 0"),
    "ERC20InvalidSpender(address spender)": ("value_refused", "{spender} cannot be approved; the address is 0"),
    "SafeERC20FailedOperation(address token)": (
        "contract_refused",
        "the token at {token} refused a transfer; see why it does",
    ),
    "ReentrancyGuardReentrantCall()": (
        "contract_refused",
        "the asset called the share token back; such a token cannot be used",
    ),
}

#: The code of what is none of these.
_UNKNOWN = "contract_refused"

#: The words for a vault's status, in the order of the contract's enum.
STATUSES = ("active", "stale", "paused", "winding down")


def explain_revert(abi: Sequence[dict[str, Any]], data: object) -> Explanation:
    """What the return data of a revert says: an error of our contracts in words, one of ``abi`` by its name and
    parameters, or else the selector."""
    raw = _hex_bytes(data)
    for declaration, (code, text) in EXPLAINED.items():
        if shown := _parameters(declaration, raw):
            return Explanation(code, f"{text.format(**shown)} ({shown['']})")
    for declaration in declared_errors(abi):
        if shown := _parameters(declaration, raw):
            name = shown.pop("")
            return Explanation(_UNKNOWN, f"the contract refused: {name}({', '.join(f'{k}={v}' for k, v in shown.items())})")
    unknown = f"the contract refused with the unknown error 0x{raw[:4].hex()}" if raw else "the contract refused"
    return Explanation(_UNKNOWN, unknown)


def declared_errors(abi: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The custom errors of an ABI, as Solidity declares them."""
    for item in abi:
        if item["type"] == "error":
            inputs = (f"{one['type']} {one['name']}" for one in item["inputs"])
            yield f"{item['name']}({', '.join(inputs)})"


def _parameters(declaration: str, raw: bytes) -> dict[str, str] | None:
    """The parameters of an error by their names, and under "" its own name; None if ``raw`` is not this error."""
    name, _, inside = declaration.removesuffix(")").partition("(")
    inputs = [part.split(" ") for part in inside.split(", ") if part]
    types = [kind for kind, _ in inputs]
    if keccak256(f"{name}({','.join(types)})".encode())[:4] != raw[:4]:
        return None
    try:
        values = decode([elementary(kind) for kind in types], raw[4:])
    except (Mismatch, ValueError):  # another contract's word: it may be anything
        return None
    if name == "FlowMismatch":
        values = tuple(decode_signed(value) for value in values)
    if name == "WrongStatus" and values[0] < len(STATUSES):
        values = (STATUSES[values[0]],)
    return {"": name} | {parameter: _shown(value) for (_, parameter), value in zip(inputs, values, strict=True)}


def _hex_bytes(data: object) -> bytes:
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _shown(value: object) -> str:
    """A value for a message; field elements by their first digits only."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and value >= 1 << 64:
        return f"0x{value:064x}"[:12] + "…"
    return str(value)
