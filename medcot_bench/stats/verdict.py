"""Whether a gap to full fine-tuning persists under shift: one ordered table that answers every case once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Sign = Literal["above", "below", "open"]
"""Whether an effect is told from zero, and on which side."""
SIGNS: tuple[Sign, ...] = ("above", "below", "open")
ALPHA = 0.05


class Verdict(StrEnum):
    """What became of the gap `full - adapter`."""

    DESCRIPTIVE = "descriptive: one seed"
    NOT_COMPARABLE = "not comparable"
    NO_GAP = "no gap in domain"
    ADAPTER_BETTER = "adapter better in domain"
    PERSISTS = "persists"
    VANISHES = "vanishes"
    REVERSES = "reverses"
    WIDENS = "widens"
    SHRINKS = "shrinks"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one effect, from p-values that are already adjusted for their family."""

    sign: Sign
    negligible: bool
    """Whether it lies within the margin (equivalence test)."""


def finding(value: float, difference: float | None, equivalence: float | None) -> Finding:
    """Read an effect and the p-values of its two tests; None: the test could not be made."""
    told = difference is not None and difference <= ALPHA
    sign: Sign = "open" if not told else "above" if value > 0 else "below"
    return Finding(sign, equivalence is not None and equivalence <= ALPHA)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: what each effect must be for it to apply. An empty field asks nothing."""

    verdict: Verdict
    same: Collection[Sign] = SIGNS
    same_negligible: bool | None = None
    shift: Collection[Sign] = SIGNS
    shift_negligible: bool | None = None
    change: Collection[Sign] = SIGNS
    change_negligible: bool | None = None

    def applies(self, same: Finding, shift: Finding, change: Finding) -> bool:
        """Whether the row is about this case."""
        asked = (
            (self.same, self.same_negligible, same),
            (self.shift, self.shift_negligible, shift),
            (self.change, self.change_negligible, change),
        )
        return all(
            found.sign in signs and negligible in (None, found.negligible) for signs, negligible, found in asked
        )


RULES = (
    Rule(Verdict.NO_GAP, same_negligible=True),
    Rule(Verdict.ADAPTER_BETTER, same={"below"}),
    Rule(Verdict.UNDETERMINED, same={"open"}),
    Rule(Verdict.PERSISTS, shift={"above"}, change_negligible=True),
    Rule(Verdict.VANISHES, shift_negligible=True, change={"below"}),
    Rule(Verdict.REVERSES, shift={"below"}),
    Rule(Verdict.WIDENS, shift={"above"}, change={"above"}),
    Rule(Verdict.SHRINKS, shift={"above"}, change={"below"}),
    Rule(Verdict.UNDETERMINED),
)
"""The first that applies decides. From the fourth on there is a gap in domain that full fine-tuning wins."""


def decide(same: Finding, shift: Finding, change: Finding, seeds: int) -> Verdict:
    """Return the verdict on a gap in domain, the gap under shift and their difference (shift less same)."""
    if seeds < 2:
        return Verdict.DESCRIPTIVE
    return next(rule.verdict for rule in RULES if rule.applies(same, shift, change))
