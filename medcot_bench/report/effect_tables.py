"""Tables beside the answer: gaps at equal value, scope and rank apart, and the learning rates tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Literal

from medcot_bench.report.gap_tables import Table, interval
from medcot_bench.results.leaderboard import FactorEffect, Leaderboard, Prompted, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.verdict import Verdict

DESCRIPTIVE = str(Verdict.DESCRIPTIVE)
MATCHED = (
    "By gold_nll, full less adapter (or full at another rate), more is better for full. The level is the value "
    "on the training task that both reach, the worse of the two ends of training; items at it are interpolated "
    "between checkpoints. One generalises better where the gap at that level is told from zero; the adapter "
    "learnt less (or more) where it is not, but the plain gap is, and so is what the level makes of it. Tests by "
    "Holm over all adapters, shifts and training tasks, those of other rates apart."
)
DIVERGENCE = (
    "KL divergence KL(base || model) from the base that a training started from, in nats a token, along the "
    "right answers of items of the training task that were not trained on: the mean over seeds, and the least and "
    "the most. Where it is small, little was changed."
)
FORGETTING = (
    "General text: how well the model still predicts a text that is about none of the tasks, in nats per byte. "
    "Forgetting is how much more that is than for the base that the training started from: above 0, something "
    "was lost."
)
FACTORS = (
    "How much better models are for training all layers and not some, and for updates of full and not low "
    "rank, each in the mean over the other; the interaction says how far one depends on the other; 16 or 32 bits, "
    "not 4: low rank on the base as it is, less low rank on a base in 4 bits. P-values are by Holm over all "
    "effects by one score."
)

PROMPTS = (
    "How much better a model is by the prompt that it was trained on than by another for the same items. What the "
    "other prompt makes of the gap to full fine-tuning stands with the other shifts. P-values are by Holm over "
    "the adapters."
)

SIZES = (
    "Full less adapter, trained on the same items, more is better for full. Tenfold: the least-squares line of "
    "the gap over the logarithm of the number of items. P-values are by Holm over the adapters."
)

PROMPTED = (
    "Each trained model, on the task it was trained on, beside the untouched base by the study's prompt and by "
    "others, paired by item; intervals are over items and training seeds. Tests are by Holm over the lines of one "
    "training task. The same means within the margin."
)


def sections(leaderboard: Leaderboard) -> Iterator[tuple[str, Table, str]]:
    """Yield title, table and explanation of what the study has."""
    if leaderboard.prompted:
        yield "Is training needed at all?", compare_with_prompting(leaderboard), PROMPTED
    if leaderboard.matched:
        yield "Learnt less, or generalises better?", matched(leaderboard), MATCHED
    if any(row.divergence or row.forgetting for row in leaderboard.rows):
        measured = any(row.forgetting for row in leaderboard.rows)
        about = " ".join([DIVERGENCE, *([FORGETTING] if measured else [])])
        yield "How far from the base?", distances(leaderboard), about
    if leaderboard.factors:
        yield "Which weights, and which update?", factors(leaderboard.factors, leaderboard), FACTORS
    if leaderboard.prompts:
        yield "Does the wording of the prompt matter?", factors(leaderboard.prompts, leaderboard), PROMPTS
    if leaderboard.sizes:
        yield "Does the gap change with the number of training items?", sizes(leaderboard), SIZES


def compare_with_prompting(leaderboard: Leaderboard) -> Table:
    """Return how far trained models are ahead of the base by each prompt."""
    rows = [
        [
            leaderboard.tasks[found.task],
            found.adapter,
            found.prompt,
            found.score,
            interval(found.ahead, signed=True),
            "" if found.difference is None else f"{found.difference:.2g}",
            str(found.ahead.items),
            reading(found),
        ]
        for found in leaderboard.prompted
    ]
    headers = ["trained on", "adapter", "prompt of the base", "score", "trained ahead by", "p", "n", "reading"]
    return headers, rows


def reading(found: Prompted) -> str:
    """Say what a comparison of training with prompting tells."""
    told = found.finding
    if not found.settled:
        return DESCRIPTIVE if found.ahead.seeds == 1 else "undetermined"
    if told.sign == "below":
        return "prompting is better"
    if told.negligible:
        return "the same"
    return "training is better" if told.sign == "above" else "undetermined"


def matched(leaderboard: Leaderboard) -> Table:
    """Return the gaps under shift at the end, and at equal value on the training task."""
    headers = [
        "trained on",
        "adapter",
        "shift",
        "gap under shift",
        "full further by",
        "level",
        "gap at that level",
    ]
    rows = [
        [
            leaderboard.tasks.get(found.task, found.task),
            found.adapter,
            leaderboard.tasks[found.shift],
            interval(found.plain, signed=True),
            f"{found.further:+.3f}",
            f"{found.level:.3f}",
            interval(found.gap, signed=True),
            str(found.seeds),
            found.reading,
        ]
        for found in leaderboard.matched
    ]
    return [*headers, "seeds", "reading"], rows


def distances(leaderboard: Leaderboard) -> Table:
    """Return how far training took the models from their base, and what that cost on general text."""
    headers = ["trained on", "adapter", "KL from the base", "over seeds"]
    measured = any(row.forgetting for row in leaderboard.rows)
    headers += ["general text, nats/byte", "forgetting, nats/byte", "over seeds"] if measured else []
    rows = []
    for row in leaderboard.rows:
        if not row.divergence and not row.forgetting:
            continue
        cells = [leaderboard.trained_on(row) or "nothing", row.adapter, *_spread(row, row.divergence, "")]
        if row.forgetting:
            cells += [f"{row.forgetting.nll:.3f}", *_spread(row, row.forgetting.changes, "+")]
        rows.append([*cells, *[""] * (len(headers) - len(cells))])
    return headers, rows


def _spread(row: Row, by_seed: Mapping[int, float], sign: Literal["", "+"]) -> list[str]:
    """Write the mean over seeds, the least and the most where there are several, and how many if not all."""
    values = [*by_seed.values()]
    if not values:
        return ["", ""]
    # Adding 0.0 makes a negative zero a plain one.
    mean, least, most = (f"{round(v, 3) + 0.0:{sign}.3f}" for v in (fmean(values), min(values), max(values)))
    spread = [f"{least} to {most}"] if len(values) > 1 else []
    lacking = [f"{len(values)} of {len(row.seeds)} seeds"] if len(values) < len(row.seeds) else []
    return [mean, ", ".join([*spread, *lacking])]


def factors(effects: Iterable[FactorEffect], leaderboard: Leaderboard) -> Table:
    """Return the effects of scope, rank and bits, or of prompts."""
    rows = [
        [
            leaderboard.tasks.get(found.trained, found.trained),
            leaderboard.tasks[found.task],
            found.score,
            found.effect,
            interval(found.found, signed=True),
            _tested(found.found, found.p_value),
            ", ".join(found.adapters),
        ]
        for found in effects
    ]
    return ["trained on", "scored on", "score", "effect", "better by", "p", "from"], rows


def sizes(leaderboard: Leaderboard) -> Table:
    """Return the gaps at every number of training items, and what ten times as many add."""
    rows = [
        [
            leaderboard.tasks.get(found.trained, found.trained),
            found.adapter,
            leaderboard.tasks[found.task],
            found.score,
            "; ".join(f"{count}: {interval(gap, signed=True)}" for count, gap in found.gaps.items()),
            interval(found.slope, signed=True),
            _tested(found.slope, found.p_value),
        ]
        for found in leaderboard.sizes
    ]
    return ["trained on", "adapter", "scored on", "score", "gap at items", "tenfold adds", "p"], rows


def _tested(found: Contrast, p_value: float | None) -> str:
    """Write a p-value, and with one seed that it is about these models only."""
    told = [] if p_value is None else [f"{p_value:.2g}"]
    return ", ".join([*told, *([DESCRIPTIVE] if found.seeds == 1 else [])])


def trials(leaderboard: Leaderboard) -> Table:
    """Return the learning rates tried, the chosen ones marked."""
    rows = [
        [
            trial.adapter,
            leaderboard.tasks.get(trial.task, trial.task),
            str(trial.seed),
            f"{trial.rate:g}",
            "diverged" if trial.loss is None else f"{trial.loss:.4f}",
            f"{trial.seconds:.1f}",
            "chosen" if trial.chosen else "",
        ]
        for trial in leaderboard.trials
    ]
    return ["adapter", "trained on", "seed", "lr", "gold_nll on validation items", "s", ""], rows
