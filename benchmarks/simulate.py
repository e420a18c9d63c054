"""Studies with a known truth: whether intervals cover it and claims are right as often as they say.

    python benchmarks/simulate.py                        every setting, 2,000 studies of each: hours
    python benchmarks/simulate.py --studies 100 "quick*" "one huge group*"
    python benchmarks/simulate.py --write docs/simulation.md

Draws studies as simulation/settings.yaml says, has the product build the leaderboard of each, and counts what the
truth denies. Goes on where it was stopped, on any machine: counts lie in simulation/counts, one file per setting.
Those by another setting or another version of the statistics are left out. Prints the tables, or writes them into
a page between its marks.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from simulation.judge import Counts, judge
from simulation.resampling import resample
from simulation.settings import Setting, read_settings
from simulation.tables import write_into, write_resampled, write_tables

BLOCK = 20
"""Studies that are drawn and written down together."""
RESAMPLED = ("null effect", "persists", "binary that persists", "Zipf groups, 3 seeds")
CODE = sorted(
    str(module.__file__)
    for name, module in sys.modules.items()
    if name.startswith(("medcot_bench.stats.", "medcot_bench.analysis.", "simulation."))
    and not name.endswith((".tables", ".answers"))
)
"""What draws and judges, and what that imports of the product's statistics, without what only sums up or words."""
COUNTS = Path(__file__).parent / "simulation" / "counts"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["*"], help="settings, with * for any text; all by default")
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=COUNTS)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="replace the tables of a page")
    options = parser.parse_args()
    chosen = [s for s in read_settings() if any(fnmatchcase(s.name, name) for name in options.names)]
    if not chosen:
        parser.error(f"no setting is called {' or '.join(options.names)}")
    options.output.mkdir(parents=True, exist_ok=True)
    run(chosen, options.studies, options.seed, options.processes, options.output)
    for setting in chosen:
        pack(setting, options.seed, options.output)
    counted = [
        (setting, *read_counts(setting, options.studies, options.seed, options.output)) for setting in chosen
    ]
    tables = write_tables(counted) | compare(chosen, options.studies // 8, options.seed)
    if options.write:
        options.write.write_text(write_into(options.write.read_text(encoding="utf-8"), tables), encoding="utf-8")
    else:
        print("\n\n".join(tables.values()))
    return 0


def compare(chosen: Sequence[Setting], studies: int, seed: int) -> dict[str, str]:
    """Return the table of what is not in the product, for the settings that stand for others."""
    some = [setting for setting in chosen if setting.name in RESAMPLED]
    return (
        {"resampling": write_resampled({s.name: resample(s, studies, seed) for s in some}, studies)}
        if some
        else {}
    )


def run(chosen: Sequence[Setting], studies: int, seed: int, processes: int, folder: Path) -> None:
    """Judge the studies of each setting that are not counted yet, the first ones of every setting first."""
    left = [(setting, block) for setting in chosen for block in _blocks_left(setting, studies, seed, folder)]
    left.sort(key=lambda pair: pair[1].start)
    with ProcessPoolExecutor(processes) as pool:
        waiting = {pool.submit(judge, setting, block, seed): (setting, block) for setting, block in left}
        for done in as_completed(waiting):
            setting, block = waiting[done]
            line = {"stamp": stamp(setting, seed), "first": block[0], "last": block[-1], "counts": done.result()}
            with _file(setting, folder).open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(line) + "\n")


def pack(setting: Setting, seed: int, folder: Path) -> None:
    """Add up blocks that follow each other, a line for each stretch; counts of other versions are dropped."""
    stretches: list[dict[str, Any]] = []
    for line in sorted(_lines(setting, sys.maxsize, seed, folder), key=lambda line: line["first"]):
        if stretches and stretches[-1]["last"] + 1 == line["first"]:
            stretches[-1]["last"] = line["last"]
            _add(stretches[-1]["counts"], line["counts"])
        else:
            stretches.append(line)
    text = "".join(json.dumps(line) + "\n" for line in stretches)
    _file(setting, folder).write_text(text, encoding="utf-8")


def read_counts(setting: Setting, studies: int, seed: int, folder: Path) -> tuple[int, Counts]:
    """Return how many of the first studies of a setting are counted, and the counts."""
    counts: Counts = {}
    counted = 0
    for line in _lines(setting, studies, seed, folder):
        counted += line["last"] - line["first"] + 1
        _add(counts, line["counts"])
    return counted, counts


def _add(counts: Counts, more: Counts) -> None:
    for check, (held, of) in more.items():
        count = counts.setdefault(check, [0, 0])
        count[0] += held
        count[1] += of


def stamp(setting: Setting, seed: int) -> str:
    """Return a digest of all that counts depend on: the setting, the seed, and the code that draws and judges."""
    return sha256(f"{setting.model_dump_json()} {seed} {_code()}".encode()).hexdigest()[:16]


@cache
def _code() -> str:
    trees = (_Bare().visit(ast.parse(Path(file).read_text(encoding="utf-8"))) for file in CODE)
    return sha256("".join(map(ast.dump, trees)).encode()).hexdigest()


class _Bare(ast.NodeTransformer):
    """Drops docstrings, as comments are: counts don't depend on them."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else node


def _blocks_left(setting: Setting, studies: int, seed: int, folder: Path) -> Iterator[range]:
    lines = _lines(setting, studies, seed, folder)
    done = {first for line in lines for first in range(line["first"], line["last"] + 1, BLOCK)}
    return (range(first, first + BLOCK) for first in range(0, studies, BLOCK) if first not in done)


def _lines(setting: Setting, studies: int, seed: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the blocks of the first studies; a line that was cut off is none."""
    own, file = stamp(setting, seed), _file(setting, folder)
    for text in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        with suppress(ValueError):
            line = json.loads(text)
            if line["stamp"] == own and line["last"] < studies:
                yield line


def _file(setting: Setting, folder: Path) -> Path:
    return folder / f"{re.sub(r'[^a-z0-9]+', '_', setting.name.lower())}.jsonl"


if __name__ == "__main__":
    raise SystemExit(main())
