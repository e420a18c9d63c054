"""A plan as the result folder keeps it."""

from __future__ import annotations

from collections.abc import Sequence

from medcot_bench.data.general_text import text_digest
from medcot_bench.planning.evaluations import left_out_baselines
from medcot_bench.planning.plan import Plan
from medcot_bench.results.cells import Cell, CellKey, Evaluation, EvaluationKey
from medcot_bench.results.plan_file import MadeWith, PlanFile, PlannedCell, PlannedTask
from medcot_bench.results.precision_looks import PrecisionLook
from medcot_bench.results.trials import Trial


def record(
    plan: Plan, tries: Plan | None, trials: Sequence[Trial], looks: Sequence[PrecisionLook] = ()
) -> PlanFile:
    """Return which cells and evaluations make up this study's leaderboard, and what its tables state.

    `tries` is the plan whose learning rates were tried before, with the `trials` that came of it; `looks`
    are those of the study's precision rule so far.
    """
    study, scoring = plan.study, plan.study.scoring
    own = {cell.id for cell in plan.cells}
    beside = {cell.id for cell in plan.cells if plan.is_kept_beside(cell)}
    return PlanFile(
        base={"name": plan.base.name, "origin": plan.base.origin, "digest": plan.base.digest},
        tasks=_tasks(plan),
        made_with=MadeWith(
            split=scoring.split,
            limit=study.limit,
            generate_items=scoring.generate_items,
            num_fewshot=scoring.num_fewshot,
            shuffled_labels=study.training.labels == "shuffled",
            chat_template=study.chat_template,
            system_prompt=bool(study.system_prompt),
        ),
        baselines=study.baselines,
        left_out_baselines=tuple(left_out_baselines(plan)),
        general_text=text_digest(plan.general_text),
        analysis=study.analysis.model_dump(mode="json"),
        trials=tuple(trials),
        precision_looks=tuple(looks),
        cells=tuple(_cell(cell, plan.evaluations_of(cell)) for cell in plan.cells if cell.id not in beside),
        kept_rates=tuple(_cell(cell, plan.evaluations_of(cell)) for cell in plan.cells if cell.id in beside),
        other_rates=tuple(
            _cell(cell, evaluations)
            for cell in (tries.cells if tries else ())
            if tries and cell.id not in own
            if (evaluations := [one for one in tries.evaluations_of(cell) if not one.chooses])
        ),
    )


def _tasks(plan: Plan) -> dict[str, PlannedTask]:
    own = {
        label: PlannedTask(
            source=plan.source(label),
            domain=plan.domain(label),
            left_out=dict(plan.data[label].left_out),
            notes=tuple(plan.data[label].notes),
            items_of=plan.items_of(label),
        )
        for label in plan.tasks
    }
    others = plan.lm_eval_tasks
    return own | {label: PlannedTask(source=plan.source(label), domain=plan.domain(label)) for label in others}


def _cell(cell: Cell, evaluations: Sequence[Evaluation]) -> PlannedCell:
    return PlannedCell(
        key=CellKey(id=cell.id, task=cell.task, adapter=cell.adapter, seed=cell.seed),
        evaluations=tuple(
            EvaluationKey(
                id=one.id, cell=one.cell, task=one.task, checkpoint=one.checkpoint, baseline=one.baseline
            )
            for one in evaluations
        ),
    )
