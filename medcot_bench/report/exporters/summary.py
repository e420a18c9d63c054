"""What is estimated over seeds as CSV: one line per method, training task, evaluation task and metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from medcot_bench.analysis.learning_rates import count_rates_tried
from medcot_bench.plugins.hookspecs import hookimpl
from medcot_bench.report.exporters.csv import write_csv
from medcot_bench.report.gap_tables import write_verdict
from medcot_bench.report.needed_table import inconclusive_effects, write_needed
from medcot_bench.report.notes import write_failure
from medcot_bench.results.comparisons import Effect, Persistence
from medcot_bench.results.leaderboard import Leaderboard, Row, TaskScores
from medcot_bench.stats.contrasts import Contrast

PARTS = ("in_domain", "out_of_domain", "change")
"""Of a verdict, in the order of `inconclusive_effects`."""
ENDS = ("stderr", "items", "low", "high")
"""What an estimate has beside its value: the last two are its 95% CI."""
COSTS = (
    *("trainable_parameters", "adapter_bytes", "peak_bytes", "peak_vs_full", "train_tokens", "train_seconds"),
    *("tokens_per_second", "measure_seconds", "score_seconds", "tuning_seconds", "lr", "steps"),
)
"""The fields of `Costs` that are columns."""
COLUMNS = (
    *("base_model", "method", "trained_on", "seeds", "failures"),
    *("task", "source", "domain", "relation", "metric", "higher_is_better", "mean", "stderr", "items", "groups"),
    "rank",
    *("gain", *(f"gain_{end}" for end in ENDS), "gain_p"),
    *("gap", *(f"gap_{end}" for end in ENDS), "gap_p", "gap_equivalence_p"),
    *("did", *(f"did_{end}" for end in ENDS), "did_p", "did_equivalence_p"),
    *("verdict", *(f"verdict_{part}" for part in PARTS), *(f"needed_{part}" for part in PARTS)),
    *(*COSTS, "rates_tried", "kl", "general_nll", "forgetting"),
)


class Summary:
    """The exporter plugin."""

    suffix = ".summary.csv"

    def export(self, leaderboard: Leaderboard) -> str:
        """Return the whole file."""
        return write_csv(COLUMNS, _lines(leaderboard))


def _lines(board: Leaderboard) -> Iterator[dict[str, Any]]:
    """Yield the lines of every row; one without a task for a row that has no score."""
    tried = count_rates_tried([(row.adapter, row.task) for row in board.rows], board.trials)
    for row in board.rows:
        shared = _describe(board, row) | _costs(row, tried)
        found = [
            shared | _score(board, row, task, name)
            for task, part in row.tasks.items()
            for name in board.scores
            if name in part.scores
        ]
        yield from found or [shared]


def _describe(board: Leaderboard, row: Row) -> dict[str, Any]:
    return {
        "base_model": board.base["name"],
        "method": row.adapter,
        "trained_on": row.task,
        "seeds": "+".join(map(str, row.seeds)),
        "failures": "; ".join(map(write_failure, row.failures)),
    }


def _costs(row: Row, tried: Mapping[tuple[str, str | None], int]) -> dict[str, Any]:
    line: dict[str, Any] = {}
    if costs := row.costs:
        line |= {name: getattr(costs, name) for name in COSTS}
        line["rates_tried"] = tried.get((row.adapter, row.task))
    if row.divergence:
        line["kl"] = fmean(row.divergence.values())
    if row.forgetting:
        line["general_nll"] = row.forgetting.nll
        line["forgetting"] = fmean(row.forgetting.changes.values())
    return line


def _score(board: Leaderboard, row: Row, task: str, name: str) -> dict[str, Any]:
    part = row.tasks[task]
    mean = part.scores[name]
    title = board.tasks[task]
    line: dict[str, Any] = {
        "task": task,
        "source": title.removeprefix(f"{task}[").removesuffix("]"),
        "domain": board.domains[task],
        "relation": part.relation,
        "metric": name,
        "higher_is_better": board.higher_is_better(task, name),
        "mean": mean.value,
        "stderr": mean.stderr,
        "items": mean.items,
        "groups": mean.groups or None,
        "rank": _rank(part, name),
        "gain_p": part.gain_p_values.get(name),
        **_estimate("gain", part.gains.get(name)),
        **_estimate("gap", part.gaps.get(name)),
    }
    own = [one for one in board.persistence if (one.adapter, one.task, one.score) == (row.adapter, row.task, name)]
    gaps = [side.gap for one in own for side in (one.in_domain, one.out_of_domain) if side.task == task]
    if gaps:
        line |= _p_values("gap", gaps[0])
    if judged := next((one for one in own if one.out_of_domain.task == task), None):
        line |= _judgement(judged)
    return line


def _judgement(found: Persistence) -> dict[str, Any]:
    """Return what is said of a gap out of domain beside the one in domain."""
    line: dict[str, Any] = {"verdict": write_verdict(found), "verdict_change": "not comparable"}
    if found.did:
        line |= _estimate("did", found.did.found) | _p_values("did", found.did)
    line |= {f"verdict_{part}": said for part in PARTS if (said := getattr(found.verdict, part)) is not None}
    needed = dict(inconclusive_effects(found))
    return line | {
        f"needed_{part}": write_needed(needed[place].needed) for place, part in enumerate(PARTS) if place in needed
    }


def _estimate(column: str, found: Contrast | None) -> dict[str, Any]:
    """Return the columns of an estimate, with the ends of its 95% CI."""
    if found is None:
        return {}
    values = (found.stderr, found.items, *(found.interval() or (None, None)))
    return {column: found.value, **{f"{column}_{end}": value for end, value in zip(ENDS, values, strict=True)}}


def _p_values(column: str, effect: Effect) -> dict[str, Any]:
    return {f"{column}_p": effect.difference, f"{column}_equivalence_p": effect.equivalence}


def _rank(part: TaskScores, score: str) -> str:
    """Return a rank by a score; none where there is one for each of several training tasks, as the base has."""
    ranks = [*part.ranks.values()]
    return str(ranks[0]) if len(ranks) == 1 and ranks[0].score == score else ""


@hookimpl
def medcot_make_exporter(name: str) -> Summary:
    """Build the exporter."""
    return Summary()
