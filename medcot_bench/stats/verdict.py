"""Whether a gap to full fine-tuning persists out of domain: two standings and the change of the gap."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Sign = Literal["> 0", "< 0", "n.s."]
"""The side of zero that an effect is significantly on, or not significant."""
SIGNS: tuple[Sign, ...] = ("> 0", "< 0", "n.s.")
ALPHA = 0.05
LEAST_SEEDS = 3
"""Seeds that a verdict takes: with fewer, models are compared rather than methods."""


class Standing(StrEnum):
    """Where an adapter stands beside full fine-tuning on one task."""

    BEHIND = "behind"
    LEVEL = "level"
    """The gap lies within the margin."""
    AHEAD = "ahead"
    INCONCLUSIVE = "inconclusive"


class GapChange(StrEnum):
    """What becomes of the gap `full - adapter` from in domain to out of domain."""

    GROWS = "grows"
    SHRINKS = "shrinks"
    STEADY = "steady"
    """The difference of the two gaps lies within the margin."""
    INCONCLUSIVE = "inconclusive"


class GapSummary(StrEnum):
    """The word for a verdict, where one follows from its parts."""

    PERSISTS = "persists"
    EMERGES = "emerges"
    WIDENS = "widens"
    SHRINKS = "shrinks"
    VANISHES = "vanishes"
    REVERSES = "reverses"
    LEVEL = "level throughout"
    BEHIND = "behind throughout"
    AHEAD = "ahead throughout"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known of one effect, from p-values that are already adjusted for their family."""

    sign: Sign
    negligible: bool
    """Whether it lies within the margin (equivalence test)."""

    @property
    def conclusive(self) -> bool:
        """Whether either test says something."""
        return self.negligible or self.sign != "n.s."


def finding(value: float, difference: float | None, equivalence: float | None) -> Finding:
    """Read an effect and the p-values of its two tests; None: the test could not be made."""
    significant = difference is not None and difference <= ALPHA
    sign: Sign = "n.s." if not significant else "> 0" if value > 0 else "< 0"
    return Finding(sign, equivalence is not None and equivalence <= ALPHA)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the gap `full - adapter`: each part from its own tests."""

    in_domain: Standing
    out_of_domain: Standing
    change: GapChange | None
    """None where the two gaps can't be compared: their scores differ in kind."""
    descriptive: bool = False
    """Whether there are too few seeds for a verdict; its parts are inconclusive then."""
    summary: GapSummary | None = field(init=False)
    """The word that follows from the parts, None where none does."""

    def __post_init__(self) -> None:
        both = (self.in_domain, self.out_of_domain)
        by_change = {} if self.change is None else SUMMARIES
        object.__setattr__(self, "summary", by_change.get((*both, self.change), THROUGHOUT.get(both)))

    @property
    def inconclusive(self) -> bool:
        """Whether any part is, of a study with enough seeds."""
        parts = (self.in_domain, self.out_of_domain, self.change)
        return not self.descriptive and "inconclusive" in parts

    def __str__(self) -> str:
        if self.descriptive:
            return f"descriptive: fewer than {LEAST_SEEDS} seeds"
        if self.summary:
            return str(self.summary)
        parts = {"in domain": self.in_domain, "out of domain": self.out_of_domain}
        known = [f"{part} {where}" for where, part in parts.items() if part is not Standing.INCONCLUSIVE]
        if self.change is None:
            known = [*(known or ["inconclusive"]), "change not comparable"]
        elif self.change is not GapChange.INCONCLUSIVE:
            known.append(f"gap {self.change}")
        return ", ".join(known) or "inconclusive"


B, L, A = Standing.BEHIND, Standing.LEVEL, Standing.AHEAD
SUMMARIES: dict[tuple[Standing, Standing, GapChange | None], GapSummary] = {
    (B, B, GapChange.STEADY): GapSummary.PERSISTS,
    (B, B, GapChange.GROWS): GapSummary.WIDENS,
    (B, B, GapChange.SHRINKS): GapSummary.SHRINKS,
    (L, B, GapChange.GROWS): GapSummary.EMERGES,
    (B, L, GapChange.SHRINKS): GapSummary.VANISHES,
}
"""(In domain, out of domain, change) -> the word for it."""
THROUGHOUT = {
    (B, B): GapSummary.BEHIND,
    (L, L): GapSummary.LEVEL,
    (A, A): GapSummary.AHEAD,
    (B, A): GapSummary.REVERSES,
    (A, B): GapSummary.REVERSES,
}
"""(In domain, out of domain) -> the word for it, whatever the change."""


def decide(in_domain: Finding, out_of_domain: Finding, did: Finding | None, seeds: int) -> Verdict:
    """Return the verdict on the gap in domain, the gap out of domain and their difference (DiD).

    An effect within the margin is level or steady, even where it is significant.
    """
    if seeds < LEAST_SEEDS:
        unknown = None if did is None else GapChange.INCONCLUSIVE
        return Verdict(Standing.INCONCLUSIVE, Standing.INCONCLUSIVE, unknown, descriptive=True)
    return Verdict(_stand(in_domain), _stand(out_of_domain), None if did is None else _change(did))


def _stand(gap: Finding) -> Standing:
    if gap.negligible:
        return Standing.LEVEL
    return {"> 0": Standing.BEHIND, "< 0": Standing.AHEAD, "n.s.": Standing.INCONCLUSIVE}[gap.sign]


def _change(did: Finding) -> GapChange:
    if did.negligible:
        return GapChange.STEADY
    return {"> 0": GapChange.GROWS, "< 0": GapChange.SHRINKS, "n.s.": GapChange.INCONCLUSIVE}[did.sign]
