"""Keep evaluation items out of the training items, within and between the tasks of a study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from medcot_bench.data.sources import TaskData
from medcot_bench.errors import DataError
from medcot_bench.study.schema import OnOverlap
from medcot_bench.text import counted, identify, letters, runs
from medcot_bench.types import Example, Split


def separate(
    data: Mapping[str, TaskData],
    trained: Iterable[str],
    evaluated: Iterable[str],
    policy: OnOverlap,
    scored: Split = "eval",
) -> dict[str, TaskData]:
    """Return the data of all tasks without overlap between any training and any evaluation part.

    `find_overlapping` defines overlap. `trained` and `evaluated` name the tasks in those roles. `scored` is the
    split that is scored: training is kept apart from it too, unless it is `train` itself. Validation items that
    overlap any evaluation are dropped, since they may select checkpoints. Raises DataError under the policy
    `error`.
    """
    result = dict(data)
    evaluated = list(dict.fromkeys(evaluated))
    for name in dict.fromkeys(trained):
        for other in evaluated:
            _drop(result, name, "validation", other, "eval", "drop-train")
            _drop(result, name, "train", other, "eval", policy)
            if scored == "validation":
                _drop(result, name, "train", other, "validation", policy)
    return result


def _drop(
    data: dict[str, TaskData], name: str, learnt: Split, other: str, scored: Split, policy: OnOverlap
) -> None:
    """Resolve the overlap between items that are trained on and items that are scored."""
    training, evaluation = data[name].splits[learnt], data[other].splits[scored]
    if not training or not evaluation:
        return
    reworded = _reworded(data[name], data[other])
    hits = find_overlapping(training, evaluation, reworded=reworded)
    if not hits:
        return
    if policy == "error":
        sharing = counted(len(hits), "training item", (f"of {name} shares", f"of {name} share"))
        raise DataError(
            f"{sharing} a group or a question with the evaluation of {other} "
            f"(first: '{hits[0].id}'); --set on_overlap=drop-train drops them"
        )
    if policy == "drop-eval":
        name, learnt, other, scored = other, scored, name, learnt
        training, hits = evaluation, find_overlapping(evaluation, training, reworded=reworded)
    dropped = {example.id for example in hits}
    kept = [example for example in training if example.id not in dropped]
    reason = f"{learnt} overlaps {other} {scored}"
    data[name] = data[name].with_split(learnt, kept, reason, len(hits))


def _reworded(data: TaskData, other: TaskData) -> bool:
    """Return whether two parts come from two data sets of the hub, which may have one question in two wordings.

    For example, medical-o1-reasoning-SFT asks exam questions without their options.
    """
    sets = {name for source in (data.source, other.source) for name in source.partition("hub:")[2].split("+")}
    return all("hub:" in source for source in (data.source, other.source)) and len(sets) > 1


def find_overlapping(
    examples: Iterable[Example], others: Iterable[Example], *, reworded: bool = False
) -> list[Example]:
    """Return the examples that share a group or a question (`identify`) with any of the others.

    If both have a context, one question about two contexts is two questions. `reworded` questions are the same if
    they share a run of 13 words.
    """
    others = list(others)
    known = {run for other in others for run in runs(other.question)} if reworded else set()
    groups: set[str] = set()
    written: set[bytes] = set()
    questions: dict[str, set[str]] = {}
    for other in others:
        groups.add(other.group)
        written.add(letters(other.question))
        questions.setdefault(identify(other.question), set()).add(identify(other.context or ""))
    hits = []
    for example in examples:
        # Most questions differ from all others in their letters: nothing more is looked at then.
        alike = letters(example.question) in written
        contexts = questions.get(identify(example.question)) if alike else None
        own = identify(example.context or "") if contexts else ""
        asked = contexts is not None and (not own or "" in contexts or own in contexts)
        if asked or example.group in groups or (reworded and not known.isdisjoint(runs(example.question))):
            hits.append(example)
    return hits


def shared_ngrams(train: Iterable[Example], evaluation: Iterable[Example]) -> int:
    """Count the evaluation items that share a run of 13 words with any training item.

    Question, context and answer count as one text. This is a warning, not a reason to drop: items about one
    product share boilerplate.
    """
    # There are mostly far more items to train on than to score: only what both have is kept of them.
    scored = [set(_ngrams(example)) for example in evaluation]
    known = set().union(*scored)
    shared: set[int] = set()
    for example in train if known else ():
        shared.update(known.intersection(_ngrams(example)))
    return sum(not shared.isdisjoint(ngrams) for ngrams in scored)


def _ngrams(example: Example) -> Iterator[int]:
    return runs(f"{example.question} {example.context or ''} {example.answer}")
