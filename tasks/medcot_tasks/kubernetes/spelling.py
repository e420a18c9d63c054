"""One spelling for the arguments and flag values of a kubectl command that can be written in several ways."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from medcot_tasks.kubernetes.placeholders import without_placeholders
from medcot_tasks.kubernetes.vocabulary import (
    DEFAULTS,
    DURATIONS,
    FILES,
    FOR_NODES,
    FOR_PODS,
    HOLD_RESOURCES,
    SEVERAL,
    TYPED,
    UNORDERED,
    plural,
)

Flags = list[tuple[str, str | None]]

_OUTSIDE_BRACKETS = re.compile(r",(?![^()]*\))")
_DURATION = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_FIELD = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")
_SHELLS = ("/bin/bash", "/bin/sh")
_PART = r"(?:<[^<>]*>|[^/:<])+"
_IN_NAMESPACE = re.compile(rf"({_PART})/({_PART}:.*)", re.DOTALL)


def flag_values(verb: str, name: str, value: str | None) -> Flags:
    """Return what a flag (by its long name) amounts to: one pair of name and value, or several.

    >>> flag_values("delete", "timeout", "2m"), flag_values("apply", "filename", "./a.yaml,b.yaml")
    ([('timeout', '120s')], [('filename', 'a.yaml'), ('filename', 'b.yaml')])
    """
    if value is None:
        return [(name, None)]
    if name == "cpu-percent":  # the older spelling of --cpu=N%
        return [("cpu", f"{value}%")]
    if name in HOLD_RESOURCES:
        value = plural(value)
    if verb == "wait" and name == "for" and value.startswith("condition="):
        value = value.casefold().removesuffix("=true")  # kubectl compares conditions so
    if verb == "events" and name == "types":
        value = value.casefold()
    if name in DURATIONS:
        value = _seconds(value)
    if name == "patch":
        value = _json(value)
    if name == "sort-by" and verb == "get":
        value = _FIELD.sub(r".\1\2", value) if _FIELD.fullmatch(value) else value
    if name in ("selector", "field-selector"):
        value = value.replace("==", "=")
    if name in UNORDERED:
        value = ",".join(sorted(_OUTSIDE_BRACKETS.split(value)))
    parts = value.split(",") if name in SEVERAL else [value]
    return [(name, _path(part) if name in FILES else part) for part in parts]


def idle_flags(verb: str, words: Sequence[str], flags: Flags) -> frozenset[tuple[str, str]]:
    """Return the flags that say what holds without them.

    `words` are the arguments as `arguments` gives them.

    >>> sorted(idle_flags("delete", ["pods"], [("force", "true"), ("selector", "a=b")]))
    [('cascade', 'background'), ('grace-period', '0'), ('ignore-not-found', 'true'), ('wait', 'true')]
    """
    idle = set(DEFAULTS.get(verb, ()))
    names = {name for name, _ in flags}
    if verb == "delete" and ("force", "true") in flags:
        idle.add(("grace-period", "0"))
    if verb == "delete" and names & {"all", "field-selector", "selector"}:
        idle.add(("ignore-not-found", "true"))
    if verb == "expose" and len(words) == 1:
        idle.add(("name", words[0].rpartition("/")[2]))
    return frozenset(idle)


def program(words: Sequence[str]) -> tuple[str, ...]:
    """Return what a container is to run; a shell without its folder."""
    return tuple(word.removeprefix("/bin/") if word in _SHELLS and not n else word for n, word in enumerate(words))


def _path(value: str) -> str:
    """Return a path, with or without KEY= before it, without a leading `./` and a trailing `/`."""
    key, equals, path = value.rpartition("=")
    return f"{key}{equals}{path.removeprefix('./').rstrip('/') or path}"


def _seconds(duration: str) -> str:
    """Return a duration such as 1h30m in seconds; what is none stays."""
    match = _DURATION.fullmatch(duration)
    if match is None or not duration:
        return duration
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return f"{hours * 3600 + minutes * 60 + seconds}s"


def _json(text: str) -> str:
    """Return JSON in one spelling; what is none stays."""
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def with_words_as_flags(verb: str, words: list[str], flags: Flags) -> tuple[list[str], Flags]:
    """Return arguments and flags with a flag for what can also be said without one.

    That is the namespace in NAMESPACE/POD:PATH of `cp`, which outdoes the flag, and NAME in `logs POD NAME`.
    """
    if verb == "logs" and len(words) == 2 and all(name != "container" for name, _ in flags):
        return words[:1], [*flags, ("container", words[1])]
    if verb != "cp":
        return words, flags
    shown = []
    for word in words:
        found = _IN_NAMESPACE.fullmatch(word)
        if found is not None:
            flags = [*(flag for flag in flags if flag[0] != "namespace"), ("namespace", found[1])]
        shown.append(word if found is None else found[2])
    return shown, flags


def arguments(path: Sequence[str], words: list[str]) -> list[str]:
    """Return the arguments with resource types as plurals, and a type with names as TYPE/NAME each.

    `path` is the verb with its subcommand.

    >>> arguments(["scale"], ["deploy", "web"]), arguments(["cordon"], ["node-1"])
    (['deployments/web'], ['nodes/node-1'])
    """
    verb = path[0]
    if verb == "explain":
        return [_field(word) for word in words]
    if verb == "auth":
        return [*words[:2], *(plural(word) for word in words[2:3]), *words[3:]]
    if verb in FOR_NODES:
        return [_typed("nodes", word) for word in words]
    if verb in FOR_PODS and words:
        rest = [word.removeprefix("0") if word.startswith("0:") else word for word in words[1:]]
        return [_typed("pods", words[0]), *(rest if verb == "port-forward" else words[1:])]
    if verb not in TYPED or not words:
        return words
    count = len(words) - 1 if path[-1] in ("selector", "serviceaccount") else _before_pairs(path, words)
    resources, others = words[:count], words[count:]
    first, *names = resources or [""]
    if "/" in without_placeholders(first):
        return [*(plural(word) for word in resources), *others]
    kind = plural(first)
    if not names or "," in kind:
        return [*([kind] if resources else []), *names, *others]
    return [*(f"{kind}/{name}" for name in names), *others]


def _typed(kind: str, word: str) -> str:
    return plural(word) if "/" in without_placeholders(word) else f"{kind}/{word}"


def _field(word: str) -> str:
    kind, dot, rest = word.partition(".")
    return plural(kind) + dot + rest


def _before_pairs(path: Sequence[str], words: Sequence[str]) -> int:
    """Return how many arguments stand before the first KEY=VALUE or KEY- of a verb that takes such."""
    if path[0] not in ("annotate", "label", "set", "taint"):
        return len(words)
    marks = ("=", ":") if path[0] == "taint" else ("=",)
    pairs = (n for n, word in enumerate(words) if word.endswith("-") or any(mark in word for mark in marks))
    return next(pairs, len(words))
