"""Tables beside the answer: prompting, matched gaps, drift, ablation, prompts, training items, learning rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from statistics import fmean
from typing import Literal

from medcot_bench.report.blocks import Block, Heading, Paragraph, Table
from medcot_bench.report.format import interval
from medcot_bench.report.names import trained_on
from medcot_bench.report.rate_table import RATE_CHECKS, rate_check_table
from medcot_bench.results.comparisons import Factor, FactorEffect, Matched, Prompted, Reading
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.text import counted

DESCRIPTIVE, INCONCLUSIVE = str(Reading.DESCRIPTIVE), str(Reading.INCONCLUSIVE)
MATCHED = (
    "Gaps out of domain by gold_nll, at the end of training and at a matched in-domain score; above 0, full "
    "fine-tuning is better. The matched score is the worse of the two ends of training; items at it are "
    "interpolated between checkpoints. Seeds that reach it before the first checkpoint are left out of the "
    "matched gap. A significant matched gap means better generalisation. An adapter is called under-trained where "
    "the matched gap is not significant, but the gap at the end is, and so is their difference. Tests after Holm "
    "correction over all adapters, shifts and training tasks; those at other learning rates are a family of their "
    "own."
)
DIVERGENCE = (
    "KL is KL(base || model) in nats per token, along the right answers of items of the training task that were "
    "not trained on: mean over seeds, with minimum and maximum. The reference is the base model that training "
    "started from."
)
FORGETTING = (
    "General-text NLL is in nats per byte, on text that is about none of the tasks. Forgetting is its increase "
    "over the base model that training started from: above 0, something was lost."
)
LABELS = {
    Factor.SCOPE: "all layers - some layers",
    Factor.RANK: "full rank - low rank",
    Factor.INTERACTION: "layers x rank interaction",
    Factor.BITS: "16/32-bit base - 4-bit base",
    Factor.PROMPT: "prompt trained on - other prompt",
}
FACTORS = (
    "How much better the first is: above 0 it is better, whichever way the score goes. Each main effect is the "
    "mean over the other factor; the interaction says how far one depends on the other. P-values after Holm "
    "correction over all effects by one score."
)
PROMPTS = (
    "How much better a model is by the prompt that it was trained on than by another prompt for the same items. "
    "P-values after Holm correction over the adapters."
)
SIZES = (
    "How much better full fine-tuning is than the adapter, on the same training items. Tenfold: the slope of the "
    "least-squares line over log10 of the number of items. P-values after Holm correction over the adapters."
)
PROMPTED = (
    "Each trained model, on the task it was trained on, beside the base model by the study's prompt and by "
    "others, paired by item; 95% CI over items and training seeds. Tests after Holm correction over the lines of "
    "one task. The same: within the margin."
)


def effect_sections(board: Leaderboard) -> Iterator[Block]:
    """Yield heading, table and explanation of everything that the study has."""
    if board.prompted:
        yield from _section("Is training needed at all?", prompting_table(board), PROMPTED)
    if board.matched:
        yield from _section("Under-training or worse generalisation?", matched_table(board), MATCHED)
    if any(row.divergence or row.forgetting for row in board.rows):
        measured = any(row.forgetting for row in board.rows)
        about = f"{DIVERGENCE} {FORGETTING}" if measured else DIVERGENCE
        yield from _section("Drift from the base model", drift_table(board), about)
    if board.factors:
        yield from _section("Ablation: layers, rank and bits", factor_table(board.factors), FACTORS)
    if board.prompts:
        yield from _section("Does the wording of the prompt matter?", factor_table(board.prompts), PROMPTS)
    if board.sizes:
        yield from _section("Does the gap depend on the number of training items?", size_table(board), SIZES)
    if board.rate_checks:
        table = rate_check_table(board.rate_checks)
        yield from _section("Do verdicts depend on the learning rate?", table, RATE_CHECKS)
    if board.trials:
        yield from (Heading("Learning rates tried", 3), trial_table(board))


def _section(title: str, table: Table, about: str) -> Iterator[Block]:
    yield from (Heading(title, 3), table, Paragraph(about))


def prompting_table(board: Leaderboard) -> Table:
    """Return how far trained models are ahead of the base model by each prompt."""
    rows = [
        [
            found.task,
            found.adapter,
            found.prompt,
            f"{interval(found.ahead, signed=True)} {found.score}",
            "" if found.difference is None else f"{found.difference:.2g}",
            str(found.ahead.items),
            read_prompting(found),
        ]
        for found in board.prompted
    ]
    headers = ["trained on", "adapter", "prompt of the base model", "trained better by", "p", "items", "reading"]
    return Table(headers, rows)


def read_prompting(found: Prompted) -> str:
    """Say what a comparison of training with prompting shows."""
    finding = found.finding
    if not found.settled:
        return DESCRIPTIVE if found.ahead.seeds == 1 else INCONCLUSIVE
    if finding.sign == "< 0":
        return "prompting is better"
    if finding.negligible:
        return "the same"
    return "training is better" if finding.sign == "> 0" else INCONCLUSIVE


def matched_table(board: Leaderboard) -> Table:
    """Return the gaps out of domain at the end of training, and at a matched in-domain score."""
    headers = [
        "trained on",
        "adapter",
        "out of domain",
        "gap at the end",
        "full ahead in domain",
        "matched gap",
        "reading",
    ]
    rows = [
        [
            found.task,
            found.adapter,
            found.shift,
            interval(found.gap_at_end, signed=True),
            f"{found.further:+.3f}",
            _matched_gap(found),
            read_matched(found),
        ]
        for found in board.matched
    ]
    return Table(headers, rows)


def _matched_gap(found: Matched) -> str:
    """Write the matched gap, with its number of seeds where some are left out of it."""
    gap = [interval(found.gap_at_level, signed=True)] if found.gap_at_level else []
    some = [f"{found.seeds} of {counted(found.seeds + found.left_out, 'seed')}"] if found.left_out else []
    return ", ".join([*gap, *some])


def read_matched(found: Matched) -> str:
    """Say what a gap at a matched in-domain score shows, with the number of seeds."""
    said = {
        Reading.FULL_GENERALISES: "full fine-tuning generalises better",
        Reading.ADAPTER_GENERALISES: f"{found.adapter} generalises better",
        Reading.UNDER_TRAINED: f"{found.adapter} is under-trained",
        Reading.FURTHER_TRAINED: f"{found.adapter} is trained further",
    }
    return said.get(found.reading, str(found.reading))


def drift_table(board: Leaderboard) -> Table:
    """Return how far training took the models from their base model, and what that cost on general text."""
    headers = ["trained on", "adapter", "KL from base", "over seeds"]
    measured = any(row.forgetting for row in board.rows)
    headers += ["general-text NLL", "forgetting", "over seeds"] if measured else []
    rows = []
    for row in board.rows:
        if not row.divergence and not row.forgetting:
            continue
        cells = [trained_on(row), row.adapter, *_spread(row, row.divergence, "")]
        if row.forgetting:
            cells += [f"{row.forgetting.nll:.3f}", *_spread(row, row.forgetting.changes, "+")]
        rows.append([*cells, *[""] * (len(headers) - len(cells))])
    return Table(headers, rows)


def _spread(row: Row, by_seed: Mapping[int, float], sign: Literal["", "+"]) -> list[str]:
    """Write the mean over seeds, minimum and maximum where there are several, and how many if not all."""
    values = [*by_seed.values()]
    if not values:
        return ["", ""]
    # Adding 0.0 makes a negative zero a plain one.
    mean, least, most = (f"{round(v, 3) + 0.0:{sign}.3f}" for v in (fmean(values), min(values), max(values)))
    spread = [f"{least} to {most}"] if len(values) > 1 else []
    some = [f"{len(values)} of {counted(len(row.seeds), 'seed')}"] if len(values) < len(row.seeds) else []
    return [mean, ", ".join([*spread, *some])]


def factor_table(effects: Iterable[FactorEffect]) -> Table:
    """Return the effects of layers, rank and bits, or of prompts."""
    rows = [
        [
            found.trained,
            found.task,
            found.score,
            LABELS[found.effect],
            interval(found.found, signed=True),
            _p_value(found.found, found.p_value),
            ", ".join(found.adapters),
        ]
        for found in effects
    ]
    return Table(["trained on", "scored on", "score", "effect", "difference", "p", "rows"], rows)


def size_table(board: Leaderboard) -> Table:
    """Return the gaps at every number of training items, and what ten times as many add."""
    rows = [
        [
            found.trained,
            found.adapter,
            found.task,
            found.score,
            "; ".join(f"{count}: {interval(gap, signed=True)}" for count, gap in found.gaps.items()),
            interval(found.slope, signed=True),
            _p_value(found.slope, found.p_value),
        ]
        for found in board.sizes
    ]
    return Table(["trained on", "adapter", "scored on", "score", "items: gap", "tenfold adds", "p"], rows)


def _p_value(found: Contrast, p_value: float | None) -> str:
    """Write a p-value, and with one seed that it is about these models only."""
    written = [] if p_value is None else [f"{p_value:.2g}"]
    return ", ".join([*written, *([DESCRIPTIVE] if found.seeds == 1 else [])])


def trial_table(board: Leaderboard) -> Table:
    """Return the learning rates tried, the chosen ones and those within the noise of them marked."""
    rows = [
        [
            trial.adapter,
            trial.task,
            str(trial.seed),
            f"{trial.rate:g}",
            "diverged" if trial.loss is None else f"{trial.loss:.4f}",
            f"{trial.seconds:.1f}",
            "chosen" if trial.chosen else "within the noise" if trial.kept else "",
        ]
        for trial in board.trials
    ]
    return Table(["adapter", "trained on", "seed", "lr", "validation NLL", "seconds", "choice"], rows)
