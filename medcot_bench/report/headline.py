"""The answer in words, four lines: in domain, out of domain, the verdict, what would settle it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medcot_bench.report.format import listed, rounded
from medcot_bench.report.names import method
from medcot_bench.report.next_step import write_next_step
from medcot_bench.results.comparisons import Persistence, Side
from medcot_bench.results.leaderboard import USUAL, Leaderboard, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.stats.verdict import LEAST_SEEDS, GapChange, GapSummary, Standing
from medcot_bench.text import counted

SUMMARIES = {
    GapSummary.PERSISTS: "the gap persists out of domain",
    GapSummary.EMERGES: "the gap emerges out of domain: {adapter} is level with {full} in domain and behind there",
    GapSummary.WIDENS: "the gap widens out of domain",
    GapSummary.SHRINKS: "the gap shrinks out of domain",
    GapSummary.VANISHES: "the gap vanishes out of domain",
    GapSummary.REVERSES: "the gap reverses out of domain: {leader} leads there",
    GapSummary.LEVEL: "{adapter} is level with {full} in domain and out of domain",
    GapSummary.BEHIND: "{adapter} is behind {full} in domain and out of domain; {change}",
    GapSummary.AHEAD: "{adapter} is ahead of {full} in domain and out of domain",
}
STANDINGS = {
    Standing.BEHIND: "behind {full}",
    Standing.LEVEL: "level with {full}",
    Standing.AHEAD: "ahead of {full}",
}
INCONCLUSIVE = "inconclusive after Holm correction"
ONE_SEED = "none. One seed compares two trained models, not two methods"
FEW_SEEDS = "none. A verdict takes {least} seeds or more"
NO_FULL = "Verdict: none. The study has no full fine-tuning to measure a gap against."
NO_ADAPTER = "Verdict: none. The study has no adapter beside full fine-tuning to measure a gap of."


@dataclass(frozen=True, slots=True)
class Headline:
    """What a study shows, a line each; a line that there is nothing to say in is empty."""

    in_domain: str
    out_of_domain: str
    verdict: str
    next_step: str
    score: str = ""
    """What the findings are by; empty where there are none."""

    @property
    def lines(self) -> list[str]:
        """The lines that say something."""
        return [line for line in (self.in_domain, self.out_of_domain, self.verdict, self.next_step) if line]


def write_headline(board: Leaderboard) -> Headline:
    """Say what a study shows of full fine-tuning beside one adapter, or of the best method beside the base model.

    The adapter is the first that trains some layers only, else the recommended one, else the first beside full
    fine-tuning. Gaps are by the study's primary score, or the first of the usual ones that both have.
    """
    if (pair := choose_pair(board)) and (headline := _write_gap(board, *pair)):
        return headline
    return _write_best(board)


def choose_pair(board: Leaderboard) -> tuple[Row, Row] | None:
    """Return full fine-tuning and the adapter to tell of, of the first training task that has both."""
    for full in (row for row in board.rows if row.reference):
        beside = [row for row in board.rows if (row.task, row.against) == (full.task, full.adapter)]
        partial = [row for row in beside if row.some_layers and row.update != "full"]
        advised = {one.recommended for one in board.recommendations if one.task == full.task}
        recommended = [row for row in beside if row.adapter in advised]
        if chosen := next(iter([*partial, *recommended, *beside]), None):
            return full, chosen
    return None


def _write_gap(board: Leaderboard, full: Row, adapter: Row) -> Headline | None:
    found = _choose_comparison(board, adapter)
    task = str(adapter.task)
    if found:
        score, gap, apart = found.score, found.in_domain.gap.found, found.out_of_domain
        kept = _write_kept(apart, found.share, adapter)
        out_of_domain = f"Out of domain ({apart.task}): {_lead(apart.gap.found, full, adapter, score)}{kept}."
        verdict = _write_verdict(board, found, full, adapter)
    else:
        gaps = adapter.tasks[task].gaps if task in adapter.tasks else {}
        named = next((name for name in _wanted(board) if name in gaps), None)
        if named is None:
            return None
        score, gap = named, gaps[named]
        out_of_domain = "Out of domain: not measured."
        verdict = "Verdict: none on whether the gap persists out of domain."
    kept = _write_kept(found.in_domain, found.share, adapter) if found else ""
    return Headline(
        in_domain=f"In domain ({task}): {_lead(gap, full, adapter, score)}{kept}.",
        out_of_domain=out_of_domain,
        verdict=verdict,
        next_step=write_next_step(board, found, seeds=gap.seeds),
        score=score,
    )


def _wanted(board: Leaderboard) -> list[str]:
    """Return the scores to tell of, the first that is there."""
    return [*dict.fromkeys([board.primary, *USUAL])]


def _choose_comparison(board: Leaderboard, adapter: Row) -> Persistence | None:
    """Return the comparison to tell of: one that can be made, another domain before a graded shift."""
    wanted = _wanted(board)
    own = [
        one
        for one in board.persistence
        if (one.task, one.adapter) == (adapter.task, adapter.adapter) and one.score in wanted
    ]
    return min(
        own,
        key=lambda one: (one.did is None, wanted.index(one.score), "@" in one.out_of_domain.task),
        default=None,
    )


def _lead(gap: Contrast, full: Row, adapter: Row, score: str) -> str:
    """Say who leads, or that there is no significant difference, by the 95% CI.

    Differences are told as who is better by how much: more of a score may be worse.
    """
    ends = gap.interval()
    one, other = method(full.adapter), method(adapter.adapter)
    ahead, behind = (one, other) if gap.value >= 0 else (other, one)
    if ends is None and not gap.value:
        items = counted(gap.items, "item")
        return f"no difference between {one} and {other} on {items}, too few of which differ for a 95% CI"
    if ends is None:
        return f"{ahead} leads {behind} by {rounded(abs(gap.value))} {score} (too few groups differ for a 95% CI)"
    if ends[0] <= 0 <= ends[1]:
        toward = ends if gap.value >= 0 else (-ends[1], -ends[0])
        between = f"{rounded(toward[0])} to {rounded(toward[1])}"
        return f"no significant difference ({ahead} better by {rounded(abs(gap.value))} {score}, 95% CI {between})"
    low, high = sorted(map(abs, ends))
    return (
        f"{ahead} leads {behind} by {rounded(abs(gap.value))} {score} (95% CI {rounded(low)} to {rounded(high)})"
    )


def _write_kept(side: Side, share: float, adapter: Row) -> str:
    """Say whether an adapter keeps so much of full fine-tuning's gain, where a test says so."""
    sign = side.kept.finding.sign if side.kept and side.kept.found.seeds >= LEAST_SEEDS else "n.s."
    if sign == "n.s.":
        return ""
    keeps = "at least" if sign == "> 0" else "less than"
    return f"; {method(adapter.adapter)} keeps {keeps} {100 * share:g}% of its gain"


def _write_verdict(board: Leaderboard, found: Persistence, full: Row, adapter: Row) -> str:
    verdict, seeds = found.verdict, found.in_domain.gap.found.seeds
    names = {"adapter": method(adapter.adapter), "full": method(full.adapter)}
    if verdict.descriptive:
        said = ONE_SEED if seeds == 1 else FEW_SEEDS.format(least=LEAST_SEEDS)
    elif verdict.summary:
        leader = names["adapter" if verdict.out_of_domain is Standing.AHEAD else "full"]
        said = SUMMARIES[verdict.summary].format(**names, leader=leader, change=_write_change(found))
    else:
        said = _write_parts(found, names)
    return f"Verdict: {said}{_write_rates(board, found)}{'' if found.declared else ' (exploratory)'}."


def _write_rates(board: Leaderboard, found: Persistence) -> str:
    """Say where a verdict is another at learning rates that a race could not tell from the chosen ones."""
    for check in board.rate_checks:
        if check.is_of(found) and not check.robust:
            same = f"the same at {check.agreeing} of {counted(len(check.pairs), 'pair')} of rates"
            return f"; it depends on the learning rate ({same})"
    return ""


def _write_parts(found: Persistence, names: Mapping[str, str]) -> str:
    """Say what is known of a gap that no one word describes."""
    verdict = found.verdict
    standings = {"in domain": verdict.in_domain, "out of domain": verdict.out_of_domain}
    known = {where: standing for where, standing in standings.items() if standing is not Standing.INCONCLUSIVE}
    change = _write_change(found)
    if not known and verdict.change is GapChange.INCONCLUSIVE:
        return INCONCLUSIVE
    said = [f"{names['adapter']} is {STANDINGS[one].format(**names)} {where}" for where, one in known.items()]
    unknown = [f"{where} {INCONCLUSIVE}" for where in standings if where not in known]
    return "; ".join([*said, *unknown, change])


def _write_change(found: Persistence) -> str:
    """Say what becomes of the gap out of domain."""
    change = found.verdict.change
    if change is None:
        return f"{found.score} is not comparable between {found.task} and {found.out_of_domain.task}"
    if change is GapChange.INCONCLUSIVE:
        return "whether the gap changes is inconclusive"
    if change is GapChange.STEADY:
        return "the gap changes by less than the margin"
    toward = "full fine-tuning" if change is GapChange.GROWS else "the adapter"
    return f"the gap moves toward {toward}"


# --- without a gap to full fine-tuning ---


def _write_best(board: Leaderboard) -> Headline:
    """Say how the best method does beside the base model, or alone."""
    trained = [row for row in board.rows if row.task and row.tasks]
    external = [row for row in board.rows if row.external and row.tasks]
    for rows in (trained, external, [row for row in board.rows if row.tasks]):
        for task in dict.fromkeys(row.task or next(iter(row.tasks)) for row in rows):
            of_task = [row for row in rows if row.task in (None, task)]
            score = next((name for name in _wanted(board) if any(_mean(r, task, name) for r in of_task)), None)
            if score:
                return _write_beside_base(board, of_task, task, score)
    return Headline("No result: nothing is scored yet.", "", "", write_next_step(board, None, seeds=0))


def _mean(row: Row, task: str, score: str) -> Contrast | None:
    return row.tasks[task].scores.get(score) if task in row.tasks else None


def _write_beside_base(board: Leaderboard, rows: Sequence[Row], task: str, score: str) -> Headline:
    scored = [(row, mean) for row in rows if (mean := _mean(row, task, score))]
    sign = 1.0 if board.higher_is_better(task, score) else -1.0
    best, mean = max(scored, key=lambda pair: sign * pair[1].value)
    place = best.tasks[task].ranks.get(task)
    tied = [
        row.adapter
        for row, _ in scored
        if row is not best and place and (own := row.tasks[task].ranks.get(task)) and own.place == place.place
    ]
    also = f"; statistically tied: {listed(tied)}" if tied else ""
    where = f"In domain ({task})" if best.task else f"On {task}"
    out_of_domain = next(_other_tasks(board, best, task, score), "")
    gain = best.tasks[task].gains.get(score)
    if gain is None:
        chance = board.scored[task].chance if task in board.scored else None
        beside = f"; chance accuracy {chance:.2f}" if chance is not None else ""
        said = f"{method(best.adapter)} scores {rounded(mean.value)} {score}{_between(mean)}{beside}"
    else:
        said = _gain(gain, best, score)
    alone = NO_ADAPTER if any(row.reference for row in rows) else NO_FULL
    verdict = alone if best.task else ""
    next_step = write_next_step(board, None, seeds=mean.seeds)
    return Headline(f"{where}: {said}{also}.", out_of_domain, verdict, next_step, score)


def _other_tasks(board: Leaderboard, row: Row, task: str, score: str) -> Iterator[str]:
    """Yield how a row does beside the base model on other tasks, another domain before a graded shift."""
    for other in sorted((name for name in row.tasks if name != task), key=lambda name: "@" in name):
        where = f"Out of domain ({other})" if row.tasks[other].relation == "shift" else f"On {other}"
        if gain := row.tasks[other].gains.get(score):
            yield f"{where}: {_gain(gain, row, score)}."


def _gain(gain: Contrast, row: Row, score: str) -> str:
    """Say how far a row is from the base model."""
    ends, name, by = gain.interval(), method(row.adapter), rounded(abs(gain.value))
    side = "leads" if gain.value >= 0 else "is behind"
    if ends is None and not gain.value:
        items = counted(gain.items, "item")
        return f"no difference between {name} and the base model on {items}, too few for a 95% CI"
    if ends is None:
        return f"{name} {side} the base model by {by} {score} (too few groups differ for a 95% CI)"
    low, high = ends if gain.value >= 0 else (-ends[1], -ends[0])
    if low > 0:
        return f"{name} {side} the base model by {by} {score} (95% CI {rounded(low)} to {rounded(high)})"
    better = name if gain.value >= 0 else "base model"
    return f"no significant difference ({better} better by {by} {score}, 95% CI {rounded(low)} to {rounded(high)})"


def _between(mean: Contrast) -> str:
    ends = mean.interval()
    return f" (95% CI {rounded(ends[0])} to {rounded(ends[1])})" if ends else ""
