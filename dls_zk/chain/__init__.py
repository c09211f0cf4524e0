"""The chain: connecting, signing, sending, and clients for the contracts. The only package that speaks to a node.

rpc           JSON-RPC to nodes as they are                  connection    what is asked of a chain
signers       who signs: a keystore, a key, another program  eip1559       the transaction that is signed
signatures    who signed a hash, contracts too
journal       what was signed, kept on the disk              transactions  one effect for each intent, whatever breaks
refusals      a contract's errors in words                   client        what all clients do
registry      readable policies by their hash                oracle        feeds and their snapshots
hub           keys, vaults, rebalances                       mandate       what a vault may do
share_token   a vault's shares, orders, and its asset        reconciler    what is reconciled with custody
deployment    the contracts on a chain, and their audit      creation      what a contract was created from
submission    proofs brought to the hub                      watching      events as they come, reorganisations too
evm           a verifier run for one question               local         a local chain with everything on it
"""

from ..statement.feeds import Feed, FeedSet
from .connection import Block, Chain, Log, NoContract, Question, Receipt, connect
from .deployment import AuditFinding, Ceremony, Protocol, Transcript, audit, checked_key, deploy
from .eip1559 import Transaction
from .hub import Accepted, Hub, OperatorOffer, Proposal, Roles, VaultState, VaultStatus, WriteDown
from .journal import Intent, IntentKey, IntentStatus
from .mandate import Mandate, ShareTerms
from .oracle import DevFeed, Oracle, Snapshot, Unconfirmed
from .refusals import EXPLAINED, explain_revert
from .registry import Registry
from .rpc import Refused, Rpc, is_loopback
from .share_token import Asset, Exits, Holdings, Order, SettledPrice, ShareToken
from .signers import ExternalSigner, KeySigner, Signer
from .submission import BatchIncomplete, NotAccepted, Outcome, State, Submission, read_all, submit
from .transactions import Call, Delivery, Sender

__all__ = [
    "EXPLAINED",
    "Accepted",
    "Asset",
    "AuditFinding",
    "BatchIncomplete",
    "Block",
    "Call",
    "Ceremony",
    "Chain",
    "Delivery",
    "DevFeed",
    "Exits",
    "ExternalSigner",
    "Feed",
    "FeedSet",
    "Holdings",
    "Hub",
    "Intent",
    "IntentKey",
    "IntentStatus",
    "KeySigner",
    "Log",
    "Mandate",
    "NoContract",
    "NotAccepted",
    "OperatorOffer",
    "Oracle",
    "Order",
    "Outcome",
    "Proposal",
    "Protocol",
    "Question",
    "Receipt",
    "Refused",
    "Registry",
    "Roles",
    "Rpc",
    "Sender",
    "SettledPrice",
    "ShareTerms",
    "ShareToken",
    "Signer",
    "Snapshot",
    "State",
    "Submission",
    "Transaction",
    "Transcript",
    "Unconfirmed",
    "VaultState",
    "VaultStatus",
    "WriteDown",
    "audit",
    "checked_key",
    "connect",
    "deploy",
    "explain_revert",
    "is_loopback",
    "read_all",
    "submit",
]
