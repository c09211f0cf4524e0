"""``dls-zk check``: every broken limit, limits that a policy leaves out, a deposit without a chain, what it loads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from dls_zk import checking
from dls_zk.statement.needs import HIGHEST
from dls_zk.statement.relation import CHECKS
from tests.support import commandline
from tests.support.commandline import POLICY, RULES, Result

FIRST = (*RULES, "--before", "empty", "--after", "book.csv")
#: Five limits broken in three checks: two factors, two instruments, a venue.
TIGHT = {
    "limit: 2%": "limit: 0.5%",
    "loadings: {ETH: 100%}}\n  - {name: ETH-PERP": "loadings: {ETH: 100%, BASIS: 50%}}\n  - {name: ETH-PERP",
    "factors:\n": "factors:\n  - {name: BASIS, limit: 1%, daily_volatility: 1%}\n",
    "cap: 40%": "cap: 31%",
    "haircut: 90%, cap: 110%, gross": "haircut: 90%, cap: 30%, gross",
    "{name: exchange, cap: 110%}": "{name: exchange, cap: 30%}",
}


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(commandline.write_inputs(tmp_path))
    return tmp_path


def check(*arguments: str) -> Result:
    return commandline.invoke("check", *arguments)


def test_every_broken_limit_is_shown(inputs: Path) -> None:
    text = POLICY
    for old, new in TIGHT.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (inputs / "policy.yaml").write_text(text)
    result = check(*FIRST, "--flow", "10000000")
    said = "factor exposure (9): BASIS, ETH; concentration (10): ETH, ETH-PERP; venue exposure (11): exchange"
    assert result.refused(4) == f"refused by {said}"
    broken = [line.split() for line in result.stdout.splitlines() if "✗" in line]
    assert [words[words.index("of") - 2] for words in broken] == ["BASIS", "ETH", "ETH", "ETH-PERP", "exchange"]
    report = json.loads(check(*FIRST, "--flow", "10000000", "--json").stdout)
    limits = [limit for one in report["checks"] for limit in one["limits"] if not limit["holds"]]
    assert [limit["subject"] for limit in limits] == ["BASIS", "ETH", "ETH", "ETH-PERP", "exchange"]
    assert all(Fraction(limit["slack"]) < 0 for limit in limits)


def test_a_limit_that_the_policy_leaves_out_is_none(inputs: Path) -> None:
    result = check(*FIRST, "--flow", "10000000")
    absent = [
        CHECKS.index(name) + 1 for name in ("stress solvency", "impermanent loss", "capital efficiency", "value at risk")
    ]
    assert [int(line.split()[0]) for line in result.stdout.splitlines() if "no limit" in line] == absent
    assert result.code == 0 and result.stdout.count("✓") == len(CHECKS) - len(absent)
    assert "1,310.71%" not in result.stdout and "≥ 0x" not in result.stdout


def test_all_limits(inputs: Path) -> None:
    result = check(*FIRST, "--flow", "10000000", "--all")
    for instrument in ("USDC", "ETH", "ETH-PERP"):
        assert re.search(rf"✓ .* {instrument} +[\d.]+% of NAV +≤ ", result.stdout), instrument
    assert "slot 3" not in result.stdout and "factor 1" not in result.stdout and "1,310.71%" not in result.stdout
    assert re.search(r"unexplained gain .*\n.* cost ", result.stdout)


def test_a_deposit_without_a_chain(inputs: Path) -> None:
    with_terms = check(*FIRST, "--terms", "deposit.yaml", "--json")
    alone = check(*FIRST, "--flow", "10000000", "--json")
    assert with_terms.code == alone.code == 0
    least = json.loads(alone.stdout)["least_allowances"]
    assert json.loads(with_terms.stdout)["least_allowances"] == least
    named = ("--loss", str(least["loss_ppb"]), "--turnover", str(least["turnover_ppm"]))
    assert check(*FIRST, "--flow", "10000000", *named).code == 0
    assert check(*FIRST, "--flow", "10000000", "--gain", "5", "--json").code == 0


def test_a_hopeless_book_needs_no_number(inputs: Path) -> None:
    """No allowance is enough for a book that is worth nothing: that is said, and no width of a field stands for it."""
    (inputs / "hopeless.csv").write_text("instrument,quantity\nUSDC,-1\n")
    hopeless = (*RULES, "--before", "empty", "--after", "hopeless.csv")
    result = check(*hopeless)
    needs = "Needs at least: more gain than any allowance holds, more loss than any allowance holds, turnover 0 ppm, "
    needs += "write-down 0"
    assert result.code == 4 and needs in " ".join(result.stdout.split()) and str(HIGHEST) not in result.stdout
    least = json.loads(check(*hopeless, "--json").stdout)["least_allowances"]
    assert least == {"gain_ppb": None, "loss_ppb": None, "turnover_ppm": 0, "write_down_steps": 0}


MISSING_FLOW = (
    "no flow is given, and one would explain it: pass --flow or --terms, or --gain if it was gained or lost without a trade"
)


@pytest.mark.parametrize("options", [(), ("--gain", "3"), ("--flow", "0")])
def test_a_missing_flow_is_named(inputs: Path, options: tuple[str, ...]) -> None:
    said = check(*FIRST, *options).refused(4)
    assert said == f"refused by value conservation (5): unexplained gain; {MISSING_FLOW}"


def test_money_paid_out(inputs: Path) -> None:
    (inputs / "less.csv").write_text("instrument,quantity\nUSDC,-1000\n")
    less = (*RULES, "--before", "book.csv", "--trades", "less.csv")
    assert check(*less).refused(4).endswith(f"cost; {MISSING_FLOW}")
    assert check(*less, "--flow", "-1000").code == 0


def test_what_was_gained_without_a_trade(inputs: Path) -> None:
    (inputs / "more.csv").write_text("instrument,quantity\nUSDC,100\n")
    more = (*RULES, "--before", "book.csv", "--trades", "more.csv")
    assert check(*more).refused(4).endswith(f"unexplained gain; {MISSING_FLOW}")
    assert check(*more, "--gain", "20000").code == 0


def test_what_no_flow_explains_is_not_laid_to_one(inputs: Path) -> None:
    said = check(*FIRST, "--flow", "9000000").refused(4)
    assert said == "refused by value conservation (5): unexplained gain"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--terms", "deposit.yaml", "--flow", "1"), "--terms has the flow and the allowances"),
        (("--flow", "1e6"), "not a plain decimal"),
        (("--flow", "0.0000001"), "6 decimals"),
        (("--terms", "deposit.yaml", "--loss", "1"), "--terms has the flow and the allowances"),
        (("--gain", "-1"), "not in the range"),
        (("--turnover", "1073741824"), "not in the range"),
    ],
)
def test_exit_2_options_that_are_not_right(inputs: Path, options: tuple[str, ...], said: str) -> None:
    result = check(*FIRST, *options)
    assert result.code == 2 and said in result.stderr


def test_json_adds_up(inputs: Path) -> None:
    """NAV, values and limits in exact decimals: slack is the distance of the value from the bound, in the same unit."""
    report = json.loads(check(*FIRST, "--flow", "10000000", "--json").stdout)
    slots = report["slots"]
    assert [slot["instrument"] for slot in slots] == ["USDC", "ETH", "ETH-PERP"]
    for slot in slots:
        assert Fraction(slot["quantity"]) * Fraction(slot["price_usd"]) == Fraction(slot["value_usd"])
    assert sum(Fraction(slot["value_usd"]) for slot in slots) == Fraction(report["nav_usd"])
    for limit in (limit for one in report["checks"] for limit in one["limits"] if limit["value"] is not None):
        distance = Fraction(limit["bound"]) - Fraction(limit["value"])
        assert abs(distance * (-1 if limit["at_least"] else 1) - Fraction(limit["slack"])) <= Fraction(2, 10**8)
        assert limit["holds"] == (Fraction(limit["slack"]) >= 0)


def test_it_computes_no_hash(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise AssertionError("a hash")

    for name in ("relation.book_commitment", "relation.policy_hash", "commitments.poseidon"):
        monkeypatch.setattr(f"dls_zk.statement.{name}", refuse)
    rebalance = checking.load_rebalance(
        Path("policy.yaml"), Path("prices.yaml"), None, after_path=Path("book.csv"), terms=Path("deposit.yaml")
    )
    assert checking.check(rebalance).holds


def test_it_loads_neither_provers_nor_chains_nor_tables(inputs: Path) -> None:
    program = "import sys\nfrom dls_zk.cli.main import main\ntry: main(sys.argv[1:])\nexcept SystemExit: print(*sys.modules)"
    line = [sys.executable, "-c", program, "check", *FIRST, "--flow", "10000000", "--json"]
    loaded = subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()[-1].split()
    heavy = {"web3", "eth_abi", "eth_utils", "eth_account", "py_ecc", "wasmtime", "rich", "sqlite3", "asyncio"}
    assert not heavy & set(loaded)
