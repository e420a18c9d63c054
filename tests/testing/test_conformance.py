"""The conformance checks for plugin authors: every built-in plugin passes them, and each finds what is wrong."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from lanes import slow
from plain_engine import PlainEngine
from safetensors.torch import load_file, save_file

from medcot_bench.data.sources import load
from medcot_bench.errors import MedcotError
from medcot_bench.interfaces import Adapter, Engine, Exporter, FilesExporter, RunsExporter, Selector, Task
from medcot_bench.plugins.entries import Kind
from medcot_bench.plugins.manager import installed
from medcot_bench.plugins.resolve_adapter import ResolvedAdapter, resolve_adapter
from medcot_bench.plugins.resolve_task import ResolvedTask, resolve_task
from medcot_bench.results.folder import Results
from medcot_bench.results.leaderboard import Leaderboard, Row
from medcot_bench.stats.contrasts import Contrast
from medcot_bench.study.spec_strings import parse_specs
from medcot_bench.testing.adapters import ITEMS, AdapterChecks, prepare
from medcot_bench.testing.engines import EngineChecks, make_writer
from medcot_bench.testing.example_leaderboards import boards, whole
from medcot_bench.testing.example_results import folders
from medcot_bench.testing.exporters import ExporterChecks
from medcot_bench.testing.files_exporters import FilesExporterChecks
from medcot_bench.testing.runs_exporters import RunsExporterChecks
from medcot_bench.testing.selectors import SelectorChecks
from medcot_bench.testing.tasks import TaskChecks
from medcot_bench.training.loop import train
from medcot_bench.types import (
    SPLITS,
    AdapterSpec,
    Example,
    Form,
    Generation,
    GenerationRequest,
    Likelihood,
    LikelihoodRequest,
    LoadedModel,
    ModelInfo,
    Option,
    Placement,
    Recipe,
    SelectorSpec,
    Split,
    Target,
    TaskSpec,
)

FILES = [
    *("medqa_cot", "medqa_cot:target=answer", "k8s_qa", "k8s_qa:context=none", "manuals_qa"),
    *(
        "pubmedqa_cot",
        "pubmedqa_cot:target=answer",
        "medical_o1_cot",
        "medical_o1_cot:target=answer",
        "manuals_faq",
    ),
    *("own", "own:context=true", "own:reasoning=true"),
]
ROWS = {"own": "manuals_faq", "own:context=true": "k8s_qa", "own:reasoning=true": "medical_o1_cot"}
"""Whose example rows a task without its own ones takes."""
BUNDLED = ["medqa_cot", "medcalc_cot", "k8s_qa", "kubectl", "manuals_qa"]
SHIFTS = ["unseen_template", "unseen_range", "unseen_entity"]
VARIANTS = [f"{name}:level={level}" for name in BUNDLED for level in ("medium", "hard")]
VARIANTS += [f"{name}@{shift}" for name in BUNDLED for shift in SHIFTS]
VARIANTS += ["medqa_cot:target=answer", "medcalc_cot:target=answer"]
QUICK = [
    *("medqa_cot@unseen_template", "medcalc_cot@unseen_entity", "k8s_qa@unseen_range", "kubectl@unseen_entity"),
    *("manuals_qa@unseen_template", "medcalc_cot:level=hard", "medqa_cot:target=answer"),
]
"""The variants that are checked in the quick lane: of every kind and every task one."""
ADAPTERS = [
    *("none", "full", "full:select=top,k=1", "lora", "lora:targets=attention", "layer_lora:k=1", "qlora"),
    *("lora:dora=true", "lora:rslora=true,select=top,k=1", "qlora:dora=true"),
    *(
        "peft:type=oft,oft_block_size=8,r=0",
        "peft:type=loha,r=4",
        "peft:type=lokr,r=4,select=top,k=1",
        "peft:type=ia3",
    ),
]
EXPORTERS = ["md", "summary", "json", "html", "latex", "latex-all", "model-card"]
RUNS_EXPORTERS = ["csv"]
FILES_EXPORTERS = ["lm-eval"]
ENGINES = ["fast", "hf"]
SELECTORS = ["all", "top", "top:k=1", "bottom", "middle", "every", "ends", "ends:k=1", "layers", "random"]


@cache
def chosen_task(typed: str) -> ResolvedTask:
    return resolve_task(parse_specs(typed)[0], installed())


@cache
def bundled_items(typed: str) -> Mapping[Split, Sequence[Example]]:
    """The items of a task, made once for all its checks."""
    task = chosen_task(typed).task
    return {split: tuple(islice(task.examples(split), 200)) for split in SPLITS}


class TestBundledItems(TaskChecks):
    @pytest.fixture(params=[*BUNDLED, *QUICK])
    def chosen(self, request: pytest.FixtureRequest) -> ResolvedTask:
        return chosen_task(request.param)

    @pytest.fixture
    def items(self, chosen: ResolvedTask) -> Mapping[Split, Sequence[Example]]:
        return bundled_items(chosen.label)


@pytest.mark.slow
class TestAllBundledItems(TestBundledItems):
    @pytest.fixture(params=[variant for variant in VARIANTS if variant not in QUICK])
    def chosen(self, request: pytest.FixtureRequest) -> ResolvedTask:
        return chosen_task(request.param)


class TestRowsOfFiles(TaskChecks):
    @pytest.fixture(params=FILES)
    def chosen(self, request: pytest.FixtureRequest) -> ResolvedTask:
        return resolve_task(parse_specs(request.param)[0], installed())

    @pytest.fixture
    def items(self, chosen: ResolvedTask, examples: Path) -> Mapping[Split, Sequence[Example]]:
        return load(
            chosen, {None: f"file:{examples / ROWS.get(chosen.label, chosen.typed.name)}.jsonl"}, seed=0
        ).splits


@pytest.mark.slow
class TestBuiltInAdapters(AdapterChecks):
    @pytest.fixture(params=ADAPTERS)
    def chosen(self, request: pytest.FixtureRequest) -> ResolvedAdapter:
        return resolve_adapter(parse_specs(request.param)[0], installed())

    @pytest.fixture
    def folder(self, tiny_model: Path) -> Path:
        return tiny_model


class TestBuiltInSelectors(SelectorChecks):
    @pytest.fixture(params=SELECTORS, autouse=True)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param


class TestBuiltInEngines(EngineChecks):
    @pytest.fixture(params=ENGINES, autouse=True)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param


class TestBuiltInExporters(ExporterChecks):
    @pytest.fixture(params=EXPORTERS, autouse=True)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param


class TestBuiltInFilesExporters(FilesExporterChecks):
    @pytest.fixture(params=FILES_EXPORTERS, autouse=True)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param


class TestBuiltInRunsExporters(RunsExporterChecks):
    @pytest.fixture(params=RUNS_EXPORTERS, autouse=True)
    def _named(self, request: pytest.FixtureRequest) -> None:
        self.name = request.param


@pytest.mark.parametrize(
    ("kind", "checked"),
    [
        ("task", BUNDLED + FILES),
        ("adapter", ADAPTERS),
        ("selector", SELECTORS),
        ("engine", ENGINES),
        ("exporter", EXPORTERS + RUNS_EXPORTERS + FILES_EXPORTERS),
    ],
    ids=str,
)
def test_no_built_in_plugin_goes_unchecked(kind: Kind, checked: list[str]) -> None:
    ours = {entry.name for entry in installed().of(kind) if entry.distribution == "medcot-bench"}
    assert {name.partition(":")[0] for name in checked} == ours


# --- the checks find what is wrong ---


def run_check(checks: object, name: str, **fixtures: Any) -> None:
    check = getattr(checks, name)
    check(**{key: fixtures[key] for key in inspect.signature(check).parameters})


CITIES: dict[Split, list[str]] = {
    "train": ["Oslo", "Rome", "Bern"],
    "validation": ["Riga"],
    "eval": ["Lima", "Cairo"],
}
SPEC = TaskSpec(
    name="reversed",
    version=1,
    domain="world",
    form=Form("none", "text"),
    licence="CC0-1.0",
    sources={"bundled": "six cities"},
)


class Reversed:
    spec = SPEC

    def examples(self, split: Split) -> Iterable[Example]:
        return [Example(id=city, group=city, question=city[::-1], answer=city) for city in CITIES[split]]

    def prompt(self, example: Example, template: str) -> str:
        return f"{example.question} backwards is"

    def target(self, example: Example) -> Target:
        return Target(example.answer)

    def options(self, example: Example) -> Mapping[str, Target]:
        return {}

    def score(self, example: Example, completion: str) -> Mapping[str, float | None]:
        return {"answer": float(completion == example.answer) if completion else None}


class TestReversed(TaskChecks):
    @pytest.fixture
    def task(self) -> Task:
        return Reversed()


def changed_examples(**fields: Any) -> Any:
    return lambda self, split: [replace(example, **fields) for example in Reversed().examples(split)]


def shuffled(self: Task, split: Split) -> list[Example]:
    examples = list(Reversed().examples(split)) * 9
    random.shuffle(examples)
    return examples


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "version 0": ("test_spec_is_whole_and_fixed", {"spec": replace(SPEC, version=0)}),
    "no name": ("test_spec_is_whole_and_fixed", {"spec": replace(SPEC, name="")}),
    "no score called answer": ("test_spec_is_whole_and_fixed", {"spec": replace(SPEC, scores=("f1",))}),
    "an option of another type": (
        "test_spec_is_whole_and_fixed",
        {"spec": replace(SPEC, options={"n": Option(int, "3", "")})},
    ),
    "an answer that is a number": (
        "test_there_are_whole_items_with_ids_of_their_own",
        {"examples": changed_examples(answer=21)},
    ),
    "items of no source": ("test_own_items_are_a_source", {"spec": replace(SPEC, sources={})}),
    "a source without items": ("test_own_items_are_a_source", {"examples": lambda self, split: []}),
    "no prompt": ("test_prompts_are_deterministic_and_end_in_text", {"prompt": lambda *_: None}),
    "a text for a target": ("test_targets_can_be_written", {"target": lambda self, example: example.answer}),
    "another order each time": ("test_examples_are_deterministic", {"examples": shuffled}),
    "no items": ("test_there_are_whole_items_with_ids_of_their_own", {"examples": lambda self, split: []}),
    "one id for all": (
        "test_there_are_whole_items_with_ids_of_their_own",
        {"examples": changed_examples(id="city")},
    ),
    "one group for all": ("test_splits_share_no_group", {"examples": changed_examples(group="cities")}),
    "a space at the end": (
        "test_prompts_are_deterministic_and_end_in_text",
        {"prompt": lambda self, example, template: f"{example.question} backwards is "},
    ),
    "another prompt each time": (
        "test_prompts_are_deterministic_and_end_in_text",
        {"prompt": lambda self, example, template: f"{random.random()} is"},
    ),
    "every answer in its prompt": (
        "test_prompts_hide_the_target",
        {"prompt": lambda self, example, template: f"Say {example.answer}:"},
    ),
    "one answer in its prompt": (
        "test_prompts_hide_the_target",
        {"prompt": lambda self, example, template: "Not Rome but" if example.answer == "Rome" else "Say"},
    ),
    "a hint at the answer": (
        "test_prompts_do_not_depend_on_the_answer",
        {"prompt": lambda self, example, template: f"In {len(example.answer)} letters:"},
    ),
    "an empty target": ("test_targets_can_be_written", {"target": lambda self, example: Target(" ")}),
    "a stop string in a target": ("test_targets_can_be_written", {"spec": replace(SPEC, stop=("i",))}),
    "half a point for the gold answer": (
        "test_gold_answers_score_one",
        {"score": lambda self, example, text: {"answer": 0.5}},
    ),
    "a point for nothing": (
        "test_empty_completions_score_nothing",
        {"score": lambda self, example, text: {"answer": float(text in ("", example.answer))}},
    ),
    "a point for anything": (
        "test_other_answers_score_less",
        {"score": lambda self, example, text: {"answer": float(bool(text))}},
    ),
    "not a number": (
        "test_scores_are_shares_of_one",
        {"score": lambda self, example, text: {"answer": float("nan" if text == "nan" else 0)}},
    ),
    "more than 1": (
        "test_scores_are_shares_of_one",
        {"score": lambda self, example, text: {"answer": float(len(text) % 3)}},
    ),
    "an undeclared score": (
        "test_scores_are_shares_of_one",
        {"score": lambda self, example, text: {"answer": 0.0, "style": 1.0}},
    ),
    "a crash on many digits": (
        "test_scores_are_shares_of_one",
        {"score": lambda self, example, text: {"answer": float(text.isdecimal() and int(text) == 1)}},
    ),
    "letters without options": (
        "test_options_hold_the_right_one",
        {"spec": replace(SPEC, form=Form("none", "letter"))},
    ),
    "options without the right one": (
        "test_options_hold_the_right_one",
        {"options": lambda self, example: {"A": Target("Paris"), "B": Target("Delhi")}},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_task_checks_find(fault: str) -> None:
    check, changes = FAULTS[fault]
    task: Any = type("Wrong", (Reversed,), changes)()
    items = {split: list(task.examples(split)) for split in CITIES}
    everything = [example for examples in items.values() for example in examples]
    with pytest.raises((AssertionError, MedcotError, ValueError, TypeError)):
        run_check(TaskChecks(), check, task=task, items=items, everything=everything)


class Selecting:
    spec = SelectorSpec(name="selecting", version=1)

    def __init__(self, place: Any):
        self.place = place


@pytest.mark.parametrize(
    ("fault", "check", "place"),
    [
        ("nothing", "test_places_some_of_the_offered_modules", lambda probe: {}),
        ("what was not offered", "test_places_some_of_the_offered_modules", lambda probe: {"lm_head": None}),
        (
            "rank 0",
            "test_places_some_of_the_offered_modules",
            lambda probe: {module.path: 0 for module in probe.modules},
        ),
        (
            "something else each time",
            "test_is_deterministic",
            lambda probe: {random.choice(probe.modules).path: None},
        ),
    ],
)
def test_selector_checks_find_one_that_places(fault: str, check: str, place: Any) -> None:
    class Checks(SelectorChecks):
        def make(self) -> Selector:
            return Selecting(place)

    with pytest.raises(AssertionError):
        run_check(Checks(), check, selector=Selecting(place))


class TestPlainEngine(EngineChecks):
    def make(self, loaded: LoadedModel, batch_size: int | None) -> Engine:
        made: Engine = PlainEngine(loaded, batch_size)
        return made


pytest.mark.slow(TestPlainEngine)  # here, since the documentation has the class as it stands


class OffByABit(PlainEngine):
    def likelihood(self, context: Any, continuation: Any) -> Likelihood:
        found = super().likelihood(context, continuation)
        return replace(found, value=found.value * 1.0001)


class WithoutTheFirst(PlainEngine):
    """Leaves out what the first token adds."""

    def likelihood(self, context: Any, continuation: Any) -> Likelihood:
        return (
            Likelihood(0.0, greedy=True) if len(continuation) == 1 else super().likelihood(context, continuation)
        )


class ReadsToTheLast(PlainEngine):
    """Takes the likeliest last token for a greedy answer."""

    def likelihood(self, context: Any, continuation: Any) -> Likelihood:
        last = super().likelihood(context + continuation[:-1], continuation[-1:])
        return replace(super().likelihood(context, continuation), greedy=last.greedy)


class StopsAnywhere(PlainEngine):
    def generation(self, request: GenerationRequest) -> Generation:
        stops = request.stop_anywhere + request.stop_after_text
        return super().generation(replace(request, stop_after_text=(), stop_anywhere=stops))


class StopsAfterText(PlainEngine):
    def generation(self, request: GenerationRequest) -> Generation:
        stops = request.stop_anywhere + request.stop_after_text
        return super().generation(replace(request, stop_after_text=stops, stop_anywhere=()))


class NeverStops(PlainEngine):
    """Writes all its tokens; the text is right, what came to an end is not told."""

    def generation(self, request: GenerationRequest) -> Generation:
        return super().generation(replace(request, stop_after_text=(), stop_anywhere=()))


class AlwaysFinished(PlainEngine):
    def generation(self, request: GenerationRequest) -> Generation:
        return replace(super().generation(request), finished=True)


class OneTokenMore(PlainEngine):
    def generation(self, request: GenerationRequest) -> Generation:
        return super().generation(replace(request, new_tokens=request.new_tokens + 1))


class LongestFirst(PlainEngine):
    """Gives its answers in the order in which it works."""

    def generations(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        return [self.generation(one) for one in sorted(requests, key=lambda one: -len(one.prompt))]


class Remembers(PlainEngine):
    """Keeps answers by their prompts."""

    def __init__(self, loaded: LoadedModel, batch_size: int | None):
        super().__init__(loaded, batch_size)
        self.answers: dict[tuple[int, ...], Generation] = {}

    def generation(self, request: GenerationRequest) -> Generation:
        return self.answers.setdefault(request.prompt, super().generation(request))


class GoesOnFromWhatWasRead(PlainEngine):
    """Takes a context that it read for the whole prompt."""

    def __init__(self, loaded: LoadedModel, batch_size: int | None):
        super().__init__(loaded, batch_size)
        self.read: set[tuple[int, ...]] = set()

    def likelihoods(self, requests: Sequence[LikelihoodRequest]) -> list[Likelihood]:
        self.read |= {one.context for one in requests if one.answer_follows}
        found: list[Likelihood] = super().likelihoods(requests)
        return found

    def generation(self, request: GenerationRequest) -> Generation:
        prompt = request.prompt[:-1] if request.prompt[:-1] in self.read else request.prompt
        return super().generation(replace(request, prompt=prompt))


class ChangesTheModel(PlainEngine):
    def logits(self, tokens: Any) -> torch.Tensor:
        self.loaded.model.train()
        return super().logits(tokens)


class OneShort(PlainEngine):
    def likelihoods(self, requests: Sequence[LikelihoodRequest]) -> list[Likelihood]:
        return super().likelihoods(requests)[1:]


class Tensors(PlainEngine):
    def likelihood(self, context: Any, continuation: Any) -> Likelihood:
        found = super().likelihood(context, continuation)
        return replace(found, value=torch.tensor(found.value))


class BatchesOfItsOwn(PlainEngine):
    def __init__(self, loaded: LoadedModel, batch_size: int | None):
        super().__init__(loaded, 8)


class NeedsRequests(PlainEngine):
    def generations(self, requests: Sequence[GenerationRequest]) -> list[Generation]:
        longest = max(len(one.prompt) for one in requests)
        return [self.generation(one) for one in requests if longest]


WRONG_ENGINES = [
    ("test_batches_are_as_large_as_the_study_says", BatchesOfItsOwn),
    ("test_likelihoods_are_those_of_transformers", OffByABit),
    ("test_likelihoods_are_those_of_transformers", WithoutTheFirst),
    ("test_likelihoods_are_those_of_transformers", OneShort),
    ("test_likelihoods_are_those_of_transformers", Tensors),
    ("test_the_likeliest_continuation_is_recognised", ReadsToTheLast),
    ("test_answers_are_those_of_transformers", StopsAnywhere),
    ("test_answers_are_those_of_transformers", OneTokenMore),
    ("test_answers_are_those_of_transformers", LongestFirst),
    ("test_finished_says_what_came_to_an_end", StopsAfterText),
    ("test_finished_says_what_came_to_an_end", NeverStops),
    ("test_finished_says_what_came_to_an_end", AlwaysFinished),
    ("test_the_order_of_requests_does_not_matter", LongestFirst),
    ("test_nothing_is_kept_between_calls", Remembers),
    ("test_prompts_go_on_from_what_was_read", GoesOnFromWhatWasRead),
    ("test_the_model_stays_as_it_is", ChangesTheModel),
    ("test_no_requests_have_no_answers", NeedsRequests),
]


@pytest.mark.parametrize(
    ("check", "wrong"),
    [*WRONG_ENGINES[:4], *(slow(*wrong) for wrong in WRONG_ENGINES[4:])],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_engine_checks_find(check: str, wrong: type[PlainEngine], tmp_path: Path) -> None:
    class Checks(EngineChecks):
        def make(self, loaded: LoadedModel, batch_size: int | None) -> Engine:
            made: Engine = wrong(loaded, batch_size)
            return made

    loaded = make_writer(tmp_path / "model")
    with pytest.raises((AssertionError, ValueError)):
        run_check(Checks(), check, loaded=loaded, engine=wrong(loaded, None))


class Lines:
    suffix = ".jsonl"

    def export(self, leaderboard: Leaderboard) -> str:
        parts = [
            [leaderboard.base, leaderboard.domains, leaderboard.tasks, leaderboard.remarks],
            *([row.adapter, row.task, self.failures(row), self.parts(row)] for row in leaderboard.rows),
        ]
        return "".join(json.dumps(part) + "\n" for part in parts)

    def failures(self, row: Row) -> Any:
        return [[failure.status, failure.error] for failure in row.failures]

    def parts(self, row: Row) -> Any:
        return [
            [task, part.marks, {name: found.value for name, found in part.scores.items()}]
            for task, part in row.tasks.items()
        ]


class TestLines(ExporterChecks):
    def make(self) -> Exporter:
        return Lines()


def named(exporter: Any, board: Leaderboard) -> list[str]:
    return [f"{row.adapter},{Lines().parts(row)}".replace(",", ";") for row in board.rows]


WRONG_EXPORTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "no dot": ("test_suffix_is_the_end_of_a_file_name", {"suffix": "tex"}),
    "a path": ("test_suffix_is_the_end_of_a_file_name", {"suffix": "/../x.md"}),
    "the suffix of another": ("test_suffix_is_the_end_of_a_file_name", {"suffix": ".csv"}),
    "bytes": ("test_exports_text_whatever_is_missing", {"export": lambda self, board: b"x"}),
    "no last line break": ("test_exports_text_whatever_is_missing", {"export": lambda self, board: "x"}),
    "the time": ("test_is_deterministic", {"export": lambda self, board: f"{random.random()}\n"}),
    "a change of what it is given": (
        "test_leaves_the_leaderboard_as_it_is",
        {"export": lambda self, board: f"{board.base.update(name='')}\n"},
    ),
    "no scores": (
        "test_scores_and_rows_are_in_it",
        {"export": lambda self, board: f"{[row.adapter for row in board.rows]}\n"},
    ),
    "one row": (
        "test_scores_and_rows_are_in_it",
        {"export": lambda self, board: f"{board.rows[:1]}\n"},
    ),
    "a line break in a line": (
        "test_keeps_every_text_in_its_place",
        {"suffix": ".txt", "export": lambda self, board: "\n".join(named(self, board)) + "\n"},
    ),
    "quotes in JSON": (
        "test_keeps_every_text_in_its_place",
        {"export": lambda self, board: "".join(f'["{row.adapter.split()}"]\n' for row in board.rows)},
    ),
    "commas in CSV": (
        "test_keeps_every_text_in_its_place",
        {
            "suffix": ".csv",
            "export": lambda self, board: "".join(
                f"{n},{board.base['name']!r}\n" for n in range(len(board.tasks))
            ),
        },
    ),
    "a formula in CSV": (
        "test_keeps_every_text_in_its_place",
        {
            "suffix": ".csv",
            "export": lambda self, board: "".join(f"{' '.join(line.split())}\n" for line in named(self, board)),
        },
    ),
    "markup in HTML": (
        "test_keeps_every_text_in_its_place",
        {
            "suffix": ".html",
            "export": lambda self, board: "".join(
                f"<p>{' '.join(line.split())}</p>\n" for line in named(self, board)
            ),
        },
    ),
}


def wrong_exporter(changes: dict[str, Any]) -> tuple[ExporterChecks, Exporter, dict[str, str]]:
    class Checks(ExporterChecks):
        def make(self) -> Exporter:
            made: Exporter = type("Wrong", (Lines,), changes)()
            return made

    exporter = Checks().make()
    return Checks(), exporter, {kind: exporter.export(board) for kind, board in boards().items()}


@pytest.mark.parametrize("fault", WRONG_EXPORTERS)
def test_exporter_checks_find(fault: str) -> None:
    check, changes = WRONG_EXPORTERS[fault]
    checks, exporter, texts = wrong_exporter(changes)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_check(checks, check, exporter=exporter, texts=texts)


@pytest.mark.parametrize(
    ("missing", "export"),
    [
        ("a standard error", lambda self, board: f"{[2 * s.stderr for s in all_scores(board)]}\n"),
        ("costs", lambda self, board: f"{[row.costs.steps for row in board.rows if row.task]}\n"),
        ("a score", lambda self, board: f"{[row.tasks['k8s_qa'] for row in board.rows]}\n"),
        ("a row", lambda self, board: f"{board.rows[0]}\n"),
    ],
)
def test_the_leaderboards_of_the_exporter_checks_lack(missing: str, export: Any) -> None:
    assert export(None, whole())
    with pytest.raises((TypeError, AttributeError, LookupError)):
        wrong_exporter({"export": export})


def all_scores(board: Leaderboard) -> list[Contrast]:
    return [found for row in board.rows for part in row.tasks.values() for found in part.scores.values()]


class Notes:
    folder = "notes"

    def files(self, results: Results) -> dict[str, str]:
        rows = enumerate(results.cells)
        return {f"{n}/a.txt": f"{[score.results for score in row.evaluations.values()]}" for n, row in rows}


class TestNotes(FilesExporterChecks):
    def make(self) -> FilesExporter:
        return Notes()


WRONG_FILES_EXPORTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "no folder": ("test_has_a_folder_of_its_own", {"folder": ""}),
    "a folder elsewhere": ("test_has_a_folder_of_its_own", {"folder": "../notes"}),
    "a folder in a folder": ("test_has_a_folder_of_its_own", {"folder": "notes/a"}),
    "the folder of the records": ("test_has_a_folder_of_its_own", {"folder": "cells"}),
    "the folder of another": ("test_has_a_folder_of_its_own", {"folder": "lm_eval"}),
    "a path that leaves": ("test_paths_stay_in_the_folder", {"files": lambda self, results: {"a/../../b": ""}}),
    "an absolute path": ("test_paths_stay_in_the_folder", {"files": lambda self, results: {"/a": ""}}),
    "bytes": ("test_files_are_text", {"files": lambda self, results: {"a": b""}}),
    "the time": ("test_is_deterministic", {"files": lambda self, results: {"a": f"{random.random()}"}}),
    "a change of what it is given": (
        "test_leaves_the_results_as_they_are",
        {"files": lambda self, results: {"a": f"{results.tasks.popitem() if results.tasks else 0}"}},
    ),
    "one row of a cell": (
        "test_every_row_is_in_it",
        {"files": lambda self, results: {row.cell.name: f"{row.evaluations}" for row in results.cells}},
    ),
}


@pytest.mark.parametrize("fault", WRONG_FILES_EXPORTERS)
def test_files_exporter_checks_find(fault: str) -> None:
    check, changes = WRONG_FILES_EXPORTERS[fault]

    class Checks(FilesExporterChecks):
        def make(self) -> FilesExporter:
            made: FilesExporter = type("Wrong", (Notes,), changes)()
            return made

    exporter = Checks().make()
    made = {kind: exporter.files(results) for kind, results in folders().items()}
    with pytest.raises(AssertionError):
        run_check(Checks(), check, exporter=exporter, made=made)


class Runs:
    suffix = ".runs.csv"

    def export_runs(self, results: Results) -> str:
        return "".join(
            f"{[score.results for score in row.evaluations.values()]}\n" for row in results.cells
        ).replace(",", ";")


class TestRuns(RunsExporterChecks):
    def make(self) -> RunsExporter:
        return Runs()


WRONG_RUNS_EXPORTERS: dict[str, tuple[str, dict[str, Any]]] = {
    "no dot": ("test_suffix_is_the_end_of_a_file_name", {"suffix": "tex"}),
    "the suffix of another": ("test_suffix_is_the_end_of_a_file_name", {"suffix": ".md"}),
    "the suffix of another of its kind": ("test_suffix_is_the_end_of_a_file_name", {"suffix": ".csv"}),
    "bytes": ("test_exports_text_whatever_is_missing", {"export_runs": lambda self, results: b"x"}),
    "no last line break": ("test_exports_text_whatever_is_missing", {"export_runs": lambda self, results: "x"}),
    "the time": ("test_is_deterministic", {"export_runs": lambda self, results: f"{random.random()}\n"}),
    "a change of what it is given": (
        "test_leaves_the_results_as_they_are",
        {"export_runs": lambda self, results: f"{results.tasks.popitem() if results.tasks else 0}\n"},
    ),
    "one row": (
        "test_every_row_is_in_it",
        {"export_runs": lambda self, results: f"{[cell.evaluations for cell in results.cells[:1]]}\n"},
    ),
    "a line break in a line": (
        "test_keeps_every_text_in_its_place",
        {
            "suffix": ".txt",
            "export_runs": lambda self, results: "".join(f"{cell.row}\n" for cell in results.cells),
        },
    ),
    "a formula": (
        "test_keeps_every_text_in_its_place",
        {
            "export_runs": lambda self, results: "".join(
                f"{' '.join(cell.row.split()).replace(',', ';')}\n" for cell in results.cells
            )
        },
    ),
}


@pytest.mark.parametrize("fault", WRONG_RUNS_EXPORTERS)
def test_runs_exporter_checks_find(fault: str) -> None:
    check, changes = WRONG_RUNS_EXPORTERS[fault]

    class Checks(RunsExporterChecks):
        def make(self) -> RunsExporter:
            made: RunsExporter = type("Wrong", (Runs,), changes)()
            return made

    exporter = Checks().make()
    texts = {kind: exporter.export_runs(results) for kind, results in folders().items()}
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run_check(Checks(), check, exporter=exporter, texts=texts)


class Scale:
    spec = AdapterSpec(name="scale", version=1, update="low_rank")

    def recipe(self, model: ModelInfo) -> Recipe:
        return Recipe(lr=0.1)

    def prepare(self, model: Any, placement: Placement) -> Any:
        for path in placement:
            module = model.get_submodule(path)
            module.scale = torch.nn.Parameter(torch.ones(1))
            module.register_forward_hook(lambda module, inputs, output: output * module.scale)
        return model

    def save(self, model: Any, folder: Path) -> None:
        save_file(self.scales(model), folder / "scales.safetensors")

    def load(self, model: Any, folder: Path) -> Any:
        scales = load_file(folder / "scales.safetensors")
        model = self.prepare(model, dict.fromkeys(name.removesuffix(".scale") for name in scales))
        model.load_state_dict(scales, strict=False)
        return model

    def scales(self, model: Any) -> dict[str, torch.Tensor]:
        return {name: p.detach() for name, p in model.named_parameters() if name.endswith(".scale")}


PLACED = {"model.layers.1.mlp.up_proj": None, "model.layers.2.mlp.down_proj": None}


class TestScale(AdapterChecks):
    @pytest.fixture
    def adapter(self) -> Adapter:
        return Scale()

    @pytest.fixture
    def placement(self) -> Placement:
        return PLACED


class ChangesTheFunction(Scale):
    def prepare(self, model: Any, placement: Placement) -> Any:
        model = super().prepare(model, placement)
        with torch.no_grad():
            model.get_parameter("model.layers.1.mlp.up_proj.scale").mul_(1.01)
        return model


class ReturnsNothing(Scale):
    def load(self, model: Any, folder: Path) -> Any:
        super().load(model, folder)


class TrainsElsewhere(Scale):
    def prepare(self, model: Any, placement: Placement) -> Any:
        return super().prepare(model, {**placement, "model.layers.0.mlp.up_proj": None})


class TrainsTooLittle(Scale):
    def prepare(self, model: Any, placement: Placement) -> Any:
        return super().prepare(model, dict(list(placement.items())[:1]))


class TrainsTheBase(Scale):
    def prepare(self, model: Any, placement: Placement) -> Any:
        model = super().prepare(model, placement)
        for path in placement:
            model.get_submodule(path).weight.requires_grad_(True)
        return model


class TrainsNothing(Scale):
    def prepare(self, model: Any, placement: Placement) -> Any:
        return super().prepare(model, placement).requires_grad_(False)


class Pickles(Scale):
    def save(self, model: Any, folder: Path) -> None:
        super().save(model, folder)
        torch.save(self.scales(model), folder / "scales.bin")


class ForgetsToSave(Scale):
    def save(self, model: Any, folder: Path) -> None:
        pass

    def load(self, model: Any, folder: Path) -> Any:
        return self.prepare(model, PLACED)


class SavesALink(Scale):
    def save(self, model: Any, folder: Path) -> None:
        super().save(model, folder.parent)
        (folder / "scales.safetensors").symlink_to(folder.parent / "scales.safetensors")


class MakesUpWhatIsMissing(Scale):
    def load(self, model: Any, folder: Path) -> Any:
        model = self.prepare(model, PLACED)
        for scale in self.scales(model).values():
            scale.uniform_()
        model.load_state_dict(load_file(folder / "scales.safetensors"), strict=False)
        return model


class LoadsTheBase(Scale):
    def load(self, model: Any, folder: Path) -> Any:
        return model


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (ChangesTheFunction, "test_prepared_model_computes_what_the_base_does"),
        (TrainsElsewhere, "test_trains_where_it_is_placed_and_nowhere_else"),
        (TrainsTooLittle, "test_trains_where_it_is_placed_and_nowhere_else"),
        (TrainsTheBase, "test_trains_where_it_is_placed_and_nowhere_else"),
        (TrainsNothing, "test_trains_where_it_is_placed_and_nowhere_else"),
        (TrainsTheBase, "test_training_changes_the_model_and_no_frozen_weight"),
        (Pickles, "test_loads_what_it_saved_bit_by_bit"),
        (ForgetsToSave, "test_loads_what_it_saved_bit_by_bit"),
        (LoadsTheBase, "test_loads_what_it_saved_bit_by_bit"),
        (ReturnsNothing, "test_loads_what_it_saved_bit_by_bit"),
        (SavesALink, "test_loads_what_it_saved_bit_by_bit"),
        (MakesUpWhatIsMissing, "test_makes_up_no_weights"),
    ],
)
def test_adapter_checks_find_an_adapter_that(
    wrong: type[Scale], check: str, tiny_model: Path, tmp_path: Path
) -> None:
    adapter = wrong()
    prepared = prepare(adapter, PLACED, tiny_model)
    if not check.startswith(("test_prepared", "test_trains_where")):
        train(prepared.model, ITEMS, Recipe(lr=0.1, max_steps=2, batch_size=2), seed=0)
    fixtures = {"prepared": prepared, "trained": prepared, "placement": PLACED, "folder": tiny_model}
    with pytest.raises((AssertionError, TypeError, ValueError)):
        run_check(AdapterChecks(), check, adapter=adapter, tmp_path=tmp_path, **fixtures)
