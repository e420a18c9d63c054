"""What kubectl's flags, subcommands and resource names are also called, and which flags take no value."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RESOURCES = """
    pods pod po; services service svc; deployments deployment deploy; replicasets replicaset rs;
    statefulsets statefulset sts; daemonsets daemonset ds; jobs job; cronjobs cronjob cj; configmaps configmap cm;
    secrets secret; serviceaccounts serviceaccount sa; namespaces namespace ns; nodes node no;
    persistentvolumes persistentvolume pv; persistentvolumeclaims persistentvolumeclaim pvc;
    ingresses ingress ing; ingressclasses ingressclass; networkpolicies networkpolicy netpol;
    endpoints ep; endpointslices endpointslice; events event ev;
    horizontalpodautoscalers horizontalpodautoscaler hpa;
    poddisruptionbudgets poddisruptionbudget pdb; resourcequotas resourcequota quota;
    limitranges limitrange limits;
    roles role; rolebindings rolebinding; clusterroles clusterrole; clusterrolebindings clusterrolebinding;
    storageclasses storageclass sc; replicationcontrollers replicationcontroller rc;
    priorityclasses priorityclass pc; customresourcedefinitions customresourcedefinition crd crds;
    certificatesigningrequests certificatesigningrequest csr
"""
RESOURCES: Mapping[str, str] = {
    name: names.split()[0] for names in _RESOURCES.split(";") for name in names.split()
}
"""Every name of a resource type -> its plural."""

_GROUPS = """
    apps: deployments replicasets statefulsets daemonsets; batch: jobs cronjobs; policy: poddisruptionbudgets;
    autoscaling: horizontalpodautoscalers; networking.k8s.io: ingresses ingressclasses networkpolicies;
    rbac.authorization.k8s.io: roles rolebindings clusterroles clusterrolebindings;
    storage.k8s.io: storageclasses; scheduling.k8s.io: priorityclasses; discovery.k8s.io: endpointslices;
    apiextensions.k8s.io: customresourcedefinitions; certificates.k8s.io: certificatesigningrequests
"""
GROUPS: Mapping[str, str] = {
    kind: group.strip()
    for group, _, kinds in (part.partition(":") for part in _GROUPS.split(";"))
    for kind in kinds.split()
}
"""Plural of a resource type -> its API group; the core group has none."""
_NOT_V1 = frozenset({"autoscaling"})

SUBCOMMANDS: Mapping[str, Mapping[str, str]] = {
    "apply": {name: name for name in ("edit-last-applied", "set-last-applied", "view-last-applied")},
    "cluster-info": {"dump": "dump"},
    "config": {"use": "use-context"},
    "create": {
        "cj": "cronjob",
        "cm": "configmap",
        "deploy": "deployment",
        "ing": "ingress",
        "ns": "namespace",
        "pc": "priorityclass",
        "pdb": "poddisruptionbudget",
        "resourcequota": "quota",
        "sa": "serviceaccount",
        "svc": "service",
    },
    "rollout": {},
    "set": {"sa": "serviceaccount"},
    "top": {"node": "nodes", "no": "nodes", "pod": "pods", "po": "pods"},
}
"""Verb with subcommands -> another name of a subcommand -> its name."""
HAS_OWN_FORM = {"apply", "cluster-info"}
"""Verbs that also stand without a subcommand."""

_SHORT: Mapping[str, str] = {
    "A": "all-namespaces",
    "L": "label-columns",
    "R": "recursive",
    "c": "container",
    "f": "filename",
    "h": "help",
    "i": "stdin",
    "k": "kustomize",
    "l": "selector",
    "n": "namespace",
    "o": "output",
    "q": "quiet",
    "s": "server",
    "t": "tty",
    "v": "v",
    "w": "watch",
}
_SHORT_OF: Mapping[str, Mapping[str, str]] = {
    "create": {"r": "replicas"},
    "delete": {"i": "interactive"},
    "expose": {"l": "labels"},
    "kustomize": {"e": "env"},
    "logs": {"f": "follow", "p": "previous"},
    "patch": {"p": "patch"},
    "proxy": {"P": "www-prefix", "p": "port", "u": "unix-socket", "w": "www"},
    "run": {"l": "labels"},
    "set": {"c": "containers", "e": "env"},
}

_BOOLEAN = _words(
    """
    all all-containers all-namespaces all-pods allow-missing-template-keys append-hash append-server-path
    arguments-only as-current-user attach cached client create-annotation current delete-emptydir-data
    disable-compression disable-eviction disable-filter edit embed-certs enable-alpha-plugins enable-helm
    exec-provide-cluster-info expose flatten follow force force-conflicts global-default help helm-debug
    ignore-daemonsets ignore-errors ignore-not-found insecure-skip-tls-verify
    insecure-skip-tls-verify-backend interactive keep-annotations keep-init-containers keep-labels keep-liveness
    keep-readiness keep-startup leave-stdin-open list local match-server-version merge minify name-only
    namespaced network no-headers no-preserve now openapi-patch output-patch output-watch-events overwrite
    previous privileged prune quiet recursive replace resolve rm same-node save-config server-print server-side
    set-raw-bytes share-processes show-capacity show-events show-kind show-labels show-managed-fields stdin sum
    timestamps tty use-protocol-buffers wait warnings-as-errors watch watch-only windows-line-endings
    """
)
_BOOLEAN_OF: Mapping[str, frozenset[str]] = {
    "config": frozenset({"raw"}),
    "logs": frozenset({"prefix"}),
    "run": frozenset({"command"}),
    "top": frozenset({"containers"}),
}
_ONLY_AFTER_EQUALS = frozenset({"cascade", "dry-run", "validate"})

UNORDERED = frozenset({"field-selector", "hard", "labels", "limits", "pod-selector", "requests", "selector"})
"""Flags whose value is a list with commas in which order means nothing."""
DURATIONS = frozenset({"duration", "request-timeout", "since", "timeout"})
"""Flags whose value is a duration, e.g. 1h or 60m."""
SEVERAL = frozenset({"filename", "namespaces", "resource", "resource-name", "types", "verb", "verbs"})
"""Flags for which `--x=a,b` is the same as `--x=a --x=b`."""
HOLD_RESOURCES = frozenset({"for", "from", "resource"})
"""Flags whose value may name a resource type, e.g. `--from=cronjob/report`."""

TYPED = _words("annotate autoscale delete describe edit expose get label patch rollout scale set taint wait")
"""Verbs whose arguments are TYPE NAME... or TYPE/NAME..."""
FOR_PODS = frozenset({"attach", "debug", "exec", "logs", "port-forward"})
"""Verbs whose first argument is a pod's name or TYPE/NAME."""
FOR_NODES = frozenset({"cordon", "drain", "uncordon"})
"""Verbs whose arguments are nodes, as NAME or TYPE/NAME."""
DEFAULTS: Mapping[str, frozenset[tuple[str, str]]] = {
    "delete": frozenset({("cascade", "background"), ("wait", "true")}),
    "expose": frozenset({("protocol", "TCP"), ("type", "ClusterIP")}),
    "patch": frozenset({("type", "strategic")}),
    "rollout": frozenset({("watch", "true")}),
    "run": frozenset({("restart", "Always")}),
}
"""Verb -> flags with the value that they have where they are left out."""
FILES = frozenset({"filename", "kustomize", "from-file", "from-env-file"})
"""Flags whose value is a path."""


def long_name(verb: str, letter: str) -> str:
    """Return a short flag's long name; the letter itself where it has none."""
    return _SHORT_OF.get(verb, {}).get(letter) or _SHORT.get(letter, letter)


def is_boolean(verb: str, name: str) -> bool:
    """Say whether a flag (by its long name) is true or false."""
    return name in _BOOLEAN or name in _BOOLEAN_OF.get(verb, frozenset())


def takes_next_word(verb: str, name: str) -> bool:
    """Say whether the value of a flag without `=` is the next word."""
    return not is_boolean(verb, name) and name not in _ONLY_AFTER_EQUALS


def plural(name: str) -> str:
    """Return a resource type's plural, also of several (`po,svc`), before a name (`po/web`), and with its group.

    Capitals mean nothing, but a word all in capitals is taken for a placeholder.

    >>> plural("deploy"), plural("Pod,svc"), plural("deployment.apps/web"), plural("pod.apps")
    ('deployments', 'pods,services', 'deployments/web', 'pods.apps')
    """
    kinds, slash, rest = name.partition("/")
    return ",".join(map(_plural, kinds.split(","))) + slash + rest


def _plural(kind: str) -> str:
    first, dot, group = kind.partition(".")
    first = RESOURCES.get(first if first.isupper() else first.lower(), first)
    own = GROUPS.get(first)
    if own is not None and (group == own or (group == f"v1.{own}" and own not in _NOT_V1)):
        return first
    return first + dot + group
