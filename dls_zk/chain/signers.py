"""Who signs: a keystore file, a key in the environment, or another program that holds the key. Never an argument.

A signer has an address, turns a ``Transaction`` into its signed bytes, and signs typed data (EIP-712). What another program
returns is decoded and must be the transaction that it was asked to sign, in every field, or the typed data, signed by the
account that it was asked for.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from ..errors import ChainError, InputError
from ..statement.ethereum import checksum_address, is_address
from ..statement.typed_data import TypedData
from ..storage import disk, strict_json
from .eip1559 import TYPE, Transaction, decode
from .rpc import Refused, Rpc
from .signatures import signer_of

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

KEY_VARIABLE = "DLS_ZK_PRIVATE_KEY"
PASSWORD_VARIABLE = "DLS_ZK_KEYSTORE_PASSWORD"

#: How long another program may take: a person may have to agree on a device.
_SIGNING_SECONDS = 300

_KEYSTORE_BYTES = 1 << 16


class Signer(Protocol):
    """An account that can sign. address: with checksum."""

    @property
    def address(self) -> str: ...

    def sign(self, transaction: Transaction) -> bytes:
        """The signed transaction as it is sent; ChainError if it cannot be had."""

    def sign_typed_data(self, data: TypedData) -> bytes:
        """The signature, 65 bytes (r, s, 27 or 28); ChainError if it cannot be had."""


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
        return bytes(self._account.sign_transaction({"type": TYPE, **transaction.fields()}).raw_transaction)

    def sign_typed_data(self, data: TypedData) -> bytes:
        from eth_typing import Hash32

        return bytes(self._account.unsafe_sign_hash(Hash32(data.digest())).signature)


def key_is_set() -> bool:
    """Whether there is something in $DLS_ZK_PRIVATE_KEY."""
    return KEY_VARIABLE in os.environ


def from_environment() -> KeySigner:
    """The account of the private key in $DLS_ZK_PRIVATE_KEY, 64 hex digits; InputError if it is not there or no key."""
    from eth_account import Account  # it takes a second to load, and most commands have no key

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
    from eth_account import Account

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

    The URL may hold an access key, and is shown by scheme, host and port alone.
    """

    _rpc: Rpc = field(repr=False, compare=False)
    address: str

    @property
    def where(self) -> str:
        return self._rpc.where

    def sign(self, transaction: Transaction) -> bytes:
        fields = {name: hex(value) if isinstance(value, int) else value for name, value in transaction.fields().items()}
        answer = self._rpc.ask("eth_signTransaction", {"from": self.address, **fields})
        raw = answer.get("raw") if isinstance(answer, Mapping) else answer  # geth has {raw, tx}
        try:
            returned, sender = decode(bytes.fromhex(str(raw).removeprefix("0x")))
        except ValueError:
            raise ChainError(f"{self.where} returned no signed EIP-1559 transaction", code="signer_refused") from None
        asked = asdict(transaction)
        changed = [name for name, value in asdict(returned).items() if value != asked[name]]
        if sender != self.address:
            changed.append("sender")
        if changed:
            raise ChainError(
                f"{self.where} returned another transaction than it was asked to sign "
                f"({', '.join(changed)} differs); it was not sent",
                code="signer_refused",
            )
        return bytes.fromhex(str(raw).removeprefix("0x"))

    def sign_typed_data(self, data: TypedData) -> bytes:
        document = data.document()
        try:
            answer = self._rpc.ask("eth_signTypedData_v4", self.address, document)
        except Refused:  # web3signer has the older name, and takes a text
            answer = self._rpc.ask("eth_signTypedData", self.address, json.dumps(document))
        try:
            signature = bytes.fromhex(str(answer).removeprefix("0x"))
            if signature[64:] in (b"\0", b"\1"):  # some programs count from 0
                signature = signature[:64] + bytes([signature[64] + 27])
            if signer_of(data.digest(), signature) == self.address:
                return signature
        except ValueError:
            pass
        raise ChainError(f"{self.where} returned no signature of {self.address} for the typed data", code="signer_refused")


def from_url(url: str, address: str | None = None) -> ExternalSigner:
    """An account of the program at a URL: the one with this address, or the only one if no address is given."""
    rpc = Rpc([url], "signer", "the signer at ", _SIGNING_SECONDS)
    answer = rpc.ask("eth_accounts")
    held = (
        [checksum_address(one) for one in answer if isinstance(one, str) and is_address(one)]
        if isinstance(answer, list)
        else []
    )
    if address is None:
        if len(held) != 1:
            raise InputError(f"{rpc.where} holds {len(held)} accounts; say which by its address")
        return ExternalSigner(rpc, held[0])
    if not is_address(address):
        raise InputError("the account is not an address (0x and 40 hex digits, with the right checksum if it has one)")
    if checksum_address(address) not in held:
        raise InputError(f"{rpc.where} does not hold the account {address}")
    return ExternalSigner(rpc, checksum_address(address))
