"""The file formats: what is read, what is refused and how it is said, and that no secret is ever said."""

import json
import os
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from traceback import format_exception

import pytest
import yaml
from eth_utils import keccak, to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from dls_zk import files
from dls_zk.errors import InputError
from dls_zk.files import documents, schemas
from dls_zk.groth16.proof import Proof
from dls_zk.statement.allowances import Allowances
from dls_zk.statement.constants import FIELD, SIZES
from dls_zk.statement.context import Context
from dls_zk.statement.feeds import Feed
from dls_zk.statement.model import KeptOpening, Opening, Prices, Round, SlotPolicy, Terms
from dls_zk.storage.places import PACKAGE

POLICY = """\
name: Small vault
size: 8
venues:
  - {name: wallet}
  - {name: exchange, cap: 80%}
factors:
  - {name: ETH, limit: 25%, daily_volatility: 4.2%}
  - {name: USDC_PEG, daily_volatility: 0%}
instruments:
  - {name: USDC, kind: funded, venue: wallet, haircut: 100%, liability: 100%, cap: 150%, gross: 0%, liquid: 100%,
     loadings: {USDC_PEG: 100%}}
  - {name: ETH/USDC-LP, kind: funded, venue: wallet, haircut: 60%, liability: 105%, cap: 40%, gross: 100%,
     impermanent_loss: 5.72%, depth: 250%, residual: 0.5%, loadings: {ETH: 50%, USDC_PEG: 50%}}
  - {name: ETH-PERP, kind: derivative, venue: exchange, haircut: 90%, cap: 75.25%, gross: 100%, loadings: {ETH: -100%}}
scenarios:
  - {name: crash, date: 2020-03-12, source: a source, shocks: {ETH: -43.1%}, max_loss: 12.5%}
limits:
  max_turnover: 200%
  max_leverage: 2.5x
  slippage: 0.3%
  nav_step: 1000 USD
  min_collateral_ratio: 150%
"""
PRICES = "date: 2024-08-28\nsource: somewhere\nprices: {USDC: 0.999919, ETH/USDC-LP: 100.56, ETH-PERP: 2528.4155}\n"
TERMS = """\
flow: -250000.5
allowances: {gain: 12 ppb, loss: 34 ppb, turnover: 56 ppm, write_down: 7 steps}
context:
  chain_id: 31337
  hub: 0x5FbDB2315678afecb367f032d93F642f64180aa3
  vault_id: "0x00000000000000000000000000000000000000000000000000000000000000ab"
  sequence: 2
  mandate_version: 1
  round: 3
  operator: 0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266
  deadline: 1724889600
"""
SECRET = "48151.623420"  # a quantity that must appear in no message


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def policy(write):
    return files.read_policy(write("small.yaml", POLICY))


def refusal(function, *arguments) -> str:
    """The message of the InputError that the call must raise: one line, and nothing secret hangs on it."""
    with pytest.raises(InputError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    assert caught.value.exit_code == 3
    everything = "".join(format_exception(caught.value))
    context = caught.value.__context__
    while context is not None:  # also what a debugger or a logger could dig out
        everything += str(context) + repr(context)
        context = context.__context__
    assert SECRET not in everything and SECRET.rstrip("0") not in everything
    return message


# --- policy ---------------------------------------------------------------------------------------


def test_policy_becomes_exact_integers(policy):
    size = SIZES[8]
    assert policy.size == size
    assert policy.slots[0] == SlotPolicy("USDC", True, 10_000, 10_000, 15_000, 0, 0, 10_000, 0, 0, 0, (0, 10_000, 0, 0))
    assert policy.slots[1] == SlotPolicy(
        "ETH/USDC-LP", True, 6000, 10_500, 4000, 0, 10_000, 0, 572, 25_000, 50, (5000, 5000, 0, 0)
    )
    assert policy.slots[2] == SlotPolicy("ETH-PERP", False, 9000, 0, 7525, 1, 10_000, 0, 0, 0, 0, (-10_000, 0, 0, 0))
    assert policy.slots[3:] == (SlotPolicy.null(4),) * 5
    assert policy.max_turnover_bps == 20_000
    assert policy.max_leverage_bps == 25_000
    assert policy.slippage_bps == 30
    assert policy.nav_step_usd == 1000
    assert policy.min_collateral_ratio_bps == 15_000
    assert policy.shock_bps == ((-4310, 0, 0, 0),) + ((0,) * 4,) * 3
    assert policy.factor_volatility_bps == (420, 0, 0, 0)
    assert (policy.factor_names, policy.venue_names) == (("ETH", "USDC_PEG"), ("wallet", "exchange"))
    assert policy.scenario_names == ("crash",)


def test_absent_limits_and_unused_places_refuse_nothing(policy):
    widest = (1 << 17) - 1
    assert policy.venue_cap_bps == (widest, 8000, widest, widest)
    assert policy.factor_limit_bps == (2500, widest, widest, widest)
    assert policy.max_stress_loss_bps == (1250, widest, widest, widest)
    assert policy.max_impermanent_loss_bps == widest
    assert (policy.max_var_bps, policy.var_quantile_bps) == ((1 << 14) - 1, 0)
    for name in ("stress_collateral_ratio_bps", "min_reserve_bps", "min_capital_efficiency_bps"):
        assert getattr(policy, name) == 0


def test_value_at_risk_is_read(write):
    policy = files.read_policy(write("p.yaml", POLICY + "  max_var: 3%\n  var_quantile: 2.3263\n"))
    assert (policy.max_var_bps, policy.var_quantile_bps) == (300, 23_263)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # missing, unknown, misplaced
        ("size: 8\n", "", "policy.yaml: size: missing; expected: size of the circuit"),
        ("cap: 150%, ", "", "policy.yaml: instruments[0] (USDC).cap: missing; expected: largest |value| as a share of NAV"),
        ("max_turnover: 200%", "max_turnovr: 200%", "limits.max_turnovr: unknown field; did you mean max_turnover?"),
        ("limits:", "limts:", "policy.yaml: limts: unknown field; did you mean limits?"),
        ("haircut: 60%", "haircutt: 60%", "(ETH/USDC-LP).haircutt: unknown field; did you mean haircut?"),
        ("  slippage:", "  colour: blue\n  slippage:", "policy.yaml: limits.colour: unknown field; known here: max_turn"),
        ("size: 8", "size: 12", "policy.yaml: size: expected '8', '16' or '32'"),
        ("kind: derivative", "kind: future", "instruments[2] (ETH-PERP).kind: expected 'funded' or 'derivative'"),
        ("shocks: {ETH: -43.1%}", "shocks: none", "policy.yaml: scenarios[0] (crash).shocks: expected fields (name: value)"),
        ("limits:\n  max_turnover: 200%", "limits: none\nx:\n  y: z", "policy.yaml: x: unknown field; known here"),
        ("venues:\n  - {name: wallet}\n  - {name: exchange, cap: 80%}", "venues: wallet", "venues: expected a list"),
        # numbers
        ("cap: 40%", "cap: 40", "instruments[1] (ETH/USDC-LP).cap: '40' is not a plain decimal with at"),
        ("cap: 40%", "cap: 0.4", "instruments[1] (ETH/USDC-LP).cap: '0.4' is not"),
        ("cap: 40%", "cap: 40.125%", "(ETH/USDC-LP).cap: '40.125%' has more than 2 decimals; it would have to be rounded"),
        ("cap: 40%", "cap: 4e1%", "instruments[1] (ETH/USDC-LP).cap: '4e1%' is not"),
        ("cap: 40%", "cap: 040%", "instruments[1] (ETH/USDC-LP).cap: '040%' is not"),
        ("cap: 40%", "cap: +40%", "instruments[1] (ETH/USDC-LP).cap: '+40%' is not"),
        ("cap: 40%", "cap: 1_0%", "instruments[1] (ETH/USDC-LP).cap: '1_0%' is not"),
        ("cap: 40%", "cap: '1,000%'", "instruments[1] (ETH/USDC-LP).cap: '1,000%' is not"),
        ("cap: 40%", "cap: .5%", "instruments[1] (ETH/USDC-LP).cap: '.5%' is not"),
        ("cap: 40%", "cap: .inf", "instruments[1] (ETH/USDC-LP).cap: '.inf' is not"),
        ("cap: 40%", "cap: nan", "instruments[1] (ETH/USDC-LP).cap: 'nan' is not"),
        ("cap: 40%", "cap: ٤٠%", "instruments[1] (ETH/USDC-LP).cap: '٤٠%' is not"),
        ("cap: 40%", "cap: -40%", "instruments[1] (ETH/USDC-LP).cap: '-40%' is outside 0% to 1310.71%"),
        ("cap: 40%", "cap: -0%", "instruments[1] (ETH/USDC-LP).cap: '-0%' is zero with a sign"),
        ("cap: 40%", "cap: 1310.72%", "instruments[1] (ETH/USDC-LP).cap: '1310.72%' is outside 0% to 1310.71%"),
        ("cap: 40%", f"cap: {'9' * 5000}%", "instruments[1] (ETH/USDC-LP).cap: '9999"),
        ("cap: 40%", "cap: ''", "instruments[1] (ETH/USDC-LP).cap: '' is not"),
        ("cap: 40%", "cap: [40%]", "instruments[1] (ETH/USDC-LP).cap: the value is not a plain decimal"),
        ("cap: 40%", "cap: ", "instruments[1] (ETH/USDC-LP).cap: '' is not"),
        ("2.5x", "2.5", "limits.max_leverage: '2.5' is not a plain decimal with at most 4 decimals followed by 'x'"),
        ("1000 USD", "1000", "limits.nav_step: '1000' is not a whole number followed by ' USD'"),
        ("1000 USD", "0 USD", "limits.nav_step: '0 USD' is outside 1 USD to 16777215 USD"),
        ("-100%}", "-655.37%}", "instruments[2] (ETH-PERP).loadings.ETH: '-655.37%' is outside -655.36% to 655.35%"),
        # names, days, texts
        ("{name: wallet}", "{name: ''}", "policy.yaml: venues[0].name: '' is not a name"),
        ("{name: wallet}", "{name: =cmd}", "policy.yaml: venues[0].name: '=cmd' is not a name"),
        ("{name: exchange,", "{name: Wallet,", "policy.yaml: venues[1].name: 'Wallet' is taken"),
        ("name: ETH-PERP", "name: USDC", "policy.yaml: instruments[2].name: 'USDC' is taken"),
        ("2020-03-12", "12 March 2020", "scenarios[0] (crash).date: '12 March 2020' is not a day such as 2020-03-12"),
        ("2020-03-12", "2020-02-30", "policy.yaml: scenarios[0] (crash).date: day is out of range for month"),
        ("2020-03-12", "2020-03-12/2020-03-11", "scenarios[0] (crash).date: '2020-03-12/2020-03-11' ends before it begins"),
        ("source: a source", 'source: "a\\nsource"', "scenarios[0] (crash).source: 'a\\nsource' is not one line"),
        ("source: a source", 'source: "\\e[2J"', "policy.yaml: scenarios[0] (crash).source: '\\x1b[2J' is not one line"),
        # references
        ("venue: exchange", "venue: bank", "(ETH-PERP).venue: there is no venue 'bank'; listed are exchange, wallet"),
        ("loadings: {ETH: -100%}", "loadings: {BTC: 1%}", "instruments[2] (ETH-PERP).loadings: there is no factor 'BTC'"),
        ("shocks: {ETH:", "shocks: {BTC:", "policy.yaml: scenarios[0] (crash).shocks: there is no factor 'BTC'"),
        # sanity
        ("haircut: 60%", "haircut: 100.01%", "instruments[1] (ETH/USDC-LP).haircut: '100.01%' is outside 0% to 100%"),
        ("liability: 105%", "liability: 99.99%", "(ETH/USDC-LP).liability: '99.99%' is outside 100% to 655.35%"),
        ("haircut: 60%, ", "", "policy.yaml: instruments[1] (ETH/USDC-LP).haircut: missing"),
        ("haircut: 90%, ", "", "policy.yaml: instruments[2] (ETH-PERP).haircut: missing"),
        ("liability: 105%, ", "", "policy.yaml: instruments[1] (ETH/USDC-LP): a funded instrument needs 'liability'"),
        ("cap: 75.25%", "cap: 75.25%, liquid: 10%", "instruments[2] (ETH-PERP): 'liquid' has no effect on a derivative"),
        ("cap: 75.25%", "cap: 75.25%, liquid: 10%", "instruments[2] (ETH-PERP): 'liquid' has no effect on a derivative"),
        ("gross: 0%", "gross: 1%", "instruments[0] (USDC): the settlement instrument is of kind funded with gross 0%"),
        ("ETH: -43.1%", "ETH: -200.01%", "scenarios[0] (crash).shocks: ETH/USDC-LP would lose more than 100%"),
        ("min_collateral_ratio: 150%", "min_collateral_ratio: 150%\n  stress_collateral_ratio: 151%", "limits: 'stress_"),
        ("max_leverage: 2.5x", "max_leverage: 2.5x\n  max_var: 3%", "limits: 'max_var' and 'var_quantile' are given tog"),
        # YAML
        ("size: 8", "size: 8\nsize: 16", "policy.yaml: line 3: this field is given twice"),
        ("name: Small vault", "name: &n Small vault", "policy.yaml: line 1: anchors (&) and aliases (*) are not used"),
        ("name: Small vault", "name: *n", "policy.yaml: line 1: anchors (&) and aliases (*) are not used"),
        ("name: Small vault", "name: !!str Small", "policy.yaml: line 1: tags (!) are not used"),
        ("name: Small vault", "name: [[[[[[[[[[[]]]]]]]]]]]", "policy.yaml: line 1: nested too deep"),
        ("name: Small vault", "? [a]\n: b", "policy.yaml: line 1: a list or mapping cannot name a field"),
        ("name: Small vault", "name: {", "policy.yaml: not YAML at line 3, column 7: expected ',' or '}', but got"),
        ("name: Small vault", "name: \tx: y", "line 1, column 7: found character '\\t' that cannot start any token"),
        ("  max_turnover", "\tmax_turnover", "cannot start any token; indent with spaces, not tabs"),
        ("name: Small vault", "name: Small: vault", "line 1, column 12: mapping values are not allowed here"),
        ("name: Small vault", "name: \x01", "policy.yaml: not a text file (control character '\\x01')"),
        ("name: Small vault", "name: \ufffe", "policy.yaml: not YAML: it holds a character that YAML does not allow"),
        ("name: Small vault", "--- a\n---\nname: x", "policy.yaml: more than one YAML document"),
    ],
)  # fmt: skip
def test_policy_refusals(write, monkeypatch, old, new, expected):
    assert POLICY.count(old) >= 1
    path = write("policy.yaml", POLICY.replace(old, new, 1))
    monkeypatch.chdir(path.parent)
    assert expected in refusal(files.read_policy, "policy.yaml")


def test_scenario_may_take_everything_but_no_more(write):
    files.read_policy(write("p.yaml", POLICY.replace("ETH: -43.1%", "ETH: -200%")))  # loading 50%: −100%


@pytest.mark.parametrize(("field", "room"), [("venues", 4), ("factors", 4), ("instruments", 8), ("scenarios", 4)])
def test_lists_longer_than_the_circuit(write, field, room):
    document = yaml.load(POLICY, Loader=yaml.BaseLoader)
    entries = document[field]
    entries += [entries[-1] | {"name": f"more{i}"} for i in range(room + 1 - len(entries))]
    message = refusal(files.read_policy, write("p.yaml", json.dumps(document)))  # JSON is YAML, and has no aliases
    assert f"{field}: {room + 1} entries; size 8 has room for {room}" in message
    entries.pop()
    files.read_policy(write("p.yaml", json.dumps(document)))


def test_every_field_at_its_widest_fits_the_packed_policy(write):
    """The ranges in the files are those of the model: Policy refuses nothing that the file accepts."""
    document = yaml.load(POLICY, Loader=yaml.BaseLoader)
    instrument, perp = document["instruments"][1:]
    instrument |= {"haircut": "100%", "liability": "655.35%", "cap": "1310.71%", "gross": "655.35%", "liquid": "100%"}
    instrument |= {"impermanent_loss": "100%", "depth": "10485.75%", "residual": "163.83%"}
    perp["loadings"] = {"ETH": "655.35%", "USDC_PEG": "-655.36%"}
    document["scenarios"][0] |= {"shocks": {"ETH": "655.35%"}, "max_loss": "1310.71%"}
    document["factors"][0] |= {"limit": "1310.71%", "daily_volatility": "163.83%"}
    document["limits"] = {
        "max_turnover": "10485.75%", "max_leverage": "104.8575x", "slippage": "163.83%", "nav_step": "16777215 USD",
        "min_collateral_ratio": "1310.71%", "stress_collateral_ratio": "1310.71%", "min_reserve": "163.83%",
        "max_impermanent_loss": "1310.71%", "min_capital_efficiency": "10485.75%", "max_var": "163.83%",
        "var_quantile": "6.5535",
    }  # fmt: skip
    policy = files.read_policy(write("p.yaml", json.dumps(document)))
    assert policy.slots[1].depth_bps == (1 << 20) - 1
    assert policy.max_leverage_bps == (1 << 20) - 1


# --- files that are no files, or not text -----------------------------------------------------------------


def test_unreadable_files(tmp_path, write):
    assert "No such file" in refusal(files.read_policy, tmp_path / "none.yaml")
    assert "Is a directory" in refusal(files.read_policy, tmp_path)
    assert "not UTF-8 text (byte 6)" in refusal(files.read_policy, write("p.yaml", b"name: \xff\xfe"))
    assert "not a text file" in refusal(files.read_policy, write("p.yaml", bytes(100)))
    assert "not UTF-8" in refusal(files.read_policy, write("p.yaml", POLICY.encode("utf-16")))
    assert "larger than" in refusal(files.read_policy, write("p.yaml", "#" * (files.FILE_LIMIT + 1)))
    assert "the file is empty" in refusal(files.read_policy, write("p.yaml", ""))
    assert "the file is empty" in refusal(files.read_policy, write("p.yaml", "# only a comment\n"))
    assert "expected fields (name: value)" in refusal(files.read_policy, write("p.yaml", "- a\n- b\n"))


def test_bom_is_tolerated(write, policy):
    files.read_policy(write("p.yaml", b"\xef\xbb\xbf" + POLICY.encode()))
    assert files.read_book(write("b.csv", b"\xef\xbb\xbfinstrument,quantity\r\nUSDC,1\r\n"), policy)[0] == 10**6


# --- prices ---------------------------------------------------------------------------------------


def test_prices(write, policy):
    expected = (99_991_900, 100_56_000_000, 252_841_550_000, 0, 0, 0, 0, 0)
    assert files.read_prices(write("p.yaml", PRICES), policy).usd_e8 == expected
    rows = "instrument,price,date,source\n" + "".join(
        f"{name},{price},2024-08-28,somewhere\n"
        for name, price in (("USDC", "0.999919"), ("ETH-PERP", "2528.4155"), ("ETH/USDC-LP", "100.56"))
    )
    assert files.read_prices(write("p.csv", rows), policy).usd_e8 == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("100.56", "0", "prices.ETH/USDC-LP: '0' is outside 0.00000001 to 2814749.76710655"),
        ("100.56", "-1", "prices.ETH/USDC-LP: '-1' is outside"),
        ("100.56", "2814749.76710656", "prices.ETH/USDC-LP: '2814749.76710656' is outside"),
        ("100.56", "0.000000001", "prices.ETH/USDC-LP: '0.000000001' has more than 8 decimals"),
        ("100.56", "1e2", "prices.ETH/USDC-LP: '1e2' is not a plain decimal with at most 8 decimals"),
        ("100.56", "100 USD", "prices.ETH/USDC-LP: '100 USD' is not"),
        (", ETH-PERP: 2528.4155", "", "no price for ETH-PERP; every instrument of the policy needs one"),
        ("ETH-PERP", "DOGE", "prices: entry 3: unknown instrument 'DOGE'; the policy has USDC, ETH/USDC-LP, ETH-PERP"),
        ("ETH-PERP", "''", "prices: entry 3: unknown instrument ''"),
        ("ETH-PERP", "USDC", "line 3: this field is given twice"),
        ("source: somewhere\n", "", "source: missing"),
        ("2024-08-28", "yesterday", "date: 'yesterday' is not a day"),
    ],
)
def test_price_refusals(write, policy, old, new, expected):
    assert expected in refusal(files.read_prices, write("p.yaml", PRICES.replace(old, new, 1)), policy)


def test_price_table_refusals(write, policy):
    header = "instrument,price,date,source\nUSDC,1,2024-08-28,a\n"
    for rows, expected in {
        "ETH-PERP,1,2024-08-29,a\n": "row 3: date and source differ from the rows above",
        "ETH-PERP,1,2024-08-28\n": "row 3: 3 cells; expected 4: instrument, price, date, source",
        "=ETH,1,2024-08-28,a\n": "row 3: unknown instrument '=ETH'",
    }.items():
        assert expected in refusal(files.read_prices, write("p.csv", header + rows), policy)
    assert "row 1: the first row is not" in refusal(files.read_prices, write("p.csv", "USDC,1\n"), policy)
    message = refusal(files.read_prices, write("p.csv", "instrument,price,date,source\n"), policy)
    assert "date: missing" in message
    assert "ends in .yaml, .yml or .csv" in refusal(files.read_prices, write("p.txt", PRICES), policy)


# --- books and trades: secret ---------------------------------------------------------------------------


def test_book_and_trades(write, policy):
    rows = "instrument,quantity\n\nETH-PERP, -2.5\nUSDC,72057594037.927935\n"
    expected = ((1 << 56) - 1, 0, -2_500_000, 0, 0, 0, 0, 0)
    assert files.read_book(write("b.csv", rows), policy) == expected
    assert files.read_trades(write("t.CSV", rows), policy) == expected
    assert files.read_book(write("b.yaml", "book: {USDC: 72057594037.927935, ETH-PERP: -2.5}"), policy) == expected
    assert files.read_trades(write("t.yml", "trades:\n  USDC: 0.000001\n"), policy) == (1, *(0,) * 7)
    assert files.read_book(write("b.csv", "instrument,quantity\n"), policy) == (0,) * 8
    assert files.read_trades(write("t.yaml", "trades: {ETH-PERP: -72057594037.927936}"), policy)[2] == -(1 << 56)


@given(st.integers(-(1 << 56), (1 << 56) - 1))
def test_quantities_are_exact(value):
    text = f"{Decimal(value).scaleb(-6):f}"
    text = "0" if not Decimal(text) else text
    quantity = files.Fixed(6, -(1 << 56), (1 << 56) - 1)
    assert quantity.parse(text) == value
    assert quantity.parse(quantity.show(value)) == value


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (f"USDC,{SECRET}1", "book.USDC: the value has more than 6 decimals; it would have to be rounded"),
        (f"USDC,{SECRET}e3", "book.USDC: the value is not a plain decimal"),
        (f"USDC,={SECRET}", "book.USDC: the value is not a plain decimal"),
        (f"USDC,+{SECRET}", "book.USDC: the value is not a plain decimal"),
        (f"USDC,{SECRET} USDC", "book.USDC: the value is not a plain decimal"),
        ("USDC,", "book.USDC: the value is not a plain decimal"),
        ("USDC,-0", "book.USDC: the value is zero with a sign"),
        ("USDC,72057594037.927936", "book.USDC: the value is outside -72057594037.927936 to 72057594037.927935"),
        (f"{SECRET},USDC", "row 2: unknown instrument; the policy has USDC, ETH/USDC-LP, ETH-PERP"),
        (f"usdc,{SECRET}", "row 2: unknown instrument"),
        (f",{SECRET}", "row 2: unknown instrument"),
        (f"USDC,1\nETH-PERP,2\nUSDC,{SECRET}", "row 4: USDC is given twice"),
        (f"USDC,{SECRET},1", "row 2: 3 cells; expected 2: instrument, quantity"),
        (f"USDC;{SECRET}", "row 2: 1 cells; expected 2"),
        (f'USDC,"{SECRET}', "row 2: not CSV: unexpected end of data"),
    ],
)
def test_book_refusals_in_csv(write, policy, rows, expected):
    assert expected in refusal(files.read_book, write("b.csv", f"instrument,quantity\n{rows}\n"), policy)


@pytest.mark.parametrize("header", ["", "Instrument,Quantity", "quantity,instrument", "instrument", "USDC,1"])
def test_csv_header_is_exact(write, policy, header):
    path = write("b.csv", f"{header}\nUSDC,{SECRET}\n")
    assert f"row {1 if header else 2}: the first row is not instrument,quantity" in refusal(files.read_book, path, policy)


def test_a_header_names_a_few_columns_and_counts_the_rest(write, policy):
    """A few are what a person looks at; the message is a line, however wide the file."""
    more = [f"x{k}" for k in "abcdefghijklmnopqrstuvwxyz" * 20]
    path = write("p.csv", ",".join(["instrument", "price", "date", "source", *more]) + "\n")
    message = refusal(files.read_prices, path, policy)
    assert message.endswith("column 5 is 'xa'; column 6 is 'xb'; column 7 is 'xc' and 517 more")
    secret = refusal(files.read_book, write("b.csv", ",".join(["instrument", "quantity", SECRET, *more]) + "\n"), policy)
    assert secret.endswith("column 3 is another; column 4 is 'xa'; column 5 is 'xb' and 518 more")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (f"book: {{USDC: {SECRET}x}}", "book.USDC: the value is not"),
        (f"book: {{USDC: [{SECRET}]}}", "book.USDC: the value is not"),
        (f"book: {{{SECRET}: USDC}}", "book: entry 1: unknown instrument; the policy has"),
        (f"book: {SECRET}", "book: expected fields (name: value)"),
        (f"{SECRET}: USDC", "book: missing"),
        (f"book: {{}}\n{SECRET}: USDC", "(not shown): unknown field; known here: book"),
        (f"trades: {{USDC: {SECRET}}}", "book: missing"),
        (f"book: {{USDC: {SECRET}, USDC: 1}}", "line 1: this field is given twice"),
        (f"book: *{SECRET.replace('.', '')}", "line 1: anchors"),
        (f"book: {{USDC: '{SECRET}", "not YAML at line"),
        (f"book: @{SECRET}", "not YAML at line 1, column 7"),
        (f"book: {{}}\nboko: {SECRET}", "(not shown): unknown field; known here: book"),
        (SECRET, "expected fields (name: value)"),
    ],
)
def test_book_refusals_in_yaml(write, policy, document, expected):
    assert expected in refusal(files.read_book, write("b.yaml", document), policy)


def test_secret_documents_hide_their_content():
    for document in (
        documents.BookFile(book={"USDC": SECRET}),
        documents.TradesFile(trades={"USDC": SECRET}),
        documents.OpeningFile(**json.loads(opening_json())),
    ):
        assert "48151" not in repr(document) + str(document)
        assert "5eed" not in repr(document) + str(document)


# --- terms and context ----------------------------------------------------------------------------------


def test_terms_and_context(write):
    terms = files.read_terms(write("t.yaml", TERMS))
    assert (terms.flow_e6, terms.allowances) == (-250_000_500_000, Allowances(12, 34, 56, 7))
    assert Allowances.unpack(terms.allowances.pack()) == terms.allowances
    words = [31337, 0x5FBDB2315678AFECB367F032D93F642F64180AA3, 0xAB, 2, 1, 3]
    words += [0xF39FD6E51AAD88F6F4CE6AB8827279CFFFB92266, 1_724_889_600]
    encoded = b"".join(word.to_bytes(32, "big") for word in words)
    assert terms.context_hash == int.from_bytes(keccak(encoded), "big") % FIELD


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("-250000.5", "-250000.0000005", "flow: '-250000.0000005' has more than 6 decimals"),
        ("12 ppb", "12", "allowances.gain: '12' is not a whole number followed by ' ppb'"),
        ("34 ppb", "34 ppm", "allowances.loss: '34 ppm' is not a whole number followed by ' ppb'"),
        ("56 ppm", "1073741824 ppm", "allowances.turnover: '1073741824 ppm' is outside 0 ppm to 1073741823 ppm"),
        ("7 steps", "-1 steps", "allowances.write_down: '-1 steps' is outside"),
        (", write_down: 7 steps", "", "allowances.write_down: missing"),
        ("31337", "0x7a69", "context.chain_id: '0x7a69' is not a whole number"),
        ("0x5FbDB", "0x5FbDb", "context: hub is not an address (0x and 40 hex digits, the right checksum if any)"),
        ("0x5FbDB", "5FbDB", "context.hub: '5FbDB2315678afecb367f032d93F642f64180aa3' is not an address"),
        ("ab\"", "\"", "is not 32 bytes (0x and 64 hex digits)"),
        ("  sequence: 2\n", "", "context.sequence: missing; expected: number of this rebalance of the vault, from 1"),
        ("1724889600", "2024-08-29", "context.deadline: '2024-08-29' is not a whole number"),
        ("1724889600", str(1 << 256), "is outside 0 to 2^256 - 1"),
    ],
)  # fmt: skip
def test_terms_refusals(write, old, new, expected):
    assert expected in refusal(files.read_terms, write("t.yaml", TERMS.replace(old, new, 1)))


CONTEXT = {
    "chain_id": 1,
    "hub": to_checksum_address("0x" + "ab" * 20),
    "vault_id": bytes(31) + b"\x01",
    "sequence": 1,
    "mandate_version": 1,
    "round": 1,
    "operator": "0x" + "cd" * 20,
    "deadline": 1,
}


def test_every_part_of_the_context_counts():
    other = {"hub": "0x" + "ef" * 20, "operator": "0x" + "ef" * 20, "vault_id": bytes(32)}
    fields = {Context(**(CONTEXT | {name: other.get(name, 2)})).to_field() for name in CONTEXT}
    fields.add(Context(**CONTEXT).to_field())
    assert len(fields) == len(CONTEXT) + 1
    assert all(0 <= field < FIELD for field in fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chain_id", -1), ("chain_id", 1 << 256), ("sequence", True), ("deadline", "1"), ("round", 1.0),
        ("hub", "ab" * 20), ("hub", "0x" + "ab" * 19), ("hub", str(CONTEXT["hub"]).swapcase().replace("X", "x")),
        ("operator", b"\xab" * 20), ("vault_id", bytes(31)), ("vault_id", "0x" + "00" * 32),
    ],
)  # fmt: skip
def test_context_refusals(name, value):
    with pytest.raises(ValueError, match=name):
        Context(**(CONTEXT | {name: value}))


# --- openings: secret -----------------------------------------------------------------------------------

SOMEBODY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def opening_json(**changes) -> str:
    document = {
        "format": "dls-zk/opening/v2",
        "circuit": "rebalance_8",
        "chain_id": 31337,
        "hub": SOMEBODY,
        "vault_id": "0x" + "ab" * 32,
        "sequence": 3,
        "created": "2026-11-28T17:50:06Z",
        "instruments": ["USDC", "ETH", *[""] * 6],
        "quantities": ["48151623420", "-1", *["0"] * 6],
        "salt": "0x0" + "5eed" * 15 + "123",
        "commitment": "0x" + "0" * 63 + "7",
    }
    return json.dumps(document | changes)


@pytest.fixture
def write_secret(write):
    def write_secret(content: str, mode: int = 0o600) -> Path:
        path = write("opening.json", content)
        path.chmod(mode)
        return path

    return write_secret


def kept_opening(opening: Opening) -> KeptOpening:
    names = ("USDC", *[""] * (len(opening.quantities_e6) - 1))
    return KeptOpening(opening, FIELD - 2, names, (1 << 256) - 1, SOMEBODY, b"\xab" * 32, 1 << 64, 1_724_889_600)


def test_opening_round_trip(tmp_path):
    for slots in SIZES:
        opening = Opening(tuple((-1) ** i * (1 << 56) + (i + 1) % 2 * -1 for i in range(slots)), FIELD - 1)
        path = tmp_path / f"{slots}.json"
        kept = kept_opening(opening)
        files.write_opening(path, kept)
        assert path.stat().st_mode & 0o777 == 0o600
        assert files.read_opening(path) == kept
        assert "exists, and is not overwritten" in refusal(files.write_opening, path, kept)
    assert sorted(os.listdir(tmp_path)) == ["16.json", "32.json", "8.json"]


def test_opening_is_not_written_where_it_cannot_be(tmp_path):
    kept = kept_opening(Opening.empty(SIZES[8]))
    assert "No such file" in refusal(files.write_opening, tmp_path / "none" / "o.json", kept)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o666])
def test_opening_that_others_can_read(write_secret, mode):
    path = write_secret(opening_json(), mode)
    message = refusal(files.read_opening, path)
    assert f"open to other users (mode {mode:04o})" in message
    assert f"chmod 600 {path}" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [("{}", "format: missing"), (json.dumps({"format": "dls-zk/proof/v1"}), "format: expected"), ("[]", "expected fields")],
)
def test_what_is_no_opening_need_not_be_private(write_secret, content, expected):
    message = refusal(files.read_opening, write_secret(content, 0o644))
    assert expected in message and "chmod" not in message


QUANTITY = "48151623420"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (opening_json(format="dls-zk/opening/v1"), "format: expected 'dls-zk/opening/v2'"),
        (opening_json(chain_id="31337"), "chain_id: Input should be a valid integer"),
        (opening_json(sequence=-1), "sequence: Input should be greater than or equal to 0"),
        (opening_json(created="2026-02-30T17:50:06Z"), "created: the value is in no calendar or on no clock"),
        (opening_json(created="2026-02-28 17:50"), "created: the value is not a moment in UTC such as"),
        (opening_json(hub=QUANTITY), "hub: the value is not an address (0x and 40 hex digits)"),
        (opening_json(vault_id="0x" + "5eed" * 15), "vault_id: the value is not 32 bytes (0x and 64 hex digits)"),
        (opening_json(instruments=["USDC"] * 7), "instruments: 7 entries; rebalance_8 has 8"),
        (opening_json(instruments=[QUANTITY] * 8), "instruments[0]: the value is not a name, or nothing for an unused slot"),
        (opening_json(circuit="rebalance_16"), "quantities: 8 entries; rebalance_16 has 16"),
        (opening_json(circuit="rebalance_9"), "circuit: expected 'rebalance_8', 'rebalance_16' or 'rebalance_32'"),
        (opening_json(quantities=[QUANTITY + ".0"] * 8), "quantities[0]: the value is not a whole number"),
        (opening_json(quantities=["0" + QUANTITY] * 8), "quantities[0]: the value is not a whole number"),
        (opening_json(quantities=["0", "-0"] * 4), "quantities[1]: the value is zero with a sign"),
        (opening_json(quantities=[int(QUANTITY)] * 8), "quantities[0]: the value is not a whole number"),
        (opening_json(quantities=[str(1 << 56)] * 8), "quantities[0]: the value is outside"),
        (opening_json(quantities=QUANTITY), "quantities: expected a list"),
        (opening_json(salt=f"0x{FIELD:064x}"), "salt is not a canonical element of the scalar field"),
        (opening_json(commitment=f"0x{FIELD + 7:064x}"), "commitment is not a canonical element"),
        (opening_json(salt=f"0x{FIELD - 1:064X}"), "salt: the value is not a field element (0x and 64 small hex digits)"),
        (opening_json(salt="0x7"), "salt: the value is not a field element"),
        (opening_json(salt=7), "salt: the value is not a field element"),
        (opening_json(**{SECRET: "x"}), "(not shown): unknown field; known here: format, circuit"),
        (opening_json()[:-1], "not JSON"),
        (opening_json()[:-1] + ', "salt": "0x7"}', "a key is given twice"),
        ("[]", "expected fields (name: value)"),
        ("", "not JSON"),
    ],
)
def test_opening_refusals(write_secret, content, expected):
    message = refusal(files.read_opening, write_secret(content))
    assert expected in message
    assert "5eed" not in message and QUANTITY not in message


# --- the chain's side ----------------------------------------------------------------------------------

FEEDS = f"""
feeds:
  USDC: {{aggregator: "{SOMEBODY}", heartbeat: 86400 s, deviation: 2%}}
  ETH: {{aggregator: "{SOMEBODY.lower()}", heartbeat: 3600 s, deviation: 655.35%}}
confirmation_delay: 600 s
deviation_period: 7200 s
sequencer: {{feed: "{SOMEBODY}", grace_period: 3600 s}}
"""

MANDATE = """
  policy: policy.yaml
  feeds: feeds.json
  grace: 900 s
  min_interval: 60 s
  max_proof_age: 86400 s
  write_down: 1%
  gain: {per_day: 0.0274%, cap: 1%, step: 0.001%}
  loss: {per_day: 0.05%, cap: 0.5%, step: 0.01%}
  turnover: {per_day: 100%, cap: 400%, step: 5%}
  orders: {delay: 3600 s, redemption_period: 604800 s, least: 100, cap: 20000000, levy: 0.5%}
  fees: {management: 1%, performance: 10%}
  band: {per_day: 10%, wait: 3600 s}
"""

VAULT = f"""
name: A vault
operator: "{SOMEBODY}"
loosening_delay: 86400 s
mandate:{MANDATE}
share: {{symbol: SHR, asset: "{SOMEBODY}", custody: "{SOMEBODY}"}}
"""

DEPLOYMENT = {
    "format": "dls-zk/deployment/v1", "chain_id": 1, "genesis": "0x" + "ab" * 32, "block": 7,
    **dict.fromkeys(("hub", "policy_registry", "price_oracle"), SOMEBODY), "libraries": {"PoseidonT6": SOMEBODY},
    "keys": {
        "rebalance_8": {
            "name": "0x" + "34" * 32, "verifier": SOMEBODY, "batch_verifier": SOMEBODY, "key_hash": "0x" + "cd" * 32,
            "r1cs_sha256": "ef" * 32, "insecure": True,
        }
    },
    "created": {SOMEBODY: "0x" + "12" * 32},
}  # fmt: skip


def test_feeds_are_written_as_they_are_read(tmp_path):
    policy = files.PolicyFile.model_validate(yaml.load(POLICY, Loader=yaml.BaseLoader)).to_policy()
    names = [slot.instrument for slot in policy.slots if slot.instrument]
    entry = {"aggregator": SOMEBODY.lower(), "heartbeat": "3600 s", "deviation": "655.35%"}
    document = yaml.load(FEEDS, Loader=yaml.BaseLoader) | {"feeds": dict.fromkeys(names, entry)}
    (tmp_path / "feeds.yaml").write_text(json.dumps(document))
    feeds = files.read_feeds(tmp_path / "feeds.yaml", policy)
    assert (feeds.confirmation_delay_s, feeds.deviation_period_s) == (600, 7200)
    assert (feeds.sequencer_feed, feeds.grace_period_s) == (SOMEBODY, 3600)
    assert set(feeds.feeds.values()) == {Feed(SOMEBODY, 3600, 65_535)}
    files.write_feeds(tmp_path / "feeds.json", feeds)
    assert files.read_feeds(tmp_path / "feeds.json", policy) == feeds
    for change, expected in (
        ({"more": entry}, "unknown instrument 'more'"),
        ({names[0]: entry | {"deviation": "0%"}}, "outside 0.01% to 655.35%"),
        ({names[0]: entry | {"heartbeat": "3600"}}, "followed by ' s'"),
        ({names[0]: entry | {"aggregator": SOMEBODY.swapcase().replace("0X", "0x")}}, "wrong checksum"),
    ):
        (tmp_path / "wrong.yaml").write_text(json.dumps(document | {"feeds": document["feeds"] | change}))
        with pytest.raises(InputError, match=expected):
            files.read_feeds(tmp_path / "wrong.yaml", policy)
    for change, expected in (
        ({"confirmation_delay": "299 s"}, "outside 300 s to 86400 s"),
        ({"confirmation_delay": "86401 s"}, "outside 300 s to 86400 s"),
        ({"deviation_period": "59 s"}, "outside 60 s to 604800 s"),
        ({"deviation_period": "604801 s"}, "outside 60 s to 604800 s"),
        ({"sequencer": {"feed": SOMEBODY, "grace_period": "86401 s"}}, "outside 0 s to 86400 s"),
    ):
        (tmp_path / "wrong.yaml").write_text(json.dumps(document | change))
        with pytest.raises(InputError, match=expected):
            files.read_feeds(tmp_path / "wrong.yaml", policy)
    (tmp_path / "wrong.yaml").write_text(json.dumps(document | {"feeds": dict.fromkeys(names[1:], entry)}))
    with pytest.raises(InputError, match=f"no feed for {names[0]}"):
        files.read_feeds(tmp_path / "wrong.yaml", policy)


def test_vaults_are_read(tmp_path):
    path = tmp_path / "vault.yaml"
    path.write_text(VAULT)
    vault = files.read_vault(path)
    assert (vault.loosening_delay, vault.guardian, vault.share.custody) == (86_400, None, SOMEBODY)
    gain, turnover = vault.mandate.gain, vault.mandate.turnover
    assert (gain.per_day, gain.cap, gain.step) == (274_000, 10_000_000, 10_000)  # parts per billion
    assert (turnover.per_day, turnover.cap, turnover.step) == (1_000_000, 4_000_000, 50_000)  # parts per million
    assert (vault.mandate.orders.cap, vault.mandate.fees.performance) == (20_000_000 * 10**6, 100_000)
    path.write_text(VAULT.replace("write_down: 1%", "write_down: 101%"))
    with pytest.raises(InputError, match="mandate.write_down.*outside 0% to 100%"):
        files.read_vault(path)


def test_documents_are_built_with_the_checks_of_reading():
    fees = files.built(files.FeeFields, "the fees", management=10_000, performance=None)
    assert (fees.management, fees.performance) == (10_000, 0)
    with pytest.raises(InputError, match="the fees.*outside 0% to"):
        files.built(files.FeeFields, "the fees", management=1 << 24)


def test_terms_are_written_as_they_are_read(tmp_path):
    (tmp_path / "terms.yaml").write_text(TERMS)
    terms = files.read_terms(tmp_path / "terms.yaml")
    files.write_terms(tmp_path / "again.yaml", terms)
    assert files.read_terms(tmp_path / "again.yaml") == terms
    held = replace(terms, commitment_before=FIELD - 1, oracle=SOMEBODY)
    files.write_terms(tmp_path / "held.yaml", held)
    assert files.read_terms(tmp_path / "held.yaml") == held
    with pytest.raises(InputError, match="exists"):
        files.write_terms(tmp_path / "again.yaml", terms)
    with pytest.raises(ValueError, match="only its hash is known"):
        files.write_terms(tmp_path / "third.yaml", Terms(0, 0, 7))
    assert not (tmp_path / "third.yaml").exists()


def test_prices_are_written_as_they_are_read(tmp_path):
    policy = files.PolicyFile.model_validate(yaml.load(POLICY, Loader=yaml.BaseLoader)).to_policy()
    usd_e8 = tuple(123_456_789 * (i + 1) if slot.instrument else 0 for i, slot in enumerate(policy.slots))
    files.write_prices(tmp_path / "prices.yaml", Prices(usd_e8), policy, "2024-08-28", "round 7")
    assert files.read_prices(tmp_path / "prices.yaml", policy) == Prices(usd_e8)
    snapshot = Prices(usd_e8, Round((1 << 256) - 1, SOMEBODY, 7))
    files.write_prices(tmp_path / "snapshot.yaml", snapshot, policy, "2024-08-28", "round 7")
    assert files.read_prices(tmp_path / "snapshot.yaml", policy) == snapshot


# --- schemas --------------------------------------------------------------------------------------------


def proof_document() -> dict:
    """What ``proof.Proof``, which writes and reads proof files, writes."""
    return json.loads(Proof("rebalance_8", (1, 2), ((1, 2), (3, 4)), (1, 2), (FIELD - 1,) * 9).to_json())


def test_schemas_are_current():
    folder = PACKAGE / "schemas"
    current = schemas.json_schemas()
    assert {path.stem for path in folder.glob("*.json")} == current.keys()
    for name, schema in current.items():
        assert (folder / f"{name}.json").read_text(encoding="utf-8") == schema, f"run scripts/schemas ({name})"


_NAMED = {"chain_id": 1, "contract": "0x" + "11" * 20, "vault_id": "0x" + "ab" * 32, "venue": 0, "observed_at": 1790000000}
ATTESTING = {
    "attestor": {
        "chain_id": "1",
        "contract": "0x" + "11" * 20,
        "vaults": [
            {
                "vault": "0x" + "ab" * 32,
                "policy": "policy.yaml",
                "venue": "custody",
                "operator": "0x" + "22" * 20,
                "recipients": ["age1" + "q" * 58],
                "equity_tolerance": "0.5%",
                "accounts": [{"name": "all", "statement": {"file": "a.csv", "account": "1"}, "slots": {"USDC": "USDC"}}],
            }
        ],
    },
    "statement": {"account": "1", "time": "1790000000", "balances": {"USDC": "5.5"}},
    "attestation": _NAMED
    | {"format": "dls-zk/attestation/v1", "attestor": "0x" + "33" * 20, "policy_hash": "0x" + "00" * 32}
    | {"commitment": "0x" + "00" * 32, "steady_since": 1790000000, "signature": "0x" + "00" * 65}
    | {"accounts": [{"name": "all", "id": "0x" + "44" * 32}]}
    | {"exclusions": [{"account": "all", "instrument": "LEND", "reason": "closed loan"}]},
    "custody": {"tolerance": "0.1%", "max_sequences": "2", "max_age": "345600 s", "steady_for": "3600 s"}
    | {"venues": {"custody": {"attestor": SOMEBODY, "attestor_class": "chain state", "service": "https://a.example"}}},
    "reconciler": {"format": "dls-zk/reconciler/v1", "chain_id": 1, "genesis": "0x" + "ab" * 32, "reconciler": SOMEBODY}
    | {"keys": {}, "created": {SOMEBODY: "0x" + "12" * 32}},
    "attestation-opening": _NAMED
    | {"format": "dls-zk/attestation-opening/v1", "circuit": "rebalance_8", "commitment": "0x" + "00" * 32}
    | {"instruments": [*"ABCDEFGH"], "quantities": ["-5"] * 8, "salt": "0x" + "00" * 32},
}


def test_schemas_accept_what_the_files_accept():
    jsonschema = pytest.importorskip("jsonschema")
    documents = {
        "policy": yaml.load(POLICY, Loader=yaml.BaseLoader) | {"size": 8},
        "prices": yaml.load(PRICES, Loader=yaml.BaseLoader),
        "book": {"book": {"USDC": "-1.5", "ETH": 2}},
        "trades": {"trades": {"USDC": "1", "ETH": -2.5}},
        "terms": yaml.load(TERMS, Loader=yaml.BaseLoader),
        "opening": json.loads(opening_json()),
        "proof": proof_document(),
        "feeds": yaml.load(FEEDS, Loader=yaml.BaseLoader),
        "vault": yaml.load(VAULT, Loader=yaml.BaseLoader),
        "mandate": yaml.load(MANDATE, Loader=yaml.BaseLoader),
        "deployment": DEPLOYMENT,
        **ATTESTING,
    }
    wrong = {
        "policy": ("size", 9), "prices": ("date", "today"), "book": ("book", {"USDC": "1e3"}), "terms": ("allowances", "12"),
        "trades": ("trades", {"USDC": "1,5"}), "opening": ("salt", "0x7"), "proof": ("public", ["0x1"]),
        "feeds": ("confirmation_delay", "60"), "vault": ("loosening_delay", "1 day"), "deployment": ("genesis", "0x12"),
        "mandate": ("grace", "900"), "attestor": ("contract", "0x12"), "statement": ("balances", {"USDC": 5}),
        "attestation": ("signature", "0x1"), "attestation-opening": ("salt", "0x7"),
        "custody": ("max_age", "4 days"), "reconciler": ("genesis", "0x12"),
    }  # fmt: skip
    for name, schema in schemas.json_schemas().items():
        validator = jsonschema.Draft202012Validator(json.loads(schema))
        validator.check_schema(json.loads(schema))
        validator.validate(documents[name])
        field, value = wrong[name]
        assert not validator.is_valid(documents[name] | {field: value})
        assert not validator.is_valid(documents[name] | {"more": "1"})


def test_every_field_of_every_schema_is_described():
    for name, schema in schemas.json_schemas().items():
        document = json.loads(schema)
        for part in (document, *document.get("$defs", {}).values()):
            assert part["description"]
            for field, properties in part["properties"].items():
                assert properties.get("description"), f"{name}: {field}"
                assert re.match(r"[a-zA-Z]", properties["description"])
