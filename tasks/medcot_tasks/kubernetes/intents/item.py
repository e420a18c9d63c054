"""One bundled item: an intent, its values, the clause with the namespace, and the phrasing around it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Template

from medcot_tasks.bundled import SEEN_TEMPLATES, Draw
from medcot_tasks.kubernetes.intents import INTENTS
from medcot_tasks.kubernetes.intents.intent import Intent, Scope
from medcot_tasks.kubernetes.intents.values import Values

FRAMES = (
    "{sentence}.",
    "How do I {phrase}?",
    "I need to {phrase}.",
    "Give the command to {phrase}.",
    "What would you type to {phrase}?",
    "A teammate wants to {phrase}.",
)
"""The six templates. The first four take an intent's seen wordings in turn, the others its unseen one."""

EXTRAS: Mapping[str, tuple[str, str]] = {
    "wide": (", in wide format", "-o wide"),
    "yaml": (", printing the result as YAML", "-o yaml"),
    "json": (", printing the result as JSON", "-o json"),
    "labels": (", showing all labels too", "--show-labels"),
    "bare": (", without a header line", "--no-headers"),
    "sorted": (", sorted by creation timestamp", "--sort-by=.metadata.creationTimestamp"),
    "selected": (", only those with the labels $selector", "-l $selector"),
    "stamped": (", with timestamps", "--timestamps"),
    "prefixed": (", with the source before each line", "--prefix"),
    "rehearsed": (", as a dry run on the server", "--dry-run=server"),
    "previewed": (", as a dry run on the client", "--dry-run=client"),
    "patient": (", waiting at most $seconds2 seconds", "--timeout=${seconds2}s"),
    "lenient": (", ignoring what does not exist", "--ignore-not-found"),
    "unrestricted": (", without load restrictions", "--load-restrictor=LoadRestrictionsNone"),
    "charts": (", with Helm charts enabled", "--enable-helm"),
    "context": (", using the context $context", "--context=$context"),
    "as": (", acting as user $user2", "--as=$user2"),
    "impatient": (", with a request timeout of $seconds3 seconds", "--request-timeout=${seconds3}s"),
    "kubeconfig": (", using the kubeconfig file $name3.conf", "--kubeconfig=$name3.conf"),
}
"""Options that hard items add: how they are asked for -> how they are written. No intent has the same slots."""
COMMON: Mapping[Scope, tuple[str, ...]] = {
    "namespace": ("context", "as", "impatient"),
    "context": ("context", "as", "impatient"),
    "none": ("kubeconfig",),
    "local": (),
}
"""Options that fit every intent of a scope."""

_TAKES_ITS_TIME = re.compile(
    r"--timeout|kubectl (?:attach|cp|debug|edit|exec|port-forward|proxy|wait)\b|logs -f| -(?:w|it)\b"
)
"""Commands that a request timeout would cut off, or whose own timeout is hard to tell from it."""

_WHERE = {
    ("namespace", True): (" in namespace $namespace", " in the $namespace namespace"),
    ("namespace", False): (" inside the namespace $namespace",),
    ("context", True): (" in context $context", " in the $context context"),
    ("context", False): (" in the cluster of context $context",),
}
_FLAG = {"namespace": "-n $namespace", "context": "--context=$context"}
_BY_NAME = {intent.name: intent for intent in INTENTS}


def make_item(draw: Draw) -> tuple[str, str]:
    """Return the task sentence and the command that a draw turns into."""
    intent = _BY_NAME[draw.entity]
    seen = draw.template < SEEN_TEMPLATES
    wording, command = intent.seen[draw.template % 2] if seen else intent.unseen, intent.command
    where = ""
    if intent.scope in _FLAG and _says_where(intent, draw):
        where = draw.rng.choice(_WHERE[intent.scope, seen])
        command = _with_flag(command, _FLAG[intent.scope])
    wording = wording if "$where" in wording else wording + "$where"
    wording = wording.replace("$where", where)
    for text, flag in _extras(intent, command, draw):
        wording, command = wording + text, _with_flag(command, flag)
    if draw.level == "hard":  # where a selector holds two
        wording = wording.replace("label $selector", "labels $selector")
    values = Values(draw, {})
    values.fill(command, wording)
    phrase = Template(wording).substitute(values.drawn)
    frame = FRAMES[draw.template]
    return (
        frame.format(phrase=phrase, sentence=phrase[:1].upper() + phrase[1:]),
        Template(command).substitute(values.drawn),
    )


def _says_where(intent: Intent, draw: Draw) -> bool:
    """Say so always where nothing else tells two items of the intent apart, or "all" could mean everywhere."""
    return (
        draw.level == "hard" or "$" not in intent.command or "--all " in intent.command or draw.rng.random() < 0.6
    )


def _extras(intent: Intent, command: str, draw: Draw) -> list[tuple[str, str]]:
    if draw.level != "hard":
        return []
    own = draw.rng.sample(intent.extras, min(len(intent.extras), 1))
    written = " ".join([command, *(EXTRAS[name][1] for name in own)])
    free = [name for name in COMMON[intent.scope] if EXTRAS[name][1].partition("=")[0] not in written]
    if "impatient" in free and _TAKES_ITS_TIME.search(written):
        free.remove("impatient")
    return [EXTRAS[name] for name in own + draw.rng.sample(free, min(len(free), 1))]


def _with_flag(command: str, flag: str) -> str:
    before, dashes, remote = command.partition(" -- ")
    return f"{before} {flag}{dashes}{remote}"
