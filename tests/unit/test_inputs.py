"""Inputs as people have them: exports of exchanges and spreadsheets, names of markets, editors' marks, pipes and devices."""

import json
import os
import re
from decimal import Decimal
from itertools import product
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dls_zk import files
from dls_zk.errors import InputError
from dls_zk.files import schemas
from dls_zk.files.values import NAME_PATTERN
from dls_zk.storage import disk, strict_json
from dls_zk.storage.places import PACKAGE
from tests.support.commandline import invoke

EXAMPLE = PACKAGE / "examples" / "delta_neutral_eth"
POLICY = files.read_policy(EXAMPLE / "policy.yaml")
TRADES = files.read_trades(EXAMPLE / "trades.csv", POLICY)
ROWS = (EXAMPLE / "trades.csv").read_text().splitlines()
SECRET = "48151.62342"


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> Path:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path / name

    return write


def refusal(function, *arguments) -> str:
    with pytest.raises(InputError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message and "48151" not in message
    return message


# --- numbers --------------------------------------------------------------------------------------


@given(st.integers(-(1 << 56), (1 << 56) - 1), st.integers(0, 30))
def test_zeros_at_the_end_change_nothing(value, zeros):
    text = f"{Decimal(value).scaleb(-6):f}"
    padded = (text if "." in text else text + ".") + "0" * (zeros or 1)
    number = files.Fixed(6, -(1 << 56), (1 << 56) - 1)
    if value:
        assert number.parse(padded) == value
        with pytest.raises(ValueError, match="has more than 6 decimals; it would have to be rounded"):
            number.parse(f"{text if '.' in text else text + '.'}{'0' * 6}{'0' * zeros}1")
    else:
        assert number.parse("0." + "0" * (zeros or 1)) == 0


@pytest.mark.parametrize("text", ["-0", "-0.0", "-0.000000", "-0.00000000000000000000"])
def test_a_zero_has_no_sign(text):
    with pytest.raises(ValueError, match="is zero with a sign; write 0"):
        files.Fixed(6, -1, 1).parse(text)


def test_whole_numbers_have_no_point():
    with pytest.raises(ValueError, match="is not a whole number"):
        files.Fixed(0, 0, 9).parse("1.0")


@pytest.mark.parametrize("number", [files.Fixed(6, -5, 5), files.Fixed(2, 0, 500, "%"), files.Fixed(0, -1, 5, " ppm")])
def test_the_schema_takes_the_same_numbers(number):
    schema = number.__get_pydantic_json_schema__(None, None)
    fractions = ("", ".", ".0", ".00", ".10", ".000", ".001")
    for sign, whole, fraction in product(("", "-", "+"), ("0", "1", "01", ""), fractions):
        text = f"{sign}{whole}{fraction}{number.unit}"
        try:
            number.parse(text)
        except ValueError as error:
            accepted = "outside" in str(error)  # of ranges the schema says nothing but the sign
            if accepted and sign and number.low == 0:
                continue
        else:
            accepted = True
        assert bool(re.search(schema["pattern"], text)) == accepted, text


def test_padded_decimals_are_checked_like_the_plain_ones(tmp_path):
    rows = [row + "00" if "." in row.split(",")[-1] else row + ".00000000" for row in ROWS[1:]]
    padded = tmp_path / "trades.csv"
    padded.write_text("\n".join([ROWS[0], *rows, ""]))
    assert files.read_trades(padded, POLICY) == TRADES
    (tmp_path / "example").mkdir()
    *options, _ = renamed(tmp_path / "example", "", "")
    done = invoke("check", *options, str(padded), "--terms", str(EXAMPLE / "terms.yaml"))
    assert done.code == 0, done.stderr


def test_values_beyond_their_range_have_a_way_out(write):
    prices = yaml.safe_load((EXAMPLE / "prices.yaml").read_text())
    prices["date"] = str(prices["date"])
    for price, expected in {
        "0.0000089412": "1000SHIB: 1000 times the price, a thousandth of the quantity",
        "2814749.76710656": "mBTC: a thousandth of the price, 1000 times the quantity",
    }.items():
        document = prices | {"prices": prices["prices"] | {"ETH": price}}
        assert expected in refusal(files.read_prices, write("p.yaml", json.dumps(document)), POLICY)
    book = write("b.csv", f"instrument,quantity\nETH,{SECRET.replace('.', '')}{'0' * 9}\n")
    assert "1000SHIB: 1000 times the price" in refusal(files.read_book, book, POLICY)
    book = write("b.csv", f"instrument,quantity\nETH,{SECRET}0012\n")
    assert "would have to be rounded: round it yourself, against the vault" in refusal(files.read_book, book, POLICY)


# --- tables ---------------------------------------------------------------------------------------

TABLES = {
    "as Excel leaves cleared rows": [*ROWS, ",", ","],
    "a row of blanks": [*ROWS, "   "],
    "empty rows between": [ROWS[0], "", *ROWS[1:4], "", " , ", *ROWS[4:], ""],
    "cleared columns": [f"{row},," for row in ROWS] + [",,,"],
    "a column cleared in some rows": [ROWS[0] + ",", *ROWS[1:]],
    "rows before the header": [",", "", *ROWS],
    "blanks around cells": [row.replace(",", " ,\t") + " " for row in ROWS],
    "blanks that do not break": [row.replace(",", ",\u00a0") for row in ROWS],
    "quoted": ['"' + row.replace(",", '","') + '"' for row in ROWS],
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_what_spreadsheets_leave_is_no_content(write, name, end, mark):
    assert files.read_trades(write("t.csv", mark + end.join(TABLES[name]).encode()), POLICY) == TRADES


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (f"instrument;quantity\nETH;{SECRET}", "separated by ';'; save it with commas between the columns and points in"),
        (f"instrument;quantity\nETH;{SECRET.replace('.', ',')}", "separated by ';'"),
        (f"instrument\tquantity\nETH\t{SECRET}", "separated by tabs"),
        (f"instrument|quantity\nETH|{SECRET}", "separated by '|'"),
        (f"ETH;{SECRET}\nUSDC;1", "separated by ';'"),
        (f"sep=;\ninstrument;quantity\nETH;{SECRET}", "separated by ';'"),
        (f"sep=,\ninstrument,quantity\nETH,{SECRET}", "remove the line sep=,"),
        (f"ETH,{SECRET}\nUSDC,1", "there is no header; put this line in front"),
        (f"Instrument,QUANTITY\nETH,{SECRET}", "write it in small letters"),
        (f"quantity,instrument\n{SECRET},ETH", "the columns are in another order"),
        (f"instrument,quantity,note\nETH,{SECRET},x", "instrument,quantity: column 3 is 'note'"),
        (f"instrument,amount\nETH,{SECRET}", "there is no column quantity; column 2 is 'amount'"),
        (f"Symbol,Size\nETH,{SECRET}", "there is no column instrument; there is no column quantity; column 1 is 'Symbol'"),
        (f"instrument,quantity,quantity\nETH,{SECRET},1", "column 3 is quantity again"),
        (f"instrument\nETH,{SECRET}", "there is no column quantity"),
        (f"{SECRET},ETH\n1,USDC", "column 1 is another; column 2 is 'ETH'"),
        (f"DOGE,{SECRET}\n", "column 1 is 'DOGE'; column 2 is another"),
        ("", "the file is empty"),
        (",\n , \n", "the file is empty"),
    ],
)
def test_other_separators_and_headers_are_named(write, rows, expected):
    message = refusal(files.read_book, write("b.csv", rows), POLICY)
    assert "the first row is not instrument,quantity: " in message and expected in message


def test_headers_of_public_files_are_shown(write):
    message = refusal(files.read_prices, write("p.csv", "instrument,price,date,source,2024\nETH,1,2024-08-28,a,b\n"), POLICY)
    assert "the first row is not instrument,price,date,source: column 5 is '2024'" in message


@pytest.mark.parametrize("number", ["1,5", '"1,5"', '"1,234.5"', "1'234.5", "1 234.5", "1\u00a0234.5", "1.234,5"])
def test_no_mark_is_taken_for_a_decimal_point(write, number):
    message = refusal(files.read_book, write("b.csv", f"instrument,quantity\nETH,{number}\n"), POLICY)
    assert "decimals are written with a point" in message or "not a plain decimal" in message


# --- names ----------------------------------------------------------------------------------------

NAMES = [
    "1INCH", "1000PEPE", "ETH/USDC:USDC", "BTC/USD:BTC-241227-60000-C", "$WIF", "PT-weETH-26DEC2024-ETHEREUM-MAINNET-V2",
    "kPEPE", "USDC.e", "xyz:TSLA", "3Crv", "N" * 64,
]  # fmt: skip
NO_NAMES = [
    "", "1.5", "-1.5", "2024-08-28", "100", "$1", "=1+A", "+A", "-A", "@A", ".A", "/A", ":A", "_A", "a b", "a,b", "a;b",
    "[red]a", "a[/]", "a\\b", "a\x1b[2J", "a\nb", "a\u202eb", "A%", "a#b", "a'b", 'a"b', "{a}", "a*", "a|b", "N" * 65,
]  # fmt: skip


def renamed(folder: Path, old: str, new: str) -> tuple[str, ...]:
    """The example's files with one instrument renamed, as options of ``check``."""
    for path in EXAMPLE.iterdir():
        (folder / path.name).write_text(path.read_text().replace(old, new) if old else path.read_text())
    files_of = {"policy": "policy.yaml", "prices": "prices.yaml", "before": "book_before.csv", "trades": "trades.csv"}
    return tuple(word for option, name in files_of.items() for word in (f"--{option}", str(folder / name)))


@pytest.mark.parametrize("name", NAMES)
def test_names_of_markets_are_names(tmp_path, name):
    options = renamed(tmp_path, "ETH-PERP", name)
    done = invoke("check", *options, "--terms", str(EXAMPLE / "terms.yaml"))
    assert done.code == 0, done.stderr
    prices = files.read_prices(tmp_path / "prices.yaml", rules := files.read_policy(tmp_path / "policy.yaml"))
    files.write_prices(tmp_path / "again.yaml", prices, rules, "2024-08-28", "again")
    assert files.read_prices(tmp_path / "again.yaml", rules) == prices


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_could_be_taken_for_something_else_is_no_name(name):
    assert not re.fullmatch(NAME_PATTERN, name)
    schema = json.loads(schemas.json_schemas()["vault"])["$defs"]["ShareFields"]["properties"]["symbol"]
    assert not jsonschema.Draft202012Validator(schema).is_valid(name)


@given(st.from_regex(re.compile(NAME_PATTERN, re.ASCII), fullmatch=True))
def test_a_name_is_safe_wherever_it_is_written(name):
    assert name.isascii() and name.isprintable() and name[0] not in "=+-@" and not set(name) & set(" \"'`[]{}\\,;|<>&#*")
    for text in (f"{name}: 1", f"{{{name}: 1}}", f"prices:\n  {name}: 1"):  # as a key of YAML, in all its forms
        document = yaml.load(text, Loader=yaml.BaseLoader)
        assert {name: "1"} in (document, document.get("prices"))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("USD₮0", "; U+20AE (TUGRIK SIGN) is not ASCII: write USDT0"),
        ("wst\u00c9TH", "; U+00C9 (LATIN CAPITAL LETTER E WITH ACUTE) is not ASCII: write wstETH"),
        ("wstE\u0301TH", "; U+0301 (COMBINING ACUTE ACCENT) is not ASCII: write wstETH"),
        ("\uff25\uff34\uff28", "; U+FF25 (FULLWIDTH LATIN CAPITAL LETTER E) is not ASCII: write ETH"),
        ("\u0415TH", "; U+0415 (CYRILLIC CAPITAL LETTER IE) is not ASCII: write it in ASCII"),
        ("ET\u200bH", "; U+200B (ZERO WIDTH SPACE) is not ASCII: write it in ASCII"),
        ("a b", " in front"),
    ],
)
def test_lookalikes_are_refused_with_the_name_to_write(tmp_path, name, advice):
    renamed(tmp_path, "ETH-PERP", name)
    with pytest.raises(InputError, match=re.escape(advice) + "$"):
        files.read_policy(tmp_path / "policy.yaml")


# --- bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "latin-1"])
def test_other_encodings_are_named(write, encoding):
    mark = {"utf-16-be": b"\xfe\xff", "utf-16-le": b"\xff\xfe"}.get(encoding, b"")
    text = (EXAMPLE / "policy.yaml").read_text().replace("name: ", "name: \u00e4", 1)
    message = refusal(files.read_policy, write("p.yaml", mark + text.encode(encoding, errors="ignore")))
    assert "not UTF-8 text" in message and "save it as UTF-8" in message
    assert ("UTF-16" in message) == encoding.startswith("utf-16")


def test_marks_in_front_of_json_are_no_content():
    assert strict_json.parse_json(b'\xef\xbb\xbf{"a": 1}', "x") == {"a": 1}
    assert "not UTF-8 text" in refusal(strict_json.parse_json, '{"a": 1}'.encode("utf-16"), "x")


# --- files that are none --------------------------------------------------------------------------


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "policy.yaml")  # nobody writes to it: to open it would be to wait for ever
    (tmp_path / "link.yaml").symlink_to(tmp_path / "policy.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("policy.yaml", "link.yaml", "zero.yaml"):
        assert "a pipe, a socket or a device, not a regular file" in refusal(files.read_policy, tmp_path / name)


def test_what_a_shell_hands_over_is_read():
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as end:
        end.write((EXAMPLE / "policy.yaml").read_bytes())
    try:
        assert files.read_policy(f"/dev/fd/{read_end}") == POLICY
    finally:
        os.close(read_end)
    read_end, write_end = os.pipe()  # what writes without end is cut off
    try:
        os.write(write_end, bytes(1000))
        assert "larger than 999 bytes" in refusal(disk.read_limited, Path(f"/dev/fd/{read_end}"), 999)
    finally:
        os.close(read_end)
        os.close(write_end)
