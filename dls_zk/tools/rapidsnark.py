"""The rapidsnark prover, where it is on the PATH."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ..errors import ToolError
from .process import run, secret_file


def program() -> Path | None:
    """The rapidsnark prover (``rapidsnark`` or ``prover`` on the PATH), if there is one."""
    found = shutil.which("rapidsnark") or shutil.which("prover")
    return Path(found) if found else None


def prove(zkey: Path, wtns: bytes) -> tuple[str, str]:
    """Prove with rapidsnark; the JSON texts of the proof and of the public signals. Not verified.

    It takes files only. Those of the proof and the public signals are no secret; for the witness see ``secret_file``.
    """
    rapidsnark = program()
    if not rapidsnark:
        raise ToolError(
            "rapidsnark is not on the PATH (as `rapidsnark` or `prover`); use the snarkjs prover", code="tool_missing"
        )
    with tempfile.TemporaryDirectory(prefix="dls-zk-") as scratch:  # mode 0700
        folder = Path(scratch)
        with secret_file(wtns, folder) as (witness, descriptors):
            run([rapidsnark, zkey, witness, folder / "proof", folder / "public"], timeout=600, pass_fds=descriptors)
        try:
            return (folder / "proof").read_text(), (folder / "public").read_text()
        except (OSError, UnicodeDecodeError):
            raise ToolError(f"{rapidsnark.name} ended well but wrote no proof; is it rapidsnark?") from None
