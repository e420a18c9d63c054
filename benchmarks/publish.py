"""Pack the records and samples of a finished or growing study for publication, by bzip2: no weights, no logs.

    python benchmarks/publish.py out/quick docs/results/quick

The packed folder is a result folder: `medcot-bench export` makes its leaderboard again, `medcot-bench run -o` goes
on in it.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import json
import shutil
from pathlib import Path

import yaml

from medcot_bench.planning.build import make_plan
from medcot_bench.results import digests, plan_file
from medcot_bench.results.files import PACKED, to_lines
from medcot_bench.study.loading import load_study

RECORDS = ("cells/*/cell.json*", "cells/*/scores/*.json*")
TEXTS = ("question", "options", "context", "prompt")
"""What samples keep of their items beside the answers."""
LIMIT = 4_000_000
"""Bytes that a published study may take."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    source, target = options.source, options.target
    shutil.rmtree(target, ignore_errors=True)
    plan = plan_file.read(source)
    planned = {one.id for cell in plan.every_cell for one in cell.evaluations}
    choosing = trials_of(source / "study.yaml")  # no rate is to be tried again, but for one that diverged
    asked: set[str] = set()
    for pattern in RECORDS:
        for path in sorted(source.glob(pattern)):
            record = json.loads(unpacked(path))
            if record.get("score_id", None) in (None, *planned, *choosing):
                record["provenance"]["hostname"] = ""  # of no use to others
                record.pop(digests.KEY, None)
                if found := next(path.parent.parent.glob(f"samples/*-{record.get('score_id')}.jsonl*"), None):
                    content = without_repeated_texts(unpacked(found), asked)
                    record["samples_sha256"] = hashlib.sha256(content).hexdigest()
                    pack(target, source, found, content)
                sealed = digests.add_digest(record)
                pack(target, source, path, (json.dumps(sealed, ensure_ascii=False) + "\n").encode())
    plan_as_written = json.loads((source / plan_file.FILE).read_text(encoding="utf-8"))
    write(target / plan_file.FILE, json.dumps(plan_as_written, ensure_ascii=False) + "\n")
    study = yaml.safe_load((source / "study.yaml").read_text(encoding="utf-8"))
    study["output_dir"] = f"out/{target.name}"
    write(target / "study.yaml", yaml.safe_dump(study, sort_keys=False))
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.2f} MB")
    return 0 if size < LIMIT else 1


def trials_of(study: Path) -> set[str]:
    """Return the ids of the scores that a study made of the learning rates it tried."""
    plan = make_plan(*load_study(study))
    return {score.id for score in plan.evaluations} if plan.trials else set()


def without_repeated_texts(content: bytes, asked: set[str]) -> bytes:
    """Leave out what was asked where another model's samples tell it: of prompts in `asked`, which grows."""
    samples = [json.loads(line) for line in content.decode().split("\n") if line]
    slim = [
        {key: value for key, value in sample.items() if key not in TEXTS}
        if sample["prompt_hash"] in asked
        else sample
        for sample in samples
    ]
    asked.update(sample["prompt_hash"] for sample in samples)
    return content if slim == samples else to_lines(slim)


def unpacked(path: Path) -> bytes:
    return bz2.decompress(path.read_bytes()) if path.suffix == PACKED else path.read_bytes()


def pack(target: Path, source: Path, path: Path, content: bytes) -> None:
    place = target / path.relative_to(source)
    place = place.with_name(place.name.removesuffix(PACKED) + PACKED)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(bz2.compress(content))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
