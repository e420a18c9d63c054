"""What to use for each training task, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from medcot_bench.report.format import better_by, listed, size
from medcot_bench.report.names import begin, method
from medcot_bench.results.comparisons import Prompted
from medcot_bench.results.recommendations import Caveat, FullCost, Recommendation, Worth

ONE_SEED = "One seed compares trained models, not methods."


def write_recommendation(found: Recommendation) -> list[str]:
    """Return the sentences of a recommendation, the first of which says what it is."""
    return [
        *_recommended(found),
        *_other_rates(found),
        *_not_shown(found),
        *([ONE_SEED] if Caveat.ONE_SEED in found.caveats else []),
        *([_full(found.full, found.score)] if found.full and found.recommended else []),
        *([_prompting(found.prompting)] if found.prompting else []),
    ]


def _recommended(found: Recommendation) -> Iterator[str]:
    where = f"{found.task} ({found.score}, up to {found.memory_gb:g} GB)"
    tied = f" Statistically tied: {', '.join(found.tied)}." if found.tied else ""
    if found.recommended is not None:
        yield f"Recommended for {where}: {found.recommended}.{tied}"
    elif Caveat.NO_BASE in found.caveats:
        yield (
            f"Nothing to recommend for {where}: the base model was not scored, so that no gain can be shown; "
            "add none to --adapters."
        )
    else:
        yield f"Nothing to recommend for {where}: no method is shown to beat {write_bar(found.chance)}."
    for name, peak in found.larger.items():
        does = "ranks better" if found.recommended is not None else f"is shown to beat {write_bar(found.chance)}"
        yield f"With more memory: {name} {does}, and needs {size(peak)}."


def _other_rates(found: Recommendation) -> Iterator[str]:
    """Say what else would be recommended at learning rates that a race could not tell from the best."""
    if found.at_other_rates:
        instead = " or ".join(name or "nothing" for name in found.at_other_rates)
        yield f"This depends on the learning rate: others within the noise of the best recommend {instead}."


def write_bar(chance: float | None) -> str:
    """Return what a method has to beat."""
    return listed(["the base model", *([] if chance is None else [f"chance ({chance:.2f})"])])


def _not_shown(found: Recommendation) -> Iterator[str]:
    """Say which of those that are tied with what is recommended may do no better than the base model."""
    unsure = [name for name in found.tied if name not in found.working]
    if unsure and found.recommended:
        yield f"Not shown to beat {write_bar(found.chance)}: {listed(unsure)}."


def _full(found: FullCost, score: str) -> str:
    """Say what full fine-tuning costs beside another row, and what it brings for that."""
    times = [f"{found.memory:.1f}x the memory"] if found.memory else []
    times += [f"{found.time:.1f}x the training time"] if found.time else []
    price = f"costs {' and '.join(times)} of {found.other} for" if times else f"against {found.other}:"
    value, _, between = better_by(found.gap).partition(", ")
    gain = f"{score} {value}" + (f" ({between})" if between else "")
    if found.worth is Worth.NO:
        said = f"; that is within the margin of {found.margin:.2g}"
    elif found.worth is Worth.YES:
        said = "; a significant gain"
    elif (ends := found.gap.interval()) and ends[1] < 0:
        said = "; a significant loss"
    else:
        corrected = " after Holm correction" if found.tied_after_correction else ""
        gain, said = f"no significant gain{corrected} ({score} {better_by(found.gap)})", ""
    return f"{begin(method(found.full))} {price} {gain}{said}."


def _prompting(pair: Prompted) -> str:
    """Say whether the best prompt of the base model does as well as the best trained model."""
    finding = pair.finding
    by = f"({pair.adapter} is {better_by(pair.ahead)})"
    if not pair.settled:
        return f"Inconclusive: {pair.adapter} against the best prompt, {pair.prompt}, has too little data {by}."
    if finding.sign == "< 0":
        return f"No need to train: the prompt {pair.prompt} beats {pair.adapter} {by}."
    if finding.negligible:
        return f"No need to train: the prompt {pair.prompt} is within {pair.margin:g} of {pair.adapter} {by}."
    if finding.sign == "> 0":
        return f"Training pays: {pair.adapter} beats the best prompt, {pair.prompt} {by}."
    return f"No gain from training is shown over the best prompt, {pair.prompt} {by}."
