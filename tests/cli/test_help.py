"""The help of commands with many flags: short usage, and flags in groups."""

from __future__ import annotations

import re

import pytest

from medcot_bench.cli import main

GROUPS = {
    "options": "--help --preset --set --dry-run --json --verbose --quiet",
    "what is compared": "--tasks --eval-tasks --adapters --baselines --seeds --data --no-base",
    "model": "--model --device --dtype --chat-template",
    "training": "--train-items --train-tokens --lr --tune-lr --checkpoints --epochs --max-steps --max-length "
    "--batch-size",
    "scoring": "--limit --general-text --trust-task-code",
    "output": "--output-dir",
    "your own rows, without code (docs/own_data.md)": "--train --question --answer --reasoning --context "
    "--group --domain",
    "time and failures": "--timeout --retry --fail-fast --checkpoint-every",
}


def test_flags_of_run_are_in_groups(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    usage, _, said = capsys.readouterr().out.partition("\n\n")
    assert usage == "usage: medcot-bench run [STUDY.yaml] [--preset NAME] [flags]"
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        if heading := re.fullmatch(r"(\S.*):", line):
            flags = found.setdefault(heading[1], [])
        elif named := re.match(r"  (?:-\w(?: DIR)?, )?(--[a-z-]+)", line):
            flags.append(named[1])
    assert found.pop("positional arguments") == []
    assert found == {heading: flags.split() for heading, flags in GROUPS.items()}
