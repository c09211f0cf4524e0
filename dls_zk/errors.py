"""The errors that dls-zk raises, and the exit code that the command line gives each.

    DlsError                      1  something unexpected; a bug if it has no better name
    ├── InputError                3  a file, field or value that a person gave is wrong
    ├── StatementRefused          4  well-formed input, but a check of the statement fails
    ├── ToolError                 5  a tool is missing, failed, or hung
    ├── ArtifactError             6  a built file (r1cs, wasm, zkey, proof cache) is damaged or foreign
    ├── ProofInvalid              7  a proof or its public signals do not verify
    ├── InsecureKey               8  a development or malformed key where a real one is needed
    ├── ChainError                9  the chain refused, cannot be reached, or is not the one expected
    └── VaultStale               10  a vault that is watched is stale or winds down

0 is success and 2 is a usage error (click's own). Messages are one line: what is wrong, where, what to do.
They never contain a quantity, a trade, a salt, or a value that a check compares: checks and subjects are named only.
"""

from __future__ import annotations


class DlsError(Exception):
    """Base of all errors of this package."""

    exit_code = 1


class InputError(DlsError):
    """Bad input. ``where`` names the file and, if known, the field."""

    exit_code = 3

    def __init__(self, message: str, where: str = ""):
        super().__init__(f"{where}: {message}" if where else message)


class StatementRefused(DlsError):
    """The relation does not hold. ``report`` is the ``relation.Report`` that says which checks fail."""

    exit_code = 4

    def __init__(self, message: str, report: object = None):
        super().__init__(message)
        self.report = report


class ToolError(DlsError):
    exit_code = 5


class ArtifactError(DlsError):
    exit_code = 6


class ProofInvalid(DlsError):
    exit_code = 7


class InsecureKey(DlsError):
    exit_code = 8


class ChainError(DlsError):
    exit_code = 9


class VaultStale(DlsError):
    exit_code = 10
