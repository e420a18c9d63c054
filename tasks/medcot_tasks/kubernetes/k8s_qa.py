"""Questions on Kubernetes with short answers, with or without the manifest, table or passage at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from medcot_bench import Example, Form, HubData, Option, Split, Target, TaskSpec, hookimpl
from medcot_tasks.bundled import OPTIONS, SHIFTS, Level
from medcot_tasks.kubernetes import clusters
from medcot_tasks.text_answer import SCORES, one_line, score_text


def _k8s_docs(row: Mapping[str, Any]) -> Mapping[str, Any]:
    passage = row["source_chunk"]
    if not isinstance(passage, str) or len(passage.split()) < 5:
        raise ValueError("source_chunk has no passage; use k8s_qa:context=none")
    return {**_k8s_docs_closed(row), "context": passage}


def _k8s_docs_closed(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "id": row["id"],
        "question": row["question"],
        "answer": row["answer"],
        "group": row["source_page"],
    }


K8S_DOCS = HubData(
    id="evgenypal/k8s-docs-rag-bench",
    config="qa",
    splits={"train": ("train", "validation", "eval")},
    columns=("id", "question", "answer", "source_page", "source_chunk"),
    row=_k8s_docs,
)
"""Questions on pages of kubernetes.io; those on one page are a group."""
SPEC = TaskSpec(
    name="k8s_qa",
    version=1,
    domain="kubernetes",
    form=Form(context="given", answer="text"),
    licence="bundled items: Apache-2.0; else of the file given (Kubernetes documentation: CC-BY-4.0)",
    description="Questions on Kubernetes, answered in a few words from a manifest, a table or a passage.",
    sources={
        "bundled": "generated manifests and status tables of invented clusters",
        "hub": K8S_DOCS.id,
    },
    hub=(K8S_DOCS,),
    options={
        "context": Option(str, "given", "whether the prompt contains the passage", choices=("given", "none")),
        **OPTIONS,
    },
    shifts=SHIFTS,
    templates=("default", "other_prompt"),
    pool={"train": 240, "validation": 48, "eval": 100},
    usable_with=("context",),
    scores=SCORES,
    max_new_tokens=48,
    stop=("\n",),
)
_WITHOUT_CONTEXT = replace(
    SPEC,
    form=Form("none", "text"),
    usable_with=(),
    sources={"hub": K8S_DOCS.id},
    hub=(replace(K8S_DOCS, columns=K8S_DOCS.columns[:-1], row=_k8s_docs_closed),),
    shifts=(),
    pool={},
)


class K8sQA:
    """The task plugin. Without the context the form is another one, and so are the comparisons."""

    def __init__(self, shift: str = "", context: str = "given", level: Level = "basic", seed: int = 0):
        self.with_context = context == "given"
        self.spec = SPEC if self.with_context else _WITHOUT_CONTEXT
        self._made = partial(clusters.examples, shift=shift, level=level, seed=seed)

    def examples(self, split: Split) -> Iterable[Example]:
        """Yield questions on invented clusters without end; nothing where there is nothing to read."""
        return self._made(split) if self.with_context else ()

    def prompt(self, example: Example, template: str) -> str:
        """Return the passage (if wanted and there), the question, and the mark of the answer."""
        shown = self.with_context and example.context is not None
        if template != "default":
            passage = f"Read this passage.\n\n{example.context}\n\n" if shown else ""
            return f"{passage}Q: {example.question}\nA:"
        passage = f"Documentation:\n{example.context}\n\n" if shown else ""
        return f"{passage}Question: {example.question}\nAnswer:"

    def target(self, example: Example) -> Target:
        """Return the answer on one line."""
        return Target(one_line(example.answer))

    def options(self, example: Example) -> Mapping[str, Target]:
        """Return nothing: there are no options."""
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        """Return token F1 and whether the answer is the same, None where nothing was written."""
        return score_text(example.answer, completion)


@hookimpl
def medcot_make_task(name: str, options: Mapping[str, Any]) -> K8sQA:
    """Build the task, or a graded shift of it."""
    return K8sQA(shift=name.partition("@")[2], **options)
