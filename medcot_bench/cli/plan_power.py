"""What `plan` says of a study's power, and of designs within a time budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from medcot_bench.analysis.pilot import estimate_variances
from medcot_bench.cli.budget_arguments import Budget, write_study
from medcot_bench.errors import ConfigError
from medcot_bench.planning.estimates.assumed import assumed_variances, measured_budgets
from medcot_bench.planning.estimates.costs import estimate_costs
from medcot_bench.planning.estimates.designs import Designer, Offer, apply_design, hypotheses
from medcot_bench.planning.estimates.pilot_notes import compare_pilot, find_unknown
from medcot_bench.planning.estimates.power import (
    Expectation,
    Known,
    expectations,
    judged,
    with_gaps,
    without_variances,
)
from medcot_bench.planning.plan import Plan
from medcot_bench.report.design_table import write_designs
from medcot_bench.report.power_table import write_power
from medcot_bench.report.terminal import wrap
from medcot_bench.results.folder import Results
from medcot_bench.results.store import Store
from medcot_bench.study.schema import Study


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a user wants to know of a plan's power."""

    pilot: Results | None = None
    """Whose variances and costs are taken; None: assumed ones."""
    wanted: float | None = None
    """The effect to count items and seeds for; None: the margins."""
    budget: Budget | None = None


@dataclass(frozen=True, kw_only=True)
class Power:
    """A study's power, and the designs that were asked for."""

    study: Study
    plan: Plan
    """Of the study proper."""
    trials: Plan | None
    """Of its learning-rate search, where it has one."""
    store: Store
    """The output folder, with the runs that are done."""
    asked: Asked

    @cached_property
    def expected(self) -> list[Expectation]:
        """What the study can tell of each effect."""
        return [*expectations(self.plan, self.known, self.asked.wanted)]

    @cached_property
    def unknown(self) -> list[str]:
        """The scores that verdicts are given by and that no variances are known of."""
        return without_variances(self.plan, self.known)

    @cached_property
    def offers(self) -> tuple[Offer, list[Offer]] | None:
        """The study as typed and the best designs within the budget, None without one. Raises ConfigError."""
        budget = self.asked.budget
        if budget is None:
            return None
        effects = hypotheses(self.plan, self.known, self._score)
        if not effects:
            why = self._why_none() or f"no variances are known of a gap by {self._score}"
            raise ConfigError(f"--budget: no designs: {why}")
        costs = estimate_costs(self.plan, self.store, self.trials, self.asked.pilot)
        designer = Designer(self.plan, costs, self._known, self._score)
        tokens = [] if self.asked.pilot else measured_budgets(effects)
        return designer.typed(), designer.search(budget.seconds, budget.aim, tokens)

    def write(self) -> Iterator[str]:
        """Yield what there is to say, in paragraphs."""
        yield self._write_power()
        if self.asked.budget and self.offers:
            budget, (typed, offers) = self.asked.budget, self.offers
            yield write_designs(
                offers,
                typed,
                budget=budget.seconds,
                aim=budget.aim,
                score=self._score,
                costs=self._whose_costs(),
            )

    def save_design(self) -> str | None:
        """Write the design that was chosen as a study file; return a sentence, None where none was asked for."""
        if self.asked.budget is None or self.asked.budget.file is None or self.offers is None:
            return None
        offers, number = self.offers[1], self.asked.budget.design
        if number > len(offers):
            raise ConfigError(f"--design {number}: there are {len(offers)}")
        return write_study(apply_design(self.study, self.plan, offers[number - 1].design), self.asked.budget.file)

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        found: dict[str, Any] = {
            "power": [asdict(expectation) for expectation in self.expected],
            "without_variances": self.unknown,
        }
        if self.offers:
            found["typed_design"], found["designs"] = asdict(self.offers[0]), [*map(asdict, self.offers[1])]
        return found

    @property
    def known(self) -> Known:
        """The variances that the power is judged by."""
        return self._known(self.study.training.train_tokens)

    @property
    def source(self) -> str:
        """Whose variances these are."""
        return f"the variances of {self.asked.pilot.root}" if self.asked.pilot else "the published variances"

    def _known(self, tokens: int | None) -> Known:
        return assumed_variances(tokens) if self._of_pilot is None else self._of_pilot

    @cached_property
    def _of_pilot(self) -> Known | None:
        return estimate_variances(self.asked.pilot) if self.asked.pilot else None

    @property
    def _score(self) -> str:
        return (self.asked.budget and self.asked.budget.score) or self.study.analysis.primary

    def _why_none(self) -> str | None:
        """Return why nothing can be said, None where something can."""
        if not with_gaps(self.plan):
            return "it needs full fine-tuning and another adapter on the same items"
        if not judged(self.plan):
            return "the study makes none of the scores that verdicts are given by"
        if self.asked.pilot and not self.expected:
            why = "too few seeds or groups, models that hardly differ, or other tasks than this study's"
            return f"{self.asked.pilot.root} has no variances ({why})"
        return None

    def _write_power(self) -> str:
        if why := self._why_none():
            return wrap(f"no power analysis: {why}")
        pilot = self.asked.pilot
        notes = [*(compare_pilot(self.plan, pilot) if pilot else ()), *find_unknown(self.plan, self.known)]
        said = write_power(
            self.expected,
            self.unknown,
            len(self.study.seeds),
            pilot.root if pilot else None,
            self.asked.wanted,
        )
        return "\n".join([said, *(wrap(f"note: {note}") for note in notes)])

    def _whose_costs(self) -> str:
        if self.asked.pilot is None:
            return "this machine's CPU by a short calibration; --from DIR uses a pilot run's"
        machines = dict.fromkeys(run.record.provenance.machine for run in self.asked.pilot.cells if run.record)
        return f"{self.asked.pilot.root} on {' and '.join(machines)}"
