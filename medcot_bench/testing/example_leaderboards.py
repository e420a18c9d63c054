"""Leaderboards that an exporter may be given: whole, half done, failed, empty, and with text that means harm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from medcot_bench.results.answer import MethodAnswer, Place, TaskAnswer
from medcot_bench.results.comparisons import (
    Effect,
    Factor,
    FactorEffect,
    Matched,
    Persistence,
    Prompted,
    Reading,
    Side,
    SizeTrend,
)
from medcot_bench.results.conditions import Counts, LmEvalTask, MadeBy, RecipeDifference, ScoredTask
from medcot_bench.results.leaderboard import Costs, Failure, Forgotten, Leaderboard, Rank, Row, TaskScores
from medcot_bench.results.plan_file import LeftOutBaseline, MadeWith
from medcot_bench.results.precision_looks import PrecisionLook, PrecisionReport, PrecisionStop
from medcot_bench.results.recommendations import FullCost, Recommendation, Worth
from medcot_bench.results.trials import Trial
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.ratios import Ratio
from medcot_bench.stats.verdict import GapChange, Standing, Verdict
from medcot_bench.study.margin import Margin
from medcot_bench.study.precision import Aim

SAME, SHIFT, FOREIGN = "k8s_qa", "manuals_qa", "lm_eval:prose.yaml"
Change = Callable[[Leaderboard], Leaderboard]


def whole() -> Leaderboard:
    """Return a leaderboard with everything: rows, a prompting baseline, a task of lm-eval, each analysis."""
    return _answered(
        Leaderboard(
            base={"name": "tiny", "origin": "folder", "digest": "sha256:0"},
            tasks={
                SAME: f"{SAME}[bundled-v1]",
                SHIFT: f"{SHIFT}[file:manuals.jsonl]",
                FOREIGN: f"{FOREIGN}[file:prose.yaml]",
            },
            domains={SAME: "kubernetes", SHIFT: "manuals", FOREIGN: "lm_eval"},
            rows=(_row("none", 0.25), _row("full", 0.75), _row("lora", 0.5), _baseline()),
            scores=("answer", "gold_nll", "word_perplexity"),
            persistence=(_persistence(),),
            matched=(
                Matched(
                    SAME,
                    "lora",
                    SHIFT,
                    seeds=2,
                    left_out=0,
                    level=1.5,
                    further=0.5,
                    gap_at_end=_mean(0.2),
                    gap_at_level=_mean(0.1),
                    explained=_mean(0.1),
                    reading=Reading.FULL_GENERALISES,
                ),
            ),
            factors=(FactorEffect(SAME, SHIFT, "answer", Factor.SCOPE, ("full", "lora"), _mean(0.1), 0.04),),
            prompts=(FactorEffect(SAME, SHIFT, "answer", Factor.PROMPT, ("lora",), _mean(0.1), None),),
            sizes=(SizeTrend(SAME, "lora", SHIFT, "answer", {10: _mean(0.1), 100: _mean(0.2)}, _mean(0.1), 0.2),),
            prompted=(_prompted(),),
            recommendations=(_recommendation(),),
            trials=(
                Trial(adapter="lora", task=SAME, seed=0, rate=1e-3, loss=1.5, seconds=3.0, chosen=True),
                Trial(adapter="lora", task=SAME, seed=0, rate=1e-2, loss=None, seconds=3.0),
            ),
            recipe_differences=(RecipeDifference(SAME, "batch_size", {"full": 8, "lora": 4}),),
            scored={
                SAME: ScoredTask(
                    counts=Counts(items=4, extractive=1, shortened=0, dropped=0),
                    chance=0.25,
                    by_baseline={"none (few_shot=5)": Counts(items=4, extractive=1, shortened=2, dropped=0)},
                    left_out={"train overlaps manuals_qa eval": 2},
                    remarks=("read as UTF-8",),
                ),
                SHIFT: ScoredTask(counts=Counts(items=4, extractive=1, shortened=0, dropped=0)),
                FOREIGN: ScoredTask(documents=4, lm_eval={"prose": LmEvalTask("2.0", 0)}),
            },
            made_with=MadeWith(
                split="eval",
                limit=4,
                generate_items=None,
                num_fewshot=0,
                shuffled_labels=False,
                chat_template=False,
                system_prompt=False,
            ),
            made_by=MadeBy(("cpu, 2 threads, float32",), False, ("fast",), ({"torch": "2.13.0"},)),
            precision=PrecisionReport(
                effect=Aim.IN_DOMAIN,
                score="answer",
                half_width=0.1,
                max_seeds=20,
                budget=None,
                looks=(
                    PrecisionLook(
                        seeds=6,
                        half_width=0.09,
                        adapter="lora",
                        trained=SAME,
                        task=SAME,
                        floor=0.02,
                        items=4,
                        items_needed=3,
                        spent=60.0,
                        next_seed=10.0,
                        stop=PrecisionStop.NARROW,
                    ),
                ),
            ),
            left_out_baselines=(LeftOutBaseline(task=SHIFT, baseline="cot", reason="it has no reasoning"),),
            headlines={FOREIGN: "word_perplexity"},
            lower={FOREIGN: ("word_perplexity",)},
            names_in_files={FOREIGN: "prose"},
            primary="answer",
            margins={"answer": 0.02, "gold_nll": 0.02},
        )
    )


def boards() -> dict[str, Leaderboard]:
    """Return leaderboards by what they are like."""
    board = whole()
    bare = replace(
        board,
        persistence=(),
        matched=(),
        factors=(),
        prompts=(),
        sizes=(),
        prompted=(),
        recommendations=(),
        trials=(),
        recipe_differences=(),
        scored={},
        made_with=None,
        made_by=MadeBy(),
        precision=None,
        left_out_baselines=(),
    )
    unscored = tuple(replace(row, tasks={}, seeds=(), divergence={}) for row in board.rows)
    failed = replace(unscored[2], costs=None, failures=(Failure(0, None, "diverged", "the loss is not finite"),))
    found = {
        "whole": board,
        "one seed and no standard error": replace(bare, rows=tuple(_with_one_seed(row) for row in board.rows)),
        "a failed row": replace(bare, rows=(*board.rows[:2], failed)),
        "every row failed": replace(bare, rows=(failed,), scores=()),
        "trained and not scored": replace(bare, rows=unscored, scores=()),
        "the base alone": replace(bare, rows=board.rows[:1]),
        "no full fine-tuning": replace(bare, rows=tuple(_without_gaps(board.rows[n]) for n in (0, 2))),
        "no row": replace(bare, rows=(), scores=()),
    }
    return {kind: _answered(board) for kind, board in found.items()}


def _answered(board: Leaderboard) -> Leaderboard:
    """Return a leaderboard with what it answers on the training task, where a method is scored on it."""
    rows = [row for row in board.rows if not row.is_base and SAME in row.tasks]
    base = next(
        (row.tasks[SAME].scores["answer"] for row in board.rows if row.is_base and SAME in row.tasks), None
    )
    answer = TaskAnswer(
        task=SAME,
        trained=any(row.task for row in rows),
        score="answer",
        higher_is_better=True,
        items=4,
        groups=2,
        seeds=max((len(row.seeds) for row in rows), default=0),
        base=base,
        chance=0.25,
        smallest=0.2,
        methods=tuple(map(_method, rows)),
        unparsed=(),
    )
    return replace(board, answers=(answer,) if rows else ())


def _method(row: Row) -> MethodAnswer:
    costs = row.costs
    return MethodAnswer(
        method=row.adapter,
        score=row.tasks[SAME].scores["answer"],
        gain=_mean(0.25),
        works=row.task is not None,
        place={"full": Place.BEST, "lora": Place.BEHIND}.get(row.adapter),
        recommended=row.adapter == "lora",
        items_needed=None if row.task else 40,
        peak_bytes=costs.peak_bytes if costs else None,
        train_seconds=costs.train_seconds if costs else None,
        adapter_bytes=costs.adapter_bytes if costs else None,
    )


def places(text: str) -> Mapping[str, Change]:
    """Return, for every place that text of models, files and plugins comes to, what puts `text` there."""
    return {
        "model name": lambda board: replace(board, base={**board.base, "name": text}),
        "model origin": lambda board: replace(board, base={**board.base, "origin": text}),
        "adapter": _in_rows(lambda row: replace(row, adapter=text)),
        "method of the answer": lambda board: replace(
            board, answers=tuple(_in_methods(one, text) for one in board.answers)
        ),
        "task of the answer": lambda board: replace(
            board, answers=tuple(replace(one, task=text) for one in board.answers)
        ),
        "adapter's option": _in_rows(lambda row: replace(row, adapter=f"lora:r={text}")),
        "training task": _in_rows(lambda row: replace(row, task=text)),
        "failure": _in_rows(lambda row: replace(row, failures=(Failure(0, None, "failed", text),))),
        "mark": _in_rows(lambda row: _in_parts(row, lambda part: replace(part, marks=(text,)))),
        "remark": lambda board: replace(board, remarks=(text,)),
        "device": lambda board: replace(board, made_by=replace(board.made_by, machines=(text,))),
        "reason for items left out": lambda board: replace(
            board, scored={task: replace(one, left_out={text: 1}) for task, one in board.scored.items()}
        ),
        "data file": lambda board: replace(board, tasks={task: f"{task}[file:{text}]" for task in board.tasks}),
        "name of a score": lambda board: replace(
            _in_rows(lambda row: _in_parts(row, lambda part: _with_score(part, text)))(board),
            scores=(*board.scores, text),
        ),
        "domain": lambda board: replace(board, domains=dict.fromkeys(board.domains, text)),
        "name of a task": lambda board: replace(board, tasks=dict.fromkeys(board.tasks, text)),
    }


def _in_methods(answer: TaskAnswer, text: str) -> TaskAnswer:
    return replace(answer, methods=tuple(replace(one, method=text) for one in answer.methods))


def _in_rows(change: Callable[[Row], Row]) -> Change:
    return lambda board: replace(board, rows=tuple(change(row) for row in board.rows))


def _in_parts(row: Row, change: Callable[[TaskScores], TaskScores]) -> Row:
    return replace(row, tasks={task: change(part) for task, part in row.tasks.items()})


def _with_score(part: TaskScores, name: str) -> TaskScores:
    return replace(part, scores={**part.scores, name: next(iter(part.scores.values()))})


def _with_one_seed(row: Row) -> Row:
    def one(part: TaskScores) -> TaskScores:
        scores = {name: replace(found, seeds=1, stderr=None, df=None) for name, found in part.scores.items()}
        gaps = {name: replace(found, seeds=1, stderr=None, df=None) for name, found in part.gaps.items()}
        return replace(part, scores=scores, gaps=gaps, ranks={})

    return replace(_in_parts(row, one), seeds=row.seeds[:1], divergence={})


def _without_gaps(row: Row) -> Row:
    return _in_parts(row, lambda part: replace(part, gaps={}))


def _mean(value: float) -> Contrast:
    return Contrast(value, 0.05, 1.0, items=4, groups=2, seeds=3, differing=2)


def _row(adapter: str, answer: float) -> Row:
    trained = adapter != "none"
    relations = {SAME: "same_task", SHIFT: "shift"} if trained else {SAME: "base", SHIFT: "base"}
    tasks = {
        task: TaskScores(
            relation,
            {"answer": _mean(answer), "gold_nll": _mean(2 - answer)},
            {"answer": _mean(0.75 - answer)} if adapter == "lora" else {},
            {SAME: Rank(1 if adapter == "full" else 2, adapter != "full", "answer")},
            ("1 of 4 predictions repeat their prompt",) if adapter == "lora" else (),
        )
        for task, relation in relations.items()
    }
    # Not a mean over items: neither groups nor an interval.
    whole = Contrast(30.0 - answer, 0.5, None, items=4, groups=0, seeds=2, differing=0)
    relation = "lm_eval" if trained else "base"
    tasks[FOREIGN] = TaskScores(relation, {"word_perplexity": whole}, {}, {}, ())
    return Row(
        adapter,
        SAME if trained else None,
        baseline="",
        reference=adapter == "full",
        against="full" if adapter == "lora" else None,
        seeds=(0, 1) if trained else (),
        planned=(SAME, SHIFT, FOREIGN),
        tasks=tasks,
        costs=_costs(1.0 if adapter == "full" else 0.6) if trained else None,
        divergence={0: 0.5, 1: 0.75} if trained else {},
        forgetting=Forgotten(1.5, {0: 0.05, 1: 0.1} if trained else {0: 0.0}),
        failures=(),
        update={"full": "full", "lora": "low_rank"}.get(adapter, "none"),
    )


def _baseline() -> Row:
    """Return the base model by another prompt."""
    row = _row("none", 0.3)
    tasks = {task: row.tasks[task] for task in (SAME, SHIFT)}
    baseline = "few_shot=5"
    return replace(
        row, adapter=f"none ({baseline})", baseline=baseline, planned=(SAME, SHIFT), tasks=tasks, forgetting=None
    )


def _costs(share: float) -> Costs:
    return Costs(
        trainable_parameters=round(1e6 * share),
        adapter_bytes=round(4e6 * share),
        peak_bytes=round(3e9 * share),
        peak_vs_full=share,
        train_tokens=2000.0,
        train_seconds=20.0,
        tokens_per_second=100.0,
        score_seconds=4.0,
        tuning_seconds=0.0,
        lr=1e-3,
        steps=10,
    )


def _persistence() -> Persistence:
    def side(task: str) -> Side:
        return Side(
            task,
            base=_mean(0.25),
            full=_mean(0.75),
            adapter=_mean(0.5),
            full_gain=_mean(0.5),
            adapter_gain=_mean(0.25),
            recovered=Ratio(0.5, 0.25, 0.75),
            gap=Effect(_mean(0.25), 0.01, 0.9),
            kept=Effect(_mean(-0.2), 0.01, None),
            margin=0.02,
            mcnemar={0: 0.5},
            full_seed_difference=0.1,
            adapter_seed_difference=0.1,
        )

    did = Effect(_mean(0.0), 0.9, 0.01)
    in_domain, out_of_domain = side(SAME), side(SHIFT)
    verdict = Verdict(Standing.BEHIND, Standing.BEHIND, GapChange.STEADY)
    return Persistence(
        SAME, "lora", "answer", Margin(0.02), True, in_domain, out_of_domain, did, None, verdict, 0.9
    )


def _prompted() -> Prompted:
    return Prompted(SAME, "lora", "none (few_shot=5)", "answer", _mean(0.2), 0.02, 0.01, None)


def _recommendation() -> Recommendation:
    return Recommendation(
        task=SAME,
        score="answer",
        memory_gb=24.0,
        recommended="lora",
        tied=("none (few_shot=5)",),
        working=("full", "lora"),
        larger={"full": 30_000_000_000},
        chance=0.25,
        full=FullCost("full", "lora", _mean(0.25), Worth.YES, None, 1.7, 2.0, False),
        prompting=_prompted(),
        caveats=(),
    )
