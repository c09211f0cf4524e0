"""dls-zk: zero-knowledge proofs that a hidden vault rebalance conserves value and keeps its public risk limits.

The way in for programs is ``operations`` (load, check, prove, verify) with the types of ``model``; for chains, ``chain``.
"""
