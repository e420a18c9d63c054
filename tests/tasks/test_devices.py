"""Answers about manuals, worked out again from the printed lines. Checks of both tasks are in test_clusters."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

import pytest

from medcot_bench import Example
from medcot_tasks.bundled import SHIFTS
from medcot_tasks.manuals import devices
from medcot_tasks.manuals.devices.catalogue import DEVICES
from medcot_tasks.manuals.devices.device import CONVERSIONS


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
    found = re.search(r"above (\d+) (\S+): warning (\w+)\. Above (\d+) \S+: alarm (\w+) instead", text)
    assert found
    return [(size(f"{found[1]} {found[2]}"), found[3]), (size(f"{found[4]} {found[2]}"), found[5])]


def parts(text: str) -> dict[str, tuple[int, str, float]]:
    rows = re.findall(r"^([^|\n]+) \| (\d+) ([a-z]+) \| ([\d.]+ [a-z]+)$", text, re.MULTILINE)
    return {name: (int(every), unit, size(takes) / SIZES["minutes"]) for name, every, unit, takes in rows}


def steps(text: str) -> list[str]:
    return [step[0].lower() + step[1:] for step in re.findall(r"^\d\. (.+)\.$", text, re.MULTILINE)]


def asked(names: list[str], question: str) -> list[str]:
    """Return the names in a question in the order in which they stand there."""
    return sorted((name for name in names if name in question), key=question.index)


def about_limits(kind: str, text: str, question: str) -> str | None:
    rows = limits(text)
    if kind == "setting_of_value":
        (name,) = (name for name, row in rows.items() if re.search(rf"\b{row['factory']}(?!\w)", question))
        return name
    named = asked([*rows], question)
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
        return f"{int(high) / factor:g} {larger}"
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
    named = asked([*rows], question)
    if kind == "interval":
        return f"{rows[named[0]][0]} {rows[named[0]][1]}"
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
    if kind == "code_at_value":
        (value,) = quantities(question)
        return [code for limit, code in alarms(text) if value > limit][-1]
    return None


@pytest.mark.parametrize("level", ["basic", "hard"])
@pytest.mark.parametrize("shift", ["", *SHIFTS])
def test_answers_are_what_the_lines_of_the_manual_say(level: str, shift: str) -> None:
    checked = set()
    for item in take(3000, shift=shift, level=level):
        for read in (about_limits, about_parts, about_steps, about_codes):
            answer = read(item.meta["kind"], item.context or "", item.question)
            if answer is not None:
                assert answer == item.answer, item
                checked.add(item.meta["kind"])
    assert len(checked) >= (23 if level == "hard" else 22)


def test_hard_items_hold_durations_and_questions_in_two_units() -> None:
    items = take(1000, level="hard")
    assert any("hours" in (item.context or "") and "minutes" in (item.context or "") for item in items)
    converted = [item for item in items if item.meta["kind"] == "maximum_converted"]
    assert converted
    assert {item.answer.split()[1] for item in converted} <= {larger for larger, _ in CONVERSIONS.values()}


def test_values_of_unseen_range_are_in_no_training_item() -> None:
    def read(items: list[Example]) -> tuple[set[str], set[tuple[str, str, str]]]:
        values = {(n, k, v) for i in items for n, row in limits(i.context or "").items() for k, v in row.items()}
        return {(item.context or "").split()[0] for item in items}, values

    brands, values = read(take(2000, "train"))
    other_brands, other_values = read(take(2000, shift="unseen_range"))
    assert not brands & other_brands
    assert not values & other_values


def test_each_device_has_a_vocabulary_of_its_own_without_doubles() -> None:
    for name, device in DEVICES.items():
        for phrases in (device.steps, device.parts, *zip(*device.faults, strict=True)):
            assert len(set(phrases)) == len(phrases) >= 5, name
        assert len({setting.name for setting in device.settings}) == 3
    steps_of_all = [step for device in DEVICES.values() for step in device.steps]
    assert len(set(steps_of_all)) > 0.95 * len(steps_of_all)
