"""What a contract refuses, in words: the custom errors of all contracts, their codes, and what to do about each.

The codes are those of ``dls_zk.errors``: what this program finds itself, before it asks, has the same code as here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..files.values import time_text
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
    "DelegatedCode(address account)": (
        "value_refused",
        "the code at {account} is a delegation, which its account can change; give a contract of its own",
    ),
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
        "the verifying key has {points} points IC; a key of a rebalance has 10, 12 or 15, and one of a reconciliation "
        "10, 12 or 19",
    ),
    "KeySizeMismatch(uint256 batchSignals, uint256 signals)": (
        "value_refused",
        "the batch verifier takes {batchSignals} public signals and this size has {signals}; give the one for this size",
    ),
    "UnknownKey(bytes32 key)": (
        "unknown_id",
        "the hub has no verifying key {key}; see the deployment file for those it has",
    ),
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
    "UnknownMandate(bytes32 mandate)": (
        "unknown_id",
        "the hub has no mandate {mandate}; check its name and the hub's address",
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
    "TermOutOfRange(string term, uint256 value, uint256 least, uint256 most)": (
        "value_refused",
        "the mandate's {term} is {value}, and with its other terms it has to be from {least} to {most}; correct the mandate",
    ),
    "DelayOutOfRange(uint32 delay, uint32 least, uint32 most)": (
        "value_refused",
        "share holders need from {least} to {most} s to leave before a looser mandate, and the delay is {delay} s",
    ),
    "NoMandateProposed()": ("unknown_id", "no mandate is proposed; propose one with `dls-zk vault mandate propose`"),
    "MandateNotProposed(bytes32 given, bytes32 proposed)": (
        "unknown_id",
        "the proposed mandate is {proposed} and not {given}; look at it before you activate it",
    ),
    "TooLate(uint40 lapsedAt)": (
        "lapsed",
        "the proposal lapsed at {lapsedAt} UTC; propose it anew",
    ),
    "RedemptionsFirst(uint40 askedBefore)": (
        "too_early",
        "redemptions that holders asked for before {askedBefore} UTC are not served yet; settle and pay them first",
    ),
    "FeedsAlive()": (
        "wrong_status",
        "a feed that the repair replaces answers again; withdraw the proposal, or propose it as a change that loosens",
    ),
    "TooEarly(uint40 possibleAt)": (
        "too_early",
        "this call is possible from {possibleAt} UTC on; wait until then",
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
    "UnknownFeedSet(bytes32 feedSet)": (
        "unknown_id",
        "the oracle has no feed set {feedSet}; add one with `dls-zk oracle add`",
    ),
    "UnknownRound(uint32 round)": ("unknown_id", "the oracle has no round {round}; take one with `dls-zk oracle snapshot`"),
    "SettlementFeedMissing()": ("value_refused", "slot 0, the settlement asset, has no feed; give it one"),
    "ZeroHeartbeat(uint256 slot)": ("value_refused", "the feed of slot {slot} has a heartbeat of 0 s; give it one"),
    "ZeroDeviation(uint256 slot)": ("value_refused", "the feed of slot {slot} has a deviation of 0; give it one"),
    "PeriodOutOfRange(string field, uint32 value, uint32 least, uint32 most)": (
        "value_refused",
        "the feed set's {field} is {value} s, and it has to be from {least} to {most} s; correct it",
    ),
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
        "{updatedAt} UTC last, more than its heartbeat of {heartbeat} s ago; wait until it is updated",
    ),
    "AnswerFromFuture(uint256 slot, uint256 updatedAt)": (
        "feed_not_ready",
        "the feed of slot {slot} was updated at {updatedAt} UTC, ahead of the chain's clock; wait, or check the feed",
    ),
    "SequencerFeedFailed()": (
        "feed_not_ready",
        "the feed of the sequencer's uptime does not answer; check its address, or wait until it does",
    ),
    "SequencerDown()": ("sequencer_down", "the rollup's sequencer is down; wait until it is back"),
    "SequencerJustBack(uint256 since, uint32 gracePeriod)": (
        "sequencer_down",
        "the rollup's sequencer is back since {since} UTC only; wait for {gracePeriod} s from then",
    ),
    "ConfirmationTooEarly(uint40 confirmableAt)": (
        "price_moved",
        "prices that moved far wait for their confirmation; take the snapshot from {confirmableAt} UTC on",
    ),
    "TwoSnapshotsInOneSecond()": (
        "same_second",
        "the chain's clock has not moved since the last snapshot; try again in a second",
    ),
    # --- reconciliations ---
    "UnknownTerms(bytes32 terms)": ("unknown_id", "the reconciler has no terms {terms}; add them, or check the name"),
    "VerifierChanged(address verifier, bytes32 code, bytes32 expected)": (
        "chain_unexpected",
        "the code of the verifier {verifier} has the hash {code}, and the terms say {expected}; do not rely on these terms",
    ),
    "WrongVenueCount(uint256 given, uint256 expected)": (
        "value_refused",
        "the terms have {given} venues and a book of this size {expected}; give one entry for each, empty for none",
    ),
    "AttestorAndClassDisagree(uint256 venue)": (
        "value_refused",
        "venue {venue} has an attestor without a class, or a class without an attestor; give both or neither",
    ),
    "NoAttestor()": ("value_refused", "no venue has an attestor; name one at least"),
    "NoProofToReconcile()": (
        "too_early",
        "the vault has no proof at the feeds of its mandate yet; reconcile its next one",
    ),
    "FlowAfterRound(uint40 timestamp)": (
        "stale_flow",
        "assets moved into or out of the book between the round of {timestamp} UTC and its proof, so that no attestor saw "
        "them; prove again at a later round, and reconcile that proof",
    ),
    "WrongRound(uint32 round)": (
        "stale_prices",
        "the round {round} is not the one of the last proof; reconcile at that one",
    ),
    "SizeMismatch(uint8 policySlots, uint8 termsSlots)": (
        "value_refused",
        "the policy is for {policySlots} slots and the terms are for {termsSlots}; use terms of that size",
    ),
    "AttestationMissing(uint256 venue)": (
        "value_refused",
        "the attestation of venue {venue} is missing or out of order; give one for each attested venue, in order",
    ),
    "UnexpectedAttestation(uint256 venue)": (
        "value_refused",
        "the attestation of venue {venue} comes twice, out of order, or from a venue without an attestor; leave it out",
    ),
    "WrongSecond(uint256 venue, uint40 observedAt, uint40 expected)": (
        "attestation_invalid",
        "the attestation of venue {venue} is of {observedAt} UTC and the last proof's prices are of {expected} UTC; ask the "
        "attestor for that second",
    ),
    "NotSteady(uint256 venue, uint40 steadySince, uint40 latest)": (
        "too_early",
        "the holdings at venue {venue} are there since {steadySince} UTC, and must have been since {latest} UTC; prove and "
        "reconcile at a later round",
    ),
    "WrongSignature(uint256 venue, address attestor, bytes32 digest)": (
        "attestation_invalid",
        "the attestation of venue {venue} (digest {digest}) is not signed by its attestor {attestor} for this vault, "
        "policy, chain and reconciler; ask the attestor again",
    ),
    # --- rebalances ---
    "DeadlinePassed(uint40 deadline)": (
        "deadline_passed",
        "the deadline {deadline} UTC has passed; prove again with a later one",
    ),
    "RoundTooOld(uint40 timestamp, uint32 grace)": (
        "snapshot_too_old",
        "the price round of {timestamp} UTC is older than {grace} s; take a snapshot, and prove at it",
    ),
    "RoundBeforeLast(uint40 timestamp, uint40 lastTimestamp)": (
        "snapshot_too_old",
        "the price round of {timestamp} UTC is not later than {lastTimestamp} UTC, when the last proof's was taken, the "
        "vault was opened, or it got its feeds; prove at a newer round",
    ),
    "RoundTooEarly(uint40 timestamp, uint40 possibleFrom)": (
        "round_too_early",
        "the price round of {timestamp} UTC is too close to the last proof's; prove at one from {possibleFrom} UTC on",
    ),
    "WrongFeedSet(bytes32 given, bytes32 expected)": (
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
    "AllowanceTooLarge(uint256 bucket, uint256 named, uint256 level)": (
        "allowance_too_large",
        "the proof names {named} of {bucket} and the bucket holds {level}; prove again at a later round, when it has filled",
    ),
    "AllowanceNotInSteps(uint256 bucket, uint256 named, uint256 step)": (
        "stale_allowances",
        "the proof names {named} of {bucket}, which is no multiple of {step}; take the vault's terms anew and prove again",
    ),
    "WriteDownMismatch(uint256 given, uint256 expected)": (
        "stale_allowances",
        "the proof carries a write-down of {given} NAV steps and {expected} are announced; take the vault's terms anew and "
        "prove again",
    ),
    "WriteDownWaits(uint40 usableFrom)": (
        "too_early",
        "the announced write-down may be used from {usableFrom} UTC on; wait, have the guardian approve it, or withdraw it "
        "with `dls-zk vault write-down withdraw`",
    ),
    "WriteDownOutOfRange(uint32 navSteps)": (
        "value_refused",
        "a write-down of {navSteps} NAV steps cannot be announced; from 1 to 2^30 - 1 steps can",
    ),
    "NoWriteDown()": ("unknown_id", "no write-down is open; announce one with `dls-zk vault write-down announce`"),
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
        "the transaction has too little gas left for a verifier or a feed; send it with more, or a smaller batch",
    ),
    "ProofRejected()": (
        "proof_invalid",
        "the verifier says that the proof is not valid; check that the vault's verifier belongs to the "
        "proving key, and that the proof and its signals were not changed",
    ),
    "VerifierFailed()": ("contract_refused", "the vault's verifier gave no verdict; it is no verifier of the vault's size"),
    "EmptyBatch()": ("value_refused", "the batch has no rebalance; give one"),
    "RoundMismatch(bytes32 vaultId, uint32 given, uint32 expected)": (
        "value_refused",
        "the rebalance of vault {vaultId} is at price round {given} and the batch at round {expected}; submit it on its own",
    ),
    "SequenceMismatch(bytes32 vaultId, uint32 given, uint32 expected)": (
        "stale_sequence",
        "rebalance {given} of vault {vaultId} was to be submitted and its next is {expected}; leave it out, or prove again",
    ),
    "WrongKey(bytes32 vaultId, bytes32 given, bytes32 expected)": (
        "stale_policy",
        "vault {vaultId} has verifying key {expected} and the batch is for key {given}; submit it on its own",
    ),
    # --- shares ---
    "ZeroAmount()": ("value_refused", "the amount is 0; give more"),
    "NotController(address caller)": (
        "not_authorized",
        "{caller} is neither the account whose order it is nor an operator that this account has set; sign with one of them",
    ),
    "OrderTooSmall(uint256 assets, uint256 least)": (
        "value_refused",
        "the order is worth {assets} and the mandate's least order is {least}; order more",
    ),
    "CapExceeded(uint256 assets, uint256 most)": (
        "amount_too_large",
        "with this order the shares would be worth {assets} and the mandate allows {most}; order less",
    ),
    "RedemptionsOverdue(uint40 askedAt)": (
        "wrong_status",
        "a redemption of {askedAt} UTC is unpaid for longer than the mandate allows: no deposits or draws until it is; "
        "give assets back with `dls-zk vault give-back`, and prove",
    ),
    "RedemptionsNotOverdue()": (
        "too_early",
        "no redemption waits for twice the mandate's redemption period yet; see `dls-zk vault status`",
    ),
    "MoreThanClaimable(uint256 amount, uint256 claimable)": (
        "amount_too_large",
        "{amount} were to be claimed and {claimable} can be; see `dls-zk vault order list`",
    ),
    "NothingToRelease()": ("already_done", "the price of the last proof is settled; no price waits outside the band"),
    "ReleaseTooLate(uint40 until)": (
        "lapsed",
        "the guardian could release the price until {until} UTC; it settles by itself at a later proof near it",
    ),
    "NothingToCancel(uint256 requestId)": (
        "already_done",
        "nothing of order {requestId} can be cancelled: a settlement has met it, or there is none; see `vault order list`",
    ),
    "OrderCommitted(uint256 requestId)": (
        "contract_refused",
        "order {requestId} is committed: the round that it waited for is taken, and its price may be known soon; the next "
        "proofs settle it",
    ),
    "NothingToClaim(uint256 requestId)": (
        "already_done",
        "nothing of order {requestId} can be claimed; see `dls-zk vault order list`",
    ),
    "NothingToTransfer(uint256 requestId)": (
        "already_done",
        "nothing of order {requestId} is pending; see `dls-zk vault order list`",
    ),
    "NoPreview()": (
        "contract_refused",
        "nobody knows the price at which an order will settle; `convertToAssets` quotes the last one",
    ),
    "NotEnoughIdle(uint256 assets, uint256 available)": (
        "amount_too_large",
        "{assets} were asked for and {available} lie idle and are not owed to redemptions; ask for less",
    ),
    "PriceUnknown()": (
        "wrong_status",
        "the vault's feeds changed and no proof came since, so redemptions have no price; prove first",
    ),
    "WrongAmountMoved(uint256 moved, uint256 expected)": (
        "contract_refused",
        "{moved} moved instead of {expected}; a token that takes a fee cannot be used",
    ),
    "ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed)": (
        "amount_too_large",
        "{sender} has {balance} and needs {needed}",
    ),
    "ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed)": (
        "amount_too_large",
        "{spender} may take {allowance} and needs {needed}; approve them first",
    ),
    "ERC20InvalidApprover(address approver)": ("value_refused", "{approver} cannot approve; the address is 0"),
    "ERC20InvalidReceiver(address receiver)": ("value_refused", "{receiver} cannot receive the token; give another address"),
    "ERC20InvalidSender(address sender)": ("value_refused", "{sender} cannot send the token; the address is 0"),
    "ERC20InvalidSpender(address spender)": ("value_refused", "{spender} cannot be approved; the address is 0"),
    "SafeERC20FailedOperation(address token)": (
        "contract_refused",
        "the token at {token} refused a transfer; see why it does",
    ),
    # --- the price and the wrapper of shares ---
    "UnknownRound(uint80 roundId)": ("unknown_id", "the price feed has no round {roundId} but the last; ask for that one"),
    "NotSettled(uint32 settled, uint32 last)": (
        "wrong_status",
        "the share's price is of proof {settled} and the last proof is {last}; settle first with `dls-zk vault settle`",
    ),
    "VaultNotActive(uint8 status)": ("wrong_status", "a share has no price while the vault is {status}"),
    "WriteDownOpen()": ("wrong_status", "a share has no price while a write-down is open; wait for the next proof"),
    "OracleUnsupportedPair(address base, address quote)": (
        "value_refused",
        "there is no price of {base} in {quote}; ask for the share in its asset or in USD",
    ),
    "OracleUntrustedData(address base, address quote)": (
        "wrong_status",
        "the price of {base} in {quote} is not to be relied on now; see `dls-zk vault status`",
    ),
    "InvalidToken(address token)": ("value_refused", "{token} is not taken here; give the share token"),
    "TooFewOut(uint256 out, uint256 least)": (
        "amount_too_large",
        "{out} would come out and at least {least} are asked for; ask for less",
    ),
    "ERC2612ExpiredSignature(uint256 deadline)": ("deadline_passed", "the permit has expired; sign another"),
    "ERC2612InvalidSigner(address signer, address owner)": (
        "not_authorized",
        "the permit is signed by {signer} and not by {owner}; sign it with the owner's account",
    ),
    "InvalidAccountNonce(address account, uint256 currentNonce)": (
        "already_done",
        "the permit's nonce is not {account}'s next one, {currentNonce}; sign another",
    ),
    "ECDSAInvalidSignature()": ("not_authorized", "the permit's signature is none; sign it again"),
    "ECDSAInvalidSignatureLength(uint256 length)": (
        "not_authorized",
        "the permit's signature has {length} bytes, and one has 65; sign it again",
    ),
    "ECDSAInvalidSignatureS(bytes32 s)": ("not_authorized", "the permit's signature is not in its low form; sign it again"),
    "StringTooLong(string str)": ("value_refused", "the name of the share token is too long; give a shorter one"),
    "InvalidShortString()": ("value_refused", "the name of the share token cannot be kept; give another"),
    "CheckpointUnorderedInsertion()": (
        "contract_refused",
        "the contract would write something before what it wrote last; please report it",
    ),
    "ReentrancyGuardReentrantCall()": (
        "contract_refused",
        "the asset called the share token back; such a token cannot be used",
    ),
}

#: The parameters that are amounts of a token.
_AMOUNTS = {
    "OrderTooSmall": ("assets", "least"),
    "CapExceeded": ("assets", "most"),
    "NotEnoughIdle": ("assets", "available"),
    "WrongAmountMoved": ("moved", "expected"),
    "MoreThanClaimable": ("amount", "claimable"),
    "ERC20InsufficientBalance": ("balance", "needed"),
    "ERC20InsufficientAllowance": ("allowance", "needed"),
    "TooFewOut": ("out", "least"),
}
#: Those that are about the asset, whatever token a call moves.
OF_THE_ASSET = ("OrderTooSmall", "CapExceeded", "NotEnoughIdle", "WrongAmountMoved")

#: An amount that an error states, for a person. It gets the error's name, and the amount in the token's smallest unit.
ShowAmount = Callable[[str, int], str]

#: The code of what is none of these.
_UNKNOWN = "contract_refused"

#: Parameters that are times in Unix seconds, beside all of 40 bits.
_TIMES = ("updatedAt", "since")

#: The buckets, in the order in which the hub counts them.
BUCKETS = ("gain", "loss", "turnover")

#: The words for a vault's status, in the order of the contract's enum.
STATUSES = ("active", "stale", "paused", "winding down")


def _in_smallest_units(_: str, amount: int) -> str:
    return f"{amount} of the token's smallest units"


def explain_revert(abi: Sequence[dict[str, Any]], data: object, show_amount: ShowAmount = _in_smallest_units) -> Explanation:
    """What the return data of a revert says: an error of our contracts in words, one of ``abi`` by its name and
    parameters, or else the selector. show_amount: how amounts are said, by whoever knows the token."""
    raw = _hex_bytes(data)
    for declaration, (code, text) in EXPLAINED.items():
        if shown := _parameters(declaration, raw, show_amount):
            return Explanation(code, f"{text.format(**shown)} ({shown['']})")
    for declaration in declared_errors(abi):
        if shown := _parameters(declaration, raw, show_amount):
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


def _parameters(declaration: str, raw: bytes, show_amount: ShowAmount) -> dict[str, str] | None:
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
    if name in ("WrongStatus", "VaultNotActive") and values[0] < len(STATUSES):
        values = (STATUSES[values[0]],)
    if name.startswith("AllowanceN") or name.startswith("AllowanceT"):
        values = _in_words(values)
    shown = {"": name}
    for (kind, parameter), value in zip(inputs, values, strict=True):
        is_amount = parameter in _AMOUNTS.get(name, ())
        shown[parameter] = show_amount(name, value) if is_amount else _shown(value, kind, parameter)
    return shown


def _hex_bytes(data: object) -> bytes:
    try:
        return bytes.fromhex(data.removeprefix("0x")) if isinstance(data, str) else b""
    except ValueError:
        return b""


def _in_words(values: Sequence[int]) -> tuple[object, ...]:
    """A bucket's number, and two amounts of it, in words."""
    bucket, *amounts = values
    if bucket >= len(BUCKETS):
        return tuple(values)
    unit = "ppm" if BUCKETS[bucket] == "turnover" else "ppb"
    return (BUCKETS[bucket], *(f"{amount} {unit}" for amount in amounts))


def _shown(value: object, kind: str, parameter: str) -> str:
    """A value for a message: times (of 40 bits in the contracts) in UTC, field elements by their first digits only."""
    if isinstance(value, int) and (kind == "uint40" or parameter in _TIMES):
        return time_text(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int) and value >= 1 << 64:
        return f"0x{value:064x}"[:12] + "…"
    return str(value)
