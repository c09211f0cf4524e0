"""``dls-zk policy lint``: every error of a file at once, and what is odd about a policy that has none."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from dls_zk import files
from dls_zk.audit.instances import random_rebalance
from dls_zk.errors import InputError
from dls_zk.statement.constants import SIZES, USD_E14
from dls_zk.statement.policy_fields import FIELDS
from dls_zk.statement.policy_lint import lint, lint_turnover_step
from dls_zk.statement.relation import evaluate, nav
from tests.support import commandline
from tests.support.commandline import POLICY, Result
from tests.support.instances import at_its_limits, with_field

#: Mistakes of four kinds: a number, a word, a misspelt field (with the one that is missing for it), names not listed.
MISTAKES = {
    "cap: 40%": "cap: 55",
    "kind: derivative": "kind: perp",
    "loadings: {ETH: 100%}}\nscenarios": "loadings: {ETHA: 100%}}\nscenarios",
    "nav_step": "nav_stp",
    "venue: exchange, haircut": "venue: exchang, haircut",
}
EXPECTED = [
    "limits.nav_stp: unknown field; did you mean nav_step?",
    "instruments[1] (ETH).cap: '55' is not a plain decimal",
    "instruments[2] (ETH-PERP).kind: expected 'funded' or 'derivative'",
    "limits.nav_step: missing; expected: step in which",
    "instruments[2] (ETH-PERP).venue: there is no venue 'exchang'; did you mean exchange?",
    "instruments[2] (ETH-PERP).loadings: there is no factor 'ETHA'; did you mean ETH?",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(commandline.write_inputs(tmp_path))
    return tmp_path


def lint_file(text: str = POLICY, *options: str) -> Result:
    Path("policy.yaml").write_text(text)
    return commandline.invoke("policy", "lint", "policy.yaml", *options)


def edited(*changes: tuple[str, str]) -> str:
    text = POLICY
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


# --- errors ------------------------------------------------------------------------------------------------


def test_every_error_at_once(folder: Path) -> None:
    result = lint_file(edited(*MISTAKES.items()))
    assert result.refused(3) == "policy.yaml: 6 errors"
    lines = result.stdout.splitlines()
    assert len(lines) == len(EXPECTED)
    for line, expected in zip(lines, EXPECTED, strict=True):
        assert line.startswith(f"policy.yaml: {expected}"), line


def test_each_mistake_alone_is_one_error(folder: Path) -> None:
    for change in MISTAKES.items():
        said = 2 if change[0] == "nav_step" else 1  # the field that is missing for it
        assert lint_file(edited(change)).refused(3) == f"policy.yaml: {said} error{'s' if said > 1 else ''}"


def test_what_does_not_fit_together_is_said_at_once_too(folder: Path) -> None:
    text = edited(
        ("{name: exchange, cap", "{name: Treasury, cap"),
        ("shocks: {ETH: -43.05%}", "shocks: {ETH: -143.05%, BTC: 1%}"),
        ("cap: 150%, gross: 0%", "cap: 150%, gross: 1%"),
    )
    result = lint_file(text)
    assert result.refused(3) == "policy.yaml: 6 errors"
    for said in (
        "venues[1].name: 'Treasury' is taken",
        "there is no venue 'exchange'",
        "no factor 'BTC'",
        "gross 0%",
        "ETH would lose more than 100%\n",
        "ETH-PERP would lose more than 100%, which needs a haircut of 100%",
    ):
        assert said in result.stdout, said


def test_other_commands_say_the_first_and_how_many_more(folder: Path) -> None:
    Path("policy.yaml").write_text(edited(*MISTAKES.items()))
    with pytest.raises(InputError) as error:
        files.read_policy("policy.yaml")
    assert str(error.value) == f"policy.yaml: {EXPECTED[0]}; 5 more, which `dls-zk policy lint` shows"
    Path("deposit.yaml").write_text("flow: 1e6\nallowances: 12\ncontext: {}\n")
    with pytest.raises(InputError, match="flow: '1e6' is not a plain decimal.*; 9 more errors$"):
        files.read_terms("deposit.yaml")


def test_json_of_errors(folder: Path) -> None:
    result = lint_file(edited(*MISTAKES.items()), "--json")
    document = json.loads(result.stdout)
    assert result.code == 3 and len(document["errors"]) == 6 and document["findings"] == []
    assert document["error"]["code"] == "bad_input"


@pytest.mark.parametrize(
    "text", ["", "- a\n", "size: 8\n", "venues: 3\nscenarios: [1, [], {shocks: 3, name: {}}]\nsize: []\n"]
)
def test_what_is_no_policy_at_all(folder: Path, text: str) -> None:
    assert "policy.yaml" in lint_file(text).refused(3)


# --- warnings ----------------------------------------------------------------------------------------------


def codes(text: str, *options: str) -> dict[str, str]:
    """where → code of all findings."""
    result = lint_file(text, *options, "--json")
    assert result.code == 0, result
    return {finding["where"]: finding["code"] for finding in json.loads(result.stdout)["findings"]}


def test_limits_that_are_absent(folder: Path) -> None:
    found = codes(POLICY)
    absent = {where for where, code in found.items() if code == "no_limit"}
    assert absent == {"venues (treasury).cap", "limits.max_var", "limits.stress_collateral_ratio"}
    assert codes(edited(("{name: treasury}", "{name: treasury, cap: 150%}"))).get("venues (treasury).cap") is None


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        (("limit: 2%", "limit: 1310.71%"), "factors (ETH).limit", "no_limit"),
        (("limit: 2%", "limit: 151%"), "factors (ETH).limit", "cannot_bind"),
        (("max_leverage: 2.5x", "max_leverage: 1.4x"), "limits.max_leverage", None),
        (("max_leverage: 2.5x", "max_leverage: 1.5001x"), "limits.max_leverage", "cannot_bind"),
        (("{name: exchange, cap: 110%}", "{name: exchange, cap: 110.01%}"), "venues (exchange).cap", "cannot_bind"),
        (("{name: exchange, cap: 110%}", "{name: exchange, cap: 109.99%}"), "instruments (ETH-PERP).cap", "cannot_bind"),
        (("{name: exchange, cap: 110%}", "{name: exchange, cap: 110%}\n  - {name: pool}"), "venues (pool)", "unused"),
        (("cap: 40%", "cap: 0%"), "instruments (ETH).cap", "nothing_allowed"),
        (("max_loss: 5%", "max_loss: 0.86%"), "scenarios (black-thursday).max_loss", None),
        (("max_loss: 5%", "max_loss: 0.88%"), "scenarios (black-thursday).max_loss", "cannot_bind"),
        (("max_loss: 5%", "max_loss: 1310.71%"), "scenarios (black-thursday).max_loss", "cannot_bind"),
        (("shocks: {ETH: -43.05%}", "shocks: {}"), "scenarios (black-thursday).shocks", "unused"),
        (("  min_reserve: 10%\n", ""), "limits.min_reserve", "no_limit"),
    ],
)  # fmt: skip
def test_a_limit_at_and_past_where_it_can_bind(folder: Path, change: tuple[str, str], where: str, code: str | None) -> None:
    assert codes(edited(change)).get(where) == code


def test_no_scenario(folder: Path) -> None:
    text = POLICY.partition("scenarios:")[0] + "limits:" + POLICY.partition("limits:")[2]
    assert codes(text)["scenarios"] == "no_scenario"


def test_the_step_of_the_nav(folder: Path) -> None:
    """Half of the limit of 2% is 1% of NAV: 1,000 USD hide the exposure of a vault of 100,000 USD."""
    note = lint_file(POLICY).stdout.splitlines()[-1]
    assert note.startswith(
        "policy.yaml: note: limits.nav_step: 1,000 USD hides the exposure to ETH up to a NAV of 100,000 USD"
    )
    assert "limits.nav_step" not in codes(POLICY, "--nav", "100000")
    assert codes(POLICY, "--nav", "100000.01")["limits.nav_step"] == "nav_step_too_fine"
    assert codes(POLICY, "--nav", "99999.99")["limits.nav_step"] == "nav_step_too_coarse"
    assert codes(POLICY, "--prices", "prices.yaml", "--book", "book.csv")["limits.nav_step"] == "nav_step_too_fine"
    assert "use at least 99,966 USD" in lint_file(POLICY, "--prices", "prices.yaml", "--book", "book.csv").stdout
    for options in (["--prices", "prices.yaml"], ["--nav", "1", "--prices", "prices.yaml", "--book", "book.csv"]):
        assert lint_file(POLICY, *options).code == 2


def test_strict_fails_on_warnings_and_not_on_notes(folder: Path) -> None:
    assert lint_file(POLICY, "--strict").refused(3) == "policy.yaml: 5 warnings"
    clean = edited(
        ("{name: treasury}", "{name: treasury, cap: 150%}"),
        ("max_leverage: 2.5x", "max_leverage: 1.4x"),
        ("max_loss: 5%", "max_loss: 0.5%"),
        (
            "  min_reserve: 10%\n",
            "  min_reserve: 10%\n  stress_collateral_ratio: 120%\n  max_var: 3%\n  var_quantile: 2.3263\n",
        ),
    )
    assert (lint_file(clean, "--strict").code, lint_file(clean).stdout.count("warning")) == (0, 0)


def test_a_limit_that_cannot_bind_never_does() -> None:
    """Of random books that keep every other limit, none is refused for one that is said to be unable to bind."""
    fields = {"limits.max_leverage": "max_leverage_bps", "limits.max_impermanent_loss": "max_impermanent_loss_bps"}
    seen = 0
    for seed in range(50):
        case = at_its_limits(random_rebalance(Random(seed), SIZES[8]))
        if nav(case) < 2000 * USD_E14:  # so poor that the rounding of exposures and NAV is more than a basis point
            continue
        names = {f"{kind}_names": tuple(f"{kind}{k}" for k in range(4)) for kind in ("factor", "venue", "scenario")}
        policy = replace(case.policy, **names)  # type: ignore[arg-type]
        for path in [
            *fields.values(),
            *(f"factor_limit_bps[{f}]" for f in range(4)),
            *(f"venue_cap_bps[{k}]" for k in range(4)),
        ]:
            tighter = _least_idle(policy, path)
            if tighter is not None and evaluate(replace(case, policy=policy)).holds:
                seen += 1
                assert evaluate(replace(case, policy=with_field(policy, path, tighter))).holds, (seed, path)
    assert seen > 20


def _least_idle(policy: object, path: str) -> int | None:
    """The tightest value of a limit that lint says cannot bind; None if there is none."""
    name, _, index = path.removesuffix("]").partition("[")
    where = {
        "max_leverage_bps": "limits.max_leverage",
        "max_impermanent_loss_bps": "limits.max_impermanent_loss",
        "factor_limit_bps": f"factors (factor{index}).limit",
        "venue_cap_bps": f"venues (venue{index}).cap",
    }[name]

    def is_idle(value: int) -> bool:
        findings = lint(with_field(policy, path, value))  # type: ignore[arg-type]
        return any(finding.where == where and finding.code == "cannot_bind" for finding in findings)

    low, high = 0, FIELDS[name].high - 1
    if not is_idle(high) or is_idle(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_idle(middle) else (middle, high)
    return high


def test_the_example_is_judged() -> None:
    policy = files.read_policy(files.policy.__file__.replace("files/policy.py", "examples/delta_neutral_eth/policy.yaml"))
    findings = lint(policy, Fraction(10_000_000))
    assert "no_limit" not in {finding.code for finding in findings}
    assert [f.text for f in findings if f.code == "nav_step_too_fine"][0].startswith("at 1,000 USD, anyone who follows")


@pytest.mark.parametrize(
    ("bps", "step_ppm", "nearest"),
    [(10_000, 50_000, None), (9_000, 50_000, None), (9_200, 50_000, "90%"), (9_300, 50_000, "95%"), (30, 50_000, "5%"),
     (9_000, 70, "91%"), (9_000, 60, None), (9_001, 150, "90%"), (1, 100, None), (1, 30, "3%")],
)  # fmt: skip
def test_the_maximum_turnover_fits_the_mandates_step(folder: Path, bps: int, step_ppm: int, nearest: str | None) -> None:
    """In whole steps of the mandate (ppm), of which the policy's value (bps) has to be one."""
    policy = replace(files.read_policy(folder / "policy.yaml"), max_turnover_bps=bps)
    findings = lint_turnover_step(policy, step_ppm)
    if nearest is None:
        assert findings == () and bps * 100 % step_ppm == 0
    else:
        (finding,) = findings
        assert finding.code == "turnover_step" and f"{step_ppm} ppm" in finding.text
        bps_named = round(float(finding.text.rsplit(": ", 1)[1].rstrip("%")) * 100)
        assert bps_named * 100 % step_ppm == 0 and bps_named > 0
        assert not any(one * 100 % step_ppm == 0 for one in range(1, 2**17) if abs(one - bps) < abs(bps_named - bps))
