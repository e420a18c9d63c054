"""The variances that are assumed without a pilot: those of the published studies, as they are in the records."""

from __future__ import annotations

import pytest
from published import RESULTS, names
from variances import pool, written

from medcot_bench.planning.estimates.assumed import FILE, assumed_variances, measured_budgets, read_published
from medcot_bench.results.folder import load
from medcot_bench.stats.power import GAP, Varying

SAME = Varying(GAP, "gold_nll", "k8s_qa", "k8s_qa")


@pytest.mark.slow
def test_they_are_what_the_published_studies_show() -> None:
    assert FILE.read_text(encoding="utf-8") == written(pool(load(RESULTS / name) for name in names()))


def test_every_effect_of_the_smallest_study_is_among_them() -> None:
    for tokens, effects in pool([load(RESULTS / "quick")]).items():
        assert read_published()[tokens].keys() >= effects.keys()
        for effect, found in effects.items():
            assert read_published()[tokens][effect].df >= found.df


def test_seeds_of_studies_with_one_token_budget_add_up() -> None:
    quick = load(RESULTS / "quick")
    (once,), (twice,) = pool([quick]).values(), pool([quick, quick]).values()
    assert twice[SAME].df == 2 * once[SAME].df
    assert twice[SAME].sets == once[SAME].sets
    assert twice[SAME].seed_bound < once[SAME].seed_bound


def test_those_of_the_nearest_token_budget_are_taken() -> None:
    known = read_published()
    for tokens in known:
        assert assumed_variances(tokens)[SAME] == known[tokens][SAME]
        assert assumed_variances(tokens + 1)[SAME] == known[tokens][SAME]
    assert assumed_variances(None)[SAME] == known[max(known)][SAME]
    every = {effect for effects in known.values() for effect in effects}
    assert assumed_variances(min(known)).keys() == every


def test_budgets_are_offered_at_which_all_effects_are_known() -> None:
    known = read_published()
    assert measured_budgets([SAME]) == [*known]
    assert measured_budgets([SAME, Varying(GAP, "gold_nll", "own", "own")]) == []
