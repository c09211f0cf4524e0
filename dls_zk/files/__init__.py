"""The one door from what a person writes to the exact integers of ``statement.model``.

values       how single values are written                policy       the policy file
documents    all other documents                          text         from bytes to YAML
validation   a document held against its model            tables       YAML or CSV with one value an instrument
read         reading and writing each document            schemas      the JSON schemas of all
attest       the documents of an attestor               custody       those of whoever reconciles
"""

from .custody import read_custody, read_reconciler, write_reconciler
from .documents import (
    DOCUMENTS,
    OPENING_FAMILY,
    OPENING_FORMAT,
    BandFields,
    CostBucketFields,
    DeployedKeyFields,
    DeploymentFile,
    FeeFields,
    MandateFields,
    OpeningFile,
    OrderFields,
    Sequencer,
    ShareFields,
    TurnoverBucketFields,
    VaultFile,
)
from .policy import PolicyFile
from .read import (
    lint_policy,
    parse_opening,
    read_book,
    read_deployment,
    read_feed_addresses,
    read_feeds,
    read_mandate,
    read_opening,
    read_policy,
    read_prices,
    read_terms,
    read_trades,
    read_vault,
    write_deployment,
    write_feeds,
    write_mandate,
    write_opening,
    write_prices,
    write_terms,
)
from .text import FILE_LIMIT
from .validation import built
from .values import Fixed, Text

__all__ = [
    "DOCUMENTS",
    "built",
    "BandFields",
    "CostBucketFields",
    "FeeFields",
    "OrderFields",
    "TurnoverBucketFields",
    "FILE_LIMIT",
    "OPENING_FAMILY",
    "OPENING_FORMAT",
    "DeployedKeyFields",
    "DeploymentFile",
    "Fixed",
    "MandateFields",
    "OpeningFile",
    "PolicyFile",
    "Sequencer",
    "ShareFields",
    "Text",
    "VaultFile",
    "lint_policy",
    "parse_opening",
    "read_book",
    "read_custody",
    "read_deployment",
    "read_feed_addresses",
    "read_feeds",
    "read_mandate",
    "read_opening",
    "read_policy",
    "read_prices",
    "read_reconciler",
    "read_terms",
    "read_trades",
    "read_vault",
    "write_deployment",
    "write_feeds",
    "write_mandate",
    "write_opening",
    "write_prices",
    "write_reconciler",
    "write_terms",
]
