"""Rules that every Solidity file of the repository follows."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_source_is_ours() -> None:
    """snarkjs's verifiers stand under GPL-3.0: programs generate them when they are needed, and nobody commits them."""
    contracts = ROOT / "verifier_contracts"
    sources = [path for path in contracts.glob("*/**/*.sol") if path.relative_to(contracts).parts[0] in ("src", "test")]
    ours = [path for path in sources if path.parent.name != "generated"]
    assert len(ours) > 80
    for path in ours:
        assert path.read_text().startswith("// SPDX-License-Identifier: MIT\n"), path


def test_generated_sources_are_ignored() -> None:
    ignored = (ROOT / ".gitignore").read_text().split()
    assert {"verifier_contracts/src/generated/", "verifier_contracts/test/generated/"} <= {*ignored}
