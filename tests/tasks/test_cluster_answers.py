"""Every answer of k8s_qa, worked out again from the printed document and the words of the question."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import pytest
import yaml
from lanes import FAST_LOADER, draw

from medcot_tasks.bundled import LEVELS, SHIFTS, Level
from medcot_tasks.kubernetes.clusters import MANIFESTS, TABLES, document, examples
from medcot_tasks.reading import Document, Values

DRAWN = draw(quick=40, slow=120)
HARDNESS = pytest.mark.parametrize("hard", [False, True], ids=["basic", "hard"])
RANGES = pytest.mark.parametrize("unseen", [False, True], ids=["seen", "unseen"])


def documents(kind: str, *, hard: bool, unseen: bool, count: int = 100) -> Iterator[Document]:
    for number in range(count):
        yield document(kind, Values(random.Random(f"{kind} {number}"), unseen=unseen, hard=hard))


def spoken(question: str) -> list[str]:
    return [word.rstrip(".,:?") for word in question.split()]


def one(found: Any) -> Any:
    (single,) = found
    return single


def yes(condition: bool) -> str:
    return "yes" if condition else "no"


# --- manifests, read as YAML ---

Doc = dict[str, Any]


def at(doc: Any, path: str) -> Any:
    for key in path.split("/"):
        doc = doc[int(key)] if key.isdigit() else doc[key]
    return doc


def containers(doc: Doc) -> list[Doc]:
    found: list[Doc] = at(doc, "spec/template/spec/containers")
    return found


def gib(text: str) -> int:
    return int(text.removesuffix("Gi"))


CLAIMED = "spec/volumeClaimTemplates/0/spec/resources/requests/storage"
REQUESTED, CAPACITY = "spec/resources/requests/storage", "status/capacity/storage"
TIMEOUT = "spec/sessionAffinityConfig/clientIP/timeoutSeconds"
TARGET = "spec/metrics/0/resource/target/averageUtilization"
INGRESS, EGRESS = "spec/ingress/0", "spec/egress/0"
CLIENT, BACKEND = f"{INGRESS}/from/0/podSelector/matchLabels/app", f"{EGRESS}/to/0/podSelector/matchLabels/app"


def paths(doc: Doc) -> Iterator[tuple[str, str, int]]:
    for entry in at(doc, "spec/rules/0/http/paths"):
        service = entry["backend"]["service"]
        yield entry["path"], service["name"], service["port"]["number"]


def number(said: list[str]) -> int:
    return int(one(re.sub(r"\D", "", word) for word in said if re.fullmatch(r"\d+(Gi)?", word)))


def left(doc: Doc, kind: str) -> int:
    return int(doc["status"]["hard"][kind] - doc["status"]["used"][kind])


def resource(doc: Doc, said: list[str]) -> str:
    return str(one(kind for kind in doc["status"]["hard"] if kind in said))


def egress(doc: Doc) -> range:
    ports = at(doc, f"{EGRESS}/ports/0")
    return range(ports["port"], ports["endPort"] + 1)


def setting(doc: Doc, said: list[str]) -> str:
    return str(one(value for key, value in doc["data"].items() if key in said))


FIELDS: dict[tuple[str, str], str] = {
    ("deployment", "replicas"): "spec/replicas",
    ("stateful set", "service"): "spec/serviceName",
    ("stateful set", "image"): "spec/template/spec/containers/0/image",
    ("stateful set", "storage_class"): "spec/volumeClaimTemplates/0/spec/storageClassName",
    ("stateful set", "storage"): CLAIMED,
    ("stateful set", "claim"): "spec/volumeClaimTemplates/0/metadata/name",
    ("cron job", "policy"): "spec/concurrencyPolicy",
    ("cron job", "backoff"): "spec/jobTemplate/spec/backoffLimit",
    ("cron job", "image"): "spec/jobTemplate/spec/template/spec/containers/0/image",
    ("cron job", "failed_kept"): "spec/failedJobsHistoryLimit",
    ("autoscaler", "target"): "spec/scaleTargetRef/name",
    ("autoscaler", "most"): "spec/maxReplicas",
    ("autoscaler", "least"): "spec/minReplicas",
    ("autoscaler", "percent"): TARGET,
    ("autoscaler", "window"): "spec/behavior/scaleDown/stabilizationWindowSeconds",
    ("quota", "namespace"): "metadata/namespace",
    ("service", "type"): "spec/type",
    ("service", "selector"): "spec/selector/app",
    ("service", "timeout"): TIMEOUT,
    ("ingress", "host"): "spec/rules/0/host",
    ("ingress", "secret"): "spec/tls/0/secretName",
    ("policy", "client"): CLIENT,
    ("policy", "backend"): BACKEND,
    ("policy", "port"): f"{INGRESS}/ports/0/port",
    ("policy", "subject"): "spec/podSelector/matchLabels/app",
    ("claim", "class"): "spec/storageClassName",
    ("claim", "volume"): "spec/volumeName",
    ("claim", "mode"): "spec/accessModes/0",
    ("claim", "namespace"): "metadata/namespace",
    ("claim", "requested"): REQUESTED,
    ("claim", "capacity"): CAPACITY,
}
"""Kind of manifest and of question -> where the answer stands."""
READ: dict[tuple[str, str], Callable[[Doc, list[str]], Any]] = {
    ("deployment", "image_of_container"): lambda d, q: one(c["image"] for c in containers(d) if c["name"] in q),
    ("deployment", "container_port"): lambda d, q: one(
        c["ports"][0]["containerPort"] for c in containers(d) if c["name"] in q
    ),
    ("deployment", "container_of_image"): lambda d, q: one(c["name"] for c in containers(d) if c["image"] in q),
    ("deployment", "pods_in_update"): lambda d, q: (
        d["spec"]["replicas"] + at(d, "spec/strategy/rollingUpdate/maxSurge")
    ),
    ("deployment", "containers_in_all"): lambda d, q: d["spec"]["replicas"] * len(containers(d)),
    ("stateful set", "last_pod"): lambda d, q: f"{d['metadata']['name']}-{d['spec']['replicas'] - 1}",
    ("stateful set", "storage_in_all"): lambda d, q: f"{d['spec']['replicas'] * gib(at(d, CLAIMED))}Gi",
    ("cron job", "time_of_day"): lambda d, q: "{1:0>2}:{0:0>2}".format(*d["spec"]["schedule"].split()),
    ("cron job", "kept_in_all"): lambda d, q: (
        d["spec"]["failedJobsHistoryLimit"] + d["spec"]["successfulJobsHistoryLimit"]
    ),
    ("cron job", "which_history_is_longer"): lambda d, q: (
        "failed" if d["spec"]["failedJobsHistoryLimit"] > d["spec"]["successfulJobsHistoryLimit"] else "successful"
    ),
    ("autoscaler", "spread"): lambda d, q: d["spec"]["maxReplicas"] - d["spec"]["minReplicas"],
    ("autoscaler", "above_target"): lambda d, q: yes(number(q) > at(d, TARGET)),
    ("quota", "hard"): lambda d, q: d["status"]["hard"][resource(d, q)],
    ("quota", "used"): lambda d, q: d["status"]["used"][resource(d, q)],
    ("quota", "left"): lambda d, q: left(d, resource(d, q)),
    ("quota", "fits"): lambda d, q: yes(number(q) <= left(d, resource(d, q))),
    ("quota", "scarce"): lambda d, q: one(
        k for k in d["status"]["hard"] if left(d, k) == min(left(d, other) for other in d["status"]["hard"])
    ),
    ("service", "port_by_name"): lambda d, q: one(p["port"] for p in d["spec"]["ports"] if p["name"] in q),
    ("service", "target_of_port"): lambda d, q: one(
        p["targetPort"] for p in d["spec"]["ports"] if str(p["port"]) in q
    ),
    ("service", "name_of_target"): lambda d, q: one(
        p["name"] for p in d["spec"]["ports"] if str(p["targetPort"]) in q
    ),
    ("service", "minutes"): lambda d, q: at(d, TIMEOUT) // 60,
    ("ingress", "service_of_path"): lambda d, q: one(name for path, name, _ in paths(d) if path in q),
    ("ingress", "path_of_service"): lambda d, q: one(path for path, name, _ in paths(d) if name in q),
    ("ingress", "port_of_path"): lambda d, q: one(port for path, _, port in paths(d) if path in q),
    ("ingress", "service_of_port"): lambda d, q: one(name for _, name, port in paths(d) if str(port) in q),
    ("ingress", "url"): lambda d, q: (
        d["spec"]["rules"][0]["host"] + one(path for path, name, _ in paths(d) if name in q)
    ),
    ("policy", "may_connect"): lambda d, q: yes(
        at(d, CLIENT) in q and number(q) == at(d, f"{INGRESS}/ports/0/port")
    ),
    ("policy", "ports_in_range"): lambda d, q: len(egress(d)),
    ("policy", "port_in_range"): lambda d, q: yes(number(q) in egress(d)),
    ("claim", "beyond_request"): lambda d, q: f"{gib(at(d, CAPACITY)) - gib(at(d, REQUESTED))}Gi",
    ("claim", "free"): lambda d, q: f"{gib(at(d, CAPACITY)) - number(q)}Gi",
    ("claim", "fits"): lambda d, q: yes(number(q) <= gib(at(d, CAPACITY))),
    ("config map", "value"): setting,
    ("config map", "another_value"): setting,
    ("config map", "key"): lambda d, q: one(key for key, value in d["data"].items() if value in q),
    ("config map", "minutes"): lambda d, q: int(d["data"]["CACHE_TTL_SECONDS"]) // 60,
    ("config map", "connections_in_all"): lambda d, q: (
        int(d["data"]["MAX_CONNECTIONS"]) * int(d["data"]["WORKERS"])
    ),
}
"""Kind of manifest and of question -> the answer, from the parsed manifest and the words of the question."""
READ |= {key: lambda d, q, path=path: at(d, path) for key, path in FIELDS.items()}  # type: ignore[misc]
AMOUNTS: dict[str, Callable[[Doc], int]] = {
    "deployment": lambda d: d["spec"]["replicas"],
    "stateful set": lambda d: d["spec"]["replicas"],
    "cron job": lambda d: d["spec"]["jobTemplate"]["spec"]["backoffLimit"],
    "autoscaler": lambda d: d["spec"]["maxReplicas"],
    "quota": lambda d: d["status"]["hard"]["pods"],
    "service": lambda d: at(d, TIMEOUT),
    "ingress": lambda d: int(d["metadata"]["annotations"]["proxy-read-timeout"]),
    "policy": lambda d: len(egress(d)),
    "claim": lambda d: gib(at(d, REQUESTED)),
    "config map": lambda d: int(d["data"]["MAX_CONNECTIONS"]),
}
"""Kind of manifest -> what several of the kind are compared by."""


def by_yaml(entity: str, kind: str, docs: list[Doc], said: list[str]) -> list[str]:
    """Return the answer that each manifest gives which the question fits."""
    if kind.endswith("_over_all"):
        amounts = [AMOUNTS[entity](doc) for doc in docs]
        if kind == "sum_over_all":
            return [f"{sum(amounts)}{'Gi' if entity == 'claim' else ''}"]
        wanted = min(amounts) if kind.startswith("least") else max(amounts)
        return [doc["metadata"]["name"] for doc, amount in zip(docs, amounts, strict=True) if amount == wanted]
    # A wording may name a container or a port only; names are never used twice in an item.
    answers = []
    for doc in [doc for doc in docs if doc["metadata"]["name"] in said] or docs:
        try:
            answers.append(str(READ[entity, kind](doc, said)))
        except ValueError:
            continue
    return answers


@HARDNESS
@RANGES
@pytest.mark.parametrize("entity", MANIFESTS)
@DRAWN
def test_answers_about_manifests_are_what_their_yaml_says(
    entity: str, hard: bool, unseen: bool, count: int
) -> None:
    kinds = set()
    for made in documents(entity, hard=hard, unseen=unseen, count=count):
        assert made.text.count("\n---\n") == (2 if hard else 0)
        for question in made.questions:
            kinds.add(question.kind)
            for wording in question.wordings:
                found = worked_out(entity, question.kind, made.text, wording)
                assert found == [question.answer], (made.text, wording)
    over_all = {"sum_over_all", "least_over_all", "most_over_all"} if hard else set()
    assert kinds == over_all | {kind for of, kind in READ if of == entity}


# --- tables, read by their columns ---

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "Gi": 1, "Mi": 1, "%": 1, "": 1}
CHECKS: dict[str, Callable[[int, int], bool]] = {"below": lambda a, b: a < b, "above": lambda a, b: a > b}


def measure(text: str) -> int:
    found = re.fullmatch(r"(\d+)([a-zA-Z%]*)(/.*)?", text)
    assert found
    return int(found[1]) * UNITS[found[2]]


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", text)]


def passes(text: str, check: str) -> bool:
    return text != check.removeprefix("not ") if check.startswith("not ") else CHECKS[check](*numbers(text))


def by_columns(kind: str, key: str, rows: list[dict[str, str]], said: list[str]) -> list[str]:
    """Return the answer that each row gives which the question fits."""
    names = [row for row in rows if row[key] in said]
    if found := re.fullmatch(r"(.+) of row", kind):
        return [row[found[1]] for row in names]
    if found := re.fullmatch(r"row by (.+)", kind):
        return [row[key] for row in rows if row[found[1]] in said]
    if found := re.fullmatch(r"(most|least) (.+)", kind):
        amounts = [measure(row[found[2]]) for row in rows]
        end = max(amounts) if found[1] == "most" else min(amounts)
        return [row[key] for row, amount in zip(rows, amounts, strict=True) if amount == end]
    if found := re.fullmatch(r"(one|count) (.+?) (not .+|below|above)", kind):
        passed = [row[key] for row in rows if passes(row[found[2]], found[3])]
        return passed if found[1] == "one" else [str(len(passed))]
    if found := re.fullmatch(r"number (\d) in (.+)", kind):
        percent = "%" if "%" in rows[0][found[2]] else ""
        return [f"{numbers(row[found[2]])[int(found[1])]}{percent}" for row in names]
    if found := re.fullmatch(r"sum of (.+)", kind):
        cells = [row[found[1]] for row in names]
        assert len(cells) == 2
        unit = re.sub(r"\d", "", cells[0])
        return [f"{sum(int(cell.removesuffix(unit)) for cell in cells)}{unit}"]
    if found := re.fullmatch(r"missing in (.+)", kind):
        return [str(wanted - ready) for ready, wanted in (numbers(row[found[1]]) for row in names)]
    found = re.fullmatch(r"(.+) (before the last|before row|after row)", kind)
    assert found, kind
    if found[2] == "before the last":
        return [rows[-2][found[1]]]
    step = 1 if found[2] == "after row" else -1
    named = [place for place, row in enumerate(rows) if {row[key], row[found[1]]} & {*said}]
    return [rows[place + step][found[1]] for place in named]


@HARDNESS
@RANGES
@pytest.mark.parametrize("entity", TABLES)
@DRAWN
def test_answers_about_tables_are_what_their_columns_say(
    entity: str, hard: bool, unseen: bool, count: int
) -> None:
    for made in documents(entity, hard=hard, unseen=unseen, count=count):
        for question in made.questions:
            for wording in question.wordings:
                found = worked_out(entity, question.kind, made.text, wording)
                assert found == [question.answer], (made.text, wording)


# --- both ---


@lru_cache
def parsed(text: str) -> list[Doc]:
    return [*yaml.load_all(text, FAST_LOADER)]


def worked_out(entity: str, kind: str, text: str, question: str) -> list[str]:
    """Return the answers to a question on a document; there has to be one."""
    if entity in MANIFESTS:
        return by_yaml(entity, kind, parsed(text), spoken(question))
    command, *lines = text.splitlines()
    assert command.startswith("$ kubectl ")
    header, *rows = (re.split(r" {2,}", line) for line in lines)
    cells = [dict(zip(header, row, strict=True)) for row in rows]
    key = TABLES[entity].key
    assert len({row[key] for row in cells}) == len(cells)
    return by_columns(kind, key, cells, spoken(question))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("shift", ["", *SHIFTS])
@draw(quick=100, slow=400)
def test_items_ask_what_their_document_answers(level: Level, shift: str, count: int) -> None:
    for item in islice(examples("eval", shift, level), count):
        found = worked_out(item.meta["entity"], item.meta["kind"], item.context or "", item.question)
        assert found == [item.answer], item


# --- what an answer may be ---


@pytest.mark.parametrize("entity", [*MANIFESTS, *TABLES])
def test_a_length_of_time_answers_no_question_for_a_point_in_time(entity: str) -> None:
    for made in documents(entity, hard=True, unseen=False):
        for question in made.questions:
            if re.fullmatch(r"\d+[smhd]", question.answer) and "millicores" not in " ".join(question.wordings):
                assert not any(re.match(r"(since )?when\b", wording) for wording in question.wordings)


@RANGES
def test_an_autoscaler_is_asked_well_beyond_the_tenth_that_it_tolerates(unseen: bool) -> None:
    for made in documents("autoscaler", hard=False, unseen=unseen):
        target = at(yaml.safe_load(made.text), TARGET)
        for question in made.questions:
            if question.kind == "above_target":
                assert 100 * abs(number(spoken(question.wordings[0])) - target) >= 15 * target


@RANGES
def test_an_autoscaler_in_a_table_is_well_off_its_target(unseen: bool) -> None:
    for made in documents("autoscalers", hard=True, unseen=unseen):
        for line in made.text.splitlines()[2:]:
            used, target = numbers(line.split()[1])
            assert 100 * abs(used - target) >= 15 * target


@RANGES
def test_a_node_uses_the_share_of_whole_cores_that_it_shows(unseen: bool) -> None:
    for made in documents("node_use", hard=True, unseen=unseen):
        for line in made.text.splitlines()[2:]:
            millicores, percent = numbers(" ".join(line.split()[1:3]))
            assert millicores % (10 * percent) == 0


def test_revisions_have_no_gaps() -> None:
    for made in documents("revisions", hard=True, unseen=False):
        listed = [int(line.split()[0]) for line in made.text.splitlines()[2:]]
        assert listed == [*range(listed[0], listed[0] + len(listed))]
