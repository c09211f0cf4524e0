"""Compares slither's findings with those that were reviewed: scripts/slither runs it."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

REVIEWED = Path(__file__).parents[1] / "verifier_contracts" / "slither_reviewed.toml"


def main() -> int:
    findings = json.loads(Path(sys.argv[1]).read_text())["results"].get("detectors", [])
    # A finding begins with what it is about and where that stands: "Hub.submit(uint256).x (src/Hub.sol#7) is ...". What
    # stands in packages or in generated verifiers is not ours to change.
    places = [(finding["check"], *finding["description"].split(" (", 1)) for finding in findings]
    found = {(check, where) for check, where, file in places if file.startswith("src/") and "generated/" not in file}
    reviewed = {(entry["check"], entry["where"]) for entry in tomllib.loads(REVIEWED.read_text())["reviewed"]}
    for check, where in sorted(found - reviewed):
        print(f"new: {check}: {where}")
    for check, where in sorted(reviewed - found):
        print(f"gone, take it out of {REVIEWED.name}: {check}: {where}")
    print(f"{len(found & reviewed)} findings of high or medium impact, reviewed; {len(found - reviewed)} new")
    return 1 if found != reviewed else 0


if __name__ == "__main__":
    sys.exit(main())
