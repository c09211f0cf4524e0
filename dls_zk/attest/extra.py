"""What ``dls-zk[attest]`` installs beside the package."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..errors import ToolError


def load(name: str) -> ModuleType:
    """A module of the extra. ToolError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ToolError(f'{name} is missing; run pip install "dls-zk[attest]"', code="tool_missing") from None
