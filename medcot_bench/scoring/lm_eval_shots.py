"""Solved examples of lm-eval's tasks that come from the documents that are scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def mark_shots(tasks: Mapping[str, Any], samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield a mark for every task whose solved examples come from the scored split.

    lm-eval falls back to it where a task has no other split. It then does not leave out the document that is
    asked: the mark says how many prompts hold their own. `samples` are lm-eval's, by task.
    """
    for name, task in tasks.items():
        if not _from_scored_split(task):
            continue
        prompts = {row["doc_id"]: (_text(task, row["doc"]), str(row["arguments"][0][0])) for row in samples[name]}
        own = sum(text != "" and prompt.count(text) > 1 for text, prompt in prompts.values())
        held = f"; {own} of {len(prompts)} prompts hold their own answer" if own else ""
        yield f"{name}: its solved examples come from the split that is scored{held}"


def _from_scored_split(task: Any) -> bool:
    if not task.get_config("num_fewshot"):
        return False
    config = task.config
    scored = config.test_split if task.has_test_docs() else config.validation_split
    shots = getattr(task, "fewshot_cfg", None)
    if shots is not None and shots.split is not None:
        return bool(shots.split == scored)
    if shots is not None and shots.samples is not None:
        return False
    return bool(scored == (config.training_split or config.validation_split or config.test_split))


def _text(task: Any, doc: Any) -> str:
    """Return what a document asks; empty where lm-eval gives no text, as for several contexts of one document."""
    asked = task.doc_to_text(doc)
    return asked.strip() if isinstance(asked, str) else ""
