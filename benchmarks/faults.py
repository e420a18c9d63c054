"""Inject every fault of tests/faults, and write what came of it into docs/reliability.md.

    python benchmarks/faults.py

Takes about an hour on two cores. The tests themselves inject a slice, in the slow lane.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reliability.md"
TESTS = ("test_kills.py", "test_damage.py", "test_plugins.py")
ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
TABLE = re.compile(r"(<!-- faults -->\n).*?(<!-- end of faults -->)", re.DOTALL)


def main() -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", "--every-fault", "-p", "no:cacheprovider"]
    running = [
        subprocess.Popen([*command, f"tests/faults/{name}"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for name in TESTS
    ]
    said = [process.communicate()[0] for process in running]
    print("\n".join(said))
    rows = [ROW.findall(output) for output in said]
    if not all(rows):
        return 1
    table = "\n".join([*rows[0], *(row for more in rows[1:] for row in more[2:])])
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(TABLE.sub(lambda found: f"{found[1]}{table}\n{found[2]}", page), encoding="utf-8")
    return max(process.returncode for process in running)


if __name__ == "__main__":
    raise SystemExit(main())
