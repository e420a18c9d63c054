"""Durations as they are typed after --checkpoint-every."""

from __future__ import annotations

import argparse

import pytest

from medcot_bench.cli import main
from medcot_bench.cli.durations import read_seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("0.5s", 0.5), ("1.5h", 5400), ("off", None)]
)
def test_seconds_minutes_hours_or_off(text: str, seconds: float | None) -> None:
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "0s", "-1m", "1d", "10 m", "1e9s", "inf", "nans", "٣m", "OFF"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write a duration such as 90s, 10m or 2h, or off"):
        read_seconds(text)


def test_run_refuses_it_as_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--checkpoint-every", "soon"])
    assert ended.value.code == 2
    assert "argument --checkpoint-every: 'soon': write a duration" in capsys.readouterr().err
