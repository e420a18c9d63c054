"""Inject every fault of tests/faults, and write what came of it into docs/reliability.md.

    python benchmarks/faults.py                          all kinds, beside one another
    python benchmarks/faults.py --kind damage            one kind; the rows of the others stay
    python benchmarks/faults.py --kind kills --slice     what the tests inject; writes nothing

All take about an hour on two cores. The tests themselves inject a slice, in the slow lane.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
KINDS = {"kills": "killed ", "disks": "disk ", "damage": "damaged ", "plugins": "plugin "}
"""Kind, which tests/faults/test_KIND.py injects -> how its rows of the table begin."""
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
TABLE = re.compile(r"(<!-- faults -->\n)(.*?)(<!-- end of faults -->)", re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--kind", action="append", choices=KINDS, help="this kind alone; repeatable")
    parser.add_argument("--slice", action="store_true", help="inject what the tests do, and write nothing")
    options = parser.parse_args()
    kinds = list(dict.fromkeys(options.kind or KINDS))
    made: dict[str, list[str]] = {}
    worst = 0
    with ThreadPoolExecutor(len(kinds)) as pool:
        waiting = {pool.submit(inject, kind, every=not options.slice): kind for kind in kinds}
        for done in as_completed(waiting):
            status, said, seconds = done.result()
            kind, worst = waiting[done], max(worst, status)
            made[kind] = ROW.findall(said)
            print(f"{said}\n{kind}: {seconds / 60:.1f} min, exit status {status}", flush=True)
    if not all(made.values()):
        return worst or 1
    if not options.slice:
        page = PAGE.read_text(encoding="utf-8")
        written = TABLE.sub(lambda found: found[1] + merge(ROW.findall(found[2]), made) + found[3], page)
        PAGE.write_text(written, encoding="utf-8")
    return worst


def inject(kind: str, *, every: bool) -> tuple[int, str, float]:
    """Run the tests of one kind; return their exit status, what they printed, and the seconds they took."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", "-p", "no:cacheprovider"]
    command += ["--timeout", "0"]  # of a whole test, that is: every fault has a limit of its own
    command += ["--every-fault"] if every else []
    begun = time.monotonic()
    done = subprocess.run(
        [*command, f"tests/faults/test_{kind}.py"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stdout, time.monotonic() - begun


def merge(before: list[str], made: Mapping[str, list[str]]) -> str:
    """Return the table with the rows of the kinds that were made in place of their former ones."""
    head = next(iter(made.values()))[:2]
    rows = [row for kind, start in KINDS.items() for row in made.get(kind, before) if row.startswith(f"| {start}")]
    return "\n".join([*head, *rows, ""])


if __name__ == "__main__":
    raise SystemExit(main())
