"""The command line under test: a small vault's input files, the program as a process, and copies of the home to spoil."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from dls_zk import operations
from dls_zk.cli.main import main
from dls_zk.statement.circuits import of_size
from dls_zk.storage import places
from dls_zk.storage.built import ProvingKey
from dls_zk.tools import node
from tests.support.json_shape import require_shape

SLOTS = 8

POLICY = """\
name: Small vault
size: 8
venues:
  - {name: treasury}
  - {name: exchange, cap: 110%}
factors:
  - {name: ETH, limit: 2%, daily_volatility: 3.68%}
instruments:
  - {name: USDC,     kind: funded,     venue: treasury, haircut: 97%, liability: 103%, cap: 150%, gross: 0%, liquid: 100%}
  - {name: ETH,      kind: funded,     venue: treasury, haircut: 80%, liability: 110%, cap: 40%, gross: 100%,
     loadings: {ETH: 100%}}
  - {name: ETH-PERP, kind: derivative, venue: exchange, haircut: 90%, cap: 110%, gross: 100%, loadings: {ETH: 100%}}
scenarios:
  - {name: black-thursday, date: 2020-03-12, source: "ETH/USD, close to close", shocks: {ETH: -43.05%}, max_loss: 5%}
limits:
  max_turnover: 100%
  max_leverage: 2.5x
  slippage: 0.1%
  nav_step: 1000 USD
  min_collateral_ratio: 150%
  min_reserve: 10%
"""

PRICES = """\
date: 2024-08-28
source: closes
prices: {USDC: 0.999919, ETH: 2528.4155, ETH-PERP: 2528.4155}
"""

TERMS = """\
flow: {flow}
allowances: {{gain: 0 ppb, loss: 1000000 ppb, turnover: 700000 ppm, write_down: 0 steps}}
context:
  chain_id: 31337
  hub: "0x5FbDB2315678afecb367f032d93F642f64180aa3"
  vault_id: "0x{sequence:064x}"
  sequence: {sequence}
  mandate_version: 1
  round: {sequence}
  operator: "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
  deadline: 1724889600
"""

#: Quantities that occur nowhere else, in 1e-6: the book after the deposit of 10 million USDC, and the trades after it.
BOOK_E6 = {"USDC": 9_943_210_123457, "ETH": 1_234_567891, "ETH-PERP": -1_213_141516}
TRADES_E6 = {"USDC": 3_210_987654, "ETH": -101_202303, "ETH-PERP": 99_887766}
#: Trades that leave ETH unhedged.
OVER_LIMIT_E6 = {"USDC": -499_683_135791, "ETH": 197_531864}


def human(quantity_e6: int) -> str:
    """A quantity as a person writes it."""
    return f"{'-' if quantity_e6 < 0 else ''}{abs(quantity_e6) // 10**6}.{abs(quantity_e6) % 10**6:06d}"


def table(quantities_e6: Mapping[str, int]) -> str:
    """Quantities as CSV."""
    return "instrument,quantity\n" + "".join(f"{name},{human(q)}\n" for name, q in quantities_e6.items())


def write_inputs(folder: Path) -> Path:
    """The files of the small vault: a first rebalance (book.csv), a second (trades.csv), one that is refused (over.csv)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {
        "policy.yaml": POLICY,
        "prices.yaml": PRICES,
        "deposit.yaml": TERMS.format(flow="10000000", sequence=1),
        "terms.yaml": TERMS.format(flow="0", sequence=2),
        "book.csv": table(BOOK_E6),
        "trades.csv": table(TRADES_E6),
        "over.csv": table(OVER_LIMIT_E6),
    }.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600 if name.endswith(".csv") else 0o644)
    return folder


RULES = ("--policy", "policy.yaml", "--prices", "prices.yaml")
FIRST = (*RULES, "--before", "empty", "--after", "book.csv", "--terms", "deposit.yaml")
SECOND = (*RULES, "--before", "r1/opening.json", "--trades", "trades.csv", "--terms", "terms.yaml")
REFUSED = (*RULES, "--before", "r1/opening.json", "--trades", "over.csv", "--terms", "terms.yaml")


# --- running it -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Result:
    """How a run ended, and what it said."""

    code: int
    stdout: str
    stderr: str

    def refused(self, code: int) -> str:
        """What the one line on stderr says of why it ended with this code."""
        assert self.code == code, self
        assert "Traceback" not in self.stdout + self.stderr
        *before, last = self.stderr.splitlines()
        assert last.startswith("error: ") and not any("error" in line for line in before), self.stderr
        assert all(line.endswith(" …") or line.startswith(("✓ ", "warning: ")) for line in before), self.stderr
        return last.removeprefix("error: ")


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """What a run sees: HOME and TMPDIR are places in ``folder``, and what is built is that of the real home."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "DLS_ZK_HOME": str(places.home()),
        "LANG": "C.UTF-8",
        **changes,
    }


def run(*args: str, cwd: Path, env: Mapping[str, str], stdin: bytes = b"", timeout_s: int = 600) -> Result:
    """``python -m dls_zk`` as a process."""
    command = [sys.executable, "-m", "dls_zk", *args]
    done = subprocess.run(command, cwd=cwd, env=env, input=stdin, capture_output=True, timeout=timeout_s)
    return _shaped(args, Result(done.returncode, done.stdout.decode(), done.stderr.decode()))


def invoke(*args: str, stdin: bytes = b"") -> Result:
    """The same in this process: without the second that it takes to start."""
    done = CliRunner().invoke(main, args, input=stdin, prog_name="dls-zk")
    return _shaped(args, Result(done.exit_code, done.stdout, done.stderr))


def _shaped(args: Sequence[str], result: Result) -> Result:
    """A result whose JSON, if it was asked for, is of the one shape."""
    if "--json" in args and "demo" not in args:
        require_shape(result.stdout, result.code)
    return result


# --- what is built ------------------------------------------------------------------------------------


def installed_key() -> ProvingKey:
    """The development key of the small circuit; made if need be."""
    node.ensure_node_packages()
    return operations.development_key(operations.build_circuit(of_size(SLOTS).name))


def spoiled_home(folder: Path, spoil: Callable[[Path], None], name: str) -> Path:
    """A home like the real one as far as the small circuit goes, in which the file of this name is spoiled."""
    key = installed_key()
    for built in (operations.build_circuit(of_size(SLOTS).name).manifest.folder, key.manifest.folder):
        place = folder / built.relative_to(places.home())
        place.mkdir(parents=True)
        for path in built.iterdir():
            if path.name == name:
                shutil.copy(path, place)
                spoil(place / name)
            else:
                (place / path.name).symlink_to(path)
    for shared in ("node", "native"):
        (folder / shared).symlink_to(places.home() / shared)
    return folder


def flip(path: Path, at: int = -100) -> None:
    """Change one bit."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder: mode, and content of files."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
    }


def unwrapped(shown: str) -> str:
    """A table from a pipe with the sentences of its last column on one line again."""
    return re.sub(r"\n {9,}", " ", shown)
