"""What comes out of files, arguments, plugins and models can't steer a terminal, whatever prints it."""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import planted
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcot_bench.cli import MOST_ERRORS, main
from medcot_bench.cli.progress import choose_listener
from medcot_bench.errors import ConfigErrors, PluginError
from medcot_bench.plugins.entries import PluginEntry
from medcot_bench.plugins.manager import Plugins
from medcot_bench.results.records import Attempt
from medcot_bench.runner.events import Failed, PhaseStarted, Scored
from medcot_bench.runner.notices import Notice, Skipped
from medcot_bench.security.foreign_text import LINE, UNSEEN, make_visible, shorten
from medcot_bench.security.terminal import SafeStream, safe_output

EVIL = "\x1b[2J\x1b]0;owned\x07\u202eevil\x00\x9b31m\x7f\rover\ud800"
STEERS = re.compile(f"(?![\n\t]){UNSEEN.pattern}")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program; return its status and what it printed, none of which steers a terminal."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = main(arguments)
        except SystemExit as end:
            status = int(end.code or 0)
        printed = capsys.readouterr()
        for text in printed:
            assert not STEERS.search(text), text
            assert all(len(line) < LINE + 100 for line in text.splitlines())
        return status, printed.out, printed.err

    return run


# --- the stream itself ---


@given(st.text())
def test_text_is_made_visible_without_loss_of_what_is_harmless(text: str) -> None:
    shown = make_visible(text)
    assert not STEERS.search(shown)
    if not STEERS.search(text):
        assert shown == text
    assert shown.count("\n") == text.count("\n")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_stays_the_same_json(text: str) -> None:
    assert json.loads(make_visible(json.dumps([text], ensure_ascii=False))) == [text]


def test_what_an_encoding_lacks_is_written_as_an_escape() -> None:
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    stream = SafeStream(raw, scrubs=False)
    assert stream.write("0.5 ±0.1") == 8
    stream.writelines(["\n", "× 2"])
    assert raw.buffer.getvalue() == b"0.5 \\xb10.1\n\\xd7 2"  # type: ignore[attr-defined]


def test_streams_are_put_back_and_wrapped_only_once() -> None:
    before = sys.stdout, sys.stderr
    with safe_output():
        within = sys.stdout
        assert isinstance(within, SafeStream)
        with safe_output():
            assert sys.stdout is within
    assert (sys.stdout, sys.stderr) == before


@given(st.text(min_size=1), st.integers(3, 40))
def test_a_shortened_text_is_one_line_that_keeps_both_ends(text: str, most: int) -> None:
    line = shorten(text, most)
    assert len(line) <= most
    assert "\n" not in line
    if "…" in line and "…" not in text:
        first, _, last = line.partition("…")
        whole = " ".join(text.split())
        assert whole.startswith(first)
        assert whole.endswith(last)


# --- the program ---


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", EVIL],
        ["show", f"{EVIL}.yaml"],
        ["run", EVIL],
        ["validate", EVIL],
        ["compare", EVIL],
        ["export", EVIL],
        ["export", "out", "--format", EVIL],
        ["predict", EVIL, EVIL, EVIL],
        ["merge", EVIL, EVIL, EVIL],
        ["init", f"no/{EVIL}"],
        ["init", "--preset", EVIL],
        ["list", EVIL],
        [EVIL],
        ["run", "--no-such-flag", EVIL],
        ["run", "--tasks", EVIL],
        ["run", "--adapters", f"lora:r={EVIL}"],
        ["run", "--baselines", EVIL],
        ["run", "--set", EVIL],
        ["run", "--set", f"{EVIL}=1"],
        ["run", "--set", f"training.lr={EVIL}"],
        ["run", "--data", EVIL],
        ["run", "--data", f"k8s_qa=file:{EVIL}", "--tasks", "k8s_qa"],
        ["run", "--model", EVIL],
        ["run", "--train", EVIL, "--question", EVIL],
        ["run", "--tasks", "k8s_qa", "--eval-tasks", f"lm_eval:{EVIL}"],
        ["plan", "--from", EVIL],
        ["run", "--tasks", "a" * 256],
        ["run", "--tasks", "a" * 100_000],
        ["run", "--adapters", f"lora:{'r' * 100_000}=1"],
        ["show", "x" * 100_000],
    ],
)
def test_hostile_arguments_are_errors_in_plain_lines(arguments: list[str], run: Run) -> None:
    status, _, said = run(*arguments)
    assert status in (2, 3)
    assert said.strip()


def test_names_in_the_environment_are_shown_safely(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDCOT_LIMIT", EVIL.replace("\x00", "").replace("\ud800", ""))
    monkeypatch.setenv("MEDCOT_\x1b[31m", "x")
    assert run("plan", "--tasks", "k8s_qa")[0] == 2


@pytest.mark.parametrize("field", ["split", "id", "answer", EVIL.replace("\ud800", "")])
def test_rows_are_shown_safely(field: str, run: Run, tiny_model: Path, tmp_path: Path) -> None:
    value = EVIL.replace("\ud800", "")
    rows = [{"question": f"q{n} {value}", "answer": value, field: f"{value}{n}"} for n in range(4)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.yaml").write_text("data: rows.jsonl\n")
    for command in (["show", "task.yaml"], ["plan", "--tasks", "task.yaml", "--model", str(tiny_model)]):
        status, out, said = run(*command)
        assert status in (0, 2)
        assert out + said


def test_names_of_files_and_tasks_are_shown_safely(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    name = "a\x1b[2J\u202eb\nc"
    (tmp_path / f"{name}.jsonl").write_text('{"question": "q", "answer": "a"}\n{"question": ')
    assert run("plan", "--train", f"{name}.jsonl", "--model", str(tiny_model))[0] == 2
    (tmp_path / f"{name}.jsonl").write_text("\n".join(f'{{"question": "q{n}", "answer": "a"}}' for n in range(99)))
    typed = ("plan", "--train", f"{name}.jsonl", "--model", str(tiny_model), "--adapters", "none")
    status, out, said = run(*typed)
    assert (status, said) == (0, "")
    assert "a [2J b c" in out
    assert run("plan", "--train", "rows\udcff.jsonl", "--model", str(tiny_model))[0] == 2


def test_plugins_are_shown_safely(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins = Plugins([PluginEntry("task", f"k{EVIL}", f"no{EVIL}", f"acme{EVIL}", EVIL)])
    for module in ("cli.listing", "cli.show", "planning.build"):
        monkeypatch.setattr(f"medcot_bench.{module}.installed", lambda: plugins)
    assert "acme" in run("list")[1]
    assert run("list", "--json")[0] == 0
    assert run("show", f"k{EVIL}")[0] == 2


def test_errors_are_cut_to_lines_and_their_number_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConfigErrors([f"{number}: {EVIL}\nnext {'x' * 10_000}; do this" for number in range(1000)])

    monkeypatch.setattr("medcot_bench.cli.export.export", fail)
    status, _, said = run("export", "out")
    lines = said.splitlines()
    assert status == 2
    assert len(lines) == MOST_ERRORS + 1
    assert lines[0].startswith("medcot-bench: 0: ")
    assert lines[0].endswith("xxx; do this")
    assert lines[-1] == "medcot-bench: and 900 more errors"


def test_results_are_shown_safely(run: Run, tmp_path: Path) -> None:
    name = "lora:note=" + EVIL.replace("\x00", "").replace("\ud800", "")
    scores = {"k8s_qa": {"answer": planted.answers(0, 0, 1, 1), f"m{EVIL[:5]}": planted.answers(0, 0, 1, 1)}}
    failure = Attempt(cell_id="", status="failed", error=EVIL[:-1], started="2026-01-01T00:00:00Z")
    planted.write(
        tmp_path / "out",
        planted.Made(adapter="full", scores=scores),
        planted.Made(adapter=name, scores=scores, marks={"k8s_qa": (EVIL[:-1],)}),
        planted.Made(adapter="lora:r=2", attempts=(failure,)),
    )
    assert run("compare", "out", "--baseline", "full")[0] == 0
    assert run("compare", "out", "--baseline", EVIL)[0] == 2
    assert run("export", "out")[0] == 0
    assert run("predict", "out", EVIL, "question")[0] == 2


# --- what a run tells ---

TOLD = [
    Notice(event=Skipped(cell="a", reason=EVIL), title=EVIL),
    Notice(event=PhaseStarted(cell="a", phase="score", task=f"[/red] {EVIL}"), title=EVIL),
    Notice(event=Scored(cell="a", task=EVIL, seconds=1, results={f"{EVIL},none": 1.0}, marks=(EVIL,)), title=EVIL),
    Notice(event=Failed(cell="a", status="failed", task=EVIL, error=f"[/x] {EVIL}", log=EVIL), title=EVIL),
]


@pytest.mark.parametrize("flags", [{}, {"json": True}, {"quiet": True}, {"verbose": True}])
def test_progress_is_shown_safely(flags: dict[str, bool], capsys: pytest.CaptureFixture[str]) -> None:
    options = argparse.Namespace(**({"json": False, "quiet": False, "verbose": False} | flags))
    with safe_output(), choose_listener(options) as listen:
        for notice in TOLD:
            listen(notice)
    printed = capsys.readouterr()
    assert "evil" in printed.out + printed.err
    assert not STEERS.search(printed.out + printed.err)


def test_bars_steer_the_terminal_by_their_own_codes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    with safe_output(), choose_listener(argparse.Namespace(json=False, quiet=False, verbose=True)) as listen:
        for notice in TOLD:
            listen(notice)
    shown = screen.getvalue()
    assert "\x1b[" in shown  # the bars'
    assert "evil" in shown
    for code in ("\x1b[2J\x1b]0", "\x07", "\u202e", "\x00", "\x9b", "\ud800"):
        assert code not in shown


def test_bars_on_a_terminal_without_unicode_have_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    screen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Terminal(screen, encoding="ascii", write_through=True))
    with safe_output(), choose_listener(argparse.Namespace(json=False, quiet=False, verbose=True)) as listen:
        listen(Notice(event=PhaseStarted(cell="c", phase="score", task="größe")))
        listen(Notice(event=Failed(cell="c", status="oom", task=None, error="±", log="l"), title="lora × größe"))
    shown = screen.getvalue()
    assert rb"oom: lora \xd7 gr\xf6\xdfe: \xb1 (log: l)" in shown
    assert b"\x1b[" in shown


def test_a_traceback_is_shown_safely(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PluginError(EVIL)

    monkeypatch.setattr("medcot_bench.cli.export.export", fail)
    status, _, said = run("export", "out")
    assert status == 2
    assert said.startswith("medcot-bench: \\u001b[2J")
