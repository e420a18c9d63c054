"""Pack the records of a finished or growing study for publication: no weights, no logs, samples by gzip.

    python benchmarks/publish.py out/quick docs/results/quick

The packed folder is a result folder: `medcot-bench export` makes its leaderboard again, `medcot-bench run -o` goes
on in it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
from pathlib import Path

import yaml

RECORDS = ("cells/*/cell.json", "cells/*/scores/*.json")
LIMIT = 3_000_000
"""Bytes that a published study may take."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    source, target = options.source, options.target
    shutil.rmtree(target, ignore_errors=True)
    for pattern in RECORDS:
        for path in sorted(source.glob(pattern)):
            record = json.loads(path.read_text(encoding="utf-8"))
            record["provenance"]["hostname"] = ""  # of no use to others
            write(target / path.relative_to(source), json.dumps(record, ensure_ascii=False) + "\n")
    for path in sorted(source.glob("cells/*/samples/*.jsonl")):
        place = target / path.relative_to(source).with_suffix(".jsonl.gz")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    plan = json.loads((source / "plan.json").read_text(encoding="utf-8"))
    write(target / "plan.json", json.dumps(plan, ensure_ascii=False) + "\n")
    study = yaml.safe_load((source / "study.yaml").read_text(encoding="utf-8"))
    study["output_dir"] = f"out/{target.name}"
    write(target / "study.yaml", yaml.safe_dump(study, sort_keys=False))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.2f} MB")
    return 0 if size < LIMIT else 1


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
