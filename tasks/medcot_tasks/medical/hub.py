"""Medical data sets of the hub, and how their rows become those of the tasks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from medcot_bench import HubData, Split
from medcot_tasks.medical.number import to_float


def medical_o1(*splits: Split) -> HubData:
    """Return medical-o1-reasoning-SFT (arXiv 2412.18925), English, its rows divided over these splits."""
    return HubData(
        id="FreedomIntelligence/medical-o1-reasoning-SFT",
        config="en",
        splits={"train": splits},
        columns=("Question", "Complex_CoT", "Response"),
        row=_medical_o1,
    )


def _medical_o1(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"question": row["Question"], "reasoning": row["Complex_CoT"], "answer": row["Response"]}


def _medqa(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "question": row["question"],
        "options": dict(row["options"]),
        "answer": row["answer"],
        "answer_letter": row["answer_idx"],
    }


MEDQA = HubData(
    id="GBaker/MedQA-USMLE-4-options",
    splits={"test": ("eval",)},
    columns=("question", "answer", "options", "answer_idx"),
    row=_medqa,
)
"""MedQA (arXiv 2009.13081), four options, its test questions."""


def _medcalc(row: Mapping[str, Any]) -> Mapping[str, Any]:
    note = str(row["Patient Note"])
    limits = {"lower": to_float(str(row["Lower Limit"])), "upper": to_float(str(row["Upper Limit"]))}
    return {
        "context": note,
        "question": row["Question"],
        "answer": row["Ground Truth Answer"],
        "reasoning": row["Ground Truth Explanation"],
        "group": hashlib.sha256(note.encode()).hexdigest()[:12],
        "meta": {key: value for key, value in limits.items() if value is not None},
    }


MEDCALC = HubData(
    id="ncbi/MedCalc-Bench-v1.0",
    splits={"train": ("train", "validation"), "test": ("eval",)},
    columns=(
        "Patient Note",
        "Question",
        "Ground Truth Answer",
        "Lower Limit",
        "Upper Limit",
        "Ground Truth Explanation",
    ),
    row=_medcalc,
)
"""MedCalc-Bench (arXiv 2406.12036); rows on one patient note are a group."""


def _pubmedqa(row: Mapping[str, Any]) -> Mapping[str, Any]:
    context = row["context"]
    sections = zip(context["labels"], context["contexts"], strict=True)
    return {
        "question": row["question"],
        "context": "\n".join(f"{label}: {text}" for label, text in sections),
        "reasoning": row["long_answer"],
        "answer": row["final_decision"],
    }


PUBMEDQA = HubData(
    id="qiaojin/PubMedQA",
    config="pqa_labeled",
    splits={"train": ("train", "validation", "eval")},
    columns=("question", "context", "long_answer", "final_decision"),
    row=_pubmedqa,
)
"""PubMedQA (arXiv 1909.06146), the labelled thousand. The hub names no test part: a hash decides."""
