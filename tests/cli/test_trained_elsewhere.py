"""`predict` and `merge` of a study that has everything, from another folder, with its own rows gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness_tasks import write_tasks

from medcot_bench.cli import main

ROWS = "".join(
    json.dumps({"q": f"Which port has host {n}?", "a": str(7000 + n), "c": f"Host {n}: port {7000 + n}."}) + "\n"
    for n in range(60)
)


@pytest.mark.slow
def test_a_cell_is_of_use_without_its_rows_and_from_elsewhere(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    for folder in (there, elsewhere):
        folder.mkdir()
    monkeypatch.chdir(there)
    write_tasks(there)
    Path("mine.jsonl").write_text(ROWS)
    run = [
        *("run", "--train", "mine.jsonl", "--question", "q", "--answer", "a", "--context", "c", "--seeds", "0"),
        *("--model", str(tiny_model), "--max-steps", "2", "--limit", "2", "--set", "scoring.max_new_tokens=4"),
        *("--set", "scoring.num_fewshot=1", "--baselines", "no_context", "--set", "threads=1", "-q"),
    ]
    extra = ("--eval-tasks", "lm_eval:colours.yaml", "lm_eval:./colours.yaml", "--adapters", "none", "lora")
    assert main([*run, *extra, "-o", "out"]) == 0
    (adapter,) = Path("out/cells").glob("*lora*/adapter")
    assert main([*run, "--adapters", "none", f"peft:path={adapter}", "-o", "again"]) == 0
    plan = json.loads(Path("out/plan.json").read_text())
    assert len(plan["tasks"]) == 2
    assert "it has prompts of its own" in {left["reason"] for left in plan["left_out_baselines"]}
    Path("mine.jsonl").rename("moved.jsonl")
    monkeypatch.chdir(elsewhere)
    capsys.readouterr()
    assert main(["merge", "../there/out", "lora", "merged"]) == 0
    assert "not checked: " in capsys.readouterr().out
    assert json.loads(Path("merged/medcot_merge.json").read_text())["num_fewshot"] == 1
    assert main(["merge", "../there/again", "peft", "merged-too"]) == 0
    (there / "moved.jsonl").rename(there / "mine.jsonl")
    capsys.readouterr()
    assert main(["predict", "../there/out", "lora", "Which port has host 3?", "--context", "Host 3: port 7."]) == 0
    assert main(["predict", "../there/out", "lora", "x", "--task", "lm_eval:colours.yaml"]) == 2
    assert (
        "no task 'lm_eval:colours.yaml' in ../there/out; choose with --task, one of: mine"
        in capsys.readouterr().err
    )
