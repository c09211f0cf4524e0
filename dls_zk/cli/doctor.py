"""``dls-zk doctor``."""

from __future__ import annotations

import click

from ..errors import ToolError
from ..tools import doctor as diagnosis
from .common import beside, console, example, json_option, marked, print_json, table


@click.command("doctor", **example("dls-zk doctor --json"))
@json_option
def doctor(as_json: bool) -> None:
    """Show every tool, its version, and how to get what is missing.

    The last rows say whether `prove` and `submit` would work. Exit code 5 if the main job cannot run.
    """
    findings = diagnosis.examine()
    ready = all(finding.ok is not False for finding in findings)
    found = [{"tool": f.tool, "found": f.found, "required": f.required, "ok": f.ok, "remedy": f.remedy} for f in findings]
    document = {"ready": ready, "tools": found}
    if not as_json:
        rows = table("tool", "found", "required", "")
        for f in findings:
            absent = "optional" if f.required == "optional" else "not yet"
            mark = {
                True: ("green", "ok"),
                False: ("red", "missing" if f.found == "missing" else "wrong"),
                None: ("yellow", absent),
            }[f.ok]
            advice = "" if f.ok or not f.remedy else f": {f.remedy}"
            rows.add_row(f.tool, f.found, f.required, marked(*mark, advice))
        console.print(rows)
    with beside(document):
        if not ready:
            raise ToolError("the main job cannot run; see the rows that are not ok")
    if as_json:
        print_json(document)
