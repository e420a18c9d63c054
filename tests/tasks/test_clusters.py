"""What holds for both tasks with a document and a short answer; then k8s_qa's answers, read from YAML and tables.

After a change that is meant (raise the family's version), make the golden files again:
UPDATE_GOLDEN=1 python -m pytest tests/tasks/test_clusters.py
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from medcot_bench import Example
from medcot_bench.data.text import normalise
from medcot_tasks.bundled import SEEN_TEMPLATES, SHIFTS, TEMPLATES
from medcot_tasks.kubernetes import clusters
from medcot_tasks.kubernetes.clusters.tables import TABLES
from medcot_tasks.kubernetes.k8s_qa import K8sQA
from medcot_tasks.kubernetes.k8s_qa import medcot_make_task as make_k8s
from medcot_tasks.manuals import devices
from medcot_tasks.manuals.manuals_qa import ManualsQA
from medcot_tasks.manuals.manuals_qa import medcot_make_task as make_manuals
from medcot_tasks.reading import Values
from medcot_tasks.text_answer import score_text

GOLDEN = Path(__file__).parent / "golden"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))
BOTH = pytest.mark.parametrize("made", [clusters, devices], ids=["k8s_qa", "manuals_qa"])


def take(made: ModuleType, count: int, split: str = "train", **options: Any) -> list[Example]:
    return list(islice(made.examples(split, **options), count))


def holds(text: str, part: str) -> bool:
    return f" {normalise(part)} " in f" {normalise(text)} "


# --- both tasks ---


@BOTH
def test_items_are_the_same_each_time_and_others_with_another_seed(made: ModuleType) -> None:
    assert take(made, 200) == take(made, 200)
    assert take(made, 50) != take(made, 50, seed=1)


@BOTH
def test_items_go_on_and_nearly_all_differ(made: ModuleType) -> None:
    items = take(made, 10_000)
    assert len({item.id for item in items}) == 10_000
    assert len({(item.context, item.question) for item in items}) > 9_800


@BOTH
def test_the_first_items_are_the_golden_ones(made: ModuleType) -> None:
    items = [*take(made, 12), *take(made, 6, "eval"), *take(made, 4, level="hard")]
    items += [item for shift in SHIFTS for item in take(made, 4, "eval", shift=shift)]
    found = "".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items)
    golden = GOLDEN / f"{made.FAMILY.name}.jsonl"
    if UPDATE:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("task", [K8sQA(), ManualsQA()], ids=["k8s_qa", "manuals_qa"])
def test_gold_scores_one_on_every_score(task: K8sQA | ManualsQA) -> None:
    for item in islice(task.examples("train"), 300):
        assert task.score(item, task.target(item).text) == {"answer": 1.0, "exact": 1.0}


def test_a_part_of_the_answer_scores_in_part_and_is_not_exact() -> None:
    assert score_text("30 minutes", "30 hours") == {"answer": 0.5, "exact": 0.0}
    assert score_text("30 minutes", " \n") == {"answer": None, "exact": None}


@BOTH
@pytest.mark.parametrize("level", ["basic", "hard"])
@pytest.mark.parametrize("shift", ["", *SHIFTS])
def test_questions_do_not_hold_their_answer_and_have_no_gaps(made: ModuleType, level: str, shift: str) -> None:
    for item in take(made, 500, "eval", level=level, shift=shift):
        assert item.context
        assert not holds(item.question, item.answer), item.question
        assert not re.search(r"[{}]|None|  ", item.question), item.question
        assert not re.search(r"[{}]|None", item.context), item.context
        assert item.question[0].isupper()
        assert item.question[-1] in "?."


@BOTH
@pytest.mark.parametrize("level", ["basic", "hard"])
def test_what_is_looked_up_stands_in_the_document(made: ModuleType, level: str) -> None:
    for item in take(made, 2000, level=level):
        if item.meta["depth"] != "steps" and item.answer not in ("yes", "no", "failed", "successful"):
            assert holds(item.context or "", item.answer), item


@BOTH
def test_the_six_phrasings_of_every_question_differ(made: ModuleType) -> None:
    for item in take(made, 300):
        kind = item.meta["entity"]
        for question in made.document(kind, Values(random.Random(item.id))).questions:
            phrased = {question.phrased(template, made.FRAMES) for template in range(TEMPLATES)}
            assert len(phrased) == TEMPLATES
            assert question.wordings[2] not in question.wordings[:2]


@BOTH
def test_unseen_templates_share_no_phrasing_with_training(made: ModuleType) -> None:
    for item in take(made, 100):
        for question in made.document(item.meta["entity"], Values(random.Random(item.id))).questions:
            seen = {question.phrased(template, made.FRAMES) for template in range(SEEN_TEMPLATES)}
            assert not seen & {question.phrased(n, made.FRAMES) for n in range(SEEN_TEMPLATES, TEMPLATES)}


@BOTH
def test_each_entity_has_four_kinds_of_questions_or_more(made: ModuleType) -> None:
    kinds: dict[str, set[str]] = {}
    for item in [*take(made, 3000), *take(made, 600, "eval", shift="unseen_entity")]:
        kinds.setdefault(item.meta["entity"], set()).add(item.meta["kind"])
    assert set(kinds) == set(made.FAMILY.entities)
    assert len(kinds) >= 14
    assert min(map(len, kinds.values())) >= 4


@BOTH
@pytest.mark.parametrize("level", ["basic", "hard"])
def test_no_constant_answer_is_often_right_and_yes_is_as_frequent_as_no(made: ModuleType, level: str) -> None:
    answers = Counter(item.answer for item in take(made, 6000, level=level))
    assert answers.most_common(1)[0][1] < 0.15 * 6000
    assert answers["yes"] / (answers["yes"] + answers["no"]) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("make", [make_k8s, make_manuals], ids=["k8s_qa", "manuals_qa"])
def test_a_name_with_a_shift_makes_its_items(make: Callable[..., K8sQA | ManualsQA]) -> None:
    item = next(iter(make("x@unseen_template", {"level": "hard", "seed": 3}).examples("eval")))
    assert "-unseen_template-hard-3-" in item.id


def test_without_context_there_is_nothing_to_read_and_no_source() -> None:
    task = K8sQA(context="none")
    assert list(task.examples("train")) == []
    assert (task.spec.sources, task.spec.shifts, task.spec.pool) == ({}, (), {})


# --- unseen values ---


def test_names_and_ports_of_unseen_range_are_in_no_training_item() -> None:
    def read(items: list[Example]) -> tuple[set[str], set[int]]:
        found = [yaml.safe_load(i.context or "") for i in items if i.meta["entity"] == "service"]
        ports = {
            port
            for doc in found
            for entry in doc["spec"]["ports"]
            for port in (entry["port"], entry["targetPort"])
        }
        return {doc["metadata"]["name"] for doc in found}, ports

    names, ports = read(take(clusters, 2000))
    other_names, other_ports = read(take(clusters, 2000, "eval", shift="unseen_range"))
    assert names
    assert other_names
    assert not names & other_names
    assert not ports & other_ports


@pytest.mark.parametrize("unseen", [False, True])
def test_values_keep_to_their_third_of_a_pool_and_their_side_of_a_range(unseen: bool) -> None:
    values = Values(random.Random("values"), unseen=unseen)
    assert {values.pick("abcdef") for _ in range(200)} == set("ef" if unseen else "abcd")
    assert {values.number(10, 30, 5) for _ in range(200)} == set(range(35, 60, 5) if unseen else range(10, 35, 5))


# --- manifests, read as YAML ---

Doc = dict[str, Any]


def containers(doc: Doc) -> list[Doc]:
    found: list[Doc] = doc["spec"]["template"]["spec"]["containers"]
    return found


def gib(text: str) -> int:
    return int(text.removesuffix("Gi"))


def claimed(doc: Doc) -> int:
    (template,) = doc["spec"]["volumeClaimTemplates"]
    return gib(template["spec"]["resources"]["requests"]["storage"])


def one(found: Any) -> Any:
    (single,) = found
    return single


def paths(doc: Doc) -> Iterator[tuple[str, str, int]]:
    for entry in doc["spec"]["rules"][0]["http"]["paths"]:
        service = entry["backend"]["service"]
        yield entry["path"], service["name"], service["port"]["number"]


def yes(condition: bool) -> str:
    return "yes" if condition else "no"


def number(said: list[str]) -> int:
    return int(one(re.sub(r"\D", "", word) for word in said if re.fullmatch(r"\d+(Gi)?", word)))


def left(doc: Doc, kind: str) -> int:
    return int(doc["status"]["hard"][kind] - doc["status"]["used"][kind])


def resource(doc: Doc, said: list[str]) -> str:
    return str(one(kind for kind in doc["status"]["hard"] if kind in said))


READ: dict[tuple[str, str], Callable[[Doc, list[str]], Any]] = {
    ("deployment", "image_of_container"): lambda d, q: one(c["image"] for c in containers(d) if c["name"] in q),
    ("deployment", "container_port"): lambda d, q: one(
        c["ports"][0]["containerPort"] for c in containers(d) if c["name"] in q
    ),
    ("deployment", "replicas"): lambda d, q: d["spec"]["replicas"],
    ("deployment", "container_of_image"): lambda d, q: one(c["name"] for c in containers(d) if c["image"] in q),
    ("deployment", "pods_in_update"): lambda d, q: (
        d["spec"]["replicas"] + d["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    ),
    ("deployment", "containers_in_all"): lambda d, q: d["spec"]["replicas"] * len(containers(d)),
    ("stateful set", "last_pod"): lambda d, q: f"{d['metadata']['name']}-{d['spec']['replicas'] - 1}",
    ("stateful set", "storage_in_all"): lambda d, q: f"{d['spec']['replicas'] * claimed(d)}Gi",
    ("stateful set", "claim"): lambda d, q: d["spec"]["volumeClaimTemplates"][0]["metadata"]["name"],
    ("cron job", "time_of_day"): lambda d, q: "{1:0>2}:{0:0>2}".format(*d["spec"]["schedule"].split()),
    ("cron job", "kept_in_all"): lambda d, q: (
        d["spec"]["failedJobsHistoryLimit"] + d["spec"]["successfulJobsHistoryLimit"]
    ),
    ("cron job", "which_history_is_longer"): lambda d, q: (
        "failed" if d["spec"]["failedJobsHistoryLimit"] > d["spec"]["successfulJobsHistoryLimit"] else "successful"
    ),
    ("autoscaler", "spread"): lambda d, q: d["spec"]["maxReplicas"] - d["spec"]["minReplicas"],
    ("autoscaler", "above_target"): lambda d, q: yes(
        number(q) > d["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"]
    ),
    ("quota", "left"): lambda d, q: left(d, resource(d, q)),
    ("quota", "fits"): lambda d, q: yes(number(q) <= left(d, resource(d, q))),
    ("quota", "scarce"): lambda d, q: min(d["status"]["hard"], key=lambda kind: left(d, kind)),
    ("service", "target_of_port"): lambda d, q: one(
        p["targetPort"] for p in d["spec"]["ports"] if str(p["port"]) in q
    ),
    ("service", "name_of_target"): lambda d, q: one(
        p["name"] for p in d["spec"]["ports"] if str(p["targetPort"]) in q
    ),
    ("service", "minutes"): lambda d, q: (
        f"{d['spec']['sessionAffinityConfig']['clientIP']['timeoutSeconds'] // 60} minutes"
    ),
    ("ingress", "service_of_path"): lambda d, q: one(name for path, name, _ in paths(d) if path in q),
    ("ingress", "port_of_path"): lambda d, q: one(port for path, _, port in paths(d) if path in q),
    ("ingress", "url"): lambda d, q: (
        d["spec"]["rules"][0]["host"] + one(path for path, name, _ in paths(d) if name in q)
    ),
    ("policy", "may_connect"): lambda d, q: yes(
        d["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app"] in q
    ),
    ("policy", "ports_in_range"): lambda d, q: (
        d["spec"]["egress"][0]["ports"][0]["endPort"] - d["spec"]["egress"][0]["ports"][0]["port"] + 1
    ),
    ("policy", "port_in_range"): lambda d, q: yes(
        d["spec"]["egress"][0]["ports"][0]["port"] <= number(q) <= d["spec"]["egress"][0]["ports"][0]["endPort"]
    ),
    ("claim", "beyond_request"): lambda d, q: (
        f"{gib(d['status']['capacity']['storage']) - gib(d['spec']['resources']['requests']['storage'])}Gi"
    ),
    ("claim", "free"): lambda d, q: f"{gib(d['status']['capacity']['storage']) - number(q)}Gi",
    ("claim", "fits"): lambda d, q: yes(number(q) <= gib(d["status"]["capacity"]["storage"])),
    ("config map", "value"): lambda d, q: one(value for key, value in d["data"].items() if key in q),
    ("config map", "key"): lambda d, q: one(key for key, value in d["data"].items() if value in q),
    ("config map", "minutes"): lambda d, q: f"{int(d['data']['CACHE_TTL_SECONDS']) // 60} minutes",
}
"""Kind of manifest and of question -> the answer, from the parsed manifest and the words of the question."""


def spoken(question: str) -> list[str]:
    return [word.rstrip(".,:?") for word in question.split()]


@pytest.mark.parametrize("level", ["basic", "hard"])
@pytest.mark.parametrize("shift", ["", "unseen_template", "unseen_range"])
def test_answers_about_manifests_are_what_their_yaml_says(level: str, shift: str) -> None:
    checked = set()
    for item in take(clusters, 4000, "eval", level=level, shift=shift):
        key = (item.meta["entity"], item.meta["kind"])
        if key not in READ:
            continue
        said = spoken(item.question)
        docs = [*yaml.safe_load_all(item.context or "")]
        named = [doc for doc in docs if doc["metadata"]["name"] in said]
        # A wording may name a container or a port only; names are never used twice in an item.
        assert len(docs) == (3 if level == "hard" else 1)
        answers = []
        for doc in named or docs:
            try:
                answers.append(str(READ[key](doc, said)))
            except ValueError:
                continue
        assert answers == [item.answer], item
        checked.add(key)
    held_out = set(clusters.FAMILY.held_out)
    assert checked == {key for key in READ if key[0] not in held_out}


# --- tables, read by their columns ---

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "Gi": 1, "Mi": 1, "%": 1, "/TCP": 1, "": 1}


def measure(text: str) -> int:
    found = re.fullmatch(r"(\d+)(.*)", text)
    assert found
    return int(found[1]) * UNITS[found[2]]


def expected(kind: str, key: str, rows: list[dict[str, str]], said: list[str]) -> str:
    names = [row for row in rows if row[key] in said]
    what, _, column = kind.partition(" ")
    if kind.endswith(" of row"):
        return str(one(names)[kind.removesuffix(" of row")])
    if kind.startswith("row by "):
        return str(one(row[key] for row in rows if row[kind.removeprefix("row by ")] in said))
    if what in ("most", "least"):
        ranked = sorted(rows, key=lambda row: measure(row[column]), reverse=what == "most")
        assert measure(ranked[0][column]) != measure(ranked[1][column])
        return ranked[0][key]
    if what == "not":
        return str(one(row[key] for row in rows if column not in row.values()))
    if kind.startswith("count not "):
        return str(sum(kind.removeprefix("count not ") not in row.values() for row in rows))
    if kind.startswith("sum of "):
        cells = [row[kind.removeprefix("sum of ")] for row in names]
        assert len(cells) == 2
        unit = re.sub(r"\d", "", cells[0])
        return f"{sum(int(cell.removesuffix(unit)) for cell in cells)}{unit}"
    if what == "incomplete":
        return str(one(row[key] for row in rows if len({*row[column].split("/")}) == 2))
    if kind.startswith("missing in "):
        ready, wanted = one(names)[kind.removeprefix("missing in ")].split("/")
        return str(int(wanted) - int(ready))
    column, _, place = kind.partition(" before ")
    return rows[(len(rows) if place == "the last" else rows.index(one(names)) + 1) - 2][column]


@pytest.mark.parametrize("level", ["basic", "hard"])
@pytest.mark.parametrize("shift", ["", "unseen_template", "unseen_range", "unseen_entity"])
def test_answers_about_tables_are_what_their_columns_say(level: str, shift: str) -> None:
    for item in take(clusters, 3000, "eval", level=level, shift=shift):
        if item.meta["entity"] not in TABLES:
            continue
        command, *lines = (item.context or "").splitlines()
        assert command.startswith("$ kubectl ")
        header, *rows = (re.split(r" {2,}", line) for line in lines)
        cells = [dict(zip(header, row, strict=True)) for row in rows]
        key = TABLES[item.meta["entity"]].key
        assert len({row[key] for row in cells}) == len(cells)
        assert expected(item.meta["kind"], key, cells, spoken(item.question)) == item.answer, item
