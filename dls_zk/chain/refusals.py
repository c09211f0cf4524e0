"""What a contract refuses, in words: its custom errors, and what to do about each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eth_abi import decode
from eth_utils import function_signature_to_4byte_selector

from ..field import decode_signed

#: Error of the hub, the oracle or a development verifier → what it means and what to do; the error's parameters by name.
EXPLAINED = {
    "InsecureDevelopmentKey": "chain {chainId} is no development chain, and against this key anybody can forge proofs; "
    "use a key from `dls-zk setup ceremony`",
    "ZeroAddress": "the operator and the flow source must be addresses other than 0",
    "NoCode": "there is no contract at {account}; deploy the verifier and the oracle first",
    "UnsupportedSlots": "{slots} slots; a book has 8, 16 or 32",
    "InvalidPolicyHash": "the policy hash is 0 or outside the scalar field; compute it from the policy file",
    "ZeroSnapshotAge": "with a greatest snapshot age of 0 seconds no rebalance could be accepted; give more",
    "AccrualCapOutOfRange": "the accrual cap {cap} ppm is not below 2^20; lower it",
    "UnknownVault": "the hub has no vault {vaultId}; check the vault id and the hub's address",
    "NotOperator": "{caller} is not the vault's operator; send from the operator's account",
    "NotFlowSource": "{caller} is not the vault's flow source; send from that account",
    "FlowOutOfRange": "the pending flow would be {pendingFlow}, outside [-2^56, 2^56); submit a rebalance first",
    "DeadlinePassed": "the deadline {deadline} has passed; prove again with a later one",
    "SnapshotTooOld": "the price snapshot of {timestamp} is older than {maxSnapshotAge} s; prove at a newer round",
    "SnapshotBeforeLast": "the price snapshot of {timestamp} is older than the last one used, of {lastTimestamp}; "
    "prove at a newer round",
    "SnapshotFromFuture": "the price snapshot of {timestamp} is ahead of the chain's clock; wait, or check the oracle",
    "WrongPriceWordCount": "the oracle's snapshot has {given} price words and the vault takes {expected}; "
    "the vault was opened with an oracle for another size",
    "WrongSignalCount": "the proof has {given} public signals and the vault takes {expected}; "
    "prove with the circuit of the vault's size",
    "SignalNotInField": "public signal {index} is not below the scalar field; the proof file is damaged",
    "CommitmentMismatch": "the proof starts from the commitment {given} and the vault is at {expected}; "
    "prove again from the book that was accepted last",
    "PolicyMismatch": "the proof is for the policy {given} and the vault's is {expected}; prove with that one",
    "FlowMismatch": "the proof states the flow {given} and {expected} is pending; prove again with that flow",
    "AccrualMismatch": "the proof states an accrual of {given} ppm and it is {expected} ppm; prove again with that",
    "NavFloorOutOfRange": "the NAV floor {navFloor} is not below 2^42; the proof file is damaged",
    "ContextMismatch": "the proof was made for another chain, hub, vault, sequence, policy version, oracle round, "
    "operator or deadline; prove again with the vault's next context",
    "PriceMismatch": "price word {word} differs from the oracle's snapshot; prove again at the prices of that round",
    "ProofCoordinateNotInField": "a coordinate of the proof is not below the base field; the proof file is damaged",
    "NotEnoughGas": "the transaction has too little gas left for the verifier; send it with more",
    "ProofRejected": "the verifier says that the proof is not valid; check that the vault's verifier belongs to the "
    "proving key, and that the proof and its signals were not changed",
    "VerifierFailed": "the vault's verifier gave no verdict; it is no verifier of the vault's size",
    "UnknownRound": "the oracle has no round {round}; use one that it has",
    "NotDevelopmentChain": "the development oracle cannot be deployed on chain {chainId}; only on 31337 and 1337",
    "NotOwner": "{caller} is not the oracle's owner; send from the account that deployed it",
    "WrongWordCount": "{given} price words; the oracle takes {expected}",
    "PriceWordOutOfRange": "price word {word} has bits beyond its prices",
    "SettlementPriceMissing": "the price of slot 0, the settlement asset, is 0; give it one",
    "TwoSnapshotsInOneSecond": "the chain's clock has not moved since the last snapshot; try again in a second",
}


def explain_revert(abi: Sequence[dict[str, Any]], data: object) -> str:
    """One line for the return data of a revert: an error of ``abi`` in words, or else its selector."""
    raw = _hex_bytes(data)
    for item in abi:
        if item["type"] != "error":
            continue
        name, inputs = item["name"], item["inputs"]
        types = [i["type"] for i in inputs]
        if function_signature_to_4byte_selector(f"{name}({','.join(types)})") != raw[:4]:
            continue
        values = decode(types, raw[4:])
        if name == "FlowMismatch":
            values = tuple(decode_signed(value) for value in values)
        shown = {i["name"]: _shown(value) for i, value in zip(inputs, values, strict=True)}
        if name not in EXPLAINED:
            return f"the contract refused: {name}({', '.join(f'{k}={v}' for k, v in shown.items())})"
        return f"{EXPLAINED[name].format(**shown)} ({name})"
    return f"the contract refused with the unknown error 0x{raw[:4].hex()}" if raw else "the contract refused"


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
