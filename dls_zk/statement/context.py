"""The context of a rebalance: what ties a proof to one chain, one hub, one vault and one moment.

The hub computes the same number from its own state, as ``uint256(keccak256(abi.encode(block.chainid, address(this),
vaultId, sequence, mandateVersion, round, operator, deadline))) % FIELD``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .constants import FIELD
from .ethereum import is_address, keccak256, word


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
        encoded = (
            word(self.chain_id),
            word(int(self.hub, 16)),
            self.vault_id,
            word(self.sequence),
            word(self.mandate_version),
            word(self.round),
            word(int(self.operator, 16)),
            word(self.deadline),
        )
        return int.from_bytes(keccak256(b"".join(encoded)), "big") % FIELD
