"""The notes: every fact of a leaderboard that a reader must know becomes one sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medcot_bench.report.notes import UNCHANGED, write_failure, write_left_out_baseline, write_notes, write_rates
from medcot_bench.results.conditions import LmEvalTask, MadeBy, RecipeDifference, ScoredTask
from medcot_bench.results.leaderboard import Failure, Leaderboard
from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.results.trials import Trial
from medcot_bench.testing.example_leaderboards import FOREIGN, SAME, boards, whole


def test_the_notes_of_a_whole_leaderboard() -> None:
    assert write_notes(whole()) == [
        "k8s_qa: recipes differ in more than the learning rate: batch_size 8 for full, 4 for lora; a gap may come "
        "of it",
        "k8s_qa: left out 2 (train overlaps manuals_qa eval)",
        "k8s_qa: read as UTF-8",
        "k8s_qa: 4 items; 1 extractive, 0 contexts truncated, 0 dropped as too long",
        "k8s_qa, none (few_shot=5): 4 items; 1 extractive, 2 contexts truncated, 0 dropped as too long",
        "manuals_qa: 4 items; 1 extractive, 0 contexts truncated, 0 dropped as too long",
        "lm_eval:prose.yaml: 4 documents, scored by lm-eval's own code (prose 2.0), 0-shot; not compared with "
        "other tasks",
        "Scored on the 'eval' split: at most 4 items per task, 0-shot",
        "Prompts in training and scoring: no chat template",
        "Stopped at 6 seeds by its precision rule: half width 0.09 of 0.1 asked (95% CI of the gap in domain by "
        "answer); the widest is of lora trained on k8s_qa",
        "manuals_qa: no baseline cot: it has no reasoning",
        "Best of 2 learning rates per adapter and task, by validation NLL; not tuned: full",
        "lora on k8s_qa: the best learning rate, 0.001, is at the edge of those tried; a better one may lie "
        "beyond",
        "Made on cpu, 2 threads, float32",
        "Scored by the engine fast",
        "Made with torch 2.13.0",
        "lora trained on k8s_qa, scored on k8s_qa: 1 of 4 predictions repeat their prompt",
        "lora trained on k8s_qa, scored on manuals_qa: 1 of 4 predictions repeat their prompt",
    ]


def test_a_leaderboard_without_facts_has_few_notes() -> None:
    assert write_notes(boards()["no row"]) == []
    assert write_notes(boards()["the base alone"]) == []


def trial(adapter: str, rate: float, chosen: bool = False) -> Trial:
    return Trial(adapter=adapter, task=SAME, seed=0, rate=rate, loss=0.5, seconds=1.0, chosen=chosen)


def test_how_learning_rates_came_about_is_said() -> None:
    board = whole()
    untuned = "Learning rates were not tuned; differences may come from the recipe, not the method (--tune-lr 3)"
    assert write_rates(board.rows, []) == untuned
    assert write_rates(board.rows[:1], []) == ""
    trials = [trial(adapter, rate, rate == 1e-4) for adapter in ("full", "lora") for rate in (1e-5, 1e-4, 1e-3)]
    assert write_rates(board.rows, trials) == "Best of 3 learning rates per adapter and task, by validation NLL"
    some = write_rates(board.rows, [*trials[:3], *trials[3:5]])
    assert some == "Best of 2 or 3 learning rates per adapter and task, by validation NLL"


def test_a_best_rate_at_the_edge_is_said() -> None:
    board = replace(whole(), trials=(trial("lora", 1e-4), trial("lora", 1e-3, chosen=True)))
    edge = (
        "lora on k8s_qa: the best learning rate, 0.001, is at the edge of those tried; a better one may lie beyond"
    )
    assert edge in write_notes(board)


def test_rates_within_the_noise_are_said() -> None:
    best, other = trial("lora", 1e-4, chosen=True), trial("lora", 3e-5)
    trials = (
        replace(other, kept=True),
        replace(best, kept=True),
        trial("lora", 1e-3),
        replace(other, seed=1, kept=True),
    )
    board = replace(whole(), trials=(*trials, replace(best, seed=1, kept=True)))
    assert (
        "lora on k8s_qa: 2 learning rates within the noise, 0.0001 (chosen) and 3e-05: their validation NLL "
        "differs by at most two standard errors, with 2 seeds"
    ) in write_notes(board)
    alone = write_notes(replace(whole(), trials=(replace(best, kept=True), trial("lora", 1e-3))))
    assert not any("within the noise" in note for note in alone)


@pytest.mark.parametrize(
    ("made", "note"),
    [
        (MadeBy(engines=("fast", "hf")), "Scored by the engines fast and hf; likelihoods differ by rounding"),
        (MadeBy(packages=({"torch": "1"}, {"torch": "2"})), "Rows were made with different package versions: "),
        (MadeBy(several_for_training=True), "Models were trained on different devices or numbers of threads: "),
        (MadeBy(("cpu", "cuda")), "Made on cpu and cuda"),
        (MadeBy(overlong={"own": 3}), "own: 3 training items are longer than training.max_length, and left out"),
    ],
)
def test_what_makes_rows_differ_is_said(made: MadeBy, note: str) -> None:
    assert any(said.startswith(note) for said in write_notes(replace(whole(), made_by=made)))


def test_recipes_are_written_with_who_has_which_value() -> None:
    values = {"full": 1.0, "lora": 3.0, "qlora": None, "layer_lora": 1.0}
    board = replace(whole(), recipe_differences=(RecipeDifference(SAME, "epochs", values),))
    assert write_notes(board)[0].startswith(
        "k8s_qa: recipes differ in more than the learning rate: epochs 1 for full, layer_lora, 3 for lora, none "
        "for qlora; "
    )


def test_settings_that_change_what_a_table_says_are_said() -> None:
    board = whole()
    assert board.made_with
    odd = replace(
        board.made_with, split="dev", limit=None, generate_items=2, shuffled_labels=True, system_prompt=True
    )
    said = write_notes(replace(board, made_with=odd))
    assert "Scored on the 'dev' split: every item, answers generated for 2 of them, 0-shot" in said
    assert "'dev' items are for development: this table says nothing about new items" in said
    assert "Trained on shuffled answers: a control, not a method" in said
    assert "Prompts in training and scoring: no chat template, a system prompt" in said


def test_tasks_of_lm_eval_are_named_with_versions_and_shots() -> None:
    parts = {f"part{n}": LmEvalTask(f"{n}.0", n % 2) for n in range(5)}
    board = replace(whole(), scored={FOREIGN: ScoredTask(documents=9, lm_eval=parts)})
    (said,) = (note for note in write_notes(board) if note.startswith(FOREIGN))
    assert "9 documents" in said
    assert "(part0 0.0, part1 1.0, part2 2.0 and 2 more), 0 or 1-shot" in said


def test_models_that_did_not_change_are_said_to() -> None:
    def unchanged(board: Leaderboard) -> Leaderboard:
        row = board.rows[1]
        part = replace(row.tasks[SAME], unchanged=True)
        return replace(board, rows=(board.rows[0], replace(row, tasks={**row.tasks, SAME: part})))

    assert f"full trained on k8s_qa, scored on k8s_qa: {UNCHANGED}" in write_notes(unchanged(whole()))


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Failure(1, None, "diverged", "loss nan"), "seed 1, diverged: loss nan"),
        (Failure(None, SAME, "oom", "no memory"), "scoring k8s_qa, oom: no memory"),
        (Failure(0, SAME, "killed", "signal 9"), "seed 0, scoring k8s_qa, killed: signal 9"),
    ],
)
def test_failures_say_where_and_why(failure: Failure, said: str) -> None:
    assert write_failure(failure) == said


def test_baselines_that_a_task_does_not_have_are_named() -> None:
    assert write_left_out_baseline(LeftOutBaseline(task=SAME, baseline="", reason="its own prompt")) == (
        "k8s_qa: no baselines: its own prompt"
    )
