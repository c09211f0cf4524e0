"""dls-zk: zero-knowledge proofs that a hidden vault rebalance conserves value and keeps its public risk limits.

The way in for programs is ``operations`` (load, check, prove, verify) with the types of ``model``; for chains, ``chain``.
"""

from __future__ import annotations


def __getattr__(name: str) -> str:
    """``__version__``: of the installed package. Looked up when asked for, so that importing the package stays cheap."""
    if name == "__version__":
        from importlib.metadata import version

        return version("dls-zk")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
