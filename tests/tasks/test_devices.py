"""Answers about manuals, worked out again from the printed lines. Checks of both tasks are in test_clusters."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

import pytest
from lanes import draw

from medcot_bench import Example
from medcot_tasks.bundled import LEVELS, SHIFTS
from medcot_tasks.manuals import devices
from medcot_tasks.manuals.devices.catalogue import DEVICES
from medcot_tasks.manuals.devices.device import CONVERSIONS
from medcot_tasks.manuals.devices.unseen import device_of


def take(count: int, split: str = "eval", shift: str = "", level: str = "basic") -> list[Example]:
    return list(islice(devices.examples(split, shift, level), count))  # type: ignore[arg-type]


SIZES = {
    "ms": 1,
    "seconds": 1000,
    "minutes": 60_000,
    "hours": 3_600_000,
    "kPa": 1,
    "bar": 100,
    "MB": 1,
    "GB": 1000,
}
SIZES |= {"hour": 3_600_000, "minute": 60_000, "second": 1000, "litre": 1000}
SIZES |= {"g": 1, "kg": 1000, "mm": 1, "cm": 10, "mA": 1, "A": 1000, "ml": 1, "litres": 1000}


def size(text: str) -> float:
    """Return a quantity in the smallest unit of its kind."""
    value, unit = text.split(" ", 1)
    return round(float(value) * SIZES.get(unit, 1), 6)


def quantities(question: str) -> list[float]:
    return [size(found) for found in re.findall(r"(?<![\w.])[\d.]+ [^\s?:,]+", question.rstrip("?."))]


def limits(text: str) -> dict[str, dict[str, str]]:
    """Return setting -> minimum, factory and maximum, from the table or the sentences."""
    table = re.findall(r"^([^|\n]+) \| (\d+ \S+) \| (\d+ \S+) \| (\d+ \S+)$", text, re.MULTILINE)
    found = {name: {"minimum": low, "factory": mid, "maximum": high} for name, low, mid, high in table}
    sentence = r"^(.+): from (\d+ \S+) to (\d+ \S+), factory setting (\d+ \S+)\.$"
    for name, low, high, mid in re.findall(sentence, text, re.MULTILINE):
        key = name[0].lower() + name[1:]
        found[key] = {"minimum": low, "factory": mid, "maximum": high}
    return found


def alarms(text: str) -> list[tuple[float, str]]:
    found = re.search(r"above (\d+ \S+): warning (\w+)\. Above (\d+ \S+): alarm (\w+) instead", text)
    assert found
    return [(size(found[1]), found[2]), (size(found[3]), found[4])]


def parts(text: str) -> dict[str, tuple[int, str, float]]:
    rows = re.findall(r"^([^|\n]+) \| (\d+) ([a-z]+) \| (\d+ [a-z]+)$", text, re.MULTILINE)
    return {name: (int(every), unit, size(takes) / SIZES["minutes"]) for name, every, unit, takes in rows}


def duration(text: str, part: str) -> str:
    """Return how long a part takes, as it is printed."""
    return re.findall(rf"^{part} \| .+ \| (.+)$", text, re.MULTILINE)[0]


def steps(text: str) -> list[str]:
    return [step[0].lower() + step[1:] for step in re.findall(r"^\d\. (.+)\.$", text, re.MULTILINE)]


def apply_baseline(names: list[str], question: str) -> list[str]:
    """Return the names in a question in the order in which they stand there."""
    return sorted((name for name in names if name in question), key=question.index)


def about_limits(kind: str, text: str, question: str) -> str | None:
    rows = limits(text)
    if kind == "setting_of_value":
        (name,) = (name for name, row in rows.items() if re.search(rf"\b{row['factory']}(?!\w)", question))
        return name
    named = apply_baseline([*rows], question)
    if not named or kind not in (
        "maximum",
        "minimum",
        "factory",
        "range",
        "above_factory",
        "allowed",
        "maximum_converted",
    ):
        return None
    row = rows[named[0]]
    if kind in row:
        return row[kind]
    (low, unit), (mid, _), (high, _) = (tuple(row[key].split(" ", 1)) for key in ("minimum", "factory", "maximum"))
    if kind == "range":
        return f"{int(high) - int(low)} {unit}"
    if kind == "above_factory":
        return f"{int(high) - int(mid)} {unit}"
    if kind == "maximum_converted":
        larger, factor = CONVERSIONS[unit]
        return f"{int(high) / factor:g} {larger}" if int(high) != factor else f"1 {larger.rstrip('s')}"
    (value,) = quantities(question)
    return "yes" if size(row["minimum"]) <= value <= size(row["maximum"]) else "no"


def about_parts(kind: str, text: str, question: str) -> str | None:
    rows = parts(text)
    ranked: dict[str, Callable[[str], float]] = {
        "longest_interval": lambda name: rows[name][0],
        "shortest_interval": lambda name: -rows[name][0],
        "takes_longest": lambda name: rows[name][2],
    }
    if kind in ranked:
        best = sorted(rows, key=ranked[kind])
        assert ranked[kind](best[-1]) != ranked[kind](best[-2])
        return best[-1]
    named = apply_baseline([*rows], question)
    if kind == "interval":
        return f"{rows[named[0]][0]} {rows[named[0]][1]}"
    if kind == "takes":
        return duration(text, named[0])
    if kind == "both":
        return f"{rows[named[0]][2] + rows[named[1]][2]:g} minutes"
    if kind == "next_service":
        every, unit, _ = rows[named[0]]
        found = re.search(rf"(\d+) {unit}", question)
        assert found
        return f"{int(found[1]) + every} {unit}"
    return None


def about_steps(kind: str, text: str, question: str) -> str | None:
    listed = steps(text)
    quoted = re.findall(r'"(.+)"', question)
    if kind == "first_step":
        return listed[0]
    if kind == "last_step":
        return listed[-1]
    if kind == "step_after":
        return listed[listed.index(quoted[0]) + 1]
    if kind == "step_before":
        return listed[listed.index(quoted[0]) - 1]
    if kind == "numbered_step":
        numbers = re.findall(r"(?:step|number) (\d)", question)
        return listed[int(numbers[0]) - 1]
    return None


def about_codes(kind: str, text: str, question: str) -> str | None:
    rows = re.findall(r"^(E\d\d): (.+)\. Remedy: (.+)\.$", text, re.MULTILINE)
    quoted = re.findall(r'"(.+)"', question)
    if kind in ("cause", "remedy"):
        (row,) = (row for row in rows if row[0] in question)
        return str(row[1 if kind == "cause" else 2])
    if kind in ("code_of_cause", "code_of_remedy", "remedy_of_cause"):
        (row,) = (row for row in rows if row[2 if kind == "code_of_remedy" else 1] == quoted[0])
        return str(row[2 if kind == "remedy_of_cause" else 0])
    return None


def about_alarms(kind: str, text: str, question: str) -> str | None:
    printed = re.search(r"above (\d+) (\S+): warning.* Above (\d+) .* stops after (\d+ seconds)\.", text)
    if kind == "code_at_value":
        (value,) = quantities(question)
        return [code for limit, code in alarms(text) if value > limit][-1]
    if kind not in ("alarm_limit", "warning_limit", "between", "delay"):
        return None
    assert printed
    first, unit, second, delay = printed.groups()
    found = {"between": f"{int(second) - int(first)} {unit}", "delay": delay}
    return (found | {"warning_limit": f"{first} {unit}", "alarm_limit": f"{second} {unit}"})[kind]


READERS = (about_limits, about_parts, about_steps, about_codes, about_alarms)
KINDS = 29
"""So many kinds of questions there are; at the hard level, one more asks for a maximum in another unit."""


@pytest.mark.parametrize("level", ["basic", "hard"])
@pytest.mark.parametrize("shift", ["", *SHIFTS])
@draw(quick=800, slow=3000)
def test_answers_are_what_the_lines_of_the_manual_say(level: str, shift: str, count: int) -> None:
    checked = set()
    for item in take(count, shift=shift, level=level):
        answers = [read(item.meta["kind"], item.context or "", item.question) for read in READERS]
        assert [answer for answer in answers if answer is not None] == [item.answer], item
        checked.add(item.meta["kind"])
    assert len(checked) == KINDS + (level == "hard")


def test_hard_items_hold_durations_and_questions_in_two_units() -> None:
    items = take(1000, level="hard")
    assert any("hours" in (item.context or "") and "minutes" in (item.context or "") for item in items)
    converted = [item for item in items if item.meta["kind"] == "maximum_converted"]
    assert converted
    assert {item.answer.split()[1] for item in converted} <= {larger for larger, _ in CONVERSIONS.values()}


@pytest.mark.parametrize("level", LEVELS)
def test_an_alarm_is_on_no_setting_and_codes_and_limits_ascend(level: str) -> None:
    for item in take(1000, level=level):
        text = item.context or ""
        for row in limits(text).values():
            assert size(row["minimum"]) < size(row["factory"]) < size(row["maximum"])
        if found := re.search(r"^(.+) above \d+ \S+: warning", text, re.MULTILINE):
            assert found[1].casefold() not in [name.casefold() for name in limits(text)]
            assert alarms(text)[0][0] < alarms(text)[1][0]
        codes = re.findall(r"^(E\d\d):", text, re.MULTILINE)
        assert codes == sorted(codes)
        assert not re.search(r"(?<![\w.])1 \w+s\b", f"{text}\n{item.question}\n{item.answer}"), item


def test_each_device_has_a_vocabulary_of_its_own_without_doubles() -> None:
    devices_of_both = [device_of(kind, unseen=unseen) for kind in DEVICES for unseen in (False, True)]
    for device in devices_of_both:
        assert len(set(device.steps)) == len(device.steps) >= 5
        for phrases in (device.parts, *zip(*device.faults, strict=True)):
            assert len(set(phrases)) == len(phrases) >= 4
        assert len({setting.unit for setting in device.settings}) == 3  # a factory value tells settings apart
        assert not {q.name for q in device.settings} & {q.name for q in device.readings}
    steps_of_all = [step for device in devices_of_both for step in device.steps]
    assert len(set(steps_of_all)) > 0.95 * len(steps_of_all)


def test_no_step_depends_on_the_one_before() -> None:
    # They stand in any order: a pronoun would point at another step, and to open and to close would have an order.
    orders = {
        "open",
        "close",
        "lift",
        "start",
        "stop",
        "insert",
        "remove",
        "pause",
        "resume",
        "lock",
        "save",
        "put",
    }
    for device in (device_of(kind, unseen=unseen) for kind in DEVICES for unseen in (False, True)):
        assert not re.search(r"\b(it|them|again|then|until)\b", " ".join(device.steps))
        assert not orders & {step.split()[0] for step in device.steps}
