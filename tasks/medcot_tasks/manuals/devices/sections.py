"""The sections of a manual, each with its questions: limits, alarms, faults, maintenance, a procedure."""

from __future__ import annotations

from collections.abc import Callable

from medcot_tasks.manuals.devices.device import CONVERSIONS, Device, Quantity
from medcot_tasks.reading import Document, Values, ask

ABOVE = 15
"""How many steps more `@unseen_range` starts at: all it asks about lies above the largest value of training."""
Section = Callable[[Device, str, Values], Document]


def limits(device: Device, product: str, v: Values) -> Document:
    """Minimum, factory value and maximum of some settings, as a table or as sentences."""
    rows = {s: _limits_of(s, v) for s in v.rng.sample(device.settings, 3 if v.hard else 2)}
    if v.yes():
        lines = ["Setting | Minimum | Factory | Maximum"]
        lines += [
            f"{s.name} | {low} {s.unit} | {mid} {s.unit} | {high} {s.unit}" for s, (low, mid, high) in rows.items()
        ]
    else:
        lines = [
            f"{_capital(s.name)}: from {low} {s.unit} to {high} {s.unit}, factory setting {mid} {s.unit}."
            for s, (low, mid, high) in rows.items()
        ]
    setting, (low, mid, high) = v.rng.choice([*rows.items()])
    name, unit = setting.name, setting.unit
    allowed = v.yes()
    near = v.rng.randint(1, 2) * setting.step
    outside = (low - near, high + near) if low > near else (high + near,)
    tried = v.rng.choice((low + near, high - near) if allowed else outside)
    questions = [
        ask("lookup", "maximum", f"{high} {unit}", f"what is the maximum {name}?",
            f"up to which {name} can the {product} be set?", f"beyond what value can the {name} not be raised?"),
        ask("lookup", "minimum", f"{low} {unit}", f"what is the minimum {name}?",
            f"down to which {name} can the {product} be set?",
            f"beneath what value can the {name} not be lowered?"),
        ask("lookup", "factory", f"{mid} {unit}", f"what is the factory setting of the {name}?",
            f"which {name} does the {product} have from the factory?",
            f"what {name} does a new {product} come with?"),
        ask("compare", "setting_of_value", name, f"which setting has a factory value of {mid} {unit}?",
            f"for which setting is {mid} {unit} the factory value?",
            f"name the setting that stands at {mid} {unit} on a new {product}."),
        ask("steps", "range", f"{high - low} {unit}", f"how far apart are the minimum and maximum {name}?",
            f"what is the difference between the maximum and minimum {name}?",
            f"subtract the smallest possible {name} from the largest."),
        ask("steps", "above_factory", f"{high - mid} {unit}",
            f"by how much can the {name} be raised above its factory setting?",
            f"what is the difference between the maximum and the factory {name}?",
            f"starting as delivered, how much higher can the {name} go?"),
    ]  # fmt: skip
    shown = f"{tried} {unit}"
    if v.hard and unit in CONVERSIONS:
        shown = _converted(tried, unit)
        larger, _ = CONVERSIONS[unit]
        questions.append(
            ask("steps", "maximum_converted", _converted(high, unit), f"what is the maximum {name} in {larger}?",
                f"up to how many {larger} can the {name} be set?",
                f"express the largest possible {name} in {larger}."),
        )  # fmt: skip
    questions.append(
        ask("steps", "allowed", "yes" if allowed else "no", f"can the {name} be set to {shown}?",
            f"does the {product} allow a {name} of {shown}?", f"would {shown} be a valid {name}?"),
    )  # fmt: skip
    return Document("\n".join(lines), tuple(questions))


def alarms(device: Device, product: str, v: Values) -> Document:
    """A warning and an alarm, each above a value of one reading."""
    reading = v.rng.choice(device.readings)
    name, unit, step = reading.name, reading.unit, reading.step
    warning, alarm = _code("W", v), _code("A", v)
    first = _lowest(reading, v)
    second = first + v.number(3 * step, 7 * step, step)
    delay = v.number(2, 30)
    high = v.yes()
    tried = second + v.rng.randint(1, 3) * step if high else v.rng.randrange(first + step, second, step)
    shown = _converted(tried, unit) if v.hard else f"{tried} {unit}"
    text = (
        f"{_capital(name)} above {first} {unit}: warning {warning}. Above {second} {unit}: alarm {alarm} instead, "
        f"and the {product} stops after {delay} seconds."
    )
    questions = (
        ask("lookup", "alarm_limit", f"{second} {unit}", f"above which {name} does alarm {alarm} appear?",
            f"what is the {name} limit of {alarm}?", f"past what {name} is {alarm} raised?"),
        ask("lookup", "warning_limit", f"{first} {unit}", f"above which {name} does warning {warning} appear?",
            f"what is the {name} limit of {warning}?", f"past what {name} is {warning} raised?"),
        ask("lookup", "delay", f"{delay} seconds", f"how long after alarm {alarm} does the {product} stop?",
            f"after what time does {alarm} stop the {product}?",
            f"how soon is the {product} shut down by {alarm}?"),
        ask("steps", "code_at_value", alarm if high else warning, f"which code appears at a {name} of {shown}?",
            f"what code is shown when the {name} reaches {shown}?",
            f"name the code to expect when the {name} has come to {shown}."),
        ask("steps", "between", f"{second - first} {unit}",
            f"how far apart are the limits of {warning} and {alarm}?",
            f"by how much is the limit of {alarm} above that of {warning}?",
            f"subtract the limit of {warning} from the limit of {alarm}."),
    )  # fmt: skip
    return Document(text, questions)


def faults(device: Device, product: str, v: Values) -> Document:
    """Codes with cause and remedy."""
    rows = sorted((_code("E", v), *fault) for fault in v.rng.sample(device.faults, 4 if v.hard else 3))
    text = "\n".join(f"{code}: {cause}. Remedy: {remedy}." for code, cause, remedy in rows)
    code, cause, remedy = v.rng.choice(rows)
    questions = (
        ask("lookup", "remedy", remedy, f"what is the remedy for code {code}?",
            f"what should be done when the {product} shows {code}?", f"how does one get rid of {code}?"),
        ask("lookup", "cause", cause, f"what is the cause of code {code}?",
            f"what does code {code} of the {product} mean?", f"why would the {product} report {code}?"),
        ask("compare", "code_of_cause", code, f'which code means "{cause}"?', f'what is the code for "{cause}"?',
            f'what does the {product} report in the case of "{cause}"?'),
        ask("compare", "code_of_remedy", code, f'which code has the remedy "{remedy}"?',
            f'for which code does one have to "{remedy}"?', f'against which code does it help to "{remedy}"?'),
        ask("compare", "remedy_of_cause", remedy, f'what is the remedy for "{cause}"?',
            f'what should be done about "{cause}"?', f'how does one get rid of "{cause}"?'),
    )  # fmt: skip
    return Document(text, questions)


def maintenance(device: Device, product: str, v: Values) -> Document:
    """A table of parts: how often each is serviced, and how long that takes."""
    sampled = v.rng.sample(device.parts, 4 if v.hard else 3)
    long = v.rng.sample(sampled, 2) if v.hard else []
    rows = [
        (part, v.number(40, 290, 10), v.number(2, 6) * 60 if part in long else v.number(5, 55, 5))
        for part in sampled
    ]
    unit = device.interval
    lines = [
        "Part | Service every | Takes",
        *(f"{p} | {every} {unit} | {_duration(m, v)}" for p, every, m in rows),
    ]
    part, every, minutes = v.rng.choice(rows)
    # At the hard level, one of the two times to add up is in hours and the other in minutes.
    others = [row for row in rows if row[0] != part and (not v.hard or (row[0] in long) != (part in long))]
    other, _, more = v.rng.choice(others)
    done = v.number(400, 900, 10)
    questions = [
        ask("lookup", "interval", f"{every} {unit}", f"how often is the {part} serviced?",
            f"what is the service interval of the {part}?",
            f"after how many {unit} must the {part} be looked at?"),
        ask("lookup", "takes", _duration(minutes, v), f"how long does service of the {part} take?",
            f"what time does it take to service the {part}?", f"how much time should be planned for the {part}?"),
        ask("steps", "next_service", f"{done + every} {unit}",
            f"when is the {part} due again after service at {done} {unit}?",
            f"if the {part} was serviced at {done} {unit}, when is it due next?",
            f"add one interval of the {part} to {done} {unit}."),
        ask("steps", "both", f"{minutes + more} minutes",
            f"how many minutes does it take to service the {part} and the {other}?",
            f"what is the service time of the {part} and the {other} together, in minutes?",
            f"add the time for the {part} to that for the {other}, in minutes."),
    ]  # fmt: skip
    for kind, column, first, second, unseen in (
        (
            "longest_interval",
            1,
            "has the longest service interval",
            "is serviced least often",
            "can be left alone longest",
        ),
        (
            "shortest_interval",
            -1,
            "has the shortest service interval",
            "is serviced most often",
            "needs care soonest",
        ),
        (
            "takes_longest",
            2,
            "takes the longest time to service",
            "has the longest service time",
            "keeps one busy longest",
        ),
    ):
        ranked = sorted(rows, key=lambda row: _cell(row, column), reverse=True)
        if _cell(ranked[0], column) != _cell(ranked[1], column):
            wordings = (
                f"which part {first}?",
                f"which part of the {product} {second}?",
                f"name the part that {unseen}.",
            )
            questions.append(ask("compare", kind, ranked[0][0], *wordings))
    return Document("\n".join(lines), tuple(questions))


def procedure(device: Device, product: str, v: Values) -> Document:
    """Numbered steps."""
    steps = v.rng.sample(device.steps, 5 if v.hard else 4)
    place = v.rng.randrange(1, len(steps))
    before, after = steps[place - 1], steps[place]
    to = device.procedure
    lines = [f"To {to}:", *(f"{number}. {_capital(step)}." for number, step in enumerate(steps, 1))]
    questions = (
        ask("lookup", "numbered_step", after, f"what is step {place + 1} of the procedure to {to}?",
            f"what is done in step {place + 1} to {to}?",
            f"in the list of how to {to}, what stands at number {place + 1}?"),
        ask("lookup", "first_step", steps[0], f"what is the first step to {to}?", f"to {to}, what is done first?",
            f"when one has to {to}, which action opens the job?"),
        ask("compare", "last_step", steps[-1], f"what is the last step to {to}?", f"to {to}, what is done last?",
            f"when one has to {to}, which action finishes the job?"),
        ask("compare", "step_after", after, f'which step comes right after "{before}"?',
            f'what is done directly after "{before}"?', f'what follows when one is through with "{before}"?'),
        ask("steps", "step_before", before, f'which step comes right before "{after}"?',
            f'what is done directly before "{after}"?', f'what must be finished just ahead of "{after}"?'),
    )  # fmt: skip
    return Document("\n".join(lines), questions)


SECTIONS: tuple[Section, ...] = (limits, alarms, faults, maintenance, procedure)


def convert(value: int, unit: str) -> str:
    """Return a value in the larger unit.

    >>> convert(250, "kPa"), convert(120, "minutes"), convert(60, "minutes")
    ('2.5 bar', '2 hours', '1 hour')
    """
    larger, factor = CONVERSIONS[unit]
    if value == factor:
        return f"1 {larger.removesuffix('s')}"
    return f"{value / factor:g} {larger}"


def _converted(value: int, unit: str) -> str:
    return convert(value, unit) if unit in CONVERSIONS else f"{value} {unit}"


def _lowest(q: Quantity, v: Values) -> int:
    start = q.low + (ABOVE * q.step if v.unseen else 0)
    return v.number(start, start + 4 * q.step, q.step)


def _limits_of(s: Quantity, v: Values) -> tuple[int, int, int]:
    """Return minimum, factory value and maximum. The gaps are of two ranges too, as questions ask about them."""
    low = _lowest(s, v)
    mid = low + v.number(2 * s.step, 4 * s.step, s.step)
    high = mid + v.number(3 * s.step, 7 * s.step, s.step)
    return low, mid, high


def _duration(minutes: int, v: Values) -> str:
    return convert(minutes, "minutes") if v.hard and minutes % 60 == 0 and minutes > 60 else f"{minutes} minutes"


def _cell(row: tuple[str, int, int], column: int) -> int:
    """Return a number of a row; a negative column turns the order round."""
    number = row[abs(column)]
    assert isinstance(number, int)
    return number if column > 0 else -number


def _code(letter: str, v: Values) -> str:
    return f"{letter}{v.number(10, 49)}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
