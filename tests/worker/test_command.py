"""`python -m medcot_bench.worker`: where the job comes from, where events go, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest
import torch

from medcot_bench import Example, __version__
from medcot_bench.errors import StoreError
from medcot_bench.planning.build import make_plan
from medcot_bench.runner.events import (
    Alive,
    Answered,
    CellFinished,
    CellStarted,
    Fatal,
    Progress,
    Ready,
    WorkerEvent,
)
from medcot_bench.runner.protocol import Examine, Job, Merge, Predict, RunCells, encode, read_events
from medcot_bench.study.schema import Study
from medcot_bench.study.threads import count_threads
from medcot_bench.worker.__main__ import main
from medcot_bench.worker.environment import set_environment
from medcot_bench.worker.io import Emit, events_to_file, writer

WORKER = [sys.executable, "-m", "medcot_bench.worker"]
MERGE = Merge(root="out", cell="lora", folder="model", model=None, device=None)
EXAMPLE = Example(id="q", group="q", question="Why?", answer="")
WORKS: dict[str, Any] = {
    "run_cells.run_cells": RunCells(study={}, output_dir="out", cells=("3f",)),
    "predict.predict": Predict(
        root="out", cell="lora", task="k8s_qa", example=EXAMPLE, base=True, model=None, device=None
    ),
    "merge.merge": MERGE,
    "examine.examine": Examine(),
}


def job(work: Any = MERGE, **changes: Any) -> Job:
    return Job(**{"work": work, "threads": 1, "offline": True} | changes)


def events_in(path: Path) -> list[WorkerEvent]:
    with path.open() as lines:
        return list(read_events(lines))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "job.json", tmp_path / "events.jsonl"


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a worker does to its process is undone."""
    threads, stdin = torch.get_num_threads(), sys.stdin
    names = ["OMP_NUM_THREADS", "OMP_WAIT_POLICY", "TOKENIZERS_PARALLELISM", "HF_HUB_DISABLE_TELEMETRY"]
    for name in (*names, "HF_EVALUATE_OFFLINE", "HF_ALLOW_CODE_EVAL", "HF_HUB_OFFLINE", "USE_HUB_KERNELS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("medcot_bench.hub.client._asked_on_purpose", False)
    monkeypatch.setitem(sys.modules, "kernels", ModuleType("kernels"))
    monkeypatch.delitem(sys.modules, "kernels")
    yield
    torch.set_num_threads(threads)
    sys.stdin = stdin


def start(files: tuple[Path, Path]) -> list[str]:
    return ["--job", str(files[0]), "--events", str(files[1])]


# --- one entry for all kinds of jobs ---


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("function", WORKS)
def test_each_kind_of_job_goes_where_it_is_done(
    function: str, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []

    def work(asked: Any, *rest: Any) -> int:
        *others, emit = rest
        done.append((asked, others, torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]))
        emit(Answered(text="done"))
        return 75

    monkeypatch.setattr(f"medcot_bench.worker.{function}", work)
    files[0].write_text(encode(job(WORKS[function])))
    assert main(start(files)) == 75
    [(asked, others, threads, told)] = done
    assert asked == WORKS[function]
    assert others == ([1] if function == "run_cells.run_cells" else [])
    assert (threads, told) == (1, "1")
    assert events_in(files[1]) == [Answered(text="done")]


@pytest.mark.usefixtures("own_process")
def test_an_expected_error_is_the_last_event_and_one_line(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def merge(work: Merge, emit: Emit) -> int:
        emit(Ready())
        raise StoreError("the folder\nis full")

    monkeypatch.setattr("medcot_bench.worker.merge.merge", merge)
    files[0].write_text(encode(job()))
    assert main(start(files)) == 3
    assert events_in(files[1]) == [Ready(), Fatal(message="the folder\nis full", exit_code=3)]
    assert capsys.readouterr() == ("", "python -m medcot_bench.worker: the folder is full\n")


# --- what is refused ---


def test_a_job_of_another_version_is_refused_in_one_line_before_anything_heavy(files: tuple[Path, Path]) -> None:
    files[0].write_text(encode(job(medcot_bench="9.9")))
    code = "import sys; from medcot_bench.worker.__main__ import main; status = main(sys.argv[1:])\n"
    code += "assert 'torch' not in sys.modules; sys.exit(status)"
    done = subprocess.run([sys.executable, "-c", code, *start(files)], capture_output=True, text=True, check=False)
    said = f"{files[0]}: medcot-bench 9.9 wrote this job, and this is medcot-bench {__version__}; use one version"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"python -m medcot_bench.worker: {said}\n"
    assert events_in(files[1]) == [Fatal(message=said, exit_code=2)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "job.json: No such file or directory"),
        (b"\xff", "job.json: not UTF-8"),
        (b"{", "job.json: not a job: "),
    ],
)
def test_a_job_file_that_is_none_is_named(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], content: bytes | None, said: str
) -> None:
    if content is not None:
        files[0].write_bytes(content)
    assert main(start(files)) == 2
    error = capsys.readouterr().err
    assert f"{files[0].parent}/{said}" in error
    assert error.count("\n") == 1
    assert [type(event) for event in events_in(files[1])] == [Fatal]


def test_the_events_of_another_worker_are_left_alone(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files[0].write_text(encode(job()))
    files[1].write_text("those of another worker")
    assert main(start(files)) == 2
    assert f"can't write events to {files[1]}: File exists" in capsys.readouterr().err
    assert files[1].read_text() == "those of another worker"


@pytest.mark.parametrize("flag", ["--job", "--events"])
def test_both_files_are_named_or_none(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([flag, "file"])
    assert caught.value.code == 2
    assert "--job and --events go together" in capsys.readouterr().err


def test_a_worker_without_a_job_says_so(tmp_path: Path) -> None:
    done = subprocess.run(WORKER, input="", capture_output=True, text=True, check=False, cwd=tmp_path)
    [event] = read_events(done.stdout.splitlines(keepends=True))
    assert isinstance(event, Fatal)
    assert event.message.startswith("not a job: ")
    assert (done.returncode, done.stderr) == (2, "")


# --- what libraries find ---


def test_a_library_that_asks_gets_no_answer_and_the_worker_still_ends_with_its_parent() -> None:
    code = """
import os, sys, time
from medcot_bench.worker.io import job_of_parent

job_of_parent()
try:
    input("Run the code? [y/N] ")
except EOFError:
    print(os.read(0, 1), sys.stdin.read() == "", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(encode(job()) + "yes\n")  # more than the job is for nobody
        process.stdin.flush()
        assert process.stdout.readline() == "Run the code? [y/N] b'' True\n"
        process.stdin.close()
        assert process.wait(timeout=60) == 1


@pytest.mark.usefixtures("own_process")
def test_a_worker_with_files_is_asked_nothing_either(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("medcot_bench.worker.merge.merge", lambda work, emit: asked.append(sys.stdin.read()) or 0)
    files[0].write_text(encode(job()))
    assert main(start(files)) == 0
    assert asked == [""]


@pytest.mark.usefixtures("own_process")
def test_the_environment_says_what_libraries_may_do() -> None:
    assert set_environment(job(threads=None)) == count_threads(None)
    assert os.environ["OMP_NUM_THREADS"] == str(count_threads(None))
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_EVALUATE_OFFLINE"] == "1"
    assert os.environ["HF_ALLOW_CODE_EVAL"] == "0"


@pytest.mark.usefixtures("own_process")
def test_what_is_allowed_is_left_to_the_user() -> None:
    assert set_environment(job(threads=1, offline=False, trusting=True)) == 1
    assert not {"HF_EVALUATE_OFFLINE", "HF_ALLOW_CODE_EVAL"} & os.environ.keys()


@pytest.mark.usefixtures("own_process")
def test_no_more_threads_compute_than_there_are_cores() -> None:
    assert set_environment(job(threads=count_threads(None) + 1)) == count_threads(None)


# --- events in a file ---


def test_lines_of_a_file_that_was_cut_off_anywhere_are_read_up_to_there(tmp_path: Path) -> None:
    told = [Ready(), CellStarted(cell="3f"), Progress(cell="3f", done=1, total=2)]
    with events_to_file(tmp_path / "events") as file:
        emit = writer(file)
        for number, event in enumerate(told):
            emit(event)
            assert events_in(tmp_path / "events") == told[: number + 1]  # at once
    whole = (tmp_path / "events").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        assert events_in(tmp_path / "cut") == told[: whole[:length].count(b"\n")]


def test_a_writer_that_is_killed_leaves_whole_lines(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from medcot_bench.runner.events import Progress
from medcot_bench.worker.io import events_to_file, writer

emit = writer(events_to_file(Path(sys.argv[1])))
for number in range(10**9):
    emit(Progress(cell="3f" * 3000, done=number, total=10**9))  # longer than what is written at once
"""
    events = tmp_path / "events"
    with subprocess.Popen([sys.executable, "-c", code, str(events)]) as process:
        while not events.exists() or events.stat().st_size < 1_000_000:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    done = [event.done for event in events_in(events) if isinstance(event, Progress)]
    assert done == [*range(len(done))]
    assert len(done) > 100


@pytest.mark.slow
def test_a_worker_with_files_outlives_whoever_started_it(
    study_fields: dict[str, Any], files: tuple[Path, Path], tmp_path: Path
) -> None:
    plan = make_plan(Study.model_validate(study_fields))
    work = RunCells(
        study=plan.study.model_dump(mode="json"),
        output_dir=study_fields["output_dir"],
        cells=tuple(cell.id for cell in plan.cells),
    )
    files[0].write_text(encode(job(work, threads=2)))
    code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=2, start_new_session=True).pid)"
    command = [sys.executable, "-c", code, *WORKER, *start(files)]
    parent = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    psutil.wait_procs([psutil.Process(int(parent.stdout))], timeout=300)
    told = [event for event in events_in(files[1]) if not isinstance(event, Alive)]
    assert told[0] == Ready()
    ends = [event for event in told if isinstance(event, CellFinished)]
    assert ends == [CellFinished(cell=cell.id, failed=False) for cell in plan.cells]
    assert json.loads(files[0].read_text())["medcot_bench"] == __version__
    records = list((tmp_path / "out").glob("cells/*/cell.json"))
    assert len(records) == len(plan.cells)
