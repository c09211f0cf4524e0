"""The Solidity compiler."""

from __future__ import annotations

import json
from typing import Any

from .node import node_script, run_node


def compile_standard_json(standard_json: dict[str, Any]) -> dict[str, Any]:
    """Compile Solidity: solc's standard JSON in and out. All sources must be in it; their errors are in the result."""
    result = run_node([node_script("solc.mjs")], stdin=json.dumps(standard_json).encode(), timeout=300)
    return json.loads(result.stdout)
