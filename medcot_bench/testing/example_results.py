"""Results that an exporter of files may be given: whole, not scored, not trained, empty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from medcot_bench.results.cells import CellKey
from medcot_bench.results.folder import CellResult, Results
from medcot_bench.results.plan_file import MadeWith, PlanFile, PlannedCell, PlannedTask
from medcot_bench.results.records import CellRecord, EvaluationRecord, Phase, Provenance, Training
from medcot_bench.testing.example_leaderboards import FOREIGN, SAME

BASE = {"name": "tiny", "origin": "folder", "digest": "sha256:0"}
SOURCES = {SAME: "bundled-v1", FOREIGN: "file:prose.yaml"}
PROVENANCE = Provenance(
    medcot_bench="0.1.0",
    plugins={},
    packages={"torch": "2.13.0"},
    engine="fast",
    python="3.11.7",
    platform="Linux",
    device="cpu",
    dtype="float32",
    threads=2,
    hostname="here",
    started="2026-01-01T00:00:00+00:00",
)


MADE_WITH = MadeWith(
    split="eval",
    limit=None,
    generate_items=None,
    num_fewshot=0,
    shuffled_labels=False,
    chat_template=False,
    system_prompt=False,
)


def whole_results() -> Results:
    """Return the base, the base by another prompt, and a trained model, scored on two tasks, one of lm-eval.

    Their samples lie nowhere.
    """
    base, trained = _cell("none", None, 0.25), _cell("lora", SAME, 0.5)
    prompted = replace(
        base, planned=(SAME,), evaluations={SAME: _score(base.cell, SAME, 0.3)}, baseline="few_shot=5"
    )
    plan = PlanFile(
        base=BASE,
        tasks={task: PlannedTask(source=source, domain="any") for task, source in SOURCES.items()},
        made_with=MADE_WITH,
        baselines=("few_shot=5",),
        cells=tuple(PlannedCell(key=cell.cell, evaluations=()) for cell in (base, trained)),
    )
    return Results(root=Path("nowhere"), plan=plan, cells=(base, prompted, trained))


def folders() -> dict[str, Results]:
    """Return results by what they are like."""
    whole = whole_results()
    unscored = tuple(replace(cell, evaluations={}) for cell in whole.cells)
    untrained = tuple(replace(cell, record=None) for cell in unscored)
    return {
        "whole": whole,
        "half scored": replace(whole, cells=(*unscored[:2], whole.cells[2])),
        "trained and not scored": replace(whole, cells=unscored),
        "not trained": replace(whole, cells=untrained),
        "no cell": replace(whole, cells=()),
    }


def with_other_scores(results: Results, number: int) -> Results:
    """Return results in which one cell scored half of everything."""
    cell = results.cells[number]
    scores = {
        task: replace(score, results={key: value / 2 for key, value in score.results.items()})
        for task, score in cell.evaluations.items()
    }
    cells = [*results.cells]
    cells[number] = replace(cell, evaluations=scores)
    return replace(results, cells=tuple(cells))


def with_method(results: Results, name: str) -> Results:
    """Return results in which the last row has another name."""
    last = results.cells[-1]
    renamed = replace(last, cell=replace(last.cell, adapter=name))
    return replace(results, cells=(*results.cells[:-1], renamed))


def _cell(adapter: str, task: str | None, value: float) -> CellResult:
    seed = 0 if task else None
    cell = CellKey(id=f"{round(value * 100):012x}", task=task, adapter=adapter, seed=seed)
    record = CellRecord(
        cell_id=cell.id,
        name=cell.name,
        task=task,
        adapter=adapter,
        seed=seed,
        request={"adapter": {"name": adapter}},
        base=BASE,
        source=SOURCES[task] if task else None,
        placement={},
        trainable_parameters=20_000 if task else 0,
        total_parameters=1_000_000,
        adapter_bytes=80_000 if task else 0,
        bytes={},
        dtypes={},
        training=Training(
            steps=2,
            epochs=1.0,
            tokens=1000,
            target_tokens=10,
            items=4,
            overlong_dropped=0,
            overlong_shortened=0,
            first_loss=3.0,
            final_loss=2.0,
            selected_step=2,
        ),
        phases={"load": Phase(seconds=1.0, peak_bytes=1), "train": Phase(seconds=2.0, peak_bytes=1, tokens=1000)},
        provenance=PROVENANCE,
    )
    scores = {SAME: _score(cell, SAME, value), FOREIGN: _score(cell, FOREIGN, 30 - value)}
    return CellResult(cell, record, tuple(scores), evaluations=scores, checkpoints={}, failure=None)


def _score(cell: CellKey, task: str, value: float) -> EvaluationRecord:
    name = "word_perplexity" if task == FOREIGN else "answer"
    results = {f"{name},none": value, f"{name}_stderr,none": 0.1}
    foreign = {"version": "2.0", "num_fewshot": 0, "documents": "0" * 64, "results": results}
    return EvaluationRecord(
        score_id="0" * 12,
        cell_id=cell.id,
        task=task,
        relation="base" if cell.task is None else "lm_eval" if task == FOREIGN else "same_task",
        domain="any",
        form={"context": "given", "answer": "text"},
        source=SOURCES[task],
        request={
            "task": {"name": "prose", "files": "0" * 64} if task == FOREIGN else {"name": task, "version": 1}
        },
        results=results,
        counts={"items": 4} if task == FOREIGN else {"items": 4, "extractive": 0, "shortened": 0, "dropped": 0},
        marks=(),
        samples_sha256="",
        phase=Phase(seconds=1.0, peak_bytes=1),
        provenance=PROVENANCE,
        lower_is_better=(name,) if task == FOREIGN else (),
        subtasks={"prose": foreign} if task == FOREIGN else {},
    )
