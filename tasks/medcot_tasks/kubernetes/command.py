"""Whether two kubectl commands are the same: flags in any order and spelling, everything else exactly."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from operator import eq

from medcot_tasks.kubernetes.placeholders import fits, has_placeholder, without_placeholders
from medcot_tasks.kubernetes.shell import Segment, read_script
from medcot_tasks.kubernetes.vocabulary import (
    DURATIONS,
    FOR_PODS,
    HAS_OWN_FORM,
    HOLD_RESOURCES,
    SEVERAL,
    SUBCOMMANDS,
    TYPED,
    UNORDERED,
    is_boolean,
    long_name,
    plural,
    takes_next_word,
)

_START = re.compile(
    r"^[ \t]*+(?P<fence>(?:`+(?:bash|console|shell|sh)?)?)[ \t]*+(?:\$[ \t]+)?(?=kubectl(?:[\s`]|$))", re.M
)
_OUTSIDE_BRACKETS = re.compile(r",(?![^()]*\))")
_DURATION = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_TRUTH = {"1": "true", "t": "true", "true": "true", "0": "false", "f": "false", "false": "false"}
_Same = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """One program of a command, in a form that two spellings of the same share."""

    words: tuple[str, ...]
    """The program, verbs and arguments in order; resource types as plurals, TYPE NAME as TYPE/NAME."""
    flags: tuple[tuple[str, str | None], ...] = ()
    """Long names with values, sorted; None where a value is missing."""
    remote: tuple[str, ...] | None = None
    """What follows `--`."""
    redirects: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """The steps of a command line (or several), and what joins them: `|`, `&&`, `;`, a line break."""

    steps: tuple[Step, ...]
    joints: tuple[str, ...] = ()


def read_command(text: str, *, lines: int | None = 1, placeholders: bool = False) -> Command | None:
    """Read a command from the first line that begins with kubectl on; None where there is none to read.

    A leading `$`, backticks and fences around it are left out. `lines` limits how many lines are read (None: all).

    >>> read_command("```bash\\n$ kubectl get po web-0 -nshop\\n```")
    Command(steps=(Step(words=('kubectl', 'get', 'pods/web-0'), flags=(('namespace', 'shop'),), \
remote=None, redirects=()),), joints=())
    """
    found = _START.search(text)
    if found is None:
        return None
    text = text[found.end() :]
    ticks = found["fence"].rstrip("abcdefghijklmnopqrstuvwxyz")
    if ticks:
        text = text.partition(ticks)[0]
    script = read_script(text, lines=lines, placeholders=placeholders)
    if script is None:
        return None
    return Command(tuple(_step(segment) for segment in script.segments), script.joints)


def same_command(gold: str, given: str, placeholders: bool = False) -> bool:
    """Say whether `given` holds the command `gold`. Lines after as many as `gold` has don't count.

    With `placeholders`, a placeholder in `gold` takes one word or a part of one: see `placeholders.fits`.

    >>> same_command("kubectl logs -f web-0 -n shop", "kubectl logs pod/web-0 --namespace=shop --follow")
    True
    >>> same_command("kubectl logs -f web-0 -n shop", "kubectl logs -p web-0 -n shop")
    False
    """
    wanted = read_command(gold, lines=None, placeholders=placeholders)
    if wanted is None:
        # Unbalanced quotes and the like: nothing but the same text will do.
        return gold.split() == given.split()
    answer = read_command(given, lines=1 + wanted.joints.count("\n"), placeholders=placeholders)
    if answer is None or answer.joints != wanted.joints:
        return False
    same: _Same = fits if placeholders else eq
    return all(_same_step(*pair, same) for pair in zip(wanted.steps, answer.steps, strict=True))


def holds_placeholder(text: str) -> bool:
    """Say whether a command holds a placeholder, e.g. `<pod_name>` or NODE_NAME, outside quotes and inside."""
    command = read_command(text, lines=None, placeholders=True)
    return command is not None and any(has_placeholder(word) for step in command.steps for word in _strings(step))


def _strings(step: Step) -> Iterator[str]:
    yield from step.words
    yield from (value for _, value in step.flags if value is not None)
    yield from step.remote or ()
    yield from (target for _, target in step.redirects)


def _same_step(gold: Step, given: Step, same: _Same) -> bool:
    return (
        _same_words(gold.words, given.words, same)
        and (gold.remote is None) == (given.remote is None)
        and _same_words(gold.remote or (), given.remote or (), same)
        and [mark for mark, _ in gold.redirects] == [mark for mark, _ in given.redirects]
        and _same_words([target for _, target in gold.redirects], [target for _, target in given.redirects], same)
        and _same_flags(gold, given, same)
    )


def _same_words(gold: Sequence[str], given: Sequence[str], same: _Same) -> bool:
    return len(gold) == len(given) and all(map(same, gold, given))


def _same_flags(gold: Step, given: Step, same: _Same) -> bool:
    if [name for name, _ in gold.flags] != [name for name, _ in given.flags]:
        return False
    wanted, answered = Counter(gold.flags), Counter(given.flags)
    return _pairs(list((wanted - answered).elements()), list((answered - wanted).elements()), same)


def _pairs(gold: list[tuple[str, str | None]], given: list[tuple[str, str | None]], same: _Same) -> bool:
    """Say whether every flag of `gold` finds its own in `given`."""
    if not gold:
        return not given
    (name, value), rest = gold[0], gold[1:]
    return any(
        name == other
        and value is not None
        and answer is not None
        and same(value, answer)
        and _pairs(rest, given[:n] + given[n + 1 :], same)
        for n, (other, answer) in enumerate(given)
    )


def _step(segment: Segment) -> Step:
    if segment.words[0] != "kubectl":
        return Step(segment.words, redirects=segment.redirects)
    words = list(segment.words[1:])
    remote = None
    if "--" in words:
        border = words.index("--")
        words, remote = words[:border], tuple(words[border + 1 :])
    verb = _take(words, "")
    path = [verb]
    others = SUBCOMMANDS.get(verb)
    if others is not None:
        subcommand = _take(words, verb, among=others if verb in HAS_OWN_FORM else None)
        path.append(others.get(subcommand, subcommand))
    arguments, flags = _parse(words, verb)
    shown = ["kubectl", *(part for part in path if part), *_arguments(path, arguments)]
    return Step(
        tuple(shown), tuple(sorted(flags, key=lambda flag: (flag[0], flag[1] or ""))), remote, segment.redirects
    )


def _take(words: list[str], verb: str, among: Container[str] | None = None) -> str:
    """Take the first word that is neither a flag nor a flag's value out of `words`; "" where there is none."""
    at = 0
    while at < len(words):
        if not _is_flag(words[at]):
            return words.pop(at) if among is None or words[at] in among else ""
        *_, (_, _, open_end) = _flags(words[at], verb)
        at += 1 + open_end
    return ""


def _is_flag(word: str) -> bool:
    return len(word) > 1 and word[0] == "-"


def _flags(word: str, verb: str) -> Iterator[tuple[str, str | None, bool]]:
    """Yield the name and value of every flag in a word, and whether the value is the next word."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        yield _flag(verb, name, value if equals else None)
        return
    letters = word[1:]
    while letters:
        name, letters = long_name(verb, letters[0]), letters[1:]
        if letters.startswith("="):
            yield _flag(verb, name, letters[1:])
            return
        if letters and takes_next_word(verb, name):
            yield _flag(verb, name, letters)
            return
        yield _flag(verb, name, None)


def _flag(verb: str, name: str, value: str | None) -> tuple[str, str | None, bool]:
    if is_boolean(verb, name):
        return name, "true" if value is None else _TRUTH.get(value.lower(), value), False
    return name, value, value is None and takes_next_word(verb, name)


def _parse(words: Sequence[str], verb: str) -> tuple[list[str], list[tuple[str, str | None]]]:
    arguments, flags = [], []
    rest = iter(words)
    for word in rest:
        if not _is_flag(word):
            arguments.append(word)
            continue
        for name, value, open_end in _flags(word, verb):
            flags += _values(name, next(rest, None) if open_end else value)
    return arguments, flags


def _values(name: str, value: str | None) -> list[tuple[str, str | None]]:
    if value is None:
        return [(name, None)]
    if name == "cpu-percent":  # the older spelling of --cpu=N%
        return [("cpu", f"{value}%")]
    if name in HOLD_RESOURCES:
        value = plural(value)
    if name in DURATIONS:
        value = _seconds(value)
    if name == "patch":
        value = _json(value)
    if name == "selector":
        value = value.replace("==", "=")
    if name in UNORDERED:
        value = ",".join(sorted(_OUTSIDE_BRACKETS.split(value)))
    return [(name, part) for part in (value.split(",") if name in SEVERAL else [value])]


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


def _arguments(path: Sequence[str], words: list[str]) -> list[str]:
    """Return the arguments with resource types as plurals, and a type with names as TYPE/NAME each."""
    verb = path[0]
    if verb == "explain":
        return [plural(word) for word in words]
    if verb == "auth":
        return [*words[:2], *(plural(word) for word in words[2:3]), *words[3:]]
    if verb in FOR_PODS and words:
        first = words[0] if "/" in without_placeholders(words[0]) else f"pods/{words[0]}"
        return [plural(first), *words[1:]]
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


def _before_pairs(path: Sequence[str], words: Sequence[str]) -> int:
    """Return how many arguments stand before the first KEY=VALUE or KEY- of a verb that takes such."""
    if path[0] not in ("annotate", "label", "set", "taint"):
        return len(words)
    marks = ("=", ":") if path[0] == "taint" else ("=",)
    pairs = (n for n, word in enumerate(words) if word.endswith("-") or any(mark in word for mark in marks))
    return next(pairs, len(words))
