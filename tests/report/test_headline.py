"""The closing lines of a run: planted studies with and without a gap, and those that have little to say."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from planted import Made, failed, write
from sealed import write_sealed

from medcot_bench.analysis.build import build
from medcot_bench.report.headline import Headline, write_headline
from medcot_bench.results.comparisons import Needed, Showing, Sizes
from medcot_bench.results.conditions import ScoredTask
from medcot_bench.results.folder import load
from medcot_bench.stats.verdict import Finding, decide
from medcot_bench.testing.example_leaderboards import boards

TOP = {"name": "top", "targets": "all"}
BASE = {"adapter": "none", "task": None, "seed": None}


def plant(root: Path, chances: Mapping[str, tuple[float, float]], seeds: int, **changes: Any) -> Path:
    """Write a study in which adapter -> chances of a right answer on k8s_qa and manuals_qa, 60 items each."""
    made = []
    for adapter, both in chances.items():
        for seed in range(seeds if adapter != "none" else 1):
            rng = random.Random(f"{adapter} {seed}")
            scores = {
                task: {"answer": {f"{task} {n}": float(rng.random() < chance) for n in range(60)}}
                for task, chance in zip(("k8s_qa", "manuals_qa"), both, strict=True)
            }
            part = Made(adapter=adapter, seed=seed, scores=scores, **changes)
            part = replace(part, **BASE) if adapter == "none" else part
            made.append(replace(part, selector=TOP) if adapter.startswith("layer_lora") else part)
    return write(root, *made)


def headline(root: Path) -> Headline:
    return write_headline(build(load(root)))


IN, OUT = "In domain (k8s_qa)", "Out of domain (manuals_qa)"
NONE = "no significant difference"
GOLDEN: dict[str, tuple[Mapping[str, tuple[float, float]], int, tuple[str, str, str, str]]] = {
    "the gap reverses": (
        {"full": (0.9, 0.1), "lora": (0.8, 0.3), "layer_lora:k=8": (0.4, 0.8)},
        3,
        (
            f"{IN}: full fine-tuning leads layer_lora:k=8 by 0.45 answer (95% CI 0.36 to 0.54).",
            f"{OUT}: layer_lora:k=8 leads full fine-tuning by 0.73 answer (95% CI 0.67 to 0.79).",
            "Verdict: the gap reverses out of domain: layer_lora:k=8 leads there.",
            "Not tested: other learning rates (--tune-lr 3), other models and other data.",
        ),
    ),
    "more seeds are needed": (
        {"full": (0.8, 0.6), "layer_lora": (0.4, 0.3)},
        3,
        (
            f"{IN}: full fine-tuning leads layer_lora by 0.36 answer (95% CI 0.11 to 0.61).",
            f"{OUT}: full fine-tuning leads layer_lora by 0.25 answer (95% CI 0.16 to 0.34).",
            "Verdict: layer_lora is behind full fine-tuning in domain and out of domain; whether the gap changes "
            "is inconclusive.",
            "To settle it: 10 more seeds (--seeds 0-12) would show a difference-in-differences of 0.11 (80% "
            "power, corrected); "
            "about 4 min.",
        ),
    ),
    "no gap is nearer than a gap": (
        {"full": (0.7, 0.5), "lora": (0.5, 0.5)},
        4,
        (
            f"{IN}: full fine-tuning leads lora by 0.11 answer (95% CI 0.02 to 0.19).",
            f"{OUT}: {NONE} (lora better by 0.05 answer, 95% CI -0.04 to 0.14).",
            "Verdict: lora is behind full fine-tuning in domain; out of domain inconclusive after Holm "
            "correction; the gap moves toward the adapter.",
            "To settle it: 31 more seeds (--seeds 0-34) would show no gap on manuals_qa beyond 0.05, if "
            "there is none (80% "
            "power, corrected); about 13 min.",
        ),
    ),
    "one seed": (
        {"lora": (0.5, 0.5), "full": (0.5, 0.5)},
        1,
        (
            f"{IN}: {NONE} (lora better by 0.07 answer, 95% CI -0.12 to 0.25).",
            f"{OUT}: {NONE} (full fine-tuning better by 0.05 answer, 95% CI -0.12 to 0.22).",
            "Verdict: none. One seed compares two trained models, not two methods.",
            "To settle it: at least --seeds 0,1,2; about 52 s.",
        ),
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_planted_studies_give_the_golden_lines(case: str, tmp_path: Path) -> None:
    chances, seeds, lines = GOLDEN[case]
    assert headline(plant(tmp_path, chances, seeds)).lines == [*lines]


def test_a_gap_that_the_correction_does_not_bear_out_is_inconclusive(tmp_path: Path) -> None:
    chances = {
        "full": (0.75, 0.75),
        **{f"lora:r={r}": (0.75, 0.75) for r in range(1, 9)},
        "layer_lora": (0.42, 0.75),
    }
    found = headline(plant(tmp_path, chances, 3))
    assert found.in_domain.startswith("In domain (k8s_qa): full fine-tuning leads layer_lora by ")
    assert found.verdict == "Verdict: inconclusive after Holm correction."


NOW = Sizes(5, 100, 18)


@pytest.mark.parametrize(
    ("needed", "line"),
    [
        (
            Needed(Showing.DIFFERENCE, 0.05, NOW, (Sizes(5, 410, 18, 5400.0), Sizes(9, 100, 18, 6000.0))),
            "410 items per task instead of 100 (--limit 410) would show a gap in domain of 0.05 (80% power, "
            "corrected); about "
            "1 h 30 min",
        ),
        (
            Needed(Showing.EQUIVALENCE, 0.05, NOW, (Sizes(8, 372, 67),)),
            "3 more seeds with 67 groups of items instead of 18 (--seeds 0-7) would show no gap in domain "
            "beyond 0.05, if there "
            "is none (80% power, corrected)",
        ),
        (
            Needed(Showing.DIFFERENCE, 0.05, NOW, ()),
            "out of reach; ten times the seeds with ten times the items would not show a gap in domain of 0.05 "
            "(80% power, corrected)",
        ),
        (None, "more items; too few groups of them differ to say how many a gap in domain takes"),
    ],
)
def test_the_first_inconclusive_effect_is_told_with_what_takes_least_time(
    needed: Needed | None, line: str, tmp_path: Path
) -> None:
    board = build(load(plant(tmp_path, {"full": (0.8, 0.6), "lora": (0.4, 0.3)}, 3)))
    (one,) = board.persistence
    gap = replace(one.in_domain.gap, difference=0.2, equivalence=0.9, needed=needed)
    changed = replace(one, in_domain=replace(one.in_domain, gap=gap))
    assert write_headline(replace(board, persistence=(changed,))).next_step == f"To settle it: {line}."


def test_exploratory_verdicts_are_marked(tmp_path: Path) -> None:
    root = plant(tmp_path, {"full": (0.9, 0.3), "layer_lora": (0.4, 0.3)}, 3)
    analyse(root, adapters=["lora"])
    assert headline(root).verdict.endswith(" (exploratory).")


IS_WORSE, IS_BETTER, WITHIN, UNKNOWN = (
    Finding("> 0", False),
    Finding("< 0", False),
    Finding("n.s.", True),
    Finding("n.s.", False),
)


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ((IS_WORSE, IS_WORSE, WITHIN), "the gap persists out of domain"),
        (
            (WITHIN, IS_WORSE, IS_WORSE),
            "the gap emerges out of domain: lora is level with full fine-tuning in domain and behind there",
        ),
        ((IS_BETTER, IS_WORSE, IS_WORSE), "the gap reverses out of domain: full fine-tuning leads there"),
        ((WITHIN, WITHIN, UNKNOWN), "lora is level with full fine-tuning in domain and out of domain"),
        ((IS_BETTER, IS_BETTER, WITHIN), "lora is ahead of full fine-tuning in domain and out of domain"),
        (
            (IS_WORSE, UNKNOWN, IS_BETTER),
            "lora is behind full fine-tuning in domain; out of domain inconclusive after Holm correction; the gap "
            "moves toward the adapter",
        ),
        (
            (UNKNOWN, UNKNOWN, WITHIN),
            "in domain inconclusive after Holm correction; out of domain inconclusive after Holm correction; the "
            "gap changes by less than the margin",
        ),
    ],
)
def test_every_kind_of_verdict_is_a_sentence(
    findings: tuple[Finding, Finding, Finding], said: str, tmp_path: Path
) -> None:
    board = build(load(write(tmp_path, *by_both({"full": 0.8, "lora": 0.5}, {"full": 1.0, "lora": 1.5}))))
    decided = [replace(one, verdict=decide(*findings, seeds=3)) for one in board.persistence]
    assert write_headline(replace(board, persistence=tuple(decided))).verdict == f"Verdict: {said}."


@pytest.mark.parametrize(("own", "keeps"), [(0.55, "less than"), (0.79, "at least")])
def test_whether_an_adapter_keeps_the_gain_is_told_where_a_test_says_so(
    own: float, keeps: str, tmp_path: Path
) -> None:
    base = replace(by_both({"none": 0.2}, {"none": 2.0})[0], task=None, seed=None)
    made = by_both({"full": 0.8, "lora": own}, {"full": 1.0, "lora": 1.5})
    found = headline(write(tmp_path, base, *made))
    for line in (found.in_domain, found.out_of_domain):
        assert line.endswith(f"; lora keeps {keeps} 90% of its gain.")
    assert "keeps" not in headline(write(tmp_path / "no base", *made)).in_domain


# --- without a gap ---


def test_without_full_fine_tuning_the_best_method_stands_beside_the_base_model(tmp_path: Path) -> None:
    root = plant(tmp_path, {"none": (0.3, 0.3), "lora": (0.4, 0.35), "qlora": (0.9, 0.3)}, 3)
    found = headline(root)
    assert found.in_domain.startswith("In domain (k8s_qa): qlora leads the base model by 0.6")
    assert "statistically tied" not in found.in_domain
    assert found.out_of_domain.startswith(f"{OUT}: {NONE} (base model better by ")
    assert found.verdict == "Verdict: none. The study has no full fine-tuning to measure a gap against."
    assert found.next_step == "To settle it: add full to --adapters, to compare with."


def test_all_that_a_first_study_lacks_is_named_at_once(tmp_path: Path) -> None:
    found = headline(plant(tmp_path, {"none": (0.3, 0.3), "lora": (0.4, 0.35), "qlora": (0.9, 0.3)}, 1))
    named = "To settle it: add full to --adapters, to compare with; at least --seeds 0,1,2"
    assert found.next_step.startswith(named)


def test_methods_that_tie_with_the_best_are_named(tmp_path: Path) -> None:
    root = plant(tmp_path, {"none": (0.1, 0.3), "lora": (0.8, 0.3), "qlora": (0.8, 0.3)}, 3)
    found = headline(root)
    assert found.in_domain.startswith(f"{IN}: qlora leads the base model by 0.70 answer (95% CI 0.55 to 0.85)")
    assert found.in_domain.endswith("; statistically tied: lora.")


def test_one_adapter_alone_is_told_with_chance(tmp_path: Path) -> None:
    board = build(load(plant(tmp_path, {"lora": (0.5, 0.5)}, 3)))
    found = write_headline(replace(board, scored={"k8s_qa": ScoredTask(chance=0.25)}))
    assert found.in_domain.startswith("In domain (k8s_qa): lora scores 0.5")
    assert found.in_domain.endswith("); chance accuracy 0.25.")
    assert found.next_step == "To settle it: add none,full to --adapters, to compare with."


def test_full_fine_tuning_alone_asks_for_another_adapter(tmp_path: Path) -> None:
    found = headline(plant(tmp_path, {"none": (0.2, 0.3), "full": (0.8, 0.3)}, 3))
    assert found.in_domain.startswith("In domain (k8s_qa): full fine-tuning leads the base model by 0.5")
    assert found.next_step == "To settle it: add another adapter to --adapters, e.g. lora."


def test_without_a_shift_nothing_is_said_of_it(tmp_path: Path) -> None:
    made = by_both({"full": 0.8, "lora": 0.5}, {"full": 1.0, "lora": 1.5}, tasks=("k8s_qa",))
    root = write(tmp_path, *made)
    plan = json.loads((root / "plan.json").read_text())
    for cell in plan["cells"]:
        cell["evaluations"] = [one for one in cell["evaluations"] if one["task"] == "k8s_qa"]
    write_sealed(root / "plan.json", plan)
    assert headline(root).lines[1:] == [
        "Out of domain: not measured.",
        "Verdict: none on whether the gap persists out of domain.",
        "To settle it: add a task of another domain by --eval-tasks.",
    ]


def test_external_adapters_stand_beside_the_base_model(tmp_path: Path) -> None:
    rng = random.Random(0)
    scores = [{"k8s_qa": {"answer": {str(n): float(rng.random() < p) for n in range(60)}}} for p in (0.2, 0.8)]
    made = [Made(**BASE, scores=scores[0]), Made(**(BASE | {"adapter": "peft:path=x"}), scores=scores[1])]
    root = write(tmp_path, *made)
    for path in root.glob("cells/*peft*/cell.json"):
        write_sealed(path, json.loads(path.read_text().replace('"selector": {', '"weights": "0", "selector": {')))
    plan = json.loads((root / "plan.json").read_text())
    for cell in plan["cells"]:
        cell["evaluations"] = [one for one in cell["evaluations"] if one["task"] == "k8s_qa"]
    write_sealed(root / "plan.json", plan)
    first, *rest = headline(root).lines
    assert first.startswith("On k8s_qa: peft:path=x leads the base model by 0.")
    assert rest == ["Next: add adapters to train, e.g. --adapters none,full,lora."]


def test_failed_runs_are_to_be_repeated_first(tmp_path: Path) -> None:
    made = by_both({"full": 0.8, "lora": 0.5}, {"full": 1.0, "lora": 1.5})
    made.append(Made(adapter="qlora", train=None, attempts=[failed("oom", "no memory")]))
    found = headline(write(tmp_path, *made))
    assert found.in_domain.startswith("In domain (k8s_qa): full fine-tuning leads lora by ")
    assert found.next_step == (
        "To settle it: run the same command again; 1 training run is missing or incomplete, 1 failed."
    )


def test_where_everything_failed_there_is_no_result(tmp_path: Path) -> None:
    made = [Made(adapter=name, train=None, attempts=[failed("oom", "no memory")]) for name in ("full", "lora")]
    assert headline(write(tmp_path, *made)).lines == [
        "No result: nothing is scored yet.",
        "To settle it: run the same command again; 2 training runs are missing or incomplete, 2 failed.",
    ]


def test_models_that_never_differ_are_not_called_equal(tmp_path: Path) -> None:
    found = headline(plant(tmp_path, {"full": (0.0, 0.0), "layer_lora": (0.0, 0.0)}, 3))
    assert found.in_domain == (
        "In domain (k8s_qa): no difference between full fine-tuning and layer_lora on 60 items, too few of which "
        "differ for a 95% CI."
    )


@pytest.mark.parametrize("kind", boards())
def test_every_kind_of_leaderboard_has_at_most_four_lines(kind: str) -> None:
    lines = write_headline(boards()[kind]).lines
    assert 1 <= len(lines) <= 4
    assert all(line.endswith(".") and "  " not in line for line in lines)


# --- which score, which shift ---


def by_both(
    answer: Mapping[str, float], nll: Mapping[str, float], tasks: tuple[str, ...] = ("k8s_qa", "manuals_qa")
) -> list[Made]:
    """Return cells of three seeds in which adapter -> mean of each score on these tasks."""
    made = []
    for adapter in answer:
        for seed in range(3):
            rng = random.Random(f"{adapter} {seed}")
            values = {
                name: {f"{n}": means[adapter] + rng.gauss(0, 0.01) for n in range(30)}
                for name, means in (("answer", answer), ("gold_nll", nll))
            }
            made.append(Made(adapter=adapter, seed=seed, scores=dict.fromkeys(tasks, values)))
    return made


def analyse(root: Path, **analysis: Any) -> Path:
    plan = json.loads((root / "plan.json").read_text())
    write_sealed(root / "plan.json", {**plan, "analysis": analysis})
    return root


@pytest.mark.parametrize(
    ("primary", "said"),
    [
        ("answer", "full fine-tuning leads lora by 0.30 answer"),
        ("gold_nll", "lora leads full fine-tuning by 0.50 gold_nll"),
        ("choice", "full fine-tuning leads lora by 0.30 answer"),
    ],
)
def test_the_primary_score_is_told_and_a_usual_one_where_it_is_missing(
    primary: str, said: str, tmp_path: Path
) -> None:
    made = by_both({"full": 0.8, "lora": 0.5}, {"full": 1.5, "lora": 1.0})
    assert said in headline(analyse(write(tmp_path, *made), primary=primary)).in_domain


def test_the_gain_over_the_base_model_is_told_by_the_primary_score_too(tmp_path: Path) -> None:
    made = by_both({"lora": 0.5}, {"lora": 1.0})
    base = replace(by_both({"none": 0.5}, {"none": 1.5})[0], task=None, seed=None)
    found = headline(analyse(write(tmp_path, base, *made), primary="gold_nll"))
    assert "lora leads the base model by 0.50 gold_nll" in found.in_domain


def other_task(root: Path, **record_of: Any) -> None:
    """Add a task before the others that has the records of manuals_qa, with changes."""
    plan = json.loads((root / "plan.json").read_text())
    plan["tasks"] = {"kubectl": plan["tasks"]["manuals_qa"], **plan["tasks"]}
    for cell in plan["cells"]:
        (own,) = [one for one in cell["evaluations"] if one["task"] == "manuals_qa"]
        (path,) = root.glob(f"cells/*{cell['key']['id']}/scores/*{own['id']}.json")
        record = json.loads(path.read_text())
        (samples,) = root.glob(f"cells/*{cell['key']['id']}/samples/*{own['id']}.jsonl")
        other = f"f{own['id'][1:]}"
        changed = record | {"score_id": other, "task": "kubectl"} | record_of
        write_sealed(path.with_name(f"kubectl-{other}.json"), changed)
        samples.with_name(f"kubectl-{other}.jsonl").write_text(samples.read_text())
        cell["evaluations"].append({**own, "id": other, "task": "kubectl"})
    write_sealed(root / "plan.json", plan)


def test_a_shift_that_can_be_compared_comes_first(tmp_path: Path) -> None:
    """Scores of other forms can't be compared, so a task of another form says less, wherever it stands."""
    root = plant(tmp_path, {"full": (0.8, 0.6), "layer_lora": (0.4, 0.3)}, 3)
    other_task(root, form={"context": "none", "answer": "command"})
    assert headline(root).out_of_domain.startswith("Out of domain (manuals_qa): ")


def test_gaps_that_can_t_be_compared_are_told_each_by_itself(tmp_path: Path) -> None:
    root = plant(tmp_path, {"full": (0.8, 0.6), "layer_lora": (0.4, 0.3)}, 3)
    for path in root.glob("cells/*/scores/manuals_qa*.json"):
        write_sealed(path, json.loads(path.read_text().replace('"answer": "text"', '"answer": "letter"')))
    assert headline(root).verdict == (
        "Verdict: layer_lora is behind full fine-tuning in domain and out of domain; answer is not comparable "
        "between k8s_qa and manuals_qa."
    )
