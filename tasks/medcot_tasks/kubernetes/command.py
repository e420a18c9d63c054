"""Whether two kubectl commands are the same: flags in any order and spelling, everything else exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from operator import eq

from medcot_tasks.kubernetes.matching import can_pair_off
from medcot_tasks.kubernetes.placeholders import fits, has_placeholder
from medcot_tasks.kubernetes.shell import Segment, read_script
from medcot_tasks.kubernetes.spelling import (
    Flags,
    arguments,
    flag_values,
    idle_flags,
    program,
    with_words_as_flags,
)
from medcot_tasks.kubernetes.vocabulary import HAS_OWN_FORM, SUBCOMMANDS, is_boolean, long_name, takes_next_word

_START = re.compile(
    r"^[ \t]*+(?P<fence>(?:`+(?:bash|console|shell|sh)?)?)[ \t]*+(?:\$[ \t]+)?(?=kubectl(?:[\s`]|$))", re.M
)
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
    idle: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    """Flags that say what holds without them."""


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
    wanted, answered = _without_idle(gold, given), _without_idle(given, gold)
    if [name for name, _ in wanted] != [name for name, _ in answered]:
        return False

    def accepts(one: tuple[str, str | None], other: tuple[str, str | None]) -> bool:
        (name, value), (other_name, answer) = one, other
        if value is None or answer is None:
            return one == other
        return name == other_name and same(value, answer)

    return can_pair_off(wanted, answered, accepts)


def _without_idle(step: Step, other: Step) -> Flags:
    """Return the flags without those that change nothing, unless the other has them too, with any value."""
    names = {name for name, _ in other.flags}
    return [flag for flag in step.flags if flag not in step.idle or flag[0] in names]


def _step(segment: Segment) -> Step:
    if segment.words[0] != "kubectl":
        return Step(segment.words, redirects=segment.redirects)
    words = list(segment.words[1:])
    remote = None
    if "--" in words:
        border = words.index("--")
        words, remote = words[:border], program(words[border + 1 :])
    verb = _take(words, "")
    path = [verb]
    others = SUBCOMMANDS.get(verb)
    if others is not None:
        subcommand = _take(words, verb, among=others if verb in HAS_OWN_FORM else None)
        path.append(others.get(subcommand, subcommand))
    own, flags = with_words_as_flags(verb, *_parse(words, verb))
    own = arguments(path, own)
    return Step(
        words=("kubectl", *(part for part in path if part), *own),
        flags=tuple(sorted(flags, key=lambda flag: (flag[0], flag[1] or ""))),
        remote=remote,
        redirects=segment.redirects,
        idle=idle_flags(verb, own, flags),
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


def _parse(words: Sequence[str], verb: str) -> tuple[list[str], Flags]:
    own: list[str] = []
    flags: Flags = []
    rest = iter(words)
    for word in rest:
        if not _is_flag(word):
            own.append(word)
            continue
        for name, value, open_end in _flags(word, verb):
            flags += flag_values(verb, name, next(rest, None) if open_end else value)
    return own, flags
