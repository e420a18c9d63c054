"""Counts -> Markdown tables, each after the sentence that sums it up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tabulate import tabulate

from medcot_bench.stats.verdict import LEAST_SEEDS, GapSummary
from simulation.judge import Counts
from simulation.settings import Setting
from simulation.truths import EFFECTS

Counted = Sequence[tuple[Setting, int, Counts]]
"""Setting, number of its studies, counts."""
ENOUGH = 2000
"""Studies of each setting below which a page is marked as a first look."""
LONG = 20
"""Rows above which a table is folded."""
START, END = "<!-- simulation: {name} -->", "<!-- end of simulation -->"


@dataclass(frozen=True)
class Table:
    """Shares of checks, a row for each setting that has one of them."""

    columns: Mapping[str, str]
    """Header -> check."""
    worst: Literal["lowest", "highest"]
    """Which share the sentence before the table names, of the checks of `judged`."""
    judged: tuple[str, ...]


def _of_effects(check: str, prefix: str = "") -> dict[str, str]:
    return {f"{prefix}{effect}": f"{check} {effect}" for effect in EFFECTS}


TABLES = {
    "coverage": Table(
        _of_effects("covered") | _of_effects("no interval", "no interval: "),
        "lowest",
        tuple(_of_effects("covered").values()),
    ),
    "errors": Table(_of_effects("family"), "highest", tuple(_of_effects("family").values())),
    "words": Table(
        _of_effects("false word") | {"summary": "false summary"},
        "highest",
        (*_of_effects("false word").values(), "false summary"),
    ),
    "ranks": Table(
        {
            "false ranks in domain": "false ranks in domain",
            "out of domain": "false ranks out of domain",
            "no ranks": "no ranks in domain",
            "recommends what gains nothing": "recommends no gain",
            "false word on full's cost": "false worth",
        },
        "highest",
        ("false ranks in domain", "false ranks out of domain", "recommends no gain", "false worth"),
    ),
    "power": Table(
        _of_effects("detected") | _of_effects("shown level", "level: "),
        "lowest",
        tuple(_of_effects("detected").values()),
    ),
    "twice": Table(
        {str(summary): f"right summary {summary}" for summary in GapSummary if summary is not GapSummary.BEHIND},
        "lowest",
        tuple(f"right summary {summary}" for summary in GapSummary if summary is not GapSummary.BEHIND),
    ),
    "shares": Table(
        {
            "false in domain": "false share in domain",
            "said in domain": "share said in domain",
            "false out of domain": "false share out of domain",
            "said out of domain": "share said out of domain",
        },
        "highest",
        ("false share in domain", "false share out of domain"),
    ),
    "precision": Table(
        {
            "covered at the stop": "covered at the stop",
            "seeds in the mean": "seeds at the stop",
            "narrow": "stopped: narrow",
            "the most seeds": "stopped: seeds",
            "too few items": "stopped: items",
        },
        "lowest",
        ("covered at the stop",),
    ),
    "ratios": Table({"covered": "covered ratio", "unbounded": "ratio unbounded"}, "lowest", ("covered ratio",)),
    "matched": Table(
        {
            "falsely generalises": "false generalises",
            "covered": "covered matched",
            "covered, level taken as known": "covered matched, level known",
            "no interval": "no interval matched",
        },
        "highest",
        ("false generalises",),
    ),
}


def write_tables(counted: Counted) -> dict[str, str]:
    """Return name -> table with its sentence, without tables that no setting has a row of."""
    written = {"studies": _write_studies(counted)}
    written |= {name: _write(table, counted) for name, table in TABLES.items()}
    written["summaries"] = _write_summaries(counted)
    return {name: text for name, text in written.items() if text}


def write_resampled(found: Mapping[str, tuple[float, float]], studies: int) -> str:
    """Return the table of how often a bootstrap holds the DiD, and a permutation test rejects no gap."""
    rows = [[name, *map(_format, shares)] for name, shares in found.items()]
    headers = ["setting", "bootstrap holds the DiD", "permutation rejects no gap"]
    return f"{studies:,} studies of each.\n\n{_lay_out(rows, headers)}"


def write_into(page: str, tables: Mapping[str, str]) -> str:
    """Return a page with every table between its marks. Raises ValueError for a table without a place."""
    for name, table in tables.items():
        before, start, rest = page.partition(START.format(name=name))
        _, end, after = rest.partition(END)
        if not start or not end:
            raise ValueError(f"no place for the table {name}: {START.format(name=name)} and {END}")
        page = f"{before}{start}\n{table}\n{end}{after}"
    return page


def share(counts: Counts, check: str) -> float | None:
    """Return how often a check held, None where it was never made."""
    held, of = counts.get(check, (0, 0))
    return held / of if of else None


def _write_studies(counted: Counted) -> str:
    """Say how many studies there are, and how far their shares may be off."""
    fewest, most = min(n for _, n, _ in counted), max(n for _, n, _ in counted)
    studies = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    errors = [f"{math.sqrt(p * (1 - p) / max(fewest, 1)):.4f} at {p:.2f}" for p in (0.95, 0.8)]
    of_share = f"the Monte-Carlo error of a share is {errors[0]} and {errors[1]}"
    text = f"{studies} studies of each of {len(counted)} settings; {of_share}."
    return text if fewest >= ENOUGH else f"**A first look, no final figures:** {text}"


def _write(table: Table, counted: Counted) -> str:
    rows = []
    judged: list[tuple[float, str]] = []
    for setting, _, counts in counted:
        shares = {check: share(counts, check) for check in table.columns.values()}
        if all(shares[check] is None for check in table.judged):
            continue
        rows.append([setting.name, *(_format(value) for value in shares.values())])
        if setting.seeds >= LEAST_SEEDS:
            judged += [(value, setting.name) for check in table.judged if (value := shares[check]) is not None]
    if not rows:
        return ""
    sentence = ""
    if judged:
        value, name = min(judged) if table.worst == "lowest" else max(judged)
        sentence = f"The {table.worst} share with three seeds or more: {value:.3f} ({name}).\n\n"
    return sentence + _lay_out(rows, ["setting", *table.columns])


def _lay_out(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> str:
    """Return a Markdown table, folded where it is long."""
    table = tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)
    folded = f"<details><summary>{len(rows)} settings</summary>\n\n{table}\n\n</details>"
    return folded if len(rows) > LONG else table


def _format(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _write_summaries(counted: Counted) -> str:
    """Return the summaries that each setting with one adapter is given, the most frequent first."""
    start = "summary "
    rows = []
    for setting, studies, counts in counted:
        given = {check.removeprefix(start): held for check, (held, _) in counts.items() if check.startswith(start)}
        if given and setting.adapters == 1:
            ordered = sorted(given.items(), key=lambda one: -one[1])
            rows.append([setting.name, ", ".join(f"{summary} {held / studies:.3f}" for summary, held in ordered)])
    return _lay_out(rows, ["setting", "summaries"]) if rows else ""
