"""What is to be known of each family of circuits beside its signals: the names of its checks."""

from __future__ import annotations

from . import reconciliation, relation
from .circuits import REBALANCE, RECONCILIATION

#: Family → its checks in order; a check's number is its place, from 1.
CHECKS = {REBALANCE: relation.CHECKS, RECONCILIATION: reconciliation.CHECKS}
