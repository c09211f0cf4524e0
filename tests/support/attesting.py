"""What the tests of attestations share: a policy with two venues, a configuration, and who signs and opens."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml
from eth_account import Account as Keys
from pyrage import x25519

from dls_zk.attest import configuration as configurations
from dls_zk.attest.attestor import Attestor
from dls_zk.attest.client import Wanted
from dls_zk.attest.configuration import AttestedVault, Configuration
from dls_zk.chain.signers import KeySigner

POLICY = """\
name: Attested vault
size: 8
venues:
  - {name: custody}
  - {name: exchange, cap: 200%}
factors:
  - {name: ETH, limit: 2%, daily_volatility: 3.68%}
instruments:
  - {name: USDC, kind: funded, venue: custody, haircut: 97%, liability: 103%, cap: 150%, gross: 0%, liquid: 100%}
  - {name: ETH, kind: funded, venue: custody, haircut: 80%, liability: 110%, cap: 40%, gross: 100%, loadings: {ETH: 100%}}
  - {name: USDT-B, kind: funded, venue: exchange, haircut: 97%, liability: 103%, cap: 150%, gross: 0%, liquid: 100%}
  - {name: ETH-B, kind: funded, venue: exchange, haircut: 80%, liability: 110%, cap: 40%, gross: 100%, loadings: {ETH: 100%}}
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
date: 2026-11-28
source: closes
prices: {USDC: 1, ETH: 2500, USDT-B: 1, ETH-B: 2500, ETH-PERP: 2500}
"""

VAULT = b"\xab" * 32
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
CHAIN_ID = 31337
#: Keys of nobody: an attestor, an operator, and somebody else.
ATTESTOR, OPERATOR, STRANGER = (KeySigner(Keys.from_key(bytes([k]) * 32)) for k in (1, 2, 3))

#: Balances that occur nowhere else.
USDC, ETH = "4001708.612345", "1234.567891234567890123"


def policy_file(folder: Path) -> Path:
    (folder / "policy.yaml").write_text(POLICY)
    return folder / "policy.yaml"


def identity(folder: Path, name: str = "operator") -> tuple[Path, str]:
    """A new age identity in a file, and its recipient."""
    made = x25519.Identity.generate()
    path = folder / f"{name}.age"
    path.write_text(f"# created: now\n{made}\n")
    path.chmod(0o600)
    return path, str(made.to_public())


def write_statement(folder: Path, balances: dict[str, str], at_s: int, name: str = "statement.csv") -> Path:
    rows = [f"{at_s},ACC-1,{instrument},{quantity}" for instrument, quantity in balances.items()]
    path = folder / name
    path.write_text("\n".join(["time,account,instrument,quantity", *rows, ""]))
    path.chmod(0o600)
    return path


def statement_account(**changes: Any) -> dict[str, Any]:
    return {
        "name": "custody account",
        "statement": {"file": "statement.csv", "account": "ACC-1"},
        "slots": {"USDC": "USDC", "ETH": "ETH"},
    } | changes


def write_configuration(folder: Path, recipient: str, accounts: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    """A configuration for one vault, whose venue is the custody; ``changes`` are of the vault."""
    policy_file(folder)
    vault = {
        "vault": "0x" + VAULT.hex(),
        "policy": "policy.yaml",
        "venue": "custody",
        "operator": OPERATOR.address,
        "recipients": [recipient],
        "accounts": accounts or [statement_account()],
    } | changes
    path = folder / "attestor.yaml"
    document = {"chain_id": CHAIN_ID, "contract": CONTRACT, "vaults": [vault]}
    path.write_text(yaml.safe_dump(json.loads(json.dumps(document)), sort_keys=False))
    return path


def attestor_of(path: Path) -> tuple[Attestor, AttestedVault]:
    configuration: Configuration = configurations.read(path)
    return Attestor.of(configuration, ATTESTOR), configuration.vaults[0]


def wanted(vault: AttestedVault, attestor: Attestor, at_s: int) -> Wanted:
    domain = attestor.configuration.domain
    return Wanted(domain, ATTESTOR.address, vault.vault_id, vault.policy, vault.venue, at_s)


def now() -> int:
    return int(time.time())


def wallet_code(accepts: bool) -> str:
    """A contract that answers every call with the value of ERC-1271, or with zero."""
    return f"0x63{'1626ba7e' if accepts else '00000000'}60e01b60005260206000f3"
