"""Documents on invented clusters, manifests and tables, with questions: the bundled items of k8s_qa."""

from __future__ import annotations

from collections.abc import Iterator

from medcot_bench import Example, Split
from medcot_tasks.bundled import Family, Level
from medcot_tasks.kubernetes.clusters import resource_tables, resources, workload_tables, workloads
from medcot_tasks.kubernetes.clusters.manifest import Maker, manifest_document
from medcot_tasks.kubernetes.clusters.table import TableKind, table_document
from medcot_tasks.reading import Document, Values, make_examples

MANIFESTS: dict[str, Maker] = {
    "deployment": workloads.deployment,
    "stateful set": workloads.stateful_set,
    "cron job": workloads.cron_job,
    "autoscaler": workloads.autoscaler,
    "quota": workloads.quota,
    "service": resources.service,
    "ingress": resources.ingress,
    "policy": resources.network_policy,
    "claim": resources.volume_claim,
    "config map": resources.config_map,
}
"""What questions call a kind of manifest -> how it is made."""
TABLES: dict[str, TableKind] = {
    "pods": workload_tables.PODS,
    "nodes": resource_tables.NODES,
    "deployments": workload_tables.DEPLOYMENTS,
    "claims": resource_tables.CLAIMS,
    "events": resource_tables.EVENTS,
    "pod_use": workload_tables.POD_USE,
    "node_use": resource_tables.NODE_USE,
    "jobs": workload_tables.JOBS,
    "revisions": workload_tables.REVISIONS,
    "services": resource_tables.SERVICES,
    "autoscalers": workload_tables.AUTOSCALERS,
}
"""Kind of table -> how it is made. The order is part of which kinds are held out."""
FAMILY = Family("k8s_qa", 1, [*MANIFESTS, *TABLES])
FRAMES = (
    "{Q}",
    "Look at the cluster above: {q}",
    "I am on call and short of time. {Q}",
    "Before anything is changed here, {q}",
)
"""What the questions are put into; the last two are not seen in training."""


def examples(split: Split, shift: str = "", level: Level = "basic", seed: int = 0) -> Iterator[Example]:
    """Yield questions on invented clusters without end."""
    return make_examples(FAMILY.draws(split, shift=shift, level=level, seed=seed), document, FRAMES)


def document(kind: str, values: Values) -> Document:
    """Return a random document of a kind."""
    if kind in TABLES:
        return table_document(TABLES[kind], values)
    return manifest_document(kind, MANIFESTS[kind], values)
