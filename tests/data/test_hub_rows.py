"""Data sets of the hub, from a cache filled with parquet files that have the real columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from huggingface_hub import errors
from pyarrow import parquet

from medcot_bench.data.overlap import separate
from medcot_bench.data.sources import TaskData, load
from medcot_bench.errors import ConfigError, DataError
from medcot_bench.planning.build import make_plan
from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.study import presets
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.types import SPLITS, Example

REVISION, OLDER = "0123456789abcdef0123456789abcdef01234567", "f" * 40
Rows = list[dict[str, Any]]
Fill = Callable[..., None]

MEDQA: Rows = [
    {
        "question": f"Patient {n}: which drug?",
        "answer": "Aspirin",
        "options": {"A": "Aspirin", "B": "Ibuprofen", "C": "None", "D": "Both"},
        "meta_info": "step1",
        "answer_idx": "A",
    }
    for n in range(6)
]
O1: Rows = [
    {
        "Question": f"Case {n}: what is the best treatment?",
        "Complex_CoT": "Okay,\n\nlet me see.",
        "Response": f"Rest {n}.",
    }
    for n in range(40)
]
SETS: dict[str, tuple[str, str, Mapping[str, Rows]]] = {
    "medqa": ("GBaker/MedQA-USMLE-4-options", "default", {"train": MEDQA[:1], "test": MEDQA}),
    "o1": ("FreedomIntelligence/medical-o1-reasoning-SFT", "en", {"train": O1}),
    "pubmedqa": (
        "qiaojin/PubMedQA",
        "pqa_labeled",
        {
            "train": [
                {
                    "pubid": n,
                    "question": f"Does {n} help?",
                    "context": {
                        "contexts": ["We asked.", "It did."],
                        "labels": ["AIM", "RESULTS"],
                        "meshes": ["Mice"],
                    },
                    "long_answer": "It seems so.",
                    "final_decision": "yes",
                }
                for n in range(30)
            ]
        },
    ),
    "medcalc": (
        "ncbi/MedCalc-Bench-v1.0",
        "default",
        {
            split: [
                {
                    "Row Number": n,
                    "Patient Note": f"A patient of {split} {n // 2} years.",
                    "Question": f"What is the clearance, by way {n}?",
                    "Ground Truth Answer": "25.2",
                    "Lower Limit": "24",
                    "Upper Limit": "26",
                    "Ground Truth Explanation": "First, the age.",
                }
                for n in range(60)
            ]
            for split in ("train", "test")
        },
    ),
    "techqa": (
        "nvidia/TechQA-RAG-Eval",
        "default",
        {
            "train": [
                {
                    "id": f"T{n}",
                    "question": f"Why does {n} fail?",
                    "answer": "It is full.",
                    "is_impossible": n % 5 == 0,
                    "contexts": [{"filename": f"note{n // 2}.txt", "text": "The disk: It is full."}],
                }
                for n in range(30)
            ]
        },
    ),
    "k8s": (
        "evgenypal/k8s-docs-rag-bench",
        "qa",
        {
            "train": [
                {
                    "id": f"q{n}",
                    "question": f"What does {n} do?",
                    "answer": "It restarts.",
                    "source_page": f"/docs/{n // 3}",
                    "source_chunk": "A Pod that fails is started again by the kubelet.",
                }
                for n in range(30)
            ]
        },
    ),
}


@pytest.fixture
def fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fill:
    """Put a data set into a cache of the hub of the test's own, as a download lays it out."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")

    def put(key: str, revision: str = REVISION, change: Callable[[Rows], Rows] = lambda rows: rows) -> None:
        name, config, splits = SETS[key]
        root = tmp_path / "hub" / f"datasets--{name.replace('/', '--')}"
        (root / "refs").mkdir(parents=True, exist_ok=True)
        if revision == REVISION:
            (root / "refs" / "main").write_text(revision)
        folder = root / "snapshots" / revision
        (folder / "data").mkdir(parents=True)
        files = "".join(f"  - split: {split}\n    path: data/{split}.parquet\n" for split in splits)
        (folder / "README.md").write_text(
            f"---\nconfigs:\n- config_name: {config}\n  data_files:\n{files}---\n# A data set\n"
        )
        for split, rows in splits.items():
            parquet.write_table(pyarrow.Table.from_pylist(change(rows)), folder / "data" / f"{split}.parquet")

    return put


def choose(typed: str) -> ResolvedTask:
    return resolve_task(parse_specs(typed)[0], installed())


def load_hub(typed: str, source: str = "hub") -> TaskData:
    return load(choose(typed), {None: source}, 0)


def items(data: TaskData) -> list[Example]:
    return [example for split in SPLITS for example in data.splits[split]]


def test_medqa_is_trained_on_open_questions_and_scored_on_letters(fill: Fill) -> None:
    fill("o1")
    fill("medqa")
    data = load_hub("medqa_cot")
    assert data.source == (
        "hub:FreedomIntelligence/medical-o1-reasoning-SFT@0123456+GBaker/MedQA-USMLE-4-options@0123456"
    )
    sizes = {split: len(data.splits[split]) for split in SPLITS}
    assert sizes["eval"] == 6
    assert sizes["train"] + sizes["validation"] == 40
    assert sizes["train"] > sizes["validation"] > 0
    task = choose("medqa_cot").task
    learnt, scored = data.splits["train"][0], data.splits["eval"][0]
    assert task.prompt(learnt, "default").endswith(
        "what is the best treatment?\nReason step by step, then end with the answer.\nReasoning:"
    )
    assert task.target(learnt).text == f" Okay, let me see.\nAnswer: {learnt.answer}"
    assert "\nC. None\n" in task.prompt(scored, "default")
    assert task.target(scored).text == " Answer: A"


def test_exam_questions_in_other_words_are_not_trained_on_and_counted(fill: Fill) -> None:
    story = "A 40-year-old man comes to the emergency room with fever, cough and pain in his chest since Monday."
    fill(
        "o1",
        change=lambda rows: [
            {**row, "Question": f"{story} What is {n}?"} if n % 4 == 0 else row for n, row in enumerate(rows)
        ],
    )
    fill("medqa", change=lambda rows: [{**rows[0], "question": f"{story} Which of these is the next step?"}])
    data = {"medqa_cot": load_hub("medqa_cot"), "medical_o1_cot": load_hub("medical_o1_cot")}
    for trained in data:
        found = separate(data, [trained], ["medqa_cot"], "drop-train")[trained]
        assert any(f"{split} overlaps medqa_cot eval" in found.left_out for split in ("train", "validation"))
        assert not any(story in example.question for example in found.splits["train"] + found.splits["validation"])
    with pytest.raises(DataError, match="share a group or a question with the evaluation of medqa_cot"):
        separate(data, ["medqa_cot"], ["medqa_cot"], "error")


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("medical_o1_cot", "o1"),
        ("pubmedqa_cot", "pubmedqa"),
        ("medcalc_cot", "medcalc"),
        ("manuals_qa", "techqa"),
        ("k8s_qa", "k8s"),
        ("k8s_qa:context=none", "k8s"),
    ],
)
def test_every_data_set_becomes_items_that_its_task_can_ask_and_score(typed: str, key: str, fill: Fill) -> None:
    fill(key)
    data, task = load_hub(typed), choose(typed).task
    assert data.source == f"hub:{SETS[key][0]}@0123456"
    groups = [{example.group for example in data.splits[split]} for split in SPLITS]
    assert all(groups)
    assert sum(map(len, groups)) == len(set().union(*groups))
    for example in items(data):
        target = task.target(example).text
        question = task.prompt(example, "default").replace(example.context or "", "")
        assert target.strip() not in question
        assert task.score(example, target.strip())["answer"] == 1.0


def test_rows_of_the_data_sets_hold_what_scores_need(fill: Fill) -> None:
    for key in ("pubmedqa", "medcalc", "techqa"):
        fill(key)
    (example, *_) = items(load_hub("pubmedqa_cot"))
    assert example.context == "AIM: We asked.\nRESULTS: It did."
    (example, *_) = items(load_hub("medcalc_cot"))
    assert example.meta == {"lower": 24.0, "upper": 26.0}
    assert {int(example.id[1:]) % 5 for example in items(load_hub("manuals_qa"))} == {1, 2, 3, 4}


def test_a_pinned_revision_is_used_and_named(fill: Fill) -> None:
    fill("o1")
    fill("o1", OLDER, change=lambda rows: rows[:20])
    assert len(items(load_hub("medical_o1_cot"))) == 40
    older = load_hub("medical_o1_cot", f"hub@{OLDER}")
    assert older.source == "hub:FreedomIntelligence/medical-o1-reasoning-SFT@fffffff"
    assert len(items(older)) == 20
    with pytest.raises(
        ConfigError, match=r"comes from 2 data sets.*pin one split, e.g. --data medqa_cot.eval=hub@v1"
    ):
        load_hub("medqa_cot", "hub@v1")


def test_a_study_keeps_the_revisions_that_it_found(fill: Fill, tiny_model: Path, tmp_path: Path) -> None:
    fill("o1")
    fill("medqa")
    pinned = {"train": f"hub@{REVISION}", "validation": f"hub@{REVISION}", "eval": f"hub@{REVISION}"}
    first = load_hub("medqa_cot")
    assert first.pinned == pinned
    fields = {
        "model": str(tiny_model),
        "tasks": "medqa_cot",
        "adapters": "none,lora",
        "data": {"medqa_cot": "hub"},
    }
    # A shift of the bundled items beside it has no revision to keep.
    study = Study.model_validate(fields | {"eval_tasks": "medqa_cot@unseen_range,k8s_qa", "limit": 2})
    plan = make_plan(study)
    (tmp_path / "study.yaml").write_text(dump_study(plan.pinned))
    kept, found = load_study(tmp_path / "study.yaml")
    assert kept.sources("medqa_cot") == pinned
    assert kept.sources("k8s_qa") == {}
    again = make_plan(kept, found)
    assert again.data["medqa_cot"] == first
    assert [cell.id for cell in again.cells] == [cell.id for cell in plan.cells]


def test_a_broken_download_is_not_taken_for_the_whole(fill: Fill, tmp_path: Path) -> None:
    fill("o1")
    (file,) = (tmp_path / "hub").rglob("train.parquet")
    file.rename(file.with_name("train-00000-of-00002.parquet"))
    with pytest.raises(
        DataError, match=r"the cache has only some of its 00002 files train-\*; connect to the hub"
    ):
        load_hub("medical_o1_cot")


def test_incomplete_rows_are_left_out_and_counted(fill: Fill) -> None:
    fill("o1", change=lambda rows: [{**rows[0], "Response": " "}, *rows[1:]])
    data = load_hub("medical_o1_cot")
    assert data.left_out == {"of FreedomIntelligence/medical-o1-reasoning-SFT, incomplete": 1}
    assert len(items(data)) == 39


def test_splits_may_come_from_the_hub_and_from_a_file(fill: Fill, examples: Path) -> None:
    fill("medqa")
    sources: Any = {"train": f"file:{examples / 'medqa_cot.jsonl'}", "eval": "hub"}
    data = load(choose("medqa_cot"), sources, 0)
    assert data.source == "hub:GBaker/MedQA-USMLE-4-options@0123456+file:medqa_cot.jsonl"
    assert (len(data.splits["train"]), len(data.splits["validation"]), len(data.splits["eval"])) == (12, 0, 6)


def test_a_changed_column_is_named_with_the_ways_out(fill: Fill) -> None:
    fill("o1", change=lambda rows: [{"Question": row["Question"], "CoT": "x", "Response": "y"} for row in rows])
    with pytest.raises(DataError) as caught:
        load_hub("medical_o1_cot")
    assert str(caught.value) == (
        "task medical_o1_cot: data set FreedomIntelligence/medical-o1-reasoning-SFT@0123456 has no column "
        "'Complex_CoT' (columns: Question, CoT, Response); pin a revision that has it with "
        "--data medical_o1_cot=hub@REVISION, or use rows of your own with --data medical_o1_cot=file:PATH"
    )


def test_a_row_of_another_shape_is_named(fill: Fill) -> None:
    fill("k8s", change=lambda rows: [*rows[:4], {**rows[4], "source_chunk": "chunk-17"}])
    with pytest.raises(DataError) as caught:
        load_hub("k8s_qa")
    assert "k8s-docs-rag-bench@0123456, train:5: unexpected row" in str(caught.value)
    assert "use k8s_qa:context=none" in str(caught.value)
    assert len(items(load_hub("k8s_qa:context=none"))) == 5
    fill("medqa", change=lambda rows: [{**row, "answer_idx": None} for row in rows])
    with pytest.raises(DataError, match=r"MedQA.*: no row of 'test' has question, .*answer_letter; set"):
        load(choose("medqa_cot"), {"eval": "hub"}, 0)


def test_a_config_that_is_gone_is_named(fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETS, "o1", (SETS["o1"][0], "fr", SETS["o1"][2]))
    fill("o1")
    with pytest.raises(
        DataError, match=r"data set .*SFT@0123456 can't be read \(.*en.*\); set HF_HOME to a filled"
    ):
        load_hub("medical_o1_cot")


def _error(kind: Any) -> Exception:
    failure: Exception = kind.__new__(kind)
    return failure


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (
            ConnectionError("x"),
            ": not in the local cache, and the hub can't be reached (ConnectionError); set HF_HOME to a filled "
            "cache, or",
        ),
        (
            _error(errors.GatedRepoError),
            " is gated: accept its terms on its page of the hub, then log in with `hf auth login` or set "
            "HF_TOKEN; or",
        ),
        (
            _error(errors.RepositoryNotFoundError),
            ": the hub has no such data set (or it is private: run `hf auth login`); or",
        ),
        (_error(errors.RevisionNotFoundError), ": the hub has no such revision; or"),
    ],
)
def test_a_hub_that_gives_nothing_is_one_line_with_two_ways_out(
    failure: Exception, why: str, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    def snapshot_download(name: str, *, local_files_only: bool = False, **_: Any) -> str:
        raise errors.LocalEntryNotFoundError("not cached") if local_files_only else failure

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    with pytest.raises(DataError) as caught:
        load_hub("pubmedqa_cot", "hub@v9")
    assert str(caught.value) == (
        f"task pubmedqa_cot: data set 'qiaojin/PubMedQA@v9'{why} use rows of your own with --data "
        "pubmedqa_cot=file:PATH"
    )


def test_without_a_network_the_hub_says_so(fill: Fill) -> None:
    with pytest.raises(DataError, match=r"qiaojin/PubMedQA': not in the local cache, and the hub can't be"):
        load_hub("pubmedqa_cot")


def test_a_task_without_a_data_set_there_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        load_hub("kubectl")
    assert str(caught.value) == "task kubectl: the hub has no data set of this task; use --data kubectl=file:PATH"
    with pytest.raises(ConfigError, match="task medical_o1_cot: no data given; add --data medical_o1_cot=hub or"):
        load(choose("medical_o1_cot"), {}, 0)


def test_the_notebooks_recipe_plans_with_its_rank_its_steps_and_its_tokens(fill: Fill, tiny_model: Path) -> None:
    fill("o1")
    fill("medqa")
    study, found = load_study(presets.path_of("kaggle-medical"), [("model", str(tiny_model))])
    plan = make_plan(study, found)
    cells = [cell for cell in plan.cells if cell.task]
    assert {cell.adapter.partition(":")[0] for cell in cells} == {"qlora", "lora", "layer_lora"}
    for cell in cells:
        recipe, options = plan.recipe(cell), cell.request["adapter"]["options"]
        assert (recipe.max_steps, recipe.lr, recipe.batch_size, recipe.max_length) == (60, 2e-4, 4, 2048)
        assert (options["r"], options["alpha"]) == (16, 32)
    assert study.chat_template
