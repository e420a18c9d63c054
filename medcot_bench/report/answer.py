"""The answer of a study, the same in every format: what works, what is best, what it costs, what was asked.

At most twelve lines: a title, a table of methods, then a sentence or two to a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medcot_bench.report.blocks import Block, Items, Paragraph, Table
from medcot_bench.report.format import duration, listed, rounded, size
from medcot_bench.report.headline import Headline, choose_pair, write_headline
from medcot_bench.report.notes import UNTUNED, write_rates
from medcot_bench.report.recommendation import ONE_SEED, write_bar, write_recommendation
from medcot_bench.results.answer import FEW_ITEMS, MethodAnswer, TaskAnswer
from medcot_bench.results.leaderboard import Leaderboard
from medcot_bench.results.recommendations import Recommendation
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.p_values import ENOUGH_SEEDS
from medcot_bench.stats.verdict import LEAST_SEEDS
from medcot_bench.text import counted

MOST_LINES = 12
LEAST_ROWS = 2
FEW_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    """A title and a table of methods, as far as something is scored, then lines."""

    title: str
    table: Table | None
    lines: tuple[str, ...]

    @property
    def blocks(self) -> Iterator[Block]:
        """The same as parts of a document."""
        if self.title:
            yield Paragraph(self.title)
        if self.table:
            yield self.table
        yield Items(self.lines)


def write_answer(board: Leaderboard) -> Answer:
    """Say what a study answers; the table is of the training task that the headline tells of."""
    headline = write_headline(board)
    found = _choose_main(board)
    if found is None:
        return Answer("", None, tuple(headline.lines))
    others = [_write_other(board, one) for one in board.answers if one is not found]
    pair = choose_pair(board)
    asked = [headline.in_domain] if pair else []
    asked += [line for line in (headline.out_of_domain, headline.verdict) if line]
    caveats = [*_write_caveats(board, found, headline), *_write_other_score(headline, found)]
    advice = _write_advice(board, found)
    lines = [
        *([advice] if advice else []),
        *([" ".join(others)] if others else []),
        *asked,
        *([f"Caveats: {'; '.join(caveats)}."] if caveats else []),
        headline.next_step,
    ]
    shown = _choose_methods(found, max(LEAST_ROWS, MOST_LINES - 2 - len(lines)))
    return Answer(_write_title(found, len(shown)), _draw(found, shown), tuple(lines))


def _choose_main(board: Leaderboard) -> TaskAnswer | None:
    """Return the answer to show first: that of the gap's training task."""
    pair = choose_pair(board)
    of_pair = [one for one in board.answers if pair and one.task == pair[0].task]
    return next(iter([*of_pair, *board.answers]), None)


def _write_title(found: TaskAnswer, shown: int) -> str:
    direction = "" if found.higher_is_better else " (lower is better)"
    size = f"{counted(found.items, 'item')} in {counted(found.groups, 'group')}"
    size = counted(found.items, "item") if found.groups in (0, found.items) else size
    seeds = f", {counted(found.seeds, 'seed')}" if found.seeds else ""
    known = [f"base model {rounded(found.base.value)}"] if found.base else []
    known += [f"chance {found.chance:.2f}"] if found.chance is not None else []
    beside = f"; {', '.join(known)}" if known else ""
    some = f"; {shown} of {counted(len(found.methods), 'method')}" if shown < len(found.methods) else ""
    trained = "Trained and scored on" if found.trained else "Scored on"
    return f"{trained} {found.task} by {found.score}{direction}: {size}{seeds}{beside}{some}."


def _choose_methods(found: TaskAnswer, most: int) -> list[MethodAnswer]:
    """Return the best methods, the recommended one among them, the best first."""
    by_need = sorted(found.methods, key=lambda one: not one.recommended)
    chosen = {one.method for one in by_need[:most]}
    return [one for one in found.methods if one.method in chosen]


def _draw(found: TaskAnswer, methods: Sequence[MethodAnswer]) -> Table | None:
    if not methods:
        return None
    rows = [
        [
            one.method,
            rounded(one.score.value),
            _write_gain(one.gain),
            size(one.peak_bytes),
            "" if one.train_seconds is None else duration(one.train_seconds),
            size(one.adapter_bytes),
            one.place or "",
        ]
        for one in methods
    ]
    headers = ["method", "score", "gain over base model", "memory", "time", "saved", "rank"]
    filled = [place for place in range(len(headers)) if any(row[place] for row in rows)]
    return Table([headers[place] for place in filled], [[row[place] for place in filled] for row in rows])


def _write_gain(gain: Contrast | None) -> str:
    """Write a gain with its 95% CI."""
    if gain is None:
        return ""
    ends = gain.interval()
    between = f" ({ends[0] + 0.0:+.2f} to {ends[1] + 0.0:+.2f})" if ends else ""
    return f"{gain.value + 0.0:+.2f}{between}"


# --- what works, and what to take ---


def _write_advice(board: Leaderboard, found: TaskAnswer) -> str:
    """Say what works, what is recommended, and what it would take to show what is not shown."""
    advice = _recommendation(board, found)
    said = write_recommendation(advice) if advice else [_write_working(found)]
    return " ".join(one for one in (*said, _write_items_needed(found)) if one not in ("", ONE_SEED))


def _recommendation(board: Leaderboard, found: TaskAnswer) -> Recommendation | None:
    return next((one for one in board.recommendations if found.trained and one.task == found.task), None)


def _write_working(found: TaskAnswer) -> str:
    working = [one.method for one in found.methods if one.works]
    bar = write_bar(found.chance)
    if working:
        return f"Shown to beat {bar}: {listed(working)}."
    if found.base is None:
        return "The base model was not scored, so no gain can be shown; add none to --adapters."
    return f"No method is shown to beat {bar}." if found.methods else ""


def _write_items_needed(found: TaskAnswer) -> str:
    """Say how many items would show the gain of the best method that is not shown to work."""
    gains = [(one, one.gain) for one in found.methods if one.gain and one.gain.value > 0]
    if not gains or any(one.works for one in found.methods):
        return ""
    best, gain = gains[0]
    if best.items_needed:
        items = counted(best.items_needed, "item")
        return f"About {items} would show that {best.method} does, if it is as good as it seems."
    if found.chance is None and 1 < gain.seeds < ENOUGH_SEEDS:
        seeds = counted(gain.seeds, "seed")
        return f"After Holm correction, {seeds} are too few for the gain of {best.method}, {rounded(gain.value)}."
    return ""


def _write_other(board: Leaderboard, found: TaskAnswer) -> str:
    """Say in a sentence what another training task answers."""
    advice = _recommendation(board, found)
    if advice:
        return write_recommendation(advice)[0]
    return f"{found.task} ({found.score}): {_write_working(found)}"


# --- what to mind ---


def _write_caveats(board: Leaderboard, found: TaskAnswer, headline: Headline) -> list[str]:
    """Return the caveats that matter, as parts of one sentence, but for what the verdict says."""
    said = []
    if found.unparsed:
        said.append(f"hardly any answer of {listed(found.unparsed)} could be read (an example is in the notes)")
    if found.items < FEW_ITEMS:
        shows = f", only differences above about {rounded(found.smallest)} show" if found.smallest else ""
        said.append(f"only {counted(found.items, 'item')} scored{shows}")
    if 0 < found.groups < min(FEW_GROUPS, found.items):
        said.append(f"only {counted(found.groups, 'group')} of items")
    if 0 < found.seeds < LEAST_SEEDS and " seed" not in headline.verdict:
        one_seed = "one seed compares trained models, not methods"
        said.append(one_seed if found.seeds == 1 else f"only {counted(found.seeds, 'seed')}")
    if write_rates(board.rows, board.trials) == UNTUNED and len(found.methods) > 1:
        said.append("learning rates are not tuned")
    return said


def _write_other_score(headline: Headline, found: TaskAnswer) -> Iterator[str]:
    """Say why gaps are by another score than the table."""
    if headline.score not in ("", found.score):
        yield f"gaps are by {headline.score}, since {found.score} is not comparable between the tasks"
