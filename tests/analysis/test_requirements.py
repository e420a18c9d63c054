"""Requirements on planted studies: values, bounds, intervals and who has to meet them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from planted import Made, write
from scipy import stats
from sealed import write_sealed

from medcot_bench.analysis.persistence import estimate_persistence
from medcot_bench.analysis.requirements import Judged, Lacking, judge
from medcot_bench.analysis.rows import build_rows
from medcot_bench.cli import main
from medcot_bench.results.folder import Results, load
from medcot_bench.study.requirements import read_requirement

ITEMS = 40
MEANS = {"none": 0.2, "full": 0.6, "lora": 0.58, "layer_lora": 0.3}


def plant(root: Path, means: Mapping[str, float] = MEANS, seeds: int = 3, spread: float = 0.1) -> Results:
    """Write a study in which gold_nll is 1 less the answer's score, item by item."""
    made = []
    for adapter, mean in means.items():
        untrained = adapter.startswith(("none", "peft"))
        for seed in [None] if untrained else range(seeds):
            rng = random.Random(f"{adapter} {seed}")
            answer = {f"i{n}": mean + rng.gauss(0, spread) for n in range(ITEMS)}
            both = {"answer": answer, "gold_nll": {item: 1 - value for item, value in answer.items()}}
            made.append(
                Made(
                    adapter=adapter,
                    seed=seed,
                    task=None if untrained else "k8s_qa",
                    scores={"k8s_qa": both, "manuals_qa": both},
                )
            )
    return load(write(root, *made))


def values(results: Results, adapter: str) -> dict[int, dict[str, float]]:
    return {
        cell.cell.seed or 0: {s["id"]: s["scores"]["answer"] for s in results.samples(cell, "k8s_qa")}
        for cell in results.cells
        if cell.cell.adapter == adapter
    }


def judged(results: Results, text: str, against: Results | None = None) -> dict[str, Judged]:
    return {one.row: one for one in judge(read_requirement(text), results, against)}


def test_the_gain_over_the_base_is_that_of_the_tables(tmp_path: Path) -> None:
    results = plant(tmp_path)
    gains = {row.adapter: row.tasks["k8s_qa"].gains for row in build_rows(results)}
    found = judged(results, "k8s_qa.answer >= none")
    assert set(found) == {"full", "lora", "layer_lora"}
    for adapter, one in found.items():
        assert one.holds
        assert one.difference
        assert one.difference.value == pytest.approx(gains[adapter]["answer"].value)
        assert one.difference.interval() == pytest.approx(gains[adapter]["answer"].interval())
    lower = judged(results, "lora: k8s_qa.gold_nll <= none")["lora"]
    assert lower.holds
    assert lower.difference
    assert lower.difference.value == pytest.approx(-gains["lora"]["gold_nll"].value)


def test_the_share_kept_is_that_of_the_verdicts(tmp_path: Path) -> None:
    results = plant(tmp_path)
    sides = {one.adapter: one.in_domain for one in estimate_persistence(results) if one.score == "answer"}
    for adapter, one in judged(results, "k8s_qa.answer surely >= 90% of full's gain").items():
        kept = sides[adapter].kept
        assert kept
        assert one.difference
        assert one.difference.value == pytest.approx(kept.found.value)
        ends = kept.found.interval()
        assert ends
        assert one.difference.interval() == pytest.approx(ends)
        assert one.holds is (ends[0] >= 0)
    nll = judged(results, "k8s_qa.gold_nll <= 90% of full's gain")
    assert {row: one.holds for row, one in nll.items()} == {"lora": True, "layer_lora": False}


def test_one_external_adapter_has_the_interval_of_a_paired_t_test(tmp_path: Path) -> None:
    results = plant(tmp_path, {"none": 0.3, "peft:path=a": 0.35, "full": 0.9})
    own, base = values(results, "peft:path=a")[0], values(results, "none")[0]
    test = stats.ttest_rel([*own.values()], [*base.values()]).confidence_interval()
    one = judged(results, "peft: k8s_qa.answer surely > none")["peft:path=a"]
    assert one.difference
    assert one.difference.interval() == pytest.approx((test.low, test.high))
    assert one.holds is bool(test.low > 0)


def test_an_end_of_the_interval_has_to_hold_where_asked(tmp_path: Path) -> None:
    results = plant(tmp_path)
    score = judged(results, "lora: k8s_qa.answer >= 0")["lora"].score
    assert score
    ends = score.interval()
    assert ends
    inside = (score.value + ends[0]) / 2
    for operator, level, by_estimate, by_interval in (
        (">=", inside, True, False),
        (">", inside, True, False),
        (">=", ends[0] - 1e-6, True, True),
        ("<=", 2 * score.value - inside, True, False),
        ("<", ends[1] + 1e-6, True, True),
        ("<=", inside, False, False),
    ):
        one, sure = (
            judged(results, f"lora: k8s_qa.answer {how}{operator} {level!r}")["lora"] for how in ("", "surely ")
        )
        assert (one.holds, sure.holds) == (by_estimate, by_interval), (operator, level)


@pytest.mark.parametrize(("operator", "holds"), [(">=", True), ("<=", True), (">", False), ("<", False)])
def test_equal_scores_are_equal_whatever_rounding_makes_of_them(
    tmp_path: Path, operator: str, holds: bool
) -> None:
    row = {f"i{n}": n / 10 for n in range(1, 4)}
    made = [Made(adapter="lora", seed=seed, scores={"k8s_qa": {"answer": row}}) for seed in range(3)]
    results = load(write(tmp_path, Made(adapter="none", seed=None, task=None, scores=made[0].scores), *made))
    for level in ("0.2", "none", "none + 0", "none - 0.0"):
        assert judged(results, f"k8s_qa.answer {operator} {level}")["lora"].holds is holds
    sure = judged(results, f"k8s_qa.answer surely {operator} none")["lora"]
    assert (sure.holds, sure.lacking) == (False, Lacking.FEW_GROUPS)


def test_what_can_not_be_told_does_not_hold_and_says_why(tmp_path: Path) -> None:
    one_seed = plant(tmp_path / "one seed", seeds=1)
    assert judged(one_seed, "lora: k8s_qa.answer >= none")["lora"].holds
    sure = judged(one_seed, "lora: k8s_qa.answer surely >= none")["lora"]
    assert (sure.holds, sure.lacking) == (False, Lacking.ONE_SEED)
    nothing_gained = plant(tmp_path / "no gain", {"none": 0.6, "full": 0.5, "lora": 0.9})
    share = judged(nothing_gained, "k8s_qa.answer >= 90% of full's gain")["lora"]
    assert (share.holds, share.lacking) == (False, Lacking.GAIN)
    scores = {"k8s_qa": {"answer": {f"i{n}": 1.0 for n in range(9)}}}
    elsewhere = load(
        write(
            tmp_path / "elsewhere",
            Made(adapter="lora", seed=0, scores=scores),
            Made(adapter="lora", seed=1, scores={}),
            Made(adapter="full", seed=2, scores=scores),
            Made(adapter="lora", seed=0, task="manuals_qa", scores=scores),
        )
    )
    found = [*judge(read_requirement("lora: k8s_qa.answer >= full"), elsewhere)]
    assert [(one.trained, one.lacking) for one in found] == [
        ("k8s_qa", Lacking.SHARED),
        ("manuals_qa", Lacking.LEVEL),
    ]
    (unscored,) = judge(read_requirement("lora on k8s_qa: manuals_qa.answer >= 0"), elsewhere)
    assert (unscored.holds, unscored.lacking) == (False, Lacking.SCORE)


def test_another_folder_gives_the_right_side(tmp_path: Path) -> None:
    new, old = plant(tmp_path / "new"), plant(tmp_path / "old", {"none": 0.1, "full": 0.5, "lora": 0.7})
    assert judged(new, "lora: k8s_qa.answer >= lora")["lora"].holds
    one = judged(new, "lora: k8s_qa.answer >= lora - 0.05", old)["lora"]
    mean = {name: stats.tmean([*row.values()]) for name, row in (("none", values(old, "none")[0]),)}
    new_lora, old_lora, old_full = (
        stats.tmean([value for row in values(folder, name).values() for value in row.values()])
        for folder, name in ((new, "lora"), (old, "lora"), (old, "full"))
    )
    assert one.difference
    assert not one.holds
    assert one.difference.value == pytest.approx(new_lora - old_lora + 0.05)
    share = judged(new, "k8s_qa.answer >= 90% of full's gain", old)
    assert set(share) == {"full", "lora", "layer_lora"}  # those of this folder, the row of that name too
    assert share["lora"].difference
    assert share["lora"].difference.value == pytest.approx(new_lora - 0.9 * old_full - 0.1 * mean["none"])


def test_a_score_that_is_no_mean_over_items_is_compared_without_an_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path)
    for path in tmp_path.glob("cells/*/scores/manuals_qa*.json"):
        record = json.loads(path.read_text())
        value = 30.0 if "base" in str(path) else 28.0
        whole = {"results": {"word_perplexity,none": value}, "lower_is_better": ["word_perplexity"]}
        write_sealed(path, {**record, **whole, "counts": {**record["counts"], "items": 7}})
    for text, lines in (
        ("lora: manuals_qa.word_perplexity <= none - 1", "28, level 29, difference -1; 7 items, 3 seeds"),
        ("lora: manuals_qa.word_perplexity surely < none", "too few groups of items differ for an interval"),
    ):
        assert main(["compare", str(tmp_path), "--require", text]) == ("surely" in text)
        assert capsys.readouterr().out.endswith(f"; {lines}\n")
    asked = "lora: manuals_qa.word_perplexty <= 30"
    assert main(["compare", str(tmp_path), "--require", asked]) == 2
    assert (
        "'word_perplexty' names no score of manuals_qa; did you mean word_perplexity?" in capsys.readouterr().err
    )


def test_every_requirement_has_its_line_and_one_that_does_not_hold_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(tmp_path, spread=0.0)
    lora, all_rows = "lora: k8s_qa.answer >= full - 0.05", "manuals_qa.answer >= 0.5"
    assert main(["compare", str(tmp_path), "--require", lora]) == 0
    assert capsys.readouterr().out == (
        f"holds: {lora} (lora, trained on k8s_qa); 0.58, level 0.55, difference +0.03; 40 items, 3 seeds\n"
    )
    assert main(["compare", str(tmp_path), "--require", lora, "--require", all_rows]) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == ["holds", "holds", "holds", "does not hold"]
    assert said[3] == (
        f"does not hold: {all_rows} (layer_lora, trained on k8s_qa); 0.3, level 0.5, difference -0.2; 40 items, "
        "3 seeds"
    )
    assert main(["compare", str(tmp_path), "--require", "lora: k8s_qa.answer surely >= none"]) == 1
    assert capsys.readouterr().out.endswith("3 seeds; too few groups of items differ for an interval\n")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path)
    write(tmp_path / "base", Made(adapter="none", seed=None, task=None))
    arguments = ["compare", str(tmp_path), str(tmp_path), "--score", "answer", "--require", "k8s_qa.answer = none"]
    for text in ("lorra: k8s_q.answer >= none", "lora on k8s: k8s_qa.answer >= 80% of fll's gain"):
        arguments += ["--require", text]
    assert main(arguments) == 2
    said = [line.removeprefix("medcot-bench: ") for line in capsys.readouterr().err.splitlines()]
    assert [line[:50] for line in said[:2]] == [
        "--require takes one result folder; one to compare ",
        "--baseline and --score are for the table: a requir",
    ]
    assert said[2].startswith("--require 'k8s_qa.answer = none' has none of >=, >, <= and <: ")
    known = "--require 'lorra: k8s_q.answer >= none': "
    assert said[3:5] == [
        f"{known}'lorra' names no single row; did you mean lora?",
        f"{known}'k8s_q' names no evaluation task; did you mean k8s_qa?",
    ]
    other = '--require "lora on k8s: k8s_qa.answer >= 80% of fll\'s gain": '
    assert said[5:] == [
        f"{other}'fll' names no single row; did you mean full?",
        f"{other}'k8s' names no training task; did you mean k8s_qa?",
    ]
    assert main(["compare", str(tmp_path / "base"), "--require", "k8s_qa.answer >= 0.5"]) == 2
    assert "has no adapter that it could be about" in capsys.readouterr().err
    assert main(["compare", str(tmp_path), "--against", str(tmp_path)]) == 2
    assert "--against is for --require" in capsys.readouterr().err


def test_another_version_of_a_task_is_refused_unless_no_requirement_compares_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots = [tmp_path / "new", tmp_path / "old"]
    for root in roots:
        plant(root)
    for path in roots[1].glob("cells/*/scores/k8s_qa*.json"):
        record = json.loads(path.read_text())
        write_sealed(path, {**record, "request": {"items": "other"}})
    for path in roots[1].glob("cells/*/cell.json"):
        record = json.loads(path.read_text())
        write_sealed(path, {**record, "request": {**record["request"], "train": "sha256:1"}})
    command = ["compare", str(roots[0]), "--against", str(roots[1])]
    assert main([*command, "--require", "lora: manuals_qa.answer >= lora"]) == 0
    assert main([*command, "--require", "lora: k8s_qa.answer >= 0.1"]) == 0
    capsys.readouterr()
    asked = [*command, "--require", "lora: k8s_qa.answer >= lora"]
    assert main(asked) == 3
    assert capsys.readouterr().err == (
        f"medcot-bench: {roots[0]} and {roots[1]} are not comparable: k8s_qa: different items; --force compares "
        "them all the same\n"
    )
    assert main([*asked, "--force"]) == 0
