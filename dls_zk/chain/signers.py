"""Who signs: a keystore file, a key in the environment, or another program that holds the key. Never an argument.

A signer has an address and turns a ``Transaction`` into its signed bytes. What another program returns is decoded and
must be the transaction that it was asked to sign, in every field, signed by the account that it was asked for.
"""

from __future__ import annotations

import getpass
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions import TypedTransaction
from eth_utils import is_address, to_checksum_address
from hexbytes import HexBytes
from web3 import Web3
from web3.types import RPCEndpoint

from ..errors import ChainError, InputError
from ..storage import disk, strict_json
from .connection import open_url, reporting

KEY_VARIABLE = "DLS_ZK_PRIVATE_KEY"
PASSWORD_VARIABLE = "DLS_ZK_KEYSTORE_PASSWORD"

#: How long another program may take: a person may have to agree on a device.
_SIGNING_SECONDS = 300

_KEYSTORE_BYTES = 1 << 16
_EIP_1559 = 2


@dataclass(frozen=True)
class Transaction:
    """An EIP-1559 transaction without an access list.

    to: address with checksum, None to deploy. gas: its limit. max_fee_wei, tip_wei: per gas, the tip is part of the fee.
    """

    chain_id: int
    nonce: int
    to: str | None
    data: bytes = field(repr=False)
    value_wei: int
    gas: int
    max_fee_wei: int
    tip_wei: int

    def fields(self) -> dict[str, Any]:
        """Its fields by the names that JSON-RPC has for them."""
        fields = {
            "chainId": self.chain_id,
            "nonce": self.nonce,
            "data": HexBytes(self.data),
            "value": self.value_wei,
            "gas": self.gas,
            "maxFeePerGas": self.max_fee_wei,
            "maxPriorityFeePerGas": self.tip_wei,
        }
        return fields | ({"to": self.to} if self.to else {})


def decode(raw: bytes) -> tuple[Transaction, str]:
    """A signed transaction and its sender's address. ValueError if it is anything but a signed ``Transaction``."""
    try:
        fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        sender = Account.recover_transaction(HexBytes(raw))
    except Exception:  # rlp, eth_account and eth_keys each have errors of their own
        raise ValueError("no signed transaction") from None
    if fields["type"] != _EIP_1559 or fields["accessList"]:
        raise ValueError("no EIP-1559 transaction without an access list")
    transaction = Transaction(
        chain_id=fields["chainId"],
        nonce=fields["nonce"],
        to=to_checksum_address(fields["to"]) if fields["to"] else None,
        data=bytes(fields["data"]),
        value_wei=fields["value"],
        gas=fields["gas"],
        max_fee_wei=fields["maxFeePerGas"],
        tip_wei=fields["maxPriorityFeePerGas"],
    )
    return transaction, sender


class Signer(Protocol):
    """An account that can sign. address: with checksum."""

    @property
    def address(self) -> str: ...

    def sign(self, transaction: Transaction) -> bytes:
        """The signed transaction as it is sent; ChainError if it cannot be had."""


# --- a key in this process --------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class KeySigner:
    """Signs with a key that this process holds. The key is never shown."""

    _account: LocalAccount

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    @property
    def address(self) -> str:
        return self._account.address

    def sign(self, transaction: Transaction) -> bytes:
        return bytes(self._account.sign_transaction({"type": _EIP_1559, **transaction.fields()}).raw_transaction)


def key_is_set() -> bool:
    """Whether there is something in $DLS_ZK_PRIVATE_KEY."""
    return KEY_VARIABLE in os.environ


def from_environment() -> KeySigner:
    """The account of the private key in $DLS_ZK_PRIVATE_KEY, 64 hex digits; InputError if it is not there or no key."""
    try:
        key = bytes.fromhex(os.environ[KEY_VARIABLE].strip("\ufeff \t\r\n").removeprefix("0x"))
        return KeySigner(Account.from_key(key))
    except KeyError:
        raise InputError("is not set", f"${KEY_VARIABLE}") from None
    except Exception:  # the texts of these errors may hold the key
        raise InputError("is no private key (64 hex digits)", f"${KEY_VARIABLE}") from None


def from_keystore(path: Path, password_file: Path | None = None) -> KeySigner:
    """The account of an Ethereum keystore file, version 3.

    Its password is the one line of ``password_file``, or else $DLS_ZK_KEYSTORE_PASSWORD, or else asked for on the terminal
    without showing it. InputError if the file is no keystore or the password is wrong.
    """
    keystore = strict_json.parse_json(disk.read_limited(path, _KEYSTORE_BYTES), str(path))
    if not isinstance(keystore, dict) or keystore.get("version") != 3:
        raise InputError("not an Ethereum keystore file (version 3)", str(path))
    for password in _spellings(_password(path, password_file)):
        try:
            return KeySigner(Account.from_key(Account.decrypt(keystore, password)))
        except Exception as error:
            if str(error) != "MAC mismatch":
                raise InputError("the keystore file is damaged", str(path)) from None
    raise InputError("the password is wrong", str(path))


def _spellings(password: str) -> list[str]:
    """The password as it is, then with its accents composed and decomposed: keyboards and wallets (ethers: NFKC) differ."""
    forms: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
    return list(dict.fromkeys([password, *(unicodedata.normalize(form, password) for form in forms)]))


def _password(path: Path, password_file: Path | None) -> str:
    if password_file:
        first, *others = re.split("\r?\n", disk.read_text(password_file, 4096))
        if any(line.strip() for line in others):
            raise InputError("more than one line; a password is one", str(password_file))
        return first
    if PASSWORD_VARIABLE in os.environ:
        password, source = os.environ[PASSWORD_VARIABLE], f"${PASSWORD_VARIABLE}"
    elif sys.stdin and sys.stdin.isatty():
        password, source = getpass.getpass(f"Password of {path}: "), "the password"
    else:
        raise InputError(f"there is no terminal to ask for the password; set ${PASSWORD_VARIABLE}", str(path))
    if any("\ud800" <= character <= "\udfff" for character in password):  # bytes that Python could not decode
        raise InputError("not UTF-8 text", source)
    return password.removeprefix("\ufeff")


# --- a key elsewhere ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExternalSigner:
    """Has another program sign, over JSON-RPC: web3signer, geth before clef, anvil's own accounts, and what answers alike.

    where: scheme, host and port of the program. The rest of its URL may hold an access key and is never shown.
    """

    _web3: Web3 = field(repr=False, compare=False)
    where: str
    address: str

    def sign(self, transaction: Transaction) -> bytes:
        fields = {name: hex(value) if isinstance(value, int) else value for name, value in transaction.fields().items()}
        answer = _ask(self._web3, self.where, "eth_signTransaction", {"from": self.address, **fields})
        raw = answer.get("raw") if isinstance(answer, Mapping) else answer  # geth has {raw, tx}
        try:
            returned, sender = decode(bytes.fromhex(str(raw).removeprefix("0x")))
        except ValueError:
            raise ChainError(f"the signer at {self.where} returned no signed EIP-1559 transaction") from None
        asked = asdict(transaction)
        changed = [name for name, value in asdict(returned).items() if value != asked[name]]
        if sender != self.address:
            changed.append("sender")
        if changed:
            raise ChainError(
                f"the signer at {self.where} returned another transaction than it was asked to sign "
                f"({', '.join(changed)} differs); it was not sent"
            )
        return bytes.fromhex(str(raw).removeprefix("0x"))


def from_url(url: str, address: str | None = None) -> ExternalSigner:
    """An account of the program at a URL: the one with this address, or the only one if no address is given."""
    web3, where = open_url(url, "signer", _SIGNING_SECONDS)
    answer = _ask(web3, where, "eth_accounts")
    held = [to_checksum_address(held) for held in answer if is_address(held)] if isinstance(answer, list) else []
    if address is None:
        if len(held) != 1:
            raise InputError(f"the signer at {where} holds {len(held)} accounts; say which by its address")
        return ExternalSigner(web3, where, held[0])
    if not is_address(address):
        raise InputError("the account is not an address (0x and 40 hex digits, with the right checksum if it has one)")
    if to_checksum_address(address) not in held:
        raise InputError(f"the signer at {where} does not hold the account {address}")
    return ExternalSigner(web3, where, to_checksum_address(address))


def _ask(web3: Web3, where: str, method: str, *parameters: Any) -> Any:
    """The answer as it came: web3's own eth_signTransaction takes only {raw, tx}, and most signers return a string."""
    with reporting(f"the signer at {where}"):
        return web3.manager.request_blocking(RPCEndpoint(method), list(parameters))
