"""Jobs and events as lines of JSON: what is written is read again, and what is wrong is refused by its kind."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from medcot_bench import Example, __version__
from medcot_bench.errors import ConfigError, MedcotError
from medcot_bench.results.plan_file import LeftOutBaseline
from medcot_bench.runner.events import (
    Alive,
    Answered,
    CellFinished,
    CellStarted,
    DeviceReport,
    Examined,
    Failed,
    Fatal,
    Measuring,
    MergeCheck,
    Merged,
    Noted,
    PhaseStarted,
    Progress,
    Ready,
    Resumed,
    Scored,
    Trained,
    WorkerEvent,
)
from medcot_bench.runner.notices import LogLine, Notice, Planned, Skipped
from medcot_bench.runner.protocol import (
    Examine,
    Job,
    MalformedEvent,
    Merge,
    Predict,
    RunCells,
    decode_event,
    decode_job,
    encode,
    read_events,
)

EVENTS = [
    Ready(),
    Alive(place="task 'k8s_qa' (medcot-bench 0.1.0) in examples"),
    Alive(place=None),
    CellStarted(cell="3f"),
    PhaseStarted(cell="3f", phase="train"),
    PhaseStarted(cell="3f", phase="train", reason="adapter/model.safetensors is missing"),
    PhaseStarted(cell="3f", phase="score", task="k8s_qa at 1/3"),
    Measuring(cell="3f"),
    Progress(cell="3f", done=1, total=3),
    Resumed(cell="3f", step=1, steps=3, seconds=2.5),
    Noted(cell="3f", text="it begins anew"),
    Trained(cell="3f", steps=3, loss=2.5, seconds=1.0),
    Trained(cell="3f", steps=0, loss=None, seconds=0.5),
    Scored(
        cell="3f", task="k8s_qa", seconds=2.0, results={"answer,none": 1.0}, marks=("the model did not change",)
    ),
    Failed(cell="3f", status="oom", task=None, error="out of memory: é × 2", log="out/log"),
    CellFinished(cell="3f", failed=True),
    Answered(text="two\nlines"),
    Merged(dtype="float32", check=MergeCheck(task="k8s_qa", items=16, unmerged=1.5, merged=1.5), unchecked=None),
    Merged(dtype="float32", check=None, unchecked="no data"),
    Examined(devices=(DeviceReport(name="cpu", works=("float32",), fails={"bfloat16": "no"}),)),
    Fatal(message="no such model", exit_code=2),
]
JOBS = [
    RunCells(study={"tasks": ["k8s_qa"], "limit": None}, output_dir="out", cells=("3f", "a0")),
    RunCells(study={}, output_dir="out", cells=("3f",), checkpoint_every=None),
    Predict(
        root="out",
        cell="lora",
        task="medqa_cot",
        example=Example(id="q", group="q", question="Why?", answer="", options={"A": "so"}, meta={"low": 1.5}),
        base=False,
        model=None,
        device="cpu",
    ),
    Merge(root="out", cell="lora", folder="model", model="moved", device=None),
    Examine(),
]


def kinds(events: list[Any]) -> set[type]:
    return {type(event) for event in events}


def job(work: Any) -> Job:
    return Job(work=work, threads=2, offline=True)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event)
def test_an_event_is_read_as_it_was_written(event: WorkerEvent) -> None:
    line = encode(event)
    assert line.count("\n") == 1
    assert decode_event(line) == event


def test_every_kind_of_event_is_among_these() -> None:
    assert kinds(EVENTS) == {*get_args(WorkerEvent)}


@pytest.mark.parametrize("work", JOBS, ids=lambda work: work.kind)
def test_a_job_is_read_as_it_was_written(work: Any) -> None:
    assert decode_job(encode(job(work))) == job(work)
    assert json.loads(encode(job(work)))["medcot_bench"] == __version__


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"event": "sleeping"}', r"Input tag 'sleeping' found using 'event' does not match any"),
        ('{"cell": "3f"}', "Unable to extract tag using discriminator 'event'"),
        ('{"event": "trained", "cell": "3f", "loss": 1.0}', r"trained\.steps: Field required"),
        (
            '{"event": "progress", "cell": "3f", "done": "1", "total": 3}',
            r"progress\.done: Input should be a valid",
        ),
        ('{"event": "ready", "extra": 1}', r"ready\.extra: Unexpected keyword argument"),
        ("Downloading 3 files", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ("", "Invalid JSON"),
    ],
)
def test_a_whole_line_that_is_no_event_is_an_error_that_shows_it(line: str, said: str) -> None:
    with pytest.raises(MalformedEvent, match=rf"a worker's line is no event \({said}.*\): ") as caught:
        list(read_events([encode(EVENTS[0]), f"{line}\n", encode(EVENTS[1])]))
    assert str(caught.value).endswith(line)


def test_a_line_that_was_cut_off_anywhere_is_the_end_of_the_events() -> None:
    last = encode(EVENTS[9])
    for length in range(len(last)):
        assert list(read_events([encode(EVENTS[0]), last[:length]])) == [EVENTS[0]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"medcot_bench": "9.9"}, f"medcot-bench 9.9 wrote this job, and this is medcot-bench {__version__}; use"),
        (
            {"medcot_bench": None},
            f"an unnamed version wrote this job, and this is medcot-bench {__version__}; use",
        ),
        ({"threads": "two"}, "not a job: threads: Input should be a valid integer"),
        ({"work": {"kind": "sleep"}}, "not a job: work: Input tag 'sleep' found using 'kind' does not match any"),
        ({"work": {"kind": "merge", "root": "out"}}, r"not a job: work\.merge\.cell: Field required"),
        ({"thraeds": 2}, "not a job: thraeds: Unexpected keyword argument"),
    ],
)
def test_what_is_wrong_with_a_job_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        decode_job(json.dumps(json.loads(encode(job(JOBS[0]))) | changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", encode(job(JOBS[0]))[:40]])
def test_what_is_no_job_at_all_is_one_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^not a job: .*$"):
        decode_job(text)


def test_a_fatal_event_stands_for_an_error_with_its_exit_code() -> None:
    error = Fatal(message="in use", exit_code=3).error
    assert (type(error), str(error), error.exit_code) == (MedcotError, "in use", 3)


def test_the_json_of_a_notice_has_the_keys_of_the_event_then_title_and_eta() -> None:
    left_out = LeftOutBaseline(task="lm_eval:mmlu", baseline="", reason="it has prompts of its own")
    planned = Planned(
        stage="study",
        cells=2,
        to_run=1,
        output_dir="out",
        left_out_baselines=(left_out,),
        notes=("a note",),
        facts=("a fact",),
    )
    assert json.loads(Notice(event=planned).json) == {
        "event": "planned",
        "stage": "study",
        "cells": 2,
        "to_run": 1,
        "output_dir": "out",
        "left_out_baselines": [
            {"task": "lm_eval:mmlu", "baseline": "", "reason": "it has prompts of its own"},
        ],
        "notes": ["a note"],
        "facts": ["a fact"],
        "eta_s": None,
    }
    started = Notice(event=CellStarted(cell="3f"), title="lora × k8s_qa × seed 0", eta_s=61)
    assert (
        started.json
        == '{"event": "cell_started", "cell": "3f", "title": "lora \\u00d7 k8s_qa \\u00d7 seed 0", "eta_s": 61}'
    )
    assert json.loads(Notice(event=Skipped(cell="3f", reason="no room"), title="lora").json)["title"] == "lora"
    assert "\n" not in Notice(event=LogLine(line="one\ntwo")).json
