"""Who signed a hash: the account that a signature recovers to, or a contract that accepts it (ERC-1271)."""

from __future__ import annotations

from contextlib import suppress

from ..statement.ethereum import keccak256, word
from .connection import Chain, Question
from .rpc import Refused

#: Order of the curve secp256k1. An s in its upper half would be a second signature of the same (EIP-2).
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

#: What a contract returns for a signature that it accepts: the selector of isValidSignature(bytes32,bytes).
_ACCEPTED = keccak256(b"isValidSignature(bytes32,bytes)")[:4]

#: A contract's own signature may hold several; more than this no attestation has.
SIGNATURE_BYTES = 4096


def recover(digest: bytes, parity: int, r: int, s: int) -> str:
    """The address (with checksum) whose key signed a digest. ValueError if the numbers are no signature of anybody."""
    from eth_keys import keys  # it takes a third of a second to load

    if parity not in (0, 1) or not 0 < r < ORDER or not 0 < s <= ORDER // 2:
        raise ValueError("no signature")
    try:
        public = keys.Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
    except Exception:  # eth_keys and its backends each have errors of their own
        raise ValueError("no signature of any account") from None
    return public.to_checksum_address()


def signer_of(digest: bytes, signature: bytes) -> str:
    """The address that made a signature of 65 bytes (r, s, 27 or 28). ValueError if it is none."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise ValueError("not 65 bytes that end with 27 or 28")
    r, s = (int.from_bytes(signature[k : k + 32], "big") for k in (0, 32))
    return recover(digest, signature[64] - 27, r, s)


def is_signed(digest: bytes, signature: bytes, account: str, chain: Chain | None = None) -> bool:
    """Whether an account (address with checksum) signed: its key did, or, on a chain, its contract accepts the signature.

    As ``Reconciler.sol`` decides it: the key first, so that an account whose code is a delegation (EIP-7702) can use it.
    """
    with suppress(ValueError):
        if signer_of(digest, signature) == account:
            return True
    if chain is None or not chain.code(account):
        return False
    padded = signature + bytes(-len(signature) % 32)
    data = _ACCEPTED + digest + word(64) + word(len(signature)) + padded
    try:
        answer = chain.call(Question(account, data))
    except Refused as refusal:
        if refusal.revert is None:
            raise
        return False
    return len(answer) >= 32 and answer[:32] == _ACCEPTED + bytes(28)
