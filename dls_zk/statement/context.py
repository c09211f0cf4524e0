"""The context of a rebalance: what ties a proof to one chain, one hub, one vault and one moment.

The hub computes the same number from its own state, as ``uint256(keccak256(abi.encode(block.chainid, address(this),
vaultId, sequence, mandateVersion, round, operator, deadline))) % FIELD``.
"""

from __future__ import annotations

from dataclasses import dataclass

from eth_abi import encode
from eth_utils import is_checksum_address, is_hex_address, keccak

from .constants import FIELD

#: ABI types of the fields of ``Context``, in their order.
ABI_TYPES = ("uint256", "address", "bytes32", "uint256", "uint256", "uint256", "address", "uint256")


@dataclass(frozen=True)
class Context:
    """Where and when a proof holds. ValueError if a field does not fit its Solidity type.

    chain_id: EIP-155 id. hub, operator: addresses, "0x" and 40 hex digits (a checksum, if written, must be right).
    vault_id: 32 bytes. sequence: number of this rebalance, from 1. mandate_version, round: as the
    hub counts them. deadline: Unix seconds, the last at which the hub accepts the proof.
    """

    chain_id: int
    hub: str
    vault_id: bytes
    sequence: int
    mandate_version: int
    round: int
    operator: str
    deadline: int

    def __post_init__(self) -> None:
        for name in ("chain_id", "sequence", "mandate_version", "round", "deadline"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 256:
                raise ValueError(f"{name} is outside [0, 2^256)")
        for name in ("hub", "operator"):
            value = getattr(self, name)
            if not isinstance(value, str) or not is_address(value):
                raise ValueError(f"{name} is not an address (0x and 40 hex digits, the right checksum if any)")
        if not isinstance(self.vault_id, bytes) or len(self.vault_id) != 32:
            raise ValueError("vault_id is not 32 bytes")

    def to_field(self) -> int:
        """The context as the field element that the proof carries."""
        fields = (
            self.chain_id,
            self.hub,
            self.vault_id,
            self.sequence,
            self.mandate_version,
            self.round,
            self.operator,
            self.deadline,
        )
        return int.from_bytes(keccak(encode(ABI_TYPES, fields)), "big") % FIELD


def is_address(text: str) -> bool:
    """0x and 40 hex digits; digits of both cases are a checksum (EIP-55), which has to be right."""
    mixed = text[2:] not in (text[2:].lower(), text[2:].upper())
    return text.startswith("0x") and is_hex_address(text) and (not mixed or is_checksum_address(text))
