"""The chain: connecting, signing, sending, and clients for the contracts. The only package with web3.

connection    to a node, and what goes wrong on the way      refusals      a contract's errors in words
signers       who signs: a keystore, a key, another program  journal       what was signed, kept on the disk
transactions  one effect for each intent, whatever breaks    clients       the hub and the development oracle
"""

from .clients import Accepted, Hub, Oracle, Snapshot, VaultConfig, VaultState, accrual_ppm
from .connection import Chain, NoContract, Receipt, Refused, connect, is_loopback
from .journal import Intent, Key, Status
from .refusals import EXPLAINED, explain_revert
from .signers import ExternalSigner, KeySigner, Signer, Transaction
from .transactions import Call, Delivery, Mined, Sender

__all__ = [
    "EXPLAINED",
    "Accepted",
    "Call",
    "Chain",
    "Delivery",
    "ExternalSigner",
    "Hub",
    "Intent",
    "Key",
    "KeySigner",
    "Mined",
    "NoContract",
    "Oracle",
    "Receipt",
    "Refused",
    "Sender",
    "Signer",
    "Snapshot",
    "Status",
    "Transaction",
    "VaultConfig",
    "VaultState",
    "accrual_ppm",
    "connect",
    "explain_revert",
    "is_loopback",
]
