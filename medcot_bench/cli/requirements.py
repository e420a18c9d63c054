"""`medcot-bench compare DIR --require REQUIREMENT`: exit status 1 where a requirement does not hold."""

from __future__ import annotations

import argparse

from medcot_bench.analysis.comparison import find_conflicts
from medcot_bench.analysis.requirements import find_unknown, judge
from medcot_bench.errors import CONFLICT, OK, SOME_FAILED, ConfigError, ConfigErrors, MedcotError
from medcot_bench.report.comparison_table import write_conflict
from medcot_bench.report.requirements import write_judged
from medcot_bench.results.folder import Results, load
from medcot_bench.study.requirements import Requirement, read_requirement


def require(options: argparse.Namespace) -> int:
    """Print a line for every requirement and row; return the exit status.

    Raises ConfigErrors for requirements that can't be read or name what isn't there, MedcotError for folders that
    can't be compared.
    """
    errors, wanted = [], []
    if len(options.folders) > 1:
        errors.append("--require takes one result folder; one to compare with is --against FOLDER")
    if options.baseline or options.score:
        errors.append("--baseline and --score are for the table: a requirement names its rows and its score")
    for text in options.require:
        try:
            wanted.append(read_requirement(text))
        except ConfigError as error:
            errors.append(str(error))
    results = load(options.folders[0])
    against = load(options.against) if options.against else None
    errors += [line for one in wanted for line in find_unknown(one, results, against)]
    if errors:
        raise ConfigErrors(errors)
    if against and not options.force:
        _check_comparable(results, against, wanted)
    status = OK
    for requirement in wanted:
        for one in judge(requirement, results, against):
            print(write_judged(one))
            status = status if one.holds else SOME_FAILED
    return status


def _check_comparable(results: Results, against: Results, wanted: list[Requirement]) -> None:
    """Refuse another version of a task. Other training items are what a new training may be about."""
    tasks = {one.task for one in wanted if one.level.row}
    found = [one for one in find_conflicts(results, against) if one.task in tasks and one.what != "training items"]
    if found:
        raise MedcotError(
            f"{results.root} and {against.root} are not comparable: {'; '.join(map(write_conflict, found))}; "
            "--force compares them all the same",
            exit_code=CONFLICT,
        )
