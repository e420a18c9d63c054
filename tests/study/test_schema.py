"""Study file, environment and command line become one study, and this a file again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.planning.pinned_study import dump_study
from medcot_bench.study.analysis import Analysis
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Scoring, Study, Training
from medcot_bench.study.spec_strings import Spec

Overrides = list[tuple[str, Any]]
LARGEST = 2**63 - 1


def write_study(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_bytes(text.encode())
    return path


def read(
    folder: Path, text: str = "", overrides: Overrides | None = None, environment: Mapping[str, str] | None = None
) -> Study:
    study, errors = load_study(write_study(folder, text), overrides or [], environment)
    assert errors == []
    return study


def test_without_file_environment_and_command_line_every_field_has_its_default() -> None:
    assert load_study() == (Study(), [])


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "# only a comment\n") == Study()


def test_the_command_line_beats_the_environment_and_this_the_file(tmp_path: Path) -> None:
    text = "limit: 1\ndata_seed: 1\nthreads: 1\n"
    environment = {"MEDCOT_LIMIT": "2", "MEDCOT_DATA_SEED": "2"}
    study = read(tmp_path, text, [("limit", "3")], environment)
    assert (study.limit, study.data_seed, study.threads, study.seeds) == (3, 2, 1, (0,))


def test_precedence_holds_field_by_field_within_a_section(tmp_path: Path) -> None:
    text = "training: {lr: 0.1, max_steps: 1, batch_size: 1, clip: 1}\n"
    environment = {"MEDCOT_TRAINING__MAX_STEPS": "2", "MEDCOT_TRAINING__BATCH_SIZE": "2"}
    study = read(tmp_path, text, [("training.batch_size", "3"), ("scoring.num_fewshot", "2")], environment)
    recipe = study.training.recipe()
    assert recipe == {"lr": 0.1, "max_steps": 2, "batch_size": 3, "clip": 1.0}
    assert study.scoring.num_fewshot == 2


def test_variables_of_other_programs_and_reserved_ones_are_left_alone(tmp_path: Path) -> None:
    environment = {"PATH": "/bin", "MEDCOT_BLOCK": "lora", "MEDCOT_CACHE": "/c", "MEDCOT_TEST_DATA": "/d"}
    assert read(tmp_path, "", [], environment) == Study()


@pytest.mark.parametrize("typed", ["1e-5", "1E-5", "0.00001", 1e-5])
def test_a_rate_without_a_dot_is_a_number_wherever_it_is_typed(tmp_path: Path, typed: str | float) -> None:
    assert read(tmp_path, f"training: {{lr: {typed}}}").training.lr == 1e-5
    assert read(tmp_path, "", [("training.lr", typed)]).training.lr == 1e-5
    assert read(tmp_path, "", [], {"MEDCOT_TRAINING__LR": str(typed)}).training.lr == 1e-5


@pytest.mark.parametrize(
    ("typed", "seeds"), [("0,1,2", (0, 1, 2)), ("7", (7,)), ("[3, 1]", (3, 1)), (5, (5,)), ("0, 1", (0, 1))]
)
def test_seeds_are_typed_as_a_list_joined_by_commas(tmp_path: Path, typed: Any, seeds: tuple[int, ...]) -> None:
    assert read(tmp_path, "", [("seeds", typed)]).seeds == seeds


def test_names_are_typed_as_text_or_as_a_list(tmp_path: Path) -> None:
    expected = (Spec("none", {}), Spec("lora", {"r": "8", "alpha": "16"}), Spec("full", {}))
    assert read(tmp_path, "adapters: none,lora:r=8,alpha=16,full").adapters == expected
    assert read(tmp_path, "adapters: [none, 'lora:r=8,alpha=16', full]").adapters == expected
    assert read(tmp_path, "", [("adapters", "none lora:r=8 alpha=16 full")]).adapters == expected
    assert [str(spec) for spec in read(tmp_path, "adapters: none,full").adapters] == ["none", "full"]


def test_scores_are_typed_with_commas(tmp_path: Path) -> None:
    assert read(tmp_path, "", [("scoring.scores", "answer,gold_nll")]).scoring.scores == ("answer", "gold_nll")


@pytest.mark.parametrize(
    ("field", "text"), [("model", "123"), ("model", "on"), ("output_dir", "2024-01-01"), ("data.k8s_qa", "null")]
)
def test_names_and_paths_are_text_whatever_yaml_would_make_of_them(tmp_path: Path, field: str, text: str) -> None:
    study = read(tmp_path, "", [(field, text)])
    place: Any = study.sources("k8s_qa")[None] if field.startswith("data") else getattr(study, field)
    assert place == text


def test_sources_by_split_take_the_place_of_one_source(tmp_path: Path) -> None:
    overrides: Overrides = [("data.k8s_qa.train", "file:a"), ("data.k8s_qa.eval", "file:b")]
    study = read(tmp_path, "data: {k8s_qa: file:c, manuals_qa: file:d}", overrides)
    assert study.sources("k8s_qa") == {"train": "file:a", "eval": "file:b"}
    assert study.sources("manuals_qa") == {None: f"file:{tmp_path / 'd'}"}
    assert study.sources("medqa_cot") == {}


def test_data_paths_of_a_study_file_are_relative_to_it_and_typed_ones_are_not(tmp_path: Path) -> None:
    text = "data:\n  a: file:rows/a.jsonl\n  b: {train: file:../b.jsonl}\n  c: file:/abs/c.jsonl\n  d: file:d\n"
    study = read(tmp_path, text, [("data.d", "file:typed.jsonl")])
    assert study.sources("a") == {None: f"file:{tmp_path / 'rows/a.jsonl'}"}
    assert study.sources("b") == {"train": f"file:{tmp_path / '../b.jsonl'}"}
    assert study.sources("c") == {None: "file:/abs/c.jsonl"}
    assert study.sources("d") == {None: "file:typed.jsonl"}


def at_home(study: Study) -> Study:
    """The study with the absolute path of its result folder."""
    return study.model_copy(update={"output_dir": str(Path(study.output_dir).absolute())})


def test_a_dumped_study_gives_itself_again_with_nothing_but_what_was_set(tmp_path: Path) -> None:
    study = Study(
        tasks=("k8s_qa:context=none",),
        adapters=("none", "layer_lora:select=top,k=2"),
        seeds=(0, 1),
        data={"k8s_qa": {"train": "file:/a", "eval": "file:/b"}, "manuals_qa": "file:/c"},
        training=Training(lr=1e-5, max_steps=0),
        scoring=Scoring(scores=("answer",)),
    )
    text = dump_study(study)
    assert read(tmp_path, text) == at_home(study)
    given = {"tasks", "adapters", "seeds", "data", "training", "scoring"}
    assert set(yaml.safe_load(text)) == given | {"output_dir"}


def test_a_study_dumped_elsewhere_names_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study, _ = load_study(None, [("data.k8s_qa", "file:rows.jsonl")])
    (tmp_path / "out").mkdir()
    again = read(tmp_path / "out", dump_study(study))
    source = again.sources("k8s_qa")[None].removeprefix("file:")
    assert Path(source).resolve() == tmp_path / "rows.jsonl"


@given(
    st.builds(
        Study,
        model=st.text().map("./no/{}".format),
        system_prompt=st.text(),
        data_seed=st.integers(-LARGEST, LARGEST),
        seeds=st.lists(st.integers(0, LARGEST), min_size=1, max_size=3, unique=True).map(tuple),
        data=st.dictionaries(st.text(), st.text().map(lambda text: f"file:{Path('/' + text)}"), max_size=2),
        training=st.builds(Training, lr=st.floats(min_value=1e-300, max_value=1e300)),
    )
)
def test_any_study_survives_its_dump(tmp_path_factory: pytest.TempPathFactory, study: Study) -> None:
    assert read(tmp_path_factory.getbasetemp(), dump_study(study)) == at_home(study)


def test_an_adapter_is_declared_for_every_number_of_training_items_unless_it_names_one() -> None:
    asked = Analysis(adapters=("layer_lora", "lora:r=8", "qlora:r=4,train_items=250"), shifts=("manuals_qa",))

    def declared(*adapters: str) -> list[bool]:
        return [asked.declares(adapter, "manuals_qa") for adapter in adapters]

    assert all(declared("layer_lora", "layer_lora:train_items=250", "layer_lora:train_items=all"))
    assert all(declared("lora:r=8,train_items=100", "lora:train_items=100,r=8"))
    assert declared("lora:train_items=100", "lora:r=16,train_items=100") == [False, False]
    assert declared("qlora:r=4,train_items=250", "qlora:r=4,train_items=all", "qlora:r=4") == [True, False, False]
    assert not asked.declares("layer_lora:train_items=250", "medqa_cot")
    assert Analysis().declares("any:train_items=250", "manuals_qa")


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (0, ()),
        (1, ("1/2",)),
        (2, ("1/3", "2/3")),
        ("4", ("1/12", "1/6", "1/3", "2/3")),
        ("3/4, 1/4,2/4", ("1/4", "2/4", "3/4")),  # as records of evenly spaced ones have them
        (["1/2"], ("1/2",)),
    ],
)
def test_checkpoints_are_dense_early_or_named(typed: object, names: tuple[str, ...]) -> None:
    study, errors = load_study(None, [("training.checkpoints", typed)])
    assert errors == []
    assert study.training.checkpoint_names == names
    assert Study.model_validate(study.model_dump(mode="json")) == study


@pytest.mark.parametrize("typed", [-1, 9, "1/2,2/4", "0/3", "1/0", "3/3", "1.5/2", [0.5], [], "early"])
def test_checkpoints_that_are_no_points_of_a_training_are_refused(typed: object) -> None:
    [error] = load_study(None, [("training.checkpoints", typed)])[1]
    assert error.startswith("training.checkpoints: ")
    assert "give a number of checkpoints (0 to 8), or distinct shares of the training, e.g. 1/4,1/2,3/4" in error
