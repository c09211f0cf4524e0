"""Client of the policy registry."""

from __future__ import annotations

from ..solidity.policy_abi import from_abi, to_abi
from ..statement.commitments import policy_hash
from ..statement.model import Policy
from .client import Client
from .connection import Receipt
from .transactions import Sender


class Registry(Client):
    """``PolicyRegistry``: readable policies by their hash."""

    def register(self, sender: Sender, policy: Policy) -> Receipt | None:
        """Register a policy. None if it is there already."""
        digest = policy_hash(policy)
        return self.act(
            sender,
            "register",
            *to_abi(policy),
            once=(f"0x{digest:064x}",),
            is_done=lambda block: self.read("isRegistered", digest, block=block),
        )

    def is_registered(self, digest: int) -> bool:
        """Whether there is a policy with this hash."""
        return self.read("isRegistered", digest)

    def policy(self, digest: int) -> Policy:
        """The policy with this hash: what the registry says, hashed again here."""
        fields, labels = self.read("policyOf", digest)
        return from_abi(fields, labels, digest)

    def tightens(self, old: int, new: int) -> bool:
        """Whether a vault may go from one policy (hash) to another at once. Refused where it may never."""
        return self.read("tightens", old, new)
