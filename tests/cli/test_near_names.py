"""What was mistyped is answered with the name that was meant, in one line; `_` for `-` is no mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcot_bench.cli import main, parser
from medcot_bench.cli.parser import Parser
from medcot_bench.errors import suggest


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("run --seed 0", ["run has no --seed; did you mean --seeds?"]),
        ("run --task k8s_qa", ["run has no --task; did you mean --tasks?"]),
        ("plan --Tasks=k8s_qa", ["plan has no --Tasks; did you mean --tasks?"]),
        ("run --learning-rate 1e-4", ["run has no --learning-rate; did you mean --lr or --tune-lr?"]),
        ("run --learning_rate=1e-4", ["run has no --learning_rate; did you mean --lr or --tune-lr?"]),
        ("export out --output x", ["export has no --output; did you mean --output-dir?"]),
        (
            "run --seed 1 2 --xyzzy",
            ["run has no --seed; did you mean --seeds?", "run has no --xyzzy; see "],
        ),
        ("run a.yaml b.yaml", ["run: one argument too many: 'b.yaml'; see medcot-bench run --help"]),
        ("run --limit", ["run: argument --limit: expected one argument; see medcot-bench run --help"]),
        ("rn", ["unknown command 'rn'; did you mean run?"]),
        ("LS", ["unknown command 'LS'; did you mean list?"]),
        ("train", ["unknown command 'train'; did you mean run?"]),
        ("frob", ["unknown command 'frob'; known: run, plan, "]),
        ("--verison", ["the following arguments are required: command; see medcot-bench --help"]),
        ("list taks", ["list: unknown kind 'taks'; did you mean tasks?"]),
        ("plan --effect chang", ["plan: unknown --effect 'chang'; did you mean change?"]),
        ("init --preset Quick", ["no preset 'Quick'; did you mean quick?"]),
        ("show quik", ["no plugin or preset 'quik'; did you mean quick?"]),
        ("show medqa", ["no plugin or preset 'medqa'; did you mean medqa_cot?"]),
        ("show adapter:LORA", ["no plugin or preset 'adapter:LORA'; did you mean lora?"]),
    ],
)
def test_a_mistyped_command(typed: str, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed.split()) == 2
    output = capsys.readouterr()
    assert output.out == ""
    found = output.err.splitlines()
    assert len(found) == len(lines)
    for line, beginning in zip(found, lines, strict=True):
        assert line.removeprefix("medcot-bench: ").startswith(beginning)


def test_names_of_a_study(capsys: pytest.CaptureFixture[str], tiny_model: Path) -> None:
    adapters = "LoRA,lora:rank=8,lora:learning_rate=1e-4,lora:select=Top"
    typed = ["--tasks", "medqa,K8S_QA", "--adapters", adapters, "--set", "training.learning-rate=1"]
    assert main(["plan", "--model", str(tiny_model), *typed]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "medcot-bench: training.learning-rate: no such field; did you mean lr or tune_lr?",
        "medcot-bench: no task 'medqa'; did you mean medqa_cot?",
        "medcot-bench: no task 'K8S_QA'; did you mean k8s_qa?",
        "medcot-bench: no adapter 'LoRA'; did you mean lora?",
        "medcot-bench: adapter lora: no option 'rank'; did you mean r?",
        "medcot-bench: adapter lora: no option 'learning_rate'; did you mean lr?",
        "medcot-bench: no selector 'Top'; did you mean top?",
    ]


def test_an_environment_variable(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCOT_OUTPUTDIR", "x")
    assert main(["validate", "study.yaml"]) == 2
    assert "MEDCOT_OUTPUTDIR: a study has no such field; did you mean output_dir?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["run", "plan", "validate", "compare", "export", "predict", "merge", "doctor"])
def test_every_flag_takes_underscores(name: str) -> None:
    commands = next(action.choices for action in parser()._actions if isinstance(action.choices, dict))
    command = commands[name]
    assert isinstance(command, Parser)
    flags = [flag for flag in command._option_string_actions if "-" in flag[2:]]
    for flag in flags:
        typed = f"--{flag[2:].replace('-', '_')}"
        assert command._with_dashes([typed, f"{typed}=a_b-c", "--", typed]) == [flag, f"{flag}=a_b-c", "--", typed]


def test_underscores_in_values_stay() -> None:
    options = parser().parse_args(["run", "--eval_tasks", "k8s_qa", "lm_eval:a_b", "--output_dir=my_out"])
    assert vars(options)["eval_tasks"] == ["k8s_qa", "lm_eval:a_b"]
    assert options.output_dir == "my_out"
    options = parser().parse_args(["run", "--question", "_q", "--answer", "__verbose", "_o"])
    assert (vars(options)["own.question"], vars(options)["own.answer"]) == ("_q", "__verbose")
    assert (str(options.study), options.quiet, options.verbose) == ("_o", False, False)


def test_near_names_are_at_most_a_few() -> None:
    known = [f"task_{number}" for number in range(1000)]
    assert suggest("Task-7", known) == "; did you mean task_7?"
    assert suggest("taskk_7", known).count(",") == 1
    assert suggest("", known) == suggest("zzz", known) == suggest("x", []) == ""
    assert suggest("rank", {"r": "ranks of all", "s": "Rank: of one"}) == "; did you mean s?"


@pytest.mark.parametrize(
    ("seeds", "noted"),
    [
        ("3", ["note: one training with seed 3; 3 seeds are --seeds 0-2"]),
        ("2", ["note: one training with seed 2; 2 seeds are --seeds 0-1"]),
        ("0", []),
        ("1", []),
        ("0-2", []),
    ],
)
def test_one_seed_that_may_be_a_number_of_seeds(
    seeds: str, noted: list[str], capsys: pytest.CaptureFixture[str], tiny_model: Path, examples: Path
) -> None:
    data = f"k8s_qa=file:{examples / 'k8s_qa.jsonl'}"
    typed = ["--model", str(tiny_model), "--tasks", "k8s_qa", "--adapters", "lora", "--data", data]
    assert main(["plan", *typed, "--seeds", seeds]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "one training with" in line] == noted
