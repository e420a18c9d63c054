"""The fault suite: what it runs in, and the table that it fills.

python -m pytest -m slow tests/faults                  a slice of it, as in CI
python -m pytest -m slow tests/faults --every-fault    all of it; benchmarks/faults.py writes the table
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from program import Ended, Warm, content  # noqa: E402  (of this folder)

COLUMNS = ("injected", "as it should", "false results", "tracebacks", "hangs")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-fault", action="store_true", help="inject every fault, not a slice")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@dataclass
class Tally:
    """Counts what was injected, part by part, and how it went."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, part: str, about: str, ended: Ended, *, good: bool, false: bool = False) -> None:
        """Count one fault: `good` if all went as promised, `false` where a result is shown that is none."""
        count = self.counts.setdefault(part, Counter())
        traceback = "Traceback" in ended.out + ended.err
        count["injected"] += 1
        count["false results"] += false
        count["tracebacks"] += traceback
        count["hangs"] += ended.hung
        if good and ended.clean and not false:
            count["as it should"] += 1
        else:
            ways = {"false result": false, "hang": ended.hung, "traceback": traceback, "not as promised": True}
            how = next(way for way, it_is in ways.items() if it_is)
            self.wrong.append(f"{part}, {about}: {how}, status {ended.status}: {ended.err.strip()[-300:]}")

    def leave_out(self, part: str) -> None:
        """Say in the table that a part can't be tried here."""
        self.left_out.append(part)

    def check(self, part: str) -> None:
        """Fail the test with everything of a part that went wrong."""
        found = [line for line in self.wrong if line.startswith(f"{part}, ")]
        assert not found, "\n".join(found)

    def table(self) -> str:
        """Return the counts as a Markdown table."""
        lines = [f"| fault | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]
        lines += [
            f"| {part} | {' | '.join(str(count[column]) for column in COLUMNS)} |"
            for part, count in self.counts.items()
        ]
        lines += [f"| {part} | not run |{' |' * (len(COLUMNS) - 1)}" for part in self.left_out]
        return "\n".join(lines)


TALLY = Tally()


@pytest.fixture(scope="session")
def tally() -> Tally:
    return TALLY


@pytest.fixture(scope="session")
def every_fault(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--every-fault", default=False))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if TALLY.counts or TALLY.left_out:
        terminalreporter.write_line("")
        terminalreporter.write_line(TALLY.table())


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model and a study of three trainings on two evaluation tasks."""
    from medcot_bench.testing.tiny import make_tiny_model

    folder = tmp_path_factory.mktemp("faults")
    make_tiny_model(folder / "llama", layers=2)
    rows = HERE.parents[1] / "examples"
    fields = {
        "model": str(folder / "llama"),
        "tasks": "k8s_qa",
        "eval_tasks": "manuals_qa",
        "adapters": "none,lora,full",
        "data": {name: f"file:{rows / name}.jsonl" for name in ("k8s_qa", "manuals_qa", "medqa_cot")},
        "training": {"max_steps": 4, "batch_size": 2},
        "scoring": {"max_new_tokens": 4},
        "limit": 3,
        "threads": 1,
    }
    (folder / "study.yaml").write_text(json.dumps(fields))
    return folder


@pytest.fixture(scope="session")
def warm(place: Path) -> Iterator[Warm]:
    with Warm(place) as process:
        yield process


@pytest.fixture(scope="session")
def reference(warm: Warm, place: Path) -> dict[str, Any]:
    """What an undisturbed run leaves."""
    ended = warm.run("run", "study.yaml", "-o", "reference")
    assert ended.status == 0, ended.err
    return content(place / "reference")
