"""Results -> leaderboard: its rows, what sets them against each other, and the conditions they were made under."""

from __future__ import annotations

from dataclasses import replace

from medcot_bench.analysis.answers import find_answers
from medcot_bench.analysis.conditions import read_made_by, read_scored_tasks
from medcot_bench.analysis.costs import estimate_prices
from medcot_bench.analysis.data_scaling import estimate_size_trends
from medcot_bench.analysis.drift import runs_on_other_texts
from medcot_bench.analysis.factors import estimate_factor_effects
from medcot_bench.analysis.lm_eval import read_first_scores, read_lower_scores, read_names_in_files
from medcot_bench.analysis.matched import match_gaps
from medcot_bench.analysis.persistence import compare_gaps
from medcot_bench.analysis.precision import report_precision
from medcot_bench.analysis.prompt_wording import estimate_prompt_effects
from medcot_bench.analysis.rate_checks import check_rates
from medcot_bench.analysis.recipe_differences import find_recipe_differences
from medcot_bench.analysis.recommendation_rates import recommend_over_rates
from medcot_bench.analysis.rows import build_rows
from medcot_bench.analysis.sample_size import find_needed
from medcot_bench.analysis.vs_prompting import compare_with_prompting
from medcot_bench.results.folder import Results
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.metrics import CORE_METRICS


def build(results: Results) -> Leaderboard:
    """Build the leaderboard of a study's results."""
    rows = build_rows(results)
    persistence = find_needed(compare_gaps(results), estimate_prices(results))
    made = {name for row in rows for task in row.tasks.values() for name in task.scores}
    core = [name for name in CORE_METRICS if name in made]
    board = Leaderboard(
        base=results.base,
        tasks={task: results.title(task) for task in results.tasks},
        domains={task: entry.domain for task, entry in results.tasks.items()},
        rows=rows,
        scores=(*core, *sorted(made - set(core))),
        persistence=persistence,
        rate_checks=check_rates(results, persistence),
        matched=match_gaps(results),
        factors=estimate_factor_effects(results),
        prompts=estimate_prompt_effects(results),
        sizes=estimate_size_trends(results),
        prompted=compare_with_prompting(results),
        trials=tuple(replace(trial, losses={}) for trial in results.trials),
        recipe_differences=tuple(find_recipe_differences(results)),
        scored=read_scored_tasks(results),
        made_with=results.plan.made_with,
        made_by=read_made_by(results),
        left_out_baselines=results.plan.left_out_baselines,
        other_texts=tuple(runs_on_other_texts(results)),
        remarks=results.plan.remarks,
        looks=results.plan.looks,
        precision=report_precision(results.analysis, results.plan.precision_looks),
        unfinished=len({cell.cell.id for cell in (*results.cells, *results.kept_rates) if not cell.whole}),
        headlines=read_first_scores(results),
        lower=read_lower_scores(results),
        names_in_files=read_names_in_files(results),
        primary=results.analysis.primary,
        margins=results.analysis.margins,
        weights=results.analysis.weights,
    )
    board = replace(board, recommendations=tuple(recommend_over_rates(results, board)))
    return replace(board, answers=tuple(find_answers(board)))
