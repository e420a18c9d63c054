"""Ten thousand hostile inputs to the program: each ends at once, in short lines of plain text, with no traceback.

The slow lane draws them all, the quick lane a few of each kind; the same ones every time.
"""

from __future__ import annotations

import io
import json
import re
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import yaml
from hostile import GROUP, LM_EVAL, STUDY, TASK, Hostile

from medcot_bench.cli import MOST_ERRORS, main
from medcot_bench.security.foreign_text import LINE, UNSEEN

STEERS = re.compile(f"(?![\n\t]){UNSEEN.pattern}")
SECONDS = 10.0
"""Of computing, that one input may take."""
ROWS = [{"q": f"Which port has the Service s{n}?", "a": f"port {n}", "g": str(n // 2), "n": n} for n in range(24)]
JSONL = "\n".join(map(json.dumps, ROWS)).encode()
CSV = "\n".join(["q,a,g", *(f"{row['q']},{row['a']},{row['g']}" for row in ROWS)]).encode()
CHATS = "\n".join(
    json.dumps({"messages": [{"role": "user", "content": row["q"]}, {"role": "assistant", "content": row["a"]}]})
    for row in ROWS
).encode()
LIST = b"[" + JSONL.replace(b"\n", b",") + b"]"
FILES = [
    *(("jsonl", JSONL), ("json", LIST), ("csv", CSV), ("tsv", CSV), ("jsonl", CHATS)),
    *(("csv", CSV.replace(b",", b";")), ("parquet", JSONL), ("txt", JSONL)),
]


def study_by_structure(hostile: Hostile) -> list[str]:
    Path("study.yaml").write_bytes(hostile.structure(STUDY))
    return ["validate", "study.yaml"]


def study_by_bytes(hostile: Hostile) -> list[str]:
    Path("study.yaml").write_bytes(hostile.text(yaml.safe_dump(STUDY, sort_keys=False).encode()))
    return ["validate", "study.yaml"]


def options(hostile: Hostile) -> list[str]:
    base = ["base.yaml"] if hostile.choice(range(10)) else ["--model", "model"]  # else of the default preset
    return ["plan", *base, *hostile.arguments()]


def rows(hostile: Hostile) -> list[str]:
    suffix, content = hostile.choice(FILES)
    if suffix in ("jsonl", "json") and hostile.choice([True, False]):
        found = json.loads(LIST)
        hostile.choice(found)[str(hostile.key())] = hostile.value()
        content = json.dumps(found, default=str, skipkeys=True).encode(errors="replace")
    else:
        content = hostile.text(content)
    Path(f"r.{suffix}").write_bytes(content)
    asked = {"question": "q", "answer": "a"}
    columns = hostile.choice([{}, asked, {**asked, "group": "g"}])
    Path("task.yaml").write_text(yaml.safe_dump({"data": f"r.{suffix}", **columns}))
    return ["show", "task.yaml"]


def task_files(hostile: Hostile) -> list[str]:
    base, typed = hostile.choice(
        [(LM_EVAL, "lm_eval:evil.yaml"), (GROUP, "lm_eval:evil.yaml"), (TASK, "evil.yaml")]
    )
    by_bytes = hostile.choice([True, False])
    Path("evil.yaml").write_bytes(
        hostile.text(yaml.safe_dump(base).encode()) if by_bytes else hostile.structure(base)
    )
    Path("study.yaml").write_text(f"model: model\neval_tasks: [{typed}]\nadapters: [none]\n")
    return ["validate", "study.yaml"]


KINDS: dict[Callable[[Hostile], list[str]], int] = {
    study_by_structure: 1000,
    study_by_bytes: 900,
    options: 1000,
    rows: 5000,
    task_files: 2100,
}


@pytest.fixture
def _folder(tmp_path: Path, tiny_model: Path, examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the inputs name."""
    monkeypatch.chdir(tmp_path)
    Path("model").symlink_to(tiny_model)
    Path("k8s.jsonl").symlink_to(examples / "k8s_qa.jsonl")
    Path("rows.jsonl").write_bytes(JSONL)
    Path("rows.csv").write_bytes(CSV)
    Path("mine.yaml").write_text("data: rows.jsonl\nquestion: q\nanswer: a\n")
    Path("le.yaml").write_text(yaml.safe_dump(LM_EVAL))
    Path("base.yaml").write_text("model: model\ntasks: [mine.yaml]\nadapters: [none, lora]\n")


def faults_of(arguments: list[str]) -> list[str]:
    """Run the program; return what is wrong with how it ended."""
    out, err = io.StringIO(), io.StringIO()
    before = time.process_time()
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status: object = main(arguments)
    except SystemExit as end:
        status = end.code
    except Exception:
        return [traceback.format_exc(limit=-3)]
    seconds = time.process_time() - before
    found = [f"exit status {status}"] if status not in (0, 2, 3) else []
    found += [f"{seconds:.0f} s"] if seconds > SECONDS else []
    for text in (out.getvalue(), err.getvalue()):
        found += [f"steers: {line!r}" for line in text.splitlines() if STEERS.search(line)]
        found += [f"{len(line)} characters: {line[:200]}" for line in text.splitlines() if len(line) > LINE + 50]
    lines = err.getvalue().splitlines()
    found += [f"{len(lines)} lines"] if len(lines) > MOST_ERRORS + 20 else []
    return found + (["it fails without a word"] if status and not lines else [])


@pytest.mark.usefixtures("_folder")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("lane", ["quick", pytest.param("slow", marks=pytest.mark.slow)])
def test_hostile_inputs_end_in_plain_lines(kind: Callable[[Hostile], list[str]], lane: str) -> None:
    hostile = Hostile(20_261_130)
    failed = []
    for number in range(KINDS[kind] if lane == "slow" else 40):
        arguments = kind(hostile)
        if found := faults_of(arguments):
            failed.append(f"{number}: {arguments}: {'; '.join(found)}")
    assert failed == [], f"{len(failed)} of them:\n" + "\n".join(failed[:20])


def test_there_are_ten_thousand() -> None:
    assert sum(KINDS.values()) >= 10_000
