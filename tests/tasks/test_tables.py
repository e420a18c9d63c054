"""Scoring tables: totals by hand, thresholds, wanted totals, patients that can be, and the form of the solutions.

Patients are made as items make them: a total of `options.window`, then `Table.problem`.
"""

import itertools
import random
from collections import Counter
from typing import get_args

import pytest
from lanes import draw

from medcot_tasks.bundled import Level
from medcot_tasks.medical.distractors import distractors
from medcot_tasks.medical.options import window
from medcot_tasks.medical.steps import holds, read
from medcot_tasks.medical.tables import TABLES, Table
from medcot_tasks.medical.tables.criteria import Measure, Pressures

LEVELS: tuple[Level, ...] = get_args(Level)
BY_NAME = {table.name: table for table in TABLES}
ALL = [variant for table in TABLES for variant in (table, table.sibling) if variant]
MEASURES = [(table, measure) for table in ALL for measure in table.criteria if isinstance(measure, Measure)]

PLAIN = {
    "cha2ds2_vasc": lambda f: (
        f.get("heart failure", False)
        + f.get("hypertension", False)
        + (2 if f["age"] >= 75 else 1 if f["age"] >= 65 else 0)
        + f.get("diabetes", False)
        + 2 * f.get("stroke or TIA", False)
        + f.get("vascular disease", False)
        + f["female"]
    ),
    "curb_65": lambda f: (
        f.get("confusion", False)
        + (f.get("BUN", 10) > 19)
        + (f.get("respiratory rate", 16) >= 30)
        + low_pressure(f.get("blood pressure", "120/80"))
        + (f["age"] >= 65)
    ),
    "qsofa": lambda f: (f["respiratory rate"] >= 22) + (f["systolic pressure"] <= 100) + (f["GCS"] < 15),
    "sirs": lambda f: (
        (f["temperature"] > 38 or f["temperature"] < 36)
        + (f["heart rate"] > 90)
        + (f["respiratory rate"] > 20)
        + (f["white cells"] > 12 or f["white cells"] < 4)
    ),
    "centor": lambda f: (
        (f.get("temperature", 37) > 38)
        + f["no cough"]
        + f.get("anterior nodes", False)
        + f.get("tonsils", False)
        + (1 if f["age"] < 15 else -1 if f["age"] >= 45 else 0)
    ),
    "wells_pe": lambda f: (
        3 * f.get("signs of DVT", False)
        + 3 * f.get("PE most likely", False)
        + 1.5 * (f.get("heart rate", 70) > 100)
        + 1.5 * f.get("immobile or surgery", False)
        + 1.5 * f.get("previous DVT or PE", False)
        + f.get("haemoptysis", False)
        + f.get("cancer", False)
    ),
    "child_pugh": lambda f: (
        (1 if f["bilirubin"] < 2 else 2 if f["bilirubin"] <= 3 else 3)
        + (1 if f["albumin"] > 3.5 else 2 if f["albumin"] >= 2.8 else 3)
        + (1 if f["INR"] < 1.7 else 2 if f["INR"] <= 2.3 else 3)
        + {"no ascites": 1, "slight ascites": 2, "moderate ascites": 3}[f["ascites"]]
        + (1 if "no" in f["encephalopathy"] else 2 if f["encephalopathy"][6] in "12" else 3)
    ),
    "rcri": lambda f: sum((value > 2) if name == "creatinine" else value for name, value in f.items()),
    "perc": lambda f: sum(
        {"age": value >= 50, "heart rate": value >= 100, "oxygen saturation": value < 95}.get(name, value)
        if isinstance(value, (int, float))
        else value
        for name, value in f.items()
    ),
}
"""Scores written plainly from the findings, what is not told being normal."""


def low_pressure(pressure):
    systolic, diastolic = map(int, pressure.split("/"))
    return systolic < 90 or diastolic <= 60


def problems(count, table, level, unseen_range=False):
    totals = table.totals(level)
    for number in range(count):
        rng = random.Random(f"{table.name} {level} {number}")
        total, _ = window(totals, rng)
        yield table.problem(rng, total, unseen_range, level)


@pytest.mark.parametrize("name", PLAIN)
def test_totals_are_those_of_the_score_written_plainly(name):
    table = BY_NAME[name]
    for level in LEVELS:
        totals = table.totals(level)
        for number, unseen in itertools.product(range(150), (False, True)):
            rng = random.Random(f"{name} {number}")
            total = rng.choice(totals)
            findings = table.patient(rng, total, unseen, level).findings
            assert PLAIN[name](findings) == total, (level, unseen, findings)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_total_can_be_asked_for_and_is_the_answer(table: Table):
    asked = [(total, level) for level in LEVELS for total in table.totals(level)]
    for (total, level), unseen in itertools.product(asked, (False, True)):
        problem = table.problem(random.Random(f"{total}"), total, unseen, level)
        assert float(problem.answer) == total
        patient = table.patient(random.Random(f"{total}"), total, unseen, level)
        assert table.total(patient.findings) == total
        assert problem.exact


def test_ranges_of_the_totals():
    totals = {table.name: table.totals("hard") for table in TABLES}
    assert {name: (lowest, highest) for name, (lowest, *_, highest) in totals.items()} == {
        "cha2ds2_vasc": (0, 9),
        "has_bled": (0, 9),
        "heart": (0, 10),
        "rcri": (0, 6),
        "wells_pe": (0, 12.5),
        "wells_dvt": (-2, 9),
        "perc": (0, 8),
        "curb_65": (0, 5),
        "qsofa": (0, 3),
        "sirs": (0, 4),
        "centor": (-1, 5),
        "feverpain": (0, 5),
        "child_pugh": (5, 15),
        "glasgow_blatchford": (0, 23),
        "sofa": (0, 24),
        "gcs": (3, 15),
        "apgar": (0, 10),
    }


def test_a_total_that_nobody_has_is_refused():
    with pytest.raises(ValueError, match="nobody has a total of 17"):
        BY_NAME["gcs"].problem(random.Random(0), 17, False, "basic")


THRESHOLDS = [
    # table, criterion, value -> points: at the threshold and one unit to either side
    ("cha2ds2_vasc", "age", {64: 0, 65: 1, 66: 1, 74: 1, 75: 2, 76: 2}),
    ("has_bled", "systolic pressure", {159: 0, 160: 0, 161: 1}),
    ("has_bled", "age", {64: 0, 65: 0, 66: 1}),
    ("has_bled", "drinks a week", {7: 0, 8: 1, 9: 1}),
    ("heart", "age", {44: 0, 45: 1, 64: 1, 65: 2}),
    ("heart", "risk factors", {0: 0, 1: 1, 2: 1, 3: 2}),
    ("heart", "troponin", {0.9: 0, 1.0: 0, 1.1: 1, 2.9: 1, 3.0: 1, 3.1: 2}),
    ("rcri", "creatinine", {1.9: 0, 2.0: 0, 2.1: 1}),
    ("wells_pe", "heart rate", {99: 0, 100: 0, 101: 1.5}),
    ("wells_dvt", "calf", {2.9: 0, 3.0: 0, 3.1: 1}),
    ("perc", "age", {49: 0, 50: 1, 51: 1}),
    ("perc", "heart rate", {99: 0, 100: 1, 101: 1}),
    ("perc", "oxygen saturation", {94: 1, 95: 0, 96: 0}),
    ("curb_65", "BUN", {18: 0, 19: 0, 20: 1}),
    ("curb_65", "respiratory rate", {29: 0, 30: 1, 31: 1}),
    ("curb_65", "age", {64: 0, 65: 1, 66: 1}),
    ("qsofa", "respiratory rate", {21: 0, 22: 1, 23: 1}),
    ("qsofa", "systolic pressure", {99: 1, 100: 1, 101: 0}),
    ("qsofa", "GCS", {13: 1, 14: 1, 15: 0}),
    ("sirs", "temperature", {35.9: 1, 36.0: 0, 36.1: 0, 37.9: 0, 38.0: 0, 38.1: 1}),
    ("sirs", "heart rate", {89: 0, 90: 0, 91: 1}),
    ("sirs", "respiratory rate", {19: 0, 20: 0, 21: 1}),
    ("sirs", "white cells", {3.9: 1, 4.0: 0, 4.1: 0, 11.9: 0, 12.0: 0, 12.1: 1}),
    ("centor", "temperature", {37.9: 0, 38.0: 0, 38.1: 1}),
    ("centor", "age", {3: 1, 14: 1, 15: 0, 16: 0, 44: 0, 45: -1, 46: -1}),
    ("feverpain", "days of illness", {2: 1, 3: 1, 4: 0}),
    ("child_pugh", "bilirubin", {1.9: 1, 2.0: 2, 2.1: 2, 2.9: 2, 3.0: 2, 3.1: 3}),
    ("child_pugh", "albumin", {2.7: 3, 2.8: 2, 2.9: 2, 3.4: 2, 3.5: 2, 3.6: 1}),
    ("child_pugh", "INR", {1.6: 1, 1.7: 2, 1.8: 2, 2.2: 2, 2.3: 2, 2.4: 3}),
    ("glasgow_blatchford", "BUN", {18.1: 0, 18.2: 2, 22.3: 2, 22.4: 3, 27.9: 3, 28: 4, 70: 4, 70.1: 6}),
    ("glasgow_blatchford", "haemoglobin", {9.9: 6, 10.0: 3, 11.9: 3, 12.0: 1, 12.9: 1, 13.0: 0}),
    ("glasgow_blatchford", "systolic pressure", {89: 3, 90: 2, 99: 2, 100: 1, 109: 1, 110: 0}),
    ("glasgow_blatchford", "heart rate", {99: 0, 100: 1, 101: 1}),
    ("sofa", "lungs", {99: 4, 100: 3, 199: 3, 199.5: 3, 200: 2, 299: 2, 300: 1, 399: 1, 400: 0}),
    ("sofa", "platelets", {19: 4, 20: 3, 49: 3, 50: 2, 99: 2, 100: 1, 149: 1, 150: 0}),
    ("sofa", "liver", {1.1: 0, 1.2: 1, 1.9: 1, 2.0: 2, 5.9: 2, 6.0: 3, 11.9: 3, 12: 4}),
    ("sofa", "brain", {15: 0, 14: 1, 13: 1, 12: 2, 10: 2, 9: 3, 6: 3, 5: 4}),
    ("sofa", "kidneys", {1.1: 0, 1.2: 1, 1.9: 1, 2.0: 2, 3.4: 2, 3.5: 3, 4.9: 3, 5.0: 4}),
    ("apgar", "pulse", {0: 0, 1: 1, 99: 1, 100: 2, 101: 2}),
]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_points_at_a_threshold_and_on_either_side(table):
    criteria = {each.name: each for each in table.criteria}
    for name, criterion, points in THRESHOLDS:
        if name == table.name:
            measure = criteria[criterion]
            assert {value: measure.grade(value).points for value in points} == points, criterion


def test_every_measured_criterion_has_its_thresholds_tested():
    tested = {(name, criterion) for name, criterion, _ in THRESHOLDS}
    assert {(table.name, measure.name) for table, measure in MEASURES} == tested


def test_haemoglobin_of_women_has_its_own_thresholds():
    women = BY_NAME["glasgow_blatchford"].sibling
    measure = next(each for each in women.criteria if each.name == "haemoglobin")
    points = {9.9: 6, 10.0: 1, 11.9: 1, 12.0: 0, 12.9: 0}
    assert {value: measure.grade(value).points for value in points} == points


def test_a_low_pressure_is_one_below_90_or_with_a_diastolic_up_to_60():
    criterion = next(each for each in BY_NAME["curb_65"].criteria if isinstance(each, Pressures))
    points = {"90/61": 0, "89/61": 1, "90/60": 1, "91/59": 1, "140/60": 1, "140/61": 0}
    assert {pressure: criterion.grade(pressure).points for pressure in points} == points


def test_syncope_liver_and_heart_disease_count_2_in_glasgow_blatchford():
    for finding in ("syncope", "liver disease", "heart failure"):
        assert BY_NAME["glasgow_blatchford"].total({finding: True}) == 2, finding


def test_an_untestable_verbal_response_is_never_told():
    told = {told for scale in BY_NAME["gcs"].criteria for told, _ in scale.degrees}
    assert not any("untestable" in text or "intubated" in text for text in told)


def has(facts, *texts):
    return [text for text in texts if any(text in fact for fact in facts)]


def contradictions(facts):
    """What a clinician would not believe of a newborn, or of a patient whose consciousness is scored."""
    if has(facts, "pulse 0/min"):
        yield from has(
            facts, "pink", "grimaces", "cries", "flexion", "active movement", "slow irregular breathing"
        )
        yield from has(facts, "strong cry")
    if has(facts, "not breathing"):
        yield from has(facts, "pink all over", "cries when stimulated", "active movement")
    if has(facts, "limp", "no response to stimulation"):
        yield from has(facts, "strong cry")
    if has(facts, "limp"):
        yield from has(facts, "cries when stimulated")
    if has(facts, "no response to stimulation"):
        yield from has(facts, "active movement")
    if has(facts, "strong cry"):
        yield from has(facts, *(f"pulse {rate}/min" for rate in range(100)))
    if has(facts, "does not open the eyes"):
        yield from has(facts, "is oriented", "talks confusedly", "says single words", "obeys commands")
    if has(facts, "opens the eyes to pain"):
        yield from has(facts, "is oriented", "talks confusedly", "obeys commands")
    if has(facts, "is oriented"):
        yield from has(facts, "localises", "withdraws", "flexes", "extends", "does not move")
    if has(facts, "talks confusedly", "says single words"):
        yield from has(facts, "flexes abnormally", "extends to pain", "does not move")


@pytest.mark.parametrize("name", ["apgar", "gcs"])
def test_no_patient_contradicts_himself_and_yet_every_total_has_its_patients(name):
    table = BY_NAME[name]
    for total, level in itertools.product(table.totals("hard"), LEVELS):
        for number in range(60):
            problem = table.problem(random.Random(number), total, False, level)
            assert float(problem.answer) == total
            assert not list(contradictions(problem.facts)), problem.facts


def test_contradictions_are_seen():
    assert list(contradictions(["pulse 0/min", "grimaces", "not breathing"])) == ["grimaces"]
    assert list(contradictions(["does not open the eyes", "is oriented"])) == ["is oriented"]


def test_who_is_ventilated_is_not_said_to_be_under_sedation():
    for problem in problems(200, BY_NAME["sofa"], "hard"):
        assert not has(problem.facts, "mechanical", "sedat", "intubat")


def test_nobody_in_a_coma_scores_his_pain():
    for avoid in ("GCS 7", "the Glasgow Coma Scale score", "grade 4 encephalopathy"):
        for number in range(50):
            assert not has(distractors(random.Random(number), 3, [avoid]), "pain"), avoid


@pytest.mark.parametrize("table", ALL, ids=lambda table: f"{table.name} {table.person}".strip())
def test_values_told_come_to_the_grade_and_keep_off_the_thresholds(table):
    measures = [measure for measure in table.criteria if isinstance(measure, Measure)]
    for measure, level, unseen in itertools.product(measures, LEVELS, (False, True)):
        for band, number in itertools.product(measure.bands, range(40)):
            grade = next(grade for grade in measure.grades if grade.name == band.name)
            told = measure.tell(random.Random(number), grade, unseen, level)
            assert measure.grade(told.finding) == grade, (measure.name, level, unseen, told)
            assert all(holds(step) for step in told.conversion), (measure.name, told)


def test_unseen_values_lie_outside_the_range_of_training_where_a_band_has_room():
    for table, measure in MEASURES:
        for band in measure.bands:
            apart = band.unseen[1] < band.seen[0] or band.unseen[0] > band.seen[1]
            assert apart or band.unseen == band.seen, (table.name, measure.name, band)
        differ = any(band.unseen != band.seen for band in measure.bands)
        assert differ or measure.name == "risk factors", (table.name, measure.name)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@draw(quick=40, slow=150)
def test_solutions_hold_can_be_read_and_end_in_the_answer(table, count):
    for level, unseen in itertools.product(LEVELS, (False, True)):
        for problem in problems(count, table, level, unseen):
            assert all(holds(step) for step in problem.steps), problem
            assert read("\n".join(step.text for step in problem.steps)) == list(problem.steps)
            assert problem.steps[-1].value == problem.answer
            assert len(set(problem.facts)) == len(problem.facts), problem


@pytest.mark.parametrize(
    "level", ["basic", *(pytest.param(level, marks=pytest.mark.slow) for level in LEVELS[1:])]
)
def test_the_totals_offered_are_neighbours_that_patients_have_and_each_is_right_as_often(level):
    for table in TABLES:
        totals = table.totals(level)
        rng = random.Random(0)
        drawn = [window(totals, rng) for _ in range(400 * len(totals))]
        ranks = Counter(values.index(f"{total:g}") for total, values in drawn)
        assert {total for total, _ in drawn} == set(totals), (table.name, level)
        for _, values in drawn:
            start = totals.index(float(values[0]))
            assert [float(value) for value in values] == totals[start : start + 4]
        assert max(ranks.values()) < 1.3 * min(ranks.values()), (table.name, level)


def test_basic_problems_tell_few_findings_and_count_few_points():
    for table in TABLES:
        if table.basic:
            for problem in problems(100, table, "basic"):
                assert 1 <= len(problem.facts) <= 7
                assert len(problem.steps) <= 7
                assert table.scale or float(problem.answer) <= 5


def test_problems_depend_on_the_random_numbers_alone():
    for table in TABLES:
        assert list(problems(10, table, "hard")) == list(problems(10, table, "hard"))
        assert len({problem.facts for problem in problems(50, table, "hard")}) > 40 or table.name in (
            "gcs",
            "qsofa",
        )
