"""What a run shows for each thing that happens: lines, JSON, failures alone, bars."""

from __future__ import annotations

import argparse
import json
import re
import sys

import pytest

from medcot_bench.cli.progress import Lines, choose_listener
from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.runner.events import (
    CellFinished,
    CellStarted,
    Failed,
    Measuring,
    Noted,
    PhaseStarted,
    Progress,
    Ready,
    Resumed,
    Scored,
    Trained,
)
from medcot_bench.runner.notices import LogLine, Notice, Planned, Restarted, Skipped

TITLE = "lora × k8s_qa × seed 0"
FAILED = Failed(cell="3f", status="diverged", task=None, error="loss is nan; try a lower lr", log="out/log")
SCORES = {"parsed,none": 0.9, "answer,none": 0.5, "answer_stderr,none": 0.1, "gold_nll,none": 1.23456}


def planned(stage: str = "study") -> Planned:
    return Planned(
        stage="trials" if stage == "trials" else "study",
        cells=3,
        to_run=2,
        output_dir="out",
        left_out_baselines=(LeftOutBaseline(task="k8s_qa", baseline="cot", reason="its items have no reasoning"),),
        notes=("k8s_qa: 2 rows twice",),
    )


def of_cell(event: object, eta_s: int | None = 8000) -> Notice:
    return Notice(event=event, title=TITLE, eta_s=eta_s)  # type: ignore[arg-type]


RUN = [
    Notice(event=planned()),
    Notice(event=LogLine(line="a warning of a library")),
    Notice(event=Ready()),
    of_cell(Skipped(cell="a0", reason="no room")),
    of_cell(CellStarted(cell="3f")),
    of_cell(PhaseStarted(cell="3f", phase="train")),
    of_cell(Noted(cell="3f", text="the saved state can't be used")),
    of_cell(Resumed(cell="3f", step=1, steps=4, seconds=3.0)),
    of_cell(Progress(cell="3f", done=2, total=4, loss=1.5)),
    of_cell(Trained(cell="3f", steps=4, loss=2.34567, seconds=12.4)),
    of_cell(PhaseStarted(cell="3f", phase="score", task="k8s_qa")),
    of_cell(Scored(cell="3f", task="k8s_qa", seconds=3.0, results=SCORES, marks=("the model did not change",))),
    of_cell(FAILED),
    of_cell(CellFinished(cell="3f", failed=True)),
    Notice(event=Restarted(reason="the worker was ended by SIGKILL")),
]
LINES = [
    "plan: 3 runs, 2 to do, into out",
    "note: k8s_qa: 2 rows twice",
    "note: k8s_qa: no baseline cot: its items have no reasoning",
    f"    skipped {TITLE}: no room",
    f"[1/2] {TITLE} (2 h 13 min left)",
    "    note: the saved state can't be used",
    "    goes on from step 1 of 4",
    "    trained 4 steps in 12 s, loss 2.346",
    "    scored on k8s_qa in 3 s: answer 0.500, gold_nll 1.235; the model did not change",
    f"    diverged: {TITLE}: loss is nan; try a lower lr (log: out/log)",
    "note: the worker was ended by SIGKILL; another worker goes on",
]


def options(**flags: bool) -> argparse.Namespace:
    return argparse.Namespace(**({"json": False, "quiet": False, "verbose": False} | flags))


def shown(*notices: Notice) -> list[str]:
    written: list[str] = []
    lines = Lines(written.append, verbose=False)
    for notice in notices:
        lines(notice)
    return written


def test_a_line_for_everything_that_a_reader_of_a_log_wants() -> None:
    assert shown(*RUN) == LINES


def test_runs_are_counted_anew_after_the_search_for_learning_rates() -> None:
    started = of_cell(CellStarted(cell="3f"), eta_s=None)
    lines = shown(Notice(event=planned("trials")), started, started, Notice(event=planned()), started)
    assert lines[0] == "plan: 3 runs that try learning rates, 2 to do, into out"
    assert [line for line in lines if line.startswith("[")] == [f"[{n}/2] {TITLE}" for n in (1, 2, 1)]


def test_a_training_that_is_done_again_says_why() -> None:
    began = PhaseStarted(cell="3f", phase="train", reason="adapter/adapter_model.safetensors is missing")
    assert shown(of_cell(began)) == ["    adapter/adapter_model.safetensors is missing: training again"]


def test_a_base_that_is_not_trained_has_no_line_of_a_training() -> None:
    assert shown(of_cell(Trained(cell="3f", steps=0, loss=None, seconds=0.0))) == []


def test_other_scores_are_shown_where_a_task_has_none_of_ours() -> None:
    results = {"acc,none": 0.25, "acc_norm,none": 0.5, "f1,none": 0.75, "exact_match,strict": 1.0}
    [line] = shown(of_cell(Scored(cell="3f", task="lm_eval:mmlu", seconds=1.0, results=results, marks=())))
    assert line == "    scored on lm_eval:mmlu in 1 s: acc 0.250, acc_norm 0.500, f1 0.750"


def test_a_failed_evaluation_names_its_task() -> None:
    failed = Failed(cell="3f", status="failed", task="medqa_cot", error="too long", log="out/log")
    assert shown(of_cell(failed)) == [f"    failed: {TITLE}, scoring medqa_cot: too long (log: out/log)"]


def test_what_libraries_print_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    for verbose in (False, True):
        Lines(print, verbose)(Notice(event=LogLine(line="a warning of a library")))
        assert capsys.readouterr() == ("", "a warning of a library\n" if verbose else "")


def test_json_is_a_line_for_each_event_without_logs(capsys: pytest.CaptureFixture[str]) -> None:
    with choose_listener(options(json=True)) as listen:
        for notice in RUN:
            listen(notice)
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in read] == [n.event.event for n in RUN if n.event.event != "log"]
    assert read[3]["title"] == TITLE
    assert read[3]["eta_s"] == 8000


def test_quiet_is_failures_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with choose_listener(options(quiet=True)) as listen:
        for notice in RUN:
            listen(notice)
    failure = f"diverged: {TITLE}: loss is nan; try a lower lr (log: out/log)\n"
    assert capsys.readouterr() == ("", failure)


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with choose_listener(options()) as listen:
        for notice in RUN:
            listen(notice)
    assert capsys.readouterr() == ("".join(f"{line}\n" for line in LINES), "")


def test_bars_on_a_terminal_leave_the_same_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with choose_listener(options()) as listen:
        for notice in RUN:
            listen(notice)
    drawn = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", capsys.readouterr().out)
    shown = [line.strip("\r") for line in drawn.splitlines()]
    untimed = [line.removesuffix(" (2 h 13 min left)") for line in LINES]  # the bar says it
    assert [line for line in shown if line in untimed] == untimed
    assert any(re.match(r"runs +[━╺]+ 1/2 .* 2 h 13 min left$", line.rstrip()) for line in shown)
    assert any(re.match(r"scoring k8s_qa +━+ 0/\? ", line) for line in shown)


@pytest.mark.parametrize(
    ("events", "bar"),
    [
        ([], r"loading +━+ 0/\? "),
        ([PhaseStarted(cell="3f", phase="restore")], r"loading +━+ 0/\? "),
        (
            [PhaseStarted(cell="3f", phase="train"), Progress(cell="3f", done=2, total=4, loss=1.2345)],
            r"training +[━╺╸ ]+2/4 \S+ loss 1\.234",
        ),
        (
            [
                PhaseStarted(cell="3f", phase="score", task="k8s_qa"),
                Progress(cell="3f", done=1, total=4, unit="answer"),
            ],
            r"answering k8s_qa +[━╺╸ ]+1/4 ",
        ),
        (
            [
                PhaseStarted(cell="3f", phase="score", task="k8s_qa"),
                Progress(cell="3f", done=3, total=4, unit="likelihood"),
            ],
            r"scoring k8s_qa +[━╺╸ ]+3/4 ",
        ),
        ([PhaseStarted(cell="3f", phase="train"), Measuring(cell="3f")], r"measuring drift +━+ 0/\? "),
        (
            [PhaseStarted(cell="3f", phase="train"), Measuring(cell="3f"), Progress(cell="3f", done=1, total=4)],
            r"training +[━╺╸ ]+1/4 ",
        ),
    ],
)
def test_the_bar_says_what_is_being_done(
    events: list[object], bar: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with choose_listener(options()) as listen:
        for event in (CellStarted(cell="3f"), *events):
            listen(of_cell(event))
    drawn = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", capsys.readouterr().out)
    assert any(re.match(bar, line.strip("\r")) for line in drawn.splitlines())
