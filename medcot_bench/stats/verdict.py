"""Whether a gap to full fine-tuning persists out of domain: one ordered table. Wording: report/headline.py."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Sign = Literal["> 0", "< 0", "n.s."]
"""The side of zero that an effect is significantly on, or not significant."""
SIGNS: tuple[Sign, ...] = ("> 0", "< 0", "n.s.")
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
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one effect, from p-values that are already adjusted for their family."""

    sign: Sign
    negligible: bool
    """Whether it lies within the margin (equivalence test)."""


def finding(value: float, difference: float | None, equivalence: float | None) -> Finding:
    """Read an effect and the p-values of its two tests; None: the test could not be made."""
    significant = difference is not None and difference <= ALPHA
    sign: Sign = "n.s." if not significant else "> 0" if value > 0 else "< 0"
    return Finding(sign, equivalence is not None and equivalence <= ALPHA)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: what each effect must be for it to apply. An empty field asks nothing."""

    verdict: Verdict
    in_domain: Collection[Sign] = SIGNS
    in_domain_negligible: bool | None = None
    out_of_domain: Collection[Sign] = SIGNS
    out_of_domain_negligible: bool | None = None
    did: Collection[Sign] = SIGNS
    did_negligible: bool | None = None

    def applies(self, in_domain: Finding, out_of_domain: Finding, did: Finding) -> bool:
        """Whether the row is about this case."""
        asked = (
            (self.in_domain, self.in_domain_negligible, in_domain),
            (self.out_of_domain, self.out_of_domain_negligible, out_of_domain),
            (self.did, self.did_negligible, did),
        )
        return all(
            found.sign in signs and negligible in (None, found.negligible) for signs, negligible, found in asked
        )


RULES = (
    Rule(Verdict.NO_GAP, in_domain_negligible=True),
    Rule(Verdict.ADAPTER_BETTER, in_domain={"< 0"}),
    Rule(Verdict.INCONCLUSIVE, in_domain={"n.s."}),
    Rule(Verdict.PERSISTS, out_of_domain={"> 0"}, did_negligible=True),
    Rule(Verdict.VANISHES, out_of_domain_negligible=True, did={"< 0"}),
    Rule(Verdict.REVERSES, out_of_domain={"< 0"}),
    Rule(Verdict.WIDENS, out_of_domain={"> 0"}, did={"> 0"}),
    Rule(Verdict.SHRINKS, out_of_domain={"> 0"}, did={"< 0"}),
    Rule(Verdict.INCONCLUSIVE),
)
"""The first that applies decides. From the fourth on there is a gap in domain that full fine-tuning wins."""


def decide(in_domain: Finding, out_of_domain: Finding, did: Finding, seeds: int) -> Verdict:
    """Return the verdict on the gap in domain, the gap out of domain and their difference (DiD)."""
    if seeds < 2:
        return Verdict.DESCRIPTIVE
    return next(rule.verdict for rule in RULES if rule.applies(in_domain, out_of_domain, did))
