"""The errors that dls-zk raises: for each cause one code, and for each code one exit code.

    DlsError                    unexpected           base of all; raised itself, it is a bug
    ├── InputError              bad_input            a file, field or value that a person gave is wrong
    ├── StatementRefused        statement_refused    well-formed input, but a check of the statement fails
    ├── ToolError               tool_failed          a tool is missing, failed, or hung
    ├── ArtifactError           artifact_damaged     a built file (r1cs, wasm, zkey) is damaged, foreign or missing
    ├── ProofInvalid            proof_invalid        a proof or its public signals do not verify
    ├── InsecureKey             insecure_key         a development or malformed key where a real one is needed
    ├── ChainError              chain_unexpected     the chain is not as expected, or refused
    │   ├── NodeRefused         node_refused         the node does not serve us (401, 403, a method that it lacks)
    │   ├── NodeUnreachable     node_unreachable     the node does not answer, or not in time
    │   ├── RateLimited         rate_limited         the node asks us to wait (429)
    │   ├── TransactionPending  transaction_pending  a transaction is on its way, and nobody can say yet what became of it
    │   ├── Refused             contract_refused     (of ``chain``) a contract, or the pool, will not take one call
    │   └── NoContract          no_contract          (of ``chain``) there is no such contract at the address
    ├── VaultStale              vault_stale          a vault that is watched is stale or winds down
    └── BatchIncomplete         batch_incomplete     (of ``chain``) some of many rebalances were not accepted

A class says which part of the program failed; ``code`` says why, and an error may have another code than its class. The same
cause has the same code wherever it shows: a stale commitment is ``stale_commitment`` whether this program or the hub finds
it. ``CODES`` is the one table of them. The exit code follows from the code, and tells a script what to do:

    75              nothing is wrong for good: run the same command again later
    11              the vault has moved on: take its terms anew, and prove again
    129, 130, 143   a signal ended the run: run the same command again
    any other       a person has to look

Messages are one line: what is wrong, where, what to do. They never contain a quantity, a trade, a salt, or a value that a
check compares: checks and subjects are named only.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

#: Run the same command again later (EX_TEMPFAIL of sysexits.h).
TRY_AGAIN = 75
#: Take the vault's terms anew and prove again.
PROVE_AGAIN = 11

HUNG_UP, INTERRUPTED, TERMINATED = 129, 130, 143


class Code(NamedTuple):
    """What a code stands for."""

    exit_code: int
    meaning: str

    @property
    def retryable(self) -> bool:
        """Whether the same command, run again later with nothing changed, may succeed."""
        return self.exit_code in (TRY_AGAIN, HUNG_UP, INTERRUPTED, TERMINATED)


#: Every code, by exit code. Codes are stable: scripts compare them. ``docs/exit-codes.md`` shows this table.
CODES = {
    "unexpected": Code(1, "something unexpected; please report it"),
    "usage": Code(2, "an unknown command or option, or a value that an option does not take"),
    # --- 3: what a person gave ---
    "bad_input": Code(3, "a file, a field or a value is wrong"),
    "file_unusable": Code(3, "a file or folder cannot be read or written"),
    "folder_untrusted": Code(3, "another user can change what runs from a folder, or what is believed there"),
    "file_exists": Code(3, "a file exists that would be overwritten"),
    "opening_missing": Code(3, "the opening of a proof is missing or cannot be read"),
    "opening_mismatch": Code(3, "an opening is not that of the commitment that is needed"),
    "policy_mismatch": Code(3, "a policy is not the one in the mandate of the vault that the terms are for"),
    "no_slot": Code(3, "a source shows a balance that no slot takes and no exclusion names"),
    "account_bound": Code(3, "an account is bound to another vault or venue, for good"),
    "stale_source": Code(3, "the balances of a source are not of the second that was asked for"),
    "equity_mismatch": Code(3, "an account's equity is not the value of its positions and its cash"),
    "clock_skew": Code(3, "this machine's clock is not that of the exchange, the chain or the attestor"),
    "source_refused": Code(3, "an exchange or an attestor refuses, or answers what its documents do not say"),
    # --- 4 to 8: statement, tools, artifacts, proofs, keys ---
    "statement_refused": Code(4, "the input is well-formed, but a check of the statement fails"),
    "tool_failed": Code(5, "a tool failed"),
    "tool_missing": Code(5, "a tool is not installed, or too old"),
    "artifact_damaged": Code(6, "a built file (circuit, key) is damaged or foreign"),
    "artifact_missing": Code(6, "a built file (circuit, key) is not there; the message names the command that makes it"),
    "proof_invalid": Code(7, "a proof or its public signals do not verify"),
    "attestation_invalid": Code(7, "an attestation is not signed by its attestor, or is not what was asked for"),
    "insecure_key": Code(8, "a key is a development key or malformed, where a real one is needed"),
    # --- 9: the chain, for good ---
    "chain_unexpected": Code(9, "the chain or a contract is not as expected"),
    "contract_refused": Code(9, "a contract refused a call; the message says why"),
    "value_refused": Code(9, "a contract refused a value: correct it"),
    "amount_too_large": Code(9, "an amount is more than there is, or more than is allowed now"),
    "already_done": Code(9, "this was done before, and nothing is left to do"),
    "lapsed": Code(9, "what waited has lapsed; propose or announce it anew"),
    "wrong_status": Code(9, "the vault's status does not allow this"),
    "wrong_chain": Code(9, "a file is for another chain or hub than the one that is connected"),
    "unknown_id": Code(9, "the chain has no vault, policy, mandate, key, feed set or round of this name or number"),
    "no_contract": Code(9, "there is no such contract at the address"),
    "not_operator": Code(9, "the account that signs is not the vault's operator"),
    "not_authorized": Code(9, "the account that signs may not do this"),
    "no_account": Code(9, "the node or the signer holds no account to sign with"),
    "signer_refused": Code(9, "the signer refused, or signed something else than it was asked to"),
    "node_refused": Code(9, "the node does not take the request: an access key, a method or a limit is missing"),
    "insufficient_funds": Code(9, "the account that signs cannot pay for the transaction"),
    "vault_stale": Code(10, "`watch`: a vault is stale or winds down"),
    # --- 11: prove again ---
    "stale_commitment": Code(11, "the proof starts from another book than the one that was accepted last"),
    "stale_sequence": Code(11, "another rebalance has taken the proof's number"),
    "stale_policy": Code(11, "the vault has another policy, mandate or key than the one that was proven"),
    "stale_flow": Code(11, "the proof states another flow than is pending"),
    "stale_allowances": Code(11, "the proof names allowances that the vault does not grant any more"),
    "stale_prices": Code(11, "the proof is at other prices than those of the oracle's round"),
    "stale_context": Code(11, "the proof is for another operator, round or deadline"),
    "snapshot_too_old": Code(11, "the price snapshot of the proof is too old"),
    "allowance_too_large": Code(11, "a rebalance needs more of a bucket than it holds at the round; it fills with time"),
    "round_too_early": Code(11, "the price round is too close to that of the last proof"),
    "deadline_passed": Code(11, "the proof's deadline has passed"),
    # --- 12 ---
    "batch_incomplete": Code(12, "some of many were not accepted, for reasons with different exit codes; see the list"),
    # --- 75: again later ---
    "node_unreachable": Code(75, "the node does not answer, or not in time"),
    "rate_limited": Code(75, "the node, the exchange or the attestor asks us to wait"),
    "node_behind": Code(75, "the node's answers do not fit together yet, or it lacks newest blocks"),
    "transaction_pending": Code(75, "a transaction may be on its way; run again to learn what became of it"),
    "transaction_reverted": Code(75, "a transaction was mined and reverted; run again to learn why or to go on"),
    "nonce_taken": Code(75, "other transactions of the account are in the way"),
    "fee_above_cap": Code(75, "the base fee is above the fee cap"),
    "price_moved": Code(75, "a price moved far; it waits for its confirmation"),
    "same_second": Code(75, "the chain's clock has not moved since the last snapshot"),
    "feed_not_ready": Code(75, "a price feed does not answer, or its answer is stale or no price"),
    "sequencer_down": Code(75, "the rollup's sequencer is down, or back only now"),
    "too_early": Code(75, "the time for this has not come"),
    "source_unreachable": Code(75, "an exchange or an attestor does not answer, or not in time"),
    "tool_timeout": Code(75, "a tool did not answer in time"),
    "same_vault": Code(75, "`submit`: another rebalance of the same vault goes first"),
    # --- 128 + a signal ---
    "hung_up": Code(HUNG_UP, "ended by SIGHUP: the terminal went away"),
    "interrupted": Code(INTERRUPTED, "interrupted (SIGINT, or the end of input at a prompt)"),
    "terminated": Code(TERMINATED, "ended by SIGTERM"),
}


def listed(names: Iterable[str], most: int = 8, between: str = ", ") -> str:
    """Names in a message, or other short parts of one: at most ``most`` and how many more there are, as a message is one
    line however long a list a file or a chain gives. "none" if there is none."""
    known = list(names)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return (between.join(known[:most]) or "none") + more


class DlsError(Exception):
    """Base of all errors of this package.

    where: the file (and field), folder or address that it is about, "" if there is none. code: a key of ``CODES``, the
    class's own by default. after: seconds after which it makes sense to try again, None if nobody said. document: what a
    command that prints JSON shows beside the error, for example the list of what was done and what was not.
    """

    code = "unexpected"

    def __init__(self, message: str, where: str = "", *, code: str | None = None, after: int | None = None):
        super().__init__(message)
        self.message = message
        self.where = where
        self.code = code or self.code
        self.after = after
        self.document: Mapping[str, object] = {}
        CODES[self.code]  # a code that is in no table would be noticed by a user only

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message

    @property
    def exit_code(self) -> int:
        return CODES[self.code].exit_code

    @property
    def retryable(self) -> bool:
        """Whether the same command, run again later with nothing changed, may succeed."""
        return CODES[self.code].retryable

    def at(self, where: str) -> Self:
        """The same error, about a place that whoever raised it did not know."""
        moved = copy.copy(self)
        moved.where = f"{where}: {self.where}" if self.where else where
        return moved

    def as_json(self) -> dict[str, object]:
        """The error for a program. The message is the line that a person reads."""
        return {
            "code": self.code,
            "message": " ".join(str(self).split()),
            "exit_code": self.exit_code,
            "retryable": self.retryable,
            "after": self.after,
            "where": self.where or None,
        }


class InputError(DlsError):
    """Bad input. ``where`` names the file and, if known, the field."""

    code = "bad_input"


class StatementRefused(DlsError):
    """The relation does not hold. ``report`` is the ``verdict.Report`` that says which checks fail."""

    code = "statement_refused"

    def __init__(self, message: str, report: object = None):
        super().__init__(message)
        self.report = report


class ToolError(DlsError):
    code = "tool_failed"


class ArtifactError(DlsError):
    code = "artifact_damaged"


class SourceError(DlsError):
    """An exchange, or an attestor's service, does not give what it was asked for."""

    code = "source_refused"


class ProofInvalid(DlsError):
    code = "proof_invalid"


class InsecureKey(DlsError):
    code = "insecure_key"


class ChainError(DlsError):
    """The chain or the way to it. Also raised with the codes of exit code 11, if a proof is not what the hub demands now."""

    code = "chain_unexpected"


class NodeRefused(ChainError):
    """The node does not serve us, and asking again does not help: 401, 403, a method or a range that it does not offer.

    It says nothing about a transaction: that a contract or a pool will not take one is ``chain.connection.Refused``.
    """

    code = "node_refused"


class NodeUnreachable(ChainError):
    """The node does not answer, breaks off, hangs, or fails itself (5xx)."""

    code = "node_unreachable"


class RateLimited(ChainError):
    """The node asks us to wait. after: its Retry-After, seconds, if it named one."""

    code = "rate_limited"


class TransactionPending(ChainError):
    """A transaction is signed and may be sent, and nobody can say yet what became of it: do the same again."""

    code = "transaction_pending"


class VaultStale(DlsError):
    code = "vault_stale"
