"""Numbers and names that nothing can compute with are refused before anything is planned."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.errors import ConfigError
from medcot_bench.plugins.options import check
from medcot_bench.results.cells import CellKey
from medcot_bench.study.loading import load_study
from medcot_bench.study.schema import Study, Training
from medcot_bench.study.spec_strings import LONGEST_NAME, parse_specs
from medcot_bench.types import Option

HUGE = 10**400


@pytest.mark.parametrize("seed", [2**63, 2**64, HUGE])
def test_seeds_end_below_two_to_the_63rd(seed: int, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(f"seeds: [0, {seed}]\n")
    for study, errors in (
        load_study(tmp_path / "study.yaml"),
        load_study(None, [("seeds", str(seed))]),
        load_study(None, [("seeds", f"0,{seed}")]),
        load_study(None, [("seeds", (0, seed))]),
    ):
        assert len(errors) == 1
        assert len(errors[0]) < 400
        assert study.seeds == (0,)
    assert load_study(None, [("seeds", str(2**63 - 1))]) == (Study(seeds=(2**63 - 1,)), [])


@pytest.mark.parametrize(
    "field",
    [
        *("limit", "data_seed", "threads", "training.train_items", "training.max_steps", "training.train_tokens"),
        *("training.batch_size", "training.accumulation", "training.max_length", "training.checkpoints"),
        *(
            "training.tune_lr",
            "training.tune_seeds",
            "training.race_seeds",
            "training.lr",
            "training.epochs",
            "training.clip",
        ),
        *("scoring.generate_items", "scoring.num_fewshot", "scoring.max_new_tokens", "scoring.batch_size"),
        *("scoring.max_length", "analysis.margins", "training.rates"),
    ],
)
@pytest.mark.parametrize("number", [HUGE, -HUGE, f"1{'0' * 400}", "9" * 5000, "1e400", "-.inf", "0x" + "f" * 5000])
def test_a_number_beyond_all_bounds_is_one_short_line(field: str, number: object) -> None:
    study, errors = load_study(None, [(field, number)])
    assert len(errors) == 1
    assert errors[0].startswith(f"{field}: ")
    assert len(errors[0]) < 600
    assert study == Study()


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("threads", 65_536),
        ("training.batch_size", 65_536),
        ("training.accumulation", 65_536),
        ("scoring.batch_size", 65_536),
        ("scoring.num_fewshot", 65_536),
        ("training.checkpoints", 8),
        ("training.tune_lr", 1_000),
        ("training.tune_seeds", 1_000),
        ("training.race_seeds", 1_000),
        ("training.epochs", 1_000_000),
    ],
)
def test_absurd_sizes_are_refused_with_the_largest_that_is_taken(field: str, most: int) -> None:
    assert load_study(None, [(field, most)])[1] == []
    [error] = load_study(None, [(field, most + 1)])[1]
    assert error.startswith(f"{field}: ")
    assert str(most) in error


def test_defaults_are_within_bounds() -> None:
    assert Study.model_validate(Study().model_dump()) == Study()
    assert Training(tune_lr=(1e-4, 1e-3)).tune_lr == (1e-4, 1e-3)


@pytest.mark.parametrize("typed", [str(2**63), str(HUGE), "9" * 5000])
def test_options_of_plugins_end_there_too(typed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check("adapter lora", {"r": Option(int, 16, "rank")}, {"r": typed})
    assert str(caught.value).startswith("adapter lora: r=")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("size", [LONGEST_NAME + 1, 256, 100_000])
def test_long_names_are_one_short_line(size: int, tmp_path: Path) -> None:
    name = "a" * size
    for field in ("tasks", "eval_tasks", "adapters"):
        [error] = load_study(None, [(field, name)])[1]
        assert f"a name has at most {LONGEST_NAME} characters" in error
        assert len(error) < 600
    (tmp_path / "study.yaml").write_text(f"own: {{? {name} : {{data: rows.csv}}}}\ntasks: [{name}]\n")
    [error, *_] = load_study(tmp_path / "study.yaml")[1]
    assert f"a name has at most {LONGEST_NAME} characters; rename it" in error


@given(st.text(max_size=400), st.text(max_size=400), st.integers(0, 2**63 - 1))
def test_a_folder_that_is_named_by_a_training_run_can_be_made(task: str, adapter: str, seed: int) -> None:
    key = CellKey(id="0123456789ab", task=f"own:note={task}", adapter=f"lora:targets={adapter}", seed=seed)
    assert len(key.name.encode()) <= 255
    assert key.name.endswith(key.id)
    assert "/" not in key.name


@pytest.mark.parametrize("stem", ["n" * 150, "ß" * 120 + "n" * 7])
def test_a_file_of_a_long_name_gives_a_task_a_name_that_may_be(stem: str, tmp_path: Path) -> None:
    (tmp_path / f"{stem}.yaml").write_text("data: rows.csv\n")
    study, errors = load_study(overrides=[("tasks", [str(tmp_path / f"{stem}.yaml")])])
    assert errors == []
    assert [str(typed) for typed in study.tasks] == [stem.replace("ß", "")[:LONGEST_NAME]]


def test_names_of_lm_evals_files_may_be_paths() -> None:
    path = "lm_eval:" + "/".join(["folder"] * 40) + "/task.yaml"
    assert [spec.name for spec in parse_specs(path)] == [path]
